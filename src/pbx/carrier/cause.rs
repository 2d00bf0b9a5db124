//! Why nobody at the desk answered.

use super::legs::{Leg, Legs};
use super::said::{PickUp, Said, What};
use crate::call::{Bounds, Cause, Clock};
use crate::pbx::settle::Noted;

/// The cause; nothing where nothing tells it.
pub fn cause(legs: &Legs<'_>) -> Option<Cause> {
    let told = |wanted: fn(&What) -> bool| legs.of_caller(wanted).next().is_some();
    let last = legs.desk_legs().max_by_key(|leg| (leg.over.map(|at| at.latest), leg.id.clone()));
    let last = last.and_then(leg_cause);
    let phones = last_dial(legs).or(last);
    if message(legs) {
        return Some(Cause::Message);
    }
    if told(|what| *what == What::GaveUp) || gave_up(legs) {
        return Some(Cause::Abandoned);
    }
    let stayed = told(|what| *what == What::Stayed);
    match phones {
        Some(Cause::Abandoned) if stayed => Some(Cause::NoAnswer),
        Some(cause) => Some(cause),
        None => silent(legs, stayed),
    }
}

/// No phone gives a cause: he waited in the queue, or it is told that the legs are over and by
/// whom, and a phone failed.
fn silent(legs: &Legs<'_>, stayed: bool) -> Option<Cause> {
    let tried = legs.desk_legs().next().is_some();
    let queued = legs.by_id.values().any(|leg| leg.queued);
    let over = legs.desk_legs().any(|leg| leg.over.is_some());
    match tried {
        false => (queued && !stayed).then_some(Cause::Abandoned),
        true => (over && (stayed || left_at(legs).is_some())).then_some(Cause::Failed),
    }
}

/// Why a leg was not taken: what its phone said before what its silence shows.
pub fn leg_cause(leg: &Leg) -> Option<Cause> {
    let said = |cause: &&Cause| !matches!(cause, Cause::NoAnswer | Cause::Abandoned);
    leg.causes.iter().find(said).or(leg.causes.first()).copied()
}

/// A machine took a phone of the desk, he left a message, or what was recorded began after the last
/// phone was given up.
fn message(legs: &Legs<'_>) -> bool {
    let over: Option<Vec<Bounds>> = legs.desk_legs().map(|leg| leg.over).collect();
    let last = over.and_then(|over| over.into_iter().map(|at| at.earliest).max());
    let recorded = |note: &Noted<Said>| match (&note.said.what, last) {
        (What::Message, _) => true,
        (What::Recording { starts_at: Some(at), .. }, Some(last)) => {
            legs.clock == Clock::Pbx && at.latest >= last
        }
        _ => false,
    };
    let machine = |leg: &Leg| leg.settled.contains(&PickUp::Machine);
    legs.notes.iter().any(recorded) || legs.desk_legs().any(machine)
}

/// When the leg that began the call was left, by the clock of the legs, and whether he waited.
pub fn left_at(legs: &Legs<'_>) -> Option<(Bounds, bool)> {
    let left = legs.of_caller(|what| matches!(what, What::Left { .. }));
    let first = left.filter(|note| note.clock == legs.clock).min_by_key(|note| note.at.earliest)?;
    Some((first.at, first.said.what == What::Left { waited: true }))
}

/// Whether a phone was still called when he left.
pub fn is_open(leg: &Leg, left: Bounds) -> bool {
    let over = leg.over.is_some_and(|over| over.latest < left.earliest);
    leg.causes.is_empty() && !over
}

/// He left while a phone was still called, or before one was.
fn gave_up(legs: &Legs<'_>) -> bool {
    let Some((left, waited)) = left_at(legs) else { return false };
    let last = legs.desk_legs().max_by_key(|leg| leg.over.map(|at| at.latest));
    let cancelled = last.is_some_and(|leg| leg_cause(leg) == Some(Cause::Abandoned));
    let tried = legs.desk_legs().next().is_some();
    waited && !tried || cancelled || legs.desk_legs().any(|leg| is_open(leg, left))
}

/// The last outcome that was told of dialling phones.
fn last_dial(legs: &Legs<'_>) -> Option<Cause> {
    legs.notes.iter().rev().find_map(|note| match note.said.what {
        What::DialEnded { cause } => Some(cause),
        _ => None,
    })
}

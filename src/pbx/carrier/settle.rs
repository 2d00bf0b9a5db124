//! From the notes of one call to its events.

use super::cause::{self, is_open, left_at, leg_cause};
use super::legs::{Leg, Legs};
use super::parties;
use super::said::{Said, What};
use crate::call::{Bounds, CallEvent, Cause, Clock, Direction, EventKind, LegFacts};
use crate::pbx::settle::{Desk, Noted, Telling, words};
use std::collections::BTreeSet;

/// What the notes of a call come to. Nothing where no delivery says which call it is.
pub fn settle(notes: &[&CallEvent], desk: Desk<'_>) -> Vec<CallEvent> {
    let notes: Vec<Noted<Said>> = words(notes);
    let legs = Legs::of(&notes, desk);
    let Some(call) = legs.caller_first().find_map(|said| said.call.as_deref()) else {
        return Vec::new();
    };
    let mut timed = notes.iter().filter(|note| note.clock == legs.clock);
    let Some(first) = timed.next() else { return Vec::new() };
    let mut telling = Telling::of(call, legs.clock);
    let facts = parties::facts(&legs);
    let inbound = facts.direction == Some(Direction::Inbound);
    telling.facts(first.at, facts);
    let joins = legs.joins();
    let taken = |desk: bool| {
        legs.by_id.values().any(|leg| legs.is_desk(leg) == desk && joins.contains_key(&*leg.id))
    };
    let unanswered = inbound && !taken(true) && !taken(false);
    let cause = unanswered.then(|| cause::cause(&legs)).flatten();
    for leg in legs.by_id.values().filter(|leg| !legs.is_caller(leg)) {
        let mut facts = leg_facts(leg);
        facts.extension.take_if(|_| !inbound && !legs.is_desk(leg));
        tell_leg(&mut telling, &legs, (leg, &facts), joins.get(&*leg.id).copied(), cause);
    }
    if let Some((at, clock)) = ended(&legs) {
        telling.call(at, EventKind::Ended { cause });
        if let Some(event) = telling.events.last_mut() {
            event.clock = clock;
        }
    }
    if legs.by_id.values().any(|leg| leg.queued) {
        telling.call(first.at, EventKind::Queued);
    }
    tell_recordings(&mut telling, &notes);
    telling.events
}

fn tell_leg(
    telling: &mut Telling,
    legs: &Legs<'_>,
    (leg, facts): (&Leg, &LegFacts),
    joined: Option<Bounds>,
    call_cause: Option<Cause>,
) {
    // Where the part of a leg is unknown it may be the caller's, and nothing bounds the ringing.
    let bounded = legs.began.is_some() || !legs.by_id.values().any(is_strange);
    for at in leg.created.iter().filter(|_| bounded) {
        telling.leg(*at, facts, EventKind::LegCreated);
    }
    for at in &leg.alerting {
        telling.leg(*at, facts, EventKind::Alerting);
    }
    for at in &leg.picked_up {
        telling.leg(*at, facts, EventKind::PickedUp);
    }
    if let Some(at) = joined {
        telling.leg(at, facts, EventKind::Joined);
    }
    let mut over = leg.over;
    let mut cause = leg_cause(leg).filter(|_| joined.is_none());
    if call_cause == Some(Cause::Abandoned) && gave_up_on(legs, leg) {
        let left = left_at(legs).map(|(left, _)| left);
        over = [over, left].into_iter().flatten().min_by_key(|at| at.earliest);
        cause = call_cause;
    }
    if let Some(at) = over {
        telling.leg(at, facts, EventKind::LegEnded { cause });
    }
}

/// Whether this is the phone that rang when the caller gave up: still called when he left, or the
/// last to be given up.
fn gave_up_on(legs: &Legs<'_>, leg: &Leg) -> bool {
    let open = |leg: &Leg| left_at(legs).is_some_and(|(left, _)| is_open(leg, left));
    let last = legs.desk_legs().map(|leg| leg.over.map(|at| at.latest)).max().flatten();
    open(leg) || legs.is_desk(leg) && leg.over.is_some() && leg.over.map(|at| at.latest) == last
}

fn leg_facts(leg: &Leg) -> LegFacts {
    LegFacts {
        id: leg.id.clone(),
        extension: leg.party().map(str::to_owned),
        // Not every state is sent: a phone may have rung before the first thing that is told.
        rang_before: true,
        ..LegFacts::default()
    }
}

fn is_strange(leg: &Leg) -> bool {
    leg.role == super::Role::Unsaid && leg.first.is_some()
}

/// The end: as told of the leg that began the call; else its last sign of life, or that of all
/// others when all are over and he does not wait in a queue.
fn ended(legs: &Legs<'_>) -> Option<(Bounds, Clock)> {
    let of = |wanted: fn(&What) -> bool, id: Option<&str>| {
        let about = move |note: &&Noted<Said>| id.is_none() || note.said.leg.as_deref() == id;
        let told = legs.notes.iter().filter(about).filter(|note| wanted(&note.said.what));
        let told: Vec<(Bounds, Clock)> = told.map(|note| (note.at, note.clock)).collect();
        // A receive time is late: of several the first is the nearest.
        let of_pbx = told.iter().filter(|(_, clock)| *clock == Clock::Pbx);
        let last = of_pbx.max_by_key(|(at, _)| at.earliest).copied();
        last.or_else(|| told.iter().min_by_key(|(at, _)| at.earliest).copied())
    };
    let ended: fn(&What) -> bool = |what| *what == What::Ended;
    let hung_up: fn(&What) -> bool = |what| matches!(what, What::HungUp { .. });
    let began = legs.began.as_deref();
    let told = of(ended, began).or_else(|| of(hung_up, Some(began?)));
    told.or_else(|| {
        let queued = legs.caller().is_some_and(|leg| leg.queued);
        let others = legs.by_id.values().filter(|leg| !legs.is_caller(leg));
        let all_over = others.clone().all(|leg| of(hung_up, Some(&leg.id)).is_some());
        (all_over && !queued).then(|| of(hung_up, None)).flatten()
    })
}

/// One recording may be announced several times, and under several addresses.
fn tell_recordings(telling: &mut Telling, notes: &[Noted<Said>]) {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for note in notes {
        let What::Recording { reference, id, starts_at } = &note.said.what else { continue };
        let identity = id.as_deref().unwrap_or(reference);
        let told = || EventKind::RecordingAnnounced {
            reference: reference.clone(),
            starts_at: starts_at.map(|at| at.earliest),
        };
        if known.insert(identity) || id.is_none() {
            telling.call(note.at, told());
        }
    }
}

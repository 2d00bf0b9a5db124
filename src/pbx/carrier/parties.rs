//! Who called whom, and in which direction.

use super::legs::{Leg, Legs};
use super::said::Role;
use crate::call::{CallFacts, Direction};
use crate::party::{PersonName, PhoneNumber};
use crate::pbx::address::{number, party};

/// What is known of the call as a whole.
pub fn facts(legs: &Legs<'_>) -> CallFacts {
    let direction = direction(legs);
    let (caller, callee) = match direction {
        Direction::Outbound => outbound(legs),
        _ => (from(legs).and_then(number), to(legs).and_then(number)),
    };
    let name = legs.caller_first().find_map(|said| said.name.as_deref());
    let caller_name = name.and_then(PersonName::known);
    CallFacts { direction: Some(direction), caller, caller_name, callee }
}

/// Where the call comes from, as the caller's own leg has it; a number that he hides is not
/// replaced by what other legs show instead.
fn from<'a>(legs: &'a Legs<'_>) -> Option<&'a str> {
    let own = legs.caller().and_then(|leg| leg.from.as_deref());
    own.or_else(|| legs.caller_first().find_map(|said| said.from.as_deref()))
}

fn to<'a>(legs: &'a Legs<'_>) -> Option<&'a str> {
    let own = legs.caller().and_then(|leg| leg.to.as_deref());
    own.or_else(|| legs.caller_first().find_map(|said| said.to.as_deref()))
}

fn direction(legs: &Legs<'_>) -> Direction {
    let from_desk = from(legs).and_then(party).is_some_and(|party| legs.desk.has(party));
    let to_desk = || legs.desk_legs().next().is_some();
    match legs.caller() {
        Some(leg) if leg.role == Role::Placed => Direction::Outbound,
        Some(leg) if leg.role == Role::Began && !to_desk() && goes_to_desk(legs, leg) => {
            Direction::Outbound
        }
        _ if from_desk && to_desk() => Direction::Internal,
        _ if from_desk => Direction::Outbound,
        _ => Direction::Inbound,
    }
}

fn goes_to_desk(legs: &Legs<'_>, leg: &Leg) -> bool {
    leg.party().is_some_and(|party| legs.desk.has(party))
}

/// The desk phone calls, be it that it dialled or that it was rung first; the first other party
/// that a leg goes to is called.
fn outbound(legs: &Legs<'_>) -> (Option<PhoneNumber>, Option<PhoneNumber>) {
    let from = from(legs);
    let from_desk = from.and_then(party).filter(|party| legs.desk.has(party));
    let mut out: Vec<&Leg> = legs.by_id.values().collect();
    out.sort_by_key(|leg| (!legs.is_caller(leg), leg.first.map(|at| at.earliest), leg.id.clone()));
    let rung = out.iter().filter_map(|leg| leg.party()).find(|party| legs.desk.has(party));
    let caller = from_desk.or(rung).or(from).and_then(number);
    let dialled = |leg: &&&Leg| matches!(leg.role, Role::Dialled | Role::Placed);
    let called = out.iter().filter(dialled).filter_map(|leg| leg.to.as_deref());
    let other = |to: &&str| party(to).is_some_and(|party| !legs.desk.has(party));
    (caller, called.into_iter().find(other).or(to(legs)).and_then(number))
}

//! Who called whom, and in which direction: as it was told, or by the leg that began the call.

use super::event::{CallEvent, Direction};
use super::fold::{CallRules, desk_number};
use super::story::{LegStory, Story};
use crate::party::PhoneNumber;
use crate::site::is_listed;

/// The first event that tells something, by the call's own clock before any other.
pub fn told<T>(story: &Story<'_>, fact: impl Fn(&CallEvent) -> Option<T>) -> Option<T> {
    let other = story.events.iter().filter(|event| event.clock != story.clock);
    story.timed().chain(other).find_map(|event| fact(event))
}

/// The direction: of several that were told inbound outweighs outbound, and both internal.
pub fn direction(story: &Story<'_>, rules: &CallRules) -> Direction {
    let told_directions = || story.events.iter().filter_map(|event| event.call.direction);
    for direction in [Direction::Inbound, Direction::Outbound, Direction::Internal] {
        if !knows_who_began(story) && told_directions().any(|told| told == direction) {
            return direction;
        }
    }
    match story.caller() {
        Some(first) if first.dialled.is_some() => of_first_leg(story, first, rules),
        Some(first) => by_sides(story, first),
        None => by_numbers(story, rules),
    }
}

/// Caller and what was dialled.
pub fn numbers(story: &Story<'_>, rules: &CallRules) -> (Option<PhoneNumber>, Option<PhoneNumber>) {
    let caller = told(story, |event| event.call.caller.clone());
    let callee = told(story, |event| event.call.callee.clone());
    if !knows_who_began(story) {
        return (caller, callee);
    }
    let Some(first) = story.caller() else {
        return (dialled(story).first().and_then(|leg| leg.from.clone()), None);
    };
    let desk = desk_number(first, rules).and_then(|number| PhoneNumber::known(number));
    let by_system = desk.is_some() && first.dialled == Some(true);
    let callee = match by_system {
        true => dialled(story).first().and_then(|leg| leg.to.clone()),
        false => first.to.clone(),
    };
    (desk.or_else(|| first.from.clone()), callee)
}

/// Whether the legs tell who dialled them and for whom; then the first of them says all.
fn knows_who_began(story: &Story<'_>) -> bool {
    let silent = story.caller_id.is_some() && story.caller().is_none();
    silent || story.caller().is_some_and(|leg| leg.dialled.is_some())
}

/// The legs dialled for the one that began the call, in order of time.
fn dialled<'a>(story: &'a Story<'_>) -> Vec<&'a LegStory> {
    let for_first = |leg: &&LegStory| leg.parent.as_deref() == story.caller_id;
    let mut legs: Vec<&LegStory> = story.legs.values().filter(for_first).collect();
    legs.sort_by_key(|leg| (leg.first.map(|first| first.earliest), leg.id.clone()));
    legs
}

/// A desk phone that the phone system called first calls out (click to call); one that dialled
/// calls the house or the outside; anybody else calls in.
fn of_first_leg(story: &Story<'_>, first: &LegStory, rules: &CallRules) -> Direction {
    if desk_number(first, rules).is_none() {
        return Direction::Inbound;
    }
    if first.dialled == Some(true) {
        return Direction::Outbound;
    }
    let local = told(story, |event| {
        let own = event.leg.as_ref().is_some_and(|leg| leg.id == first.id);
        event.call.direction.filter(|direction| own && *direction == Direction::Internal)
    });
    let to_house = match dialled(story).first() {
        Some(leg) => desk_number(leg, rules).is_some() || leg.outside == Some(false),
        None => first.to.as_ref().is_some_and(|to| is_listed(&rules.desk, to.exposed())),
    };
    if to_house || local.is_some() { Direction::Internal } else { Direction::Outbound }
}

/// By which side of the phone system the first leg is on.
fn by_sides(story: &Story<'_>, first: &LegStory) -> Direction {
    let others = story.legs.values().filter(|leg| leg.id != first.id);
    let callee = told(story, |event| event.call.callee.clone());
    match first.outside {
        Some(true) => Direction::Inbound,
        Some(false) if others.clone().any(|leg| leg.outside == Some(true)) => Direction::Outbound,
        Some(false) if callee.is_some_and(|number| is_outside_number(&number.folded())) => {
            Direction::Outbound
        }
        Some(false) => Direction::Internal,
        None => Direction::Inbound,
    }
}

/// By the numbers, where the first leg is not known: who is on the desk's list called from it.
fn by_numbers(story: &Story<'_>, rules: &CallRules) -> Direction {
    let desk = |number: Option<PhoneNumber>| {
        number.is_some_and(|number| is_listed(&rules.desk, number.exposed()))
    };
    let (caller, callee) = numbers(story, rules);
    let first = dialled(story).first().copied();
    let to_desk = match first.filter(|_| story.caller_id.is_some()) {
        Some(leg) => desk_number(leg, rules).is_some(),
        None => desk(callee),
    };
    match (desk(caller), to_desk) {
        (true, false) => Direction::Outbound,
        (true, true) => Direction::Internal,
        (false, _) => Direction::Inbound,
    }
}

/// A number too long for a phone of the house.
fn is_outside_number(digits: &str) -> bool {
    digits.len() >= 7
}

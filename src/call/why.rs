//! Why nobody at the desk answered: from what the legs say, or from a summary where they say
//! nothing.

use super::end::End;
use super::event::{Cause, Clock, EventKind, JoinSight};
use super::story::{LegStory, Story};

/// Causes of dialled phones, the one that came furthest first.
const FURTHEST: [Cause; 6] = [
    Cause::NoAnswer,
    Cause::Declined,
    Cause::Busy,
    Cause::Unavailable,
    Cause::NoPhone,
    Cause::Failed,
];

/// What is known of how the phones fared.
pub struct Known<'a, 's> {
    pub story: &'a Story<'s>,
    /// Legs to the desk's phones.
    pub desk: &'a [&'a LegStory],
    pub end: &'a End,
    /// Somebody who is not the desk took the call.
    pub elsewhere: bool,
    /// The caller waited in the desk's queue.
    pub queued: bool,
    /// Whether a leg could be heard by the caller.
    pub joined: &'a dyn Fn(&LegStory) -> bool,
}

/// Whether the phone system shows its legs only in part: records, states without times, or legs
/// whose ends say that another phone was quicker. Then the furthest of the desk's legs speaks for
/// all.
pub fn is_partial(story: &Story<'_>) -> bool {
    let mut sights = story.legs.values().map(|leg| leg.joins);
    let sound = sights.clone().any(|sight| sight == JoinSight::Sound);
    sound || story.clock != Clock::Pbx && sights.all(|sight| sight == JoinSight::Unsaid)
}

/// The cause; `None` where nothing tells it.
pub fn cause(known: &Known<'_, '_>) -> Option<Cause> {
    let (story, end) = (known.story, known.end);
    let restarted = end.restarted.then_some(Cause::Failed);
    if end.inferred && restarted.is_some() {
        return restarted;
    }
    if let Some(cause) = end.cause.or_else(|| summary(story, true)) {
        return Some(cause);
    }
    let told = if is_partial(story) { of_parts(known) } else { of_legs(known) };
    told.or(restarted)
}

fn of_legs(known: &Known<'_, '_>) -> Option<Cause> {
    let of = |leg: &LegStory| leg.cause((known.joined)(leg));
    let caller = known.story.caller();
    let gave_up =
        caller.and_then(of).filter(|cause| matches!(cause, Cause::Abandoned | Cause::Message));
    let last = known.desk.iter().max_by_key(|leg| (leg.ended.map(|at| at.latest), leg.id.clone()));
    let waiting = (known.queued && known.desk.is_empty()).then_some(Cause::Abandoned);
    let last = last.and_then(|leg| of(leg));
    // A phone that still rang when the caller went outweighs how his own leg was cleared.
    let ringing = last.filter(|cause| *cause == Cause::Abandoned);
    let told = gave_up.or(ringing).or(known.end.cleared).or(last).or(waiting);
    told.or_else(|| summary(known.story, false))
}

fn of_parts(known: &Known<'_, '_>) -> Option<Cause> {
    let story = known.story;
    let sound = story.legs.values().any(|leg| leg.joins == JoinSight::Sound);
    let said = |cause: Cause| story.caller().is_some_and(|leg| leg.causes.contains(&cause));
    if said(Cause::Message) {
        return Some(Cause::Message);
    }
    if said(Cause::Abandoned) && !known.elsewhere {
        return Some(Cause::Abandoned);
    }
    let dialled: Vec<&&LegStory> = known.desk.iter().filter(|leg| !leg.originator).collect();
    let told = of_dialled(&dialled);
    let rang = dialled.iter().any(|leg| !leg.alerting.is_empty());
    let stopped = match (sound && !dialled.is_empty(), rang) {
        (true, false) => Some(Cause::Failed),
        (true, true) => Some(Cause::NoAnswer),
        (false, rang) => (rang && known.elsewhere).then_some(Cause::NoAnswer),
    };
    let serves = sound || !known.elsewhere;
    told.or(stopped).or_else(|| summary(story, false).filter(|_| serves))
}

/// The cause of the phone that came furthest.
fn of_dialled(legs: &[&&LegStory]) -> Option<Cause> {
    let told = |cause: &Cause| legs.iter().any(|leg| leg.causes.contains(cause));
    FURTHEST.into_iter().find(told)
}

/// What the phone system sums up, of the whole call or of the caller's leg. A message outweighs
/// all; that a phone was busy says least.
fn summary(story: &Story<'_>, wanted: bool) -> Option<Cause> {
    let of_call =
        |leg: Option<&str>| leg.is_none() || story.caller_id.is_none() || leg == story.caller_id;
    let told = story.events.iter().filter_map(|event| match event.kind {
        EventKind::Unanswered { cause, outweighs } if outweighs == wanted => {
            of_call(event.leg.as_ref().map(|leg| leg.id.as_str())).then_some(cause)
        }
        _ => None,
    });
    told.min_by_key(|cause| match cause {
        Cause::Message => 0,
        Cause::Abandoned => 1,
        Cause::Busy => 3,
        _ => 2,
    })
}

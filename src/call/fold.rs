//! `fold`: the events of one call, in any order and with any repetition, become one [`Call`].

use super::answer::{Answer, answer};
use super::end::end;
use super::event::{Bounds, CallEvent, Clock, Direction, EventKind, FeedGap, Moment, Tie};
use super::parties::{self, told};
use super::story::{LegStory, Story};
use super::{AnnouncedRecording, Cadence, Call, Leg, Step, judge};
use crate::site::{SiteSettings, is_listed};
use std::collections::{BTreeMap, BTreeSet};

pub use super::gather::gather;

/// What the fold needs to know of the site, as it was when the call was offered.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRules {
    pub cadence: Cadence,
    /// Rings within which a person must answer (R1: three).
    pub ring_limit: u32,
    /// Time every ring from the first desk phone (default), or only from the phone that answered.
    pub timed: Timed,
    /// Extensions of the front desk: exact, or ending in `*`.
    pub desk: Vec<String>,
    /// Digits the desk dials first to get an outside line; taken off an outbound callee.
    pub outbound_prefix: String,
    /// A call with no event for this long is closed by rule, in seconds.
    pub silence_limit_s: i64,
}

/// Which alerting the three-ring rule counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timed {
    /// From the first desk leg's alerting.
    #[default]
    Desk,
    /// Only the alerting of the phone that answered.
    Phone,
}

impl CallRules {
    /// The rules of a site's settings. A cadence that is not in the table falls back to the first
    /// country of the table; configuration refuses such a name before.
    pub fn of(settings: &SiteSettings) -> Self {
        let own = settings.ring_period_ms.map(|period_ms| Cadence { period_ms });
        Self {
            cadence: own.or_else(|| Cadence::of(&settings.cadence)).unwrap_or_default(),
            ring_limit: settings.ring_limit,
            timed: settings.ring_timed,
            desk: settings.desk_extensions.clone(),
            outbound_prefix: settings.outbound_prefix.clone(),
            silence_limit_s: settings.call_silence_limit_s,
        }
    }
}

/// Folds the events of one call. `gaps` are the losses of its feed; `as_of` closes calls that have
/// been silent longer than the limit, and `None` closes none.
///
/// The same set of events gives the same call, whatever their order and however often each is
/// repeated.
pub fn fold(
    events: &[CallEvent],
    gaps: &[FeedGap],
    rules: &CallRules,
    as_of: Option<Moment>,
) -> Option<Call> {
    let story = Story::of(events);
    let offered_at = story.first()?.earliest;
    if is_hearsay(&story) {
        return None;
    }
    let names = names(&story);
    let direction = parties::direction(&story, rules);
    let (caller, callee) = parties::numbers(&story, rules);
    let answer = answer(&story, rules, direction, as_of);
    let end = end(&story, gaps, rules, as_of);
    let (call_id, other_ids) = names;
    let mut call = Call {
        call_id,
        other_ids,
        direction,
        caller,
        caller_name: told(&story, |event| event.call.caller_name.clone()),
        callee: callee.map(|number| without_prefix(number, direction, rules)),
        offered_at,
        alerting: None,
        answered: answer.answered,
        joined: answer.joined,
        waited_ms: None,
        ended_at: end.at,
        ended_inferred: end.inferred,
        answered_by: answer.extension.clone(),
        transferred: answer.transferred,
        reached_desk: false,
        cause: None,
        verdict: None,
        precision: story.clock,
        contradiction: false,
        legs: legs(&story, rules, &answer),
        recordings: recordings(&story),
        timeline: timeline(&story, rules),
    };
    judge::complete(&mut call, &story, rules, &answer, &end);
    Some(call)
}

/// A leg to a front-desk phone that did not begin the call itself.
pub fn is_desk_leg(story: &Story<'_>, leg: &LegStory, rules: &CallRules) -> bool {
    let began = story.caller_id == Some(leg.id.as_str());
    desk_number(leg, rules).is_some() && !began && !leg.helper
}

/// The number under which a leg's phone is listed as the desk's.
pub fn desk_number<'a>(leg: &'a LegStory, rules: &CallRules) -> Option<&'a String> {
    let mut numbers = leg.extension.iter().chain(&leg.known_as);
    let inside = leg.outside != Some(true);
    numbers.find(|number| inside && is_listed(&rules.desk, number))
}

/// Nothing but ends and summaries, received without the name of a call: of a call nobody told.
fn is_hearsay(story: &Story<'_>) -> bool {
    let after = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::LegEnded { .. } | EventKind::Ended { .. } | EventKind::Unanswered { .. }
        )
    };
    let named = |tie: &Tie| matches!(tie, Tie::Call(_));
    story.events.iter().all(|event| {
        event.clock == Clock::Receiver && after(&event.kind) && !event.ties.iter().any(named)
    })
}

fn names(story: &Story<'_>) -> (String, Vec<String>) {
    let ids = |wanted: fn(&Tie) -> Option<&String>| {
        let mut seen = BTreeSet::new();
        let ties = story.events.iter().flat_map(|event| event.ties.iter());
        ties.filter_map(wanted).filter(|id| seen.insert((*id).clone())).cloned().collect()
    };
    let mut named: Vec<String> = ids(|tie| match tie {
        Tie::Call(id) => Some(id),
        _ => None,
    });
    if named.is_empty() {
        named = ids(|tie| match tie {
            Tie::Call(id) | Tie::Leg(id) | Tie::Bridge(id) => Some(id),
        });
        named.truncate(1);
    }
    // Where legs tell on whose behalf they were dialled, the leg that began the call names it.
    if let Some(began) = story.caller_id
        && let Some(place) = named.iter().position(|id| id == began)
    {
        named.swap(0, place);
    }
    let first = if named.is_empty() { String::new() } else { named.remove(0) };
    named.sort();
    (first, named)
}

fn without_prefix(
    number: crate::party::PhoneNumber,
    direction: Direction,
    rules: &CallRules,
) -> crate::party::PhoneNumber {
    let rest = number.exposed().strip_prefix(rules.outbound_prefix.as_str());
    let shorter = rest.filter(|rest| direction == Direction::Outbound && rest.len() >= 7);
    shorter.and_then(crate::party::PhoneNumber::known).unwrap_or(number)
}

fn recordings(story: &Story<'_>) -> Vec<AnnouncedRecording> {
    let mut first: BTreeMap<&str, (Moment, bool)> = BTreeMap::new();
    for event in &story.events {
        if let EventKind::RecordingAnnounced { reference, starts_at } = &event.kind {
            let told = (starts_at.unwrap_or(event.at.earliest), starts_at.is_some());
            let known = first.entry(reference).or_insert(told);
            *known = told.min(*known);
        }
    }
    let announced = first.into_iter().map(|(reference, (starts_at, start_told))| {
        AnnouncedRecording { starts_at, reference: reference.to_owned(), start_told }
    });
    let mut announced: Vec<_> = announced.collect();
    announced.sort();
    announced
}

fn legs(story: &Story<'_>, rules: &CallRules, answer: &Answer) -> Vec<Leg> {
    let at = |bounds: Option<&Bounds>| bounds.map(|at| at.earliest);
    let earliest = |list: &[Bounds]| list.iter().map(|at| at.earliest).min();
    story
        .legs
        .values()
        .map(|leg| Leg {
            id: leg.id.clone(),
            extension: desk_number(leg, rules).or(leg.extension.as_ref()).cloned(),
            desk: is_desk_leg(story, leg, rules),
            created_at: leg.existed_at(),
            alerting_at: earliest(&leg.alerting),
            picked_up_at: earliest(&leg.picked_up),
            joined_at: at(answer.joins.get(leg.id.as_str())),
            ended_at: at(leg.ended.as_ref()),
            cause: leg.cause(answer.joins.contains_key(leg.id.as_str())),
        })
        .collect()
}

fn timeline(story: &Story<'_>, rules: &CallRules) -> Vec<Step> {
    let mut steps: Vec<Step> = story
        .events
        .iter()
        .filter_map(|event| {
            let leg = story.leg_of(event);
            let extension =
                leg.and_then(|leg| desk_number(leg, rules).or(leg.extension.as_ref()).cloned());
            let of_caller = leg.is_some_and(|leg| leg.originator) && extension.is_none();
            let what = word(&event.kind, of_caller)?.to_owned();
            Some(Step { at: event.at.earliest, what, extension })
        })
        .collect();
    steps.dedup_by(|next, step| (&next.what, &next.extension) == (&step.what, &step.extension));
    steps
}

/// The word of an event in a timeline; nothing for those that say nothing to people. `of_caller`:
/// it is told of the outside caller's own line, which nobody picks up but the phone system.
fn word(kind: &EventKind, of_caller: bool) -> Option<&'static str> {
    Some(match kind {
        EventKind::PickedUp if of_caller => "line_opened",
        EventKind::Offered => "offered",
        EventKind::LegCreated => "leg_created",
        EventKind::Answered => "answered",
        EventKind::Reached => "joined",
        EventKind::Alerting => "alerting",
        EventKind::PickedUp => "picked_up",
        EventKind::Joined | EventKind::BridgeEntered { .. } => "joined",
        EventKind::BridgeLeft { .. } => "left",
        EventKind::LegEnded { .. } => "leg_ended",
        EventKind::Ended { .. } => "ended",
        EventKind::Queued => "queued",
        EventKind::RecordingAnnounced { .. } => "recording_announced",
        EventKind::TalkReported { .. }
        | EventKind::Logged
        | EventKind::Noted { .. }
        | EventKind::Unanswered { .. }
        | EventKind::Unknown { .. } => return None,
    })
}

//! The three-ring rule over a call whose answer and end are known (R1).

use super::Call;
use super::event::{Bounds, Cause, Direction, EventKind, Moment};
use super::fold::{Answer, CallRules, End, Timed, is_desk_leg};
use super::rings::{UnknownReason, Verdict, elapsed_ms, ring_number};
use super::story::{LegStory, Story};

/// Fills in alerting, cause, verdict and whether the call reached the desk.
pub fn complete(call: &mut Call, story: &Story<'_>, rules: &CallRules, answer: &Answer, end: &End) {
    let desk: Vec<&LegStory> =
        story.legs.values().filter(|leg| is_desk_leg(story, leg, rules)).collect();
    let heard = alerting(&desk, rules, answer);
    call.contradiction = matches!(heard, Heard::Contradiction);
    if call.direction != Direction::Inbound {
        call.verdict = Some(Verdict::NotApplicable);
        return;
    }
    call.alerting = match heard {
        Heard::At(at) => Some(at),
        Heard::Nothing | Heard::Contradiction => None,
    };
    let queued = story.events.iter().any(|event| matches!(event.kind, EventKind::Queued));
    if call.joined.is_none() && call.ended_at.is_some() {
        call.cause = cause(story, &desk, answer, end, queued);
    }
    let refused = call.cause.is_some_and(|cause| cause != Cause::Abandoned);
    call.reached_desk = !desk.is_empty() || queued || refused || end.cause.is_some();
    let start = call.alerting.or_else(|| ring_start(&desk, story, answer));
    call.verdict = verdict(call, start, rules, answer, end);
}

/// What is known of the start of ringing.
enum Heard {
    Nothing,
    At(Bounds),
    Contradiction,
}

/// The first desk phone's alerting, or the answering phone's, by setting; after the answer none
/// counts.
fn alerting(desk: &[&LegStory], rules: &CallRules, answer: &Answer) -> Heard {
    let counts = |leg: &&&LegStory| match (rules.timed, &answer.leg) {
        (Timed::Phone, Some(answering)) => leg.id == *answering,
        _ => true,
    };
    let mut first: Option<Bounds> = None;
    for leg in desk.iter().filter(counts) {
        let before =
            |at: &&Bounds| answer.answered.is_none_or(|answered| at.earliest <= answered.latest);
        let told: Vec<Bounds> = leg.alerting.iter().filter(before).copied().collect();
        let Some(at) = agreed(&told) else {
            if told.is_empty() {
                continue;
            }
            return Heard::Contradiction;
        };
        first = Some(first.map_or(at, |first| earlier(first, at)));
    }
    first.map_or(Heard::Nothing, Heard::At)
}

/// What several statements about one start come to: exact ones beat bounds, bounds are intersected;
/// `None` when they exclude each other.
fn agreed(told: &[Bounds]) -> Option<Bounds> {
    let exact = told.iter().filter(|at| at.is_exact()).min_by_key(|at| at.earliest);
    if let Some(exact) = exact {
        return Some(*exact);
    }
    let (first, rest) = told.split_first()?;
    rest.iter().try_fold(*first, |both, at| both.intersection(*at))
}

fn earlier(one: Bounds, other: Bounds) -> Bounds {
    Bounds { earliest: one.earliest.min(other.earliest), latest: one.latest.min(other.latest) }
}

/// Bounds of a start of ringing that nobody told: no phone rings before its leg exists, no leg
/// exists before the call's first event, and it rang before it was answered.
fn ring_start(desk: &[&LegStory], story: &Story<'_>, answer: &Answer) -> Option<Bounds> {
    let latest = answer.answered?.latest;
    let exists = desk.iter().filter_map(|leg| leg.existed_at_creation()).min();
    let first = story.first()?.earliest;
    let earliest = exists.unwrap_or(first).max(first).min(latest);
    Some(Bounds { earliest, latest })
}

impl LegStory {
    /// When the leg was made, where that was told; a leg first heard of when it was answered says
    /// nothing.
    fn existed_at_creation(&self) -> Option<Moment> {
        self.created.map(|at| at.earliest)
    }
}

fn cause(
    story: &Story<'_>,
    desk: &[&LegStory],
    answer: &Answer,
    end: &End,
    queued: bool,
) -> Option<Cause> {
    let of = |leg: &LegStory| leg.cause(answer.joins.contains_key(&leg.id));
    if end.restarted {
        return Some(Cause::Failed);
    }
    let gave_up = story
        .caller()
        .and_then(of)
        .filter(|cause| matches!(cause, Cause::Abandoned | Cause::Message));
    let last = desk.iter().max_by_key(|leg| (leg.ended.map(|at| at.latest), leg.id.clone()));
    let waiting = (queued && desk.is_empty()).then_some(Cause::Abandoned);
    let last = last.and_then(|leg| of(leg));
    // A phone that still rang when the caller went outweighs how his own leg was cleared.
    let ringing = last.filter(|cause| *cause == Cause::Abandoned);
    end.cause.or(gave_up).or(ringing).or(end.cleared).or(last).or(waiting)
}

fn verdict(
    call: &Call,
    start: Option<Bounds>,
    rules: &CallRules,
    answer: &Answer,
    end: &End,
) -> Option<Verdict> {
    let unknown = |reason| Some(Verdict::Unknown { reason });
    if call.contradiction {
        return unknown(UnknownReason::Contradiction);
    }
    if let Some(answered) = call.answered {
        let Some(start) = start else { return unknown(UnknownReason::RingStartMissing) };
        return Some(timed(start, answered, call.alerting.is_some(), rules));
    }
    let ended_at = call.ended_at?;
    if end.feed_lost && !end.restarted {
        return unknown(UnknownReason::FeedLost);
    }
    if answer.uncertain {
        return unknown(UnknownReason::AnswerUncertain);
    }
    if answer.elsewhere && end.cause.is_none() {
        return unknown(UnknownReason::TakenElsewhere);
    }
    match call.cause {
        Some(Cause::Abandoned) => {
            Some(Verdict::Abandoned { ring: ring_at(call.alerting, ended_at, rules) })
        }
        Some(_) => Some(Verdict::Unanswered),
        None if !call.reached_desk => unknown(UnknownReason::LeftBeforeDesk),
        None => unknown(UnknownReason::CauseMissing),
    }
}

/// The verdict over an answered call; a verdict or ring is stated only if both ends of the bounds
/// give the same.
fn timed(start: Bounds, answered: Bounds, told: bool, rules: &CallRules) -> Verdict {
    let (least, greatest) = elapsed_ms(start, answered);
    let period = rules.cadence.period_ms;
    let limit_ms = i64::from(rules.ring_limit) * period;
    let (first, last) = (ring_number(least, period), ring_number(greatest, period));
    let ring = (first == last).then_some(first);
    if greatest < limit_ms {
        return Verdict::Within { ring, margin_ms: limit_ms - greatest };
    }
    if least >= limit_ms {
        return Verdict::Late { ring, over_ms: least - limit_ms };
    }
    let reason = if told {
        UnknownReason::BetweenRings { least: first, greatest: last }
    } else {
        UnknownReason::RingStartMissing
    };
    Verdict::Unknown { reason }
}

/// The ring that runs at a moment, where both ends of the start's bounds give the same.
fn ring_at(start: Option<Bounds>, at: Moment, rules: &CallRules) -> Option<u32> {
    let (least, greatest) = elapsed_ms(start?, Bounds::exact(at));
    let period = rules.cadence.period_ms;
    let (first, last) = (ring_number(least, period), ring_number(greatest, period));
    (first == last).then_some(first)
}

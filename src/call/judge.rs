//! The three-ring rule over a call whose answer and end are known (R1).

use super::Call;
use super::answer::Answer;
use super::end::End;
use super::event::{Bounds, Cause, Direction, EventKind, Moment};
use super::fold::{CallRules, Timed, is_desk_leg};
use super::rings::{UnknownReason, Verdict, elapsed_ms, ring_number};
use super::statement::agreed;
use super::story::{LegStory, Story};
use super::why::{self, Known};

/// Fills in alerting, cause, verdict and whether the call reached the desk.
pub fn complete(
    call: &mut Call,
    story: &Story<'_>,
    rules: &CallRules,
    answer: &Answer<'_>,
    end: &End,
) {
    let desk: Vec<&LegStory> =
        story.legs.values().filter(|leg| is_desk_leg(story, leg, rules)).collect();
    let timed: Vec<&LegStory> =
        desk.iter().copied().filter(|leg| counts(leg, rules, answer)).collect();
    let heard = match answer.hearsay {
        true => Heard::Nothing,
        false => alerting(&timed, story, answer),
    };
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
    if answer.joined.is_none() && answer.extension.is_none() && call.ended_at.is_some() {
        let joined = |leg: &LegStory| answer.joins.contains_key(leg.id.as_str());
        let elsewhere = answer.elsewhere;
        call.cause =
            why::cause(&Known { story, desk: &desk, end, elsewhere, queued, joined: &joined });
    }
    let failed_first = call.cause.is_some() && why::is_partial(story);
    let elsewhere = answer.elsewhere && end.cause.is_none() && !failed_first;
    let others_only =
        desk.is_empty() && !queued && story.legs.values().any(|leg| is_other(story, leg));
    let told_why = call.cause.is_some() || end.cause.is_some();
    call.reached_desk = !desk.is_empty() || queued || told_why && !others_only;
    let start = call.alerting.map(|at| Start { at, told: true });
    let told: &[&LegStory] = if answer.hearsay { &[] } else { &timed };
    let existed = ring_start(told, story, answer);
    let logged = story.is_logged();
    let start = match (start, existed) {
        // The log knows every phone, but not which of them rang while the feed was lost.
        (Some(told), Some(existed)) if logged && !end.lost.is_empty() => {
            let earliest = existed.at.earliest.min(told.at.earliest);
            Some(Start { at: Bounds { earliest, ..told.at }, told: true })
        }
        (told, existed) => told.or(existed),
    };
    let lost: &[Bounds] = if logged { &[] } else { &end.lost };
    if let (Some(start), Some(answered)) = (start, call.answered) {
        let (from, until) = with_lost(start.at, answered, lost);
        call.waited_ms = Some(elapsed_ms(from, until));
    }
    call.verdict = verdict(call, start, lost, rules, answer, end, elsewhere);
}

/// Whether a desk leg's ringing is timed: every one's, or only the answering phone's, by setting.
fn counts(leg: &LegStory, rules: &CallRules, answer: &Answer<'_>) -> bool {
    match (rules.timed, &answer.leg) {
        (Timed::Phone, Some(answering)) => leg.id == *answering,
        _ => true,
    }
}

/// A phone of the house that did not begin the call.
fn is_other(story: &Story<'_>, leg: &LegStory) -> bool {
    let began = story.caller_id == Some(leg.id.as_str());
    leg.extension.is_some() && leg.outside != Some(true) && !leg.helper && !began
}

/// What is known of the start of ringing.
enum Heard {
    Nothing,
    At(Bounds),
    Contradiction,
}

/// The first of these legs' alerting; after the answer none counts.
fn alerting(legs: &[&LegStory], story: &Story<'_>, answer: &Answer<'_>) -> Heard {
    let answered = answer.answered.map(|at| at.latest);
    let mut first: Option<Bounds> = None;
    for leg in legs {
        let before = |at: &&Bounds| answered.is_none_or(|answered| at.earliest <= answered);
        let told: Vec<Bounds> = leg.alerting.iter().filter(before).copied().collect();
        if told.is_empty() {
            continue;
        }
        let Some(at) = agreed(&told).and_then(|at| possible(at, leg, story, answered)) else {
            return Heard::Contradiction;
        };
        first = Some(first.map_or(at, |first| earlier(first, at)));
    }
    first.map_or(Heard::Nothing, Heard::At)
}

/// Bounds of an alerting, cut by what surrounds it: no phone rings before its leg exists or the
/// call is offered, nor after it is answered. An exact time stands as it was told.
fn possible(
    at: Bounds,
    leg: &LegStory,
    story: &Story<'_>,
    answered: Option<Moment>,
) -> Option<Bounds> {
    if at.is_exact() {
        return Some(at);
    }
    let earliest = leg.existed_at_creation().max(story.offered_at()).unwrap_or(at.earliest);
    let latest = answered.unwrap_or(at.latest);
    Bounds { earliest: earliest.min(latest), latest }.intersection(at)
}

fn earlier(one: Bounds, other: Bounds) -> Bounds {
    Bounds { earliest: one.earliest.min(other.earliest), latest: one.latest.min(other.latest) }
}

/// From when the rings are counted.
#[derive(Clone, Copy)]
struct Start {
    at: Bounds,
    /// Somebody told of the ringing, or of the leg before it. Else there is only the call around
    /// it.
    told: bool,
}

/// Bounds of a start of ringing that nobody told: no phone rings before its leg exists, no leg
/// exists before the call's first event, and it rang before it was answered.
fn ring_start(legs: &[&LegStory], story: &Story<'_>, answer: &Answer<'_>) -> Option<Start> {
    let latest = answer.answered?.latest;
    let exists = legs.iter().filter_map(|leg| leg.existed_at_creation()).min();
    let first = story.first()?.earliest;
    if exists.is_none() && legs.iter().any(|leg| leg.rang_before) {
        return None;
    }
    let earliest = exists.unwrap_or(first).max(first).min(latest);
    Some(Start { at: Bounds { earliest, latest }, told: exists.is_some() })
}

impl LegStory {
    /// When the leg was made, where that was told; a leg first heard of when it was answered says
    /// nothing.
    fn existed_at_creation(&self) -> Option<Moment> {
        self.created.map(|at| at.earliest)
    }
}

impl Story<'_> {
    fn offered_at(&self) -> Option<Moment> {
        let offered = self.timed().filter(|event| event.kind == EventKind::Offered);
        offered.map(|event| event.at.earliest).min()
    }
}

fn verdict(
    call: &Call,
    start: Option<Start>,
    lost: &[Bounds],
    rules: &CallRules,
    answer: &Answer<'_>,
    end: &End,
    elsewhere: bool,
) -> Option<Verdict> {
    let unknown = |reason| Some(Verdict::Unknown { reason });
    if call.contradiction {
        return unknown(UnknownReason::Contradiction);
    }
    if let Some(answered) = call.answered {
        let Some(start) = start else { return unknown(UnknownReason::RingStartMissing) };
        return Some(timed(start, answered, lost, rules));
    }
    if answer.extension.is_some() {
        return unknown(UnknownReason::AnswerTimeMissing);
    }
    let ended_at = call.ended_at?;
    let restarted = end.restarted && call.cause == Some(Cause::Failed);
    if !lost.is_empty() && !restarted {
        return unknown(UnknownReason::FeedLost);
    }
    if answer.uncertain {
        return unknown(UnknownReason::AnswerUncertain);
    }
    if elsewhere {
        return unknown(UnknownReason::TakenElsewhere);
    }
    match call.cause {
        _ if !call.reached_desk => unknown(UnknownReason::LeftBeforeDesk),
        Some(Cause::Abandoned) => {
            // When the last phone stopped ringing; the call's end may be told by another clock.
            let desk = call.legs.iter().filter(|leg| leg.desk && leg.cause == call.cause);
            let at = desk.filter_map(|leg| leg.ended_at).max().unwrap_or(ended_at);
            Some(Verdict::Abandoned { ring: ring_at(call.alerting, at, rules) })
        }
        Some(_) => Some(Verdict::Unanswered),
        None => unknown(UnknownReason::CauseMissing),
    }
}

/// The verdict over an answered call; a verdict or ring is stated only if both ends of the bounds
/// give the same.
fn timed(start: Start, answered: Bounds, lost: &[Bounds], rules: &CallRules) -> Verdict {
    let (from, until) = with_lost(start.at, answered, lost);
    let (least, greatest) = elapsed_ms(from, until);
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
    let reason = if (from, until) != (start.at, answered) {
        UnknownReason::FeedLost
    } else if start.told {
        UnknownReason::BetweenRings { least: first, greatest: last }
    } else {
        UnknownReason::RingStartMissing
    };
    Verdict::Unknown { reason }
}

/// Start and answer as far as they are certain where the feed was lost before the answer: an
/// earlier phone may have begun to ring in the gap, and an earlier answer may have been given.
fn with_lost(start: Bounds, answered: Bounds, lost: &[Bounds]) -> (Bounds, Bounds) {
    let (mut from, mut until) = (start, answered);
    for gap in lost.iter().filter(|gap| gap.earliest < answered.latest) {
        if gap.earliest < start.latest {
            from.earliest = from.earliest.min(gap.earliest);
        }
        until.earliest = until.earliest.min(gap.earliest.max(from.earliest));
    }
    (from, until)
}

/// The ring that runs at a moment, where both ends of the start's bounds give the same.
fn ring_at(start: Option<Bounds>, at: Moment, rules: &CallRules) -> Option<u32> {
    let (least, greatest) = elapsed_ms(start?, Bounds::exact(at));
    let period = rules.cadence.period_ms;
    let (first, last) = (ring_number(least, period), ring_number(greatest, period));
    (first == last).then_some(first)
}

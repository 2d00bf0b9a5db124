//! How a call ended: as it was told, or closed by rule because its feed was lost or nothing came
//! for too long.

use super::event::{
    Bounds, CallEvent, Cause, Clock, EventKind, FeedGap, JoinSight, LegFacts, Moment,
};
use super::fold::CallRules;
use super::story::Story;
use chrono::TimeDelta;

/// How the call ended.
#[derive(Debug, Clone, Default)]
pub struct End {
    pub at: Option<Moment>,
    pub inferred: bool,
    /// The cause that was told of the call as a whole.
    pub cause: Option<Cause>,
    /// The cause with which the caller's own leg was cleared.
    pub cleared: Option<Cause>,
    /// Times of the call's life in which its feed was lost; a life whose beginning nobody told may
    /// reach back.
    pub lost: Vec<Bounds>,
    /// The phone system began anew while the call was alive, or as it ended.
    pub restarted: bool,
}

/// How far the end that a log tells may lie from the loss of the feed that a restart caused.
const RESTART_NEAR: TimeDelta = TimeDelta::seconds(2);

/// What was told of the end.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub at: Moment,
    pub cause: Option<Cause>,
    pub cleared: Option<Cause>,
}

/// The end as it was told: by the caller's own leg where that is known, else by whoever said it
/// last.
pub fn ended(story: &Story<'_>) -> Option<Told> {
    let told = || {
        story.events.iter().filter_map(|event| match (&event.kind, &event.leg) {
            (EventKind::Ended { cause }, leg) if counts(leg.as_ref(), story) => {
                Some((*event, *cause))
            }
            _ => None,
        })
    };
    let cause = |of_leg: bool| {
        let causes = told().filter(|(event, _)| event.leg.is_some() == of_leg);
        causes.filter_map(|(_, cause)| cause).next_back()
    };
    let at = at(story, || told().map(|(event, _)| event))?;
    Some(Told { at, cause: cause(false), cleared: cause(true) })
}

/// When it ended, by the call's own clock if that tells it: the first time of the caller's own leg;
/// else the last, but of receive times the first, which is the nearest to the end. Legs of which
/// none is the caller's end the call together.
fn at<'a, I>(story: &Story<'_>, told: impl Fn() -> I) -> Option<Moment>
where
    I: DoubleEndedIterator<Item = &'a CallEvent>,
{
    let of_leg = |event: &&CallEvent| event.leg.is_some();
    let own = |event: &&CallEvent| {
        let leg = event.leg.as_ref().map(|leg| leg.id.as_str());
        leg.is_some() && leg == story.caller_id
    };
    let received = story.clock == Clock::Receiver;
    let by_clock = || told().filter(|event| event.clock == story.clock);
    let alone = story.caller_id.is_none() && received;
    let alive = alone && story.legs.values().any(|leg| leg.ended.is_none());
    let plain = || by_clock().filter(move |event| !(alive && of_leg(event)));
    let last = match received {
        true => plain().find(|event| !of_leg(event)).or_else(|| plain().next_back()),
        false => plain().next_back(),
    };
    let other = || told().rfind(|event| event.clock != story.clock);
    let event = by_clock().find(own).or(last).or_else(other)?;
    Some(event.at.earliest)
}

/// Whether an end told of this leg is the call's.
fn counts(leg: Option<&LegFacts>, story: &Story<'_>) -> bool {
    match (leg, story.caller_id) {
        (Some(leg), Some(caller)) => leg.id == caller || leg.id.is_empty(),
        _ => true,
    }
}

/// Finds the end of a call.
pub fn end(story: &Story<'_>, gaps: &[FeedGap], rules: &CallRules, as_of: Option<Moment>) -> End {
    let lost = lost(story, gaps, rules);
    if let Some(Told { at, cause, cleared }) = ended(story) {
        let lost = lost.into_iter().filter(|gap| gap.earliest < at).collect();
        let near = |gap: &FeedGap| (gap.from - at).abs() <= RESTART_NEAR;
        let restarted = gaps.iter().any(|gap| gap.restarted && near(gap));
        return End { at: Some(at), cause, cleared, lost, restarted, ..End::default() };
    }
    if let Some(gap) = closing(story, gaps) {
        let at = last_told(story).map_or(gap.from, |last| last.max(gap.from));
        let restarted = gap.restarted;
        return End { at: Some(at), inferred: true, lost, restarted, ..End::default() };
    }
    let last = story.events.iter().map(|event| event.at.latest).max();
    let silent = last.filter(|last| {
        as_of.is_some_and(|as_of| (as_of - *last).num_seconds() >= rules.silence_limit_s)
    });
    End { at: silent, inferred: silent.is_some(), lost, ..End::default() }
}

/// The gap that a call did not outlive as far as anybody told. News of the call after the feed was
/// back show that it did, unless the phone system itself began anew.
fn closing<'a>(story: &Story<'_>, gaps: &'a [FeedGap]) -> Option<&'a FeedGap> {
    let began = story.first()?.earliest;
    // Gaps are told by our clock, so news by our clock tell of the call's life as well.
    let last = story.events.iter().map(|event| event.at.earliest).max()?;
    let outlived = |gap: &FeedGap| !gap.restarted && gap.to.is_some_and(|to| last > to);
    gaps.iter().filter(|gap| began <= gap.from && !outlived(gap)).min_by_key(|gap| gap.from)
}

fn last_told(story: &Story<'_>) -> Option<Moment> {
    story.timed().map(|event| event.at.earliest).max()
}

/// The gaps that touch the call's life. A call whose offer nobody told, though its phone system
/// tells of all, may have begun in a gap before.
fn lost(story: &Story<'_>, gaps: &[FeedGap], rules: &CallRules) -> Vec<Bounds> {
    let Some(began) = story.first().map(|at| at.earliest) else { return Vec::new() };
    let offered = story.events.iter().any(|event| event.kind == EventKind::Offered);
    let sees_all = story.legs.values().any(|leg| leg.joins >= JoinSight::Always);
    let reach = TimeDelta::try_seconds(rules.silence_limit_s).unwrap_or_default();
    let may_have_begun = match !offered && sees_all {
        true => began.checked_sub_signed(reach).unwrap_or(began),
        false => began,
    };
    let touching = gaps.iter().filter(|gap| gap.to.is_none_or(|to| to >= may_have_begun));
    touching
        .map(|gap| Bounds {
            earliest: gap.from.max(may_have_begun),
            latest: gap.to.unwrap_or(Moment::MAX_UTC),
        })
        .collect()
}

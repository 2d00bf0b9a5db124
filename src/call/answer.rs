//! Who took the call, and when: by joins where they can be seen, else by a pick-up that lasted.

use super::end::ended;
use super::event::{Bounds, Direction, EventKind, JoinSight, Moment};
use super::fold::{CallRules, is_desk_leg};
use super::joins::first_joins;
use super::statement::first_told;
use super::story::{LegStory, Story};
use std::collections::{BTreeMap, BTreeSet};

/// How the desk took the call.
#[derive(Debug, Clone, Default)]
pub struct Answer<'a> {
    pub leg: Option<String>,
    pub extension: Option<String>,
    pub answered: Option<Bounds>,
    pub joined: Option<Bounds>,
    /// A phone was picked up so late that it cannot be told whether the caller was still there.
    pub uncertain: bool,
    /// Somebody who is not the desk took the call.
    pub elsewhere: bool,
    /// More than one phone talked with the caller.
    pub transferred: bool,
    pub joins: BTreeMap<&'a str, Bounds>,
}

/// A pick-up must last longer than this to be an answer where joins cannot be seen, in
/// milliseconds.
const LASTING_MS: i64 = 1000;
/// How much longer than the time from pick-up to end a reported talk may seem, for the hooks' own
/// delay.
const TALK_SLACK_MS: i64 = 50;

/// Finds the first join of a desk leg with the caller, or what stands for it.
pub fn answer<'a>(
    story: &Story<'a>,
    rules: &CallRules,
    direction: Direction,
    as_of: Option<Moment>,
) -> Answer<'a> {
    let callers = callers(story, rules);
    let joins = first_joins(story, &callers);
    let desk = |leg: &LegStory| is_desk_leg(story, leg, rules);
    let taken = |wanted: &dyn Fn(&LegStory) -> bool| {
        let legs = story.legs.values().filter(|leg| wanted(leg));
        let joined = legs.filter_map(|leg| Some((*joins.get(leg.id.as_str())?, leg)));
        joined.min_by_key(|(at, leg)| (at.earliest, at.latest, &leg.id))
    };
    let other = |leg: &LegStory| !desk(leg) && !leg.helper && !callers.contains(leg.id.as_str());
    let answering = match direction {
        Direction::Inbound => taken(&desk),
        Direction::Outbound | Direction::Internal => taken(&|leg| !leg.helper),
    };
    let elsewhere = taken(&other).is_some();
    let mut answer = match answering {
        Some((joined, leg)) => answered(leg, joined),
        None => unseen(story, rules, as_of),
    };
    answer.elsewhere = elsewhere && answer.joined.is_none();
    let talked = story.legs.values().filter(|leg| !leg.helper);
    let talked = talked.filter(|leg| joins.contains_key(leg.id.as_str()));
    answer.transferred = talked.filter(|leg| !callers.contains(leg.id.as_str())).count() > 1;
    answer.joins = joins;
    answer
}

/// Whom the desk answers: the leg that began the call; where none is known, every leg to the
/// outside.
fn callers<'a>(story: &Story<'a>, rules: &CallRules) -> BTreeSet<&'a str> {
    let is_caller = |id: &str, leg: &LegStory| match story.caller_id {
        Some(began) => began == id,
        None => !leg.helper && leg.outside == Some(true) && !is_desk_leg(story, leg, rules),
    };
    story.legs.iter().filter(|(id, leg)| is_caller(id, leg)).map(|(id, _)| *id).collect()
}

fn answered<'a>(leg: &LegStory, joined: Bounds) -> Answer<'a> {
    Answer {
        leg: Some(leg.id.clone()),
        extension: leg.extension.clone(),
        answered: Some(pick_up(leg, joined).unwrap_or(joined)),
        joined: Some(joined),
        ..Answer::default()
    }
}

/// The pick-up that led to a join: of the leg's last ringing before the join the first one told. It
/// was not after the join, whatever a coarse clock allows.
fn pick_up(leg: &LegStory, joined: Bounds) -> Option<Bounds> {
    let before = leg.picked_up.iter().filter(|at| at.earliest <= joined.latest);
    let last = before.clone().map(|at| at.earliest).max()?;
    let rang = leg.alerting.iter().map(|at| at.earliest).filter(|at| *at <= last).max();
    let of_this_ringing = before.filter(|at| rang.is_none_or(|rang| at.latest >= rang));
    let told: Vec<Bounds> = of_this_ringing.copied().collect();
    let at = first_told(&told)?;
    Some(Bounds { latest: at.latest.min(joined.latest), ..at })
}

/// An answer where the phone system cannot tell joins: a pick-up that lasted.
fn unseen<'a>(story: &Story<'_>, rules: &CallRules, as_of: Option<Moment>) -> Answer<'a> {
    let blind = |leg: &&LegStory| leg.joins == JoinSight::Never && is_desk_leg(story, leg, rules);
    let picked = story.legs.values().filter(blind);
    let picked = picked.filter_map(|leg| Some((first_told(&leg.picked_up)?, leg)));
    let Some((at, leg)) = picked.min_by_key(|(at, leg)| (at.earliest, &leg.id)) else {
        return Answer::default();
    };
    let gone = ended(story).map(|told| told.at);
    let lasted = |until: Moment| (until - at.latest).num_milliseconds() > LASTING_MS;
    match gone {
        Some(gone) if lasted(gone) || talked(story, at, gone) => answered(leg, at),
        Some(_) => Answer { uncertain: true, ..Answer::default() },
        None if as_of.is_some_and(lasted) => answered(leg, at),
        None => Answer::default(),
    }
}

/// Whether a talk was reported that fits between a pick-up and the end. One that is longer began
/// earlier, with a menu or queue, and proves nothing.
fn talked(story: &Story<'_>, picked_up: Bounds, ended_at: Moment) -> bool {
    let longest = (ended_at - picked_up.earliest).num_milliseconds() + TALK_SLACK_MS;
    let fits = |talk_ms: i64| talk_ms > 0 && talk_ms <= longest;
    story.events.iter().any(|event| match event.kind {
        EventKind::TalkReported { talk_ms } => fits(talk_ms),
        _ => false,
    })
}

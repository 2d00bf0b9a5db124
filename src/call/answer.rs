//! Who took the call, and when: by joins where they can be seen, else by a pick-up that lasted.

use super::end::ended;
use super::event::{Bounds, Direction, EventKind, JoinSight, Moment};
use super::fold::{CallRules, desk_number, is_desk_leg};
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
    /// Only the caller's leg told of the answer: other phones may have rung of which nothing came.
    pub hearsay: bool,
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
    let other = |leg: &LegStory| !desk(leg) && !leg.helper && !callers.contains(leg.id.as_str());
    let answering = match direction {
        Direction::Inbound => first_taken(story, &joins, &desk),
        Direction::Outbound | Direction::Internal => first_taken(story, &joins, &|leg| !leg.helper),
    };
    let elsewhere = first_taken(story, &joins, &other).is_some();
    let mut answer = match answering {
        Some(leg) => taken(leg, joins.get(leg.id.as_str()).copied(), rules),
        None => unseen(story, rules, as_of).or_else(|| reached(story, rules)).unwrap_or_default(),
    };
    let desk_took = answer.joined.is_some() || answer.extension.is_some();
    answer.elsewhere = (elsewhere || answer.elsewhere) && !desk_took;
    let talked = story.legs.values().filter(|leg| !leg.helper);
    let talked = talked.filter(|leg| joins.contains_key(leg.id.as_str()));
    answer.transferred = talked.filter(|leg| !callers.contains(leg.id.as_str())).count() > 1;
    answer.joins = joins;
    answer
}

/// The first of these legs that a person took. Where one was taken at a time nobody told, legs are
/// compared by when they began.
fn first_taken<'s>(
    story: &'s Story<'_>,
    joins: &BTreeMap<&str, Bounds>,
    wanted: &dyn Fn(&LegStory) -> bool,
) -> Option<&'s LegStory> {
    let timeless = story.legs.values().any(|leg| leg.answered);
    let taken = story.legs.values().filter(|leg| wanted(leg)).filter_map(|leg| {
        let joined = joins.get(leg.id.as_str()).copied();
        let at = if timeless { leg.first } else { joined };
        (leg.answered || joined.is_some()).then_some((at, leg))
    });
    let first = taken.min_by_key(|(at, leg)| (at.map(|at| (at.earliest, at.latest)), &leg.id));
    first.map(|(_, leg)| leg)
}

fn taken<'a>(leg: &LegStory, joined: Option<Bounds>, rules: &CallRules) -> Answer<'a> {
    let extension = desk_number(leg, rules).or(leg.extension.as_ref()).cloned();
    let known = joined.map(|at| answered(leg, at)).unwrap_or_default();
    Answer { leg: Some(leg.id.clone()), extension, ..known }
}

/// What the caller's leg says of a leg that is itself silent. Without its number nobody can say
/// whose phone it was.
fn reached<'a>(story: &Story<'_>, rules: &CallRules) -> Option<Answer<'a>> {
    let silent = story.legs.values().filter(|leg| !leg.spoke);
    let reached = silent.filter_map(|leg| Some((first_told(&leg.reached)?, leg)));
    let (at, leg) = reached.min_by_key(|(at, leg)| (at.earliest, &leg.id))?;
    Some(match desk_number(leg, rules) {
        Some(number) => {
            let extension = Some(number.clone());
            Answer { extension, hearsay: true, ..answered(leg, at) }
        }
        None => {
            let uncertain = leg.known_as.is_empty() && leg.extension.is_none();
            Answer { elsewhere: true, uncertain, ..Answer::default() }
        }
    })
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
fn unseen<'a>(story: &Story<'_>, rules: &CallRules, as_of: Option<Moment>) -> Option<Answer<'a>> {
    let blind = |leg: &&LegStory| leg.joins == JoinSight::Never && is_desk_leg(story, leg, rules);
    let picked = story.legs.values().filter(blind);
    let picked = picked.filter_map(|leg| Some((first_told(&leg.picked_up)?, leg)));
    let (at, leg) = picked.min_by_key(|(at, leg)| (at.earliest, &leg.id))?;
    let gone = ended(story).map(|told| told.at);
    let lasted = |until: Moment| (until - at.latest).num_milliseconds() > LASTING_MS;
    match gone {
        Some(gone) if lasted(gone) || talked(story, at, gone) => Some(answered(leg, at)),
        Some(_) => Some(Answer { uncertain: true, ..Answer::default() }),
        None => as_of.is_some_and(lasted).then(|| answered(leg, at)),
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

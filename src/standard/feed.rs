//! What is wrong with the feed: deliveries nobody could read, losses, clocks that jumped, silence.

use super::world::{World, said, said_at};
use crate::call::event::Moment;
use crate::call::pulse::{Beat, holes, jumps, silences};
use crate::finding::{About, Code, Finding};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};

/// Every finding about the feed, each delivery once for a code.
pub fn feed(world: &World<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    let of_source = by_source(&world.facts.beats);
    let of_sources = jumped(world, &of_source).into_iter().chain(missed(world, &of_source));
    let all = told(world).into_iter().chain(of_sources).chain(silent(world));
    findings.extend(all.filter(|finding| seen.insert((finding.code, finding.about))));
}

fn about(code: Code, fact: Option<i64>, since: Moment, evidence: Vec<String>) -> Finding {
    Finding::open(code, About { delivery: fact, ..About::default() }, since, evidence)
}

/// What deliveries say of themselves: unreadable, or that the feed was lost.
fn told(world: &World<'_>) -> Vec<Finding> {
    let asked = world.facts.feed.iter().filter(|fact| world.is_asked(fact.at));
    asked
        .map(|fact| {
            let mut evidence = vec![said("why", &fact.what)];
            evidence.extend(fact.until.map(|until| said_at("until", until)));
            about(fact.code, fact.delivery, fact.at, evidence)
        })
        .collect()
}

fn by_source(beats: &[Beat]) -> BTreeMap<&str, Vec<Beat>> {
    let mut of_source: BTreeMap<&str, Vec<Beat>> = BTreeMap::new();
    for beat in beats {
        of_source.entry(&beat.source).or_default().push(beat.clone());
    }
    of_source
}

fn missed(world: &World<'_>, of_source: &BTreeMap<&str, Vec<Beat>>) -> Vec<Finding> {
    let found = of_source.values().flat_map(|beats| holes(beats));
    let asked = found.filter(|hole| world.is_asked(hole.at));
    asked
        .map(|hole| {
            let evidence =
                vec![said("source", &hole.source), said("numbers_missing", hole.missing)];
            about(Code::FeedGap, Some(hole.fact), hole.at, evidence)
        })
        .collect()
}

fn jumped(world: &World<'_>, of_source: &BTreeMap<&str, Vec<Beat>>) -> Vec<Finding> {
    let limit = |at| TimeDelta::seconds(world.facts.settings(at).clock_limit_s);
    let found = of_source.values().filter_map(|beats| {
        let first = beats.first()?;
        Some(jumps(beats, limit(first.first_at)))
    });
    let asked = found.flatten().filter(|jump| world.is_asked(jump.at));
    asked
        .map(|jump| {
            let evidence = vec![
                said("source", &jump.source),
                said("clock_jump_ms", jump.by.num_milliseconds()),
            ];
            about(Code::FeedGap, Some(jump.fact), jump.at, evidence)
        })
        .collect()
}

fn silent(world: &World<'_>) -> Vec<Finding> {
    let Some(first) = world.facts.beats.first() else { return Vec::new() };
    let settings = world.facts.settings(first.first_at);
    if settings.silence_limit_s == 0 {
        return Vec::new();
    }
    let limit = TimeDelta::seconds(settings.silence_limit_s);
    let hours = |from, to| settings.in_desk_hours(from, to);
    let found = silences(&world.facts.beats, &hours, limit, world.question.as_of);
    let asked = found.into_iter().filter(|silence| world.is_asked(silence.from));
    asked
        .map(|silence| {
            let mut evidence = vec![said_at("silent_since", silence.from)];
            evidence.extend(silence.until.map(|until| said_at("until", until)));
            about(Code::FeedGap, Some(silence.fact), silence.from + limit, evidence)
        })
        .collect()
}

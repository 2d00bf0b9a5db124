//! Answering: within three rings, by a person (R1).

use super::world::{World, about_call, said};
use crate::call::Verdict;
use crate::finding::{Code, Finding};

/// Longest time between pick-up and join, in milliseconds: beyond it the phone system is at fault.
const JOIN_MS_MAX: i64 = 1000;

/// R1: answered after the ring limit.
pub fn late(world: &World<'_>, findings: &mut Vec<Finding>) {
    for fact in world.calls_asked() {
        if let (Some(Verdict::Late { ring, over_ms }), Some(at)) =
            (&fact.call.verdict, fact.call.answered)
        {
            let ring = ring.map_or_else(|| "?".to_owned(), |ring| ring.to_string());
            let evidence = vec![said("ring", ring), said("over_ms", over_ms)];
            findings.push(about_call(Code::LateAnswer, fact, at.earliest, evidence));
        }
    }
}

/// The caller gave up before anybody answered.
pub fn abandoned(world: &World<'_>, findings: &mut Vec<Finding>) {
    for fact in world.calls_asked() {
        if let (Some(Verdict::Abandoned { ring }), Some(at)) =
            (&fact.call.verdict, fact.call.ended_at)
        {
            let ring = ring.map_or_else(|| "?".to_owned(), |ring| ring.to_string());
            findings.push(about_call(Code::AbandonedCall, fact, at, vec![said("ring", ring)]));
        }
    }
}

/// Picked up and joined more than a second apart.
pub fn slow_join(world: &World<'_>, findings: &mut Vec<Finding>) {
    for fact in world.calls_asked() {
        let (Some(answered), Some(joined)) = (fact.call.answered, fact.call.joined) else {
            continue;
        };
        let apart_ms = (joined.earliest - answered.latest).num_milliseconds();
        if apart_ms > JOIN_MS_MAX {
            let evidence = vec![said("join_ms", apart_ms)];
            findings.push(about_call(Code::SlowJoin, fact, joined.earliest, evidence));
        }
    }
}

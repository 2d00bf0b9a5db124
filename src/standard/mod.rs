//! The customer's service standard as rules, one file a chapter.

mod answering;
pub mod facts;
mod feed;
mod keeping;
mod matching;
mod sound;
mod world;

pub use world::World;

use crate::finding::{Finding, State};
use std::collections::BTreeSet;

/// One rule: what it demands, and the findings where it is not so.
pub struct Rule {
    /// Numbers in the requirements.
    pub requirements: &'static [&'static str],
    pub name: &'static str,
    check: fn(&World<'_>, &mut Vec<Finding>),
}

/// Every rule that is judged.
pub static RULES: &[Rule] = &[
    Rule { requirements: &["R1"], name: "late_answer", check: answering::late },
    Rule { requirements: &["R1"], name: "abandoned_call", check: answering::abandoned },
    Rule { requirements: &["R1"], name: "slow_join", check: answering::slow_join },
    Rule { requirements: &["R2"], name: "recordings_owed", check: matching::recordings_owed },
    Rule { requirements: &["R4", "R69"], name: "entries_owed", check: matching::entries_owed },
    Rule { requirements: &["R39"], name: "recordings_alone", check: matching::calls_of_recordings },
    Rule { requirements: &["R39"], name: "calls_owed", check: matching::calls_owed },
    Rule {
        requirements: &["R39"],
        name: "recordings_of_entries",
        check: matching::recordings_of_entries,
    },
    Rule { requirements: &["R39"], name: "differences", check: matching::differences },
    Rule { requirements: &["R2"], name: "lengths", check: matching::lengths },
    Rule { requirements: &["R23"], name: "late_registration", check: matching::late_registration },
    Rule { requirements: &["R7", "R20", "R37", "R47"], name: "fields", check: matching::fields },
    Rule { requirements: &["R2"], name: "sound", check: sound::classes },
    Rule { requirements: &["R1"], name: "ring_count", check: sound::ring_count },
    Rule { requirements: &["R2", "R73"], name: "objects", check: keeping::objects },
    Rule { requirements: &["R2"], name: "feed", check: feed::feed },
];

/// All findings of the facts, oldest first. Those that a person explained say so.
pub fn judge(world: &World<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in RULES {
        (rule.check)(world, &mut findings);
    }
    let words = world.facts.explanations.iter();
    let explained: BTreeSet<_> = words.map(|word| (word.code, word.about)).collect();
    for finding in &mut findings {
        if explained.contains(&(finding.code, finding.about)) {
            finding.state = State::Explained;
        }
    }
    findings.sort_by_key(|finding| (finding.since, finding.code, finding.about));
    findings
}

//! One audit question and its answer: balances, compliance, findings. Pure.

mod balance;
mod compliance;

pub use crate::standard::facts::{
    CallFact, EntryFact, Explanation, Facts, FeedFact, LinkFact, ObjectFact, Question,
    RecordingFact,
};
pub use balance::{Balance, Imbalance, Sheet};
pub use compliance::{Compliance, Day};

use crate::call::event::Moment;
use crate::finding::Finding;
use crate::site::SiteSettings;
use crate::standard::{self, World};
use chrono::TimeDelta;
use serde::Serialize;

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub question: Question,
    pub site_name: String,
    /// The settings it was judged by: every version that held in the days asked for.
    pub settings: Vec<SiteSettings>,
    pub balance: Balance,
    pub compliance: Compliance,
    /// Oldest first.
    pub findings: Vec<Finding>,
}

/// Answers a question.
///
/// # Errors
/// [`Imbalance`] when the sums do not agree: then there is no report.
pub fn answer(question: &Question, facts: &Facts) -> Result<Report, Imbalance> {
    let world = World::of(question, facts);
    let findings = standard::judge(&world);
    let balance = balance::balance(&world, &findings)?;
    Ok(Report {
        question: question.clone(),
        site_name: facts.site.name.clone(),
        settings: settings(question, facts),
        balance,
        compliance: compliance::compliance(&world),
        findings,
    })
}

/// The findings of a question.
pub fn findings(question: &Question, facts: &Facts) -> Vec<Finding> {
    standard::judge(&World::of(question, facts))
}

fn settings(question: &Question, facts: &Facts) -> Vec<SiteSettings> {
    let versions = &facts.site.versions;
    let began = |version: &&SiteSettings| version.valid_from.is_none_or(|day| day <= question.to);
    let last_before = versions
        .iter()
        .rposition(|version| version.valid_from.is_none_or(|day| day <= question.from))
        .unwrap_or(0);
    versions.iter().skip(last_before).filter(began).cloned().collect()
}

/// When the next grace time of the facts ends, after the moment of the question: then it must be
/// answered again.
pub fn next_due(question: &Question, facts: &Facts) -> Option<Moment> {
    let graces = |at: Moment| {
        let settings = facts.settings(at);
        [settings.recording_grace_s, settings.entry_grace_s]
    };
    let ends = facts.calls.iter().filter_map(|fact| fact.call.ended_at);
    let arrivals = facts.recordings.iter().map(|fact| fact.recording.arrived_at);
    let entries = facts.entries.iter().map(EntryFact::at);
    ends.chain(arrivals)
        .chain(entries)
        .flat_map(|at| graces(at).map(|grace_s| at + TimeDelta::seconds(grace_s)))
        .filter(|due| *due > question.as_of)
        .min()
}

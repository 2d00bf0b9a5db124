//! A finding as a page shows it.

use super::{Frame, local, shown};
use crate::finding::{Code, Finding, Severity, State};
use crate::render::words::{self, word};

/// A finding as a page shows it.
#[derive(Debug, Clone)]
pub struct FindingView {
    pub title: String,
    pub code: Code,
    pub severity: &'static str,
    pub state: &'static str,
    pub since: String,
    pub evidence: Vec<(String, String)>,
    gist: Vec<String>,
    pub call: Option<i64>,
    pub recording: Option<i64>,
    pub entry: Option<i64>,
    pub delivery: Option<i64>,
}

impl FindingView {
    /// A finding in the words of a frame.
    pub fn of(finding: &Finding, frame: &Frame) -> Self {
        let pair = |item: &String| {
            let (name, value) = item.split_once('=').unwrap_or(("", item));
            (word(frame.language, name).to_owned(), shown(value, frame.zone))
        };
        Self {
            title: words::code(frame.language, finding.code),
            code: finding.code,
            severity: match finding.severity {
                Severity::Critical => "critical",
                Severity::Major => "major",
                Severity::Minor => "minor",
            },
            state: match finding.state {
                State::Open => "open",
                State::Explained => "explained",
                State::Healed => "healed",
            },
            since: local(finding.since, frame.zone),
            evidence: finding.evidence.iter().map(pair).collect(),
            gist: gist(&finding.evidence),
            call: finding.about.call,
            recording: finding.about.recording,
            entry: finding.about.entry,
            delivery: finding.about.delivery,
        }
    }

    pub(super) fn about_fields(&self) -> Vec<(&'static str, i64)> {
        let all = [
            ("call", self.call),
            ("recording", self.recording),
            ("entry", self.entry),
            ("delivery", self.delivery),
        ];
        all.into_iter().filter_map(|(name, key)| Some((name, key?))).collect()
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// What tells one finding from another at a glance: the party and the entry.
    pub(super) fn gist(&self) -> String {
        let values = self.gist.iter().map(String::as_str);
        values.filter(|value| *value != "-").collect::<Vec<_>>().join(" · ")
    }
}

/// Evidence that tells one finding from another, in this order.
const GIST: [&str; 6] = ["party", "written_number", "entry", "recording", "missing", "why"];

/// The first two of the gist's evidence that a finding has; a number that is told twice is told
/// once.
fn gist(evidence: &[String]) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for name in GIST {
        let told = evidence.iter().filter_map(|item| item.split_once('='));
        for (_, value) in told.filter(|(known, _)| *known == name) {
            if !values.iter().any(|known| known == value) {
                values.push(value.to_owned());
            }
        }
    }
    values.truncate(2);
    values
}

//! Pages of one call and of one recording.

use super::{FindingView, Frame, local};
use crate::audit::{CallFact, EntryFact, RecordingFact};
use crate::call::Verdict;
use crate::call::event::Moment;
use crate::linkage::Proposal;
use crate::recording::set::arrange;
use crate::recording::{Standing, Tombstone};
use crate::render::svg;
use crate::render::words::{Language, word};
use askama::Template;

/// A call with everything that hangs on it.
#[derive(Template)]
#[template(path = "call.html")]
pub struct CallPage<'a> {
    pub frame: &'a Frame,
    pub fact: &'a CallFact,
    pub recordings: &'a [RecordingFact],
    pub entry: Option<&'a EntryFact>,
    pub link: Option<&'a Proposal>,
    /// Where its recording stands.
    pub standing: Option<Standing>,
    /// Files that it announced and that could not be fetched yet.
    pub unfetched: Vec<Unfetched>,
    /// Entries that fit and are not linked, best first.
    pub proposed: Vec<Proposed>,
    pub findings: Vec<FindingView>,
}

/// A file that a call announced and that is not here.
pub struct Unfetched {
    /// As it was announced, without where it lies.
    pub name: String,
    pub tries: i64,
    /// Why the last try failed.
    pub error: Option<String>,
    /// When it is tried next; `None` when it was given up.
    pub again_at: Option<Moment>,
}

/// An entry that a person may link with one click.
pub struct Proposed {
    pub entry: EntryFact,
    pub proposal: Proposal,
}

impl CallPage<'_> {
    /// The state of the recording in words, and since when.
    fn standing(&self) -> Option<(String, String)> {
        let standing = self.standing?;
        let state = serde_json::to_value(standing.state).unwrap_or_default();
        let state = self.frame.t(state.as_str().unwrap_or_default()).to_owned();
        Some((state, local(standing.since, self.frame.zone)))
    }
    /// How a file that is not here stands.
    fn fetch_state(&self, one: &Unfetched) -> String {
        let t = |key| self.frame.t(key);
        match one.again_at {
            None => t("fetch_failed").to_owned(),
            Some(_) if one.tries == 0 => t("fetch_waiting").to_owned(),
            Some(at) => format!("{} {}", t("fetch_again"), local(at, self.frame.zone)),
        }
    }
    fn party(&self, number: &Option<crate::party::PhoneNumber>) -> String {
        let hidden = || self.frame.t("withheld").to_owned();
        number.as_ref().map_or_else(hidden, |number| self.frame.exposure.number(number))
    }
    fn verdict(&self) -> String {
        verdict(&self.fact.call.verdict, self.frame.language)
    }
    /// How near the limit it was.
    fn margin(&self) -> Option<String> {
        let seconds = |ms: i64| format!("{:.3} s", ms as f64 / 1000.0);
        match self.fact.call.verdict {
            Some(Verdict::Within { margin_ms, .. }) => {
                Some(format!("{} {}", self.frame.t("to_spare"), seconds(margin_ms)))
            }
            Some(Verdict::Late { over_ms, .. }) => {
                Some(format!("{} {}", self.frame.t("over"), seconds(over_ms)))
            }
            _ => None,
        }
    }
    fn rang(&self) -> bool {
        self.fact.call.legs.iter().any(|leg| leg.extension.is_some())
    }
    fn maybe(&self, at: &Option<Moment>) -> String {
        at.map_or_else(|| "–".to_owned(), |at| local(at, self.frame.zone))
    }
    fn waveform(&self, fact: &RecordingFact) -> Option<String> {
        let measures = fact.recording.measures.as_ref()?;
        Some(svg::waveform(&measures.peaks, self.frame.t("recording")))
    }
    /// Where a file stands in the set: what it repeats, what is missing before it, what lies over
    /// another.
    fn place(&self, fact: &RecordingFact) -> Option<String> {
        let set: Vec<_> = self.recordings.iter().map(|one| &one.recording).collect();
        let index = self.recordings.iter().position(|one| one.key == fact.key)?;
        let piece = arrange(&set).into_iter().find(|piece| piece.index == index)?;
        let t = |key| self.frame.t(key);
        if let Some(original) = piece.copy_of {
            return Some(format!("{} {}", t("copy_of"), original + 1));
        }
        let told = [("gap_s", piece.gap_s), ("overlap_s", piece.overlap_s)];
        let told = told.iter().filter(|(_, seconds)| *seconds > 0.0);
        let told: Vec<String> = told.map(|(key, s)| format!("{} {s:.1}", t(key))).collect();
        (!told.is_empty()).then(|| told.join(" · "))
    }
    fn direction(&self) -> String {
        let value = serde_json::to_value(self.fact.call.direction).unwrap_or_default();
        self.frame.t(value.as_str().unwrap_or_default()).to_owned()
    }
    fn cause(&self) -> Option<String> {
        let value = serde_json::to_value(self.fact.call.cause?).unwrap_or_default();
        value.as_str().map(|key| self.frame.t(key).to_owned())
    }
}

/// A verdict in words: the ring, and what is missing where it is unknown.
pub fn verdict(verdict: &Option<Verdict>, language: Language) -> String {
    let t = |key| word(language, key);
    let ring = |ring: &Option<u32>| ring.map_or(String::new(), |n| format!(" · {} {n}", t("ring")));
    match verdict {
        None => t("alive").to_owned(),
        Some(Verdict::Within { ring: n, .. }) => format!("{}{}", t("within"), ring(n)),
        Some(Verdict::Late { ring: n, .. }) => format!("{}{}", t("late"), ring(n)),
        Some(Verdict::Abandoned { ring: n }) => format!("{}{}", t("abandoned"), ring(n)),
        Some(Verdict::Unanswered) => t("unanswered").to_owned(),
        Some(Verdict::NotApplicable) => t("not_applicable").to_owned(),
        Some(Verdict::Unknown { reason }) => {
            let reason = serde_json::to_value(reason).unwrap_or_default();
            let key = reason["reason"].as_str().unwrap_or_default().to_owned();
            format!("{}: {}", t("unknown"), word(language, &key))
        }
    }
}

/// A recording with its measures.
#[derive(Template)]
#[template(path = "recording.html")]
pub struct RecordingPage<'a> {
    pub frame: &'a Frame,
    pub fact: &'a RecordingFact,
    /// What is left of it, where it was erased.
    pub tombstone: Option<&'a Tombstone>,
    /// The thing under whose legal hold it is.
    pub held: Option<&'a String>,
    pub findings: Vec<FindingView>,
}

impl RecordingPage<'_> {
    fn erased_at(&self) -> String {
        self.tombstone.map_or_else(String::new, |stone| local(stone.at, self.frame.zone))
    }
    fn waveform(&self) -> Option<String> {
        let measures = self.fact.recording.measures.as_ref()?;
        Some(svg::waveform(&measures.peaks, self.frame.t("recording")))
    }
    fn class(&self) -> String {
        let measures = self.fact.recording.measures.as_ref();
        let value = serde_json::to_value(measures.map(|m| m.class)).unwrap_or_default();
        self.frame.t(value.as_str().unwrap_or("waiting")).to_owned()
    }
}

//! What a rule looks at: calls, recordings, entries and links of some days, and the question that
//! is asked of them.

use crate::call::Call;
use crate::call::event::Moment;
use crate::call::pulse::Beat;
use crate::finding::{About, Code, Reason};
use crate::ledger::LedgerEntry;
use crate::linkage::{LinkedBy, Links};
use crate::recording::Recording;
use crate::site::{Site, SiteSettings};
use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub site: String,
    /// First local day.
    pub from: NaiveDate,
    /// Last local day, included.
    pub to: NaiveDate,
    /// The moment the answer speaks of; absences count only once their grace has run out by then.
    pub as_of: Moment,
}

/// A call with the store's key.
#[derive(Debug, Clone, PartialEq)]
pub struct CallFact {
    pub key: i64,
    pub call: Call,
}

/// A recording with the store's key and the call whose recording set it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordingFact {
    pub key: i64,
    pub call: Option<i64>,
    pub recording: Recording,
}

/// The newest version of an entry with the store's key.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryFact {
    pub key: i64,
    pub version: u32,
    /// It came with a bulk import.
    pub imported: bool,
    pub entry: LedgerEntry,
}

/// A link as the store keeps it: an entry and a call, or an entry and a recording without a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkFact {
    pub entry: i64,
    pub call: Option<i64>,
    pub recording: Option<i64>,
    pub by: LinkedBy,
    pub probability: f64,
}

/// A person's closing of a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    pub code: Code,
    pub about: About,
    pub reason: Reason,
    pub text: String,
    pub who: String,
    pub at: Moment,
}

/// A delivery that was kept and could not be read, or a lost feed.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedFact {
    pub code: Code,
    pub delivery: Option<i64>,
    pub at: Moment,
    /// When a lost feed came back; `None` while it is lost.
    pub until: Option<Moment>,
    pub what: String,
}

/// Stored bytes that are not as they were: of a recording, or of none.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectFact {
    pub code: Code,
    /// The recording whose bytes they are; none for bytes that belong to no recording.
    pub recording: Option<i64>,
    /// The fact that told of it.
    pub fact: i64,
    /// When it was seen first.
    pub at: Moment,
    /// Names and values.
    pub evidence: Vec<String>,
}

/// Everything an answer needs, read in one snapshot. Calls, recordings and entries of the days
/// asked, with what they are linked to even where that lies outside the days.
#[derive(Debug, Clone)]
pub struct Facts {
    pub site: Site,
    pub calls: Vec<CallFact>,
    pub recordings: Vec<RecordingFact>,
    pub entries: Vec<EntryFact>,
    pub links: Vec<LinkFact>,
    /// What linking left open: suggestions, ambiguous pairs, second entries, mis-filed walk-ins.
    pub open: Links,
    pub explanations: Vec<Explanation>,
    pub feed: Vec<FeedFact>,
    /// Why the last try to fetch a recording that a call announced failed, by the call's key.
    pub unfetched: BTreeMap<i64, String>,
    /// What is wrong with stored bytes.
    pub objects: Vec<ObjectFact>,
    /// The sources' pulse, ordered in time, some days before and after those asked included.
    pub beats: Vec<Beat>,
}

impl Facts {
    /// The settings of the site that held at a moment.
    pub fn settings(&self, at: Moment) -> &SiteSettings {
        self.site.settings_at(at)
    }

    /// The local day of a moment.
    pub fn day(&self, at: Moment) -> NaiveDate {
        self.settings(at).local_day(at)
    }
}

impl Question {
    /// Whether a local day is one of those asked for.
    pub fn covers(&self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.to
    }

    /// Whether a time of grace has run out.
    pub fn is_over(&self, from: Moment, grace_s: i64) -> bool {
        self.as_of >= from + TimeDelta::seconds(grace_s)
    }
}

impl RecordingFact {
    /// When it begins, as far as known; else when it was finished or arrived.
    pub fn at(&self) -> Moment {
        let hints = &self.recording.hints;
        hints.starts_at.or(hints.finished_at).unwrap_or(self.recording.arrived_at)
    }
}

impl EntryFact {
    /// When the matter happened, as written; else when it was registered.
    pub fn at(&self) -> Moment {
        self.entry.occurred_at.unwrap_or(self.entry.registered_at)
    }
}

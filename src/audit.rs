//! One audit question and its answer: balances, compliance, findings. Pure.

use crate::call::Call;
use crate::call::event::Moment;
use crate::finding::{About, Code, Finding, Reason};
use crate::ledger::LedgerEntry;
use crate::linkage::{LinkedBy, Links};
use crate::recording::Recording;
use crate::site::Site;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

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
    pub what: String,
}

/// Everything an answer needs, read in one snapshot. Calls, recordings and entries of the days asked, with
/// what they are linked to even where that lies outside the days.
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
}

/// The findings of a question.
pub fn findings(_question: &Question, _facts: &Facts) -> Vec<Finding> {
    Vec::new()
}

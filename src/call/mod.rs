//! One call as the desk lived it: canonical events in, one [`Call`] out.

mod answer;
mod end;
pub mod event;
pub mod fold;
mod gather;
mod joins;
mod judge;
pub mod leg;
mod parties;
pub mod pulse;
pub mod rings;
mod statement;
mod story;
mod why;

pub use event::{
    Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, FeedGap, JoinSight, LegFacts,
    Moment, Tie,
};
pub use fold::{CallRules, fold, gather};
pub use leg::Leg;
pub use rings::{Cadence, Ringback, UnknownReason, Verdict};

use crate::party::{PersonName, PhoneNumber};
use serde::{Deserialize, Serialize};

/// Everything that belongs to one attempt to reach the estate, or to be reached by it. Derived: it
/// is never edited, only folded again from its events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The oldest id that names the call.
    pub call_id: String,
    /// Ids of calls that turned out to be this one (attended transfer, pick-up), sorted.
    pub other_ids: Vec<String>,
    pub direction: Direction,
    /// `None` when withheld.
    pub caller: Option<PhoneNumber>,
    pub caller_name: Option<PersonName>,
    /// What was dialled.
    pub callee: Option<PhoneNumber>,
    /// The earliest time of any event of the call.
    pub offered_at: Moment,
    /// When the first desk phone began to ring (or the answering phone, by setting).
    pub alerting: Option<Bounds>,
    /// When a person at the desk picked up a leg that was then joined with the caller.
    pub answered: Option<Bounds>,
    /// When caller and desk could hear each other.
    pub joined: Option<Bounds>,
    /// Least and greatest time from the start of ringing to the pick-up, as far as the phone system
    /// told: equal when it told both exactly. What the verdict on an answered call rests on.
    #[serde(default)]
    pub waited_ms: Option<(i64, i64)>,
    /// `None` while the call is alive.
    pub ended_at: Option<Moment>,
    /// The end was not told; it was closed by rule.
    pub ended_inferred: bool,
    /// The desk extension that answered.
    pub answered_by: Option<String>,
    /// After the desk, others talked with the caller too: a transfer or conference.
    pub transferred: bool,
    /// A desk phone was tried, or the caller waited for the desk: the call owes a ledger entry
    /// (R4).
    pub reached_desk: bool,
    /// Why nobody at the desk answered; `None` for answered calls and while alive.
    pub cause: Option<Cause>,
    /// `None` while the call is alive and not answered.
    pub verdict: Option<Verdict>,
    /// The receive times had to serve, because the phone system gave none.
    pub precision: Clock,
    /// Statements about one time that exclude each other.
    pub contradiction: bool,
    pub legs: Vec<Leg>,
    /// Announced recordings: reference and start, each once, in order of start.
    pub recordings: Vec<AnnouncedRecording>,
    /// What happened when, for people to read; in order of time.
    pub timeline: Vec<Step>,
}

/// A recording the phone system spoke of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnnouncedRecording {
    pub starts_at: Moment,
    /// URL, path or name, as announced.
    pub reference: String,
    /// The phone system said when it begins; else `starts_at` is when it was announced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start_told: bool,
}

/// One line of a call's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub at: Moment,
    /// A word of [`event::EventKind`]: `alerting`, `picked_up`, …
    pub what: String,
    /// The extension, if it is about a phone of the house.
    pub extension: Option<String>,
}

impl Call {
    /// Talk time in milliseconds, from the join to the end.
    pub fn talk_ms(&self) -> Option<i64> {
        let (joined, ended) = (self.joined?, self.ended_at?);
        Some((ended - joined.earliest).num_milliseconds().max(0))
    }

    /// A person at the desk answered, so the call owes a recording (R2).
    pub fn is_answered(&self) -> bool {
        let timeless = Verdict::Unknown { reason: UnknownReason::AnswerTimeMissing };
        self.joined.is_some() || self.verdict == Some(timeless)
    }

    /// Whether this is an id of the call, of a call that was merged into it, or of one of its legs.
    pub fn answers_to(&self, id: &str) -> bool {
        let of_legs = self.legs.iter().map(|leg| &leg.id);
        [&self.call_id].into_iter().chain(&self.other_ids).chain(of_legs).any(|own| own == id)
    }

    /// Whether the phone system announced a recording of this name, wherever it lies.
    pub fn announces(&self, name: &str) -> bool {
        let base = |reference: &str| reference.rsplit('/').next() == Some(name);
        self.recordings.iter().any(|one| base(&one.reference))
    }

    /// The party outside the estate: the caller of an inbound call, the callee of an outbound one.
    pub fn outside_party(&self) -> Option<&PhoneNumber> {
        match self.direction {
            Direction::Outbound => self.callee.as_ref(),
            _ => self.caller.as_ref(),
        }
    }
}

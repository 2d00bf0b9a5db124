//! Which call with its recording set belongs to which ledger entry: optimal, one-to-one, explained.
//!
//! Pure. The weight of a pair depends on nothing but the pair and the directory, so a window of the data gives
//! the same links as the whole.

pub mod assign;
pub mod candidate;
pub mod evidence;
pub mod verdict;

pub use evidence::Evidence;
pub use verdict::{LinkedBy, Links, Proposal};

use crate::call::event::{Direction, Moment};
use crate::ledger::Channel;

/// One side of a link: a call with its recording set (which may be empty), or a recording set without a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// The store's key of it; negative for a recording without a call.
    pub key: i64,
    /// All ids by which an entry may name it.
    pub call_ids: Vec<String>,
    /// Folded digits of the outside party; `None` when withheld.
    pub number: Option<String>,
    pub direction: Direction,
    /// When it began to be of interest to the desk: the first ring, else the offer.
    pub started_at: Moment,
    /// `None` while alive or not known.
    pub ended_at: Option<Moment>,
    /// The desk extension that answered.
    pub extension: Option<String>,
    /// The person at that extension, where the phone system says it.
    pub agent: Option<String>,
    pub answered: bool,
    /// It has at least one recording with sound.
    pub recorded: bool,
}

/// The other side: a ledger entry, as far as linking needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The store's key of the entry.
    pub key: i64,
    pub channel: Channel,
    /// Folded digits of the number as written.
    pub number: Option<String>,
    pub registered_at: Moment,
    pub occurred_at: Option<Moment>,
    pub occurred_day_only: bool,
    pub handler: Option<String>,
    /// Folded form of the unit.
    pub unit: Option<String>,
    pub call_id: Option<String>,
    /// It came with a bulk import, so `registered_at` says nothing of the call's time.
    pub imported: bool,
}

/// Numbers known of each unit, for evidence: folded unit → folded numbers. Ordered, so that nothing depends on hashing.
pub type Directory = std::collections::BTreeMap<String, Vec<String>>;

/// A pair that a person has decided; no program changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    pub contact: i64,
    pub entry: i64,
    /// True: they belong together. False: they never do.
    pub together: bool,
}

/// Probabilities from which a pair is linked, or proposed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    pub auto: f64,
    pub suggest: f64,
}

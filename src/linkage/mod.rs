//! Which call with its recording set belongs to which ledger entry: optimal, one-to-one, explained.
//!
//! Pure. What is believed of a desk is a [`Model`], learned from its own rows without labels.

pub mod assign;
pub mod beliefs;
mod candidate;
pub mod compact;
mod decide;
pub mod evidence;
pub mod explain;
mod ground;
pub mod habits;
pub mod hash;
pub mod learn;
pub mod left_over;
mod lists;
pub mod model;
mod pairs;
pub mod part;
pub mod posterior;
pub mod reading;
pub mod verdict;
pub mod weigh;
pub mod why;
mod world;

pub use beliefs::Beliefs;
pub use candidate::reach_s;
pub use decide::{Bars, link};
pub use ground::Ground;
pub use learn::deployment;
pub use model::Model;
pub use part::{Change, More, Part, relink};
pub use verdict::{Evidence, LinkedBy, Links, Proposal};
pub use world::World;

use crate::call::event::{Direction, Moment};
use crate::ledger::Channel;
use std::collections::BTreeSet;

/// A text of a call or an entry. Nearly all are so short that they lie in their place, without
/// memory of their own: of a million rows each would have five.
pub type Text = compact_str::CompactString;

/// One side of a link: a call with its recording set (which may be empty), or a recording set
/// without a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// The store's key of it; negative for a recording without a call.
    pub key: i64,
    /// All ids by which an entry may name it.
    pub call_ids: Vec<Text>,
    /// Folded digits of the outside party; `None` when withheld.
    pub number: Option<Text>,
    pub direction: Direction,
    /// When it began to be of interest to the desk: the first ring, else the offer.
    pub started_at: Moment,
    pub answered_at: Option<Moment>,
    /// `None` while alive or not known.
    pub ended_at: Option<Moment>,
    /// The desk extension that answered.
    pub extension: Option<Text>,
    /// The person at that extension, where the phone system says it.
    pub agent: Option<Text>,
    pub answered: bool,
}

/// The other side: a ledger entry, as far as linking needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The store's key of the entry.
    pub key: i64,
    pub channel: Channel,
    /// Folded digits of the number as written; `*` for digits that are masked.
    pub number: Option<Text>,
    /// Further numbers in the same cell.
    pub other_numbers: Vec<Text>,
    /// The number that the words of the matter name, where the cell is empty: it may be somebody
    /// else's.
    pub mentioned: Option<Text>,
    pub registered_at: Moment,
    pub occurred_at: Option<Moment>,
    pub occurred_day_only: bool,
    pub name: Option<Text>,
    pub handler: Option<Text>,
    /// Folded form of the unit.
    pub unit: Option<Text>,
    pub call_id: Option<Text>,
    /// It came with a bulk import, so `registered_at` says nothing of the call's time.
    pub imported: bool,
}

impl Row {
    /// The best idea of when the matter was, in seconds of the epoch: as written, at noon where
    /// only the day is, else when it was registered.
    pub fn near_s(&self) -> i64 {
        let half_day = if self.occurred_day_only { 43_200 } else { 0 };
        self.occurred_at.map_or(self.registered_at.timestamp(), |at| at.timestamp() + half_day)
    }
}

/// What a directory knows of a unit: folded numbers, and names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Home {
    pub numbers: Vec<Text>,
    pub names: Vec<Text>,
}

/// Homes by folded unit. Ordered, so that nothing depends on hashing.
pub type Directory = std::collections::BTreeMap<String, Home>;

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

/// All that is known of one site.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    pub contacts: &'a [Contact],
    pub rows: &'a [Row],
    pub directory: &'a Directory,
    pub decided: &'a [Decided],
}

impl Desk<'_> {
    /// Pairs that people put together, the first word first, one-to-one.
    fn together(&self) -> Vec<(i64, i64)> {
        let (mut contacts, mut entries) = (BTreeSet::new(), BTreeSet::new());
        let words = self.decided.iter().filter(|word| word.together);
        let is_free = |word: &&Decided| {
            let free = !contacts.contains(&word.contact) && !entries.contains(&word.entry);
            free && contacts.insert(word.contact) && entries.insert(word.entry)
        };
        words.filter(is_free).map(|word| (word.contact, word.entry)).collect()
    }

    /// Pairs that a person parted, in order.
    fn never(&self) -> Vec<(i64, i64)> {
        let parted = self.decided.iter().filter(|word| !word.together);
        let mut pairs: Vec<(i64, i64)> = parted.map(|word| (word.contact, word.entry)).collect();
        pairs.sort_unstable();
        pairs
    }
}

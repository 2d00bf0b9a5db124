//! What linking says of each pair and of what is left over.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The outcome of one field's comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// `number`, `time`, `agent`, `direction`, `call_id`.
    pub field: Cow<'static, str>,
    /// The level in words: `same`, `one digit wrong`, `2 min apart`.
    pub level: Cow<'static, str>,
    /// Logarithm (base 2) of how much likelier this is for a pair that belongs together.
    pub weight: f64,
}

/// Who stands behind a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkedBy {
    /// A person said so.
    Person,
    /// The entry carries the call's id and nothing speaks against it.
    CallId,
    /// Record linkage.
    Evidence,
}

/// A pair with its probability and the evidence for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    pub contact: i64,
    pub entry: i64,
    /// Posterior probability that the two belong together, 0 to 1.
    pub probability: f64,
    pub by: LinkedBy,
    pub evidence: Vec<Evidence>,
}

/// The outcome for a set of contacts and rows. All lists are ordered by key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Links {
    /// One-to-one: no contact and no entry twice.
    pub linked: Vec<Proposal>,
    /// Worth a person's look, best first for each entry; neither side is linked.
    pub suggested: Vec<Proposal>,
    /// Pairs of pairs too close to call: left open, both sides shown together.
    pub ambiguous: Vec<Proposal>,
    /// Entries that tell of a contact which is linked to another entry: (entry, the contact).
    pub second_entries: Vec<Proposal>,
    /// Walk-in entries that fit a contact nobody registered (R69).
    pub mis_filed: Vec<Proposal>,
}

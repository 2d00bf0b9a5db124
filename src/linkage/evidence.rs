//! Field comparisons and their weights; every weight explains itself.

use serde::{Deserialize, Serialize};

/// The outcome of one field's comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// `number`, `time`, `agent`, `direction`, `unit`, `length`, `call_id`.
    pub field: String,
    /// The level in words: `same`, `one digit wrong`, `2 min apart`.
    pub level: String,
    /// Logarithm (base 2) of how much likelier this is for a pair that belongs together.
    pub weight: f64,
}

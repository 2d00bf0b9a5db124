//! Where rows lie. Facts are appended and chained; everything else is derived from them and may be
//! rebuilt.
//!
//! No rule in SQL and no SQL elsewhere: the store lends its transaction to the pure functions
//! behind [`Interpreter`] and keeps what they return. SQLite is the engine of one site or one
//! machine; a second engine is a second folder beside `sqlite` that passes `tests/store.rs`.

pub mod fact;
pub mod sqlite;

pub use fact::{Fact, Kind, NewFact};
pub use rusqlite::Connection;
pub use sqlite::{Store, Tx};

use crate::call::{Call, CallEvent, FeedGap, Moment};
use crate::pbx::{Delivery, Reading, Refusal};
use chrono::DateTime;

/// What the store asks of the business, without knowing what a ring is. Pure: same input, same
/// output.
pub trait Interpreter: Send + Sync {
    /// Reads a stored delivery of a source.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be understood; the delivery is kept all the same.
    fn read(&self, source: &str, delivery: &Delivery) -> std::result::Result<Reading, Refusal>;

    /// Folds the events of one call of a site.
    fn fold(
        &self,
        site: &str,
        events: &[CallEvent],
        gaps: &[FeedGap],
        as_of: Option<Moment>,
    ) -> Option<Call>;

    /// Whether a recording that a source announces so is to be fetched.
    fn fetches(&self, source: &str, reference: &str) -> bool;

    /// The local day of a moment at a site, `2026-11-23`.
    fn day(&self, site: &str, at: Moment) -> String;
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More is waiting than the limit allows: try again in a moment. Nothing was kept.
    #[error("too much is waiting to be written; try again in a moment")]
    Overloaded,
    /// The writer has stopped, or the disk failed.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The database engine refused.
    #[error("the store failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A row does not hold what it should.
    #[error("row {0} cannot be read: {1}")]
    Broken(String, String),
    /// The caller asked for what the rows forbid.
    #[error("{0}")]
    Conflict(String),
    /// No such row.
    #[error("{0} is not known")]
    NotFound(String),
}

/// Result of a store call.
pub type Result<T> = std::result::Result<T, Error>;

/// Microseconds since the epoch.
pub fn micros(at: Moment) -> i64 {
    at.timestamp_micros()
}

/// The moment of microseconds since the epoch; the epoch itself for values no calendar holds.
pub fn moment(micros: i64) -> Moment {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

//! What each kind of fact means for the derived rows. Live work and `replay` pass through here
//! alike, so that a rebuilt database cannot differ from a grown one by accident.

use super::{beliefs, calls, entries, erasures, holds, objects, people, recordings, renditions};
use crate::call::Moment;
use crate::store::fact::{Fact, Kind};
use crate::store::{Error, Interpreter, Result, moment};
use rusqlite::Connection;
use serde::de::DeserializeOwned;

/// Where a fact's rows go.
pub struct Place<'a> {
    pub connection: &'a Connection,
    pub interpreter: &'a dyn Interpreter,
    /// Name of the fact's site.
    pub site_name: &'a str,
}

impl Place<'_> {
    /// Marks the local day of a moment: its links and findings must be computed again.
    pub fn mark(&self, site: i64, at: Moment) -> Result<()> {
        let day = self.interpreter.day(self.site_name, at);
        calls::mark_dirty(self.connection, site, &day, 0)
    }
}

/// Writes the rows of a fact that is not a delivery. Deliveries go through the fold.
///
/// # Errors
/// [`Error::Broken`] when the fact's body does not hold what its kind promises.
pub fn apply(place: &Place<'_>, fact: &Fact) -> Result<()> {
    match Kind::of(fact.kind) {
        Some(Kind::Recording) => recordings::apply(place, fact, body(fact)?),
        Some(Kind::Entry) => entries::apply(place, fact, body(fact)?),
        Some(Kind::Decision) => people::apply_decision(place, fact, body(fact)?),
        Some(Kind::Explanation) => people::apply_explanation(place, fact, body(fact)?),
        Some(Kind::Directory) => people::apply_directory(place, fact, body(fact)?),
        Some(Kind::Object) => objects::apply(place, fact, body(fact)?),
        Some(Kind::Hold) => holds::apply(place, fact, body(fact)?),
        Some(Kind::Erasure) => erasures::apply(place, fact, body(fact)?),
        Some(Kind::Rendition) => renditions::apply(place, fact, body(fact)?),
        Some(Kind::Learned) => beliefs::apply(place, fact, &body(fact)?),
        Some(Kind::Delivery | Kind::Settings | Kind::Access) | None => Ok(()),
    }
}

fn body<T: DeserializeOwned>(fact: &Fact) -> Result<T> {
    serde_json::from_slice(&fact.body).map_err(|error| {
        Error::Broken(format!("fact {}", fact.id), format!("{:?}: {error}", Kind::of(fact.kind)))
    })
}

/// The moment of a fact.
pub fn at(fact: &Fact) -> Moment {
    moment(fact.at_us)
}

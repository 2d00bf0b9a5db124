//! What the daemon learned of a site, as facts: links rest on it, so a rebuilt database rests on
//! the same.

use super::apply::Place;
use super::stirred::{self, Side};
use crate::call::Moment;
use crate::linkage::Beliefs;
use crate::linkage::habits::Habit;
use crate::store::fact::{Fact, Kind};
use crate::store::{Error, Result, moment};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// What was learned of a site. The body of its fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    pub beliefs: Beliefs,
    /// What its rows show of its ways, in sentences.
    pub habits: Vec<Habit>,
    /// Habits that were switched off then.
    pub off: Vec<String>,
    /// Calls and entries it was learned from.
    pub calls: usize,
    pub entries: usize,
    /// Facts of the site there were.
    pub facts: i64,
}

impl super::Tx<'_, '_> {
    /// Keeps what was learned of a site; everything of it is linked again.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn learn(&mut self, site: i64, learned: &Learned, at: Moment) -> Result<i64> {
        self.act(site, Kind::Learned, at, "ringledger", learned)
    }
}

/// The row of what was learned.
pub(super) fn apply(place: &Place<'_>, fact: &Fact, learned: &Learned) -> Result<()> {
    let broken =
        |error: serde_json::Error| Error::Broken(format!("fact {}", fact.id), error.to_string());
    let doc = serde_json::to_string(learned).map_err(broken)?;
    let off = serde_json::to_string(&learned.off).map_err(broken)?;
    stirred::stir(place.connection, fact.site, (Side::Everything, 0), stirred::NO_TIME)?;
    place.connection.execute(
        "INSERT OR REPLACE INTO beliefs VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![fact.site, fact.id, learned.entries as i64, learned.facts, off, doc],
    )?;
    Ok(())
}

/// What was learned of a site last, and when; nothing where it never was.
///
/// # Errors
/// When the row cannot be read.
pub fn learned(connection: &Connection, site: i64) -> Result<Option<(Moment, Learned)>> {
    let found: Option<(i64, String)> = connection
        .prepare_cached(
            "SELECT f.at, b.doc FROM beliefs b JOIN fact f ON f.id = b.fact WHERE b.site = ?1",
        )?
        .query_row([site], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((at, doc)) = found else { return Ok(None) };
    let learned = serde_json::from_str(&doc)
        .map_err(|error| Error::Broken(format!("beliefs of site {site}"), error.to_string()))?;
    Ok(Some((moment(at), learned)))
}

/// From how much a site was learned last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub entries: usize,
    pub facts: i64,
    pub off: Vec<String>,
}

/// From how much a site was learned last; nothing where it never was.
///
/// # Errors
/// When the row cannot be read.
pub fn standing(connection: &Connection, site: i64) -> Result<Option<Standing>> {
    let found: Option<(i64, i64, String)> = connection
        .prepare_cached("SELECT entries, facts, off FROM beliefs WHERE site = ?1")?
        .query_row([site], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((entries, facts, off)) = found else { return Ok(None) };
    let off = serde_json::from_str(&off)
        .map_err(|error| Error::Broken(format!("beliefs of site {site}"), error.to_string()))?;
    Ok(Some(Standing { entries: usize::try_from(entries).unwrap_or_default(), facts, off }))
}

/// How many facts there are of a site.
///
/// # Errors
/// When the disk fails.
pub fn facts(connection: &Connection, site: i64) -> Result<i64> {
    let sql = "SELECT facts FROM site WHERE key = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([site], |row| row.get(0))?)
}

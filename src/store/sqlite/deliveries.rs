//! What was delivered, for people and scripts to look at.

use super::calls;
use crate::call::Moment;
use crate::store::fact::Fact;
use crate::store::{Kind, Result, moment};
use rusqlite::{Connection, params};
use serde::Serialize;

/// How many deliveries a look back for one source passes.
const LOOK_BACK: i64 = 100_000;

/// One stored delivery, as `ringledger deliveries` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub id: i64,
    pub source: String,
    pub received_at: Moment,
    /// SHA-256 of the body in hex.
    pub digest: String,
    pub understood: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// Which deliveries are wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub source: Option<String>,
    /// An id of a call or of one of its legs.
    pub call: Option<String>,
}

/// Walks the deliveries that `filter` wants, in order, and gives each to `each` until it says stop.
///
/// # Errors
/// When the disk fails.
pub fn list(
    connection: &Connection,
    filter: &Filter,
    mut each: impl FnMut(Listed) -> bool,
) -> Result<()> {
    let only = match &filter.call {
        Some(id) => Some(facts_of_call(connection, id)?),
        None => None,
    };
    let mut query = connection.prepare(
        "SELECT f.id, s.name, f.at, f.digest, u.why FROM fact f
         JOIN source s ON s.key = f.source LEFT JOIN unread u ON u.fact = f.id
         WHERE f.kind = ?1 AND f.id > ?2 ORDER BY f.id",
    )?;
    let first = only.as_ref().map_or(0, |facts| facts.first().map_or(i64::MAX, |id| id - 1));
    let mut rows = query.query(params![Kind::Delivery as i64, first])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if only.as_ref().is_some_and(|facts| facts.last().is_none_or(|last| id > *last)) {
            break;
        }
        let source: String = row.get(1)?;
        let of_call = only.as_ref().is_none_or(|facts| facts.binary_search(&id).is_ok());
        if !of_call || filter.source.as_ref().is_some_and(|name| *name != source) {
            continue;
        }
        let digest: Vec<u8> = row.get(3)?;
        let why_not: Option<String> = row.get(4)?;
        let listed = Listed {
            id,
            source,
            received_at: moment(row.get(2)?),
            digest: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            understood: why_not.is_none(),
            why_not,
        };
        if !each(listed) {
            break;
        }
    }
    Ok(())
}

fn facts_of_call(connection: &Connection, id: &str) -> Result<Vec<i64>> {
    let mut sites = connection.prepare("SELECT key FROM site ORDER BY key")?;
    let mut facts = Vec::new();
    for site in sites.query_map([], |row| row.get(0))? {
        if let Some(call) = calls::key_of(connection, site?, id)? {
            facts.extend(calls::facts_of(connection, call)?.into_iter().map(|fact| fact.id));
        }
    }
    facts.sort_unstable();
    Ok(facts)
}

/// Deliveries that no adapter could read, of a span of time: (fact, when, why).
///
/// # Errors
/// When the disk fails.
pub fn unread_between(
    connection: &Connection,
    site: i64,
    from: Moment,
    to: Moment,
) -> Result<Vec<(i64, Moment, String)>> {
    let mut query = connection.prepare_cached(
        "SELECT u.fact, f.at, u.why FROM unread u JOIN fact f ON f.id = u.fact
         WHERE u.site = ?1 AND f.at >= ?2 AND f.at < ?3 ORDER BY u.fact",
    )?;
    let values = params![site, crate::store::micros(from), crate::store::micros(to)];
    let rows =
        query.query_map(values, |row| Ok((row.get(0)?, moment(row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A stored delivery with the key of its site and the name of its source; nothing where the number
/// is that of another kind of fact.
///
/// # Errors
/// When the disk fails.
pub fn by_id(connection: &Connection, id: i64) -> Result<Option<(String, Fact)>> {
    let mut query = connection.prepare_cached(
        "SELECT f.*, s.name FROM fact f JOIN source s ON s.key = f.source
         WHERE f.id = ?1 AND f.kind = ?2",
    )?;
    let mut rows = query.query(params![id, Kind::Delivery as i64])?;
    Ok(match rows.next()? {
        Some(row) => Some((row.get("name")?, calls::fact_row(row)?)),
        None => None,
    })
}

/// The numbers of the newest deliveries of a source, or of all, oldest first.
///
/// # Errors
/// When the disk fails.
pub fn newest(connection: &Connection, source: Option<&str>, count: usize) -> Result<Vec<i64>> {
    // Walks back from the end: of a source that has long been silent only what a look back finds.
    let mut query = connection.prepare_cached(
        "SELECT f.id, s.name FROM fact f JOIN source s ON s.key = f.source
         WHERE f.kind = ?1 ORDER BY f.id DESC LIMIT ?2",
    )?;
    let rows = query.query_map(params![Kind::Delivery as i64, LOOK_BACK], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        if found.len() >= count {
            break;
        }
        let (id, name) = row?;
        if source.is_none_or(|source| source == name) {
            found.push(id);
        }
    }
    found.reverse();
    Ok(found)
}

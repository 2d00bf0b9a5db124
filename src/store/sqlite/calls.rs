//! Rows of calls.

use super::filter::BUCKET_BITS;
use super::folding::tie_key;
use super::stirred::{self, Side};
use crate::audit::CallFact;
use crate::call::{Call, Moment};
use crate::store::fact::Fact;
use crate::store::{Error, Result, micros, moment};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Keeps a folded call. Legs and timeline are left out: the call's page folds them again from the
/// deliveries.
pub fn save(tx: &Connection, site: i64, key: i64, seen_at: Moment, call: Call) -> Result<()> {
    let number = call.outside_party().map(|number| number.folded());
    let slim = Call { legs: Vec::new(), timeline: Vec::new(), ..call };
    let doc = serde_json::to_string(&slim)
        .map_err(|error| Error::Broken(format!("call {}", slim.call_id), error.to_string()))?;
    let (offered_at, ended_at) = (micros(slim.offered_at), slim.ended_at.map(micros));
    stirred::stir(tx, site, (Side::Call, key), offered_at)?;
    // A call is folded again with each event, and hardly ever with another number or time: then the
    // big indexes are left alone.
    let changed = tx
        .prepare_cached(
            "UPDATE call SET seen_at = ?4, ended_at = ?5, doc = ?7
             WHERE key = ?1 AND site = ?2 AND offered_at = ?3 AND number IS ?6",
        )?
        .execute(params![key, site, offered_at, micros(seen_at), ended_at, number, doc])?;
    if changed == 0 {
        tx.prepare_cached(
            "INSERT INTO call (key, site, offered_at, seen_at, ended_at, number, doc)
             VALUES (?1,?2,?3,?4,?5,?6,?7)
             ON CONFLICT (key) DO UPDATE SET offered_at = excluded.offered_at,
               seen_at = excluded.seen_at, ended_at = excluded.ended_at, number = excluded.number,
               doc = excluded.doc",
        )?
        .execute(params![
            key,
            site,
            offered_at,
            micros(seen_at),
            ended_at,
            number,
            doc
        ])?;
    }
    Ok(())
}

/// Forgets a call that became part of another, with the links of its own.
pub fn remove(tx: &Connection, site: i64, key: i64) -> Result<()> {
    // What was never folded was never linked.
    if tx.prepare_cached("SELECT 1 FROM call WHERE key = ?1")?.exists([key])? {
        stirred::stir(tx, site, (Side::Call, key), stirred::NO_TIME)?;
    }
    stirred::stir_recordings_of(tx, site, key)?;
    tx.execute("DELETE FROM link WHERE site = ?1 AND call = ?2", [site, key])?;
    tx.execute("DELETE FROM proposal WHERE site = ?1 AND contact = ?2", [site, key])?;
    tx.execute("UPDATE recording SET call = NULL WHERE site = ?1 AND call = ?2", [site, key])?;
    tx.execute("DELETE FROM finding WHERE site = ?1 AND call = ?2", [site, key])?;
    tx.execute("DELETE FROM call WHERE key = ?1", [key])?;
    Ok(())
}

/// Times of the entries and recordings that are linked to a call, or proposed.
pub fn times_beside(tx: &Connection, site: i64, key: i64) -> Result<Vec<Moment>> {
    let mut query = tx.prepare_cached(
        "SELECT e.at FROM link l JOIN entry e ON e.key = l.entry WHERE l.site = ?1 AND l.call = ?2
         UNION SELECT e.at FROM proposal p JOIN entry e ON e.key = p.entry
           WHERE p.site = ?1 AND p.contact = ?2
         UNION SELECT at FROM recording WHERE site = ?1 AND call = ?2",
    )?;
    let rows = query.query_map([site, key], |row| Ok(moment(row.get(0)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Calls of a site without an end.
pub fn alive(tx: &Connection, site: i64) -> Result<Vec<i64>> {
    let mut query = tx
        .prepare_cached("SELECT key FROM call WHERE site = ?1 AND ended_at IS NULL ORDER BY key")?;
    let rows = query.query_map([site], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Calls without an end whose newest event is older than `before`: (site, call).
pub fn silent(tx: &Connection, site: i64, before: Moment) -> Result<Vec<i64>> {
    let mut query = tx.prepare_cached(
        "SELECT key FROM call WHERE site = ?1 AND ended_at IS NULL AND seen_at < ?2 ORDER BY key",
    )?;
    let rows = query.query_map([site, micros(before)], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn fact((key, doc): (i64, String)) -> Result<CallFact> {
    let call = serde_json::from_str(&doc)
        .map_err(|error| Error::Broken(format!("call {key}"), error.to_string()))?;
    Ok(CallFact { key, call })
}

fn all(
    connection: &Connection,
    condition: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<CallFact>> {
    let sql = format!("SELECT key, doc FROM call WHERE {condition}");
    let mut query = connection.prepare_cached(&sql)?;
    query.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?.map(|row| fact(row?)).collect()
}

/// One call, without legs and timeline.
///
/// # Errors
/// [`Error::NotFound`] when there is none of this key.
pub fn call(connection: &Connection, key: i64) -> Result<CallFact> {
    let found = all(connection, "key = ?1", [key])?.pop();
    found.ok_or_else(|| Error::NotFound(format!("call {key}")))
}

/// Calls of a site offered in a span of time, in order, without legs and timeline.
///
/// # Errors
/// When a row cannot be read.
pub fn between(
    connection: &Connection,
    site: i64,
    from: Moment,
    to: Moment,
) -> Result<Vec<CallFact>> {
    let values = params![site, micros(from), micros(to)];
    all(
        connection,
        "site = ?1 AND offered_at >= ?2 AND offered_at < ?3 ORDER BY offered_at, key",
        values,
    )
}

/// Calls of a number in its folded form, newest first.
///
/// # Errors
/// When a row cannot be read.
pub fn of_number(
    connection: &Connection,
    site: i64,
    folded: &str,
    count: usize,
) -> Result<Vec<CallFact>> {
    let mut found = Vec::new();
    for bucket in (0..=newest_bucket(connection)?).rev() {
        let left = (count - found.len()) as i64;
        found.extend(all(
            connection,
            "site = ?1 AND key >> 24 = ?2 AND number = ?3
             ORDER BY offered_at DESC, key DESC LIMIT ?4",
            params![site, bucket, folded, left],
        )?);
        if found.len() >= count {
            break;
        }
    }
    Ok(found)
}

/// The call that an id from outside names: the id of the call itself or of one of its legs. A call
/// that is not folded yet is not there.
///
/// # Errors
/// When the disk fails.
pub fn key_of(connection: &Connection, site: i64, id: &str) -> Result<Option<i64>> {
    for prefix in ["c", "l"] {
        let text = format!("{prefix}:{id}");
        let tied = tied(connection, 0, tie_key(site, &text), site, &text)?;
        let mut row = connection.prepare_cached("SELECT key FROM call WHERE key = ?1")?;
        let found =
            tied.map(|key| row.query_row([key], |row| row.get(0)).optional()).transpose()?;
        if let Some(Some(key)) = found {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// All ids from outside by which a call, or one of its legs, may be named; in order.
///
/// # Errors
/// When the disk fails.
pub fn ids_of(connection: &Connection, key: i64) -> Result<Vec<String>> {
    let mut query = connection.prepare_cached("SELECT tie FROM tie WHERE call = ?1")?;
    let ties = query.query_map([key], |row| row.get::<_, String>(0))?;
    let mut ids = Vec::new();
    for tie in ties {
        let tie = tie?;
        ids.extend(["c:", "l:"].iter().find_map(|kind| tie.strip_prefix(kind)).map(str::to_owned));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The bucket of a call's ties and number.
pub fn bucket_of(call: i64) -> i64 {
    call >> (BUCKET_BITS + 8)
}

fn newest_bucket(connection: &Connection) -> Result<i64> {
    let sql = "SELECT coalesce(max(bucket), -1) FROM tie";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The call of a tie, looked for from the newest bucket down to `first_bucket`.
pub fn tied(
    connection: &Connection,
    first_bucket: i64,
    key: i64,
    site: i64,
    text: &str,
) -> Result<Option<i64>> {
    let mut query = connection.prepare_cached(
        "SELECT call FROM tie WHERE bucket = ?1 AND key = ?2 AND site = ?3 AND tie = ?4",
    )?;
    for bucket in (first_bucket..=newest_bucket(connection)?).rev() {
        let values = params![bucket, key, site, text];
        if let Some(call) = query.query_row(values, |row| row.get(0)).optional()? {
            return Ok(Some(call));
        }
    }
    Ok(None)
}

/// The site of a call.
///
/// # Errors
/// [`Error::NotFound`] when there is none of this key.
pub fn site_of(connection: &Connection, key: i64) -> Result<i64> {
    let sql = "SELECT site FROM call WHERE key = ?1";
    let site = connection.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
    site.ok_or_else(|| Error::NotFound(format!("call {key}")))
}

/// When a call was offered.
///
/// # Errors
/// [`Error::NotFound`] when there is none of this key.
pub fn time_of(connection: &Connection, key: i64) -> Result<Moment> {
    let sql = "SELECT offered_at FROM call WHERE key = ?1";
    let at = connection.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
    at.map(moment).ok_or_else(|| Error::NotFound(format!("call {key}")))
}

/// The facts that speak of a call, in order.
pub fn facts_of(tx: &Connection, call: i64) -> Result<Vec<Fact>> {
    let mut query = tx.prepare_cached(
        "SELECT f.* FROM call_fact c JOIN fact f ON f.id = c.fact WHERE c.call = ?1 ORDER BY c.fact",
    )?;
    let rows = query.query_map([call], fact_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A fact from a row of all its columns.
pub fn fact_row(row: &Row<'_>) -> rusqlite::Result<Fact> {
    Ok(Fact {
        id: row.get(0)?,
        site: row.get(1)?,
        kind: row.get(2)?,
        at_us: row.get(3)?,
        source: row.get(4)?,
        who: row.get(5)?,
        delivery_id: row.get(6)?,
        head: row.get(7)?,
        body: row.get(8)?,
        digest: row.get(9)?,
        chain: row.get(10)?,
    })
}

/// Marks a local day whose links and findings must be computed again, not before `due_at_us`.
pub fn mark_dirty(tx: &Connection, site: i64, day: &str, due_at_us: i64) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO dirty (site, day, due_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (site, day)
         DO UPDATE SET due_at = min(due_at, excluded.due_at), marks = marks + 1",
    )?
    .execute(params![site, day, due_at_us])?;
    Ok(())
}

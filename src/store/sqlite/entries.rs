//! Rows of ledger entries and their versions. An entry is never overwritten: every version is a
//! fact.

use super::Tx;
use super::apply::Place;
use super::stirred::{self, Side};
use crate::audit::EntryFact;
use crate::call::Moment;
use crate::ledger::{LedgerEntry, search};
use crate::store::fact::{Fact, Kind};
use crate::store::{Error, Result, micros, moment};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// The body of an entry's fact: one version of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Written {
    pub entry: LedgerEntry,
    /// It came with a bulk import.
    pub imported: bool,
}

/// What became of a version that somebody sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Saved {
    /// The first version of a new entry.
    New { key: i64 },
    /// A new version of a known entry.
    Changed { key: i64, version: u32 },
    /// It says what the newest version says; nothing was stored.
    Same { key: i64, version: u32 },
}

/// One version of an entry with who wrote it and when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Version {
    pub version: u32,
    pub who: String,
    pub at: Moment,
    pub entry: LedgerEntry,
}

impl Tx<'_, '_> {
    /// Keeps a version of an entry, unless it says what the newest version says.
    ///
    /// # Errors
    /// When a row cannot be read or the disk fails.
    pub fn save_entry(
        &mut self,
        site: i64,
        written: &Written,
        at: Moment,
        who: &str,
    ) -> Result<Saved> {
        let Some(known) = by_id(self.connection, site, &written.entry.entry_id)? else {
            let key = self.act(site, Kind::Entry, at, who, written)?;
            return Ok(Saved::New { key });
        };
        let (key, version) = (known.key, known.version);
        if known.entry == written.entry {
            return Ok(Saved::Same { key, version });
        }
        self.act(site, Kind::Entry, at, who, written)?;
        Ok(Saved::Changed { key, version: version + 1 })
    }
}

/// The rows of an entry's fact.
pub fn apply(place: &Place<'_>, fact: &Fact, written: Written) -> Result<()> {
    let entry = &written.entry;
    let at = happened_at(entry);
    let number = entry.number.as_ref().map(|number| number.folded()).filter(|n| !n.is_empty());
    let doc = serde_json::to_string(entry)
        .map_err(|error| Error::Broken(format!("fact {}", fact.id), error.to_string()))?;
    let connection = place.connection;
    let before = by_id(connection, fact.site, &entry.entry_id)?;
    let (key, version) = before.as_ref().map_or((fact.id, 1), |b| (b.key, b.version + 1));
    stirred::stir(connection, fact.site, (Side::Entry, key), micros(at))?;
    connection
        .prepare_cached(
            "INSERT INTO entry (key, site, entry_id, version, at, number, imported, doc)
             VALUES (?1,?2,?3,?4,?5,?6,?7,?8)
             ON CONFLICT (key) DO UPDATE SET version = excluded.version, at = excluded.at,
               number = excluded.number, imported = excluded.imported, doc = excluded.doc",
        )?
        .execute(params![
            key,
            fact.site,
            entry.entry_id,
            version,
            micros(at),
            number,
            written.imported,
            doc
        ])?;
    connection
        .prepare_cached("INSERT INTO entry_version VALUES (?1, ?2, ?3)")?
        .execute(params![key, version, fact.id])?;
    index_words(connection, key, before.is_some(), entry)?;
    if let Some(before) = before {
        place.mark(fact.site, happened_at(&before.entry))?;
    }
    place.mark(fact.site, at)
}

fn index_words(connection: &Connection, key: i64, known: bool, entry: &LedgerEntry) -> Result<()> {
    if known {
        connection.prepare_cached("DELETE FROM entry_text WHERE rowid = ?1")?.execute([key])?;
    }
    let name = entry.name.as_ref().map_or("", |name| name.exposed());
    let texts = [
        entry.content.as_deref().unwrap_or(""),
        entry.unit.as_deref().unwrap_or(""),
        entry.handler.as_deref().unwrap_or(""),
        name,
    ];
    connection
        .prepare_cached("INSERT INTO entry_text (rowid, pairs) VALUES (?1, ?2)")?
        .execute(params![key, search::pairs_of(&texts.join("\n"))])?;
    Ok(())
}

/// When the matter happened, as written; else when it was registered.
pub fn happened_at(entry: &LedgerEntry) -> Moment {
    entry.occurred_at.unwrap_or(entry.registered_at)
}

/// How many entries a site has.
///
/// # Errors
/// When the disk fails.
pub fn count(connection: &Connection, site: i64) -> Result<usize> {
    let sql = "SELECT count(*) FROM entry WHERE site = ?1";
    let count: i64 = connection.prepare_cached(sql)?.query_row([site], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// When the matter of an entry happened, by its key.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn time_of(connection: &Connection, key: i64) -> Result<Moment> {
    let sql = "SELECT at FROM entry WHERE key = ?1";
    let at = connection.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
    at.map(moment).ok_or_else(|| Error::NotFound(format!("entry {key}")))
}

const COLUMNS: &str = "key, version, imported, doc";

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, u32, bool, String)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn fact((key, version, imported, doc): (i64, u32, bool, String)) -> Result<EntryFact> {
    let entry = serde_json::from_str(&doc)
        .map_err(|error| Error::Broken(format!("entry {key}"), error.to_string()))?;
    Ok(EntryFact { key, version, imported, entry })
}

fn all(
    connection: &Connection,
    condition: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<EntryFact>> {
    let sql = format!("SELECT {COLUMNS} FROM entry WHERE {condition}");
    let mut query = connection.prepare_cached(&sql)?;
    query.query_map(values, read)?.map(|row| fact(row?)).collect()
}

/// The newest version of an entry by its own number.
///
/// # Errors
/// When the row cannot be read.
pub fn by_id(connection: &Connection, site: i64, entry_id: &str) -> Result<Option<EntryFact>> {
    let found = all(connection, "site = ?1 AND entry_id = ?2", params![site, entry_id])?;
    Ok(found.into_iter().next())
}

/// The newest version of an entry by its key.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn by_key(connection: &Connection, key: i64) -> Result<EntryFact> {
    let found = all(connection, "key = ?1", [key])?.pop();
    found.ok_or_else(|| Error::NotFound(format!("entry {key}")))
}

/// Entries of a site whose matter happened in a span of time.
///
/// # Errors
/// When a row cannot be read.
pub fn between(
    connection: &Connection,
    site: i64,
    from: Moment,
    to: Moment,
) -> Result<Vec<EntryFact>> {
    let values = params![site, micros(from), micros(to)];
    all(connection, "site = ?1 AND at >= ?2 AND at < ?3 ORDER BY at, key", values)
}

/// Entries of a number in its folded form, newest first.
///
/// # Errors
/// When a row cannot be read.
pub fn of_number(
    connection: &Connection,
    site: i64,
    folded: &str,
    count: usize,
) -> Result<Vec<EntryFact>> {
    let values = params![site, folded, count as i64];
    all(connection, "site = ?1 AND number = ?2 ORDER BY at DESC, key DESC LIMIT ?3", values)
}

/// Entries in which all words of `text` occur, newest first. Two characters of Chinese are a word.
///
/// # Errors
/// When a row cannot be read.
pub fn with_words(
    connection: &Connection,
    site: i64,
    text: &str,
    count: usize,
) -> Result<Vec<EntryFact>> {
    let Some(query) = search::query_of(text) else { return Ok(Vec::new()) };
    let condition = "site = ?1 AND key IN
         (SELECT rowid FROM entry_text WHERE pairs MATCH ?2 ORDER BY rowid DESC LIMIT ?3)
         ORDER BY at DESC, key DESC";
    all(connection, condition, params![site, query, count as i64])
}

/// All versions of an entry, oldest first.
///
/// # Errors
/// When a row cannot be read.
pub fn versions(connection: &Connection, key: i64) -> Result<Vec<Version>> {
    let mut query = connection.prepare_cached(
        "SELECT v.version, f.who, f.at, f.body FROM entry_version v JOIN fact f ON f.id = v.fact
         WHERE v.entry = ?1 ORDER BY v.version",
    )?;
    let rows = query.query_map([key], |row| {
        let body: Vec<u8> = row.get(3)?;
        let who: Option<String> = row.get(1)?;
        Ok((row.get(0)?, who.unwrap_or_default(), row.get(2)?, body))
    })?;
    rows.map(|row| {
        let (version, who, at, body) = row?;
        let written: Written = serde_json::from_slice(&body)
            .map_err(|error| Error::Broken(format!("entry {key}"), error.to_string()))?;
        Ok(Version { version, who, at: moment(at), entry: written.entry })
    })
    .collect()
}

/// The key of an entry by its own number, where only that is wanted.
///
/// # Errors
/// When the disk fails.
pub fn key_of(connection: &Connection, site: i64, entry_id: &str) -> Result<Option<i64>> {
    let sql = "SELECT key FROM entry WHERE site = ?1 AND entry_id = ?2";
    let mut query = connection.prepare_cached(sql)?;
    Ok(query.query_row(params![site, entry_id], |row| row.get(0)).optional()?)
}

//! Rows of what people decided: pairs that belong together or never, closings of findings, the
//! directory.

use super::apply::Place;
use super::stirred::{self, Side};
use super::{Tx, calls, entries, recordings};
use crate::audit::Explanation;
use crate::call::Moment;
use crate::linkage::Directory;
use crate::recording::ContentHash;
use crate::store::fact::{Fact, Kind};
use crate::store::{Error, Result};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// A person's word on a pair. The body of its fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// `call:ID` with an id of the call, or `sha256:HEX` for a recording without a call.
    pub thing: String,
    pub entry_id: String,
    /// True: they belong together. False: they never do. `None` takes an earlier word back.
    #[serde(default)]
    pub together: Option<bool>,
    /// Why, in the person's words.
    #[serde(default)]
    pub why: String,
}

/// The body of a directory's fact: the whole directory of a site as imported.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DirectoryRows {
    /// Folded unit and folded number.
    pub rows: Vec<(String, String)>,
}

/// Somebody listened to, fetched or exported recordings. The body of its fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// `play`, `export`, `report`.
    pub what: String,
    /// The recording's SHA-256, or what was exported.
    pub of: String,
    pub why: String,
}

impl Tx<'_, '_> {
    /// Keeps a person's word on a pair.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the entry or the thing is not known; [`Error::Conflict`]
    /// when one side is promised to another already.
    pub fn decide(&mut self, site: i64, word: &Decision, at: Moment, who: &str) -> Result<i64> {
        entries::by_id(self.connection, site, &word.entry_id)?
            .ok_or_else(|| Error::NotFound(format!("entry `{}`", word.entry_id)))?;
        let contact = contact_of(self.connection, site, &word.thing)?
            .ok_or_else(|| Error::NotFound(format!("`{}`", word.thing)))?;
        if word.together == Some(true) {
            self.refuse_second(site, word, contact)?;
        }
        self.act(site, Kind::Decision, at, who, word)
    }

    fn refuse_second(&self, site: i64, word: &Decision, contact: i64) -> Result<()> {
        let mut query = self.connection.prepare_cached(
            "SELECT thing, entry_id FROM decision WHERE site = ?1 AND together = 1",
        )?;
        let rows = query.query_map([site], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in rows {
            let (thing, entry_id): (String, String) = row?;
            let same_entry = entry_id == word.entry_id;
            let same_thing = contact_of(self.connection, site, &thing)? == Some(contact);
            if same_entry != same_thing {
                return Err(Error::Conflict(format!(
                    "entry `{entry_id}` and `{thing}` were linked by hand; take that back first"
                )));
            }
        }
        Ok(())
    }

    /// Keeps a person's closing of a finding.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn explain(&mut self, site: i64, explanation: &Explanation) -> Result<i64> {
        self.act(site, Kind::Explanation, explanation.at, &explanation.who, explanation)
    }

    /// Keeps the directory of a site as imported; it takes the place of the one before.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn save_directory(
        &mut self,
        site: i64,
        rows: Vec<(String, String)>,
        at: Moment,
        who: &str,
    ) -> Result<i64> {
        self.act(site, Kind::Directory, at, who, &DirectoryRows { rows })
    }

    /// Keeps that somebody listened or exported.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn note_access(
        &mut self,
        site: i64,
        access: &Access,
        at: Moment,
        who: &str,
    ) -> Result<i64> {
        self.act(site, Kind::Access, at, who, access)
    }
}

/// The contact of a thing: a call's key, or the negative key of a recording without a call.
///
/// # Errors
/// When the disk fails.
pub fn contact_of(connection: &Connection, site: i64, thing: &str) -> Result<Option<i64>> {
    if let Some(id) = thing.strip_prefix("call:") {
        return calls::key_of(connection, site, id);
    }
    let Some(hash) = thing.strip_prefix("sha256:") else { return Ok(None) };
    let Ok(hash) = hash.parse::<ContentHash>() else { return Ok(None) };
    let found = recordings::by_hash(connection, site, &hash)?;
    Ok(found.map(|fact| fact.call.unwrap_or(-fact.key)))
}

fn moment_of(connection: &Connection, contact: i64) -> Result<Moment> {
    if contact < 0 {
        recordings::time_of(connection, -contact)
    } else {
        calls::time_of(connection, contact)
    }
}

/// The row of a decision's fact.
pub fn apply_decision(place: &Place<'_>, fact: &Fact, word: Decision) -> Result<()> {
    let connection = place.connection;
    stirred::stir(connection, fact.site, (Side::Decision, fact.id), stirred::NO_TIME)?;
    match word.together {
        Some(together) => connection.execute(
            "INSERT OR REPLACE INTO decision VALUES (?1, ?2, ?3, ?4, ?5)",
            params![fact.site, word.thing, word.entry_id, together, fact.id],
        )?,
        None => connection.execute(
            "DELETE FROM decision WHERE site = ?1 AND thing = ?2 AND entry_id = ?3",
            params![fact.site, word.thing, word.entry_id],
        )?,
    };
    if let Some(entry) = entries::by_id(connection, fact.site, &word.entry_id)? {
        place.mark(fact.site, entries::happened_at(&entry.entry))?;
    }
    match contact_of(connection, fact.site, &word.thing)? {
        Some(contact) => place.mark(fact.site, moment_of(connection, contact)?),
        None => Ok(()),
    }
}

/// The row of an explanation's fact.
pub fn apply_explanation(place: &Place<'_>, fact: &Fact, explanation: Explanation) -> Result<()> {
    let doc = serde_json::to_string(&explanation)
        .map_err(|error| Error::Broken(format!("fact {}", fact.id), error.to_string()))?;
    let connection = place.connection;
    connection
        .execute("INSERT INTO explanation VALUES (?1, ?2, ?3)", params![fact.id, fact.site, doc])?;
    let about = explanation.about;
    let times = [
        about.call.map(|key| calls::time_of(connection, key)),
        about.recording.map(|key| recordings::time_of(connection, key)),
        about.entry.map(|key| Ok(entries::happened_at(&entries::by_key(connection, key)?.entry))),
        about.delivery.map(|_| Ok(explanation.at)),
    ];
    for at in times.into_iter().flatten() {
        match at {
            Ok(at) => place.mark(fact.site, at)?,
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The rows of a directory's fact.
pub fn apply_directory(place: &Place<'_>, fact: &Fact, directory: DirectoryRows) -> Result<()> {
    stirred::stir(place.connection, fact.site, (Side::Everything, 0), stirred::NO_TIME)?;
    place.connection.execute("DELETE FROM directory WHERE site = ?1", [fact.site])?;
    let mut insert =
        place.connection.prepare_cached("INSERT OR IGNORE INTO directory VALUES (?1, ?2, ?3)")?;
    for (unit, number) in directory.rows {
        insert.execute(params![fact.site, unit, number])?;
    }
    Ok(())
}

/// The directory of a site.
///
/// # Errors
/// When the disk fails.
pub fn directory(connection: &Connection, site: i64) -> Result<Directory> {
    let mut query = connection.prepare_cached(
        "SELECT unit, number FROM directory WHERE site = ?1 ORDER BY unit, number",
    )?;
    let rows = query.query_map([site], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut directory = Directory::new();
    for row in rows {
        let (unit, number): (String, String) = row?;
        directory.entry(unit).or_default().numbers.push(number.into());
    }
    Ok(directory)
}

/// A person's word on a pair, by the store's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    pub fact: i64,
    pub side: Named,
    pub entry: i64,
    pub together: bool,
}

/// What a word names beside an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Call(i64),
    /// A recording; it stands for its call where it has one.
    Recording(i64),
}

/// What people decided about pairs of a site, the oldest word first. Words on what is not known are
/// left out.
///
/// # Errors
/// When the disk fails.
pub fn words(connection: &Connection, site: i64) -> Result<Vec<Word>> {
    let mut query = connection.prepare_cached(
        "SELECT fact, thing, entry_id, together FROM decision WHERE site = ?1 ORDER BY fact",
    )?;
    let rows = query.query_map([site], |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get(3)?))
    })?;
    let mut words = Vec::new();
    for row in rows {
        let (fact, thing, entry_id, together) = row?;
        let entry = entries::key_of(connection, site, &entry_id)?;
        if let (Some(side), Some(entry)) = (named(connection, site, &thing)?, entry) {
            words.push(Word { fact, side, entry, together });
        }
    }
    Ok(words)
}

/// What the word of a decision's fact names, whether or not it holds still.
///
/// # Errors
/// When the fact cannot be read.
pub fn word_of(connection: &Connection, site: i64, fact: i64) -> Result<Option<Word>> {
    let body: Option<Vec<u8>> = connection
        .prepare_cached("SELECT body FROM fact WHERE id = ?1")?
        .query_row([fact], |row| row.get(0))
        .optional()?;
    let Some(body) = body else { return Ok(None) };
    let word: Decision = serde_json::from_slice(&body)
        .map_err(|error| Error::Broken(format!("fact {fact}"), error.to_string()))?;
    let entry = entries::key_of(connection, site, &word.entry_id)?;
    let together = word.together == Some(true);
    let side = named(connection, site, &word.thing)?;
    Ok(side.zip(entry).map(|(side, entry)| Word { fact, side, entry, together }))
}

fn named(connection: &Connection, site: i64, thing: &str) -> Result<Option<Named>> {
    if let Some(id) = thing.strip_prefix("call:") {
        return Ok(calls::key_of(connection, site, id)?.map(Named::Call));
    }
    let hash = thing.strip_prefix("sha256:").and_then(|hash| hash.parse::<ContentHash>().ok());
    let Some(hash) = hash else { return Ok(None) };
    Ok(recordings::by_hash(connection, site, &hash)?.map(|fact| Named::Recording(fact.key)))
}

/// All closings of findings of a site, oldest first.
///
/// # Errors
/// When a row cannot be read.
pub fn explanations(connection: &Connection, site: i64) -> Result<Vec<Explanation>> {
    let mut query = connection
        .prepare_cached("SELECT fact, doc FROM explanation WHERE site = ?1 ORDER BY fact")?;
    let rows = query.query_map([site], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.map(|row| {
        let (fact, doc): (i64, String) = row?;
        serde_json::from_str(&doc)
            .map_err(|error| Error::Broken(format!("fact {fact}"), error.to_string()))
    })
    .collect()
}

/// The name of a person's newest act of a kind, for tests and pages.
///
/// # Errors
/// When the disk fails.
pub fn newest_access(connection: &Connection, site: i64) -> Result<Option<(String, Access)>> {
    let found: Option<(String, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT who, body FROM fact WHERE site = ?1 AND kind = ?2 ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![site, Kind::Access as i64], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((who, body)) = found else { return Ok(None) };
    let access = serde_json::from_slice(&body)
        .map_err(|error| Error::Broken("access".into(), error.to_string()))?;
    Ok(Some((who, access)))
}

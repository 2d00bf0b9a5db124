//! What changed since links were computed. Each thing is kept with the form in which it was linked:
//! what lay beside it then may be linked otherwise now.

use super::Tx;
use crate::audit::{CallFact, EntryFact};
use crate::store::{Error, Result};
use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;

/// What kind of thing changed. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i64)]
pub enum Side {
    Call = 1,
    Recording = 2,
    Entry = 3,
    /// A person's word on a pair, by its fact.
    Decision = 4,
    /// The directory, or what is believed of the site.
    Everything = 5,
}

/// A document of a call or an entry; of an entry, whether it came with a bulk import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc {
    text: String,
    imported: bool,
}

/// A thing that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stirred {
    pub side: Side,
    pub key: i64,
    /// As it was linked; nothing where it was not there.
    pub before: Option<Doc>,
    /// As it is; nothing where it is gone. Of calls and entries only.
    pub now: Option<Doc>,
    marks: i64,
}

impl Doc {
    /// # Errors
    /// [`Error::Broken`] when it is no call.
    pub fn call(&self, key: i64) -> Result<CallFact> {
        Ok(CallFact { key, call: self.parsed("call", key)? })
    }

    /// The entry; its version is not told.
    ///
    /// # Errors
    /// [`Error::Broken`] when it is no entry.
    pub fn entry(&self, key: i64) -> Result<EntryFact> {
        let entry = self.parsed("entry", key)?;
        Ok(EntryFact { key, version: 0, imported: self.imported, entry })
    }

    fn parsed<T: DeserializeOwned>(&self, what: &str, key: i64) -> Result<T> {
        serde_json::from_str(&self.text)
            .map_err(|error| Error::Broken(format!("{what} {key}"), error.to_string()))
    }
}

const STIR_CALL: &str = "INSERT INTO stirred (site, side, key, at, before)
  VALUES (?1, ?2, ?3, ?4, (SELECT doc FROM call WHERE key = ?3))
  ON CONFLICT DO UPDATE SET marks = marks + 1, at = excluded.at";
const STIR_ENTRY: &str = "INSERT INTO stirred (site, side, key, at, before, imported)
  VALUES (?1, ?2, ?3, ?4, (SELECT doc FROM entry WHERE key = ?3),
    coalesce((SELECT imported FROM entry WHERE key = ?3), 0))
  ON CONFLICT DO UPDATE SET marks = marks + 1, at = excluded.at";
const STIR: &str = "INSERT INTO stirred (site, side, key, at) VALUES (?1, ?2, ?3, ?4)
  ON CONFLICT DO UPDATE SET marks = marks + 1, at = excluded.at";

/// The time, in microseconds of the epoch, of what has none: it is linked before everything else.
pub(super) const NO_TIME: i64 = i64::MAX;

/// Notes that a thing changes, with the time it has now in microseconds of the epoch. To be called
/// before its row is written.
pub(super) fn stir(
    connection: &Connection,
    site: i64,
    (side, key): (Side, i64),
    at: i64,
) -> Result<()> {
    let sql = match side {
        Side::Call => STIR_CALL,
        Side::Entry => STIR_ENTRY,
        Side::Recording | Side::Decision | Side::Everything => STIR,
    };
    connection.prepare_cached(sql)?.execute(params![site, side as i64, key, at])?;
    Ok(())
}

/// Notes that the recordings of a call change: it goes, or is another's now.
pub(super) fn stir_recordings_of(connection: &Connection, site: i64, call: i64) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO stirred (site, side, key, at)
             SELECT site, ?3, key, at FROM recording WHERE site = ?1 AND call = ?2
             ON CONFLICT DO UPDATE SET marks = marks + 1",
        )?
        .execute(params![site, call, Side::Recording as i64])?;
    Ok(())
}

/// What changed of a site, in order of kind and key: everything, or no more than so many, the
/// latest by time. What is gone, people's words and [`Side::Everything`] have no time and are among
/// them.
///
/// # Errors
/// When the disk fails.
pub fn stirred(connection: &Connection, site: i64, at_most: usize) -> Result<Vec<Stirred>> {
    let mut query = connection.prepare_cached(
        "WITH latest AS (SELECT side, key FROM stirred WHERE site = ?1 ORDER BY at DESC LIMIT ?2)
         SELECT s.side, s.key, s.before, s.imported, s.marks, coalesce(c.doc, e.doc),
           coalesce(e.imported, 0)
         FROM latest CROSS JOIN stirred s
           ON s.site = ?1 AND s.side = latest.side AND s.key = latest.key
           LEFT JOIN call c ON s.side = 1 AND c.key = s.key
           LEFT JOIN entry e ON s.side = 3 AND e.key = s.key
         ORDER BY s.side, s.key",
    )?;
    let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
    let doc = |text: Option<String>, imported| text.map(|text| Doc { text, imported });
    let rows = query.query_map([site, at_most], |row| {
        Ok(Stirred {
            side: side(row.get(0)?),
            key: row.get(1)?,
            before: doc(row.get(2)?, row.get(3)?),
            marks: row.get(4)?,
            now: doc(row.get(5)?, row.get(6)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn side(number: i64) -> Side {
    let all = [Side::Call, Side::Recording, Side::Entry, Side::Decision];
    all.into_iter().find(|side| *side as i64 == number).unwrap_or(Side::Everything)
}

impl Tx<'_, '_> {
    /// Notes that everything of a site is to be linked again.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn stir_everything(&mut self, site: i64) -> Result<()> {
        stir(self.connection, site, (Side::Everything, 0), NO_TIME)
    }

    /// Notes that these changes are linked. What was stirred again in between stays, with the form
    /// that is linked now.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn settle(&mut self, site: i64, linked: &[Stirred]) -> Result<()> {
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM stirred WHERE site = ?1 AND side = ?2 AND key = ?3 AND marks = ?4",
        )?;
        let mut keep = self.connection.prepare_cached(
            "UPDATE stirred SET before = ?4, imported = ?5
             WHERE site = ?1 AND side = ?2 AND key = ?3",
        )?;
        for one in linked {
            if delete.execute(params![site, one.side as i64, one.key, one.marks])? == 0 {
                let (text, imported) =
                    one.now.as_ref().map_or((None, false), |doc| (Some(&doc.text), doc.imported));
                keep.execute(params![site, one.side as i64, one.key, text, imported])?;
            }
        }
        Ok(())
    }
}

//! Rows of recordings. The bytes are safe before a row is written.

use super::apply::{self, Place};
use super::stirred::{self, Side};
use super::{Tx, calls};
use crate::audit::RecordingFact;
use crate::call::Moment;
use crate::recording::{ContentHash, Hints, Measures, Recording, SoundClass, State};
use crate::store::fact::{Fact, Kind};
use crate::store::{Error, Result, micros, moment};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// The body of a recording's fact: what was known when its bytes were safe.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Arrived {
    pub hash: ContentHash,
    pub bytes: u64,
    pub hints: Hints,
}

/// A file in a watched folder, as the folder tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    pub path: String,
    pub bytes: u64,
    pub modified_at: Moment,
}

/// Columns of a recording, in the order that [`read`] expects.
const COLUMNS: &str = "key, call, doc";

impl Tx<'_, '_> {
    /// Keeps the row of a recording whose bytes are safe. Bytes that are there already give their
    /// row. Returns its key, and whether it is new.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn add_recording(
        &mut self,
        site: i64,
        arrived: &Arrived,
        at: Moment,
        who: &str,
    ) -> Result<(i64, bool)> {
        let hash = arrived.hash.0.as_slice();
        let known = self
            .connection
            .prepare_cached("SELECT key FROM recording WHERE site = ?1 AND hash = ?2")?
            .query_row(params![site, hash], |row| row.get(0))
            .optional()?;
        if let Some(key) = known {
            return Ok((key, false));
        }
        Ok((self.act(site, Kind::Recording, at, who, arrived)?, true))
    }

    /// Remembers that a file of a watched folder is taken.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn mark_taken(&mut self, file: &SeenFile) -> Result<()> {
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO taken VALUES (?1, ?2, ?3)")?
            .execute(params![file.path, file.bytes as i64, micros(file.modified_at)])?;
        Ok(())
    }

    /// Keeps what was measured by listening.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such recording.
    pub fn heard(&mut self, key: i64, measures: &Measures, at: Moment) -> Result<()> {
        let fact = recording(self.connection, key)?;
        if fact.recording.state == State::Erased {
            return Ok(());
        }
        let site = self.site_of("recording", key)?;
        let recording = heard(fact.recording, measures.clone(), at);
        self.connection
            .prepare_cached("UPDATE recording SET doc = ?2, heard = 1 WHERE key = ?1")?
            .execute(params![key, json(key, &recording)?])?;
        self.place(site, |place| place.mark(site, starts_at(&recording)))
    }

    /// The site of a recording.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this key.
    pub fn site_of_recording(&self, key: i64) -> Result<i64> {
        self.site_of("recording", key)
    }

    /// Notes to which call's recording set a recording belongs, and marks the days this concerns.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn pair_recording(&mut self, site: i64, key: i64, call: Option<i64>) -> Result<()> {
        let before = recording(self.connection, key)?;
        if before.call == call {
            return Ok(());
        }
        self.connection
            .prepare_cached("UPDATE recording SET call = ?2 WHERE key = ?1")?
            .execute(params![key, call])?;
        self.place(site, |place| place.mark(site, before.at()))?;
        for of in [before.call, call].into_iter().flatten() {
            let at = calls::time_of(self.connection, of)?;
            self.place(site, |place| place.mark(site, at))?;
        }
        Ok(())
    }
}

/// A recording after somebody has listened to it: verified, or damaged when its class says so.
fn heard(mut recording: Recording, measures: Measures, at: Moment) -> Recording {
    recording.state = match measures.class {
        SoundClass::Ok | SoundClass::OneSided | SoundClass::UnfinishedHeader => State::Verified,
        SoundClass::NoSound | SoundClass::Truncated | SoundClass::Undecodable => State::Damaged,
    };
    recording.state_at = at;
    recording.measures = Some(measures);
    recording
}

/// The row of a recording's fact.
pub fn apply(place: &Place<'_>, fact: &Fact, arrived: Arrived) -> Result<()> {
    let recording = Recording {
        hash: arrived.hash,
        bytes: arrived.bytes,
        hints: arrived.hints,
        arrived_at: apply::at(fact),
        state: State::Stored,
        state_at: apply::at(fact),
        measures: None,
        archived: None,
    };
    let at = starts_at(&recording);
    stirred::stir(place.connection, fact.site, (Side::Recording, fact.id), micros(at))?;
    place
        .connection
        .prepare_cached(
            "INSERT INTO recording (key, site, hash, at, bytes, doc) VALUES (?1,?2,?3,?4,?5,?6)",
        )?
        .execute(params![
            fact.id,
            fact.site,
            recording.hash.0.as_slice(),
            micros(at),
            recording.bytes as i64,
            json(fact.id, &recording)?
        ])?;
    place.mark(fact.site, at)
}

/// Writes what is known of a recording again.
pub(super) fn rewrite(connection: &Connection, fact: &RecordingFact) -> Result<()> {
    connection
        .prepare_cached("UPDATE recording SET doc = ?2 WHERE key = ?1")?
        .execute(params![fact.key, json(fact.key, &fact.recording)?])?;
    Ok(())
}

/// When a recording begins, as far as known; else when it was finished or arrived.
pub fn starts_at(recording: &Recording) -> Moment {
    let hints = &recording.hints;
    hints.starts_at.or(hints.finished_at).unwrap_or(recording.arrived_at)
}

fn json(key: i64, recording: &Recording) -> Result<String> {
    serde_json::to_string(recording)
        .map_err(|error| Error::Broken(format!("recording {key}"), error.to_string()))
}

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Option<i64>, String)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn fact((key, call, doc): (i64, Option<i64>, String)) -> Result<RecordingFact> {
    let recording = serde_json::from_str(&doc)
        .map_err(|error| Error::Broken(format!("recording {key}"), error.to_string()))?;
    Ok(RecordingFact { key, call, recording })
}

pub(super) fn all(
    connection: &Connection,
    condition: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<RecordingFact>> {
    let sql = format!("SELECT {COLUMNS} FROM recording WHERE {condition}");
    let mut query = connection.prepare_cached(&sql)?;
    query.query_map(values, read)?.map(|row| fact(row?)).collect()
}

/// One recording.
///
/// # Errors
/// [`Error::NotFound`] when there is none of this key.
pub fn recording(connection: &Connection, key: i64) -> Result<RecordingFact> {
    let found = all(connection, "key = ?1", [key])?.pop();
    found.ok_or_else(|| Error::NotFound(format!("recording {key}")))
}

/// The recording of these bytes at a site, if it is there.
///
/// # Errors
/// When the row cannot be read.
pub fn by_hash(
    connection: &Connection,
    site: i64,
    hash: &ContentHash,
) -> Result<Option<RecordingFact>> {
    let found = all(connection, "site = ?1 AND hash = ?2", params![site, hash.0.as_slice()])?;
    Ok(found.into_iter().next())
}

/// The recording whose original or archive rendition these bytes are, if there is one.
///
/// # Errors
/// When the row cannot be read.
pub fn of_object(
    connection: &Connection,
    site: i64,
    hash: &ContentHash,
) -> Result<Option<RecordingFact>> {
    if let Some(found) = by_hash(connection, site, hash)? {
        return Ok(Some(found));
    }
    let condition = "site = ?1 AND rendition = ?2";
    Ok(all(connection, condition, params![site, hash.0.as_slice()])?.into_iter().next())
}

/// The recording set of a call, in order.
///
/// # Errors
/// When a row cannot be read.
pub fn of_call(connection: &Connection, site: i64, call: i64) -> Result<Vec<RecordingFact>> {
    all(connection, "site = ?1 AND call = ?2 ORDER BY at, key", [site, call])
}

/// Recordings of a site that begin in a span of time.
///
/// # Errors
/// When a row cannot be read.
pub fn between(
    connection: &Connection,
    site: i64,
    from: Moment,
    to: Moment,
) -> Result<Vec<RecordingFact>> {
    let values = params![site, micros(from), micros(to)];
    all(connection, "site = ?1 AND at >= ?2 AND at < ?3 ORDER BY at, key", values)
}

/// Recordings of a site that begin before a moment and are not erased, oldest first.
///
/// # Errors
/// When a row cannot be read.
pub fn kept_before(
    connection: &Connection,
    site: i64,
    before: Moment,
    count: usize,
) -> Result<Vec<RecordingFact>> {
    let condition = "site = ?1 AND erased = 0 AND at < ?2 ORDER BY at, key LIMIT ?3";
    all(connection, condition, params![site, micros(before), count as i64])
}

/// Recordings nobody has listened to, oldest first: the queue of the job `listen`.
///
/// # Errors
/// When a row cannot be read.
pub fn unheard(
    connection: &Connection,
    site: i64,
    after: i64,
    count: usize,
) -> Result<Vec<RecordingFact>> {
    let values = params![site, after, count as i64];
    all(
        connection,
        "site = ?1 AND heard = 0 AND erased = 0 AND key > ?2 ORDER BY key LIMIT ?3",
        values,
    )
}

/// Whether a file of a watched folder is taken already.
///
/// # Errors
/// When the disk fails.
pub fn is_taken(connection: &Connection, file: &SeenFile) -> Result<bool> {
    let mut query = connection.prepare_cached(
        "SELECT 1 FROM taken WHERE path = ?1 AND bytes = ?2 AND modified_at = ?3",
    )?;
    Ok(query.exists(params![file.path, file.bytes as i64, micros(file.modified_at)])?)
}

/// How many recordings of a site nobody has listened to.
///
/// # Errors
/// When the disk fails.
pub fn unheard_count(connection: &Connection, site: i64) -> Result<i64> {
    let sql = "SELECT count(*) FROM recording WHERE site = ?1 AND heard = 0 AND erased = 0";
    Ok(connection.prepare_cached(sql)?.query_row([site], |row| row.get(0))?)
}

/// How many recordings there are, over all sites.
///
/// # Errors
/// When the disk fails.
pub fn count(connection: &Connection) -> Result<usize> {
    let count: i64 =
        connection.query_row("SELECT count(*) FROM recording", [], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or_default())
}

/// Copies what was measured from another database that is attached as `grown`, by hash.
pub(super) fn copy_measures(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "UPDATE recording SET heard = 1, doc = (SELECT g.doc FROM grown.recording g WHERE
           g.site = recording.site AND g.hash = recording.hash)
         WHERE EXISTS (SELECT 1 FROM grown.recording g WHERE g.site = recording.site
           AND g.hash = recording.hash AND g.heard = 1)",
    )?;
    Ok(())
}

/// The moment of a recording's row.
pub fn time_of(connection: &Connection, key: i64) -> Result<Moment> {
    let sql = "SELECT at FROM recording WHERE key = ?1";
    let at = connection.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
    at.map(moment).ok_or_else(|| Error::NotFound(format!("recording {key}")))
}

//! What the daemon saw of stored bytes: rows of those that are not as they were. Each change seen
//! is a fact, so that a replay comes to the same rows.

use super::apply::{self, Place};
use super::{Tx, calls, progress, recordings};
use crate::audit::{ObjectFact, RecordingFact};
use crate::call::Moment;
use crate::finding::Code;
use crate::recording::ContentHash;
use crate::store::fact::{Fact, Kind};
use crate::store::{Error, Result, micros, moment};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// What stored bytes were found to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Nothing is wrong with them, or not any more.
    Sound,
    /// They now have another hash.
    Changed { found: String },
    /// A recording's bytes are not there.
    Missing,
    /// They belong to no recording.
    Stray { bytes: u64 },
    /// They belonged to no recording for longer than the grace time, and were removed.
    Swept { bytes: u64 },
}

/// The body of an object's fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub object: ContentHash,
    #[serde(flatten)]
    pub state: State,
}

/// A fault of stored bytes that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub object: ContentHash,
    pub state: State,
    /// The fact that told of it, and when.
    pub fact: i64,
    pub at: Moment,
}

/// A recording whose bytes are to be proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    pub key: i64,
    pub site: i64,
    pub hash: ContentHash,
}

/// To whom stored bytes belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A recording that is kept.
    Recording,
    /// Recordings that were erased, all of them.
    Erased,
    Nobody,
}

/// How far the proof of the store has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof {
    /// The last recording proved in this round.
    pub done_to: i64,
    /// When this round began; nothing when none is under way.
    pub began_at: Option<Moment>,
    /// When the last whole round began: every recording of then was read since.
    pub proved_at: Option<Moment>,
}

const DONE_TO: &str = "proof_done_to";
const BEGAN_AT: &str = "proof_began_at";
const PROVED_AT: &str = "proof_proved_at";

impl Tx<'_, '_> {
    /// Keeps what was seen of stored bytes, unless it is what was known. Says whether it was new.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn see(&mut self, site: i64, seen: &Seen, at: Moment) -> Result<bool> {
        let known = fault(self.connection, site, &seen.object)?;
        let same = match (&known, &seen.state) {
            (None, State::Sound) => true,
            (known, state) => known.as_ref().is_some_and(|known| known.state == *state),
        };
        if !same {
            self.act(site, Kind::Object, at, "ringledger", seen)?;
        }
        Ok(!same)
    }

    /// Notes how far the proof has come.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn note_proof(&mut self, proof: &Proof) -> Result<()> {
        let at = |moment: Option<Moment>| moment.map_or(0, micros);
        progress::set(self.connection, DONE_TO, proof.done_to)?;
        progress::set(self.connection, BEGAN_AT, at(proof.began_at))?;
        progress::set(self.connection, PROVED_AT, at(proof.proved_at))
    }
}

/// How far the proof has come.
///
/// # Errors
/// When the disk fails.
pub fn proof(connection: &Connection) -> Result<Proof> {
    let at = |name| {
        let micros = progress::get(connection, name)?;
        Ok::<_, Error>((micros != 0).then(|| moment(micros)))
    };
    Ok(Proof {
        done_to: progress::get(connection, DONE_TO)?,
        began_at: at(BEGAN_AT)?,
        proved_at: at(PROVED_AT)?,
    })
}

/// The row of an object's fact.
pub fn apply(place: &Place<'_>, fact: &Fact, seen: Seen) -> Result<()> {
    let (connection, hash) = (place.connection, seen.object.0.as_slice());
    let before = fault(connection, fact.site, &seen.object)?;
    match &seen.state {
        State::Sound | State::Swept { .. } => connection.execute(
            "DELETE FROM object_fault WHERE site = ?1 AND hash = ?2",
            params![fact.site, hash],
        )?,
        state => {
            let doc = serde_json::to_string(state)
                .map_err(|error| Error::Broken(format!("fact {}", fact.id), error.to_string()))?;
            connection.execute(
                "INSERT OR REPLACE INTO object_fault VALUES (?1, ?2, ?3, ?4, ?5)",
                params![fact.site, hash, fact.id, fact.at_us, doc],
            )?
        }
    };
    place.mark(fact.site, apply::at(fact))?;
    if let Some(before) = before {
        place.mark(fact.site, before.at)?;
    }
    if let Some(recording) = recordings::of_object(connection, fact.site, &seen.object)? {
        mark(place, fact.site, &recording)?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<(ContentHash, i64, i64, String)> {
    Ok((ContentHash(row.get(0)?), row.get(1)?, row.get(2)?, row.get(3)?))
}

fn faults(
    connection: &Connection,
    condition: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Fault>> {
    let sql = format!("SELECT hash, fact, at, doc FROM object_fault WHERE {condition}");
    let mut query = connection.prepare_cached(&sql)?;
    let rows = query.query_map(values, read)?;
    rows.map(|row| {
        let (object, fact, at, doc) = row?;
        let state = serde_json::from_str(&doc)
            .map_err(|error| Error::Broken(format!("fact {fact}"), error.to_string()))?;
        Ok(Fault { object, state, fact, at: moment(at) })
    })
    .collect()
}

/// The fault of some stored bytes at a site, if there is one.
///
/// # Errors
/// When the row cannot be read.
pub fn fault(connection: &Connection, site: i64, hash: &ContentHash) -> Result<Option<Fault>> {
    Ok(faults(connection, "site = ?1 AND hash = ?2", params![site, hash.0.as_slice()])?.pop())
}

/// Bytes of a site that belong to no recording, oldest first.
///
/// # Errors
/// When a row cannot be read.
pub fn strays(connection: &Connection, site: i64) -> Result<Vec<Fault>> {
    let mut all = faults(connection, "site = ?1 ORDER BY fact", [site])?;
    all.retain(|fault| matches!(fault.state, State::Stray { .. }));
    Ok(all)
}

/// Faults of these recordings, and bytes without one that were seen in a span of time.
///
/// # Errors
/// When a row cannot be read.
pub fn between<'a>(
    connection: &Connection,
    site: i64,
    recordings: impl Iterator<Item = &'a RecordingFact>,
    (from, to): (Moment, Moment),
) -> Result<Vec<ObjectFact>> {
    let mut found: Vec<ObjectFact> = strays(connection, site)?
        .into_iter()
        .filter(|stray| from <= stray.at && stray.at < to)
        .filter_map(|stray| stray.told(None))
        .collect();
    for recording in recordings {
        for object in recording.recording.objects() {
            let fault = fault(connection, site, &object)?;
            found.extend(fault.and_then(|fault| fault.told(Some(recording.key))));
        }
    }
    Ok(found)
}

impl Fault {
    /// As the rules look at it.
    fn told(&self, recording: Option<i64>) -> Option<ObjectFact> {
        let mut evidence = vec![format!("sha256={}", self.object)];
        let code = match (&self.state, recording) {
            (State::Changed { found }, Some(_)) => {
                evidence.push(format!("found_sha256={found}"));
                Code::HashChanged
            }
            (State::Missing, Some(_)) => Code::ObjectMissing,
            (State::Stray { bytes }, None) => {
                evidence.push(format!("bytes={bytes}"));
                Code::ObjectStray
            }
            _ => return None,
        };
        Some(ObjectFact { code, recording, fact: self.fact, at: self.at, evidence })
    }
}

/// The bytes of so many recordings after a key that are not erased, in order: originals and archive
/// renditions.
///
/// # Errors
/// When the disk fails.
pub fn kept_after(connection: &Connection, after: i64, count: usize) -> Result<Vec<Kept>> {
    let mut query = connection.prepare_cached(
        "SELECT key, site, iif(original_gone, NULL, hash), rendition FROM recording
         WHERE key > ?1 AND erased = 0 ORDER BY key LIMIT ?2",
    )?;
    let mut kept = Vec::new();
    let mut rows = query.query([after, count as i64])?;
    while let Some(row) = rows.next()? {
        let (key, site) = (row.get(0)?, row.get(1)?);
        let hashes: [Option<[u8; 32]>; 2] = [row.get(2)?, row.get(3)?];
        let hashes = hashes.into_iter().flatten().map(ContentHash);
        kept.extend(hashes.map(|hash| Kept { key, site, hash }));
    }
    Ok(kept)
}

/// Whose bytes these are, over these sites.
///
/// # Errors
/// When the disk fails.
pub fn owner(connection: &Connection, sites: &[i64], hash: &ContentHash) -> Result<Owner> {
    let mut owner = Owner::Nobody;
    let mut query = connection.prepare_cached(
        "SELECT erased OR original_gone FROM recording
         WHERE site = ?1 AND hash = ?2 UNION ALL
         SELECT erased FROM recording WHERE site = ?1 AND rendition = ?2 ORDER BY 1 LIMIT 1",
    )?;
    for site in sites {
        let erased = query.query_row(params![site, hash.0.as_slice()], |row| row.get(0));
        match erased.optional()? {
            Some(0) => return Ok(Owner::Recording),
            Some(_) => owner = Owner::Erased,
            None => {}
        }
    }
    Ok(owner)
}

/// The keys of all sites there ever were, in order.
///
/// # Errors
/// When the disk fails.
pub fn sites(connection: &Connection) -> Result<Vec<i64>> {
    let mut query = connection.prepare_cached("SELECT key FROM site ORDER BY key")?;
    let rows = query.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Bytes of a recording that are gone by rule cannot be wrong.
pub(super) fn forget(
    place: &Place<'_>,
    site: i64,
    fact: &RecordingFact,
    object: &ContentHash,
) -> Result<()> {
    place.connection.execute(
        "DELETE FROM object_fault WHERE site = ?1 AND hash = ?2",
        params![site, object.0.as_slice()],
    )?;
    mark(place, site, fact)
}

/// The recording's own day and that of its call must be computed again.
fn mark(place: &Place<'_>, site: i64, fact: &RecordingFact) -> Result<()> {
    place.mark(site, recordings::starts_at(&fact.recording))?;
    match fact.call.map(|call| calls::time_of(place.connection, call)) {
        Some(Ok(at)) => place.mark(site, at),
        Some(Err(Error::NotFound(_))) | None => Ok(()),
        Some(Err(error)) => Err(error),
    }
}

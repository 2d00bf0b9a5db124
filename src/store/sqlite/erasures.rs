//! Rows of erased recordings: the bytes go, the row and a tombstone stay. And what retention must
//! know in order to say what goes.

use super::apply::{self, Place};
use super::{Tx, entries, findings, holds, links, objects, recordings};
use crate::audit::RecordingFact;
use crate::call::Moment;
use crate::finding::{About, State as Standing};
use crate::keeping::{Candidate, Class, Original};
pub use crate::recording::Tombstone;
use crate::recording::{ContentHash, State};
use crate::site::SiteSettings;
use crate::store::fact::{Fact, Kind};
use crate::store::{Error, Result, moment};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// The body of an erasure's fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    pub object: ContentHash,
    pub bytes: u64,
    /// The rule, or a person's reason.
    pub why: String,
}

/// Why a recording was not erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// The thing under whose hold it is.
    Held(String),
    Already,
}

impl Tx<'_, '_> {
    /// Writes the tombstone of a recording; its bytes, those of the original and of its archive
    /// rendition, may be removed after the commit. A legal hold wins, also one that came after the
    /// plan.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such recording.
    pub fn erase(
        &mut self,
        site: i64,
        key: i64,
        why: &str,
        at: Moment,
        who: &str,
    ) -> Result<std::result::Result<Vec<ContentHash>, Refused>> {
        let fact = recordings::recording(self.connection, key)?;
        if fact.recording.state == State::Erased {
            return Ok(Err(Refused::Already));
        }
        if let Some(thing) = holds::held(self.connection, site)?.by(&fact) {
            return Ok(Err(Refused::Held(thing.clone())));
        }
        let (object, bytes) = (fact.recording.hash, fact.recording.bytes);
        let erased = Erased { object, bytes, why: why.to_owned() };
        self.act(site, Kind::Erasure, at, who, &erased)?;
        Ok(Ok(fact.recording.objects()))
    }
}

/// The rows of an erasure's fact. Of what was heard the figures stay and the waveform goes.
pub fn apply(place: &Place<'_>, fact: &Fact, erased: Erased) -> Result<()> {
    let connection = place.connection;
    let found = recordings::by_hash(connection, fact.site, &erased.object)?;
    let mut found =
        found.ok_or_else(|| Error::NotFound(format!("recording of fact {}", fact.id)))?;
    found.recording.state = State::Erased;
    found.recording.state_at = apply::at(fact);
    if let Some(measures) = &mut found.recording.measures {
        measures.peaks.clear();
    }
    recordings::rewrite(connection, &found)?;
    connection.execute("UPDATE recording SET erased = 1 WHERE key = ?1", [found.key])?;
    let tombstone = Tombstone {
        sha256: erased.object,
        bytes: erased.bytes,
        why: erased.why,
        who: fact.who.clone().unwrap_or_default(),
        at: moment(fact.at_us),
    };
    let doc = serde_json::to_string(&tombstone)
        .map_err(|error| Error::Broken(format!("fact {}", fact.id), error.to_string()))?;
    connection.execute(
        "INSERT OR REPLACE INTO tombstone VALUES (?1, ?2, ?3, ?4)",
        params![found.key, fact.site, fact.id, doc],
    )?;
    let objects = found.recording.objects();
    objects.iter().try_for_each(|object| objects::forget(place, fact.site, &found, object))
}

/// The tombstone of a recording, if it was erased.
///
/// # Errors
/// When the row cannot be read.
pub fn tombstone(connection: &Connection, recording: i64) -> Result<Option<Tombstone>> {
    let sql = "SELECT doc FROM tombstone WHERE recording = ?1";
    let doc: Option<String> =
        connection.prepare_cached(sql)?.query_row([recording], |row| row.get(0)).optional()?;
    doc.map(|doc| {
        serde_json::from_str(&doc)
            .map_err(|error| Error::Broken(format!("tombstone {recording}"), error.to_string()))
    })
    .transpose()
}

/// Recordings of a site that begin before a moment and are not erased, oldest first, ready to be
/// asked for their time.
///
/// # Errors
/// When a row cannot be read.
pub fn candidates(
    connection: &Connection,
    site: i64,
    settings: &SiteSettings,
    before: Moment,
    count: usize,
) -> Result<Vec<Candidate>> {
    let held = holds::held(connection, site)?;
    let facts = recordings::kept_before(connection, site, before, count)?;
    facts
        .into_iter()
        .map(|fact| {
            let (class, open) = class(connection, site, &fact)?;
            Ok(Candidate {
                site,
                recording: fact.key,
                hash: fact.recording.hash,
                bytes: fact.recording.stored_bytes(),
                begins_at: recordings::starts_at(&fact.recording),
                class,
                keep_days: class.keep_days(settings),
                original: original(&fact, class, settings),
                held: held.by(&fact).cloned(),
                open,
            })
        })
        .collect()
}

/// The original that may go before the rest, where an archive rendition is beside it.
fn original(fact: &RecordingFact, class: Class, settings: &SiteSettings) -> Option<Original> {
    let recording = &fact.recording;
    let beside = recording.archived.is_some() && recording.in_place().is_none();
    let keep_days = class.original_days(settings).filter(|_| beside)?;
    Some(Original { keep_days, bytes: recording.bytes })
}

/// The class of a recording now.
///
/// # Errors
/// When a row cannot be read.
pub fn class_of(connection: &Connection, site: i64, fact: &RecordingFact) -> Result<Class> {
    Ok(class(connection, site, fact)?.0)
}

/// What a recording counts as, and the open findings for which its sound is evidence.
fn class(
    connection: &Connection,
    site: i64,
    fact: &RecordingFact,
) -> Result<(Class, Vec<crate::finding::Code>)> {
    let about = About { call: fact.call, recording: Some(fact.key), ..About::default() };
    let kept = findings::about(connection, site, about)?;
    let kept = || kept.iter().map(|kept| &kept.finding);
    let open = kept()
        .filter(|finding| finding.state == Standing::Open && finding.code.needs_sound())
        .map(|finding| finding.code)
        .collect();
    let link = links::of_contact(connection, site, fact.call.unwrap_or(-fact.key))?;
    let class = match link {
        Some((link, _)) => Class::linked(entries::by_key(connection, link.entry)?.entry.category),
        None if kept().any(|finding| finding.state == Standing::Explained) => Class::Explained,
        None if !fact.recording.has_sound() => Class::Exempt,
        None => Class::Unmatched,
    };
    Ok((class, open))
}

/// Bytes kept of a site, by the days since the epoch (UTC) on which their recordings begin.
///
/// # Errors
/// When the disk fails.
pub fn daily_bytes(connection: &Connection, site: i64) -> Result<Vec<(i64, u64)>> {
    let mut query = connection.prepare_cached(
        "SELECT at / 86400000000, sum(bytes) FROM recording WHERE site = ?1 AND erased = 0
         GROUP BY 1 ORDER BY 1",
    )?;
    let rows = query.query_map([site], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many recordings of a site are kept, and their bytes; how many were erased.
///
/// # Errors
/// When the disk fails.
pub fn counts(connection: &Connection, site: i64) -> Result<(i64, i64, i64)> {
    let kept = "SELECT count(*), coalesce(sum(bytes), 0) FROM recording
                WHERE site = ?1 AND erased = 0";
    let (count, bytes) =
        connection.prepare_cached(kept)?.query_row([site], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let erased = "SELECT count(*) FROM tombstone WHERE site = ?1";
    let erased = connection.prepare_cached(erased)?.query_row([site], |row| row.get(0))?;
    Ok((count, bytes, erased))
}

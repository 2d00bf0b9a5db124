//! The queue of recordings to be fetched. A row is written in the transaction that folds the call
//! that announces it, so a crash loses none; the rest is the queue's own memory.

use super::folding::Step;
use super::{Tx, calls};
use crate::call::{AnnouncedRecording, Call, Moment};
use crate::recording::reference::{self, Way};
use crate::store::{Result, micros, moment};
use chrono::TimeDelta;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, BTreeSet};

/// Of one that is not to be tried before its call is over.
const NOT_YET: i64 = i64::MAX;

/// Where a fetch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Waiting,
    Fetched,
    /// Given up: the grace time is over, or trying cannot help.
    Failed,
}

/// A file that a call announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    pub key: i64,
    pub site: i64,
    pub source: i64,
    pub call: i64,
    /// [`reference::file`]
    pub file: String,
    pub reference: String,
    pub state: State,
    /// When it is tried next.
    pub due_at: Option<Moment>,
    pub tries: i64,
    pub first_at: Option<Moment>,
    pub last_at: Option<Moment>,
    /// Why the last try failed.
    pub error: Option<String>,
    pub recording: Option<i64>,
}

const COLUMNS: &str = "key, site, source, call, file, reference, state, due_at, tries, first_at, \
                       last_at, error, recording";

fn fetch(row: &Row<'_>) -> rusqlite::Result<Fetch> {
    let at = |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(index)?.map(moment));
    let state = match row.get_ref(6)?.as_str()? {
        "fetched" => State::Fetched,
        "failed" => State::Failed,
        _ => State::Waiting,
    };
    let due = row.get::<_, i64>(7)?;
    Ok(Fetch {
        key: row.get(0)?,
        site: row.get(1)?,
        source: row.get(2)?,
        call: row.get(3)?,
        file: row.get(4)?,
        reference: row.get(5)?,
        state,
        due_at: (state == State::Waiting && due != NOT_YET).then(|| moment(due)),
        tries: row.get(8)?,
        first_at: at(9)?,
        last_at: at(10)?,
        error: row.get(11)?,
        recording: row.get(12)?,
    })
}

fn all(connection: &Connection, rest: &str, values: impl rusqlite::Params) -> Result<Vec<Fetch>> {
    let sql = format!("SELECT {COLUMNS} FROM fetch WHERE {rest}");
    let mut query = connection.prepare_cached(&sql)?;
    Ok(query.query_map(values, fetch)?.collect::<rusqlite::Result<_>>()?)
}

/// What is to be tried by a moment, longest waiting first.
///
/// # Errors
/// When the disk fails.
pub fn due(connection: &Connection, as_of: Moment, count: usize) -> Result<Vec<Fetch>> {
    let rest = "state = 'waiting' AND due_at <= ?1 ORDER BY due_at, key LIMIT ?2";
    all(connection, rest, params![micros(as_of), count as i64])
}

/// When something is to be tried next, after a moment.
///
/// # Errors
/// When the disk fails.
pub fn next_due(connection: &Connection, after: Moment) -> Result<Option<Moment>> {
    let sql = "SELECT due_at FROM fetch WHERE state = 'waiting' AND due_at > ?1 AND due_at < ?2
               ORDER BY due_at LIMIT 1";
    let mut query = connection.prepare_cached(sql)?;
    Ok(query.query_row([micros(after), NOT_YET], |row| row.get(0)).optional()?.map(moment))
}

/// The files that a call announced and that are or were to be fetched, in order.
///
/// # Errors
/// When the disk fails.
pub fn of_call(connection: &Connection, call: i64) -> Result<Vec<Fetch>> {
    all(connection, "call = ?1 ORDER BY key", [call])
}

/// All that wait, by their keys.
///
/// # Errors
/// When the disk fails.
pub fn all_waiting(connection: &Connection) -> Result<BTreeSet<i64>> {
    let mut query = connection.prepare_cached("SELECT key FROM fetch WHERE state = 'waiting'")?;
    Ok(query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// How many wait.
///
/// # Errors
/// When the disk fails.
pub fn waiting(connection: &Connection) -> Result<i64> {
    let sql = "SELECT count(*) FROM fetch WHERE state = 'waiting'";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// Where a call and its announcements come from.
pub(super) struct Told<'a> {
    pub site: i64,
    pub call: i64,
    pub folded: &'a Call,
    /// Oldest bucket in which the same file is looked for.
    pub first_bucket: i64,
}

/// Queues what a folded call announces and its source wants fetched: each file once, whoever
/// announces it again. `source_of` finds who announced a reference.
pub(super) fn announce(
    step: &Step<'_>,
    told: &Told<'_>,
    mut source_of: impl FnMut(&str) -> Result<Option<i64>>,
) -> Result<()> {
    let known = of_call(step.tx, told.call)?;
    let over = told.folded.ended_at.is_some();
    // Of several addresses of one file the last one counts.
    let told_as =
        |one: &'_ AnnouncedRecording| (reference::file(&one.reference), one.reference.clone());
    let announced: BTreeMap<String, String> = told.folded.recordings.iter().map(told_as).collect();
    for (file, reference) in &announced {
        match known.iter().find(|row| row.file == *file) {
            Some(row) if row.state != State::Fetched => renew(step.tx, row, reference, over)?,
            Some(_) => {}
            None if is_known(step.tx, told, file)? => {}
            None => {
                let Some(source) = source_of(reference)? else { continue };
                let name = step.names.sources.get(&source).map_or("", String::as_str);
                if step.interpreter.fetches(name, reference) {
                    let values = params![
                        told.site,
                        source,
                        told.call,
                        file,
                        reference,
                        due_at(reference, over)
                    ];
                    step.tx
                        .prepare_cached(
                            "INSERT OR IGNORE INTO fetch (site, source, call, file, reference, due_at)
                             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                        )?
                        .execute(values)?;
                }
            }
        }
    }
    // What was announced in the place of a file that is now named otherwise.
    let gone = |row: &&Fetch| row.state != State::Fetched && !announced.contains_key(&row.file);
    for row in known.iter().filter(gone) {
        step.tx.execute("DELETE FROM fetch WHERE key = ?1", [row.key])?;
    }
    Ok(())
}

/// A file named by its path may still be written while its call lives.
fn due_at(reference: &str, over: bool) -> i64 {
    if over || reference::way(reference) == Way::Address { 0 } else { NOT_YET }
}

/// The end of a call makes its files due; a fresh address takes the place of an old one, and is
/// worth a try of its own.
fn renew(tx: &Connection, row: &Fetch, reference: &str, over: bool) -> Result<()> {
    if row.reference != reference {
        tx.prepare_cached(
            "UPDATE fetch SET reference = ?2, state = 'waiting', due_at = ?3 WHERE key = ?1",
        )?
        .execute(params![row.key, reference, due_at(reference, over)])?;
    } else if over {
        tx.prepare_cached("UPDATE fetch SET due_at = 0 WHERE key = ?1 AND due_at = ?2")?
            .execute([row.key, NOT_YET])?;
    }
    Ok(())
}

/// Whether another call announced the same file.
fn is_known(tx: &Connection, told: &Told<'_>, file: &str) -> Result<bool> {
    let mut query =
        tx.prepare_cached("SELECT 1 FROM fetch WHERE site = ?1 AND call >> 24 = ?2 AND file = ?3")?;
    let newest = "SELECT coalesce(max(call), 0) FROM fetch";
    let newest: i64 = tx.prepare_cached(newest)?.query_row([], |row| row.get(0))?;
    for bucket in (told.first_bucket..=calls::bucket_of(newest)).rev() {
        if query.exists(params![told.site, bucket, file])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Two calls turned out to be one.
pub(super) fn merge(tx: &Connection, other: i64, call: i64) -> Result<()> {
    tx.execute("UPDATE OR IGNORE fetch SET call = ?2 WHERE call = ?1", [other, call])?;
    tx.execute("DELETE FROM fetch WHERE call = ?1", [other])?;
    Ok(())
}

/// Copies the queue from another database that is attached as `grown`: what became of its tries is
/// told by no fact.
pub(super) fn copy(connection: &Connection) -> Result<()> {
    connection.execute_batch("DELETE FROM fetch; INSERT INTO fetch SELECT * FROM grown.fetch;")?;
    Ok(())
}

impl Tx<'_, '_> {
    /// A file is here; nothing is known of its recording where a watched folder had brought it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn fetched(&mut self, key: i64, recording: Option<i64>, at: Moment) -> Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE fetch SET state = 'fetched', recording = ?2, last_at = ?3,
                   first_at = coalesce(first_at, ?3), tries = tries + 1, error = NULL WHERE key = ?1",
            )?
            .execute(params![key, recording, micros(at)])?;
        Ok(())
    }

    /// A try failed at `at`; the next is due at a moment.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn fetch_later(&mut self, key: i64, why: &str, at: Moment, due: Moment) -> Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE fetch SET error = ?2, last_at = ?3, first_at = coalesce(first_at, ?3),
                   tries = tries + 1, due_at = ?4 WHERE key = ?1 AND state = 'waiting'",
            )?
            .execute(params![key, why, micros(at), micros(due)])?;
        Ok(())
    }

    /// A file is given up. What was found of its call is looked at again.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn fetch_failed(&mut self, fetch: &Fetch, why: &str, at: Moment) -> Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE fetch SET state = 'failed', error = ?2, last_at = ?3,
                   first_at = coalesce(first_at, ?3) WHERE key = ?1 AND state = 'waiting'",
            )?
            .execute(params![fetch.key, why, micros(at)])?;
        let offered_at = calls::time_of(self.connection, fetch.call)?;
        self.place(fetch.site, |place| place.mark(fetch.site, offered_at))
    }

    /// Gives what failed within some time another try: the settings may be others now. Gives how
    /// many these are.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn fetch_again(&mut self, as_of: Moment, within: TimeDelta) -> Result<usize> {
        let mut update = self.connection.prepare_cached(
            "UPDATE fetch SET state = 'waiting', due_at = 0, tries = 0, first_at = NULL
             WHERE state = 'failed' AND last_at >= ?1",
        )?;
        Ok(update.execute([micros(as_of - within)])?)
    }
}

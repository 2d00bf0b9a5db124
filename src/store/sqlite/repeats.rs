//! Which deliveries came already: an exact check that stays cheap however many there are and
//! however random their ids.
//!
//! The truth is the table `repeat_key`. Before it stands a filter in memory that says "certainly
//! new" for nearly every new delivery, so that the table is asked only about repeats. A hit in the
//! table is a 64-bit key; the fact behind it is compared in full, so that two deliveries are never
//! taken for one.

use super::filter::{BUCKET_BITS, Filter, Set};
use super::{connect, progress};
use crate::store::{Kind, NewFact, Result};
use rusqlite::{Connection, params};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What makes a delivery the same as another: its source, the vendor's id if there is one, and its
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub source: i64,
    pub delivery_id: Option<String>,
    pub digest: [u8; 32],
}

impl Identity {
    /// That of a delivery.
    pub fn of(fact: &NewFact) -> Self {
        let delivery_id = fact.delivery_id.clone();
        Self { source: fact.source, delivery_id, digest: fact.digest }
    }

    /// 64 bits of it, evenly spread.
    fn key(&self) -> i64 {
        let mut key = [0u8; 8];
        key.copy_from_slice(&self.digest[..8]);
        let mut key = u64::from_be_bytes(key);
        for byte in self.delivery_id.iter().flat_map(|id| id.bytes()) {
            key = (key ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        (key ^ (self.source as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)) as i64
    }
}

/// Waiting keys are kept in so many parts, by the order of the tree.
const PARTS: usize = 16;
/// A part with so many goes into the table together: its keys fall on the same few pages, which are
/// then written once for all of them.
const PART_MAX: usize = 256;

/// The check for repeats, owned by the writer.
///
/// Keys go into the table long after their facts are on disk; until then they stand here, and after
/// a crash they are read from the facts again.
pub struct Repeats {
    path: PathBuf,
    filter: Arc<Filter>,
    /// Appended but not yet in the table.
    waiting: [HashMap<i64, Vec<(i64, Identity)>>; PARTS],
    /// Newest fact whose key was ever remembered.
    newest: i64,
    /// Oldest bucket of the window.
    first_bucket: i64,
    /// Keys of other processes wait nowhere, so that it may be said from where on they would have
    /// to be recovered.
    owns: bool,
}

impl Repeats {
    /// The check for a database whose window begins at `first_fact`.
    pub fn new(path: &Path, first_fact: i64, filter: Arc<Filter>, owns: bool) -> Self {
        let (path, first_bucket) = (path.to_owned(), first_fact >> BUCKET_BITS);
        Self { path, filter, waiting: Default::default(), newest: 0, first_bucket, owns }
    }

    /// Fills the filter in the background, if nobody has done so since it was thrown away.
    fn warm(&self) {
        let Some(set) = self.filter.to_fill() else { return };
        let (path, first_bucket) = (self.path.clone(), self.first_bucket);
        std::thread::spawn(move || {
            if let Err(error) = fill(&set, &path, first_bucket) {
                tracing::warn!(%error, "the filter for repeats stays cold; every check asks the table");
            }
        });
    }

    /// Throws the filter away where the table knows all that it knows.
    pub fn rest(&self) {
        if self.waiting.iter().all(HashMap::is_empty) {
            self.filter.forget();
        }
    }

    /// Remembers the deliveries whose keys are not in the table yet.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn recover(&mut self, connection: &Connection) -> Result<()> {
        self.waiting = Default::default();
        let settled_to = settled_to(connection)?;
        self.newest = settled_to;
        let mut query = connection.prepare_cached(
            "SELECT id, source, delivery_id, digest FROM fact WHERE id > ?1 AND kind = ?2",
        )?;
        let mut rows = query.query(params![settled_to, Kind::Delivery as i64])?;
        while let Some(row) = rows.next()? {
            let (source, delivery_id, digest) = (row.get(1)?, row.get(2)?, row.get(3)?);
            self.remember(row.get(0)?, Identity { source, delivery_id, digest });
        }
        Ok(())
    }

    /// In order of the tree: its keys are signed.
    fn part_of(key: i64) -> usize {
        ((key as u64 ^ (1 << 63)) >> 60) as usize
    }

    /// The fact of the delivery that this one repeats.
    pub fn find(&self, tx: &Connection, identity: &Identity) -> Result<Option<i64>> {
        let key = identity.key();
        let waiting = self.waiting[Self::part_of(key)].get(&key).into_iter().flatten();
        if let Some((fact, _)) = waiting.into_iter().find(|(_, other)| other == identity) {
            return Ok(Some(*fact));
        }
        self.warm();
        if !self.filter.may_hold(key) {
            return Ok(None);
        }
        let newest: Option<i64> = tx
            .prepare_cached("SELECT max(bucket) FROM repeat_key")?
            .query_row([], |row| row.get(0))?;
        let Some(newest) = newest else { return Ok(None) };
        for bucket in (self.first_bucket..=newest).rev() {
            if let Some(fact) = in_bucket(tx, bucket, key, identity)? {
                return Ok(Some(fact));
            }
        }
        Ok(None)
    }

    /// Remembers a delivery that was just appended.
    pub fn remember(&mut self, fact: i64, identity: Identity) {
        let key = identity.key();
        self.filter.insert(key);
        self.newest = self.newest.max(fact);
        self.waiting[Self::part_of(key)].entry(key).or_default().push((fact, identity));
    }

    /// Forgets what was appended after `fact`, because its transaction was rolled back.
    pub fn forget_after(&mut self, fact: i64) {
        self.newest = self.newest.min(fact);
        for part in &mut self.waiting {
            for known in part.values_mut() {
                known.retain(|(id, _)| *id <= fact);
            }
            part.retain(|_, known| !known.is_empty());
        }
    }

    /// Puts the fullest part into the table, if it is full enough. When the transaction fails, the
    /// keys have to be recovered.
    pub fn settle(&mut self, tx: &Connection) -> Result<()> {
        let fullest = self.waiting.iter_mut().max_by_key(|part| part.len());
        match fullest.filter(|part| part.len() >= PART_MAX) {
            Some(part) => {
                insert(tx, std::mem::take(part))?;
                self.mark(tx)
            }
            None => Ok(()),
        }
    }

    /// Puts all that waits into the table.
    pub fn settle_all(&mut self, tx: &Connection) -> Result<()> {
        for part in &mut self.waiting {
            insert(tx, std::mem::take(part))?;
        }
        self.mark(tx)
    }

    /// Keeps from where on keys would have to be recovered.
    fn mark(&self, tx: &Connection) -> Result<()> {
        if !self.owns {
            return Ok(());
        }
        let waiting = self.waiting.iter().flat_map(HashMap::values).flatten();
        let oldest = waiting.map(|(fact, _)| *fact).min();
        progress::set(tx, progress::SETTLED_TO, oldest.map_or(self.newest, |fact| fact - 1))
    }
}

/// The newest fact up to which all keys are in the table.
pub fn settled_to(connection: &Connection) -> Result<i64> {
    if let Some(mark) = progress::find(connection, progress::SETTLED_TO)? {
        return Ok(mark);
    }
    // A database from before this mark settled its keys with the fold.
    let mark = progress::get(connection, progress::FOLDED_TO)?;
    progress::set(connection, progress::SETTLED_TO, mark)?;
    Ok(mark)
}

/// The fact before a window that a delivery repeats. Nothing is written there any more, so that any
/// connection sees all of it.
pub fn find_before(
    connection: &Connection,
    first_bucket: i64,
    identity: &Identity,
) -> Result<Option<i64>> {
    let key = identity.key();
    for bucket in (0..first_bucket).rev() {
        if let Some(fact) = in_bucket(connection, bucket, key, identity)? {
            return Ok(Some(fact));
        }
    }
    Ok(None)
}

fn insert(tx: &Connection, part: HashMap<i64, Vec<(i64, Identity)>>) -> Result<()> {
    let facts = part.into_iter().flat_map(|(key, known)| {
        known.into_iter().map(move |(fact, _)| (fact >> BUCKET_BITS, key, fact))
    });
    let mut rows: Vec<(i64, i64, i64)> = facts.collect();
    rows.sort_unstable();
    let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO repeat_key VALUES (?1, ?2, ?3)")?;
    for (bucket, key, fact) in rows {
        insert.execute(params![bucket, key, fact])?;
    }
    Ok(())
}

fn in_bucket(tx: &Connection, bucket: i64, key: i64, identity: &Identity) -> Result<Option<i64>> {
    let mut query = tx.prepare_cached(
        "SELECT r.fact FROM repeat_key r JOIN fact f ON f.id = r.fact
         WHERE r.bucket = ?1 AND r.key = ?2 AND f.source = ?3 AND f.digest = ?4 AND f.delivery_id IS ?5",
    )?;
    let mut rows = query.query(params![
        bucket,
        key,
        identity.source,
        identity.digest.as_slice(),
        identity.delivery_id
    ])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

fn fill(filter: &Set, path: &Path, first_bucket: i64) -> Result<()> {
    // Both tables are read through once: a cache would keep nothing that is asked again.
    let connection = connect::reader(path, 64)?;
    let mut query = connection.prepare("SELECT key FROM repeat_key WHERE bucket >= ?1")?;
    let mut rows = query.query([first_bucket])?;
    while let Some(row) = rows.next()? {
        filter.insert(row.get(0)?);
    }
    let mut query = connection.prepare("SELECT key FROM tie WHERE bucket >= ?1")?;
    let mut rows = query.query([first_bucket])?;
    while let Some(row) = rows.next()? {
        filter.insert(row.get(0)?);
    }
    filter.complete();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_known_after_a_rest() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("repeats.db");
        let connection = connect::writer(&path, 256).expect("a database");
        let rows = "INSERT INTO site (id, head) VALUES ('s', zeroblob(32));
                    INSERT INTO fact VALUES (1, 1, 1, 0, 1, NULL, 'd-1', '', x'00', zeroblob(32), zeroblob(32))";
        connection.execute_batch(rows).expect("a fact");
        let filter = Arc::new(Filter::default());
        let mut repeats = Repeats::new(&path, 0, Arc::clone(&filter), true);
        let known = Identity { source: 1, delivery_id: Some("d-1".into()), digest: [0; 32] };
        let other = Identity { delivery_id: Some("d-2".into()), ..known.clone() };
        repeats.remember(1, known.clone());
        repeats.rest();
        assert_eq!(repeats.find(&connection, &known).expect("read"), Some(1), "it waits");
        repeats.settle_all(&connection).expect("settled");
        for _ in 0..2 {
            repeats.rest();
            assert_eq!(repeats.find(&connection, &known).expect("read"), Some(1));
            while filter.may_hold(0) {
                std::thread::yield_now();
            }
            assert_eq!(repeats.find(&connection, &known).expect("read"), Some(1));
            assert_eq!(repeats.find(&connection, &other).expect("read"), None);
        }
    }
}

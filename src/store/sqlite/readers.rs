//! Connections that read: made when they are needed, kept while they are used.

use super::connect;
use crate::clock::Watch;
use crate::store::Result;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Page cache of a connection. The system caches the file as well; several connections are kept, so
/// each is small.
const CACHE_KIB: i64 = 768;
/// A connection that nobody needed for so long is closed: idle, a daemon holds no caches.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// The connections of one database that wait for a question.
pub struct Readers {
    path: PathBuf,
    kept_max: usize,
    /// With the time since their last question; the last one in is the first one out, so that those
    /// nobody needs grow old.
    waiting: Mutex<Vec<(Watch, Connection)>>,
}

impl Readers {
    /// None yet.
    pub fn new(path: PathBuf, kept_max: usize) -> Self {
        Self { path, kept_max, waiting: Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(Watch, Connection)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks in one snapshot.
    ///
    /// # Errors
    /// Those of `question`, and of opening another connection.
    pub fn read<T>(&self, question: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let waiting = self.waiting().pop();
        let connection = match waiting {
            Some((_, connection)) => connection,
            None => connect::reader(&self.path, CACHE_KIB)?,
        };
        connection.execute_batch("BEGIN")?;
        let answer = question(&connection);
        connection.execute_batch("COMMIT")?;
        let mut waiting = self.waiting();
        if waiting.len() < self.kept_max {
            waiting.push((Watch::start(), connection));
        }
        answer
    }

    /// Closes those that nobody needed for a while.
    pub fn close_idle(&self) {
        let is_idle = |(since, _): &mut (Watch, Connection)| since.elapsed() >= KEPT_FOR;
        let idle: Vec<_> = self.waiting().extract_if(.., is_idle).collect();
        drop(idle);
    }

    /// Closes all that wait.
    pub fn close(&self) {
        self.waiting().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_used_again_and_no_more_are_kept_than_allowed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        Connection::open(&path).expect("a database").execute_batch("CREATE TABLE a (b)").expect("");
        let readers = Readers::new(path, 2);
        for _ in 0..3 {
            readers.read(|_| Ok(())).expect("read");
        }
        assert_eq!(readers.waiting().len(), 1);
        let nested =
            readers.read(|_| readers.read(|_| readers.read(|_| Ok(readers.waiting().len()))));
        assert_eq!(nested.expect("read"), 0);
        assert_eq!(readers.waiting().len(), 2);
        readers.close_idle();
        assert_eq!(readers.waiting().len(), 2, "they were needed just now");
    }
}

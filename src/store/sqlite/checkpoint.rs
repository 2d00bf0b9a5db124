//! Checkpoints in a thread of their own, so that no delivery's reply waits for one.
//!
//! A passive checkpoint copies pages while the writer goes on. Only when the log has grown long and
//! nearly all of it is copied does the writer pause, for the little rest, so that the log starts
//! over.

use super::connect;
use super::readers::Readers;
use crate::store::Result;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Length of the log at which copying begins.
const COPY_FROM_BYTES: u64 = 16 << 20;
/// Length of the log at which it must start over.
const RESTART_FROM_BYTES: u64 = 192 << 20;
/// Pages left to copy at which the writer may be paused.
const REST_PAGES_MAX: i64 = 100;
/// How often a busy log is copied again before the writer is paused anyway.
const COPIES_MAX: usize = 6;
/// How often the log's length is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Held by the writer for each transaction, and by a checkpoint that starts the log over.
pub type Gate = Arc<Mutex<()>>;

/// Runs until the sender of `stop` is gone; closes idle readers besides, which else hold their
/// caches and old pages of the log.
pub fn run(path: &Path, gate: &Gate, readers: &Readers, stop: &Receiver<()>) {
    let connection = match connect::writer(path, 256) {
        Ok(connection) => connection,
        Err(error) => return tracing::error!(%error, "no checkpoints: the log will grow"),
    };
    let log = log_of(path);
    while stop.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        readers.close_idle();
        let bytes = std::fs::metadata(&log).map_or(0, |meta| meta.len());
        let done = match bytes {
            0..COPY_FROM_BYTES => Ok(()),
            COPY_FROM_BYTES..RESTART_FROM_BYTES => copy(&connection).map(drop),
            _ => start_over(&connection, gate),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "checkpoint");
        }
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Copies what it can without stopping anybody; returns the pages left.
fn copy(connection: &Connection) -> Result<i64> {
    checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)")
}

fn start_over(connection: &Connection, gate: &Gate) -> Result<()> {
    for _ in 0..COPIES_MAX {
        if copy(connection)? <= REST_PAGES_MAX {
            break;
        }
    }
    let _paused = gate.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)").map(drop)
}

fn checkpoint(connection: &Connection, pragma: &str) -> Result<i64> {
    let left = connection
        .query_row(pragma, [], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))?;
    Ok(left)
}

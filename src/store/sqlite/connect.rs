//! Connections: pragmas, version guard, migrations.

use crate::store::{Error, Result};
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};
use std::path::Path;
use std::time::Duration;

/// SQLite before this version may corrupt a database when the write-ahead log starts over.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// How long a statement waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The steps from an empty file to the newest schema.
fn migrations() -> Migrations<'static> {
    Migrations::from_iter([
        M::up(include_str!("migrations/0001_ground.sql")),
        M::up(include_str!("migrations/0002_keeping.sql")),
        M::up(include_str!("migrations/0003_pulse.sql")),
        M::up(include_str!("migrations/0004_sequence.sql")),
        M::up(include_str!("migrations/0005_archive.sql")),
        M::up(include_str!("migrations/0006_linking.sql")),
        M::up(include_str!("migrations/0007_fetch.sql")),
        M::up(include_str!("migrations/0008_stirred_time.sql")),
        M::up(include_str!("migrations/0009_finding_count.sql")),
        M::up(include_str!("migrations/0010_link_again.sql")),
    ])
}

fn prepared(connection: Connection, cache_kib: i64) -> Result<Connection> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens the one connection that writes, and brings the schema up to date. Checkpoints never run
/// inside its commits.
pub fn writer(path: &Path, cache_kib: i64) -> Result<Connection> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(Error::Unavailable(format!(
            "SQLite {} is too old: a version before 3.51.3 may corrupt its log",
            rusqlite::version()
        )));
    }
    let mut connection = prepared(Connection::open(path)?, cache_kib)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    migrations()
        .to_latest(&mut connection)
        .map_err(|error| Error::Unavailable(format!("migration of {}: {error}", path.display())))?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub fn reader(path: &Path, cache_kib: i64) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    prepared(Connection::open_with_flags(path, flags)?, cache_kib)
}

/// Opens a database that is thrown away: nothing of it need survive a crash.
pub fn scratch(path: &Path) -> Result<Connection> {
    let mut connection = prepared(Connection::open(path)?, 64 * 1024)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    migrations()
        .to_latest(&mut connection)
        .map_err(|error| Error::Unavailable(format!("scratch database: {error}")))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_migrations_are_well_formed() {
        super::migrations().validate().expect("every migration applies to an empty database");
    }
}

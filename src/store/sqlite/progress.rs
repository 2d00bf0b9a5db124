//! Marks of how far derived rows have come.

use crate::store::Result;
use rusqlite::{Connection, OptionalExtension, params};

/// The newest fact up to which every delivery is folded.
pub const FOLDED_TO: &str = "folded_to";
/// The newest fact whose delivery's events stand with their calls; these may wait to be folded.
pub const PLACED_TO: &str = "placed_to";
/// The newest fact up to which every delivery's key stands in `repeat_key`.
pub const SETTLED_TO: &str = "settled_to";
/// The moment as of which silent calls were closed and findings were computed.
pub const AS_OF: &str = "as_of";

/// The value of a mark; 0 when it was never set.
pub fn get(connection: &Connection, name: &str) -> Result<i64> {
    Ok(find(connection, name)?.unwrap_or(0))
}

/// The value of a mark, if it was ever set.
pub fn find(connection: &Connection, name: &str) -> Result<Option<i64>> {
    let value = connection
        .prepare_cached("SELECT value FROM progress WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(value)
}

/// Sets a mark.
pub fn set(connection: &Connection, name: &str, value: i64) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO progress VALUES (?1, ?2)")?
        .execute(params![name, value])?;
    Ok(())
}

//! What the desk wrote: entries, their versions, and the ways people write units.

pub mod check;
pub mod columns;
pub mod entry;
pub mod import;
pub mod plain;
pub mod search;
pub mod unit;
pub mod version;

pub use entry::{Category, Channel, LedgerEntry};

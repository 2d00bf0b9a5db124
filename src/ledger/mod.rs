//! What the desk wrote: entries, their versions, and the ways people write units.

pub mod check;
mod columns;
pub mod entry;
pub mod import;
pub mod plain;
pub mod search;
pub mod unit;
pub mod version;

pub use entry::{Category, Channel, LedgerEntry};

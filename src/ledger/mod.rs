//! What the desk wrote: entries, their versions, and the ways people write units.

pub mod entry;
pub mod unit;

pub use entry::{Category, Channel, LedgerEntry};

//! What an entry must hold before it is kept. Completeness is another matter: it is judged, not
//! refused.

use super::LedgerEntry;
use chrono::{Datelike, TimeDelta};
use std::ops::Range;

/// Matters before this year or from this one on are no desk's.
const YEARS: Range<i32> = 1990..2100;
/// Longest entry number, in characters.
const ENTRY_ID_MAX: usize = 128;
/// Longest content, in characters.
const CONTENT_MAX: usize = 20_000;

/// Fields at fault, each with what is wrong and the cure. Empty when the entry can be kept.
pub fn faults(entry: &LedgerEntry) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, text: String| faults.push((field.to_owned(), text));
    let id = entry.entry_id.trim();
    if id.is_empty() {
        fault("entry_id", "is empty; every entry needs a number of its own".into());
    }
    if id.chars().count() > ENTRY_ID_MAX {
        fault("entry_id", format!("is longer than {ENTRY_ID_MAX} characters"));
    }
    if entry.content.as_ref().is_some_and(|text| text.chars().count() > CONTENT_MAX) {
        fault("content", format!("is longer than {CONTENT_MAX} characters"));
    }
    let times = [("registered_at", Some(entry.registered_at)), ("occurred_at", entry.occurred_at)];
    for (field, _) in
        times.iter().filter(|(_, at)| at.is_some_and(|at| !YEARS.contains(&at.year())))
    {
        let (first, last) = (YEARS.start, YEARS.end - 1);
        fault(field, format!("lies outside of the years {first} to {last}"));
    }
    let latest = entry.registered_at.checked_add_signed(TimeDelta::days(1));
    if entry.occurred_at.zip(latest).is_some_and(|(at, latest)| at > latest) {
        fault("occurred_at", "lies more than a day after registered_at".into());
    }
    if entry.parent_id.as_deref() == Some(id) {
        fault("parent_id", "an entry cannot follow itself".into());
    }
    faults
}

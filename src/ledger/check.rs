//! What an entry must hold before it is kept. Completeness is another matter: it is judged, not
//! refused.

use super::LedgerEntry;

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
    if entry.occurred_at.is_some_and(|at| at > entry.registered_at + chrono::TimeDelta::days(1)) {
        fault("occurred_at", "lies more than a day after registered_at".into());
    }
    if entry.parent_id.as_deref() == Some(id) {
        fault("parent_id", "an entry cannot follow itself".into());
    }
    faults
}

//! What differs between two versions of an entry.

use super::LedgerEntry;
use serde::Serialize;
use serde_json::Value;

/// One field that changed. Values are as stored; showing them is the reader's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub field: String,
    pub before: String,
    pub after: String,
}

/// The fields in which two versions differ, by name.
pub fn changes(before: &LedgerEntry, after: &LedgerEntry) -> Vec<Change> {
    let fields = |entry: &LedgerEntry| match serde_json::to_value(entry) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let changed = |name: &&String| before.get(*name) != after.get(*name);
    after
        .keys()
        .filter(changed)
        .map(|name| Change {
            field: name.clone(),
            before: text(before.get(name)),
            after: text(after.get(name)),
        })
        .collect()
}

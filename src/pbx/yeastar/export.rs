//! Records of calls as the PBX lists them afterwards: items of its list of records, or rows of a
//! table with the same names. They say what the record after a call says (report 30012), under
//! other names, and are tied to it by the record's own id.

use super::{body::Object, field, word};
use crate::pbx::{Refusal, time};
use chrono_tz::Tz;

/// Names in a list, in a table's head, and in the report.
const NAMES: [(&str, &str, &str); 8] = [
    ("uid", "uid", "uid"),
    ("call_id", "call id", "call_id"),
    ("call_from_number", "call from", "call_from"),
    ("call_to_number", "call to", "call_to"),
    ("duration", "call duration", "call_duration"),
    ("disposition", "status", "status"),
    ("call_type", "communication type", "type"),
    ("record_file", "recording file", "recording"),
];

/// Whether an object is an item of the PBX's list of records.
pub fn is_record(item: &Object) -> bool {
    ["disposition", "uid"].iter().all(|name| item.contains_key(*name))
}

/// The report that an item stands for.
///
/// # Errors
/// [`Refusal::NotUnderstood`] with the column that is missing.
pub fn record(item: &Object, zone: Tz) -> Result<Object, Refusal> {
    let missing = |what: &str| Refusal::NotUnderstood(format!("{what} is missing"));
    let mut record: Object = NAMES
        .iter()
        .filter_map(|(name, head, own)| {
            let value = field(item, [name, own]).or_else(|| word(item, head))?;
            Some(((*own).to_owned(), value.into()))
        })
        .collect();
    if !record.contains_key("uid") && !record.contains_key("call_id") {
        return Err(missing("`uid`, by which a record finds its call,"));
    }
    let epoch = word(item, "timestamp").and_then(|text| time::epoch_s(text.parse().ok()?));
    let local = |at: crate::call::Bounds| {
        at.earliest.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string()
    };
    let start = epoch.map(local).or_else(|| field(item, ["time_start", "time"]));
    let start = start.ok_or_else(|| missing("`timestamp` or `time`"))?;
    // The list's pages show dates with slashes.
    record.insert("time_start".to_owned(), start.replace('/', "-").into());
    Ok(record)
}

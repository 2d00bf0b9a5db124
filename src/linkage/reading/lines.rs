//! Numbers of calls that tell nothing: shown for everybody, or never written down.

use super::Reading;
use crate::linkage::habits::Off;
use crate::linkage::habits::line::lines;
use std::collections::BTreeMap;

/// Takes shared numbers away, and marks calls that nobody ever registers.
pub fn fit(site: &str, off: &Off, reading: &mut Reading) {
    let found = {
        let calls: Vec<(&str, i64)> = reading
            .contacts
            .iter()
            .filter_map(|contact| {
                Some((contact.number.as_deref()?, contact.started_at.timestamp()))
            })
            .collect();
        let time = |row: &crate::linkage::Row| {
            row.occurred_at.filter(|_| !row.occurred_day_only).unwrap_or(row.registered_at)
        };
        let rows: Vec<(Option<&str>, i64)> =
            reading.rows.iter().map(|row| (row.number.as_deref(), time(row).timestamp())).collect();
        lines(&calls, &rows)
    };
    let all = reading.contacts.len();
    let mut marks: BTreeMap<String, bool> = BTreeMap::new();
    for line in found {
        let (name, words) = if line.shared {
            ("shared-number", "is shown for everybody and taken as no number")
        } else {
            ("never-registered", "calls and is never written down")
        };
        if off.applies(name) {
            let number = crate::party::masked_number(&line.number);
            let sentence = format!("the number {number} {words}");
            reading.habit(site, name, sentence, line.calls, all);
            marks.insert(line.number, line.shared);
        }
    }
    for contact in &mut reading.contacts {
        match contact.number.as_ref().and_then(|number| marks.get(number)) {
            Some(true) => contact.number = None,
            Some(false) => contact.answered = false,
            None => {}
        }
    }
}

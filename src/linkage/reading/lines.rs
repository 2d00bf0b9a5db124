//! Numbers of calls that tell nothing: shown for everybody, or never written down.

use super::Reading;
use crate::linkage::Contact;
use crate::linkage::habits::Off;
use crate::linkage::habits::line::lines;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Numbers of calls that tell nothing: shown for everybody (`true`), or never written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines(BTreeMap<String, bool>);

impl Lines {
    /// Takes a shared number away, and marks a call that nobody ever registers.
    pub fn fit_contact(&self, contact: &mut Contact) {
        match contact.number.as_ref().and_then(|number| self.0.get(number.as_str())) {
            Some(true) => contact.number = None,
            Some(false) => contact.answered = false,
            None => {}
        }
    }
}

/// Finds such numbers and applies what was found.
pub fn fit(site: &str, off: &Off, reading: &mut Reading) -> Lines {
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
    let mut marks = Lines::default();
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
            marks.0.insert(line.number, line.shared);
        }
    }
    reading.contacts.iter_mut().for_each(|contact| marks.fit_contact(contact));
    marks
}

//! Both sides' numbers brought to one form: what a source writes too much is taken off.

use super::Reading;
use crate::linkage::habits::Off;
use crate::linkage::habits::affix::Affixes;
use crate::linkage::hash::HashSet;
use crate::linkage::{Contact, Home, Row, Text};
use serde::{Deserialize, Serialize};

/// What each source has too much around its numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    calls: Affixes,
    rows: Affixes,
    homes: Affixes,
}

impl Numbers {
    /// Takes off what the phone system has too much.
    pub fn fit_contact(&self, contact: &mut Contact) {
        strip(&self.calls, contact.number.as_mut());
    }

    /// Takes off what the ledger has too much.
    pub fn fit_row(&self, row: &mut Row) {
        strip(&self.rows, row.number.as_mut());
        strip(&self.rows, row.mentioned.as_mut());
        row.other_numbers.iter_mut().for_each(|number| strip(&self.rows, Some(number)));
    }

    /// Takes off what the directory has too much.
    pub fn fit_home(&self, home: &mut Home) {
        home.numbers.iter_mut().for_each(|number| strip(&self.homes, Some(number)));
    }
}

/// Takes off what the phone system, then what the ledger, then what the directory has too much.
pub fn fit(site: &str, off: &Off, reading: &mut Reading) -> Numbers {
    let mut found = Numbers::default();
    if !off.applies("number-affix") {
        return found;
    }
    found.calls = {
        let written: HashSet<&str> = written(reading).collect();
        Affixes::of(called(reading), &written)
    };
    reading.contacts.iter_mut().for_each(|contact| found.fit_contact(contact));
    (found.rows, found.homes) = {
        let called: HashSet<&str> = called(reading).collect();
        let known = reading.directory.values().flat_map(|home| &home.numbers);
        (Affixes::of(written(reading), &called), Affixes::of(known.map(Text::as_str), &called))
    };
    reading.rows.iter_mut().for_each(|row| found.fit_row(row));
    reading.directory.values_mut().for_each(|home| found.fit_home(home));
    let (calls, rows) = (reading.contacts.len(), reading.rows.len());
    tell(site, "the phone system", &found.calls, calls, reading);
    tell(site, "the ledger", &found.rows, rows, reading);
    found
}

fn called(reading: &Reading) -> impl Iterator<Item = &str> {
    reading.contacts.iter().filter_map(|contact| contact.number.as_deref())
}

fn written(reading: &Reading) -> impl Iterator<Item = &str> {
    reading
        .rows
        .iter()
        .flat_map(|row| row.number.iter().chain(&row.other_numbers))
        .map(Text::as_str)
}

fn strip(affixes: &Affixes, number: Option<&mut Text>) {
    let Some(number) = number else { return };
    let core = affixes.strip(number);
    if core.len() < number.len() {
        *number = core.into();
    }
}

fn tell(site: &str, who: &str, affixes: &Affixes, of: usize, reading: &mut Reading) {
    let told: Vec<(String, usize)> = affixes
        .told()
        .into_iter()
        .take(5)
        .map(|((before, after), rows)| {
            let what = match (before.as_str(), after.as_str()) {
                (before, "") => format!("{who} writes {before} before numbers"),
                ("", after) => format!("{who} writes {after} after numbers"),
                (before, after) => {
                    format!("{who} writes {before} before and {after} after numbers")
                }
            };
            (what, rows)
        })
        .collect();
    for (sentence, rows) in told {
        reading.habit(site, "number-affix", sentence, rows, of);
    }
}

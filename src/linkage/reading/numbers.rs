//! Both sides' numbers brought to one form: what a source writes too much is taken off.

use super::Reading;
use crate::linkage::habits::Off;
use crate::linkage::habits::affix::Affixes;
use std::collections::HashSet;

/// Takes off what the phone system, then what the ledger, then what the directory has too much.
pub fn fit(site: &str, off: &Off, reading: &mut Reading) {
    if !off.applies("number-affix") {
        return;
    }
    let of_calls = {
        let written: HashSet<&str> = written(reading).collect();
        Affixes::of(called(reading), &written)
    };
    for contact in &mut reading.contacts {
        strip(&of_calls, contact.number.as_mut());
    }
    let (of_rows, of_homes) = {
        let called: HashSet<&str> = called(reading).collect();
        let known = reading.directory.values().flat_map(|home| &home.numbers);
        (Affixes::of(written(reading), &called), Affixes::of(known.map(String::as_str), &called))
    };
    for row in &mut reading.rows {
        strip(&of_rows, row.number.as_mut());
        row.other_numbers.iter_mut().for_each(|number| strip(&of_rows, Some(number)));
    }
    for number in reading.directory.values_mut().flat_map(|home| &mut home.numbers) {
        strip(&of_homes, Some(number));
    }
    let (calls, rows) = (reading.contacts.len(), reading.rows.len());
    tell(site, "the phone system", &of_calls, calls, reading);
    tell(site, "the ledger", &of_rows, rows, reading);
}

fn called(reading: &Reading) -> impl Iterator<Item = &str> {
    reading.contacts.iter().filter_map(|contact| contact.number.as_deref())
}

fn written(reading: &Reading) -> impl Iterator<Item = &str> {
    reading
        .rows
        .iter()
        .flat_map(|row| row.number.iter().chain(&row.other_numbers))
        .map(String::as_str)
}

fn strip(affixes: &Affixes, number: Option<&mut String>) {
    let Some(number) = number else { return };
    let core = affixes.strip(number);
    if core.len() < number.len() {
        *number = core.to_owned();
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

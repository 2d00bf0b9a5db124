//! Call ids of the ledger brought to the form of the phone system's.

use super::Reading;
use crate::linkage::habits::Off;
use crate::linkage::habits::id::{Form, Ids};
use crate::linkage::hash::{HashMap, HashSet};
use std::collections::BTreeMap;

/// A row of the same call lies so near to it, in seconds, in most cases.
const NEAR_S: i64 = 3 * 86_400;

/// Finds the calls that ids name in whatever form; a form is believed where its calls lie near.
pub fn fit(site: &str, off: &Off, reading: &mut Reading) {
    if !off.applies("id-form") {
        return;
    }
    let mut ids = Ids::of(reading.contacts.iter().flat_map(|contact| &contact.call_ids));
    let mut found: BTreeMap<Form, Vec<(usize, String)>> = BTreeMap::new();
    for (place, row) in reading.rows.iter().enumerate() {
        match row.call_id.as_deref().and_then(|id| ids.find(id)) {
            None | Some((_, Form::Exact)) => {}
            Some((id, form)) => found.entry(form).or_default().push((place, id.to_owned())),
        }
    }
    let told = reading.rows.iter().filter(|row| row.call_id.is_some()).count();
    for (form, rows) in found {
        if near(&rows, reading) * 2 < rows.len() {
            continue;
        }
        let count = rows.len();
        for (place, id) in rows {
            reading.rows[place].call_id = Some(id.into());
        }
        let sentence = format!("the ledger writes call ids {}", form.words());
        reading.habit(site, "id-form", sentence, count, told);
    }
    let again = again(reading);
    if again >= 5 {
        let calls = reading.contacts.len();
        reading.habit(site, "id-form", "call ids come again".into(), again, calls);
    }
}

/// How many of these rows lie near a call of the id found for them, or came with an import.
fn near(rows: &[(usize, String)], reading: &Reading) -> usize {
    let named: HashSet<&str> = rows.iter().map(|(_, id)| id.as_str()).collect();
    let mut times: HashMap<&str, Vec<i64>> = HashMap::default();
    for contact in &reading.contacts {
        for id in contact.call_ids.iter().filter(|id| named.contains(id.as_str())) {
            times.entry(id).or_default().push(contact.started_at.timestamp());
        }
    }
    let is_near = |(place, id): &&(usize, String)| {
        let row = &reading.rows[*place];
        let at = row.occurred_at.unwrap_or(row.registered_at).timestamp();
        row.imported || times[id.as_str()].iter().any(|call| (call - at).abs() <= NEAR_S)
    };
    rows.iter().filter(is_near).count()
}

/// Calls whose id another call of another day has too.
fn again(reading: &Reading) -> usize {
    let mut days: HashMap<&str, (i64, i64, usize)> = HashMap::default();
    for contact in &reading.contacts {
        let day = contact.started_at.timestamp().div_euclid(86_400);
        for id in &contact.call_ids {
            let seen = days.entry(id).or_insert((day, day, 0));
            *seen = (seen.0.min(day), seen.1.max(day), seen.2 + 1);
        }
    }
    days.values().filter(|(first, last, _)| last - first > 1).map(|(_, _, calls)| calls).sum()
}

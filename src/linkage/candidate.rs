//! Blocking: which pairs are worth comparing at all. A union of cheap rules, each over a sorted
//! list, so that the work grows with the rows and not with all pairs.

use super::compact::{Call, Compact, Entry, NEVER, NONE};
use std::collections::HashMap;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
/// A number written exactly is looked for so far around the row's time, in seconds.
const NUMBER_REACH_S: i64 = 40 * HOUR;
/// Half of a number, or a number known of the unit, is looked for so far.
const PART_REACH_S: i64 = 26 * HOUR;
/// Any call is compared that began so near to the time written.
const TIME_REACH_S: i64 = 25 * MINUTE;
/// The same where the row was typed an hour or more later, from memory.
const MEMORY_REACH_S: i64 = 40 * MINUTE;
/// Any call is compared that ended so long before the row was typed.
const TYPED_WITHIN_S: i64 = 60 * MINUTE;
/// A row may be typed so long before the call's end: during the call.
const TYPED_BEFORE_S: i64 = 10 * MINUTE;
/// A time written may name the end of a call, which began so long before.
const CALL_S: i64 = 10 * MINUTE;
/// Digits of a part of a number that is looked for.
const PART_DIGITS: usize = 4;

/// How far apart in time two things can be and still be compared, in seconds.
pub fn reach_s() -> i64 {
    NUMBER_REACH_S
}

/// Calls of one site, indexed; places in ring order everywhere.
pub struct Index<'a> {
    site: &'a Compact,
    rings: Vec<i64>,
    by_id: HashMap<&'a str, Vec<u32>>,
    by_number: Vec<Vec<u32>>,
    by_head: HashMap<&'a str, Vec<u32>>,
    by_tail: HashMap<&'a str, Vec<u32>>,
}

impl<'a> Index<'a> {
    /// Indexes the calls of a site. `ids`: all names of each call, in the order of the calls.
    pub fn of(site: &'a Compact, ids: &[&'a [String]]) -> Self {
        let mut index = Self {
            site,
            rings: site.calls.iter().map(|call| call.ring).collect(),
            by_id: HashMap::new(),
            by_number: vec![Vec::new(); site.numbers.count()],
            by_head: HashMap::new(),
            by_tail: HashMap::new(),
        };
        for (place, call) in site.calls.iter().enumerate() {
            let place = place as u32;
            for id in ids[place as usize] {
                index.by_id.entry(id).or_default().push(place);
            }
            if call.number == NONE {
                continue;
            }
            index.by_number[call.number as usize].push(place);
            if let Some((head, tail)) = ends(&site.numbers.texts[call.number as usize]) {
                index.by_head.entry(head).or_default().push(place);
                index.by_tail.entry(tail).or_default().push(place);
            }
        }
        index
    }

    /// Places of the calls with an id.
    pub fn named(&self, id: &str) -> &[u32] {
        self.by_id.get(id).map_or(&[], Vec::as_slice)
    }

    /// Places of the calls that a row is compared with, in order.
    pub fn candidates(&self, row: &Entry, call_id: Option<&str>, found: &mut Vec<u32>) {
        found.clear();
        found.extend(call_id.into_iter().flat_map(|id| self.named(id)));
        let near = row.near();
        for number in row.numbers.iter().filter(|number| **number != NONE) {
            self.by_written(*number, near, found);
        }
        if row.unit != NONE {
            for number in &self.site.known[row.unit as usize] {
                self.around(&self.by_number[*number as usize], near, PART_REACH_S, found);
            }
        }
        if row.written != NEVER {
            let late = row.typed != NEVER && row.typed - row.written > HOUR;
            let reach = if late { MEMORY_REACH_S } else { TIME_REACH_S };
            self.between(row.written - reach - CALL_S, row.written + reach, found);
        }
        if row.typed != NEVER {
            self.between(row.typed - TYPED_WITHIN_S, row.typed + TYPED_BEFORE_S, found);
        }
        found.sort_unstable();
        found.dedup();
    }

    fn by_written(&self, number: u32, near: i64, found: &mut Vec<u32>) {
        self.around(&self.by_number[number as usize], near, NUMBER_REACH_S, found);
        let digits = self.site.numbers.texts[number as usize].as_str();
        if let Some((head, tail)) = ends(digits) {
            self.around_part(&self.by_head, head, near, found);
            self.around_part(&self.by_tail, tail, near, found);
        } else if digits.len() == PART_DIGITS {
            self.around_part(&self.by_tail, digits, near, found);
        }
    }

    fn around_part(
        &self,
        parts: &HashMap<&str, Vec<u32>>,
        part: &str,
        near: i64,
        found: &mut Vec<u32>,
    ) {
        let places = parts.get(part).map_or(&[][..], Vec::as_slice);
        self.around(places, near, PART_REACH_S, found);
    }

    fn around(&self, places: &[u32], near: i64, reach: i64, found: &mut Vec<u32>) {
        let ring = |place: u32| self.rings[place as usize];
        let from = places.partition_point(|place| ring(*place) < near - reach);
        found.extend(places[from..].iter().take_while(|place| ring(**place) <= near + reach));
    }

    fn between(&self, from: i64, to: i64, found: &mut Vec<u32>) {
        let first = self.rings.partition_point(|ring| *ring < from);
        let last = self.rings.partition_point(|ring| *ring <= to);
        found.extend(first as u32..last.max(first) as u32);
    }
}

/// The first and the last digits of a number that is long enough to have both.
fn ends(number: &str) -> Option<(&str, &str)> {
    let long = number.len() >= 2 * PART_DIGITS - 1 && number.is_ascii();
    long.then(|| number.split_at(number.len() - PART_DIGITS))
}

/// All ids of each call, in the order of the site's calls.
pub fn ids_in_order<'a>(site: &Compact, contacts: &'a [super::Contact]) -> Vec<&'a [String]> {
    let by_key: HashMap<i64, &[String]> =
        contacts.iter().map(|contact| (contact.key, contact.call_ids.as_slice())).collect();
    let ids = |call: &Call| by_key.get(&call.key).copied().unwrap_or(&[]);
    site.calls.iter().map(ids).collect()
}

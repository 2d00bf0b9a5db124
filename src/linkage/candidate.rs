//! Blocking: which pairs are worth comparing at all. A union of cheap rules, each over a sorted
//! list, so that the work grows with the rows and not with all pairs.
//!
//! The same rules are asked from both sides: [`Index`] gives the calls of a row, [`Rows`] the rows
//! of a call. Nothing further apart than [`reach_s`] is compared.

use super::compact::{Call, Compact, Entry, NEVER, NONE};
use std::collections::HashMap;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
/// Nothing is looked for further from a row's time, in seconds.
const REACH_S: i64 = 40 * HOUR;
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
    REACH_S
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

    /// Places of the calls within reach of a row that an id names.
    pub fn named(&self, id: &str, row: &Entry) -> &[u32] {
        let places = self.by_id.get(id).map_or(&[][..], Vec::as_slice);
        self.within(places, row.near(), REACH_S)
    }

    /// Places of the calls that ring in a span of time.
    pub fn ringing(&self, from: i64, to: i64) -> std::ops::Range<u32> {
        let first = self.rings.partition_point(|ring| *ring < from);
        let last = self.rings.partition_point(|ring| *ring <= to);
        first as u32..last.max(first) as u32
    }

    /// Places of the calls that a row is compared with, in order.
    pub fn candidates(&self, row: &Entry, call_id: Option<&str>, found: &mut Vec<u32>) {
        found.clear();
        found.extend(call_id.into_iter().flat_map(|id| self.named(id, row)));
        let near = row.near();
        for number in row.numbers.iter().filter(|number| **number != NONE) {
            self.by_written(*number, near, found);
        }
        if row.unit != NONE {
            for number in &self.site.known[row.unit as usize] {
                let places = &self.by_number[*number as usize];
                found.extend(self.within(places, near, PART_REACH_S));
            }
        }
        for (from, to) in windows(row) {
            found.extend(self.ringing(from.max(near - REACH_S), to.min(near + REACH_S)));
        }
        found.sort_unstable();
        found.dedup();
    }

    fn by_written(&self, number: u32, near: i64, found: &mut Vec<u32>) {
        found.extend(self.within(&self.by_number[number as usize], near, REACH_S));
        let mut part = |parts: &HashMap<&str, Vec<u32>>, part: &str| {
            let places = parts.get(part).map_or(&[][..], Vec::as_slice);
            found.extend(self.within(places, near, PART_REACH_S));
        };
        let digits = self.site.numbers.texts[number as usize].as_str();
        if let Some((head, tail)) = ends(digits) {
            part(&self.by_head, head);
            part(&self.by_tail, tail);
        } else if digits.len() == PART_DIGITS {
            part(&self.by_tail, digits);
        }
    }

    fn within<'p>(&self, places: &'p [u32], near: i64, reach: i64) -> &'p [u32] {
        let ring = |place: &u32| self.rings[*place as usize];
        let from = places.partition_point(|place| ring(place) < near - reach);
        let to = places.partition_point(|place| ring(place) <= near + reach);
        &places[from..to.max(from)]
    }
}

/// Spans in which any call that rings is compared with a row: around the time written, and before
/// the time of typing.
fn windows(row: &Entry) -> impl Iterator<Item = (i64, i64)> {
    let both = row.typed != NEVER && row.written != NEVER;
    let late = both && row.typed - row.written > HOUR;
    let reach = if late { MEMORY_REACH_S } else { TIME_REACH_S };
    let written =
        (row.written != NEVER).then(|| (row.written - reach - CALL_S, row.written + reach));
    let typed =
        (row.typed != NEVER).then(|| (row.typed - TYPED_WITHIN_S, row.typed + TYPED_BEFORE_S));
    written.into_iter().chain(typed)
}

/// Rows of one site, indexed, for asking the same from a call's side.
pub struct Rows<'a> {
    site: &'a Compact,
    by_id: HashMap<&'a str, Vec<u32>>,
    by_number: Vec<Vec<u32>>,
    by_head: HashMap<&'a str, Vec<u32>>,
    by_tail: HashMap<&'a str, Vec<u32>>,
    by_unit: Vec<Vec<u32>>,
    written: Vec<(i64, u32)>,
    typed: Vec<(i64, u32)>,
}

impl<'a> Rows<'a> {
    /// Indexes the rows of a site. `told`: the call id that a row bears, by its place.
    pub fn of(site: &'a Compact, told: impl Fn(&Entry) -> Option<&'a str>) -> Self {
        let mut rows = Self {
            site,
            by_id: HashMap::new(),
            by_number: vec![Vec::new(); site.numbers.count()],
            by_head: HashMap::new(),
            by_tail: HashMap::new(),
            by_unit: vec![Vec::new(); site.units.count()],
            written: Vec::new(),
            typed: Vec::new(),
        };
        for (place, row) in site.rows.iter().enumerate() {
            rows.add(place as u32, row, told(row));
        }
        rows.written.sort_unstable();
        rows.typed.sort_unstable();
        rows
    }

    fn add(&mut self, place: u32, row: &Entry, id: Option<&'a str>) {
        if let Some(id) = id {
            self.by_id.entry(id).or_default().push(place);
        }
        for number in row.numbers.iter().filter(|number| **number != NONE) {
            self.by_number[*number as usize].push(place);
            let digits = self.site.numbers.texts[*number as usize].as_str();
            if let Some((head, tail)) = ends(digits) {
                self.by_head.entry(head).or_default().push(place);
                self.by_tail.entry(tail).or_default().push(place);
            } else if digits.len() == PART_DIGITS {
                self.by_tail.entry(digits).or_default().push(place);
            }
        }
        if row.unit != NONE {
            self.by_unit[row.unit as usize].push(place);
        }
        if row.written != NEVER {
            self.written.push((row.written, place));
        }
        if row.typed != NEVER {
            self.typed.push((row.typed, place));
        }
    }

    /// Places of the rows within reach of a call that bear one of its ids.
    pub fn naming<'i>(&self, call: &Call, ids: impl Iterator<Item = &'i String>) -> Vec<u32> {
        let places = ids.filter_map(|id| self.by_id.get(id.as_str())).flatten().copied();
        places.filter(|place| self.is_within(*place, call, REACH_S)).collect()
    }

    /// Places of the rows that a call is compared with, in order.
    pub fn candidates<'i>(&self, call: &Call, ids: impl Iterator<Item = &'i String>) -> Vec<u32> {
        let mut found = self.naming(call, ids);
        if call.number != NONE {
            self.by_number(call, &mut found);
        }
        let between = |list: &[(i64, u32)], from: i64, to: i64| {
            let first = list.partition_point(|(at, _)| *at < from);
            let last = list.partition_point(|(at, _)| *at <= to);
            first..last.max(first)
        };
        let written =
            between(&self.written, call.ring - MEMORY_REACH_S, call.ring + MEMORY_REACH_S + CALL_S);
        let typed = between(&self.typed, call.ring - TYPED_BEFORE_S, call.ring + TYPED_WITHIN_S);
        let near = self.written[written].iter().chain(&self.typed[typed]).map(|(_, place)| *place);
        let fits = |place: &u32| {
            let row = &self.site.rows[*place as usize];
            self.is_within(*place, call, REACH_S)
                && windows(row).any(|(from, to)| (from..=to).contains(&call.ring))
        };
        found.extend(near.filter(fits));
        found.sort_unstable();
        found.dedup();
        found
    }

    fn by_number(&self, call: &Call, found: &mut Vec<u32>) {
        let mut add = |places: &[u32], reach: i64| {
            found.extend(places.iter().filter(|place| self.is_within(**place, call, reach)));
        };
        add(&self.by_number[call.number as usize], REACH_S);
        let listed = |list: Option<&Vec<u32>>| list.cloned().unwrap_or_default();
        if let Some((head, tail)) = ends(&self.site.numbers.texts[call.number as usize]) {
            add(&listed(self.by_head.get(head)), PART_REACH_S);
            add(&listed(self.by_tail.get(tail)), PART_REACH_S);
        }
        for (unit, _) in &self.site.owners[call.number as usize].units {
            add(&self.by_unit[*unit as usize], PART_REACH_S);
        }
    }

    fn is_within(&self, place: u32, call: &Call, reach: i64) -> bool {
        (self.site.rows[place as usize].near() - call.ring).abs() <= reach
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

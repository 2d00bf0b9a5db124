//! Blocking: which pairs are worth comparing at all. A union of cheap rules, each over a sorted
//! list, so that the work grows with the rows and not with all pairs.
//!
//! The same rules are asked from both sides: [`Index`] gives the calls of a row, [`Rows`] the rows
//! of a call. Nothing further apart than [`reach_s`] is compared.

use super::Text;
use super::compact::{Call, Compact, Entry, NEVER, NONE};
use super::lists::Lists;
use crate::linkage::hash::HashMap;

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

/// How far apart in time two things can be and still be compared, in seconds.
pub fn reach_s() -> i64 {
    REACH_S
}

/// Ids as whole numbers, with places by id.
#[derive(Default)]
struct ById<'a> {
    keys: HashMap<&'a str, u32>,
    items: Vec<(u32, u32)>,
    places: Lists,
}

impl<'a> ById<'a> {
    fn add(&mut self, id: &'a str, place: u32) {
        let next = self.keys.len() as u32;
        self.items.push((*self.keys.entry(id).or_insert(next), place));
    }

    fn done(mut self) -> Self {
        self.places = Lists::of(self.keys.len(), &std::mem::take(&mut self.items));
        self
    }

    fn get(&self, id: &str) -> &[u32] {
        self.keys.get(id).map_or(&[], |key| self.places.get(*key))
    }
}

/// Calls of one site, indexed; places in ring order everywhere.
pub struct Index<'a> {
    site: &'a Compact,
    rings: Vec<i64>,
    by_id: ById<'a>,
    by_number: Lists,
    by_head: Lists,
    by_tail: Lists,
}

impl<'a> Index<'a> {
    /// Indexes the calls of a site. `ids`: all names of each call, in the order of the calls.
    pub fn of(site: &'a Compact, ids: &[&'a [Text]]) -> Self {
        let mut by_id = ById::default();
        by_id.keys.reserve(ids.iter().map(|ids| ids.len()).sum());
        let (mut numbers, mut heads, mut tails) = (Vec::new(), Vec::new(), Vec::new());
        for ((place, call), ids) in (0..).zip(&site.calls).zip(ids) {
            ids.iter().for_each(|id| by_id.add(id, place));
            if call.number == NONE {
                continue;
            }
            numbers.push((call.number, place));
            let (head, tail) = site.parts.of[call.number as usize];
            if head != NONE {
                heads.push((head, place));
                tails.push((tail, place));
            }
        }
        Self {
            site,
            rings: site.calls.iter().map(|call| call.ring).collect(),
            by_id: by_id.done(),
            by_number: Lists::of(site.numbers.count(), &numbers),
            by_head: Lists::of(site.parts.count, &heads),
            by_tail: Lists::of(site.parts.count, &tails),
        }
    }

    /// Places of the calls within reach of a row that an id names.
    pub fn named(&self, id: &str, row: &Entry) -> &[u32] {
        self.within(self.by_id.get(id), row.near(), REACH_S)
    }

    /// Places of the calls that ring in a span of time.
    pub fn ringing(&self, from: i64, to: i64) -> std::ops::Range<u32> {
        let first = self.rings.partition_point(|ring| *ring < from);
        let last = self.rings.partition_point(|ring| *ring <= to);
        first as u32..last.max(first) as u32
    }

    /// Places of the calls that a row is compared with, in order. `named`: those that its id names.
    pub fn candidates(&self, row: &Entry, named: Option<&[u32]>, found: &mut Vec<u32>) {
        found.clear();
        found.extend(named.unwrap_or_default());
        let near = row.near();
        for number in row.numbers.iter().filter(|number| **number != NONE) {
            self.by_written(*number, near, found);
        }
        if row.unit != NONE {
            for number in &self.site.known[row.unit as usize] {
                found.extend(self.within(self.by_number.get(*number), near, PART_REACH_S));
            }
        }
        for (from, to) in windows(row) {
            found.extend(self.ringing(from.max(near - REACH_S), to.min(near + REACH_S)));
        }
        found.sort_unstable();
        found.dedup();
    }

    fn by_written(&self, number: u32, near: i64, found: &mut Vec<u32>) {
        found.extend(self.within(self.by_number.get(number), near, REACH_S));
        let (head, tail) = self.site.parts.of[number as usize];
        for places in [self.by_head.get(head), self.by_tail.get(tail)] {
            found.extend(self.within(places, near, PART_REACH_S));
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
    by_id: ById<'a>,
    by_number: Lists,
    by_head: Lists,
    by_tail: Lists,
    by_unit: Lists,
    written: Vec<(i64, u32)>,
    typed: Vec<(i64, u32)>,
}

impl<'a> Rows<'a> {
    /// Indexes the rows of a site. `told`: the call id that a row bears.
    pub fn of(site: &'a Compact, told: impl Fn(&Entry) -> Option<&'a str>) -> Self {
        let mut by_id = ById::default();
        let (mut numbers, mut heads, mut tails) = (Vec::new(), Vec::new(), Vec::new());
        for (place, row) in (0..).zip(&site.rows) {
            told(row).into_iter().for_each(|id| by_id.add(id, place));
            for number in row.numbers.iter().filter(|number| **number != NONE) {
                numbers.push((*number, place));
                let (head, tail) = site.parts.of[*number as usize];
                heads.extend((head != NONE).then_some((head, place)));
                tails.extend((tail != NONE).then_some((tail, place)));
            }
        }
        let rows = || (0_u32..).zip(&site.rows);
        let units =
            rows().filter(|(_, row)| row.unit != NONE).map(|(place, row)| (row.unit, place));
        let at = |time: fn(&Entry) -> i64| {
            let told = rows().map(|(place, row)| (time(row), place));
            let mut all: Vec<(i64, u32)> = told.filter(|(at, _)| *at != NEVER).collect();
            all.sort_unstable();
            all
        };
        Self {
            site,
            by_id: by_id.done(),
            by_number: Lists::of(site.numbers.count(), &numbers),
            by_head: Lists::of(site.parts.count, &heads),
            by_tail: Lists::of(site.parts.count, &tails),
            by_unit: Lists::of(site.units.count(), &units.collect::<Vec<_>>()),
            written: at(|row| row.written),
            typed: at(|row| row.typed),
        }
    }

    /// Places of the rows within reach of a call that bear one of its ids.
    pub fn naming<'i>(&self, call: &Call, ids: impl Iterator<Item = &'i Text>) -> Vec<u32> {
        let places = ids.flat_map(|id| self.by_id.get(id)).copied();
        places.filter(|place| self.is_within(*place, call, REACH_S)).collect()
    }

    /// Places of the rows that a call is compared with, in order.
    pub fn candidates<'i>(&self, call: &Call, ids: impl Iterator<Item = &'i Text>) -> Vec<u32> {
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
        add(self.by_number.get(call.number), REACH_S);
        let (head, tail) = self.site.parts.of[call.number as usize];
        if head != NONE {
            add(self.by_head.get(head), PART_REACH_S);
            add(self.by_tail.get(tail), PART_REACH_S);
        }
        for (unit, _) in &self.site.owners[call.number as usize].units {
            add(self.by_unit.get(*unit), PART_REACH_S);
        }
    }

    fn is_within(&self, place: u32, call: &Call, reach: i64) -> bool {
        (self.site.rows[place as usize].near() - call.ring).abs() <= reach
    }
}

/// All ids of each call, in the order of the site's calls. `contacts`: those of its desk.
pub fn ids_in_order<'a>(site: &Compact, contacts: &'a [super::Contact]) -> Vec<&'a [Text]> {
    let of = |call: &Call| contacts.get(call.place as usize);
    let ids = |call: &Call| of(call).map_or(&[][..], |contact| contact.call_ids.as_slice());
    site.calls.iter().map(ids).collect()
}

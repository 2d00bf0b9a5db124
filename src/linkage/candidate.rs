//! Blocking: which pairs are worth comparing at all. A union of cheap rules, each over a sorted
//! list, so that the work grows with the rows and not with all pairs.

use super::{Contact, Directory, Row};
use crate::call::event::Moment;
use chrono::TimeDelta;
use std::collections::{BTreeSet, HashMap};

/// A number written exactly is looked for so far around the row's time.
const NUMBER_REACH: TimeDelta = TimeDelta::hours(40);
/// Half of a number, or a number known of the unit, is looked for so far.
const PART_REACH: TimeDelta = TimeDelta::hours(26);
/// Any call is compared that began so near to the time written.
const TIME_REACH: TimeDelta = TimeDelta::minutes(25);
/// Any call is compared that ended so long before the row was typed.
const TYPED_WITHIN: TimeDelta = TimeDelta::minutes(60);
/// A row may be typed so long before the call's end: during the call.
const TYPED_BEFORE: TimeDelta = TimeDelta::minutes(10);

/// How far apart in time two things can be and still be compared, in seconds.
pub fn reach_s() -> i64 {
    NUMBER_REACH.num_seconds()
}

/// Digits without leading zeros: an international form has none, and a trunk prefix is a zero.
pub fn significant(number: &str) -> &str {
    number.trim_start_matches('0')
}

/// Contacts of one site, indexed.
pub struct Index<'a> {
    contacts: &'a [Contact],
    by_time: Vec<usize>,
    by_call_id: HashMap<&'a str, Vec<usize>>,
    by_number: HashMap<&'a str, Vec<usize>>,
    by_head: HashMap<&'a str, Vec<usize>>,
    by_tail: HashMap<&'a str, Vec<usize>>,
}

/// Digits of a part of a number that is looked for.
const PART_DIGITS: usize = 4;

impl<'a> Index<'a> {
    /// Indexes contacts.
    pub fn of(contacts: &'a [Contact]) -> Self {
        let mut by_time: Vec<usize> = (0..contacts.len()).collect();
        by_time.sort_by_key(|at| (contacts[*at].started_at, contacts[*at].key));
        let mut index = Self {
            contacts,
            by_time,
            by_call_id: HashMap::new(),
            by_number: HashMap::new(),
            by_head: HashMap::new(),
            by_tail: HashMap::new(),
        };
        for at in index.by_time.clone() {
            let contact = &contacts[at];
            for id in &contact.call_ids {
                index.by_call_id.entry(id).or_default().push(at);
            }
            let Some(number) = contact.number.as_deref().map(significant) else { continue };
            index.by_number.entry(number).or_default().push(at);
            if let Some((head, tail)) = ends(number) {
                index.by_head.entry(head).or_default().push(at);
                index.by_tail.entry(tail).or_default().push(at);
            }
        }
        index
    }

    /// Whether any contact has this call id.
    pub fn knows_call(&self, id: &str) -> bool {
        self.by_call_id.contains_key(id)
    }

    /// Places of the contacts that a row is compared with.
    pub fn candidates(&self, row: &Row, directory: &Directory) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        if let Some(id) = &row.call_id {
            found.extend(self.by_call_id.get(id.as_str()).into_iter().flatten());
        }
        let near = row.occurred_at.unwrap_or(row.registered_at);
        if let Some(number) = row.number.as_deref().map(significant) {
            self.around(self.by_number.get(number), near, NUMBER_REACH, &mut found);
            if let Some((head, tail)) = ends(number) {
                self.around(self.by_head.get(head), near, PART_REACH, &mut found);
                self.around(self.by_tail.get(tail), near, PART_REACH, &mut found);
            } else if number.len() == PART_DIGITS {
                self.around(self.by_tail.get(number), near, PART_REACH, &mut found);
            }
        }
        let known = row.unit.as_ref().and_then(|unit| directory.get(unit));
        for number in known.into_iter().flatten() {
            self.around(self.by_number.get(significant(number)), near, PART_REACH, &mut found);
        }
        if let Some(at) = row.occurred_at.filter(|_| !row.occurred_day_only) {
            found.extend(self.between(at - TIME_REACH, at + TIME_REACH));
        }
        if !row.imported {
            let typed = row.registered_at;
            found.extend(self.between(typed - TYPED_WITHIN, typed + TYPED_BEFORE));
        }
        found
    }

    fn around(
        &self,
        places: Option<&Vec<usize>>,
        near: Moment,
        reach: TimeDelta,
        found: &mut BTreeSet<usize>,
    ) {
        let Some(places) = places else { return };
        let from = places.partition_point(|at| self.contacts[*at].started_at < near - reach);
        let upto = |at: &&usize| self.contacts[**at].started_at <= near + reach;
        found.extend(places[from..].iter().take_while(upto));
    }

    fn between(&self, from: Moment, to: Moment) -> &[usize] {
        let start = |at: &usize| self.contacts[*at].started_at;
        let first = self.by_time.partition_point(|at| start(at) < from);
        let last = self.by_time.partition_point(|at| start(at) <= to);
        &self.by_time[first..last.max(first)]
    }
}

/// The first and the last digits of a number that is long enough to have both.
fn ends(number: &str) -> Option<(&str, &str)> {
    let long = number.len() >= 2 * PART_DIGITS - 1 && number.is_ascii();
    long.then(|| (&number[..number.len() - PART_DIGITS], &number[number.len() - PART_DIGITS..]))
}

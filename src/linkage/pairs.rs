//! The pairs of a site that are worth weighing, compared once.

use super::Desk;
use super::candidate::{Index, ids_in_order};
use super::compact::{Compact, Entry};
use super::evidence::agent::Handlers;
use super::evidence::time::times;
use super::weigh::{IdLevel, Pair, identity};
use crate::linkage::hash::HashMap;
use std::collections::BTreeSet;

/// Finds and compares the pairs of rows.
pub struct Finder<'a> {
    site: &'a Compact,
    handlers: &'a Handlers,
    pub index: Index<'a>,
    /// The desk's.
    rows: &'a [super::Row],
    never: Vec<(i64, i64)>,
    taken_calls: BTreeSet<i64>,
    taken_rows: BTreeSet<i64>,
    found: Vec<u32>,
}

impl<'a> Finder<'a> {
    /// Makes ready. Pairs that people parted, and all pairs of sides that people put together with
    /// others, are left out.
    pub fn of(site: &'a Compact, desk: &Desk<'a>, handlers: &'a Handlers) -> Self {
        let together = desk.together();
        Self {
            site,
            handlers,
            index: Index::of(site, &ids_in_order(site, desk.contacts)),
            rows: desk.rows,
            never: desk.never(),
            taken_calls: together.iter().map(|(contact, _)| *contact).collect(),
            taken_rows: together.iter().map(|(_, entry)| *entry).collect(),
            found: Vec::new(),
        }
    }

    /// The call id that a row bears.
    pub fn told(&self, row: &Entry) -> Option<&'a str> {
        self.rows.get(row.place as usize)?.call_id.as_deref()
    }

    /// Hands on the pairs of the row at a place, in order of their calls.
    pub fn pairs(&mut self, place: u32, mut hand_on: impl FnMut(Pair)) {
        let site = self.site;
        let row = &site.rows[place as usize];
        if self.taken_rows.contains(&row.key) {
            return;
        }
        let id = self.told(row);
        let mut found = std::mem::take(&mut self.found);
        let named = id.map(|id| self.index.named(id, row));
        self.index.candidates(row, named, &mut found);
        for call in &found {
            let key = site.calls[*call as usize].key;
            let parted = self.never.binary_search(&(key, row.key)).is_ok();
            if !parted && !self.taken_calls.contains(&key) {
                hand_on(self.with_named(*call, place, named));
            }
        }
        self.found = found;
    }

    /// A pair, compared.
    fn compared(&self, call: u32, place: u32) -> Pair {
        let row = &self.site.rows[place as usize];
        let named = self.told(row).map(|id| self.index.named(id, row));
        self.with_named(call, place, named)
    }

    /// A pair, compared; with the calls that the row's id names.
    fn with_named(&self, call: u32, place: u32, named: Option<&[u32]>) -> Pair {
        let (contact, row) = (&self.site.calls[call as usize], &self.site.rows[place as usize]);
        let (number, home) = identity(self.site, contact, row);
        let id = match named {
            None => IdLevel::None,
            Some(named) if named.contains(&call) => IdLevel::Same,
            Some([]) => IdLevel::Unknown,
            Some(_) => IdLevel::Another,
        };
        let handler = self.handlers.cells(contact, row);
        Pair { call, row: place, number, home, id, handler, times: times(contact, row) }
    }

    /// The pairs that people put together and that are here, by places.
    pub fn labelled(&self, desk: &Desk<'_>) -> Vec<Pair> {
        let together = desk.together();
        if together.is_empty() {
            return Vec::new();
        }
        let calls = self.site.calls.iter().enumerate();
        let calls: HashMap<i64, u32> = calls.map(|(at, call)| (call.key, at as u32)).collect();
        let row = |key| self.site.rows.binary_search_by_key(&key, |row: &Entry| row.key).ok();
        let pair =
            |(contact, entry)| Some(self.compared(*calls.get(&contact)?, row(entry)? as u32));
        together.into_iter().filter_map(pair).collect()
    }
}

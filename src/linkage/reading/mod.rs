//! From cells to contacts and rows: what a site wrote, read by the habits found in it.

pub mod cells;
mod clocks;
mod ids;
mod ledger;
mod lines;
pub mod mention;
pub mod number;
mod numbers;
mod recordings;
mod time;
mod usual;

use super::habits::{Habit, Off, share};
use super::{Contact, Directory, Row};
use crate::ledger::unit;
use cells::SiteCells;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// What stands in a file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub file: File,
    /// Place below the header.
    pub place: u32,
    /// What is wrong, in words.
    pub why: String,
    /// Nothing of the row could be used.
    pub skipped: bool,
}

/// The file a fault stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum File {
    Recordings,
    Ledger,
}

/// A site, read. Keys of contacts and rows are places in `recordings` and `entries`.
#[derive(Debug, Default)]
pub struct Reading {
    pub contacts: Vec<Contact>,
    pub rows: Vec<Row>,
    pub directory: Directory,
    pub habits: Vec<Habit>,
    pub faults: Vec<Fault>,
    /// Places in the file of the recordings by key, and of the ledger's rows.
    pub recordings: Vec<u32>,
    pub entries: Vec<u32>,
    /// Places of recordings that are copies, each with the place of what it is a copy of.
    pub copies: Vec<(u32, u32)>,
}

impl Reading {
    fn habit(&mut self, site: &str, name: &'static str, sentence: String, rows: usize, of: usize) {
        let sentence = format!("{sentence}: {} rows", share(rows, of));
        self.habits.push(Habit { site: site.to_owned(), name, sentence, rows, of });
    }
}

/// Reads a site's cells.
pub fn read(cells: &SiteCells<'_>, zone: Tz, off: &Off) -> Reading {
    let mut reading = Reading::default();
    recordings::read(cells, zone, off, &mut reading);
    ledger::read(cells, zone, off, &mut reading);
    read_directory(cells, &mut reading);
    numbers::fit(cells.site, off, &mut reading);
    ids::fit(cells.site, off, &mut reading);
    lines::fit(cells.site, off, &mut reading);
    clocks::fit(cells.site, off, &mut reading);
    reading
}

/// Ways of a site that were found in its rows and hold for what comes in after them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ways {
    numbers: numbers::Numbers,
    lines: lines::Lines,
    clocks: clocks::Clocks,
}

impl Ways {
    /// Finds the ways of a site, and tells them.
    pub fn of(
        site: &str,
        off: &Off,
        contacts: Vec<Contact>,
        rows: Vec<Row>,
        directory: Directory,
    ) -> (Self, Vec<Habit>) {
        let mut reading = Reading { contacts, rows, directory, ..Reading::default() };
        let numbers = numbers::fit(site, off, &mut reading);
        let lines = lines::fit(site, off, &mut reading);
        let clocks = clocks::fit(site, off, &mut reading);
        (Self { numbers, lines, clocks }, reading.habits)
    }

    /// Reads a contact as the site means it.
    pub fn fit_contact(&self, contact: &mut Contact) {
        self.numbers.fit_contact(contact);
        self.lines.fit_contact(contact);
    }

    /// Reads a row as the site means it.
    pub fn fit_row(&self, row: &mut Row) {
        self.numbers.fit_row(row);
        self.clocks.fit_row(row);
    }

    /// Reads a directory as the site means it.
    pub fn fit_directory(&self, directory: &mut Directory) {
        directory.values_mut().for_each(|home| self.numbers.fit_home(home));
    }

    /// How far a time is moved at most, in seconds.
    pub fn widest_s(&self) -> i64 {
        self.clocks.widest_s()
    }
}

fn read_directory(cells: &SiteCells<'_>, reading: &mut Reading) {
    for home in &cells.homes {
        let Some(unit) = unit::folded(home.unit) else { continue };
        let known = reading.directory.entry(unit).or_default();
        for part in home.numbers.split([';', '；', '、', ',', '/', '|']) {
            known.numbers.extend(number::numbers(part).0);
        }
        if !home.name.trim().is_empty() {
            known.names.push(home.name.trim().into());
        }
    }
}

//! One site's calls and entries in small whole numbers: names, numbers and units are looked up
//! once, so that comparing millions of pairs touches no text.

use super::evidence::number::Packed;
use super::{Contact, Desk, Row, Text};
use crate::call::event::{Direction, Moment};
use crate::ledger::Channel;
use crate::linkage::hash::HashMap;

/// No number, no person, no unit.
pub const NONE: u32 = u32::MAX;
/// No time.
pub const NEVER: i64 = i64::MIN;

/// Texts by a whole number, in the order in which they were first seen.
#[derive(Debug, Default)]
pub struct Names {
    by_text: HashMap<Text, u32>,
    pub texts: Vec<Text>,
}

impl Names {
    /// The number of a text, given anew where it was not seen before.
    pub fn key(&mut self, text: &str) -> u32 {
        if let Some(key) = self.by_text.get(text) {
            return *key;
        }
        let key = self.texts.len() as u32;
        self.by_text.insert(text.into(), key);
        self.texts.push(text.into());
        key
    }

    /// The number of a text that was seen.
    pub fn known(&self, text: &str) -> Option<u32> {
        self.by_text.get(text).copied()
    }

    fn of(&mut self, text: Option<&Text>) -> u32 {
        text.map(|text| text.trim()).filter(|text| !text.is_empty()).map_or(NONE, |t| self.key(t))
    }

    /// How many texts there are.
    pub fn count(&self) -> usize {
        self.texts.len()
    }
}

/// Digits of a part of a number that is looked for.
const PART_DIGITS: usize = 4;

/// The beginning and the end of each number, by number.
#[derive(Debug, Default)]
pub struct Parts {
    /// Both, as whole numbers, where a number is long enough; one that is just as long as an end
    /// has only that. [`NONE`] otherwise.
    pub of: Vec<(u32, u32)>,
    /// How many parts there are.
    pub count: usize,
}

impl Parts {
    fn of(numbers: &[Text]) -> Self {
        let mut parts: HashMap<&str, u32> = HashMap::default();
        let of = numbers.iter().map(|number| {
            let ends = ends(number).map(|(head, tail)| (Some(head), tail));
            let short = || (number.len() == PART_DIGITS).then_some((None, number.as_str()));
            let mut key = |part| {
                let next = parts.len() as u32;
                *parts.entry(part).or_insert(next)
            };
            let Some((head, tail)) = ends.or_else(short) else { return (NONE, NONE) };
            (head.map_or(NONE, &mut key), key(tail))
        });
        Self { of: of.collect(), count: parts.len() }
    }
}

/// The first and the last digits of a number that is long enough to have both.
fn ends(number: &str) -> Option<(&str, &str)> {
    let long = number.len() >= 2 * PART_DIGITS - 1 && number.is_ascii();
    long.then(|| number.split_at(number.len() - PART_DIGITS))
}

/// Whether a call is a leg of a transferred one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg {
    Whole,
    /// It was passed on; the place of the leg that went on.
    First(u32),
    /// It came from another desk; the place of the leg before.
    Second(u32),
}

/// A contact. Times in seconds of the epoch, by the desk's clock.
#[derive(Debug, Clone)]
pub struct Call {
    pub key: i64,
    /// Its place among the desk's contacts; [`NONE`] where it is not of the desk any more.
    pub place: u32,
    pub ring: i64,
    pub answer: i64,
    pub end: i64,
    pub number: u32,
    pub out: bool,
    pub answered: bool,
    pub line: u32,
    pub agent: u32,
    pub leg: Leg,
    /// Other calls that began within five minutes.
    pub crowd: u8,
}

/// A ledger entry.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: i64,
    /// Its place among the desk's rows; [`NONE`] where it is not of the desk any more.
    pub place: u32,
    /// The time written; [`NEVER`] where none or only the day was.
    pub written: i64,
    /// The start of the day written, where only that was.
    pub day: i64,
    /// When it was typed; [`NEVER`] where that says nothing.
    pub typed: i64,
    near: i64,
    /// Two of the cell, and one that the words of the matter name.
    pub numbers: [u32; 3],
    pub unit: u32,
    pub name: u32,
    pub handler: u32,
    pub channel: Channel,
}

impl Entry {
    /// The best idea of when the matter was.
    pub fn near(&self) -> i64 {
        self.near
    }

    /// Whether a recording is expected of it.
    pub fn owes(&self) -> bool {
        self.channel != Channel::WalkIn
    }
}

/// What is known of who has a number: units, and names.
#[derive(Debug, Clone, Default)]
pub struct Owner {
    /// Unit, and how many of the desk's own rows say so; directories count for many.
    pub units: Vec<(u32, u32)>,
    pub names: Vec<u32>,
}

/// A site's calls and entries.
#[derive(Debug, Default)]
pub struct Compact {
    /// In order of their first ring.
    pub calls: Vec<Call>,
    /// In order of their keys.
    pub rows: Vec<Entry>,
    pub numbers: Names,
    /// By number, for comparing.
    pub packed: Vec<Packed>,
    pub parts: Parts,
    pub units: Names,
    pub persons: Names,
    pub names: Names,
    /// By number.
    pub owners: Vec<Owner>,
    /// Numbers known of a unit, by unit.
    pub known: Vec<Vec<u32>>,
    /// How many rows bear a number, by number.
    pub borne: Vec<u32>,
    /// Calls and rows as they were before a change: not of the site any more, but their neighbours
    /// are found by them.
    pub gone_calls: Vec<Call>,
    pub gone_rows: Vec<Entry>,
}

/// What a directory says weighs as much as so many rows.
const DIRECTORY_ROWS: u32 = 1000;
/// A leg begins so soon after the one before it has ended, in seconds.
pub const LEG_GAP_S: i64 = 10;
/// And so long after that one's first ring at most.
pub const LEG_REACH_S: i64 = 2 * 3600;
/// Calls that begin within so many seconds of each other make a crowd.
pub const CROWD_S: i64 = 300;

impl Compact {
    /// Looks everything up. `own_word`: what the desk wrote itself counts for homes too.
    pub fn of(desk: &Desk<'_>, own_word: bool) -> Self {
        Self::after(desk, own_word, &[], &[])
    }

    /// The same after a change, with calls and rows as they were before it.
    pub fn after(
        desk: &Desk<'_>,
        own_word: bool,
        gone_contacts: &[Contact],
        gone_rows: &[Row],
    ) -> Self {
        let mut compact = Self::default();
        let contacts = desk.contacts.iter().zip(0..);
        compact.calls = contacts.map(|(contact, place)| compact.call(contact, place)).collect();
        let gone = gone_contacts.iter();
        compact.gone_calls = gone.map(|contact| compact.call(contact, NONE)).collect();
        compact.gone_rows = gone_rows.iter().map(|row| compact.entry(row, NONE)).collect();
        compact.calls.sort_by_key(|call| (call.ring, call.key));
        let mut rows: Vec<(&Row, u32)> = desk.rows.iter().zip(0..).collect();
        rows.sort_by_key(|(row, _)| row.key);
        compact.rows = rows.into_iter().map(|(row, place)| compact.entry(row, place)).collect();
        let packed = |number: &Text| Packed::of(number);
        compact.packed = compact.numbers.texts.iter().map(packed).collect();
        compact.parts = Parts::of(&compact.numbers.texts);
        compact.look_up_homes(desk, own_word);
        compact.find_legs();
        compact.count_crowds();
        compact
    }

    fn call(&mut self, contact: &Contact, place: u32) -> Call {
        let number = contact.number.as_deref().map(significant).filter(|n| !n.is_empty());
        let start = seconds(contact.started_at);
        let answer = contact.answered_at.map_or(start, seconds);
        Call {
            key: contact.key,
            place,
            ring: start,
            answer,
            end: contact.ended_at.map_or(answer, seconds).max(answer),
            number: number.map_or(NONE, |number| self.numbers.key(number)),
            out: contact.direction == Direction::Outbound,
            answered: contact.answered,
            line: self.persons.of(contact.extension.as_ref()),
            agent: self.persons.of(contact.agent.as_ref()),
            leg: Leg::Whole,
            crowd: 0,
        }
    }

    fn entry(&mut self, row: &Row, place: u32) -> Entry {
        let mut written = row.number.iter().chain(&row.other_numbers);
        let written = [written.next(), written.next(), row.mentioned.as_ref()];
        let numbers = written.map(|number| {
            let digits = number.map_or("", |number| significant(number));
            if digits.is_empty() { NONE } else { self.numbers.key(digits) }
        });
        let occurred = row.occurred_at.map_or(NEVER, seconds);
        let (written, day) =
            if row.occurred_day_only { (NEVER, occurred) } else { (occurred, NEVER) };
        Entry {
            key: row.key,
            place,
            written,
            day,
            typed: if row.imported { NEVER } else { seconds(row.registered_at) },
            near: row.near_s(),
            numbers,
            unit: self.units.of(row.unit.as_ref()),
            name: surname(row.name.as_deref()).map_or(NONE, |name| self.names.key(&name)),
            handler: self.persons.of(row.handler.as_ref()),
            channel: row.channel,
        }
    }

    /// Whose number is whose: by the directory, and by what the desk itself wrote.
    fn look_up_homes(&mut self, desk: &Desk<'_>, own_word: bool) {
        let mut said: Vec<(u32, u32, u32)> = Vec::new();
        let mut called: Vec<(u32, u32)> = Vec::new();
        for (unit, home) in desk.directory {
            // A number that neither called nor was written tells nothing.
            let known = |number: &Text| self.numbers.known(significant(number));
            let numbers: Vec<u32> = home.numbers.iter().filter_map(known).collect();
            if numbers.is_empty() {
                continue;
            }
            let unit = self.units.key(unit);
            for number in numbers {
                said.push((number, unit, DIRECTORY_ROWS));
                for name in home.names.iter().filter_map(|name| surname(Some(name))) {
                    called.push((number, self.names.key(&name)));
                }
            }
        }
        for row in self.rows.iter().filter(|_| own_word) {
            for number in row.numbers.iter().filter(|number| **number != NONE) {
                if row.unit != NONE {
                    said.push((*number, row.unit, 1));
                }
            }
        }
        self.owners = vec![Owner::default(); self.numbers.count()];
        self.known = vec![Vec::new(); self.units.count()];
        said.sort_unstable();
        for (number, unit, rows) in said {
            match self.owners[number as usize].units.last_mut() {
                Some((last, count)) if *last == unit => *count += rows,
                _ => {
                    self.owners[number as usize].units.push((unit, rows));
                    self.known[unit as usize].push(number);
                }
            }
        }
        called.sort_unstable();
        called.dedup();
        for (number, name) in called {
            self.owners[number as usize].names.push(name);
        }
        self.borne = vec![0; self.numbers.count()];
        for row in &self.rows {
            for number in row.numbers.iter().filter(|number| **number != NONE) {
                self.borne[*number as usize] += 1;
            }
        }
    }

    /// Legs of one transferred call: the same caller at another desk as soon as the first hung up.
    fn find_legs(&mut self) {
        let mut by_end: Vec<u32> = (0..self.calls.len() as u32).collect();
        by_end.sort_by_key(|place| (self.calls[*place as usize].end, *place));
        for next in 0..self.calls.len() {
            let second = &self.calls[next];
            let from =
                by_end.partition_point(|at| self.calls[*at as usize].end < second.ring - LEG_GAP_S);
            let before = by_end[from..]
                .iter()
                .copied()
                .take_while(|at| self.calls[*at as usize].end <= second.ring + LEG_GAP_S)
                .find(|at| is_leg_before(&self.calls[*at as usize], second));
            if let Some(first) = before {
                self.calls[next].leg = Leg::Second(first);
                if self.calls[first as usize].leg == Leg::Whole {
                    self.calls[first as usize].leg = Leg::First(next as u32);
                }
            }
        }
    }

    fn count_crowds(&mut self) {
        let rings: Vec<i64> = self.calls.iter().map(|call| call.ring).collect();
        for (call, ring) in self.calls.iter_mut().zip(&rings) {
            let from = rings.partition_point(|other| *other < ring - CROWD_S);
            let to = rings.partition_point(|other| *other <= ring + CROWD_S);
            call.crowd = (to - from - 1).min(255) as u8;
        }
    }
}

fn is_leg_before(first: &Call, second: &Call) -> bool {
    !first.out
        && !second.out
        && first.ring < second.ring
        && second.ring - first.ring <= LEG_REACH_S
        && first.number == second.number
        && (first.line != second.line || first.line == NONE)
}

fn seconds(at: Moment) -> i64 {
    at.timestamp()
}

/// Digits without leading zeros: an international form has none, and a trunk prefix is a zero.
pub fn significant(number: &str) -> &str {
    number.trim_start_matches('0')
}

/// The first character of a name, which is the family's in Chinese; a whole word elsewhere.
fn surname(name: Option<&str>) -> Option<String> {
    let name = name?.trim();
    let first = name.chars().next()?;
    if first.is_ascii() {
        return name.split_whitespace().last().map(str::to_lowercase);
    }
    Some(first.to_string())
}

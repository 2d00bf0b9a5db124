//! Clocks set right: the times written and the times of typing are moved to the phone system's
//! clock, and recorders with clocks of their own to each other's.

use super::Reading;
use crate::linkage::habits::Off;
use crate::linkage::habits::clock::{Stretch, Vote, ahead, course};
use crate::linkage::hash::HashMap;
use crate::linkage::{Contact, Row};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Calls of a number further from a row than this do not vote.
const REACH_S: i64 = 3 * 86_400;
/// A number with more calls within reach tells too little.
const CALLS_MAX: usize = 6;
/// Rows from which on one person's clock is looked at by itself.
const PERSON_ROWS_MIN: usize = 40;

/// A clock of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Clock {
    Written,
    Typed,
}

impl Clock {
    /// Times agree with calls to about so many seconds.
    fn spread_s(self) -> f64 {
        if self == Self::Written { 120.0 } else { 900.0 }
    }

    /// Differences below this are left to the weights.
    fn small_s(self) -> i64 {
        if self == Self::Written { 90 } else { 1500 }
    }

    fn words(self) -> &'static str {
        if self == Self::Written { "times written in the ledger" } else { "times of typing" }
    }

    fn of(self, row: &Row) -> Option<i64> {
        match self {
            Self::Written => row.occurred_at.filter(|_| !row.occurred_day_only),
            Self::Typed => Some(row.registered_at).filter(|_| !row.imported),
        }
        .map(|at| at.timestamp())
    }

    fn turn_back(self, row: &mut Row, by: i64) {
        let by = TimeDelta::seconds(by);
        match self {
            Self::Written => row.occurred_at = row.occurred_at.map(|at| at - by),
            Self::Typed => row.registered_at -= by,
        }
    }
}

/// How far a clock of the ledger lies ahead of the calls, from which row on: rows are in order of
/// their import, those typed one by one first, then of their times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Course {
    clock: Clock,
    /// One person's own, where it is not everybody's.
    person: Option<String>,
    /// Import and time in seconds of the epoch, and the seconds ahead from there on.
    steps: Vec<(i64, i64, i64)>,
    /// The last import that was looked at: what comes later is not known to go on like it.
    last: i64,
}

/// The courses of a ledger's clocks, in the order in which they are set right.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks(Vec<Course>);

impl Clocks {
    /// Sets the times of a row right.
    pub fn fit_row(&self, row: &mut Row) {
        for course in &self.0 {
            let is_meant =
                course.person.is_none() || course.person.as_deref() == row.handler.as_deref();
            let (Some(at), true) = (course.clock.of(row), is_meant) else { continue };
            let import = batch(row);
            let after = course.steps.partition_point(|(b, from, _)| (*b, *from) <= (import, at));
            if import > course.last || after == 0 {
                continue;
            }
            course.clock.turn_back(row, course.steps[after - 1].2);
        }
    }

    /// How far a time is moved at most, in seconds.
    pub fn widest_s(&self) -> i64 {
        let widest = |course: &Course| course.steps.iter().map(|step| step.2.abs()).max();
        self.0.iter().filter_map(widest).sum()
    }
}

/// Rows typed one by one are one batch, those of an import another.
fn batch(row: &Row) -> i64 {
    if row.imported { row.registered_at.timestamp() } else { 0 }
}

/// Sets both clocks of the ledger right, and then what single persons write otherwise.
pub fn fit(site: &str, off: &Off, reading: &mut Reading) -> Clocks {
    let mut found = Clocks::default();
    if !off.applies("clock") {
        return found;
    }
    let calls = Answers::of(&reading.contacts, &reading.rows);
    halves(site, &calls, reading);
    for clock in [Clock::Written, Clock::Typed] {
        let all: Vec<usize> = (0..reading.rows.len()).collect();
        found.0.extend(set_right(site, clock, None, &all, &calls, reading));
    }
    for (person, rows) in by_person(reading) {
        found.0.extend(set_right(site, Clock::Written, Some(&person), &rows, &calls, reading));
    }
    found
}

/// When the calls of each row's number were answered, in order.
struct Answers {
    times: Vec<Vec<i64>>,
    /// The place of each row's number among them.
    of_row: Vec<Option<usize>>,
}

impl Answers {
    fn of(contacts: &[Contact], rows: &[Row]) -> Self {
        let mut places: HashMap<&str, usize> = HashMap::default();
        let mut times: Vec<Vec<i64>> = Vec::new();
        for contact in contacts {
            let Some(number) = &contact.number else { continue };
            let place = *places.entry(number).or_insert(times.len());
            if place == times.len() {
                times.push(Vec::new());
            }
            let at = contact.answered_at.unwrap_or(contact.started_at);
            times[place].push(at.timestamp());
        }
        times.iter_mut().for_each(|times| times.sort_unstable());
        let place = |row: &Row| places.get(row.number.as_deref()?).copied();
        let of_row = rows.iter().map(place).collect();
        Self { times, of_row }
    }

    /// Those within reach of a time that the row at a place names.
    fn around(&self, row: usize, at: i64) -> &[i64] {
        let times = self.of_row[row].map_or(&[][..], |place| &self.times[place]);
        let from = times.partition_point(|call| *call < at - REACH_S);
        let to = times.partition_point(|call| *call <= at + REACH_S);
        &times[from..to]
    }
}

fn by_person(reading: &Reading) -> BTreeMap<String, Vec<usize>> {
    let mut rows: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, row) in reading.rows.iter().enumerate() {
        if let Some(handler) = &row.handler {
            match rows.get_mut(handler.as_str()) {
                Some(rows) => rows.push(place),
                None => drop(rows.insert(handler.to_string(), vec![place])),
            }
        }
    }
    rows.retain(|_, rows| rows.len() >= PERSON_ROWS_MIN);
    rows
}

/// Rows of one import follow each other in its own order; typed ones in time.
fn ordered(clock: Clock, rows: &[usize], reading: &Reading) -> Vec<(i64, i64, usize)> {
    let mut order: Vec<(i64, i64, usize)> = rows
        .iter()
        .filter_map(|place| {
            let row = &reading.rows[*place];
            Some((batch(row), clock.of(row)?, *place))
        })
        .collect();
    order.sort_unstable();
    order
}

fn set_right(
    site: &str,
    clock: Clock,
    person: Option<&str>,
    rows: &[usize],
    calls: &Answers,
    reading: &mut Reading,
) -> Option<Course> {
    let order = ordered(clock, rows, reading);
    let course = course(&votes(clock, &order, calls, reading), clock.spread_s());
    let off = |stretch: &&Stretch| stretch.ahead.abs() >= clock.small_s();
    if !course.iter().any(|stretch| off(&stretch)) {
        return None;
    }
    let step = |stretch: &Stretch| {
        let (batch, at, _) = order.get(stretch.from as usize)?;
        Some((*batch, *at, if off(&stretch) { stretch.ahead } else { 0 }))
    };
    let found = Course {
        clock,
        person: person.map(str::to_owned),
        steps: course.iter().filter_map(step).collect(),
        last: order.last().map_or(0, |(batch, _, _)| *batch),
    };
    for (at, (_, _, place)) in order.iter().enumerate() {
        let by = ahead(&course, at as i64);
        if by.abs() >= clock.small_s() {
            clock.turn_back(&mut reading.rows[*place], by);
        }
    }
    for stretch in course.iter().filter(off) {
        let from = order.get(stretch.from as usize).and_then(|(_, at, _)| {
            Some(chrono::DateTime::from_timestamp(*at, 0)?.format("%Y-%m-%d").to_string())
        });
        let (from, by) = (from.unwrap_or_default(), apart(stretch.ahead));
        let whose = person.map_or(String::new(), |person| format!(" by {person}"));
        let sentence = format!("from {from} on {}{whose} lie {by} the calls", clock.words());
        reading.habit(site, "clock", sentence, stretch.rows, order.len());
    }
    Some(found)
}

/// What the calls of each row's number say of a clock; places in `order` stand for times.
fn votes(
    clock: Clock,
    order: &[(i64, i64, usize)],
    calls: &Answers,
    reading: &Reading,
) -> Vec<Vote> {
    let mut votes = Vec::new();
    for (at, (_, _, place)) in order.iter().enumerate() {
        let row = &reading.rows[*place];
        let Some(own) = clock.of(row) else { continue };
        let near = calls.around(*place, own);
        if near.len() > CALLS_MAX {
            continue;
        }
        let weight = 1.0 / near.len().max(1) as f64;
        votes.extend(near.iter().map(|call| Vote { at: at as i64, away: own - call, weight }));
    }
    votes
}

const HALF_DAY_S: i64 = 12 * 3600;
/// Rows from which on it tells something that no written hour is above twelve.
const HALVES_ROWS_MIN: usize = 60;

/// Hours up to twelve only, and no word for the half of the day: the half is the one that lies
/// near a call of the number, else just before the time of typing.
fn halves(site: &str, calls: &Answers, reading: &mut Reading) {
    let hour = |at: i64| (at + 8 * 3600).rem_euclid(86_400) / 3600;
    let written: Vec<i64> = reading.rows.iter().filter_map(|row| Clock::Written.of(row)).collect();
    let late = |at: &&i64| hour(**at) > 12;
    let afternoon = reading.contacts.iter().filter(|c| hour(c.started_at.timestamp()) > 13).count();
    let is_half = written.len() >= HALVES_ROWS_MIN
        && written.iter().filter(late).count() * 50 < written.len()
        && afternoon * 4 > reading.contacts.len();
    if !is_half {
        return;
    }
    let mut turned = 0;
    for (place, row) in reading.rows.iter_mut().enumerate() {
        let Some(at) = Clock::Written.of(row) else { continue };
        let choices = [at, at + HALF_DAY_S, at - HALF_DAY_S];
        let calls = calls.around(place, at);
        let away = |choice: &i64| calls.iter().map(|call| (call - choice).abs()).min();
        let near = choices.into_iter().filter_map(|one| Some((away(&one)?, one))).min();
        let near = near.filter(|(away, _)| *away < 3600).map(|(_, choice)| choice);
        let typed = (!row.imported).then(|| row.registered_at.timestamp() + 600);
        let before = || choices.into_iter().filter(|one| typed.is_some_and(|at| *one <= at)).max();
        let by = near.or_else(before).unwrap_or(at) - at;
        turned += usize::from(by != 0);
        Clock::Written.turn_back(row, -by);
    }
    let sentence = "times are written by a 12-hour clock without the half of the day".to_owned();
    reading.habit(site, "clock", sentence, turned, written.len());
}

/// `31 min after`, `8 h before`.
fn apart(seconds: i64) -> String {
    let (size, side) = (seconds.abs(), if seconds > 0 { "after" } else { "before" });
    let hours = (size + 300) / 3600;
    if hours > 0 && (size - hours * 3600).abs() <= 300 {
        return format!("{hours} h {side}");
    }
    format!("{} min {side}", (size + 30) / 60)
}

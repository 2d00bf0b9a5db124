//! Rows of the sources' pulse.

use super::calls;
use super::folding::{Step, Unfolded};
use crate::call::Moment;
use crate::call::pulse::{Beat, Numbers, beat_of, lag, moment_of};
use crate::store::{Result, micros, moment};
use chrono::{Days, TimeDelta};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;

/// Days between two beats that are looked at again when the second one comes, at most.
const DAYS_BETWEEN_MAX: u64 = 7;

/// What one fold learns of the pulse.
#[derive(Default)]
pub struct Beats(BTreeMap<(i64, i64, i64), Learnt>);

struct Learnt {
    at: (Moment, Moment),
    fact: (i64, i64),
    lag_us: Option<i64>,
    number: Option<(i64, i64)>,
    /// Deliveries that bear a number or, because nobody could read them, may bear one.
    numbered: i64,
}

impl Beats {
    /// A delivery came.
    pub fn learn(&mut self, unfolded: &Unfolded) {
        let (at, fact) = (unfolded.received_at, unfolded.fact);
        let events = unfolded.reading.as_ref().map(|reading| reading.events.as_slice());
        let lag = lag(at, events.unwrap_or_default());
        let lag_us = lag.and_then(|lag| lag.num_microseconds());
        let place = (unfolded.site, beat_of(at), unfolded.source);
        let new = Learnt::new(at, fact, lag_us);
        let learnt = self.0.entry(place).or_insert(new);
        learnt.at = (learnt.at.0.min(at), learnt.at.1.max(at));
        learnt.fact = (learnt.fact.0.min(fact), learnt.fact.1.max(fact));
        learnt.lag_us = least(learnt.lag_us, lag_us);
        match unfolded.reading.as_ref().map(|reading| reading.number) {
            Ok(Some(number)) => learnt.count(number),
            Ok(None) => {}
            Err(_) => learnt.numbered += 1,
        }
    }

    /// Writes what was learnt, and marks the days on which something else may be found now: those
    /// from the beat before to this one.
    pub fn save(self, step: &Step<'_>) -> Result<()> {
        for ((site, beat, source), learnt) in self.0 {
            let known: Option<Option<i64>> = step
                .tx
                .prepare_cached(
                    "SELECT lag FROM pulse WHERE site = ?1 AND at = ?2 AND source = ?3",
                )?
                .query_row([site, beat, source], |row| row.get(0))
                .optional()?;
            learnt.write(step.tx, [site, beat, source])?;
            let lag_changed = known.is_none_or(|known| least(known, learnt.lag_us) != known);
            if lag_changed || learnt.numbered > 0 {
                mark(step, site, beat, learnt.at.1)?;
            }
        }
        Ok(())
    }
}

impl Learnt {
    fn new(at: Moment, fact: i64, lag_us: Option<i64>) -> Self {
        Self { at: (at, at), fact: (fact, fact), lag_us, number: None, numbered: 0 }
    }

    fn count(&mut self, number: i64) {
        let (least, greatest) = self.number.unwrap_or((number, number));
        self.number = Some((least.min(number), greatest.max(number)));
        self.numbered += 1;
    }

    fn write(&self, tx: &Connection, [site, beat, source]: [i64; 3]) -> Result<()> {
        tx.prepare_cached(
            "INSERT INTO pulse VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)
             ON CONFLICT (site, at, source) DO UPDATE SET
               first_at = min(first_at, excluded.first_at),
               last_at = max(last_at, excluded.last_at),
               first_fact = min(first_fact, excluded.first_fact),
               last_fact = max(last_fact, excluded.last_fact),
               lag = coalesce(min(lag, excluded.lag), lag, excluded.lag),
               number_least = coalesce(min(number_least, excluded.number_least), number_least,
                                       excluded.number_least),
               number_greatest = coalesce(max(number_greatest, excluded.number_greatest),
                                          number_greatest, excluded.number_greatest),
               numbered = numbered + excluded.numbered",
        )?
        .execute(params![
            site,
            beat,
            source,
            micros(self.at.0),
            micros(self.at.1),
            self.fact.0,
            self.fact.1,
            self.lag_us,
            self.number.map(|(least, _)| least),
            self.number.map(|(_, greatest)| greatest),
            self.numbered
        ])?;
        Ok(())
    }
}

fn least(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

fn mark(step: &Step<'_>, site: i64, beat: i64, at: Moment) -> Result<()> {
    let before: Option<i64> = step
        .tx
        .prepare_cached("SELECT max(at) FROM pulse WHERE site = ?1 AND at < ?2")?
        .query_row([site, beat], |row| row.get(0))?;
    let earliest = at.checked_sub_days(Days::new(DAYS_BETWEEN_MAX)).unwrap_or(at);
    let mut day = before.map_or(at, moment_of).max(earliest);
    let name = step.names.sites.get(&site).map_or("", String::as_str);
    let last = step.interpreter.day(name, at);
    loop {
        let marked = step.interpreter.day(name, day.min(at));
        calls::mark_dirty(step.tx, site, &marked, 0)?;
        if marked >= last {
            return Ok(());
        }
        day += TimeDelta::days(1);
    }
}

/// The beats of a site's sources in a span of time, ordered in time.
///
/// # Errors
/// When the disk fails.
pub fn between(connection: &Connection, site: i64, from: Moment, to: Moment) -> Result<Vec<Beat>> {
    let mut query = connection.prepare_cached(
        "SELECT s.name, p.first_at, p.last_at, p.first_fact, p.last_fact, p.lag,
                p.number_least, p.number_greatest, p.numbered
         FROM pulse p JOIN source s ON s.key = p.source
         WHERE p.site = ?1 AND p.at >= ?2 AND p.at < ?3 ORDER BY p.at, p.source",
    )?;
    let rows = query.query_map([site, beat_of(from), to.timestamp()], beat)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The newest beats of a site's sources up to a moment, ordered in time.
///
/// # Errors
/// When the disk fails.
pub fn newest(connection: &Connection, site: i64, as_of: Moment) -> Result<Vec<Beat>> {
    between(connection, site, as_of - REACH, as_of)
}

/// How far back the pulse is looked at: a silence is found on the day it first counts.
pub const REACH: TimeDelta = TimeDelta::days(2);

fn beat(row: &Row<'_>) -> rusqlite::Result<Beat> {
    let lag_us: Option<i64> = row.get(5)?;
    let (least, greatest): (Option<i64>, Option<i64>) = (row.get(6)?, row.get(7)?);
    let count = row.get(8)?;
    Ok(Beat {
        source: row.get(0)?,
        first_at: moment(row.get(1)?),
        last_at: moment(row.get(2)?),
        first_fact: row.get(3)?,
        last_fact: row.get(4)?,
        lag: lag_us.map(TimeDelta::microseconds),
        numbers: least.zip(greatest).map(|(least, greatest)| Numbers { least, greatest, count }),
    })
}

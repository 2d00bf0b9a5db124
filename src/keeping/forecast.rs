//! The day on which the disk is full.

use chrono::{Days, NaiveDate};
use serde::Serialize;
use std::collections::BTreeMap;

/// Whole days that the growth is taken from: four weeks, so that every day of the week counts the
/// same.
const LOOK_BACK_DAYS: u64 = 28;
/// No further ahead than this.
const LOOK_AHEAD_DAYS: u64 = 20 * 365;

/// What is stored and how much room there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stock {
    /// Bytes of the recordings kept, by the local day they begin on.
    pub daily: BTreeMap<NaiveDate, u64>,
    pub free_bytes: u64,
    /// Recordings older than this go by age, whatever they are; nothing: some are kept for ever.
    pub keep_days: Option<u32>,
    /// Where an alarm is wanted, and where recordings begin to go.
    pub alarm_bytes: u64,
    pub floor_bytes: u64,
}

/// When the disk will be full, if the desk goes on as in the last four weeks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Bytes that come in a day, on average.
    pub bytes_per_day: u64,
    /// Days that this was taken from; 0 where there is nothing to go by.
    pub days_seen: u64,
    pub free_bytes: u64,
    /// Nothing: not within twenty years, or unknown.
    pub alarm_on: Option<NaiveDate>,
    pub floor_on: Option<NaiveDate>,
    pub full_on: Option<NaiveDate>,
    pub days_left: Option<u64>,
}

/// Looks ahead from `today`, which is not over and counts for nothing.
pub fn forecast(stock: &Stock, today: NaiveDate) -> Forecast {
    let (bytes_per_day, days_seen) = growth(stock, today);
    let mut forecast = Forecast {
        bytes_per_day,
        days_seen,
        free_bytes: stock.free_bytes,
        alarm_on: None,
        floor_on: None,
        full_on: None,
        days_left: None,
    };
    if bytes_per_day == 0 {
        return forecast;
    }
    let mut free = i128::from(stock.free_bytes);
    for ahead in 0..=LOOK_AHEAD_DAYS {
        let Some(day) = today.checked_add_days(Days::new(ahead)) else { break };
        if ahead > 0 {
            free +=
                i128::from(leaving(stock, day, today, bytes_per_day)) - i128::from(bytes_per_day);
        }
        let below = |limit: u64| free < i128::from(limit);
        mark(&mut forecast.alarm_on, below(stock.alarm_bytes), day);
        mark(&mut forecast.floor_on, below(stock.floor_bytes), day);
        if free <= 0 {
            (forecast.full_on, forecast.days_left) = (Some(day), Some(ahead));
            break;
        }
    }
    forecast
}

fn mark(on: &mut Option<NaiveDate>, reached: bool, day: NaiveDate) {
    if reached && on.is_none() {
        *on = Some(day);
    }
}

/// Bytes a day over the last whole days, and over how many: of a young store as many as it has.
fn growth(stock: &Stock, today: NaiveDate) -> (u64, u64) {
    let from = today.checked_sub_days(Days::new(LOOK_BACK_DAYS)).unwrap_or(today);
    let first = stock.daily.keys().next().copied().unwrap_or(today).max(from);
    let days = u64::try_from((today - first).num_days()).unwrap_or(0);
    if days == 0 {
        return (0, 0);
    }
    let bytes: u64 = stock.daily.range(first..today).map(|(_, bytes)| bytes).sum();
    (bytes / days, days)
}

/// Bytes that go by age on a day to come.
fn leaving(stock: &Stock, day: NaiveDate, today: NaiveDate, bytes_per_day: u64) -> u64 {
    let Some(keep_days) = stock.keep_days else { return 0 };
    let Some(of) = day.checked_sub_days(Days::new(u64::from(keep_days))) else { return 0 };
    if of >= today { bytes_per_day } else { stock.daily.get(&of).copied().unwrap_or(0) }
}

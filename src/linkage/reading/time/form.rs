//! Forms of times: where digits and words stand in a cell, and the orders in which they can be
//! read.

use super::{At, Local};
use crate::ledger::plain::{chinese_number, plain_char};
use chrono::{NaiveDate, NaiveTime};

/// The roles digits can have in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Year,
    Month,
    Day,
    Hour,
    /// `905`, `0905`.
    HourMinute,
    Minute,
    Second,
    Fraction,
    OffsetHour,
    OffsetMinute,
}

use Role::{
    Day, Fraction, Hour, HourMinute, Minute, Month, OffsetHour, OffsetMinute, Second, Year,
};

/// How a form of cells is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Roles(Vec<Role>),
    EpochSeconds,
    EpochMillis,
    /// Days since the end of 1899, as spreadsheets count.
    Serial,
    /// `20250303`, `202503030905`, `20250303090500` in the first number.
    Packed,
}

/// Half of the day by a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    None,
    Morning,
    Afternoon,
    Noon,
}

/// A cell taken apart.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Values with their number of digits.
    digits: Vec<(i64, u8)>,
    /// What stands before, between and after, and how many digits: cells alike are read alike.
    pub form: String,
    half: Half,
    /// `Z`: the time is of no zone's own.
    utc: bool,
    west: bool,
}

const HALVES: [(&str, Half); 14] = [
    ("上午", Half::Morning),
    ("早上", Half::Morning),
    ("早晨", Half::Morning),
    ("清晨", Half::Morning),
    ("凌晨", Half::Morning),
    ("am", Half::Morning),
    ("a.m.", Half::Morning),
    ("下午", Half::Afternoon),
    ("晚上", Half::Afternoon),
    ("傍晚", Half::Afternoon),
    ("晚", Half::Afternoon),
    ("pm", Half::Afternoon),
    ("p.m.", Half::Afternoon),
    ("中午", Half::Noon),
];

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl Parts {
    /// Takes a cell apart.
    pub fn of(cell: &str) -> Self {
        let plain: String = cell.trim().chars().map(plain_char).collect::<String>().to_lowercase();
        let plain = chinese_number::replace_all(&plain);
        let half = HALVES.iter().find(|(word, _)| plain.contains(word));
        let mut parts = Self {
            digits: Vec::new(),
            form: String::new(),
            half: half.map_or(Half::None, |(_, half)| *half),
            utc: plain.ends_with('z') || plain.ends_with("utc") || plain.ends_with("gmt"),
            west: false,
        };
        let mut rest = plain.as_str();
        while let Some(c) = rest.chars().next() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if digits > 0 {
                let value = rest[..digits].parse().unwrap_or(i64::MAX);
                parts.digits.push((value, digits.min(99) as u8));
                // One digit or two are written alike.
                let width = if digits <= 2 { "d".to_owned() } else { format!("d{digits}") };
                parts.form.push_str(&width);
                rest = &rest[digits..];
                continue;
            }
            if let Some(month) = MONTHS.iter().position(|month| rest.starts_with(month)) {
                parts.digits.push((month as i64 + 1, 0));
                parts.form.push('m');
                rest = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
                continue;
            }
            if let Some((word, _)) = HALVES.iter().find(|(word, _)| rest.starts_with(word)) {
                parts.form.push('h');
                rest = &rest[word.len()..];
                continue;
            }
            parts.west |= c == '-' && parts.digits.len() >= 5;
            parts.form.push(c);
            rest = &rest[c.len_utf8()..];
        }
        parts
    }

    /// The time that a cell says when it is read in an order. `typed` gives the day where none is
    /// written.
    pub fn at(&self, order: &Order, local: &mut Local, typed: Option<i64>) -> Option<At> {
        match order {
            Order::EpochSeconds => Some(At::Moment(self.digits.first()?.0)),
            Order::EpochMillis => {
                let (value, width) = *self.digits.first()?;
                Some(At::Moment(value / 10_i64.pow(u32::from(width) - 10)))
            }
            Order::Serial => self.serial(local),
            Order::Packed => self.packed(local),
            Order::Roles(roles) => self.by_roles(roles, local, typed),
        }
    }

    fn serial(&self, local: &mut Local) -> Option<At> {
        let (days, _) = *self.digits.first()?;
        let part = self.digits.get(1);
        let part = part.map_or(0.0, |(value, width)| *value as f64 / 10f64.powi(i32::from(*width)));
        let start = NaiveDate::from_ymd_opt(1899, 12, 30)?.and_time(NaiveTime::MIN);
        let seconds = days.checked_mul(86_400)? + (part * 86_400.0).round() as i64;
        let at =
            local.moment(start.checked_add_signed(chrono::TimeDelta::try_seconds(seconds)?)?)?;
        Some(if self.digits.len() == 1 { At::Day(at) } else { At::Moment(at) })
    }

    fn packed(&self, local: &mut Local) -> Option<At> {
        let (value, width) = self.digits[0];
        let whole = format!("{value:0width$}", width = usize::from(width));
        let mut whole = whole
            + &self.digits[1..].iter().fold(String::new(), |text, (v, w)| {
                text + &format!("{v:0width$}", width = usize::from((*w).max(2)))
            });
        if self.digits.len() > 1 && whole.len() > 14 {
            whole.truncate(14);
        }
        let number = |range: std::ops::Range<usize>| whole.get(range)?.parse::<u32>().ok();
        let date = NaiveDate::from_ymd_opt(number(0..4)? as i32, number(4..6)?, number(6..8)?)?;
        if whole.len() == 8 {
            return Some(At::Day(local.moment(date.and_time(NaiveTime::MIN))?));
        }
        let time =
            date.and_hms_opt(number(8..10)?, number(10..12)?, number(12..14).unwrap_or(0))?;
        Some(At::Moment(local.moment(time)?))
    }

    fn by_roles(&self, roles: &[Role], local: &mut Local, typed: Option<i64>) -> Option<At> {
        let value = |role: Role| {
            let at = roles.iter().position(|one| *one == role)?;
            self.digits.get(at).map(|(value, _)| *value)
        };
        if self.digits.len() != roles.len() {
            return None;
        }
        let narrow = |value: i64| u32::try_from(value).ok();
        let near = typed.and_then(|at| chrono::DateTime::from_timestamp(at, 0));
        let near = near.map(|at| at.with_timezone(&local.zone).date_naive());
        let date = match (value(Month), value(Day)) {
            (Some(month), Some(day)) => {
                let year = value(Year).map(|year| if year < 100 { year + 2000 } else { year });
                let year = match year {
                    Some(year) => i32::try_from(year).ok().filter(|y| (1990..2100).contains(y))?,
                    None => chrono::Datelike::year(&near?),
                };
                NaiveDate::from_ymd_opt(year, narrow(month)?, narrow(day)?)?
            }
            _ => near?,
        };
        let packed = value(HourMinute).filter(|packed| *packed >= 100 || *packed == 0);
        if roles.contains(&HourMinute) && packed.is_none() {
            return None;
        }
        let Some(hour) = value(Hour).or(packed.map(|packed| packed / 100)) else {
            return Some(At::Day(local.moment(date.and_time(NaiveTime::MIN))?));
        };
        let hour = match self.half {
            Half::Afternoon | Half::Noon
                if hour < 12 && (self.half == Half::Afternoon || hour < 6) =>
            {
                hour + 12
            }
            Half::Morning if hour == 12 => 0,
            _ => hour,
        };
        let (date, hour) = if hour == 24 { (date.succ_opt()?, 0) } else { (date, hour) };
        let minute = narrow(value(Minute).or(packed.map(|p| p % 100)).unwrap_or(0))?;
        let second = narrow(value(Second).unwrap_or(0))?;
        let time = date.and_hms_opt(narrow(hour)?, minute, second)?;
        let offset = match value(OffsetHour) {
            Some(hours) => Some(self.offset(hours, value(OffsetMinute))?),
            None => None,
        };
        let at = match (offset, self.utc) {
            (Some(offset), _) => time.and_utc().timestamp() - offset,
            (None, true) => time.and_utc().timestamp(),
            (None, false) => local.moment(time)?,
        };
        Some(At::Moment(at))
    }

    /// `8`, `08:00`, `0800` east or west, in seconds.
    fn offset(&self, hours: i64, minutes: Option<i64>) -> Option<i64> {
        let (hours, minutes) = match (hours, minutes) {
            (100.., None) => (hours / 100, hours % 100),
            _ => (hours, minutes.unwrap_or(0)),
        };
        let seconds = hours * 3600 + minutes * 60;
        let real = hours <= 14 && minutes < 60;
        real.then_some(if self.west { -seconds } else { seconds })
    }
}

/// Every order that cells of a form might have, the likeliest first.
pub fn orders(parts: &Parts) -> Vec<Order> {
    let mut all = Vec::new();
    let (first, width) = match parts.digits.first() {
        Some(first) => *first,
        None => return all,
    };
    let alone = parts.digits.len() == 1;
    match width {
        10 if alone => all.push(Order::EpochSeconds),
        13 | 16 if alone => all.push(Order::EpochMillis),
        10 if parts.digits.len() == 2 && parts.form.contains('.') => all.push(Order::EpochSeconds),
        8 | 12 | 14 => all.push(Order::Packed),
        5 if parts.digits.len() <= 2 && (20_000..80_000).contains(&first) => {
            all.push(Order::Serial)
        }
        _ => {}
    }
    let dates: [&[Role]; 5] = [
        &[Year, Month, Day],
        &[Day, Month, Year],
        &[Month, Day, Year],
        &[Month, Day],
        &[Day, Month],
    ];
    let times: [&[Role]; 5] =
        [&[Hour, Minute, Second], &[Hour, Minute], &[HourMinute], &[Hour], &[]];
    let after: [&[Role]; 6] = [
        &[],
        &[Fraction],
        &[OffsetHour, OffsetMinute],
        &[OffsetHour],
        &[Fraction, OffsetHour, OffsetMinute],
        &[Fraction, OffsetHour],
    ];
    let count = parts.digits.len();
    for date in dates.into_iter().chain([&[][..]]) {
        for time in times {
            for tail in after {
                let clock = !time.is_empty();
                if date.len() + time.len() + tail.len() != count || (!tail.is_empty() && !clock) {
                    continue;
                }
                if time.contains(&HourMinute) && date.len() < 3 {
                    continue;
                }
                if tail.contains(&Fraction) && !time.contains(&Second) {
                    continue;
                }
                if tail.contains(&OffsetHour) && !parts.form.contains(['+', '-']) {
                    continue;
                }
                let joined =
                    |one: &[Role], other: &[Role]| Order::Roles([one, other, tail].concat());
                all.push(joined(date, time));
                if clock && !date.is_empty() && tail.is_empty() && !time.contains(&HourMinute) {
                    all.push(joined(time, date));
                }
            }
        }
    }
    all
}

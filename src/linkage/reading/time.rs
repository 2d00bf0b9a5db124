//! Times in cells. Each way of writing (where digits and words stand) is read by itself: of all
//! orders of day, month and hour that its rows allow, the one that lies best beside the site's
//! other times.

use super::usual::usual;
use crate::ledger::import;
use crate::ledger::plain::{chinese_number, plain_char};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;
use std::collections::HashMap;

/// A time as read, in seconds of the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Moment(i64),
    /// Only the day; its first second.
    Day(i64),
}

impl At {
    /// The second, be it a moment or the start of a day.
    pub fn second(self) -> i64 {
        match self {
            Self::Moment(at) | Self::Day(at) => at,
        }
    }
}

/// Local times to moments, remembering the last day.
pub struct Local {
    zone: Tz,
    last: Option<(NaiveDate, i64)>,
}

impl Local {
    /// For a zone.
    pub fn of(zone: Tz) -> Self {
        Self { zone, last: None }
    }

    fn moment(&mut self, local: NaiveDateTime) -> Option<i64> {
        let naive = local.and_utc().timestamp();
        if let Some((_, offset)) = self.last.filter(|(day, _)| *day == local.date()) {
            return Some(naive - offset);
        }
        let at = self.zone.from_local_datetime(&local).earliest()?.timestamp();
        let offset = |time: NaiveTime| {
            let at = self.zone.from_local_datetime(&local.date().and_time(time)).earliest()?;
            Some(local.date().and_time(time).and_utc().timestamp() - at.timestamp())
        };
        let evening = NaiveTime::from_hms_opt(23, 59, 59)?;
        if offset(NaiveTime::MIN).is_some() && offset(NaiveTime::MIN) == offset(evening) {
            self.last = Some((local.date(), naive - at));
        }
        Some(at)
    }
}

/// The roles digits can have in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
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
enum Order {
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
enum Half {
    None,
    Morning,
    Afternoon,
    Noon,
}

/// A cell taken apart.
#[derive(Debug, Clone)]
struct Parts {
    /// Values with their number of digits.
    digits: Vec<(i64, u8)>,
    /// What stands before, between and after, and how many digits: cells alike are read alike.
    form: String,
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

/// Reads the times of one column of one site.
pub struct Reader {
    local: Local,
    orders: HashMap<String, Order>,
    /// The forms met, with their counts, for telling habits.
    pub counts: Vec<(String, usize)>,
    places: HashMap<String, usize>,
}

/// Cells of one form that are looked at for finding its order.
const LOOKS: usize = 400;

impl Reader {
    /// Learns how a column is written. `around`: the time span in which its times should lie;
    /// `beside` gives for a cell the nearest other time that is known of its row.
    pub fn of<'a>(
        zone: Tz,
        cells: impl Iterator<Item = (&'a str, &'a str, Option<i64>)>,
        around: Option<(i64, i64)>,
    ) -> Self {
        let mut reader = Self {
            local: Local::of(zone),
            orders: HashMap::new(),
            counts: Vec::new(),
            places: HashMap::new(),
        };
        let mut forms: Vec<Vec<(Parts, Option<i64>)>> = Vec::new();
        for (day, cell, beside) in cells {
            if cell.is_empty() || usual(cell).is_some() {
                continue;
            }
            let parts = Parts::of(&joined(day, cell));
            let place = match reader.places.get(&parts.form) {
                Some(place) => *place,
                None => {
                    reader.places.insert(parts.form.clone(), reader.counts.len());
                    reader.counts.push((parts.form.clone(), 0));
                    forms.push(Vec::new());
                    reader.counts.len() - 1
                }
            };
            reader.counts[place].1 += 1;
            if forms[place].len() < LOOKS {
                forms[place].push((parts, beside));
            }
        }
        for form in &forms {
            if let Some(order) = reader.best(form, around) {
                reader.orders.insert(form[0].0.form.clone(), order);
            }
        }
        reader
    }

    /// Reads a cell, with the cell of its day where that stands by itself. `typed` gives the day
    /// where none is written.
    pub fn read(&mut self, day: &str, cell: &str, typed: Option<i64>) -> Option<At> {
        if cell.is_empty() {
            return None;
        }
        if let Some((local, offset)) = usual(cell) {
            let at = match offset {
                Some(offset) => local.and_utc().timestamp() - offset,
                None => self.local.moment(local)?,
            };
            return Some(At::Moment(at));
        }
        let parts = Parts::of(&joined(day, cell));
        let Some(order) = self.orders.get(&parts.form) else {
            // What an import reads without looking at the column.
            let (at, day_only) = import::moment(&joined(day, cell), self.local.zone)?;
            let second = at.timestamp();
            return Some(if day_only { At::Day(second) } else { At::Moment(second) });
        };
        parts.at(order, &mut self.local, typed)
    }

    fn best(
        &mut self,
        cells: &[(Parts, Option<i64>)],
        around: Option<(i64, i64)>,
    ) -> Option<Order> {
        let (first, _) = cells.first()?;
        let mut best: Option<(f64, Order)> = None;
        for order in orders(first) {
            let mut score = 0.0;
            let mut before = None;
            for (parts, beside) in cells {
                let Some(at) = parts.at(&order, &mut self.local, *beside) else { continue };
                let at = at.second();
                score += 4.0 + closeness(at, *beside, around, before);
                before = Some(at);
            }
            score /= cells.len() as f64;
            if score > 2.0 && best.as_ref().is_none_or(|(most, _)| score > most + 1e-9) {
                best = Some((score, order));
            }
        }
        best.map(|(_, order)| order)
    }
}

/// How well a reading lies beside what else is known: within the span, near the row's other time,
/// and near the reading of the row before.
fn closeness(at: i64, beside: Option<i64>, around: Option<(i64, i64)>, before: Option<i64>) -> f64 {
    let within = around.is_some_and(|(from, to)| at >= from - 86_400 && at <= to + 86_400);
    let near = |other: Option<i64>| {
        other.map_or(0.0, |other| 1.0 / (1.0 + (at - other).abs() as f64 / 172_800.0))
    };
    f64::from(u8::from(within)) * 2.0 + near(beside) + 0.5 * near(before)
}

/// A time alone takes the day from its own cell.
fn joined(day: &str, cell: &str) -> String {
    let has_day = |text: &str| text.bytes().filter(u8::is_ascii_digit).count() > 6;
    if day.is_empty() || has_day(cell) { cell.to_owned() } else { format!("{day} {cell}") }
}

impl Parts {
    fn of(cell: &str) -> Self {
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

    fn at(&self, order: &Order, local: &mut Local, typed: Option<i64>) -> Option<At> {
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
fn orders(parts: &Parts) -> Vec<Order> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str]) -> Vec<Option<String>> {
        let zone = chrono_tz::Asia::Shanghai;
        let span = Some((1_741_000_000, 1_745_000_000));
        let mut reader = Reader::of(zone, cells.iter().map(|cell| ("", *cell, None)), span);
        let words = |at: At| {
            let at = chrono::DateTime::from_timestamp(at.second(), 0).expect("a time");
            at.with_timezone(&zone).format("%m-%d %H:%M").to_string()
        };
        cells.iter().map(|cell| reader.read("", cell, None).map(words)).collect()
    }

    #[test]
    fn a_time_is_read_in_any_form() {
        for cell in [
            "2025-03-15T09:05:00+08:00",
            "2025-03-15T01:05:00Z",
            "2025-03-15T01:05:00.000Z",
            "2025-03-15T09:05:00.123+0800",
            "2025-03-15 09:05",
            "2025/3/15 9:05",
            "2025年3月15日 上午9时05分",
            "2025年03月15日9点05分",
            "２０２５－３－１５ ９：０５",
            "15/03/2025 09:05",
            "15.3.2025 9.05",
            "03/15/2025 9:05 AM",
            "9:05 15/3/2025",
            "Mar 15, 2025 9:05 am",
            "15-Mar-25 09:05:00",
            "20250315090500",
            "20250315 0905",
            "202503150905",
            "1742000700",
            "1742000700123",
            "45731.378472",
            "25-3-15 9:05",
            "二〇二五年三月十五日九点零五分",
        ] {
            assert_eq!(read(&[cell]), [Some("03-15 09:05".to_owned())], "{cell}");
        }
    }

    #[test]
    fn a_day_alone_is_no_time() {
        let zone = chrono_tz::Asia::Shanghai;
        let cells = ["2025-03-15", "2025/3/16"].map(|cell| ("", cell, Some(1_742_040_000)));
        let mut reader = Reader::of(zone, cells.into_iter(), None);
        for (_, cell, typed) in cells {
            assert!(matches!(reader.read("", cell, typed), Some(At::Day(_))), "{cell}");
        }
    }

    #[test]
    fn a_time_of_four_digits_is_read() {
        assert_eq!(read(&["2025-03-15 0905"]), [Some("03-15 09:05".to_owned())]);
    }

    #[test]
    fn day_and_month_are_told_apart_by_the_column() {
        let times = read(&["03/04/2025 09:05", "25/03/2025 10:00"]);
        assert_eq!(times, [Some("04-03 09:05".to_owned()), Some("03-25 10:00".to_owned())]);
    }

    #[test]
    fn an_afternoon_is_an_afternoon() {
        assert_eq!(read(&["2025-3-15 下午2:30"]), [Some("03-15 14:30".to_owned())]);
        assert_eq!(read(&["2025/3/15 02:30:00 PM"]), [Some("03-15 14:30".to_owned())]);
    }
}

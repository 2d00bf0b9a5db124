//! Times in cells. Each way of writing (where digits and words stand) is read by itself: of all
//! orders of day, month and hour that its rows allow, the one that lies best beside the site's
//! other times.

mod form;

use super::usual::usual;
use crate::ledger::import;
use crate::linkage::hash::HashMap;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;
use form::{Order, Parts, orders};

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
            orders: HashMap::default(),
            counts: Vec::new(),
            places: HashMap::default(),
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

//! Ledger rows from their cells.

use super::cells::{EntryCells, SiteCells};
use super::number::{Dress, Numbers, numbers};
use super::time::{At, Reader};
use super::{Fault, File, Reading, mention};
use crate::ledger::{Channel, import, unit};
use crate::linkage::habits::Off;
use crate::linkage::hash::HashMap;
use crate::linkage::{Row, Text};
use chrono::DateTime;
use chrono_tz::Tz;

/// Rows registered in one second that make a bulk import.
const IMPORT_ROWS: usize = 4;

/// Reads the ledger's rows of a site, in an order that the file's does not decide.
pub fn read(cells: &SiteCells<'_>, zone: Tz, off: &Off, reading: &mut Reading) {
    let all = &cells.entries;
    let looks = if off.applies("time-form") { usize::MAX } else { 0 };
    let span = span(reading);
    let mut typed =
        Reader::of(zone, all.iter().take(looks).map(|row| ("", row.registered, None)), span);
    let registered: Vec<Option<i64>> =
        all.iter().map(|row| Some(typed.read("", row.registered.trim(), None)?.second())).collect();
    let written = all.iter().zip(&registered).take(looks);
    let mut occurred =
        Reader::of(zone, written.map(|(row, at)| (row.day, row.occurred.trim(), *at)), span);
    let mut together: HashMap<i64, usize> = HashMap::default();
    for at in registered.iter().flatten() {
        *together.entry(*at).or_default() += 1;
    }
    let mut dresses = Vec::new();
    let mut units: HashMap<&str, Option<Text>> = HashMap::default();
    let mut channels: HashMap<&str, Channel> = HashMap::default();
    let mut found: Vec<(Row, &str, u32)> = Vec::with_capacity(all.len());
    for (row, registered) in all.iter().zip(&registered) {
        let told = !row.occurred.trim().is_empty();
        let cell = if told { row.occurred.trim() } else { row.day };
        let at = occurred.read(row.day, cell, *registered).filter(|at| !at.second().eq(&i64::MAX));
        if at.is_none() && told {
            let why = format!("`{}` is no time; write it like 2026-11-23 10:05", row.occurred);
            let skipped = registered.is_none();
            reading.faults.push(Fault { file: File::Ledger, place: row.place, why, skipped });
        }
        let imported = registered.is_none_or(|at| together[&at] >= IMPORT_ROWS);
        let Some(second) = registered.or(at.map(At::second)) else {
            if !told {
                let why = "neither a registration time nor a time of the matter is there".into();
                reading.faults.push(Fault {
                    file: File::Ledger,
                    place: row.place,
                    why,
                    skipped: true,
                });
            }
            continue;
        };
        let (numbers, dress) = numbers(row.number);
        dresses.push(dress);
        let unit =
            units.entry(row.unit).or_insert_with(|| unit::folded(row.unit).map(Text::from)).clone();
        let channel = *channels.entry(row.kind).or_insert_with(|| channel(row.kind));
        if let Some(read) = entry(row, channel, numbers, unit, second, at, imported) {
            found.push((read, row.id, row.place));
        }
    }
    tell_dress(cells.site, off, &dresses, reading);
    tell_forms(cells.site, &occurred, all.len(), reading);
    found.sort_by(|one, other| content(one).cmp(&content(other)));
    reading.rows.reserve_exact(found.len());
    reading.entries.reserve_exact(found.len());
    for (key, (row, _, place)) in found.into_iter().enumerate() {
        reading.rows.push(Row { key: key as i64, ..row });
        reading.entries.push(place);
    }
}

/// What tells rows apart, ids last.
fn content<'a>((row, id, _): &'a (Row, &str, u32)) -> impl Ord + 'a {
    (
        row.registered_at,
        row.occurred_at,
        (&row.number, &row.unit, &row.name, &row.handler),
        &row.call_id,
        *id,
    )
}

fn span(reading: &Reading) -> Option<(i64, i64)> {
    let starts = || reading.contacts.iter().map(|contact| contact.started_at.timestamp());
    Some((starts().min()?, starts().max()?))
}

fn entry(
    cells: &EntryCells<'_>,
    channel: Channel,
    numbers: Numbers,
    unit: Option<Text>,
    registered: i64,
    occurred: Option<At>,
    imported: bool,
) -> Option<Row> {
    let text = |cell: &str| Some(cell.trim()).filter(|text| !text.is_empty()).map(Text::from);
    let moment = |second| DateTime::from_timestamp(second, 0);
    let mut numbers = numbers.into_iter();
    let first = numbers.next();
    let mentioned =
        if first.is_none() { mention::number(cells.content).map(Text::from) } else { None };
    Some(Row {
        key: 0,
        channel,
        number: first,
        other_numbers: numbers.collect(),
        mentioned,
        registered_at: moment(registered)?,
        occurred_at: occurred.map(At::second).and_then(moment),
        occurred_day_only: matches!(occurred, Some(At::Day(_))),
        name: text(cells.name),
        handler: text(cells.handler),
        unit: unit.or_else(|| mention::home(cells.content).map(Text::from)),
        call_id: text(cells.call_id),
        imported,
    })
}

/// The channel of a word, by what stands in it where the word itself is not known.
fn channel(word: &str) -> Channel {
    let word = word.trim();
    if let Some(channel) = import::channel(word) {
        return channel;
    }
    let word = word.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    if has(&[
        "回访",
        "回电",
        "去电",
        "呼出",
        "外呼",
        "call-back",
        "callback",
        "call back",
        "out",
        "follow",
    ]) {
        Channel::FollowUp
    } else if has(&["访", "上门", "到场", "现场", "当面", "面谈", "walk", "visit", "person"])
    {
        Channel::WalkIn
    } else {
        Channel::Phone
    }
}

/// Rows from which on a way of writing is a habit: one in a hundred, and a handful.
fn is_habit(rows: usize, of: usize) -> bool {
    rows >= 5 && rows * 100 >= of
}

/// Whether a cell shows a way of dressing numbers.
type Shows = fn(&Dress) -> bool;

fn tell_dress(site: &str, off: &Off, dresses: &[Dress], reading: &mut Reading) {
    if !off.applies("number-dress") {
        return;
    }
    let kinds: [(&str, Shows); 6] = [
        ("words stand around numbers in the ledger", |dress| dress.words),
        ("numbers in the ledger have blanks or dashes", |dress| dress.separators),
        ("numbers in the ledger are full-width", |dress| dress.wide),
        ("numbers in the ledger are written in Chinese numerals", |dress| dress.chinese),
        ("numbers in the ledger are masked", |dress| dress.masked),
        ("a spreadsheet made powers of ten of numbers", |dress| dress.scientific),
    ];
    for (sentence, shows) in kinds {
        let rows = dresses.iter().filter(|dress| shows(dress)).count();
        if is_habit(rows, dresses.len()) {
            reading.habit(site, "number-dress", sentence.to_owned(), rows, dresses.len());
        }
    }
}

fn tell_forms(site: &str, reader: &Reader, of: usize, reading: &mut Reading) {
    for (form, rows) in reader.counts.iter().filter(|(_, rows)| is_habit(*rows, of)) {
        let sentence = format!("times in the ledger are written like `{form}`");
        reading.habit(site, "time-form", sentence, *rows, of);
    }
}

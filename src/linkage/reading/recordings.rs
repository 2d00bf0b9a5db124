//! Recordings from their cells.

use super::cells::{RecordingCells, SiteCells};
use super::time::Reader;
use super::{Fault, File, Reading, number};
use crate::call::event::{Direction, Moment};
use crate::linkage::habits::Off;
use crate::linkage::hash::{HashMap, HashSet};
use crate::linkage::{Contact, Text};
use chrono::DateTime;
use chrono_tz::Tz;

/// The fewest digits of a number from outside; shorter ones are phones of the house.
const LINE_DIGITS: usize = 7;

struct Columns<'a> {
    started: Reader,
    ring: Reader,
    answered: Reader,
    ended: Reader,
    directions: Directions<'a>,
    /// Numbers of the desk itself.
    desks: HashSet<Text>,
}

/// Words for directions that were met, with what they say.
#[derive(Default)]
struct Directions<'a>(HashMap<&'a str, Option<bool>>);

impl<'a> Directions<'a> {
    /// Whether a call goes out, where its word says so.
    fn is_out(&mut self, word: &'a str) -> Option<bool> {
        *self.0.entry(word).or_insert_with(|| is_out(word))
    }
}

/// Reads the recordings of a site, copies apart, in an order that the file's does not decide.
pub fn read(cells: &SiteCells<'_>, zone: Tz, off: &Off, reading: &mut Reading) {
    let all = &cells.recordings;
    let reader = |column: for<'a> fn(&RecordingCells<'a>) -> &'a str| {
        let looked = all.iter().take(if off.applies("time-form") { usize::MAX } else { 0 });
        Reader::of(zone, looked.map(|row| (row.day, column(row), None)), None)
    };
    let mut directions = Directions::default();
    let desks = desk_numbers(all, &mut directions);
    let mut columns = Columns {
        started: reader(|row| row.started),
        ring: reader(|row| row.ring),
        answered: reader(|row| row.answered),
        ended: reader(|row| row.ended),
        directions,
        desks,
    };
    let mut found: Vec<(Contact, u32)> = Vec::with_capacity(all.len());
    let mut seen: HashMap<&str, u32> = HashMap::default();
    // The first in time is the original, whatever the order of the file.
    let mut order: Vec<&RecordingCells<'_>> = all.iter().collect();
    order.sort_by_key(|row| (row.started, row.ring, row.id));
    for row in order {
        let digest = row.digest.trim();
        if !digest.is_empty() {
            let original = *seen.entry(digest).or_insert(row.place);
            if original != row.place {
                reading.copies.push((row.place, original));
                continue;
            }
        }
        match contact(row, &mut columns) {
            Some(contact) => found.push((contact, row.place)),
            None => reading.faults.push(Fault {
                file: File::Recordings,
                place: row.place,
                why: format!(
                    "`{}` is no time of a recording; write it like 2026-11-23 10:05:00",
                    row.started
                ),
                skipped: true,
            }),
        }
    }
    found.sort_by(|(one, _), (other, _)| content(one).cmp(&content(other)));
    reading.contacts.reserve_exact(found.len());
    reading.recordings.reserve_exact(found.len());
    for (key, (contact, place)) in found.into_iter().enumerate() {
        reading.contacts.push(Contact { key: key as i64, ..contact });
        reading.recordings.push(place);
    }
}

/// What tells contacts apart, ids last.
fn content(contact: &Contact) -> impl Ord + '_ {
    (
        contact.started_at,
        contact.ended_at,
        &contact.number,
        &contact.extension,
        &contact.agent,
        &contact.call_ids,
    )
}

fn contact<'a>(row: &RecordingCells<'a>, columns: &mut Columns<'a>) -> Option<Contact> {
    let at = |reader: &mut Reader, cell: &str, near: Option<i64>| {
        reader.read(row.day, cell.trim(), near).map(super::time::At::second)
    };
    let started = at(&mut columns.started, row.started, None);
    let ring = at(&mut columns.ring, row.ring, started);
    let answered = at(&mut columns.answered, row.answered, started.or(ring)).or(started);
    let ended = at(&mut columns.ended, row.ended, answered.or(ring));
    let first = ring.or(started).or(answered).or(ended)?;
    let talk = duration(row.duration);
    let ended = ended.or_else(|| Some(answered.unwrap_or(first) + talk?));
    let (inbound, party) = party(row, columns);
    let text = |cell: &str| Some(cell.trim()).filter(|text| !text.is_empty()).map(Text::from);
    Some(Contact {
        key: 0,
        call_ids: text(row.call_id).into_iter().collect(),
        number: party,
        direction: if inbound { Direction::Inbound } else { Direction::Outbound },
        started_at: moment(first)?,
        answered_at: answered.and_then(moment),
        ended_at: ended.and_then(moment),
        extension: text(row.extension),
        agent: text(row.agent),
        answered: true,
    })
}

fn moment(second: i64) -> Option<Moment> {
    DateTime::from_timestamp(second, 0)
}

/// `75`, `75.2`, `1:15`, `00:01:15`, `75s` in seconds.
fn duration(cell: &str) -> Option<i64> {
    let cell = cell.trim().trim_end_matches(['s', '秒']);
    if cell.contains(':') {
        return cell
            .split(':')
            .try_fold(0, |sum, part| Some(sum * 60 + part.trim().parse::<i64>().ok()?));
    }
    cell.parse::<f64>().ok().filter(|seconds| seconds.is_finite()).map(|s| s.round() as i64)
}

/// Numbers of the desk itself: what most calls that say they come in go to.
fn desk_numbers<'a>(rows: &[RecordingCells<'a>], directions: &mut Directions<'a>) -> HashSet<Text> {
    let mut cells: HashMap<&str, usize> = HashMap::default();
    for row in rows.iter().filter(|row| directions.is_out(row.direction) != Some(true)) {
        *cells.entry(row.to).or_default() += 1;
    }
    let mut counts: HashMap<Text, usize> = HashMap::default();
    for (cell, count) in cells {
        if let Some(number) = number::numbers(cell).0.into_iter().next() {
            *counts.entry(number).or_default() += count;
        }
    }
    let many = rows.len() / 20 + 2;
    counts.into_iter().filter(|(_, count)| *count >= many).map(|(number, _)| number).collect()
}

fn is_out(direction: &str) -> Option<bool> {
    let word = direction.trim().to_lowercase();
    let has = |words: &[&str]| words.iter().any(|part| word.contains(part));
    if word.is_empty() {
        None
    } else if has(&["out", "呼出", "去电", "外呼", "拨出", "回访", "主叫"]) || word == "o"
    {
        Some(true)
    } else if has(&["in", "呼入", "来电", "接听", "被叫"]) || word == "i" {
        Some(false)
    } else {
        None
    }
}

/// Whether a call came in, and the outside party's number.
fn party<'a>(row: &RecordingCells<'a>, columns: &mut Columns<'a>) -> (bool, Option<Text>) {
    let desks = &columns.desks;
    let first = |cell: &str| number::numbers(cell).0.into_iter().next();
    let out = columns.directions.is_out(row.direction).unwrap_or_else(|| {
        let from = first(row.from);
        from.as_ref().is_some_and(|from| desks.contains(from) || from.len() < LINE_DIGITS)
            && first(row.to).is_some_and(|to| to.len() >= LINE_DIGITS)
    });
    (!out, first(if out { row.to } else { row.from }))
}

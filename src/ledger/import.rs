//! From a spreadsheet's rows to a plan: what is new, what changed, what is wrong. Nothing is
//! written here.

use super::columns::{Columns, Header};
use super::version::{Change, changes};
use super::{Category, Channel, LedgerEntry, check};
use crate::call::Moment;
use crate::party::{PersonName, PhoneNumber};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A row of a sheet: its number as people count it, and its cells as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetRow {
    pub number: usize,
    pub cells: Vec<String>,
}

/// What is to become of a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum RowPlan {
    New {
        entry: LedgerEntry,
    },
    Changed {
        entry: LedgerEntry,
        changes: Vec<Change>,
    },
    Same {
        entry_id: String,
    },
    /// Each with column, and what is wrong and the cure.
    Bad {
        faults: Vec<(String, String)>,
    },
}

/// The plan for a sheet, row by row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    pub rows: Vec<(usize, RowPlan)>,
    /// Columns that nothing was made of.
    pub ignored: Vec<String>,
}

impl Plan {
    /// How many rows are new, changed, the same, and bad.
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for (_, row) in &self.rows {
            counts[match row {
                RowPlan::New { .. } => 0,
                RowPlan::Changed { .. } => 1,
                RowPlan::Same { .. } => 2,
                RowPlan::Bad { .. } => 3,
            }] += 1;
        }
        counts
    }

    /// The entries to be kept.
    pub fn entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        self.rows.iter().filter_map(|(_, row)| match row {
            RowPlan::New { entry } | RowPlan::Changed { entry, .. } => Some(entry),
            RowPlan::Same { .. } | RowPlan::Bad { .. } => None,
        })
    }
}

/// Makes the plan for a sheet. `known` gives the newest version of an entry by its number. Rows
/// without a number of their own get one from what they say, so that a second import finds them.
///
/// # Errors
/// A sentence when the sheet has no header that could be read.
pub fn plan(
    rows: &[SheetRow],
    own: &BTreeMap<String, String>,
    zone: Tz,
    known: &dyn Fn(&str) -> Option<LedgerEntry>,
) -> Result<Plan, String> {
    let Header { columns, ignored, rows } = super::columns::header(rows, own)?;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut plan = Plan { rows: Vec::new(), ignored };
    for row in rows.iter().filter(|row| row.cells.iter().any(|cell| !cell.trim().is_empty())) {
        let reader = Reader { columns: &columns, row, zone, faults: Vec::new() };
        plan.rows.push((row.number, row_plan(reader, &mut seen, known)));
    }
    Ok(plan)
}

fn row_plan(
    mut reader: Reader<'_>,
    seen: &mut BTreeMap<String, usize>,
    known: &dyn Fn(&str) -> Option<LedgerEntry>,
) -> RowPlan {
    let Some(mut entry) = reader.entry() else { return RowPlan::Bad { faults: reader.faults } };
    let told = !entry.entry_id.is_empty();
    if !told {
        entry.entry_id = made_id(reader.row, seen);
    }
    let before = seen.insert(entry.entry_id.clone(), reader.row.number).filter(|_| told);
    if let Some(other) = before {
        let why =
            format!("`{}` stands in row {other} too; each entry needs its own", entry.entry_id);
        reader.faults.push(("entry_id".into(), why));
    }
    reader.faults.extend(check::faults(&entry));
    if !reader.faults.is_empty() {
        return RowPlan::Bad { faults: reader.faults };
    }
    match known(&entry.entry_id) {
        None => RowPlan::New { entry },
        Some(known) if known == entry => RowPlan::Same { entry_id: entry.entry_id },
        Some(known) => RowPlan::Changed { changes: changes(&known, &entry), entry },
    }
}

/// A number made from what the row says; the second of two equal rows gets another.
fn made_id(row: &SheetRow, seen: &BTreeMap<String, usize>) -> String {
    let mut hash = Sha256::new();
    for cell in &row.cells {
        hash.update((cell.trim().len() as u64).to_be_bytes());
        hash.update(cell.trim());
    }
    let digest: String = hash.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect();
    (1..)
        .map(|n| if n == 1 { format!("row-{digest}") } else { format!("row-{digest}-{n}") })
        .find(|id| !seen.contains_key(id))
        .unwrap_or(digest)
}

struct Reader<'a> {
    columns: &'a Columns,
    row: &'a SheetRow,
    zone: Tz,
    faults: Vec<(String, String)>,
}

impl Reader<'_> {
    fn cell(&self, field: &str) -> Option<&str> {
        let index = *self.columns.get(field)?;
        self.row.cells.get(index).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
    }

    fn text(&self, field: &str) -> Option<String> {
        self.cell(field).map(str::to_owned)
    }

    fn fault(&mut self, field: &str, why: String) {
        self.faults.push((field.to_owned(), why));
    }

    fn entry(&mut self) -> Option<LedgerEntry> {
        let occurred = self.time("occurred_at");
        let registered = self.time("registered_at");
        let channel = self.channel();
        let category = self.category();
        let at = registered.or(occurred);
        if at.is_none() && self.faults.is_empty() {
            let why =
                "neither a registration time nor a time of the matter is there; one is needed";
            self.fault("registered_at", why.into());
        }
        let (registered_at, _) = at?;
        let day_only = occurred.is_some_and(|(_, day_only)| day_only);
        Some(LedgerEntry {
            entry_id: self.text("entry_id").unwrap_or_default(),
            channel: channel?,
            registered_at,
            occurred_at: occurred.map(|(at, _)| at),
            occurred_day_only: day_only,
            number: self.cell("number").and_then(PhoneNumber::known),
            name: self.cell("name").and_then(PersonName::known),
            unit: self.text("unit"),
            category,
            content: self.text("content"),
            handler: self.text("handler"),
            call_id: self.text("call_id"),
            parent_id: self.text("parent_id"),
        })
    }

    fn channel(&mut self) -> Option<Channel> {
        let Some(word) = self.text("channel") else { return Some(Channel::Phone) };
        let channel = channel(&word);
        if channel.is_none() {
            self.fault(
                "channel",
                format!("`{word}` is none of 来电 / 来访 / 回访 (phone, walk_in, follow_up)"),
            );
        }
        channel
    }

    fn category(&mut self) -> Option<Category> {
        let word = self.text("category")?;
        let category = category(&word);
        if category.is_none() {
            self.fault("category", format!("`{word}` is none of 咨询 / 求助 / 报修 / 投诉 / 建议"));
        }
        category
    }

    /// A moment, and whether only its day was written. A time alone belongs to the day in the
    /// column `day`.
    fn time(&mut self, field: &str) -> Option<(Moment, bool)> {
        let written = self.text(field)?;
        let day = self.cell("day").and_then(date);
        let found = match (day, clock(&written)) {
            (Some(day), Some(time)) => local(self.zone, day.and_time(time)).map(|at| (at, false)),
            _ => moment(&written, self.zone),
        };
        if found.is_none() {
            let why = format!("`{written}` is no time; write it like 2026-11-23 10:05");
            self.fault(field, why);
        }
        found
    }
}

/// The channel of a word.
pub fn channel(word: &str) -> Option<Channel> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "来电" | "电话" | "phone" | "call" | "inbound" => Channel::Phone,
        "来访" | "到访" | "上门" | "walk_in" | "walk-in" | "visit" => Channel::WalkIn,
        "回访" | "回电" | "去电" | "follow_up" | "follow-up" | "outbound" => {
            Channel::FollowUp
        }
        _ => return None,
    })
}

/// The category of a word.
pub fn category(word: &str) -> Option<Category> {
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "咨询" | "enquiry" | "inquiry" => Category::Enquiry,
        "求助" | "help" => Category::Help,
        "报修" | "维修" | "repair" => Category::Repair,
        "投诉" | "complaint" => Category::Complaint,
        "建议" | "suggestion" => Category::Suggestion,
        _ => return None,
    })
}

/// A moment however a desk writes it, and whether only the day was written.
pub fn moment(written: &str, zone: Tz) -> Option<(Moment, bool)> {
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(written) {
        return Some((at.to_utc(), false));
    }
    let plain: String = written.chars().map(plain).collect::<String>().trim().to_owned();
    let formats =
        ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    let whole = formats.iter().find_map(|form| NaiveDateTime::parse_from_str(&plain, form).ok());
    if let Some(at) = whole {
        return Some((local(zone, at)?, false));
    }
    let day = date(&plain)?;
    Some((local(zone, day.and_hms_opt(0, 0, 0)?)?, true))
}

/// `2026年11月23日` and `2026/11/23` as `2026-11-23`.
fn plain(c: char) -> char {
    match c {
        '年' | '月' | '/' | '.' => '-',
        '日' => ' ',
        '：' | '时' => ':',
        '\u{ff10}'..='\u{ff19}' => char::from_digit(c as u32 - 0xff10, 10).unwrap_or(c),
        c => c,
    }
}

fn date(written: &str) -> Option<NaiveDate> {
    let plain: String = written.chars().map(plain).collect();
    NaiveDate::parse_from_str(plain.trim(), "%Y-%m-%d").ok()
}

fn clock(written: &str) -> Option<NaiveTime> {
    let plain: String = written.chars().map(plain).collect();
    let formats = ["%H:%M:%S", "%H:%M"];
    formats.iter().find_map(|form| NaiveTime::parse_from_str(plain.trim(), form).ok())
}

fn local(zone: Tz, at: NaiveDateTime) -> Option<Moment> {
    zone.from_local_datetime(&at).earliest().map(|at| at.to_utc())
}

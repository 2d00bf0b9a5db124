//! The books: every recording, entry and call stands in exactly one column, and the sums must
//! agree.

use crate::finding::{Code, Finding, State};
use crate::standard::World;
use crate::standard::facts::{CallFact, EntryFact, RecordingFact};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One side of the books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sheet {
    pub total: u64,
    pub linked: u64,
    /// A walk-in, a call that owes no entry, a file without sound of a call that nobody answered.
    pub exempt: u64,
    /// Not linked, and a person said why.
    pub explained: u64,
    /// Not linked, and an open finding says so.
    pub open: u64,
    /// Its time of grace still runs.
    pub waiting: u64,
}

impl Sheet {
    /// The sum of all columns.
    pub fn sum(&self) -> u64 {
        self.linked + self.exempt + self.explained + self.open + self.waiting
    }
}

/// All three sides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    pub recordings: Sheet,
    pub entries: Sheet,
    pub calls: Sheet,
}

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the books do not balance, so there is no report: {0}")]
pub struct Imbalance(pub String);

enum Column {
    Linked,
    Exempt,
    Explained,
    Open,
    Waiting,
}

impl Sheet {
    fn add(&mut self, column: &Column) {
        self.total += 1;
        match column {
            Column::Linked => self.linked += 1,
            Column::Exempt => self.exempt += 1,
            Column::Explained => self.explained += 1,
            Column::Open => self.open += 1,
            Column::Waiting => self.waiting += 1,
        }
    }
}

/// What the findings about an absence say of each side. Other findings (a late answer, a wrong
/// number) are no matter of the books.
#[derive(Default)]
struct Absences {
    calls: BTreeMap<i64, State>,
    recordings: BTreeMap<i64, State>,
    entries: BTreeMap<i64, State>,
}

impl Absences {
    fn of(findings: &[Finding]) -> Self {
        use Code::*;
        let mut absences = Self::default();
        for finding in findings {
            let (about, state) = (finding.about, finding.state);
            let (side, key) = match finding.code {
                CallWithoutEntry
                | MisFiledWalkIn
                | Ambiguous
                | TwoRecordingsOneEntry
                | RecordingWithoutEntry => (&mut absences.calls, about.call),
                RecordingWithoutCall => (&mut absences.recordings, about.recording),
                EntryWithoutCall | TwoEntriesOneRecording => (&mut absences.entries, about.entry),
                _ => continue,
            };
            side.extend(key.map(|key| (key, state)));
        }
        absences
    }
}

/// The column of a thing without a link: what its finding says, or that it owes nothing, or that
/// its grace runs. A thing with none of the three would vanish from the report, so there is none
/// then.
fn unlinked(
    thing: String,
    found: Option<&State>,
    owes: bool,
    is_due: bool,
) -> Result<Column, Imbalance> {
    match found {
        Some(State::Explained) => Ok(Column::Explained),
        Some(_) => Ok(Column::Open),
        None if !owes => Ok(Column::Exempt),
        None if !is_due => Ok(Column::Waiting),
        None => Err(Imbalance(format!("{thing} is due, not linked, and no finding says so"))),
    }
}

struct Books<'a, 'b> {
    world: &'a World<'b>,
    absences: Absences,
}

impl Books<'_, '_> {
    fn call(&self, fact: &CallFact) -> Result<Column, Imbalance> {
        let world = self.world;
        if world.by_call.contains_key(&fact.key) {
            return Ok(Column::Linked);
        }
        let settings = world.facts.settings(fact.call.offered_at);
        let over = |at| world.question.is_over(at, settings.entry_grace_s);
        let owes = world.is_owed_an_entry(fact) || fact.call.ended_at.is_none();
        let found = self.absences.calls.get(&fact.key);
        unlinked(format!("call {}", fact.key), found, owes, fact.call.ended_at.is_some_and(over))
    }

    /// A recording of a call stands where its call stands; one without sound owes nothing.
    fn recording(&self, fact: &RecordingFact) -> Result<Column, Imbalance> {
        let (world, sound) = (self.world, fact.recording.has_sound());
        let call = fact.call.and_then(|key| world.calls.get(&key));
        if let Some(call) = call {
            let column = self.call(call)?;
            let linked = matches!(column, Column::Linked);
            return Ok(if linked || sound { column } else { Column::Exempt });
        }
        if world.by_recording.contains_key(&fact.key) {
            return Ok(Column::Linked);
        }
        let grace_s = world.facts.settings(fact.at()).recording_grace_s;
        let is_due = world.question.is_over(fact.recording.arrived_at, grace_s);
        let found = self.absences.recordings.get(&fact.key);
        unlinked(format!("recording {}", fact.key), found, sound, is_due)
    }

    fn entry(&self, fact: &EntryFact) -> Result<Column, Imbalance> {
        let world = self.world;
        if world.by_entry.contains_key(&fact.key) {
            return Ok(Column::Linked);
        }
        if world.ambiguous_entries.contains(&fact.key) && world.owes_call(fact) {
            return Ok(self.rival(fact.key));
        }
        let grace_s = world.facts.settings(fact.at()).entry_grace_s;
        let is_due = world.question.is_over(fact.at(), grace_s);
        let found = self.absences.entries.get(&fact.key);
        unlinked(format!("entry {}", fact.key), found, world.owes_call(fact), is_due)
    }

    /// An entry that fits several: the finding is told about the calls it fits.
    fn rival(&self, entry: i64) -> Column {
        let contacts = self.world.rivals_of_entry.get(&entry).into_iter().flatten();
        let states = contacts.filter_map(|contact| match *contact {
            key if key < 0 => self.absences.recordings.get(&-key),
            key => self.absences.calls.get(&key),
        });
        match states.max_by_key(|state| **state != State::Explained) {
            Some(State::Explained) => Column::Explained,
            Some(_) => Column::Open,
            None => Column::Waiting,
        }
    }
}

/// Balances the books.
///
/// # Errors
/// [`Imbalance`] with the first thing that is wrong.
pub fn balance(world: &World<'_>, findings: &[Finding]) -> Result<Balance, Imbalance> {
    check_links(world)?;
    let books = Books { world, absences: Absences::of(findings) };
    let mut balance = Balance::default();
    for fact in world.recordings_asked() {
        balance.recordings.add(&books.recording(fact)?);
    }
    for fact in world.entries_asked() {
        balance.entries.add(&books.entry(fact)?);
    }
    for fact in world.calls_asked() {
        balance.calls.add(&books.call(fact)?);
    }
    check_sums(world, &balance)?;
    Ok(balance)
}

/// A link whose ends are not there, or that shares an end with another, makes every sum a lie.
fn check_links(world: &World<'_>) -> Result<(), Imbalance> {
    let recordings: BTreeSet<i64> = world.facts.recordings.iter().map(|fact| fact.key).collect();
    let mut contacts = BTreeSet::new();
    let mut entries = BTreeSet::new();
    for link in &world.facts.links {
        let wrong = |why: &str| Err(Imbalance(format!("link of entry {}: {why}", link.entry)));
        if !world.entries.contains_key(&link.entry) {
            return wrong("there is no such entry");
        }
        if !entries.insert(link.entry) {
            return wrong("the entry has two links");
        }
        if link.call.is_some_and(|call| !world.calls.contains_key(&call)) {
            return wrong("there is no such call");
        }
        if link.call.is_none() && !link.recording.is_some_and(|key| recordings.contains(&key)) {
            return wrong("there is no such recording");
        }
        if !contacts.insert((link.call, link.recording)) {
            return wrong("the other side has two links");
        }
    }
    Ok(())
}

/// The columns against the lists and the links, counted another way.
fn check_sums(world: &World<'_>, balance: &Balance) -> Result<(), Imbalance> {
    let calls = world.calls_asked().map(|fact| fact.key).collect::<BTreeSet<_>>();
    let entries = world.entries_asked().map(|fact| fact.key).collect::<BTreeSet<_>>();
    let recordings = world.recordings_asked().map(|fact| fact.key).collect::<BTreeSet<_>>();
    let links = &world.facts.links;
    let linked_calls = links.iter().filter(|l| l.call.is_some_and(|c| calls.contains(&c))).count();
    let linked_entries = links.iter().filter(|link| entries.contains(&link.entry)).count();
    let sides = [
        ("recordings", balance.recordings, recordings.len(), None),
        ("entries", balance.entries, entries.len(), Some(linked_entries)),
        ("calls", balance.calls, calls.len(), Some(linked_calls)),
    ];
    for (side, sheet, count, linked) in sides {
        if sheet.sum() != sheet.total || sheet.total != count as u64 {
            let (sum, total) = (sheet.sum(), sheet.total);
            return Err(Imbalance(format!(
                "{side}: {sum} in columns, {total} in all, {count} known"
            )));
        }
        if linked.is_some_and(|linked| linked as u64 != sheet.linked) {
            return Err(Imbalance(format!(
                "{side}: {} stand as linked, {} links are there",
                sheet.linked,
                linked.unwrap_or_default()
            )));
        }
    }
    Ok(())
}

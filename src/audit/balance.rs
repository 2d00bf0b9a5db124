//! The books: every recording, entry and call stands in exactly one column, and the sums must agree.

use crate::finding::{Finding, State};
use crate::ledger::Channel;
use crate::standard::World;
use serde::Serialize;
use std::collections::BTreeSet;

/// One side of the books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sheet {
    pub total: u64,
    pub linked: u64,
    /// A walk-in, a call that owes no entry, a file without sound of a call that nobody answered.
    pub exempt: u64,
    /// A person closed every finding about it.
    pub explained: u64,
    /// Has an open finding.
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

/// What findings say of each thing.
#[derive(Default)]
struct Marks {
    open: BTreeSet<(u8, i64)>,
    explained: BTreeSet<(u8, i64)>,
}

const CALL: u8 = 0;
const RECORDING: u8 = 1;
const ENTRY: u8 = 2;

impl Marks {
    fn of(findings: &[Finding]) -> Self {
        let mut marks = Self::default();
        for finding in findings {
            let about = finding.about;
            let sides = [(CALL, about.call), (RECORDING, about.recording), (ENTRY, about.entry)];
            for (side, key) in sides {
                let Some(key) = key else { continue };
                match finding.state {
                    State::Open => drop(marks.open.insert((side, key))),
                    State::Explained => drop(marks.explained.insert((side, key))),
                    State::Healed => {}
                }
            }
        }
        marks
    }

    fn column(&self, thing: (u8, i64)) -> Column {
        if self.open.contains(&thing) {
            Column::Open
        } else if self.explained.contains(&thing) {
            Column::Explained
        } else {
            Column::Waiting
        }
    }
}

/// Balances the books.
///
/// # Errors
/// [`Imbalance`] with the first thing that is wrong.
pub fn balance(world: &World<'_>, findings: &[Finding]) -> Result<Balance, Imbalance> {
    check_links(world)?;
    let marks = Marks::of(findings);
    let mut balance = Balance::default();
    for fact in world.recordings_asked() {
        let linked = match fact.call {
            Some(call) => world.by_call.contains_key(&call),
            None => world.by_recording.contains_key(&fact.key),
        };
        let of_call = fact.call.map(|call| marks.column((CALL, call)));
        balance.recordings.add(&match of_call {
            _ if linked => Column::Linked,
            _ if !fact.recording.has_sound() => Column::Exempt,
            Some(column) => column,
            None => marks.column((RECORDING, fact.key)),
        });
    }
    for fact in world.entries_asked() {
        let walk_in = fact.entry.channel == Channel::WalkIn;
        let linked = world.by_entry.contains_key(&fact.key);
        balance.entries.add(&match () {
            () if linked => Column::Linked,
            () if walk_in => Column::Exempt,
            () => marks.column((ENTRY, fact.key)),
        });
    }
    for fact in world.calls_asked() {
        let linked = world.by_call.contains_key(&fact.key);
        let owes = world.owes_entry(fact) || world.sound_of(fact.key).next().is_some();
        balance.calls.add(&match () {
            () if linked => Column::Linked,
            () if !owes => Column::Exempt,
            () => marks.column((CALL, fact.key)),
        });
    }
    check_sums(world, &balance)?;
    Ok(balance)
}

/// A link whose ends are not there, or that shares an end with another, makes every sum a lie.
fn check_links(world: &World<'_>) -> Result<(), Imbalance> {
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

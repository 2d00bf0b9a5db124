//! What changed, read: as it was linked and as it is, and which of it lies together in time.

use super::near::{Near, PAIRED_WITHIN_S};
use super::relink::At;
use super::sides;
use crate::audit::{CallFact, RecordingFact};
use crate::call::Moment;
use crate::linkage::{Change, Row};
use crate::recording::name::{self, Candidate};
use crate::store::sqlite::people::{self, Named, Word};
use crate::store::sqlite::stirred::{Side, Stirred};
use crate::store::sqlite::{calls, entries, recordings};
use crate::store::{Connection, Error, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Changes further apart than this, in seconds, are linked one after the other.
const TOGETHER_S: i64 = 4 * 86_400;
/// From so many changed calls on every recording around is looked at, and not only those that one
/// of them may concern.
const CALLS_MANY: usize = 200;

/// Changes that lie together.
#[derive(Debug, Default)]
pub struct Changes {
    calls: Vec<Moved<CallFact>>,
    entries: Vec<Moved<Row>>,
    recordings: Vec<i64>,
    words: Vec<Word>,
    span: Option<(i64, i64)>,
}

/// A thing as it was and as it is.
#[derive(Debug)]
struct Moved<T> {
    key: i64,
    before: Option<T>,
    now: Option<T>,
}

/// The newest changes that lie together in time; with what they settle.
///
/// # Errors
/// When a row cannot be read.
pub fn newest(
    connection: &Connection,
    at: At<'_>,
    stirred: Vec<Stirred>,
) -> Result<(Changes, Vec<Stirred>)> {
    let mut all: Vec<((i64, i64), Stirred)> = Vec::with_capacity(stirred.len());
    for one in stirred {
        let mut alone = Changes::default();
        alone.add(connection, at, &one)?;
        all.push((alone.span(), one));
    }
    all.sort_by_key(|((from, _), one)| (*from, one.side, one.key));
    let (mut first, mut until) = (0, i64::MIN);
    for (place, ((from, to), _)) in all.iter().enumerate() {
        if from.saturating_sub(until) > TOGETHER_S {
            first = place;
        }
        until = until.max(*to);
    }
    let settles: Vec<Stirred> = all.drain(first..).map(|(_, one)| one).collect();
    Ok((Changes::of(connection, at, &settles)?, settles))
}

impl Changes {
    /// Reads changes.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub fn of(connection: &Connection, at: At<'_>, stirred: &[Stirred]) -> Result<Self> {
        let mut changes = Self::default();
        stirred.iter().try_for_each(|one| changes.add(connection, at, one))?;
        Ok(changes)
    }

    fn add(&mut self, connection: &Connection, at: At<'_>, one: &Stirred) -> Result<()> {
        let key = one.key;
        let docs = [&one.before, &one.now];
        match one.side {
            Side::Call => {
                let [before, now] = docs.map(|doc| doc.as_ref().map(|doc| doc.call(key)));
                let (before, now) = (before.transpose()?, now.transpose()?);
                let times = [&before, &now].map(|fact| fact.as_ref().map(|f| f.call.offered_at));
                times.iter().flatten().for_each(|at| self.see(at.timestamp()));
                self.calls.push(Moved { key, before, now });
            }
            Side::Entry => {
                let row = |doc: &Option<_>| -> Result<Option<Row>> {
                    let doc: Option<&crate::store::sqlite::stirred::Doc> = doc.as_ref();
                    Ok(doc.map(|doc| doc.entry(key)).transpose()?.as_ref().map(sides::row))
                };
                let (before, now) = (row(&one.before)?, row(&one.now)?);
                [&before, &now].into_iter().flatten().for_each(|row| self.see(row.near_s()));
                self.entries.push(Moved { key, before, now });
            }
            Side::Recording => match recordings::time_of(connection, key) {
                Ok(at) => {
                    self.see(at.timestamp());
                    self.recordings.push(key);
                }
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            },
            Side::Decision => {
                if let Some(word) = people::word_of(connection, at.key, key)? {
                    self.add_word(connection, word)?;
                }
            }
            Side::Everything => {}
        }
        Ok(())
    }

    fn add_word(&mut self, connection: &Connection, word: Word) -> Result<()> {
        let contact_at = match word.side {
            Named::Call(key) => calls::time_of(connection, key)?,
            Named::Recording(key) => recordings::time_of(connection, key)?,
        };
        self.see(contact_at.timestamp());
        self.see(sides::row(&entries::by_key(connection, word.entry)?).near_s());
        self.words.push(word);
        Ok(())
    }

    fn see(&mut self, at: i64) {
        let (from, to) = self.span.unwrap_or((at, at));
        self.span = Some((from.min(at), to.max(at)));
    }

    /// The first and the last time of what changed, in seconds of the epoch.
    pub fn span(&self) -> (i64, i64) {
        self.span.unwrap_or((0, 0))
    }

    /// Whether recordings may belong to other calls now.
    pub fn may_pair(&self) -> bool {
        !self.calls.is_empty() || !self.recordings.is_empty()
    }

    /// The calls that changed, with the times of those that are there; nothing where anything else
    /// changed too.
    pub fn calls_alone(&self) -> Option<BTreeMap<i64, Option<Moment>>> {
        let others = [self.entries.is_empty(), self.recordings.is_empty(), self.words.is_empty()];
        let time = |moved: &Moved<CallFact>| moved.now.as_ref().map(|fact| fact.call.offered_at);
        let calls = || self.calls.iter().map(|moved| (moved.key, time(moved))).collect();
        others.iter().all(|is_none| *is_none).then(calls)
    }

    /// Calls that are gone.
    pub fn gone(&self) -> impl Iterator<Item = i64> + '_ {
        self.calls.iter().filter(|moved| moved.now.is_none()).map(|moved| moved.key)
    }

    /// Finds the calls of the recordings that changed, or that a changed call may concern. Gives
    /// those that have another call now, or none any more, and notes it.
    pub fn pair(&self, near: &mut Near) -> Vec<(i64, Option<i64>)> {
        let mut asked: BTreeSet<i64> = self.recordings.iter().copied().collect();
        if self.calls.len() >= CALLS_MANY {
            let (from, to) = self.span();
            let all = near.recordings.between(from - PAIRED_WITHIN_S, to + PAIRED_WITHIN_S);
            asked.extend(all.iter().map(|fact| fact.key));
        } else {
            self.calls.iter().for_each(|moved| concerned(near, moved, &mut asked));
        }
        let mut pairs = Vec::new();
        for key in asked {
            let Some((at, fact)) = near.recordings.get(key) else { continue };
            let calls = near.calls.between(at - PAIRED_WITHIN_S, at + PAIRED_WITHIN_S);
            let call = name::call_of(&fact.recording, calls);
            if call != fact.call {
                pairs.push((key, call));
                near.pair(key, call);
            }
        }
        pairs
    }

    /// What the linker is told of the changes.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub fn told(
        &self,
        connection: &Connection,
        near: &Near,
        pairs: &[(i64, Option<i64>)],
    ) -> Result<Change> {
        let (mut change, ways) = (Change::default(), &near.beliefs().ways);
        for moved in &self.calls {
            change.contacts.insert(moved.key);
            if let Some(before) = moved.before.as_ref().filter(|fact| sides::matters(fact)) {
                let ids = near.contacts.get(moved.key).map(|(_, now)| now.call_ids.clone());
                let mut before = sides::call_contact(before, ids.unwrap_or_default());
                ways.fit_contact(&mut before);
                change.contacts_before.push(before);
            }
        }
        for moved in &self.entries {
            change.rows.insert(moved.key);
            let mut before = moved.before.clone();
            before.iter_mut().for_each(|row| ways.fit_row(row));
            change.rows_before.extend(before);
        }
        for word in &self.words {
            let contact = near.contact(connection, word.side)?;
            touch(near, contact, word.entry, &mut change);
        }
        let paired = pairs.iter().map(|(key, _)| *key);
        let recordings: BTreeSet<i64> = paired.chain(self.recordings.iter().copied()).collect();
        for key in recordings {
            change.contacts.insert(-key);
            if let Some((_, fact)) = near.recordings.get(key) {
                let mut before = sides::recording_contact(fact);
                ways.fit_contact(&mut before);
                change.contacts_before.push(before);
            }
            for entry in near.entries_by_words_on(key) {
                let contact = near.contact(connection, Named::Recording(key))?;
                touch(near, contact, entry, &mut change);
                touch(near, -key, entry, &mut change);
            }
        }
        Ok(change)
    }
}

/// Both sides of a pair may be linked otherwise, and what lies beside them.
fn touch(near: &Near, contact: i64, entry: i64, change: &mut Change) {
    if change.contacts.insert(contact) {
        change.contacts_before.extend(near.contacts.get(contact).map(|(_, one)| one.clone()));
    }
    if change.rows.insert(entry) {
        change.rows_before.extend(near.rows.get(entry).map(|(_, row)| row.clone()));
    }
}

/// Recordings that belong to a call that changed, or may.
fn concerned(near: &Near, moved: &Moved<CallFact>, asked: &mut BTreeSet<i64>) {
    let known = near.calls.get(moved.key).map(|(_, call)| call.ids.clone()).unwrap_or_default();
    let forms = [&moved.before, &moved.now].into_iter().flatten();
    let forms: Vec<Candidate> = forms.map(|fact| sides::candidate(fact, &known)).collect();
    for form in &forms {
        let at = form.offered_at.timestamp();
        let around = near.recordings.between(at - PAIRED_WITHIN_S, at + PAIRED_WITHIN_S);
        let may_be = |fact: &&RecordingFact| {
            fact.call == Some(moved.key) || name::may_be_of(&fact.recording, form)
        };
        asked.extend(around.iter().filter(may_be).map(|fact| fact.key));
    }
}

//! What linking needs of a span of a site's time, held in memory from one change to the next: a
//! new event reads its own rows only.

use super::relink::At;
use super::sides;
use super::timed::Timed;
use crate::audit::{CallFact, RecordingFact};
use crate::call::Moment;
use crate::linkage::{Beliefs, Contact, Decided, Directory, Row};
use crate::recording::name;
use crate::store::sqlite::people::{Named, Word};
use crate::store::sqlite::stirred::{Side, Stirred};
use crate::store::sqlite::{beliefs, calls, entries, people, recordings};
use crate::store::{Connection, Error, Result};
use chrono::DateTime;
use std::sync::LazyLock;

/// A row's time in the store may lie so long before the time by which it is linked, in seconds: a
/// day stands for its noon, and a call rings after it was offered.
const SLACK_S: i64 = 12 * 3600;
/// How far from a recording a call can be that it belongs to, in seconds.
pub const PAIRED_WITHIN_S: i64 = 80 * 3600;
/// Things held at most from one change to the next.
const HELD_MAX: usize = 50_000;
/// With more changes than this, reading anew is less work than taking in one after the other.
const REFRESHED_MAX: usize = 500;
/// So much more than needed is read when time goes on, in seconds.
const AHEAD_S: i64 = 6 * 3600;
/// A gap up to here, in seconds, is read to keep what is held; beyond it is read anew.
const GAP_S: i64 = 3 * 86_400;

/// A span of a site's time.
#[derive(Debug, Default)]
pub struct Near {
    /// Everything whose time in the store lies here is held, in seconds of the epoch.
    held: Option<(i64, i64)>,
    pub calls: Timed<name::Candidate>,
    pub recordings: Timed<RecordingFact>,
    pub contacts: Timed<Contact>,
    pub rows: Timed<Row>,
    pub directory: Directory,
    words: Vec<Word>,
    beliefs: Option<Beliefs>,
}

impl Near {
    /// Takes in what changed of the span that is held; forgets it where that is too much, or where
    /// only a part of what changed is told (it `goes_on`).
    ///
    /// # Errors
    /// When a row cannot be read.
    pub fn refresh(
        &mut self,
        connection: &Connection,
        at: At<'_>,
        stirred: &[Stirred],
        goes_on: bool,
    ) -> Result<()> {
        let held = self.contacts.len() + self.rows.len();
        if goes_on || held > HELD_MAX || stirred.len() > REFRESHED_MAX {
            *self = Self::default();
        }
        if self.held.is_none() {
            return Ok(());
        }
        for one in stirred {
            match one.side {
                Side::Call => self.take_call(connection, one)?,
                Side::Recording => self.take_recording(connection, one.key)?,
                Side::Entry => self.take_entry(one)?,
                Side::Decision | Side::Everything => {}
            }
        }
        let gone = |one: &Stirred| one.side == Side::Call && one.now.is_none();
        if stirred.iter().any(|one| one.side == Side::Decision || gone(one)) {
            self.words = people::words(connection, at.key)?;
        }
        Ok(())
    }

    fn take_call(&mut self, connection: &Connection, one: &Stirred) -> Result<()> {
        self.calls.take(one.key);
        self.contacts.take(one.key);
        let Some(now) = &one.now else { return Ok(()) };
        let fact = now.call(one.key)?;
        if self.holds(fact.call.offered_at) {
            self.put_call(&fact, calls::ids_of(connection, one.key)?);
        }
        Ok(())
    }

    fn put_call(&mut self, fact: &CallFact, ids: Vec<String>) {
        let candidate = sides::candidate(fact, &ids);
        self.calls.put(fact.call.offered_at.timestamp(), fact.key, candidate);
        if sides::matters(fact) {
            let mut contact = sides::call_contact(fact, ids);
            self.beliefs().ways.fit_contact(&mut contact);
            self.contacts.put(contact.started_at.timestamp(), fact.key, contact);
        }
    }

    fn take_recording(&mut self, connection: &Connection, key: i64) -> Result<()> {
        match recordings::recording(connection, key) {
            Ok(fact) if self.holds(fact.at()) => self.put_recording(fact),
            Ok(_) | Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn put_recording(&mut self, mut fact: RecordingFact) {
        fact.recording.measures = None;
        let at = fact.at().timestamp();
        match fact.call {
            None => {
                let mut contact = sides::recording_contact(&fact);
                self.beliefs().ways.fit_contact(&mut contact);
                self.contacts.put(at, contact.key, contact);
            }
            Some(_) => drop(self.contacts.take(-fact.key)),
        }
        self.recordings.put(at, fact.key, fact);
    }

    fn take_entry(&mut self, one: &Stirred) -> Result<()> {
        self.rows.take(one.key);
        let Some(now) = &one.now else { return Ok(()) };
        let fact = now.entry(one.key)?;
        if self.holds(entries::happened_at(&fact.entry)) {
            let mut row = sides::row(&fact);
            self.beliefs().ways.fit_row(&mut row);
            self.rows.put(row.near_s(), one.key, row);
        }
        Ok(())
    }

    fn holds(&self, at: Moment) -> bool {
        self.held.is_some_and(|(from, to)| (from..to).contains(&at.timestamp()))
    }

    /// Holds everything of a span by which things are linked, in seconds of the epoch.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub fn cover(&mut self, connection: &Connection, at: At<'_>, span: (i64, i64)) -> Result<()> {
        if self.held.is_none() {
            self.begin(connection, at)?;
        }
        let slack = SLACK_S + self.beliefs().ways.widest_s();
        let moved = self.beliefs().ways.widest_s();
        let (from, to) = (span.0.saturating_sub(slack), span.1.saturating_add(moved));
        let held = self.held.filter(|(first, last)| {
            from <= last.saturating_add(GAP_S) && to >= first.saturating_sub(GAP_S)
        });
        let Some((first, last)) = held else {
            *self = Self::default();
            self.begin(connection, at)?;
            self.held = Some((from, to));
            return self.read(connection, at, from, to);
        };
        if from < first {
            self.read(connection, at, from, first)?;
        }
        // Time goes on: the next change needs a little more.
        let ahead = if to > last { to.saturating_add(AHEAD_S) } else { last };
        if ahead > last {
            self.read(connection, at, last, ahead)?;
        }
        self.held = Some((first.min(from), ahead));
        Ok(())
    }

    /// Whether everything that is held lies well after a moment, in seconds of the epoch.
    pub fn lies_after(&self, at: i64) -> bool {
        self.held.is_some_and(|(from, _)| from > at.saturating_add(GAP_S))
    }

    /// Reads what is known and believed of the site as a whole.
    fn begin(&mut self, connection: &Connection, at: At<'_>) -> Result<()> {
        self.beliefs = beliefs::learned(connection, at.key)?.map(|(_, learned)| learned.beliefs);
        self.directory = people::directory(connection, at.key)?;
        let ways = self.beliefs().ways.clone();
        ways.fit_directory(&mut self.directory);
        self.words = people::words(connection, at.key)?;
        Ok(())
    }

    fn read(&mut self, connection: &Connection, at: At<'_>, from: i64, to: i64) -> Result<()> {
        let (from, to) = (moment(from), moment(to));
        let ways = self.beliefs().ways.clone();
        let mut candidates = Vec::new();
        let mut contacts = Vec::new();
        for fact in calls::between(connection, at.key, from, to)? {
            let ids = calls::ids_of(connection, fact.key)?;
            let offered_at = fact.call.offered_at.timestamp();
            candidates.push((offered_at, fact.key, sides::candidate(&fact, &ids)));
            if sides::matters(&fact) {
                let mut contact = sides::call_contact(&fact, ids);
                ways.fit_contact(&mut contact);
                contacts.push((contact.started_at.timestamp(), fact.key, contact));
            }
        }
        let mut sound = recordings::between(connection, at.key, from, to)?;
        for fact in &mut sound {
            fact.recording.measures = None;
            if fact.call.is_none() {
                let mut contact = sides::recording_contact(fact);
                ways.fit_contact(&mut contact);
                contacts.push((fact.at().timestamp(), contact.key, contact));
            }
        }
        let mut rows: Vec<Row> =
            entries::between(connection, at.key, from, to)?.iter().map(sides::row).collect();
        rows.iter_mut().for_each(|row| ways.fit_row(row));
        self.rows.fill(rows.into_iter().map(|row| (row.near_s(), row.key, row)));
        self.calls.fill(candidates.into_iter());
        self.contacts.fill(contacts.into_iter());
        self.recordings.fill(sound.into_iter().map(|fact| (fact.at().timestamp(), fact.key, fact)));
        Ok(())
    }

    /// What is believed of the site.
    pub fn beliefs(&self) -> &Beliefs {
        static SHIPPED: LazyLock<Beliefs> = LazyLock::new(Beliefs::shipped);
        self.beliefs.as_ref().unwrap_or(&SHIPPED)
    }

    /// Notes which call a recording belongs to.
    pub fn pair(&mut self, key: i64, call: Option<i64>) {
        if let Some(mut fact) = self.recordings.take(key) {
            fact.call = call;
            self.put_recording(fact);
        }
    }

    /// What people decided about pairs of the site, with the side that each word names.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub fn decided(&self, connection: &Connection) -> Result<Vec<Decided>> {
        let contact = |word: &Word| self.contact(connection, word.side);
        let decided = |word: &Word| {
            Ok(Decided { contact: contact(word)?, entry: word.entry, together: word.together })
        };
        self.words.iter().map(decided).collect()
    }

    /// The same of a site of which nothing is held.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub fn words(connection: &Connection, at: At<'_>) -> Result<Vec<Decided>> {
        let words = people::words(connection, at.key)?;
        Self { words, ..Self::default() }.decided(connection)
    }

    /// The contact that a word names.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub fn contact(&self, connection: &Connection, side: Named) -> Result<i64> {
        match side {
            Named::Call(key) => Ok(key),
            Named::Recording(key) => {
                let call = match self.recordings.get(key) {
                    Some((_, fact)) => fact.call,
                    None => recordings::recording(connection, key)?.call,
                };
                Ok(call.unwrap_or(-key))
            }
        }
    }

    /// Entries that words on a recording name.
    pub fn entries_by_words_on(&self, recording: i64) -> Vec<i64> {
        let on = self.words.iter().filter(|word| word.side == Named::Recording(recording));
        on.map(|word| word.entry).collect()
    }

    /// The time of a contact: of a call when it was offered, of a recording when it begins.
    pub fn time_of(&self, contact: i64) -> Option<Moment> {
        if contact < 0 {
            let found = self.recordings.get(-contact).map(|(_, fact)| fact);
            return found.filter(|fact| fact.call.is_none()).map(RecordingFact::at);
        }
        self.calls.get(contact).map(|(_, call)| call.offered_at)
    }
}

/// Seconds of the epoch as a moment; the first or last there is where they lie beyond.
pub(super) fn moment(second: i64) -> Moment {
    let last = if second < 0 { Moment::MIN_UTC } else { Moment::MAX_UTC };
    DateTime::from_timestamp(second, 0).unwrap_or(last)
}

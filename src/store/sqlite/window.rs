//! Everything that an audit, or the linker, needs of a span of time, read in one snapshot.

use super::{calls, deliveries, entries, fetches, links, objects, people, recordings};
use crate::audit::{CallFact, EntryFact, FeedFact, LinkFact, RecordingFact};
use crate::audit::{Explanation, Facts};
use crate::call::Moment;
use crate::finding::Code;
use crate::linkage::Links;
use crate::site::Site;
use crate::store::{Error, Result};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// How far from its contact an entry of an open pair may lie.
const BESIDE: chrono::TimeDelta = chrono::TimeDelta::days(2);

/// How far after its days the pulse is looked at: whether a clock jumped shows by what follows.
const AFTER: chrono::TimeDelta = chrono::TimeDelta::days(1);

/// The facts of a span of time: its calls, recordings and entries, and what they are linked to even
/// where that lies outside.
///
/// # Errors
/// When a row cannot be read.
pub fn facts(
    connection: &Connection,
    site: &Site,
    key: i64,
    from: Moment,
    to: Moment,
) -> Result<Facts> {
    let mut window = Window {
        connection,
        site: key,
        calls: by_key(calls::between(connection, key, from, to)?, |fact| fact.key),
        recordings: by_key(recordings::between(connection, key, from, to)?, |fact| fact.key),
        entries: by_key(entries::between(connection, key, from, to)?, |fact| fact.key),
        links: BTreeMap::new(),
    };
    // A pair may lie on both sides of midnight.
    let open = links::open_between(connection, key, from - BESIDE, to + BESIDE)?;
    window.reach_out(&open)?;
    let of_recordings = window.recordings.values();
    Ok(Facts {
        unfetched: unfetched(connection, window.calls.values())?,
        objects: objects::between(connection, key, of_recordings, (from, to))?,
        site: site.clone(),
        calls: window.calls.into_values().collect(),
        recordings: window.recordings.into_values().collect(),
        entries: window.entries.into_values().collect(),
        links: window.links.into_values().collect(),
        open,
        explanations: explanations(connection, key)?,
        feed: feed(connection, key, from, to)?,
        beats: super::pulse::between(connection, key, from - super::pulse::REACH, to + AFTER)?,
    })
}

/// Why recordings that calls announced could not be fetched, by call.
fn unfetched<'a>(
    connection: &Connection,
    calls: impl Iterator<Item = &'a CallFact>,
) -> Result<BTreeMap<i64, String>> {
    let mut why = BTreeMap::new();
    for fact in calls.filter(|fact| !fact.call.recordings.is_empty()) {
        let all = fetches::of_call(connection, fact.key)?;
        why.extend(all.into_iter().find_map(|fetch| Some((fact.key, fetch.error?))));
    }
    Ok(why)
}

struct Window<'a> {
    connection: &'a Connection,
    site: i64,
    calls: BTreeMap<i64, CallFact>,
    recordings: BTreeMap<i64, RecordingFact>,
    entries: BTreeMap<i64, EntryFact>,
    links: BTreeMap<i64, LinkFact>,
}

impl Window<'_> {
    /// Adds the other side of every link and pair of the window.
    fn reach_out(&mut self, open: &Links) -> Result<()> {
        let calls: Vec<i64> = self.calls.keys().copied().collect();
        for call in calls {
            self.add_link_of(call)?;
        }
        let lone = |fact: &&RecordingFact| fact.call.is_none();
        let alone: Vec<i64> = self.recordings.values().filter(lone).map(|fact| -fact.key).collect();
        for contact in alone {
            self.add_link_of(contact)?;
        }
        let entries: Vec<i64> = self.entries.keys().copied().collect();
        for entry in entries {
            if let Some((link, _)) = links::of_entry(self.connection, entry)? {
                self.links.insert(entry, link);
            }
        }
        let lists = [&open.suggested, &open.ambiguous, &open.second_entries, &open.mis_filed];
        for proposal in lists.into_iter().flatten() {
            self.add_entry(proposal.entry)?;
            self.add_contact(proposal.contact)?;
        }
        self.complete()
    }

    fn add_link_of(&mut self, contact: i64) -> Result<()> {
        if let Some((link, _)) = links::of_contact(self.connection, self.site, contact)? {
            self.links.insert(link.entry, link);
        }
        Ok(())
    }

    /// Both ends of every link, and the recording set of every call.
    fn complete(&mut self) -> Result<()> {
        let links: Vec<LinkFact> = self.links.values().cloned().collect();
        for link in links {
            self.add_entry(link.entry)?;
            if let Some(contact) = link.call.or(link.recording.map(|key| -key)) {
                self.add_contact(contact)?;
            }
        }
        let of_calls: Vec<i64> = self.recordings.values().filter_map(|fact| fact.call).collect();
        for call in of_calls {
            self.add_contact(call)?;
        }
        let calls: Vec<i64> = self.calls.keys().copied().collect();
        for call in calls {
            for fact in recordings::of_call(self.connection, self.site, call)? {
                self.recordings.insert(fact.key, fact);
            }
        }
        Ok(())
    }

    fn add_entry(&mut self, key: i64) -> Result<()> {
        if !self.entries.contains_key(&key) {
            self.entries.insert(key, entries::by_key(self.connection, key)?);
        }
        Ok(())
    }

    fn add_contact(&mut self, contact: i64) -> Result<()> {
        if contact < 0 {
            let fact = recordings::recording(self.connection, -contact)?;
            self.recordings.insert(fact.key, fact);
        } else if !self.calls.contains_key(&contact) {
            self.calls.insert(contact, calls::call(self.connection, contact)?);
        }
        Ok(())
    }
}

fn by_key<T>(list: Vec<T>, key: impl Fn(&T) -> i64) -> BTreeMap<i64, T> {
    list.into_iter().map(|fact| (key(&fact), fact)).collect()
}

fn explanations(connection: &Connection, site: i64) -> Result<Vec<Explanation>> {
    people::explanations(connection, site)
}

/// What went wrong with the feed itself in a span of time.
fn feed(connection: &Connection, site: i64, from: Moment, to: Moment) -> Result<Vec<FeedFact>> {
    let unread = deliveries::unread_between(connection, site, from, to)?;
    let mut feed: Vec<FeedFact> = unread
        .into_iter()
        .map(|(fact, at, what)| FeedFact {
            code: Code::NotUnderstood,
            delivery: Some(fact),
            at,
            until: None,
            what,
        })
        .collect();
    feed.extend(super::feed::losses(connection, site, from, to)?);
    Ok(feed)
}

/// Whether there is anything in a span of time that a call may be linked to: an entry or a
/// recording.
///
/// # Errors
/// When the disk fails.
pub fn may_link(connection: &Connection, site: i64, (from, to): (Moment, Moment)) -> Result<bool> {
    let mut query = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM entry WHERE site = ?1 AND at >= ?2 AND at < ?3)
             OR EXISTS (SELECT 1 FROM recording WHERE site = ?1 AND at >= ?2 AND at < ?3)",
    )?;
    let span = params![site, crate::store::micros(from), crate::store::micros(to)];
    Ok(query.query_row(span, |row| row.get(0))?)
}

/// A local day that must be computed again, and how often it was marked when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirtyDay {
    pub day: String,
    pub marks: i64,
}

/// Days of a site that are due for computing, oldest first.
///
/// # Errors
/// When the disk fails.
pub fn due(connection: &Connection, site: i64, as_of: Moment) -> Result<Vec<DirtyDay>> {
    let mut query = connection.prepare_cached(
        "SELECT day, marks FROM dirty WHERE site = ?1 AND due_at <= ?2 ORDER BY day",
    )?;
    let rows = query.query_map([site, crate::store::micros(as_of)], |row| {
        Ok(DirtyDay { day: row.get(0)?, marks: row.get(1)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

impl super::Tx<'_, '_> {
    /// Notes that a day was computed as it stood at `read`. What came in between keeps it marked.
    /// `again_at` is when a grace time ends that was still running.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn computed(&mut self, site: i64, read: &DirtyDay, again_at: Option<Moment>) -> Result<()> {
        self.connection.execute(
            "DELETE FROM dirty WHERE site = ?1 AND day = ?2 AND marks = ?3",
            params![site, read.day, read.marks],
        )?;
        match again_at {
            Some(at) => {
                calls::mark_dirty(self.connection, site, &read.day, crate::store::micros(at))
            }
            None => Ok(()),
        }
    }

    /// Marks a day that must be computed again, not before `due_at`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn mark_day(&mut self, site: i64, day: &str, due_at: Moment) -> Result<()> {
        calls::mark_dirty(self.connection, site, day, crate::store::micros(due_at))
    }

    /// Closes by rule the calls of a site that have been silent since `before`, as of a moment.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn close_silent(&mut self, site: i64, before: Moment, as_of: Moment) -> Result<usize> {
        let silent = calls::silent(self.connection, site, before)?;
        let step = super::folding::Step {
            tx: self.connection,
            names: self.names,
            interpreter: self.interpreter,
            as_of: Some(as_of),
        };
        for call in &silent {
            if let Some(day) = self.folding.fold_call(&step, *call, site)? {
                calls::mark_dirty(self.connection, site, &day, 0)?;
            }
        }
        super::progress::set(self.connection, super::progress::AS_OF, crate::store::micros(as_of))?;
        Ok(silent.len())
    }

    /// Runs `work` with the place where a site's rows go.
    pub(super) fn place(
        &self,
        site: i64,
        work: impl FnOnce(&super::apply::Place<'_>) -> Result<()>,
    ) -> Result<()> {
        let site_name = self.names.sites.get(&site).map_or("", String::as_str);
        let (connection, interpreter) = (self.connection, self.interpreter);
        work(&super::apply::Place { connection, interpreter, site_name })
    }

    /// The site of a row.
    pub(super) fn site_of(&self, table: &str, key: i64) -> Result<i64> {
        let sql = format!("SELECT site FROM {table} WHERE key = ?1");
        let found = self.connection.prepare_cached(&sql)?.query_row([key], |row| row.get(0));
        found.map_err(|_| Error::NotFound(format!("{table} {key}")))
    }
}

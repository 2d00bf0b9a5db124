//! Rows of links and of what linking left open. One-to-one is kept by unique indexes on both sides.

use super::{Tx, entries};
use crate::audit::LinkFact;
use crate::call::Moment;
use crate::linkage::{Links, Proposal};
use crate::store::{Error, Result, micros};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::{BTreeMap, BTreeSet};

/// An outcome of linking, ready to be kept: contacts by key with their times.
pub struct Outcome<'a> {
    pub site: i64,
    /// All contacts whose links this outcome decides; those that are gone have no time.
    pub decides: &'a BTreeMap<i64, Option<Moment>>,
    pub links: &'a Links,
}

const KINDS: [&str; 4] = ["suggested", "ambiguous", "second_entry", "mis_filed"];

/// A row of a link or proposal beside its keys: the contact's time, and the document.
type Kept = (i64, String);

impl Tx<'_, '_> {
    /// Keeps an outcome: links and proposals of the contacts it decides, nothing of others, and
    /// marks the days of both sides of what changed. Returns how many rows changed; a second run of
    /// the same changes none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn save_links(&mut self, outcome: &Outcome<'_>) -> Result<usize> {
        let mut changed = BTreeSet::new();
        self.save_linked(outcome, &mut changed)?;
        self.save_open(outcome, &mut changed)?;
        for (contact, entry) in &changed {
            if let Some(Some(at)) = outcome.decides.get(contact) {
                self.place(outcome.site, |place| place.mark(outcome.site, *at))?;
            }
            let at = entries::time_of(self.connection, *entry)?;
            self.place(outcome.site, |place| place.mark(outcome.site, at))?;
        }
        Ok(changed.len())
    }

    fn save_linked(
        &mut self,
        outcome: &Outcome<'_>,
        changed: &mut BTreeSet<(i64, i64)>,
    ) -> Result<()> {
        let mut wanted = BTreeMap::new();
        for proposal in &outcome.links.linked {
            if outcome.decides.contains_key(&proposal.contact) {
                wanted.insert(proposal.contact, (proposal.entry, json(proposal)?));
            }
        }
        let mut delete =
            self.connection.prepare_cached("DELETE FROM link WHERE site = ?1 AND entry = ?2")?;
        // An entry that moves here may still stand with a contact that another piece decides.
        let mut insert = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO link (entry, site, call, recording, doc)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for contact in outcome.decides.keys() {
            let (known, wanted) = (self.known_link(outcome.site, *contact)?, wanted.get(contact));
            if known.as_ref() == wanted {
                continue;
            }
            if let Some((entry, _)) = known {
                delete.execute([outcome.site, entry])?;
                changed.insert((*contact, entry));
            }
            if let Some((entry, doc)) = wanted {
                let (call, recording) = sides(*contact);
                insert.execute(params![entry, outcome.site, call, recording, doc])?;
                changed.insert((*contact, *entry));
            }
        }
        Ok(())
    }

    fn known_link(&self, site: i64, contact: i64) -> Result<Option<(i64, String)>> {
        let sql = if contact < 0 {
            "SELECT entry, doc FROM link WHERE site = ?1 AND recording = ?2"
        } else {
            "SELECT entry, doc FROM link WHERE site = ?1 AND call = ?2"
        };
        let mut query = self.connection.prepare_cached(sql)?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        Ok(query.query_row([site, contact.abs()], read).optional()?)
    }

    fn save_open(
        &mut self,
        outcome: &Outcome<'_>,
        changed: &mut BTreeSet<(i64, i64)>,
    ) -> Result<()> {
        let mut wanted: BTreeMap<i64, BTreeMap<(i64, String), Kept>> = BTreeMap::new();
        for (kind, proposals) in KINDS.iter().zip(lists(outcome.links)) {
            for proposal in proposals {
                if let Some(Some(at)) = outcome.decides.get(&proposal.contact) {
                    let kept = (micros(*at), json(proposal)?);
                    let of_contact = wanted.entry(proposal.contact).or_default();
                    of_contact.insert((proposal.entry, (*kind).to_owned()), kept);
                }
            }
        }
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM proposal WHERE site = ?1 AND entry = ?2 AND contact = ?3 AND kind = ?4",
        )?;
        let mut insert =
            self.connection.prepare_cached("INSERT INTO proposal VALUES (?1,?2,?3,?4,?5,?6)")?;
        for contact in outcome.decides.keys() {
            let known = self.known_open(outcome.site, *contact)?;
            let wanted = wanted.remove(contact).unwrap_or_default();
            for (key, _) in known.iter().filter(|(key, kept)| wanted.get(key) != Some(kept)) {
                delete.execute(params![outcome.site, key.0, contact, key.1])?;
                changed.insert((*contact, key.0));
            }
            for (key, kept) in wanted.iter().filter(|(key, kept)| known.get(key) != Some(kept)) {
                let (at, doc) = kept;
                insert.execute(params![outcome.site, key.0, contact, key.1, at, doc])?;
                changed.insert((*contact, key.0));
            }
        }
        Ok(())
    }

    fn known_open(&self, site: i64, contact: i64) -> Result<BTreeMap<(i64, String), Kept>> {
        let mut query = self.connection.prepare_cached(
            "SELECT entry, kind, at, doc FROM proposal WHERE site = ?1 AND contact = ?2",
        )?;
        let rows = query.query_map([site, contact], |row| {
            Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?)))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn lists(links: &Links) -> [&Vec<Proposal>; 4] {
    [&links.suggested, &links.ambiguous, &links.second_entries, &links.mis_filed]
}

fn sides(contact: i64) -> (Option<i64>, Option<i64>) {
    if contact < 0 { (None, Some(-contact)) } else { (Some(contact), None) }
}

fn json(proposal: &Proposal) -> Result<String> {
    serde_json::to_string(proposal).map_err(|error| {
        Error::Broken(format!("link of entry {}", proposal.entry), error.to_string())
    })
}

fn proposal(doc: &str) -> Result<Proposal> {
    serde_json::from_str(doc).map_err(|error| Error::Broken("link".into(), error.to_string()))
}

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Option<i64>, Option<i64>, String)> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

/// The link of an entry, with its evidence.
///
/// # Errors
/// When the row cannot be read.
pub fn of_entry(connection: &Connection, entry: i64) -> Result<Option<(LinkFact, Proposal)>> {
    one(connection, "entry = ?1", [entry])
}

/// The link of a contact: a call's key, or the negative key of a recording without a call.
///
/// # Errors
/// When the row cannot be read.
pub fn of_contact(
    connection: &Connection,
    site: i64,
    contact: i64,
) -> Result<Option<(LinkFact, Proposal)>> {
    let condition =
        if contact < 0 { "site = ?1 AND recording = ?2" } else { "site = ?1 AND call = ?2" };
    one(connection, condition, [site, contact.abs()])
}

fn one(
    connection: &Connection,
    condition: &str,
    values: impl rusqlite::Params,
) -> Result<Option<(LinkFact, Proposal)>> {
    let sql = format!("SELECT entry, call, recording, doc FROM link WHERE {condition}");
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query_map(values, read)?;
    let Some(row) = rows.next() else { return Ok(None) };
    let (entry, call, recording, doc) = row?;
    let proposal = proposal(&doc)?;
    let (by, probability) = (proposal.by, proposal.probability);
    Ok(Some((LinkFact { entry, call, recording, by, probability }, proposal)))
}

/// What linking left open about the contacts of a span of time.
///
/// # Errors
/// When a row cannot be read.
pub fn open_between(connection: &Connection, site: i64, from: Moment, to: Moment) -> Result<Links> {
    open_where(
        connection,
        "site = ?1 AND at >= ?2 AND at < ?3",
        params![site, micros(from), micros(to)],
    )
}

/// What linking left open about one contact or one entry.
///
/// # Errors
/// When a row cannot be read.
pub fn open_of(connection: &Connection, site: i64, entry: i64, contact: i64) -> Result<Links> {
    open_where(
        connection,
        "site = ?1 AND (entry = ?2 OR contact = ?3)",
        params![site, entry, contact],
    )
}

fn open_where(
    connection: &Connection,
    condition: &str,
    values: impl rusqlite::Params,
) -> Result<Links> {
    let sql =
        format!("SELECT kind, doc FROM proposal WHERE {condition} ORDER BY contact, entry, kind");
    let mut query = connection.prepare_cached(&sql)?;
    let rows = query.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut links = Links::default();
    for row in rows {
        let (kind, doc): (String, String) = row?;
        let list = match kind.as_str() {
            "suggested" => &mut links.suggested,
            "ambiguous" => &mut links.ambiguous,
            "second_entry" => &mut links.second_entries,
            _ => &mut links.mis_filed,
        };
        list.push(proposal(&doc)?);
    }
    Ok(links)
}

//! Rows of links and of what linking left open. One-to-one is kept by unique indexes on both sides.

use super::Tx;
use crate::audit::LinkFact;
use crate::call::Moment;
use crate::linkage::{Links, Proposal};
use crate::store::{Error, Result, micros};
use rusqlite::{Connection, Row, params};
use std::collections::BTreeMap;

/// A window's outcome, ready to be kept: contacts by key with their times.
pub struct Outcome<'a> {
    pub site: i64,
    /// Times of all contacts whose links this outcome decides.
    pub decides: &'a BTreeMap<i64, Moment>,
    pub links: &'a Links,
}

const KINDS: [&str; 4] = ["suggested", "ambiguous", "second_entry", "mis_filed"];

impl Tx<'_, '_> {
    /// Keeps an outcome: links and proposals of the contacts it decides, nothing of others. Returns
    /// how many rows changed; a second run of the same changes none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn save_links(&mut self, outcome: &Outcome<'_>) -> Result<usize> {
        let wanted = wanted(outcome)?;
        let mut changed = 0;
        for (contact, known) in self.known_links(outcome)? {
            if wanted.get(&contact).is_none_or(|(entry, doc)| (*entry, doc) != (known.0, &known.1))
            {
                changed += 1;
                self.connection
                    .prepare_cached("DELETE FROM link WHERE entry = ?1")?
                    .execute([known.0])?;
            }
        }
        for (contact, (entry, doc)) in &wanted {
            let (call, recording) = sides(*contact);
            let added = self
                .connection
                .prepare_cached(
                    "INSERT INTO link (entry, site, call, recording, doc) VALUES (?1,?2,?3,?4,?5)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![entry, outcome.site, call, recording, doc])?;
            changed += added;
        }
        Ok(changed + self.save_open(outcome)?)
    }

    /// Links now kept of the contacts that an outcome decides: contact → (entry, document).
    fn known_links(&self, outcome: &Outcome<'_>) -> Result<BTreeMap<i64, (i64, String)>> {
        let mut known = BTreeMap::new();
        let mut by_call = self
            .connection
            .prepare_cached("SELECT entry, doc FROM link WHERE site = ?1 AND call = ?2")?;
        let mut by_recording = self
            .connection
            .prepare_cached("SELECT entry, doc FROM link WHERE site = ?1 AND recording = ?2")?;
        for contact in outcome.decides.keys() {
            let query = if *contact < 0 { &mut by_recording } else { &mut by_call };
            let mut rows = query.query([outcome.site, contact.abs()])?;
            if let Some(row) = rows.next()? {
                known.insert(*contact, (row.get(0)?, row.get(1)?));
            }
        }
        Ok(known)
    }

    fn save_open(&mut self, outcome: &Outcome<'_>) -> Result<usize> {
        let mut wanted = BTreeMap::new();
        for (kind, proposals) in KINDS.iter().zip(lists(outcome.links)) {
            for proposal in proposals {
                if let Some(at) = outcome.decides.get(&proposal.contact) {
                    let key = (proposal.entry, proposal.contact, (*kind).to_owned());
                    wanted.insert(key, (micros(*at), json(proposal)?));
                }
            }
        }
        let known = self.known_open(outcome)?;
        let mut changed = 0;
        let mut delete = self.connection.prepare_cached(
            "DELETE FROM proposal WHERE site = ?1 AND entry = ?2 AND contact = ?3 AND kind = ?4",
        )?;
        for (key, row) in &known {
            if wanted.get(key) != Some(row) {
                changed += delete.execute(params![outcome.site, key.0, key.1, key.2])?;
            }
        }
        let mut insert = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO proposal VALUES (?1,?2,?3,?4,?5,?6)")?;
        for (key, (at, doc)) in &wanted {
            changed += insert.execute(params![outcome.site, key.0, key.1, key.2, at, doc])?;
        }
        Ok(changed)
    }

    fn known_open(&self, outcome: &Outcome<'_>) -> Result<BTreeMap<OpenKey, (i64, String)>> {
        let times = || outcome.decides.values().copied();
        let (Some(from), Some(to)) = (times().min(), times().max()) else {
            return Ok(BTreeMap::new());
        };
        let mut query = self.connection.prepare_cached(
            "SELECT entry, contact, kind, at, doc FROM proposal
             WHERE site = ?1 AND at >= ?2 AND at <= ?3",
        )?;
        let rows = query.query_map(params![outcome.site, micros(from), micros(to)], |row| {
            Ok(((row.get(0)?, row.get(1)?, row.get(2)?), (row.get(3)?, row.get(4)?)))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

type OpenKey = (i64, i64, String);

fn wanted(outcome: &Outcome<'_>) -> Result<BTreeMap<i64, (i64, String)>> {
    let decided = outcome.links.linked.iter();
    decided
        .filter(|proposal| outcome.decides.contains_key(&proposal.contact))
        .map(|proposal| Ok((proposal.contact, (proposal.entry, json(proposal)?))))
        .collect()
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

//! Rows of findings, so that a page of them costs the same however many calls there are.

use super::Tx;
use crate::call::Moment;
use crate::finding::{About, Code, Finding, State};
use crate::store::{Error, Result, micros};
use rusqlite::{Connection, params};
use serde::Serialize;
use std::collections::BTreeMap;

/// A stored finding with its key and the local day it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kept {
    pub key: i64,
    pub day: String,
    pub finding: Finding,
}

/// Which findings of a site are wanted; oldest first, after a place in the list.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub state: Option<State>,
    pub code: Option<Code>,
    /// Findings after this one: (since in microseconds, key).
    pub after: Option<(i64, i64)>,
    pub count: usize,
}

type Identity = (Code, About);

impl Tx<'_, '_> {
    /// Writes findings of a local day: those that differ from what is kept.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn write_findings(&mut self, site: i64, day: &str, findings: &[Finding]) -> Result<()> {
        findings.iter().try_for_each(|finding| self.write_finding(site, day, finding))
    }

    fn write_finding(&self, site: i64, day: &str, finding: &Finding) -> Result<()> {
        let doc = serde_json::to_string(finding).map_err(|error| {
            Error::Broken(format!("finding {}", finding.code.as_str()), error.to_string())
        })?;
        let about = finding.about;
        self.connection
            .prepare_cached(
                "INSERT INTO finding
                   (site, code, call, recording, entry, delivery, day, since, state, doc)
                 VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)
                 ON CONFLICT (site, code, call, recording, entry, delivery) DO UPDATE SET
                   day = excluded.day, since = excluded.since, state = excluded.state,
                   doc = excluded.doc",
            )?
            .execute(params![
                site,
                finding.code.as_str(),
                about.call.unwrap_or(0),
                about.recording.unwrap_or(0),
                about.entry.unwrap_or(0),
                about.delivery.unwrap_or(0),
                day,
                micros(finding.since),
                state_word(finding.state),
                doc
            ])?;
        Ok(())
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Explained => "explained",
        State::Healed => "healed",
    }
}

fn kept((key, day, doc): (i64, String, String)) -> Result<Kept> {
    let finding = serde_json::from_str(&doc)
        .map_err(|error| Error::Broken(format!("finding {key}"), error.to_string()))?;
    Ok(Kept { key, day, finding })
}

fn all(
    connection: &Connection,
    condition: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Kept>> {
    let sql = format!("SELECT key, day, doc FROM finding WHERE {condition}");
    let mut query = connection.prepare_cached(&sql)?;
    query
        .query_map(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .map(|row| kept(row?))
        .collect()
}

/// What has to be written so that the findings of a local day are kept as computed: new ones, those
/// that are otherwise, and those that are no more, which become *healed*. None is dropped.
///
/// # Errors
/// When a row cannot be read.
pub fn differences(
    connection: &Connection,
    site: i64,
    day: &str,
    computed: Vec<Finding>,
) -> Result<Vec<Finding>> {
    let identity = |finding: &Finding| -> Identity { (finding.code, finding.about) };
    let mut known: BTreeMap<Identity, Finding> = of_day(connection, site, day)?
        .into_iter()
        .map(|kept| (identity(&kept.finding), kept.finding))
        .collect();
    let mut seen: BTreeMap<Identity, Finding> =
        computed.into_iter().map(|finding| (identity(&finding), finding)).collect();
    known.retain(|identity, kept| match seen.get(identity) {
        None => kept.state != State::Healed,
        Some(finding) if finding == kept => {
            seen.remove(identity);
            false
        }
        Some(_) => false,
    });
    let healed = known.into_values().map(|kept| Finding { state: State::Healed, ..kept });
    Ok(healed.chain(seen.into_values()).collect())
}

fn of_day(connection: &Connection, site: i64, day: &str) -> Result<Vec<Kept>> {
    all(connection, "site = ?1 AND day = ?2", params![site, day])
}

/// A page of findings, oldest first. Ordered by an index, so the first page costs no more than the
/// last.
///
/// # Errors
/// When a row cannot be read.
pub fn page(connection: &Connection, site: i64, wanted: &Wanted) -> Result<Vec<Kept>> {
    let (since, key) = wanted.after.unwrap_or((i64::MIN, 0));
    let state = state_word(wanted.state.unwrap_or(State::Open));
    let count = wanted.count as i64;
    let place = "site = ?1 AND state = ?2 AND (since, key) > (?3, ?4)";
    match wanted.code {
        None => all(
            connection,
            &format!("{place} ORDER BY since, key LIMIT ?5"),
            params![site, state, since, key, count],
        ),
        Some(code) => all(
            connection,
            &format!("{place} AND code = ?5 ORDER BY since, key LIMIT ?6"),
            params![site, state, since, key, code.as_str(), count],
        ),
    }
}

/// Findings about a call, a recording or an entry.
///
/// # Errors
/// When a row cannot be read.
pub fn about(connection: &Connection, site: i64, about: About) -> Result<Vec<Kept>> {
    let mut found = Vec::new();
    for (column, key) in
        [("call", about.call), ("recording", about.recording), ("entry", about.entry)]
    {
        if let Some(key) = key {
            let condition =
                format!("site = ?1 AND {column} = ?2 AND {column} <> 0 ORDER BY since, key");
            found.extend(all(connection, &condition, [site, key])?);
        }
    }
    found.sort_by_key(|kept| (kept.finding.since, kept.key));
    found.dedup_by_key(|kept| kept.key);
    Ok(found)
}

/// How many findings of a site stand in each state, by code.
///
/// # Errors
/// When the disk fails.
pub fn counts(connection: &Connection, site: i64) -> Result<Vec<(String, String, i64)>> {
    let mut query = connection
        .prepare_cached("SELECT code, state, count FROM finding_count WHERE site = ?1")?;
    let rows = query.query_map([site], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The place of a finding in the list, for the next page.
pub fn place_of(kept: &Kept) -> (i64, i64) {
    (micros(kept.finding.since), kept.key)
}

/// The moment of the oldest open finding, if there is one.
///
/// # Errors
/// When the disk fails.
pub fn oldest_open(connection: &Connection, site: i64) -> Result<Option<Moment>> {
    let wanted = Wanted { count: 1, ..Wanted::default() };
    Ok(page(connection, site, &wanted)?.first().map(|kept| kept.finding.since))
}

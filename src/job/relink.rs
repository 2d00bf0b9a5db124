//! Links and findings of the days that changed. It computes a whole window and writes only
//! differences, so a second run changes nothing, and days nobody touched cost nothing.

use crate::audit::{self, CallFact, EntryFact, Question, RecordingFact};
use crate::call::{Direction, Moment};
use crate::finding::Finding;
use crate::ledger::unit;
use crate::linkage::why::{Asked, Why};
use crate::linkage::{self, Contact, Desk, Ground, Links, Model, Row, Thresholds};
use crate::recording::name;
use crate::site::Site;
use crate::store::sqlite::links::Outcome;
use crate::store::sqlite::window::{self, DirtyDay, Sides};
use crate::store::{Connection, Result, Tx};
use chrono::{Days, NaiveDate, TimeDelta, TimeZone};
use std::collections::BTreeMap;

/// A site with the store's key of it.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub site: &'a Site,
    pub key: i64,
}

/// What the first step comes to: which recording belongs to which call, and the links of a window.
pub struct Linked {
    pub pairs: Vec<(i64, Option<i64>)>,
    decides: BTreeMap<i64, Moment>,
    links: Links,
    /// Local days on which something may have changed.
    pub days: Vec<NaiveDate>,
}

/// What the second step comes to: the findings of one day.
pub struct Judged {
    pub day: NaiveDate,
    pub findings: Vec<Finding>,
    /// When a grace time ends that still runs.
    pub again_at: Option<Moment>,
}

/// The start of a local day; the first moment of it where clocks are moved at midnight.
pub fn start_of(site: &Site, day: NaiveDate) -> Moment {
    let noon = day.and_hms_opt(12, 0, 0).unwrap_or_default();
    let settings = site.settings_at(noon.and_utc());
    let midnight = day.and_hms_opt(0, 0, 0).unwrap_or_default();
    let zone = settings.zone();
    let after = |hours| zone.from_local_datetime(&(midnight + TimeDelta::hours(hours))).earliest();
    let local = (0..=3).find_map(after);
    local.map_or_else(|| midnight.and_utc(), |local| local.to_utc())
}

/// The day as written in the store's rows.
pub fn day_of(text: &str) -> NaiveDate {
    text.parse().unwrap_or_default()
}

fn shifted(day: NaiveDate, days: i64) -> NaiveDate {
    let by = Days::new(days.unsigned_abs());
    let moved = if days < 0 { day.checked_sub_days(by) } else { day.checked_add_days(by) };
    moved.unwrap_or(day)
}

/// Calls within reach of a day that are linked at once, at most: it bounds memory. A busy desk has
/// some hundreds a day.
const CALLS_MAX: i64 = 100_000;

/// Whether a day's links and findings can be computed within the limit.
///
/// # Errors
/// When the disk fails.
pub fn fits(connection: &Connection, at: At<'_>, day: NaiveDate) -> Result<bool> {
    let reach = TimeDelta::seconds(linkage::reach_s()) * 2;
    let (from, to) = (start_of(at.site, day), start_of(at.site, shifted(day, 1)));
    Ok(window::calls_count(connection, at.key, from - reach, to + reach)? <= CALLS_MAX)
}

/// First step: links of everything that lies within reach of a day, computed over twice that reach,
/// so that what is decided does not depend on where the window was cut.
///
/// # Errors
/// When a row cannot be read.
pub fn link(connection: &Connection, at: At<'_>, day: NaiveDate) -> Result<Linked> {
    let reach = TimeDelta::seconds(linkage::reach_s());
    let (from, to) = (start_of(at.site, day), start_of(at.site, shifted(day, 1)));
    let sides = window::sides(connection, at.key, from - reach * 2, to + reach * 2)?;
    let pairs = pair(&sides);
    let contacts = contacts(&sides, &pairs);
    let rows: Vec<Row> = sides.entries.iter().map(row).collect();
    let desk = desk(&sides, &contacts, &rows);
    let thresholds = thresholds(at.site, from);
    let links = linkage::link(&desk, &Model::shipped(), &Ground::usual(), thresholds);
    let near = |moment: &Moment| *moment >= from - reach && *moment < to + reach;
    let decides = times(&sides, &pairs).into_iter().filter(|(_, at)| near(at)).collect();
    let reach_days = reach.num_days() + 1;
    let days = (-reach_days..=reach_days).map(|days| shifted(day, days)).collect();
    Ok(Linked { pairs, decides, links, days })
}

/// Why a contact or an entry of about a moment is linked as it is.
///
/// # Errors
/// When a row cannot be read.
pub fn why(connection: &Connection, at: At<'_>, about: Moment, asked: Asked) -> Result<Why> {
    let reach = TimeDelta::seconds(linkage::reach_s()) * 2;
    let sides = window::sides(connection, at.key, about - reach, about + reach)?;
    let contacts = contacts(&sides, &pair(&sides));
    let rows: Vec<Row> = sides.entries.iter().map(row).collect();
    let desk = desk(&sides, &contacts, &rows);
    let thresholds = thresholds(at.site, about);
    Ok(linkage::why::why(&desk, &Model::shipped(), &Ground::usual(), thresholds, asked))
}

fn thresholds(site: &Site, at: Moment) -> Thresholds {
    let settings = site.settings_at(at);
    Thresholds { auto: settings.link_auto, suggest: settings.link_suggest }
}

fn desk<'a>(sides: &'a Sides, contacts: &'a [Contact], rows: &'a [Row]) -> Desk<'a> {
    Desk { contacts, rows, directory: &sides.directory, decided: &sides.decided }
}

/// Writes what the first step came to.
///
/// # Errors
/// When the disk fails.
pub fn save_links(tx: &mut Tx<'_, '_>, site: i64, linked: &Linked) -> Result<usize> {
    for (recording, call) in &linked.pairs {
        tx.pair_recording(*recording, *call)?;
    }
    tx.save_links(&Outcome { site, decides: &linked.decides, links: &linked.links })
}

/// Second step: the findings of a day, from the rows as they stand.
///
/// # Errors
/// When a row cannot be read.
pub fn judge(connection: &Connection, at: At<'_>, day: NaiveDate, as_of: Moment) -> Result<Judged> {
    let (from, to) = (start_of(at.site, day), start_of(at.site, shifted(day, 1)));
    let facts = window::facts(connection, at.site, at.key, from, to)?;
    let question = Question { site: at.site.id.clone(), from: day, to: day, as_of };
    let findings = audit::findings(&question, &facts);
    let again_at = audit::next_due(&question, &facts);
    Ok(Judged { day, findings, again_at })
}

/// Writes what the second step came to, and takes the mark off the day.
///
/// # Errors
/// When the disk fails.
pub fn save_findings(
    tx: &mut Tx<'_, '_>,
    site: i64,
    judged: &Judged,
    dirty: &DirtyDay,
) -> Result<()> {
    tx.save_findings(site, &judged.day.to_string(), &judged.findings)?;
    let read = DirtyDay { day: judged.day.to_string(), marks: dirty.marks };
    if read.day == dirty.day {
        return tx.computed(site, &read, judged.again_at);
    }
    match judged.again_at {
        Some(at) => tx.mark_day(site, &read.day, at),
        None => Ok(()),
    }
}

/// Which call's recording set each recording of the window belongs to.
fn pair(sides: &Sides) -> Vec<(i64, Option<i64>)> {
    let candidates: Vec<name::Candidate> =
        sides.calls.iter().map(|fact| candidate(fact, &sides.ids)).collect();
    let mut pairs: Vec<(i64, Option<i64>)> = sides
        .recordings
        .iter()
        .map(|fact| (fact.key, name::call_of(&fact.recording, &candidates)))
        .collect();
    pairs.sort_unstable();
    pairs
}

fn contacts(sides: &Sides, pairs: &[(i64, Option<i64>)]) -> Vec<Contact> {
    let sound: BTreeMap<i64, bool> =
        sides.recordings.iter().map(|fact| (fact.key, fact.recording.has_sound())).collect();
    let mut recorded: BTreeMap<i64, bool> = BTreeMap::new();
    for (recording, call) in pairs {
        if let Some(call) = call {
            *recorded.entry(*call).or_default() |= sound.get(recording).copied().unwrap_or(false);
        }
    }
    let of_calls = sides.calls.iter().filter(|fact| matters(fact)).map(|fact| {
        let ids = sides.ids.get(&fact.key).cloned().unwrap_or_default();
        call_contact(fact, ids, recorded.get(&fact.key).copied().unwrap_or(false))
    });
    let alone = |fact: &&RecordingFact| pairs.binary_search(&(fact.key, None)).is_ok();
    let mut contacts: Vec<Contact> = of_calls.collect();
    contacts.extend(sides.recordings.iter().filter(alone).map(recording_contact));
    contacts
}

/// Calls that may have an entry: those that reached the desk, and those the desk made.
fn matters(fact: &CallFact) -> bool {
    fact.call.reached_desk || fact.call.direction == Direction::Outbound || fact.call.is_answered()
}

fn call_contact(fact: &CallFact, mut ids: Vec<String>, recorded: bool) -> Contact {
    let call = &fact.call;
    ids.push(call.call_id.clone());
    ids.extend(call.other_ids.iter().cloned());
    ids.sort();
    ids.dedup();
    Contact {
        key: fact.key,
        call_ids: ids,
        number: call.outside_party().map(|number| number.folded()),
        direction: call.direction,
        started_at: call.alerting.map_or(call.offered_at, |alerting| alerting.earliest),
        answered_at: call.answered.map(|answered| answered.earliest),
        ended_at: call.ended_at,
        extension: call.answered_by.clone(),
        agent: None,
        answered: call.is_answered(),
        recorded,
    }
}

fn recording_contact(fact: &RecordingFact) -> Contact {
    let hints = &fact.recording.hints;
    let direction = hints.direction.unwrap_or(Direction::Inbound);
    let party = if direction == Direction::Outbound { &hints.callee } else { &hints.caller };
    Contact {
        key: -fact.key,
        call_ids: hints.call_id.iter().cloned().collect(),
        number: party.as_ref().map(|number| number.folded()),
        direction,
        started_at: fact.at(),
        answered_at: None,
        ended_at: hints.finished_at,
        extension: None,
        agent: None,
        answered: true,
        recorded: fact.recording.has_sound(),
    }
}

fn candidate(fact: &CallFact, known: &BTreeMap<i64, Vec<String>>) -> name::Candidate {
    let call = &fact.call;
    let mut ids = call.other_ids.clone();
    ids.push(call.call_id.clone());
    ids.extend(known.get(&fact.key).into_iter().flatten().cloned());
    let base = |reference: &str| reference.rsplit('/').next().unwrap_or(reference).to_owned();
    name::Candidate {
        key: fact.key,
        ids,
        announced: call.recordings.iter().map(|one| base(&one.reference)).collect(),
        number: call.outside_party().map(|number| number.folded()),
        offered_at: call.offered_at,
        ended_at: call.ended_at,
    }
}

fn row(fact: &EntryFact) -> Row {
    let entry = &fact.entry;
    let unit = entry.unit.as_deref().and_then(unit::folded);
    let written = entry.number.as_ref().map_or("", |number| number.exposed());
    let mut numbers = linkage::reading::number::numbers(written).0.into_iter();
    // A row whose registration time is the matter's own time says nothing of when it was typed.
    let untyped = entry.occurred_at == Some(entry.registered_at) || entry.occurred_day_only;
    Row {
        key: fact.key,
        channel: entry.channel,
        number: numbers.next(),
        other_numbers: numbers.collect(),
        registered_at: entry.registered_at,
        occurred_at: entry.occurred_at,
        occurred_day_only: entry.occurred_day_only,
        name: entry.name.as_ref().map(|name| name.exposed().to_owned()),
        handler: entry.handler.clone(),
        unit,
        call_id: entry.call_id.clone(),
        imported: fact.imported && untyped,
    }
}

/// Times of all contacts: of calls when they were offered, of lone recordings when they begin.
fn times(sides: &Sides, pairs: &[(i64, Option<i64>)]) -> BTreeMap<i64, Moment> {
    let mut times: BTreeMap<i64, Moment> =
        sides.calls.iter().map(|fact| (fact.key, fact.call.offered_at)).collect();
    let alone = |fact: &&RecordingFact| pairs.binary_search(&(fact.key, None)).is_ok();
    times.extend(sides.recordings.iter().filter(alone).map(|fact| (-fact.key, fact.at())));
    times
}

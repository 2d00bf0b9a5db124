//! Links of what changed, then findings of the days that changed with it. Only differences are
//! written, so a second run changes nothing, and what nobody touched costs nothing.

use super::near::{self, Near, PAIRED_WITHIN_S};
use super::stirring::{self, Changes};
use crate::audit::{self, Question};
use crate::call::Moment;
use crate::finding::Finding;
use crate::linkage::why::{Asked, Why};
use crate::linkage::{self, Bars, Change, Desk, Links, Thresholds};
use crate::site::Site;
use crate::store::sqlite::links::Outcome;
use crate::store::sqlite::people::{self, Named, Word};
use crate::store::sqlite::stirred::{self, Side, Stirred};
use crate::store::sqlite::window::{self, DirtyDay};
use crate::store::sqlite::{beliefs, findings};
use crate::store::{Connection, Result, Tx};
use chrono::{Days, NaiveDate, TimeDelta, TimeZone};
use std::collections::BTreeMap;

/// A site with the store's key of it.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub site: &'a Site,
    pub key: i64,
}

/// What the first step comes to: which recording belongs to which call, and the links of a part of
/// the site.
pub struct Linked {
    /// Recordings that belong to another call now, or to none.
    pairs: Vec<(i64, Option<i64>)>,
    /// Contacts whose links are decided, with their times; those that are gone have none.
    decides: BTreeMap<i64, Option<Moment>>,
    links: Links,
    /// The changes that this settles.
    settles: Vec<Stirred>,
}

/// What the second step comes to: the findings of one day that differ from those that are kept.
pub struct Judged {
    pub day: NaiveDate,
    pub findings: Vec<Finding>,
    /// When a grace time ends that still runs.
    again_at: Option<Moment>,
    /// The mark that this takes off the day.
    settles: Option<DirtyDay>,
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
fn day_of(text: &str) -> NaiveDate {
    text.parse().unwrap_or_default()
}

fn shifted(day: NaiveDate, days: i64) -> NaiveDate {
    let by = Days::new(days.unsigned_abs());
    let moved = if days < 0 { day.checked_sub_days(by) } else { day.checked_add_days(by) };
    moved.unwrap_or(day)
}

/// How far around what changed is looked at first, in seconds; more where its neighbourhood reaches
/// further.
const AROUND_S: i64 = 48 * 3600;

/// Nothing further away than this, in seconds, is linked to a call, once clocks are set right.
const FAR_S: i64 = 30 * 86_400;

/// Changes that are linked together at most: a year that is filled in at once is no reason to hold
/// all of it in memory, nor to leave the desk's newest calls without links until it is done.
pub const TOGETHER_MAX: usize = 5000;

/// First step: the links of what changed, of the newest changes those that lie together, but no
/// more than so many; nothing where nothing changed. It is to be asked again until then.
///
/// # Errors
/// When a row cannot be read.
pub fn link(
    connection: &Connection,
    at: At<'_>,
    near: &mut Near,
    at_most: usize,
) -> Result<Option<Linked>> {
    let stirred = stirred::stirred(connection, at.key, at_most)?;
    if stirred.is_empty() {
        return Ok(None);
    }
    if stirred.iter().any(|one| one.side == Side::Everything) {
        *near = Near::default();
        return whole(connection, at, stirred::stirred(connection, at.key, usize::MAX)?).map(Some);
    }
    let goes_on = stirred.len() >= at_most;
    near.refresh(connection, at, &stirred, goes_on)?;
    let (newest, settles) = stirring::newest(connection, at, stirred)?;
    if let Some(decides) = alone(connection, at, &newest)? {
        return Ok(Some(Linked { decides, settles, ..Linked::empty() }));
    }
    part(connection, at, near, &newest, (settles, goes_on)).map(Some)
}

/// Calls that changed far from every entry and recording: they are linked to nothing, and nobody
/// has to read what lies around them.
fn alone(
    connection: &Connection,
    at: At<'_>,
    changes: &Changes,
) -> Result<Option<BTreeMap<i64, Option<Moment>>>> {
    let Some(calls) = changes.calls_alone() else { return Ok(None) };
    let (from, to) = changes.span();
    let beside = |far_s| {
        let far = (near::moment(from - far_s), near::moment(to + far_s));
        window::may_link(connection, at.key, far)
    };
    if beside(FAR_S)? {
        return Ok(None);
    }
    // A person's word holds however far apart its two sides are.
    let words = people::words(connection, at.key)?;
    let is_named = |word: &Word| matches!(word.side, Named::Call(key) if calls.contains_key(&key));
    let learned = beliefs::learned(connection, at.key)?;
    let widest_s = learned.map_or(0, |(_, learned)| learned.beliefs.ways.widest_s());
    let stands_alone = !words.iter().any(is_named) && !beside(FAR_S + widest_s)?;
    Ok(stands_alone.then_some(calls))
}

/// Everything of a site, from scratch.
fn whole(connection: &Connection, at: At<'_>, settles: Vec<Stirred>) -> Result<Linked> {
    let mut near = Near::default();
    near.cover(connection, at, (i64::MIN, i64::MAX))?;
    let changes = Changes::of(connection, at, &settles)?;
    let pairs = changes.pair(&mut near);
    let decided = near.decided(connection)?;
    let desk = Desk {
        contacts: near.contacts.between(i64::MIN, i64::MAX),
        rows: near.rows.between(i64::MIN, i64::MAX),
        directory: &near.directory,
        decided: &decided,
    };
    let links = linkage::link(&desk, near.beliefs(), &bars(at.site));
    let mut decides: BTreeMap<i64, Option<Moment>> = BTreeMap::new();
    // A recording that belongs to a call is no contact any more.
    decides.extend(near.recordings.places().map(|(key, _)| (-key, None)));
    decides.extend(changes.gone().map(|key| (key, None)));
    let here = near.calls.places().chain(near.contacts.places());
    decides.extend(here.map(|(key, _)| (key, near.time_of(key))));
    Ok(Linked { pairs, decides, links, settles })
}

/// The neighbourhood of changes that lie together.
fn part(
    connection: &Connection,
    at: At<'_>,
    near: &mut Near,
    changes: &Changes,
    (settles, goes_on): (Vec<Stirred>, bool),
) -> Result<Linked> {
    let (from, to) = changes.span();
    let mut span = (from - AROUND_S, to + AROUND_S);
    // What happened long ago is read for itself: the days that go on stay held.
    let mut apart = Near::default();
    let near = if near.lies_after(span.1) { &mut apart } else { near };
    near.cover(connection, at, if changes.may_pair() { paired(span) } else { span })?;
    let pairs = changes.pair(near);
    let change = Change { goes_on, ..changes.told(connection, near, &pairs)? };
    let bars = bars(at.site);
    let part = loop {
        near.cover(connection, at, span)?;
        let decided = near.decided(connection)?;
        let desk = Desk {
            contacts: near.contacts.between(span.0, span.1),
            rows: near.rows.between(span.0, span.1),
            directory: &near.directory,
            decided: &decided,
        };
        match linkage::relink(&desk, span, &change, near.beliefs(), &bars) {
            Ok(part) => break part,
            Err(more) => span = (more.from, more.to),
        }
    };
    let decides = part.contacts.iter().map(|key| (*key, near.time_of(*key))).collect();
    Ok(Linked { pairs, decides, links: part.links, settles })
}

/// A span with everything that may belong to a recording or a call of it.
fn paired((from, to): (i64, i64)) -> (i64, i64) {
    let more = PAIRED_WITHIN_S - AROUND_S;
    (from - more, to + more)
}

/// Why a contact or an entry of about a moment is linked as it is.
///
/// # Errors
/// When a row cannot be read.
pub fn why(connection: &Connection, at: At<'_>, about: Moment, asked: Asked) -> Result<Why> {
    let mut near = Near::default();
    let reach = 3 * linkage::reach_s();
    let span = (about.timestamp() - reach, about.timestamp() + reach);
    near.cover(connection, at, span)?;
    let decided = near.decided(connection)?;
    let desk = Desk {
        contacts: near.contacts.between(span.0, span.1),
        rows: near.rows.between(span.0, span.1),
        directory: &near.directory,
        decided: &decided,
    };
    let settings = at.site.settings_at(about);
    let thresholds = Thresholds { auto: settings.link_auto, suggest: settings.link_suggest };
    Ok(linkage::why::why(&desk, near.beliefs(), thresholds, asked))
}

/// Thresholds as the site's dated settings have them.
fn bars(site: &Site) -> Bars {
    let from = |day: Option<NaiveDate>| day.map_or(i64::MIN, |day| start_of(site, day).timestamp());
    let dated = site.versions.iter().map(|version| {
        let (auto, suggest) = (version.link_auto, version.link_suggest);
        (from(version.valid_from), Thresholds { auto, suggest })
    });
    let usual = crate::site::SiteSettings::default();
    let usual = Thresholds { auto: usual.link_auto, suggest: usual.link_suggest };
    Bars::dated(dated.collect()).unwrap_or_else(|| usual.into())
}

/// Contacts whose links are written at once, or findings.
const WRITTEN_MAX: usize = 2000;

impl Linked {
    /// In pieces that hold the writer up for a short while only; the last one settles the changes.
    pub fn pieces(self) -> Vec<Linked> {
        let mut pieces: Vec<Linked> = Vec::new();
        let mut of: BTreeMap<i64, usize> = BTreeMap::new();
        for (place, (contact, time)) in self.decides.into_iter().enumerate() {
            if place % WRITTEN_MAX == 0 {
                pieces.push(Self::empty());
            }
            let last = pieces.len() - 1;
            pieces[last].decides.insert(contact, time);
            of.insert(contact, last);
        }
        if pieces.is_empty() {
            pieces.push(Self::empty());
        }
        type List = fn(&mut Links) -> &mut Vec<linkage::Proposal>;
        let lists: [List; 5] = [
            |links| &mut links.linked,
            |links| &mut links.suggested,
            |links| &mut links.ambiguous,
            |links| &mut links.second_entries,
            |links| &mut links.mis_filed,
        ];
        let mut links = self.links;
        for list in lists {
            for proposal in std::mem::take(list(&mut links)) {
                if let Some(piece) = of.get(&proposal.contact) {
                    list(&mut pieces[*piece].links).push(proposal);
                }
            }
        }
        pieces[0].pairs = self.pairs;
        if let Some(last) = pieces.last_mut() {
            last.settles = self.settles;
        }
        pieces
    }

    fn empty() -> Self {
        let (pairs, settles) = (Vec::new(), Vec::new());
        Self { pairs, decides: BTreeMap::new(), links: Links::default(), settles }
    }
}

/// Writes what the first step came to, and marks the days on which something changed.
///
/// # Errors
/// When the disk fails.
pub fn save_links(tx: &mut Tx<'_, '_>, site: i64, linked: &Linked) -> Result<usize> {
    for (recording, call) in &linked.pairs {
        tx.pair_recording(site, *recording, *call)?;
    }
    let changed =
        tx.save_links(&Outcome { site, decides: &linked.decides, links: &linked.links })?;
    tx.settle(site, &linked.settles)?;
    Ok(changed)
}

/// Second step: the findings of a day that is marked, from the rows as they stand.
///
/// # Errors
/// When a row cannot be read.
pub fn judge(
    connection: &Connection,
    at: At<'_>,
    dirty: &DirtyDay,
    as_of: Moment,
) -> Result<Judged> {
    let day = day_of(&dirty.day);
    let (from, to) = (start_of(at.site, day), start_of(at.site, shifted(day, 1)));
    let facts = window::facts(connection, at.site, at.key, from, to)?;
    let question = Question { site: at.site.id.clone(), from: day, to: day, as_of };
    let again_at = audit::next_due(&question, &facts);
    let computed = audit::findings(&question, &facts);
    drop(facts);
    let findings = findings::differences(connection, at.key, &day.to_string(), computed)?;
    Ok(Judged { day, findings, again_at, settles: Some(dirty.clone()) })
}

impl Judged {
    /// In pieces that hold the writer up for a short while only; the last one takes the mark off
    /// the day.
    pub fn pieces(mut self) -> Vec<Judged> {
        let mut pieces = Vec::new();
        while self.findings.len() > WRITTEN_MAX {
            let findings = self.findings.split_off(self.findings.len() - WRITTEN_MAX);
            pieces.push(Judged { day: self.day, findings, again_at: None, settles: None });
        }
        pieces.push(self);
        pieces
    }
}

/// Writes what the second step came to, and takes the mark off the day.
///
/// # Errors
/// When the disk fails.
pub fn save_findings(tx: &mut Tx<'_, '_>, site: i64, judged: &Judged) -> Result<()> {
    tx.write_findings(site, &judged.day.to_string(), &judged.findings)?;
    let Some(dirty) = &judged.settles else { return Ok(()) };
    let read = DirtyDay { day: judged.day.to_string(), marks: dirty.marks };
    if read.day == dirty.day {
        return tx.computed(site, &read, judged.again_at);
    }
    match judged.again_at {
        Some(at) => tx.mark_day(site, &read.day, at),
        None => Ok(()),
    }
}

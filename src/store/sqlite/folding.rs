//! From facts to calls: which call each event belongs to, and the call folded again from all of its
//! events.
//!
//! Events are put with their calls in order of their facts, off the reply's way, many in one
//! transaction; the calls are folded a little later, each once for all that came. A call's key
//! comes from the first fact that spoke of it, and of two calls that turn out to be one the smaller
//! key stays, so the rows are the same however the facts were batched.

use super::filter::{BUCKET_BITS, Filter};
use super::touched::Touched;
use super::{calls, feed, fetches, pulse};
use crate::call::{CallEvent, FeedGap, Moment, Tie};
use crate::pbx::{self, FeedNotice, Reading, Refusal};
use crate::store::{Interpreter, Result};
use rusqlite::{Connection, params};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Places for calls within one fact's number.
const CALLS_PER_FACT: i64 = 256;

/// Calls whose events are kept in memory, so that a living call is not read again for each of its
/// events.
pub const RECENT_CALLS_MAX: usize = 4096;

/// A delivery on its way from the log to the calls.
pub struct Unfolded {
    pub fact: i64,
    pub site: i64,
    pub source: i64,
    pub received_at: Moment,
    /// Out of a file: its call may be older than the window.
    pub record: bool,
    pub reading: std::result::Result<Reading, Refusal>,
    /// Its events were put with their calls before the daemon stopped; these were not folded.
    pub placed: bool,
}

impl Unfolded {
    /// How many events it tells of; a delivery is never for nothing.
    pub fn events(&self) -> usize {
        self.reading.as_ref().map_or(1, |reading| reading.events.len().max(1))
    }
}

/// Whence events come.
#[derive(Clone, Copy)]
struct Told {
    fact: i64,
    site: i64,
    source: i64,
    record: bool,
}

/// What was read before of a call.
#[derive(Default)]
struct Recent {
    events: Vec<CallEvent>,
    sources: BTreeSet<i64>,
}

/// The memory of the fold. All but what is touched can be read again and thrown away at any time.
pub struct Folding {
    touched: Touched,
    /// Calls that others became part of: those are gone, so these are folded with them.
    merged: BTreeSet<i64>,
    filter: Arc<Filter>,
    /// Oldest bucket in which ties of living calls are looked for.
    first_bucket: i64,
    calls: HashMap<i64, Recent>,
    order: VecDeque<i64>,
    ties: HashMap<(i64, String), i64>,
    notices: HashMap<(i64, i64), Vec<FeedNotice>>,
}

/// Names of sites and sources by key.
#[derive(Default, Clone)]
pub struct Names {
    pub sites: HashMap<i64, String>,
    pub sources: HashMap<i64, String>,
    /// Site name → source name → their keys.
    pub keys: HashMap<String, HashMap<String, (i64, i64)>>,
}

/// One transaction's fold.
pub struct Step<'a> {
    pub tx: &'a Connection,
    pub names: &'a Names,
    pub interpreter: &'a dyn Interpreter,
    pub as_of: Option<Moment>,
}

impl Folding {
    /// A memory before a filter of known ties.
    pub fn new(filter: Arc<Filter>, first_fact: i64) -> Self {
        Self {
            touched: Touched::default(),
            merged: BTreeSet::new(),
            filter,
            first_bucket: first_fact >> BUCKET_BITS,
            calls: HashMap::new(),
            order: VecDeque::new(),
            ties: HashMap::new(),
            notices: HashMap::new(),
        }
    }

    /// Whether there are calls that only a record can still belong to.
    pub fn has_past(&self) -> bool {
        self.first_bucket > 0
    }

    /// Forgets everything that can be read again.
    pub fn forget(&mut self) {
        self.calls = Default::default();
        self.order = Default::default();
        self.ties = Default::default();
        self.notices = Default::default();
    }

    /// Forgets which calls wait to be folded: their facts are read again.
    pub fn forget_touched(&mut self) {
        self.touched = Touched::default();
        self.merged.clear();
    }

    /// Calls that events were put with and that wait to be folded.
    pub fn waiting(&self) -> usize {
        self.touched.len()
    }

    /// The newest fact up to which everything is folded, once everything is placed up to `placed`.
    pub fn folded_to(&self, placed: i64) -> i64 {
        self.touched.first().map_or(placed, |fact| fact - 1)
    }

    /// Places deliveries and folds their calls at once.
    pub fn fold(&mut self, step: &Step<'_>, waiting: Vec<Unfolded>) -> Result<()> {
        self.place(step, waiting)?;
        self.fold_touched(step, i64::MAX, usize::MAX)
    }

    /// Puts the events of deliveries with their calls, in order of their facts.
    pub fn place(&mut self, step: &Step<'_>, waiting: Vec<Unfolded>) -> Result<()> {
        let mut beats = pulse::Beats::default();
        for unfolded in waiting {
            let (fact, site, source) = (unfolded.fact, unfolded.site, unfolded.source);
            if !unfolded.placed {
                beats.learn(&unfolded);
            }
            let told = Told { fact, site, source, record: unfolded.record };
            match unfolded.reading {
                Err(refusal) => note_unread(step, site, fact, unfolded.received_at, &refusal)?,
                Ok(reading) => {
                    self.place_events(step, told, reading.events)?;
                    if !reading.feed.is_empty() {
                        self.notice(step, fact, site, source, &reading.feed)?;
                        for call in calls::alive(step.tx, site)? {
                            self.touched.touch(call, site, fact);
                        }
                    }
                }
            }
        }
        beats.save(step)
    }

    /// Folds calls that others became part of, and of those that were touched by a fact up to
    /// `since` so many that have waited longest; and marks the days they changed.
    pub fn fold_touched(&mut self, step: &Step<'_>, since: i64, at_most: usize) -> Result<()> {
        let merged = std::mem::take(&mut self.merged).into_iter();
        let mut ripe: Vec<(i64, i64)> =
            merged.filter_map(|call| Some((call, self.touched.take(call)?))).collect();
        ripe.extend(std::iter::from_fn(|| self.touched.next(since)).take(at_most));
        let mut days = BTreeSet::new();
        for (call, site) in ripe {
            if let Some(day) = self.fold_call(step, call, site)? {
                days.insert((site, day));
            }
        }
        self.forget_old();
        days.iter().try_for_each(|(site, day)| calls::mark_dirty(step.tx, *site, day, 0))
    }

    /// Puts each event with its call.
    fn place_events(&mut self, step: &Step<'_>, told: Told, events: Vec<CallEvent>) -> Result<()> {
        let Told { fact, site, source, record } = told;
        let mut touched = BTreeSet::new();
        let mut created = BTreeSet::new();
        let mut fresh = 0;
        for event in events {
            let mut known = BTreeSet::new();
            let mut unknown = Vec::new();
            for tie in &event.ties {
                match self.call_of(step.tx, site, tie, record)? {
                    Some(call) => drop(known.insert(call)),
                    None => unknown.push(tie.clone()),
                }
            }
            let call = known.first().copied().unwrap_or_else(|| {
                fresh += 1;
                created.insert(fact * CALLS_PER_FACT + fresh - 1);
                fact * CALLS_PER_FACT + fresh - 1
            });
            for tie in unknown {
                self.tie(step.tx, site, &tie, call)?;
            }
            for other in known.into_iter().filter(|other| *other != call) {
                self.merge(step, site, other, call)?;
                touched.remove(&other);
                created.remove(&call);
            }
            if touched.insert(call) {
                step.tx
                    .prepare_cached("INSERT OR IGNORE INTO call_fact VALUES (?1, ?2)")?
                    .execute([call, fact])?;
                self.touched.touch(call, site, fact);
            }
            if created.remove(&call) {
                self.calls.insert(call, Recent::default());
                self.order.push_back(call);
            }
            self.remember(step, call, source, event)?;
        }
        Ok(())
    }

    /// The call of a tie: one of the window, or of any age for a record out of a file.
    fn call_of(
        &mut self,
        tx: &Connection,
        site: i64,
        tie: &Tie,
        record: bool,
    ) -> Result<Option<i64>> {
        let text = tie_text(tie);
        if let Some(call) = self.ties.get(&(site, text.clone())) {
            return Ok(Some(*call));
        }
        let key = tie_key(site, &text);
        let past = record && self.has_past();
        if !past && !self.filter.may_hold(key) {
            return Ok(None);
        }
        let first_bucket = if past { 0 } else { self.first_bucket };
        let call = calls::tied(tx, first_bucket, key, site, &text)?;
        if let Some(call) = call {
            self.ties.insert((site, text), call);
        }
        Ok(call)
    }

    fn tie(&mut self, tx: &Connection, site: i64, tie: &Tie, call: i64) -> Result<()> {
        let text = tie_text(tie);
        let key = tie_key(site, &text);
        self.filter.insert(key);
        tx.prepare_cached("INSERT OR IGNORE INTO tie VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![calls::bucket_of(call), key, site, text, call])?;
        self.ties.insert((site, text), call);
        Ok(())
    }

    /// Two calls turned out to be one: the older key stays.
    fn merge(&mut self, step: &Step<'_>, site: i64, other: i64, call: i64) -> Result<()> {
        let tx = step.tx;
        let name = step.names.sites.get(&site).map_or("", String::as_str);
        for at in calls::times_beside(tx, site, other)? {
            calls::mark_dirty(tx, site, &step.interpreter.day(name, at), 0)?;
        }
        tx.execute("UPDATE tie SET call = ?2 WHERE call = ?1", [other, call])?;
        tx.execute(
            "INSERT OR IGNORE INTO call_fact SELECT ?2, fact FROM call_fact WHERE call = ?1",
            [other, call],
        )?;
        tx.execute("DELETE FROM call_fact WHERE call = ?1", [other])?;
        calls::remove(tx, site, other)?;
        fetches::merge(tx, other, call)?;
        self.touched.merge(other, call);
        self.merged.remove(&other);
        self.merged.insert(call);
        self.ties.retain(|_, known| *known != other);
        self.calls.remove(&other);
        self.calls.remove(&call);
        Ok(())
    }

    /// Adds an event to the call's events in memory. A call that is not there is read, this event
    /// included.
    fn remember(
        &mut self,
        step: &Step<'_>,
        call: i64,
        source: i64,
        event: CallEvent,
    ) -> Result<()> {
        if let Some(recent) = self.calls.get_mut(&call) {
            recent.events.push(event);
            recent.sources.insert(source);
            return Ok(());
        }
        self.calls.insert(call, read_call(step, call, None)?);
        self.order.push_back(call);
        Ok(())
    }

    /// Folds one call again and keeps what came out; the local day it belongs to. `None` when its
    /// events give no call.
    pub fn fold_call(&mut self, step: &Step<'_>, call: i64, site: i64) -> Result<Option<String>> {
        if let Entry::Vacant(place) = self.calls.entry(call) {
            place.insert(read_call(step, call, None)?);
            self.order.push_back(call);
        }
        let sources = self.calls.get(&call).map(|recent| recent.sources.clone());
        let gaps = self.gaps(step.tx, site, &sources.unwrap_or_default())?;
        let Some(recent) = self.calls.get(&call) else { return Ok(None) };
        let name = step.names.sites.get(&site).map_or("", String::as_str);
        let Some(folded) = step.interpreter.fold(name, &recent.events, &gaps, step.as_of) else {
            return Ok(None);
        };
        let seen_at = recent.events.iter().map(|event| event.at.latest).max();
        let day = step.interpreter.day(name, folded.offered_at);
        if !folded.recordings.is_empty() {
            let first_bucket = self.first_bucket;
            let told = fetches::Told { site, call, folded: &folded, first_bucket };
            let sources = &recent.sources;
            fetches::announce(step, &told, |reference| {
                announcer(step, (site, call), sources, reference)
            })?;
        }
        calls::save(step.tx, site, call, seen_at.unwrap_or(folded.offered_at), folded)?;
        Ok(Some(day))
    }

    fn gaps(
        &mut self,
        tx: &Connection,
        site: i64,
        sources: &BTreeSet<i64>,
    ) -> Result<Vec<FeedGap>> {
        let mut gaps = Vec::new();
        for source in sources {
            let notices = match self.notices.entry((site, *source)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(feed::notices(tx, site, *source)?),
            };
            if !notices.is_empty() {
                gaps.extend(pbx::gaps(notices));
            }
        }
        Ok(gaps)
    }

    /// Keeps what was told of a feed, marks the days on which that is found, and forgets what was
    /// known of it.
    fn notice(
        &mut self,
        step: &Step<'_>,
        fact: i64,
        site: i64,
        source: i64,
        told: &[FeedNotice],
    ) -> Result<()> {
        feed::save(step.tx, site, source, fact, told)?;
        self.notices.remove(&(site, source));
        let name = step.names.sites.get(&site).map_or("", String::as_str);
        for notice in told {
            let (FeedNotice::Lost { at } | FeedNotice::Back { at, .. }) = notice;
            if let Some(lost) = feed::lost_before(step.tx, site, source, *at)? {
                let day = step.interpreter.day(name, lost);
                calls::mark_dirty(step.tx, site, &day, 0)?;
            }
        }
        Ok(())
    }

    fn forget_old(&mut self) {
        while self.order.len() > RECENT_CALLS_MAX {
            if let Some(call) = self.order.pop_front() {
                self.calls.remove(&call);
            }
        }
        if self.ties.len() > 4 * RECENT_CALLS_MAX {
            self.ties.clear();
        }
    }
}

/// A call folded again from its deliveries, kept nowhere.
pub fn folded_again(step: &Step<'_>, call: i64, site: i64) -> Result<Option<crate::call::Call>> {
    let recent = read_call(step, call, None)?;
    let mut gaps = Vec::new();
    for source in &recent.sources {
        gaps.extend(pbx::gaps(&feed::notices(step.tx, site, *source)?));
    }
    let name = step.names.sites.get(&site).map_or("", String::as_str);
    Ok(step.interpreter.fold(name, &recent.events, &gaps, step.as_of))
}

/// 64 bits of a tie and its site (FNV-1a), the same on every machine.
pub fn tie_key(site: i64, text: &str) -> i64 {
    let bytes = site.to_be_bytes().into_iter().chain(text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    }) as i64
}

fn tie_text(tie: &Tie) -> String {
    match tie {
        Tie::Call(id) => format!("c:{id}"),
        Tie::Leg(id) => format!("l:{id}"),
        Tie::Bridge(id) => format!("b:{id}"),
    }
}

/// Which of a call's sources announced a recording.
fn announcer(
    step: &Step<'_>,
    (site, call): (i64, i64),
    sources: &BTreeSet<i64>,
    reference: &str,
) -> Result<Option<i64>> {
    if sources.len() == 1 {
        return Ok(sources.first().copied());
    }
    let name = step.names.sites.get(&site).map_or("", String::as_str);
    for source in sources {
        let own = read_call(step, call, Some(*source))?;
        let told = step.interpreter.fold(name, &own.events, &[], step.as_of);
        let announced = told.map(|call| call.recordings).unwrap_or_default();
        if announced.iter().any(|one| one.reference == reference) {
            return Ok(Some(*source));
        }
    }
    Ok(None)
}

/// Reads all deliveries that speak of a call, or those of one source, and keeps what they say of
/// it.
fn read_call(step: &Step<'_>, call: i64, of: Option<i64>) -> Result<Recent> {
    let mut recent = Recent::default();
    let facts = calls::facts_of(step.tx, call)?;
    for fact in facts.into_iter().filter(|fact| of.is_none_or(|source| fact.source == source)) {
        let source = step.names.sources.get(&fact.source).map_or("", String::as_str);
        let Ok(reading) = step.interpreter.read(source, &fact.delivery()) else { continue };
        for event in reading.events {
            if belongs(step.tx, &event, call)? {
                recent.events.push(event);
                recent.sources.insert(fact.source);
            }
        }
    }
    Ok(recent)
}

fn belongs(tx: &Connection, event: &CallEvent, call: i64) -> Result<bool> {
    let mut query = tx.prepare_cached("SELECT 1 FROM tie WHERE call = ?1 AND tie = ?2")?;
    for tie in &event.ties {
        if query.exists(params![call, tie_text(tie)])? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Notes that a delivery cannot be read, with the reason.
pub fn note_unread(
    step: &Step<'_>,
    site: i64,
    fact: i64,
    received_at: Moment,
    refusal: &Refusal,
) -> Result<()> {
    step.tx
        .prepare_cached("INSERT OR REPLACE INTO unread VALUES (?1, ?2, ?3)")?
        .execute(params![fact, site, refusal.to_string()])?;
    let name = step.names.sites.get(&site).map_or("", String::as_str);
    calls::mark_dirty(step.tx, site, &step.interpreter.day(name, received_at), 0)
}

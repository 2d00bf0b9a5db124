//! The route of a question: one read snapshot, a pure answer.

use super::error::{Error, Kind, Result};
use super::interpret::Rules;
use super::sources::{SourceState, states};
use crate::audit::{self, CallFact, EntryFact, Facts, Question, RecordingFact, Report};
use crate::call::Moment;
use crate::finding::About;
use crate::job::relink::{self, start_of};
use crate::ledger::version::{Change, changes};
use crate::linkage::Proposal;
use crate::linkage::habits::Habit;
use crate::linkage::why::{Asked, Why};
use crate::party::PhoneNumber;
use crate::site::Site;
use crate::store::sqlite::entries::Version;
use crate::store::sqlite::erasures::{self, Tombstone};
pub use crate::store::sqlite::fetches::{Fetch, State as FetchState};
use crate::store::sqlite::findings;
pub use crate::store::sqlite::findings::{Kept, Wanted, place_of};
use crate::store::sqlite::{beliefs, calls, entries, fetches, holds, links, recordings, window};
use crate::store::{self, Connection, Store};
use chrono::Days;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Longest span of an audit, in days.
const DAYS_MAX: i64 = 400;

/// Rows that a look-up shows.
const FOUND_MAX: usize = 50;

/// Longest that a question waits for what was acknowledged before it and is not folded yet: the
/// fold comes within a tenth of a second, unless a flood keeps it.
const FOLD_WAIT_MAX: Duration = Duration::from_secs(1);

/// Everything the route needs for the questions of one asker.
///
/// They tell of all that was acknowledged before the first of them, so that who delivers and then
/// looks finds what he delivered.
#[derive(Clone)]
pub struct Answers {
    store: Store,
    rules: Arc<Rules>,
    caught_up: Arc<OnceCell<()>>,
}

/// What was learned of a site's way of writing, and from how much.
#[derive(Debug, serde::Serialize)]
pub struct HabitsAnswer {
    pub at: Moment,
    pub calls: usize,
    pub entries: usize,
    /// In sentences; each with the name by which `habits_off` switches it off.
    pub habits: Vec<Habit>,
    pub off: Vec<String>,
}

/// A call with everything that hangs on it.
pub struct CallAnswer {
    pub site: Site,
    pub fact: CallFact,
    pub recordings: Vec<RecordingFact>,
    /// Files that it announced and that are fetched, or should be.
    pub fetches: Vec<Fetch>,
    pub entry: Option<EntryFact>,
    pub link: Option<Proposal>,
    /// Entries that linking left to people, best first.
    pub proposed: Vec<(EntryFact, Proposal)>,
    pub findings: Vec<Kept>,
}

/// A recording with what was found about it.
pub struct RecordingAnswer {
    pub site: Site,
    pub fact: RecordingFact,
    /// What is left of it, where it was erased.
    pub tombstone: Option<Tombstone>,
    /// The thing under whose legal hold it is.
    pub held: Option<String>,
    pub findings: Vec<Kept>,
}

/// One version of an entry: its number, who wrote it, when, and what it changed.
pub type VersionAnswer = (u32, String, crate::call::Moment, Vec<Change>);

/// An entry with its versions and its link.
pub struct EntryAnswer {
    pub site: Site,
    pub fact: EntryFact,
    pub versions: Vec<VersionAnswer>,
    /// The versions as they were written.
    pub written: Vec<Version>,
    /// The recording without a call that it is linked to.
    pub recording: Option<RecordingFact>,
    pub call: Option<i64>,
    pub link: Option<Proposal>,
    pub findings: Vec<Kept>,
}

/// What a look-up found, newest first.
#[derive(Default)]
pub struct FoundAnswer {
    pub calls: Vec<CallFact>,
    pub entries: Vec<EntryFact>,
}

/// A site with the store's key of it.
fn known_site<'a>(rules: &'a Rules, store: &Store, id: &str) -> Result<(&'a Site, i64)> {
    let site = rules.sites.get(id).ok_or_else(|| Error::not_found(format!("site `{id}`")))?;
    Ok((site, store.site(id)?))
}

impl RecordingAnswer {
    /// The recording, to be played.
    ///
    /// # Errors
    /// [`Kind::Gone`] with its tombstone when it was erased.
    pub fn playable(&self) -> Result<&RecordingFact> {
        let Some(tombstone) = &self.tombstone else { return Ok(&self.fact) };
        let (day, why) = (tombstone.at.date_naive(), &tombstone.why);
        Err(Error::new(Kind::Gone, format!("the recording was erased on {day}: {why}")))
    }
}

impl Answers {
    /// The route over a store, under these rules.
    pub fn new(store: Store, rules: Arc<Rules>) -> Self {
        Self { store, rules, caught_up: Arc::default() }
    }

    /// The site of this name; the first one where none is named.
    ///
    /// # Errors
    /// [`Kind::NotFound`] with the sites there are.
    pub fn site(&self, id: Option<&str>) -> Result<&Site> {
        let first = || self.rules.sites.values().next();
        let found = id.map_or_else(first, |id| self.rules.sites.get(id));
        found.ok_or_else(|| {
            let known: Vec<&str> = self.rules.sites.keys().map(String::as_str).collect();
            let text =
                format!("no site `{}`; there are {}", id.unwrap_or_default(), known.join(", "));
            Error::new(Kind::NotFound, text)
        })
    }

    /// How the sources of a site stand.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sources(&self, site: &str, as_of: Moment) -> Result<Vec<SourceState>> {
        let (site, key) = known_site(&self.rules, &self.store, site)?;
        let (site, names) = (site.clone(), self.rules.sources_of(&site.id));
        self.read(move |connection| states(connection, &site, key, &names, as_of)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> store::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.caught_up.get_or_init(|| self.wait_for_fold()).await;
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || store.read(question)).await;
        Ok(read.map_err(|error| Error::new(Kind::Internal, error.to_string()))??)
    }

    /// What was asked for by its name. That there is no such thing is said only when everything
    /// is folded, however long that takes.
    async fn sought<T: Send + 'static>(
        &self,
        question: impl Fn(&Connection) -> store::Result<Option<T>> + Clone + Send + 'static,
    ) -> Result<Option<T>> {
        if let Some(found) = self.read(question.clone()).await? {
            return Ok(Some(found));
        }
        self.store.folded().await;
        self.read(question).await
    }

    async fn wait_for_fold(&self) {
        if tokio::time::timeout(FOLD_WAIT_MAX, self.store.folded()).await.is_err() {
            tracing::debug!("a question did not wait for the fold: it is behind");
        }
    }

    /// The facts of a question.
    ///
    /// # Errors
    /// [`Kind::Invalid`] for days in the wrong order or too many.
    pub async fn facts(&self, question: &Question) -> Result<Facts> {
        let (site, key) = known_site(&self.rules, &self.store, &question.site)?;
        let days = (question.to - question.from).num_days();
        if !(0..DAYS_MAX).contains(&days) {
            let text = format!("`from` must not lie after `to`, nor {DAYS_MAX} days before it");
            return Err(Error::new(Kind::Invalid, text));
        }
        let after = question.to.checked_add_days(Days::new(1)).unwrap_or(question.to);
        let (from, to) = (start_of(site, question.from), start_of(site, after));
        let site = site.clone();
        self.read(move |connection| window::facts(connection, &site, key, from, to)).await
    }

    /// The report of a question.
    ///
    /// # Errors
    /// As [`Answers::facts`]; [`Kind::Internal`] when the books do not balance: then there
    /// is no report.
    pub async fn audit(&self, question: &Question) -> Result<Report> {
        let facts = self.facts(question).await?;
        audit::answer(question, &facts)
            .map_err(|imbalance| Error::new(Kind::Internal, imbalance.to_string()))
    }

    /// A page of stored findings, oldest first.
    ///
    /// # Errors
    /// When the site is not known or the disk fails.
    pub async fn findings(&self, site: &str, wanted: Wanted) -> Result<Vec<Kept>> {
        let (_, key) = known_site(&self.rules, &self.store, site)?;
        self.read(move |connection| findings::page(connection, key, &wanted)).await
    }

    /// A call, folded again from its deliveries so that legs and timeline are there.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub async fn call(&self, key: i64) -> Result<CallAnswer> {
        let (store, rules) = (self.store.clone(), Arc::clone(&self.rules));
        self.read(move |connection| {
            let (site, fact) = store.call_whole(connection, &*rules, key)?;
            let link = links::of_contact(connection, site, key)?;
            let entry = match &link {
                Some((link, _)) => Some(entries::by_key(connection, link.entry)?),
                None => None,
            };
            let about = About { call: Some(key), ..About::default() };
            Ok(CallAnswer {
                site: site_of(&rules, &store, site)?,
                recordings: recordings::of_call(connection, site, key)?,
                fetches: fetches::of_call(connection, key)?,
                findings: findings::about(connection, site, about)?,
                proposed: proposed(connection, site, key)?,
                entry,
                link: link.map(|(_, proposal)| proposal),
                fact,
            })
        })
        .await
    }

    /// A recording.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub async fn recording(&self, key: i64) -> Result<RecordingAnswer> {
        let (store, rules) = (self.store.clone(), Arc::clone(&self.rules));
        self.read(move |connection| {
            let fact = recordings::recording(connection, key)?;
            let site = store::sqlite::site_of_fact(connection, key)?;
            let about = About { recording: Some(key), ..About::default() };
            let findings = findings::about(connection, site, about)?;
            Ok(RecordingAnswer {
                site: site_of(&rules, &store, site)?,
                tombstone: erasures::tombstone(connection, key)?,
                held: holds::held(connection, site)?.by(&fact).cloned(),
                fact,
                findings,
            })
        })
        .await
    }

    /// An entry with its versions.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub async fn entry(&self, key: i64) -> Result<EntryAnswer> {
        let (store, rules) = (self.store.clone(), Arc::clone(&self.rules));
        self.read(move |connection| {
            let fact = entries::by_key(connection, key)?;
            let site = store::sqlite::site_of_fact(connection, key)?;
            let link = links::of_entry(connection, key)?;
            let about = About { entry: Some(key), ..About::default() };
            Ok(EntryAnswer {
                site: site_of(&rules, &store, site)?,
                versions: versions(connection, key)?,
                written: entries::versions(connection, key)?,
                recording: match link.as_ref().and_then(|(link, _)| link.recording) {
                    Some(key) => Some(recordings::recording(connection, key)?),
                    None => None,
                },
                findings: findings::about(connection, site, about)?,
                call: link.as_ref().and_then(|(link, _)| link.call),
                link: link.map(|(_, proposal)| proposal),
                fact,
            })
        })
        .await
    }

    /// The entry of a number of its own.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub async fn entry_of(&self, site: &str, entry_id: &str) -> Result<EntryFact> {
        let (_, key) = known_site(&self.rules, &self.store, site)?;
        let id = entry_id.to_owned();
        let found = self.read(move |connection| entries::by_id(connection, key, &id)).await?;
        found.ok_or_else(|| Error::not_found(format!("entry `{entry_id}`")))
    }

    /// The key of a call by any of its ids.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub async fn call_key(&self, site: &str, id: &str) -> Result<i64> {
        let (_, key) = known_site(&self.rules, &self.store, site)?;
        let asked = id.to_owned();
        let found = self.sought(move |connection| calls::key_of(connection, key, &asked)).await?;
        found.ok_or_else(|| Error::not_found(format!("call `{id}`")))
    }

    /// What is left of a recording, where it was erased.
    ///
    /// # Errors
    /// When the row cannot be read.
    pub async fn tombstone(&self, recording: i64) -> Result<Option<Tombstone>> {
        self.read(move |connection| erasures::tombstone(connection, recording)).await
    }

    /// Where the chain of a site's facts stands: their count, and the newest value in hex.
    ///
    /// # Errors
    /// When the site is not known or the disk fails.
    pub async fn chain(&self, site: &str) -> Result<(i64, String)> {
        let (_, key) = known_site(&self.rules, &self.store, site)?;
        self.read(move |connection| store::sqlite::chain_end(connection, key)).await
    }

    /// Why an entry (by its number), a call (by its id) or a recording (by its hash) is linked as
    /// it is.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is nothing of that name.
    pub async fn why(&self, site: &str, what: &str) -> Result<Why> {
        let (site, key) = known_site(&self.rules, &self.store, site)?;
        let (site, name) = (site.clone(), what.to_owned());
        let found = self.sought(move |connection| {
            let Some((asked, about)) = asked(connection, key, &name)? else { return Ok(None) };
            relink::why(connection, relink::At { site: &site, key }, about, asked).map(Some)
        });
        let gone = || Error::not_found(format!("entry, call or recording `{what}`"));
        found.await?.ok_or_else(gone)
    }

    /// What was learned of a site's way of writing; nothing where nothing was yet.
    ///
    /// # Errors
    /// When the site is not known or the row cannot be read.
    pub async fn habits(&self, site: &str) -> Result<Option<HabitsAnswer>> {
        let (_, key) = known_site(&self.rules, &self.store, site)?;
        let found = self.read(move |connection| beliefs::learned(connection, key)).await?;
        Ok(found.map(|(at, learned)| HabitsAnswer {
            at,
            calls: learned.calls,
            entries: learned.entries,
            habits: learned.habits,
            off: learned.off,
        }))
    }

    /// Calls and entries of a number, or entries with words in them.
    ///
    /// # Errors
    /// When the site is not known or the disk fails.
    pub async fn search(&self, site: &str, asked: &str) -> Result<FoundAnswer> {
        let (_, key) = known_site(&self.rules, &self.store, site)?;
        let asked = asked.trim().to_owned();
        if asked.is_empty() {
            return Ok(FoundAnswer::default());
        }
        self.read(move |connection| {
            let digits = PhoneNumber::known(&asked).map(|n| n.folded()).unwrap_or_default();
            let is_number = digits.len() >= 3 && !asked.chars().any(char::is_alphabetic);
            let mut found = FoundAnswer::default();
            if is_number {
                found.calls = calls::of_number(connection, key, &digits, FOUND_MAX)?;
                found.entries = entries::of_number(connection, key, &digits, FOUND_MAX)?;
            }
            if found.calls.is_empty() && found.entries.is_empty() {
                found.entries = entries::with_words(connection, key, &asked, FOUND_MAX)?;
            }
            Ok(found)
        })
        .await
    }
}

/// What a name names, and when that was.
fn asked(connection: &Connection, site: i64, name: &str) -> store::Result<Option<(Asked, Moment)>> {
    if let Some(fact) = entries::by_id(connection, site, name)? {
        return Ok(Some((Asked::Entry(fact.key), entries::happened_at(&fact.entry))));
    }
    if let Some(call) = calls::key_of(connection, site, name)? {
        return Ok(Some((Asked::Contact(call), calls::time_of(connection, call)?)));
    }
    let Ok(hash) = name.parse() else { return Ok(None) };
    let Some(fact) = recordings::by_hash(connection, site, &hash)? else { return Ok(None) };
    let contact = fact.call.unwrap_or(-fact.key);
    Ok(Some((Asked::Contact(contact), fact.at())))
}

fn site_of(rules: &Rules, store: &Store, key: i64) -> store::Result<Site> {
    let names = store.names();
    let name = names.sites.get(&key).map_or("", String::as_str);
    let gone = || Site::new(name, crate::site::SiteSettings::default());
    Ok(rules.sites.get(name).cloned().unwrap_or_else(gone))
}

/// Entries that fit a call and that nobody decided about, best first.
fn proposed(
    connection: &Connection,
    site: i64,
    call: i64,
) -> store::Result<Vec<(EntryFact, Proposal)>> {
    let open = links::open_of(connection, site, 0, call)?;
    let mut proposals: Vec<Proposal> = open.suggested.into_iter().chain(open.ambiguous).collect();
    proposals.sort_by(|one, other| other.probability.total_cmp(&one.probability));
    proposals
        .into_iter()
        .map(|proposal| Ok((entries::by_key(connection, proposal.entry)?, proposal)))
        .collect()
}

fn versions(connection: &Connection, key: i64) -> store::Result<Vec<VersionAnswer>> {
    let all = entries::versions(connection, key)?;
    let mut before = None;
    let mut answers = Vec::new();
    for version in all {
        let changed =
            before.as_ref().map_or_else(Vec::new, |before| changes(before, &version.entry));
        answers.push((version.version, version.who, version.at, changed));
        before = Some(version.entry);
    }
    Ok(answers)
}

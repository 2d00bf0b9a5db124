//! Archive renditions, off every request's path: of recordings that are old enough by the settings
//! of their site. One at a time; stopped at any moment it goes on where it was.

use crate::audio::child::Listeners;
use crate::audit::RecordingFact;
use crate::call::Moment;
use crate::clock;
use crate::flow::archive::Archive;
use crate::flow::archive_rendition::{Outcome, make};
use crate::flow::interpret::Rules;
use crate::site::{Site, SiteSettings};
use crate::stop::Stop;
use crate::store::Result;
use crate::store::sqlite::{erasures, renditions};
use chrono::TimeDelta;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Recordings looked up at a time.
const BATCH: usize = 64;
/// The first look after the daemon's start, so that links stand.
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// What came of a look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Done {
    pub made: usize,
    pub saved_bytes: u64,
    /// Those that FLAC makes no smaller.
    pub no_smaller: usize,
    /// Those that could not be decoded, did not come back the same, or were changed.
    pub failed: usize,
}

/// Looks until it is told to stop.
pub async fn run(
    archive: Arc<Archive>,
    rules: impl Fn() -> Arc<Rules>,
    listeners: Arc<Listeners>,
    every: Duration,
    mut stop: Stop,
) {
    let (mut pause, mut given_up) = (every.min(FIRST_AFTER), HashSet::new());
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.heard() => return,
        }
        pause = every;
        let look = once(&archive, &rules(), &listeners, &mut given_up, clock::now(), &stop).await;
        match look {
            Ok(Done { made: 0, failed: 0, .. }) => {}
            Ok(done) => tracing::info!(?done, "archive renditions"),
            Err(error) => tracing::error!(%error, "archiving stopped; it is tried again"),
        }
    }
}

/// Makes what is due as of a moment. What was tried in vain is in `given_up`, and is left.
///
/// # Errors
/// When the store fails; what is made is kept.
pub async fn once(
    archive: &Arc<Archive>,
    rules: &Rules,
    listeners: &Arc<Listeners>,
    given_up: &mut HashSet<i64>,
    as_of: Moment,
    stop: &Stop,
) -> Result<Done> {
    let mut done = Done::default();
    for site in rules.sites.values() {
        let (settings, key) = (site.settings_at(as_of).clone(), archive.store.site(&site.id)?);
        let mut after = 0;
        while let Some((last, facts)) = due(archive, key, &settings, after, as_of).await? {
            for fact in facts {
                if given_up.contains(&fact.key) {
                    continue;
                }
                if stop.is_said() {
                    return Ok(done);
                }
                if !one(archive, listeners, (site, key), &fact, as_of, &mut done).await {
                    given_up.insert(fact.key);
                }
            }
            after = last;
        }
    }
    listeners.rest();
    Ok(done)
}

/// The next recordings that are old enough, and the last that was looked at; nothing at the end.
async fn due(
    archive: &Archive,
    site: i64,
    settings: &SiteSettings,
    after: i64,
    as_of: Moment,
) -> Result<Option<(i64, Vec<RecordingFact>)>> {
    let ages = settings.archive_days_of.values().copied().chain(settings.archive_days);
    let Some(least) = ages.min() else { return Ok(None) };
    let settings = settings.clone();
    let begun_before = move |days: u32| as_of - TimeDelta::days(days.into());
    archive
        .ask(move |connection| {
            let before = begun_before(least) + TimeDelta::microseconds(1);
            let facts = renditions::unarchived(connection, site, before, after, BATCH)?;
            let Some(last) = facts.last().map(|fact| fact.key) else { return Ok(None) };
            let mut due = Vec::new();
            for fact in facts.into_iter().filter(|fact| fact.recording.is_archivable()) {
                let class = erasures::class_of(connection, site, &fact)?;
                let days = class.archive_days(&settings);
                if days.is_some_and(|days| fact.at() <= begun_before(days)) {
                    due.push(fact);
                }
            }
            Ok(Some((last, due)))
        })
        .await
}

/// Whether it need not be tried again.
async fn one(
    archive: &Arc<Archive>,
    listeners: &Arc<Listeners>,
    (site, key): (&Site, i64),
    fact: &RecordingFact,
    at: Moment,
    done: &mut Done,
) -> bool {
    match make(archive, listeners, (&site.id, key), fact, at).await {
        Ok(Outcome::Made { saved_bytes }) => {
            (done.made, done.saved_bytes) = (done.made + 1, done.saved_bytes + saved_bytes);
            return true;
        }
        Ok(Outcome::Unwanted) => return true,
        Ok(Outcome::NoSmaller) => done.no_smaller += 1,
        Ok(Outcome::Changed) => done.failed += 1,
        Err(error) => {
            tracing::warn!(%error, recording = fact.key, "no archive rendition of it");
            done.failed += 1;
        }
    }
    false
}

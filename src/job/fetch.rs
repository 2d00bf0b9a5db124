//! Fetching the recordings that phone systems announce by address or path: off every request's
//! path, some at a time. The queue lies in the store, so nothing is lost by a restart; what came
//! half is gone on with where its host offers that, else fetched again from its beginning.

use crate::audit::CallFact;
use crate::call::Moment;
use crate::clock::{self, Watch};
use crate::flow::archive::Archive;
use crate::flow::arriving::Arriving;
use crate::flow::interpret::{Rules, Source};
use crate::object::{Incoming, Part};
use crate::recording::{Hints, reference};
use crate::source::fetch::{Begun, Coming, Fault, Settings};
use crate::source::path;
use crate::stop::Stop;
use crate::store::sqlite::calls;
use crate::store::sqlite::fetches::{self, Fetch};
use crate::store::{self, Error};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Pauses before a file is tried again: the first, doubled each time up to the longest.
const RETRY_FIRST: Duration = Duration::from_secs(5);
const RETRY_MAX: Duration = Duration::from_secs(600);
/// A host that wants to be left alone longer is asked after this all the same, if grace is left.
const WAIT_MAX: Duration = Duration::from_secs(86_400);
/// How often the queue is looked through, for what no fold told.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// With other settings, what was given up within this time is tried once more.
const AGAIN_WITHIN: TimeDelta = TimeDelta::days(7);

/// How the recordings of one source are had.
pub struct Way {
    pub settings: Settings,
    pub folders: Vec<PathBuf>,
}

/// What holds by the settings.
pub struct Ways {
    pub rules: Arc<Rules>,
    pub of_source: BTreeMap<String, Way>,
}

/// Everything the job needs.
pub struct Fetching {
    archive: Arc<Archive>,
    ways: RwLock<Arc<Ways>>,
}

/// Takes what is due until it is told to stop.
pub async fn run(fetching: Arc<Fetching>, at_a_time: usize, mut stop: Stop) {
    fetching.again(clock::now()).await;
    fetching.sweep().await;
    let mut folds = fetching.archive.store.folds();
    let mut running = JoinSet::new();
    let mut in_flight: BTreeMap<tokio::task::Id, i64> = BTreeMap::new();
    loop {
        let free = at_a_time - in_flight.len().min(at_a_time);
        let wait = match fetching.next(free, &in_flight, clock::now()).await {
            Ok((due, wait)) => {
                for fetch in due {
                    let (fetching, key) = (Arc::clone(&fetching), fetch.key);
                    let task =
                        running.spawn(async move { fetching.take(fetch, clock::now()).await });
                    in_flight.insert(task.id(), key);
                }
                wait
            }
            Err(error) => {
                tracing::error!(%error, "the queue of recordings was not read; tried again");
                LOOK_EVERY
            }
        };
        tokio::select! {
            Some(done) = running.join_next_with_id() => {
                let id = done.map_or_else(|error| error.id(), |(id, ())| id);
                in_flight.remove(&id);
            }
            // The store is closed when nobody can tell of folds any more.
            Ok(()) = folds.changed() => {}
            () = tokio::time::sleep(wait) => {}
            () = stop.heard() => return,
        }
    }
}

impl Fetching {
    /// A job over an archive.
    pub fn new(archive: Arc<Archive>, ways: Ways) -> Self {
        Self { archive, ways: RwLock::new(Arc::new(ways)) }
    }

    fn ways(&self) -> Arc<Ways> {
        Arc::clone(&self.ways.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes on other settings, and tries with them what was given up.
    pub async fn renew(&self, ways: Ways, as_of: Moment) {
        *self.ways.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ways);
        self.again(as_of).await;
    }

    async fn again(&self, as_of: Moment) {
        match self.archive.store.write(move |tx| tx.fetch_again(as_of, AGAIN_WITHIN)).await {
            Ok(0) => {}
            Ok(count) => {
                tracing::info!(count, "recordings that could not be fetched are tried once more")
            }
            Err(error) => tracing::error!(%error, "not tried again"),
        }
    }

    /// Forgets the parts of files that nothing waits for any more.
    async fn sweep(&self) {
        let objects = Arc::clone(&self.archive.objects);
        let swept = self.archive.ask(move |connection| {
            let waiting = fetches::all_waiting(connection)?;
            Ok(objects.sweep_parts(|key| waiting.contains(&key)))
        });
        let failed = match swept.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(failed, "parts of files were not looked through");
    }

    /// What is due and not on its way, so many at most; and until when nothing else is.
    async fn next(
        &self,
        free: usize,
        in_flight: &BTreeMap<tokio::task::Id, i64>,
        as_of: Moment,
    ) -> store::Result<(Vec<Fetch>, Duration)> {
        let reach = free + in_flight.len();
        let (mut due, next, waiting) = self
            .archive
            .ask(move |connection| {
                let due = fetches::due(connection, as_of, reach)?;
                let next = fetches::next_due(connection, as_of)?;
                Ok((due, next, fetches::waiting(connection)?))
            })
            .await?;
        self.archive.metrics.fetch_queue.set(waiting);
        due.retain(|fetch| !in_flight.values().any(|key| *key == fetch.key));
        due.truncate(free);
        let wait = next.and_then(|at| (at - as_of).to_std().ok()).unwrap_or(LOOK_EVERY);
        Ok((due, wait.min(LOOK_EVERY)))
    }

    /// Tries to take one file as of a moment, and keeps what came of it.
    pub async fn take(&self, fetch: Fetch, as_of: Moment) {
        let key = fetch.key;
        match self.try_to_take(fetch, as_of).await {
            Ok(()) => return,
            // Its call became part of another, and it with it.
            Err(Error::NotFound(_)) => {}
            Err(error) => tracing::error!(%error, fetch = key, "not kept; fetched again"),
        }
        // What could not be written down is due at once: not in a circle.
        tokio::time::sleep(RETRY_FIRST).await;
    }

    async fn try_to_take(&self, fetch: Fetch, as_of: Moment) -> store::Result<()> {
        let (ways, watch, call) = (self.ways(), Watch::start(), fetch.call);
        let call = self.archive.ask(move |connection| calls::call(connection, call)).await?;
        let names = self.archive.store.names();
        let name = names.sources.get(&fetch.source).map_or("", String::as_str);
        let metrics = &self.archive.metrics;
        let until = ways.until(name, &fetch, &call, as_of);
        let over = fetch.tries > 0 && until.is_some_and(|until| until <= as_of);
        if let Some(why) = fetch.error.clone().filter(|_| over) {
            tracing::warn!(
                fetch = fetch.key,
                source = name,
                why,
                "recording given up: its grace is over"
            );
            metrics.fetch_failed(name);
            self.discard(&ways, name, &fetch);
            return self.archive.store.write(move |tx| tx.fetch_failed(&fetch, &why, as_of)).await;
        }
        let taken = match ways.way(name) {
            Some((source, way)) => self.by_way(source, way, &fetch, &call, as_of).await,
            None => Err(Fault::lasting(format!("its source `{name}` is no longer configured"))),
        };
        let at = as_of + TimeDelta::from_std(watch.elapsed()).unwrap_or_default();
        let (store, key) = (&self.archive.store, fetch.key);
        if taken.as_ref().err().is_none_or(|fault| fault.lasting) {
            self.discard(&ways, name, &fetch);
        }
        match taken {
            Ok(recording) => {
                tracing::info!(fetch = key, source = name, recording, "recording fetched");
                metrics.fetched(name);
                store.write(move |tx| tx.fetched(key, recording, at)).await
            }
            Err(fault) if fault.lasting => {
                tracing::warn!(fetch = key, source = name, %fault, "recording given up");
                metrics.fetch_failed(name);
                store.write(move |tx| tx.fetch_failed(&fetch, &fault.text, at)).await
            }
            Err(fault) => {
                tracing::info!(fetch = key, source = name, %fault, "recording not fetched; tried again");
                let due = due_again(&fault, fetch.tries, at);
                let due = until.map_or(due, |until| due.min(until.max(at)));
                store.write(move |tx| tx.fetch_later(key, &fault.text, at, due)).await
            }
        }
    }

    /// Takes a file by address, or out of a folder. Gives its recording, where that is known.
    async fn by_way(
        &self,
        source: &Source,
        way: &Way,
        fetch: &Fetch,
        call: &CallFact,
        as_of: Moment,
    ) -> Result<Option<i64>, Fault> {
        let _arriving = OnItsWay::begin(&self.archive.arriving, fetch, call, as_of);
        let hints = |name: &str| hints(source, fetch, call, name);
        if let Some(address) = way.settings.address_of(&fetch.reference) {
            let coming = self.download(&source.site, &way.settings, fetch, &address, as_of);
            let whole = way.settings.limits.whole;
            let late = |_| Fault::passing(format!("it took more than {} s", whole.as_secs_f64()));
            let (name, incoming) = timeout(whole, coming).await.map_err(late)??;
            let (site, who) = (&source.site, &source.name);
            let admitted = self.archive.admit(site, incoming, hints(&name), None, as_of, who).await;
            return Ok(Some(admitted.map_err(unkept)?.id));
        }
        let (folders, path) = (way.folders.clone(), fetch.reference.clone());
        let located = tokio::task::spawn_blocking(move || path::locate(&folders, &path)).await;
        let arrival = located.map_err(|error| Fault::passing(error.to_string()))??;
        let name = arrival.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let taken = self.archive.take(&source.site, &arrival, hints(&name), as_of).await;
        Ok(taken.map_err(unkept)?.map(|admitted| admitted.id))
    }

    /// Streams a file to where bytes come in. Half way its part stays, if its host can tell later
    /// whether it is still the same file.
    async fn download(
        &self,
        site: &str,
        settings: &Settings,
        fetch: &Fetch,
        address: &str,
        as_of: Moment,
    ) -> Result<(String, Box<dyn Incoming>), Fault> {
        let part = self.archive.objects.part(site, fetch.key);
        let begun = part.as_ref().and_then(|part| part.begun(&fetch.file));
        let begun = begun.map(|begun| Begun { bytes: begun.bytes, validator: begun.validator });
        let mut coming = settings.open(address, as_of, begun.as_ref()).await?;
        let mut incoming = self.incoming(site, part, fetch, &coming).await?;
        while let Some(data) = coming.next().await? {
            incoming = self.archive.write(incoming, data).await.map_err(unkept)?;
        }
        Ok((coming.name, incoming))
    }
}

impl Fetching {
    /// Where the bytes of a file come in: after those that are here, or from the first.
    async fn incoming(
        &self,
        site: &str,
        part: Option<Part>,
        fetch: &Fetch,
        coming: &Coming,
    ) -> Result<Box<dyn Incoming>, Fault> {
        let disk = |error: std::io::Error| Fault::passing(format!("not kept: {error}"));
        let Some(part) = part else { return self.archive.begin(site).map_err(unkept) };
        if coming.from > 0 {
            tracing::info!(fetch = fetch.key, from = coming.from, "gone on with");
            return self.archive.go_on(site, part, coming.from).await.map_err(unkept);
        }
        let begun = match &coming.validator {
            Some(validator) => part.begin(&fetch.file, validator).map_err(disk)?,
            None => false,
        };
        if begun {
            return self.archive.go_on(site, part, 0).await.map_err(unkept);
        }
        part.discard();
        self.archive.begin(site).map_err(unkept)
    }

    fn discard(&self, ways: &Ways, source: &str, fetch: &Fetch) {
        let site = ways.rules.sources.get(source).map_or("", |source| source.site.as_str());
        if let Some(part) = self.archive.objects.part(site, fetch.key) {
            part.discard();
        }
    }
}

fn unkept(error: crate::flow::error::Error) -> Fault {
    Fault::passing(error.to_string())
}

/// When a file is tried again that failed at a moment, after so many failures before.
fn due_again(fault: &Fault, tries: i64, at: Moment) -> Moment {
    let doubled = RETRY_FIRST.saturating_mul(1 << tries.clamp(0, 16));
    let wait = fault.wait.unwrap_or_default().min(WAIT_MAX);
    at + TimeDelta::from_std(doubled.min(RETRY_MAX).max(wait)).unwrap_or_default()
}

/// What is known of a file from the call that announced it.
fn hints(source: &Source, fetch: &Fetch, fact: &CallFact, name: &str) -> Hints {
    let (told, call) = (source.names.hints(name, source.zone), &fact.call);
    let announced =
        call.recordings.iter().find(|one| reference::file(&one.reference) == fetch.file);
    let starts_at = announced.filter(|one| one.start_told).map(|one| one.starts_at);
    let starts_at = starts_at.or(told.starts_at);
    // A recorder that does not say when it began ends with its call, or has just ended.
    let ends = || call.ended_at.or(announced.map(|one| one.starts_at));
    Hints {
        call_id: Some(call.call_id.clone()),
        announced_as: Some(fetch.file.clone()),
        finished_at: if starts_at.is_none() { ends() } else { None },
        starts_at,
        ..told
    }
}

impl Ways {
    fn way(&self, source: &str) -> Option<(&Source, &Way)> {
        Some((self.rules.sources.get(source)?, self.of_source.get(source)?))
    }

    /// Until when a file is tried: its site's time of grace after the end of its call, or after the
    /// first try where that was later. A call that lives gives all the time there is.
    fn until(&self, source: &str, fetch: &Fetch, call: &CallFact, as_of: Moment) -> Option<Moment> {
        let ended_at = call.call.ended_at?;
        let site = self.rules.sources.get(source).and_then(|own| self.rules.sites.get(&own.site));
        let grace_s = site.map(|site| site.settings_at(call.call.offered_at).recording_grace_s);
        let from = ended_at.max(fetch.first_at.unwrap_or(as_of));
        Some(from + TimeDelta::seconds(grace_s.unwrap_or_default()))
    }
}

/// Shows a file as on its way while it lives.
struct OnItsWay<'a> {
    arriving: &'a Arriving,
    file: &'a str,
}

impl<'a> OnItsWay<'a> {
    fn begin(arriving: &'a Arriving, fetch: &'a Fetch, call: &CallFact, at: Moment) -> Self {
        let call_id = Some(call.call.call_id.clone());
        arriving.begin(&Hints { name: fetch.file.clone(), call_id, ..Hints::default() }, at);
        Self { arriving, file: &fetch.file }
    }
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.arriving.end(self.file);
    }
}

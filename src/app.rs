//! Wiring: settings to store, objects, adapters, server and jobs; reload and shutdown.

mod loops;

use crate::audio::child::{Limits as ListeningLimits, Listeners};
use crate::clock;
use crate::config::{Config, SourceConfig};
use crate::flow::answer::Answers;
use crate::flow::archive::Archive;
use crate::flow::arriving::Arriving;
use crate::flow::desk::Desk;
use crate::flow::export::Exchange;
use crate::flow::intake::Intake;
use crate::flow::interpret::{Rules, Source};
use crate::flow::keeping::{self, Keeping};
use crate::flow::rendition::Renditions;
use crate::job::{archive as archiving, fetch, follow, prove, retain, sweep, watch as watching};
use crate::metrics::Metrics;
use crate::object::sealed::Sealed;
use crate::object::{Gate, Stores, folder::Folder};
use crate::pbx::{self, generic::FieldMap, signature::PublicUrl};
use crate::stop::{self, Stop, Stopper};
use crate::store::sqlite::{Options, Store, database_in};
use crate::store::{Kind, sqlite};
use crate::web::server::{self, Limits, Shared};
use crate::web::session::Door;
use crate::web::state::State;
use chrono::TimeDelta;
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;

/// Announcements that may wait for a slow folder.
const ANNOUNCED_MAX: usize = 1024;

/// Why the daemon could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Settings(String),
    #[error("{path}: {error}")]
    Io { path: String, error: std::io::Error },
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    #[error("another ringledger runs on {0}; stop it first")]
    Taken(String),
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::Io { path, error }
}

/// The rules of some settings. They were checked when they were loaded.
///
/// # Errors
/// [`Error::Settings`] with what cannot be read.
pub fn rules(config: &Config) -> Result<Rules, Error> {
    let sites = config.sites().into_iter().map(|site| (site.id.clone(), site));
    let sources = config.sources.iter().map(|source| source_of(config, source));
    let named = |source: Source| (source.name.clone(), source);
    Ok(Rules {
        sites: sites.collect(),
        sources: sources.collect::<Result<Vec<_>, _>>()?.into_iter().map(named).collect(),
    })
}

fn source_of(config: &Config, source: &SourceConfig) -> Result<Source, Error> {
    let wrong = |why: String| Error::Settings(format!("source `{}`: {why}", source.name));
    let site = config.sites().into_iter().find(|site| site.id == source.site);
    let zone = match source.zone.as_str() {
        "" => site.map_or(chrono_tz::UTC, |site| site.settings_at(clock::now()).zone()),
        zone => zone.parse().map_err(|_| wrong(format!("no zone `{zone}`")))?,
    };
    let field_map = match source.field_map.as_str() {
        "" => None,
        path => {
            let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            Some(FieldMap::from_toml(&text).map_err(wrong)?)
        }
    };
    let allow = source.allow.iter().map(|range| range.parse());
    Ok(Source {
        name: source.name.clone(),
        site: source.site.clone(),
        pbx: pbx::named(&source.adapter).ok_or_else(|| wrong("no such adapter".into()))?,
        zone,
        field_map,
        secret: source.secret(),
        public_url: public_url(config, source).map_err(wrong)?,
        allow: allow.collect::<Result<_, String>>().map_err(wrong)?,
        names: source.file_names.parse().map_err(wrong)?,
        has_folders: !source.folders.is_empty(),
        fetches_names: !source.fetch_url.is_empty(),
    })
}

/// Where a source's sender calls us: as the source says, else as the whole house.
fn public_url(config: &Config, source: &SourceConfig) -> Result<Option<PublicUrl>, String> {
    let told = [&source.public_url, &config.server.public_url];
    told.into_iter().find(|url| !url.is_empty()).map(|url| url.parse()).transpose()
}

/// The data of a daemon, opened. While it lives no other daemon opens the same.
pub struct Data {
    pub store: Store,
    pub rules: Arc<Rules>,
    pub archive: Arc<Archive>,
    pub database: PathBuf,
    lock: Option<File>,
}

impl Data {
    /// Whether no daemon is at work on the same data.
    pub fn is_owner(&self) -> bool {
        self.lock.is_some()
    }
}

/// Opens the data of some settings. A command may do so beside a running daemon: then it only adds.
///
/// # Errors
/// [`Error`] when the folder or the database cannot be opened; [`Error::Taken`] when it
/// must be alone and is not.
pub fn open(config: &Config, alone: bool) -> Result<Data, Error> {
    let folder = PathBuf::from(&config.data.dir);
    std::fs::create_dir_all(&folder).map_err(io(&folder))?;
    let lock_path = folder.join("ringledger.lock");
    let lock = File::create(&lock_path).map_err(io(&lock_path))?;
    let owner = match lock.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) if alone => {
            return Err(Error::Taken(folder.display().to_string()));
        }
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(error)) => return Err(io(&lock_path)(error)),
    };
    let rules = Arc::new(rules(config)?);
    let database = database_in(&folder);
    let options = Options {
        path: database.clone(),
        sites: rules.names(),
        waiting_max: config.store.waiting_max,
        batch_max: config.store.batch_max,
        cache_kib: config.store.cache_kib,
        readers: config.store.readers,
        repeat_window_days: config.store.repeat_window_days,
        guest: !owner,
    };
    let store = Store::open(&options, rules.clone())?;
    let archive = Arc::new(Archive {
        store: store.clone(),
        objects: Arc::new(objects(config, owner)?),
        gate: Gate::in_folder(&folder),
        metrics: Arc::new(Metrics::default()),
        arriving: Arriving::default(),
        arrived: Arc::new(Notify::new()),
    });
    Ok(Data { store, rules, archive, database, lock: owner.then_some(lock) })
}

/// Where the recordings lie: sealed for sites that have a key, as they came for the others.
fn objects(config: &Config, owner: bool) -> Result<Stores, Error> {
    let folder = config.recordings_dir();
    let shared = if owner { Folder::open(&folder) } else { Folder::beside(&folder) };
    let shared = Arc::new(shared.map_err(io(&folder))?);
    let mut own = std::collections::BTreeMap::new();
    for site in &config.sites {
        let wrong = |(name, why)| Error::Settings(format!("site `{}`: {name}: {why}", site.id));
        let keys = site.keys().map_err(wrong)?;
        if !keys.0.is_empty() {
            let root = folder.join("sealed").join(&site.id);
            let sealed =
                if owner { Sealed::open(&root, keys) } else { Sealed::beside(&root, keys) };
            own.insert(site.id.clone(), Arc::new(sealed.map_err(io(&root))?));
        }
    }
    Ok(Stores::new(shared, own, folder))
}

/// The route of questions, for a command.
pub fn answers(data: &Data) -> Answers {
    Answers::new(data.store.clone(), data.rules.clone())
}

/// The route out of the house, for a command.
///
/// # Errors
/// [`Error::Settings`] when a key cannot be read.
pub fn exchange(config: &Config, data: &Data) -> Result<Exchange, Error> {
    let wrong = |(name, why)| Error::Settings(format!("exchange.{name}: {why}"));
    let columns = config.ledger.columns.clone();
    Ok(Exchange {
        archive: data.archive.clone(),
        answers: answers(data),
        desk: Desk { store: data.store.clone(), rules: data.rules.clone(), columns },
        signer: config.exchange.signer().map_err(wrong)?,
        trusted: config.exchange.trusted().map_err(wrong)?,
        domain: config.exchange.domain.clone(),
    })
}

/// The file in which a running daemon says where it listens.
pub fn address_file(folder: &Path) -> PathBuf {
    folder.join("ringledger.address")
}

/// How children listen.
///
/// # Errors
/// When our own program is not found.
pub fn listening(config: &Config) -> Result<Arc<Listeners>, Error> {
    let program = std::env::current_exe().map_err(io(Path::new("own program")))?;
    let listening = &config.listening;
    let (memory_mib_max, time_s_max) = (listening.memory_mib_max, listening.time_s_max);
    let limits = ListeningLimits { program, memory_mib_max, time_s_max };
    Ok(Arc::new(Listeners::new(limits)))
}

/// A running daemon.
pub struct Daemon {
    pub address: SocketAddr,
    pub data: Data,
    pub state: Arc<State>,
    fetching: Arc<fetch::Fetching>,
    stop: Stopper,
    drain: Duration,
    server: tokio::task::JoinHandle<()>,
    feeds: JoinSet<()>,
    jobs: JoinSet<()>,
}

/// Starts a daemon: when this returns, deliveries are taken.
///
/// # Errors
/// [`Error`] when data or socket cannot be opened.
pub async fn start(config: &Config) -> Result<Daemon, Error> {
    let data = open(config, true)?;
    note_settings(&data).await?;
    let (announced, _) = broadcast::channel(ANNOUNCED_MAX);
    let intake = Intake::new(data.rules.clone(), data.archive.clone(), announced.clone());
    let intake = Arc::new(intake);
    let listeners = listening(config)?;
    let state = Arc::new(State {
        intake: intake.clone(),
        archive: data.archive.clone(),
        renditions: Renditions::new(listeners.clone()),
        metrics: data.archive.metrics.clone(),
        door: Door { token: pbx::Secret(config.access.token.clone()) },
        columns: config.ledger.columns.clone(),
        upload_bytes_max: config.server.upload_bytes_max,
        limits: keeping_limits(config),
        ready: AtomicBool::new(true),
        changed: Arc::new(Notify::new()),
    });
    let listener = TcpListener::bind(&config.server.listen)
        .await
        .map_err(io(Path::new(&config.server.listen)))?;
    let address = listener.local_addr().map_err(io(Path::new("socket")))?;
    let told = address_file(Path::new(&config.data.dir));
    std::fs::write(&told, address.to_string()).map_err(io(&told))?;
    let (stop, stopped) = stop::channel();
    let shared = Arc::new(Shared::new(intake, limits(config)));
    let router = crate::web::router(state.clone());
    let server = tokio::spawn(server::serve(listener, shared, router, stopped.clone()));
    let mut jobs = JoinSet::new();
    for watched in folders(config, &data.rules) {
        let receiver = announced.subscribe();
        jobs.spawn(watching::run(watched, data.archive.clone(), receiver, stopped.clone()));
    }
    let mut feeds = JoinSet::new();
    for feed in followed(config, &data).await? {
        feeds.spawn(follow::run(feed, state.intake.clone(), stopped.clone()));
    }
    jobs.spawn(loops::listen_always(
        data.archive.clone(),
        data.rules.clone(),
        (listeners.clone(), config.listening.workers),
        stopped.clone(),
    ));
    keep_always(config, &state, listeners, &mut jobs, &stopped);
    let ways = ways(config, data.rules.clone())?;
    let fetching = Arc::new(fetch::Fetching::new(data.archive.clone(), ways));
    jobs.spawn(fetch::run(fetching.clone(), config.fetching.at_a_time, stopped.clone()));
    jobs.spawn(loops::link_always(state.clone(), stopped));
    let drain = Duration::from_secs(config.server.drain_s);
    Ok(Daemon { address, data, state, fetching, stop, drain, server, feeds, jobs })
}

fn limits(config: &Config) -> Limits {
    let server = &config.server;
    Limits {
        body_bytes_max: server.body_bytes_max,
        in_flight_bytes_max: server.in_flight_bytes_max,
        connections_max: server.connections_max,
        header_timeout_s: server.header_timeout_s,
        drain_s: server.drain_s,
    }
}

/// How the recordings are had that each source announces.
///
/// # Errors
/// [`Error::Settings`] with the setting at fault.
pub fn ways(config: &Config, rules: Arc<Rules>) -> Result<fetch::Ways, Error> {
    let way = |source: &SourceConfig| {
        let settings = source.fetch(config.fetching.limits()).map_err(|wrong| {
            let wrong = wrong.into_iter().map(|(key, why)| format!("{key}: {why}"));
            Error::Settings(format!(
                "source `{}`: {}",
                source.name,
                wrong.collect::<Vec<_>>().join("; ")
            ))
        })?;
        let folders = source.folders.iter().map(PathBuf::from).collect();
        Ok((source.name.clone(), fetch::Way { settings, folders }))
    };
    let of_source = config.sources.iter().map(way).collect::<Result<_, Error>>()?;
    Ok(fetch::Ways { rules, of_source })
}

fn folders(config: &Config, rules: &Rules) -> Vec<watching::Watched> {
    let mut watched = Vec::new();
    for source in &config.sources {
        let Some(known) = rules.sources.get(&source.name) else { continue };
        for folder in &source.folders {
            watched.push(watching::Watched {
                source: source.name.clone(),
                site: source.site.clone(),
                folder: folder.into(),
                names: known.names.clone(),
                zone: known.zone,
            });
        }
    }
    watched
}

/// The feeds to follow, each with the moment at which an earlier run left it standing.
async fn followed(config: &Config, data: &Data) -> Result<Vec<follow::Followed>, Error> {
    // What an earlier run left to be folded tells of feeds too.
    data.store.folded().await;
    let mut followed = Vec::new();
    for source in &config.sources {
        let event_bytes_max = config.server.body_bytes_max;
        let Some(settings) = source.feed(event_bytes_max).map_err(Error::Settings)? else {
            continue;
        };
        let silence = Duration::from_secs(source.feed_silence_s);
        let (site, key) = data.store.source(&source.site, &source.name)?;
        let left =
            data.store.read(|connection| sqlite::feed::left_standing(connection, site, key))?;
        let left_at = left.map(|(heard, look)| follow::left_at(heard, look, silence));
        let source = source.name.clone();
        followed.push(follow::Followed { source, settings, silence, left_at });
    }
    Ok(followed)
}

/// Settings are facts: a change of a site's settings is kept with its time.
async fn note_settings(data: &Data) -> Result<(), Error> {
    for site in data.rules.sites.values() {
        let key = data.store.site(&site.id)?;
        let body = serde_json::to_vec(&site.versions).unwrap_or_default();
        let known =
            data.store.read(|connection| sqlite::newest_body(connection, key, Kind::Settings))?;
        if known.as_deref() != Some(&body) {
            let (versions, at) = (site.versions.clone(), clock::now());
            let write =
                data.store.write(move |tx| tx.act(key, Kind::Settings, at, "settings", &versions));
            write.await?;
        }
    }
    Ok(())
}

/// The jobs that look after what is stored.
fn keep_always(
    config: &Config,
    state: &Arc<State>,
    listeners: Arc<Listeners>,
    jobs: &mut JoinSet<()>,
    stopped: &Stop,
) {
    let (keeping, archive) = (&config.keeping, &state.archive);
    let rounds = prove::Rounds {
        bytes_per_s: keeping.prove_bytes_per_s,
        every: TimeDelta::seconds(keeping.prove_every_s),
    };
    jobs.spawn(prove::run(archive.clone(), rounds, stopped.clone()));
    let grace = TimeDelta::seconds(keeping.sweep_grace_s);
    jobs.spawn(sweep::run(archive.clone(), grace, stopped.clone()));
    let every = Duration::from_secs(keeping.retain_every_s.unsigned_abs());
    let (intake, state) = (state.intake.clone(), Arc::clone(state));
    let rules = move || intake.rules();
    jobs.spawn(archiving::run(archive.clone(), rules, listeners, every, stopped.clone()));
    jobs.spawn(retain::run(move || state.keeping(), every, stopped.clone()));
}

fn keeping_limits(config: &Config) -> keeping::Limits {
    let keeping = &config.keeping;
    keeping::Limits {
        free_alarm_mib: keeping.free_alarm_mib,
        free_floor_mib: keeping.free_floor_mib,
        space_keep_days_min: keeping.space_keep_days_min,
    }
}

/// The route of keeping, for a command.
pub fn keeping(config: &Config, data: &Data) -> Keeping {
    let (archive, rules) = (data.archive.clone(), data.rules.clone());
    Keeping { archive, rules, limits: keeping_limits(config) }
}

impl Daemon {
    /// Takes on other settings. What cannot change while running says so in the log.
    ///
    /// # Errors
    /// When the settings cannot be used; the old ones stay in force.
    pub async fn reload(&self, config: &Config) -> Result<(), Error> {
        let rules = Arc::new(rules(config)?);
        let ways = ways(config, rules.clone())?;
        self.state.intake.renew(rules).await?;
        self.fetching.renew(ways, clock::now()).await;
        tracing::info!("settings reloaded; socket, folders, feeds and token change with a restart");
        Ok(())
    }

    /// Lets open requests finish, folds what is waiting and closes the data.
    pub async fn stop(mut self) {
        self.state.ready.store(false, Ordering::Relaxed);
        self.stop.stop();
        if let Err(error) = self.server.await {
            tracing::error!(%error, "the server ended badly");
        }
        // Feeds say that they are left, or the next run has to.
        let left = async { while self.feeds.join_next().await.is_some() {} };
        if tokio::time::timeout(self.drain, left).await.is_err() {
            tracing::warn!("feeds were left without a word");
        }
        self.jobs.shutdown().await;
        let store = self.data.store.clone();
        drop(tokio::task::spawn_blocking(move || store.close()).await);
    }
}

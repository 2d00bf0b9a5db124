//! SQLite: one writer thread with group commit, a pool of readers, checkpoints of their own.

mod append;
mod apply;
pub mod beliefs;
pub mod calls;
mod checkpoint;
mod connect;
pub mod deliveries;
pub mod entries;
pub mod erasures;
pub mod feed;
pub mod fetches;
mod filter;
pub mod findings;
mod folding;
pub mod holds;
pub mod links;
mod lookup;
pub mod objects;
pub mod people;
mod placed;
mod progress;
pub mod pulse;
mod readers;
mod record;
pub mod recordings;
pub mod renditions;
mod repeats;
pub mod replay;
pub mod stirred;
mod touched;
pub mod verify;
pub mod window;
mod writer;

pub use append::Receipt;
pub use folding::Names;
pub use lookup::{chain_end, database_in, folded_to, names, newest_body, readable, site_of_fact};
pub use writer::Gauges;

use crate::call::Call;
use crate::call::Moment;
use crate::pbx::{Reading, Refusal};
use crate::store::{Error, Fact, Interpreter, Kind, NewFact, Result, micros};
use append::Appender;
use folding::{Folding, Step};
use lookup::{newest_fact, register, window_start};
use placed::Placed;
use readers::Readers;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};
use writer::{Deliver, Done, Failed, Run, Work, Writer};

/// How the store is to be opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database file.
    pub path: PathBuf,
    /// Sites and their sources, by name.
    pub sites: Vec<(String, Vec<String>)>,
    /// Work that may wait for the writer; more is refused.
    pub waiting_max: usize,
    /// Deliveries committed together at most.
    pub batch_max: usize,
    /// Page cache of the writer.
    pub cache_kib: i64,
    /// Connections that read.
    pub readers: usize,
    /// For how long back a repeat is recognised, from the newest fact.
    pub repeat_window_days: i64,
    /// Another process owns the database: it folds and copies the log, we only add.
    pub guest: bool,
}

/// An open store. Cloning gives another handle on the same one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    work: SyncSender<Work>,
    gauges: Arc<Gauges>,
    folded_to: watch::Receiver<i64>,
    names: RwLock<Arc<Names>>,
    path: PathBuf,
    /// Oldest bucket in which the writer looks for repeats.
    repeats_from: i64,
    readers: Arc<Readers>,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    writer: JoinHandle<()>,
    /// Nothing in a guest.
    checkpoints: Option<(JoinHandle<()>, mpsc::Sender<()>)>,
}

/// An open transaction of the writer, with the ends of the fact chains.
pub struct Tx<'c, 'f> {
    pub(crate) connection: &'c Connection,
    appender: Appender<'c>,
    folding: &'f mut Folding,
    names: &'c Names,
    interpreter: &'c dyn Interpreter,
}

impl Store {
    /// Opens or makes a database, brings its schema up to date and starts the writer.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be opened, is of a newer version, or the disk fails.
    pub fn open(options: &Options, interpreter: Arc<dyn Interpreter>) -> Result<Self> {
        let connection = connect::writer(&options.path, options.cache_kib)?;
        let names = register(&connection, &options.sites)?;
        let first = window_start(&connection, options.repeat_window_days)?;
        let gauges = Arc::new(Gauges::default());
        let newest = newest_fact(&connection)?;
        gauges.stored_fact.store(newest, Ordering::Relaxed);
        // What an earlier run left may still be on the disk.
        gauges.unfolded.store(i64::from(!options.guest), Ordering::Relaxed);
        let folded = progress::get(&connection, progress::FOLDED_TO)?;
        let (work, work_receiver) = mpsc::sync_channel(options.waiting_max);
        let (folded_sender, folded_to) = watch::channel(folded);
        let gate = checkpoint::Gate::default();
        let filter = Arc::new(filter::Filter::default());
        // What was not settled when we went down is settled by this run: that is no closed past.
        let kept_from = first.min(repeats::settled_to(&connection)? + 1);
        let (seen, owns) = (Arc::clone(&filter), !options.guest);
        let mut repeats = repeats::Repeats::new(&options.path, kept_from, seen, owns);
        if !options.guest {
            repeats.recover(&connection)?;
        }
        let writer = Writer {
            connection,
            work: work_receiver,
            batch_max: options.batch_max,
            gate: Arc::clone(&gate),
            names: names.clone(),
            interpreter,
            repeats,
            gauges: Arc::clone(&gauges),
            folded_to: folded_sender,
            folding: Folding::new(filter, first),
            unplaced: Default::default(),
            placed: Placed::up_to(folded),
            behind: !options.guest,
            fold_failed_at: None,
        };
        let readers = Arc::new(Readers::new(options.path.clone(), options.readers));
        let threads = start(writer, options, gate, Arc::clone(&readers))?;
        let inner = Inner {
            work,
            gauges,
            folded_to,
            names: RwLock::new(Arc::new(names)),
            path: options.path.clone(),
            repeats_from: kept_from >> filter::BUCKET_BITS,
            readers,
            threads: Mutex::new(Some(threads)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Keeps a delivery. Returns once it is on disk, or says why it is not.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when too much waits; [`Error::Unavailable`] when the disk failed.
    pub async fn deliver(
        &self,
        fact: NewFact,
        reading: std::result::Result<Reading, Refusal>,
    ) -> Result<Receipt> {
        let (reply, receipt) = oneshot::channel();
        self.send(Work::Deliver(Box::new(Deliver { fact, reading, reply })))?;
        receipt.await.map_err(|_| Error::Unavailable("the writer has stopped".into()))?
    }

    /// Runs `work` in the writer's next transaction, in a savepoint of its own, and returns what it
    /// returned once that is on disk. An error rolls back this work and no other.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Overloaded`] and [`Error::Unavailable`] as for
    /// [`Store::deliver`].
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, outcome) = oneshot::channel();
        let reply = Arc::new(Mutex::new(Some(reply)));
        let send = |reply: &Mutex<Option<oneshot::Sender<Result<T>>>>, value| {
            if let Some(reply) = reply.lock().ok().and_then(|mut reply| reply.take()) {
                drop(reply.send(value));
            }
        };
        let (on_done, on_failure) = (Arc::clone(&reply), reply);
        let run: Run = Box::new(move |tx: &mut Tx<'_, '_>| {
            let value = work(tx)?;
            Ok(Box::new(move || send(&on_done, Ok(value))) as Done)
        });
        let failed: Failed = Box::new(move |error| send(&on_failure, Err(error)));
        self.send(Work::Run(Box::new((run, failed))))?;
        outcome.await.map_err(|_| Error::Unavailable("the writer has stopped".into()))?
    }

    /// Takes on new names and another interpreter, after a reload of the settings.
    ///
    /// # Errors
    /// As for [`Store::write`].
    pub async fn renew(
        &self,
        sites: Vec<(String, Vec<String>)>,
        interpreter: Arc<dyn Interpreter>,
    ) -> Result<()> {
        let names = self.write(move |tx| register(tx.connection, &sites)).await?;
        let known = Arc::new(names.clone());
        *self.inner.names.write().unwrap_or_else(|p| p.into_inner()) = known;
        self.send(Work::Renew(Box::new((names, interpreter))))
    }

    fn send(&self, work: Work) -> Result<()> {
        self.inner.gauges.waiting.fetch_add(1, Ordering::Relaxed);
        self.inner.work.try_send(work).map_err(|error| {
            self.inner.gauges.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => Error::Overloaded,
                TrySendError::Disconnected(_) => {
                    Error::Unavailable("the writer has stopped".into())
                }
            }
        })
    }

    /// Reads in one snapshot. Blocks on the disk: call it where blocking is allowed.
    ///
    /// # Errors
    /// Those of `question`, and of opening another connection.
    pub fn read<T>(&self, question: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.inner.readers.read(question)
    }

    /// A call with its legs and timeline, folded again from its deliveries; and the key of its
    /// site.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this key.
    pub fn call_whole(
        &self,
        connection: &Connection,
        interpreter: &dyn Interpreter,
        key: i64,
    ) -> Result<(i64, crate::audit::CallFact)> {
        let kept = calls::call(connection, key)?;
        let site = calls::site_of(connection, key)?;
        let names = self.names();
        let as_of = kept.call.ended_inferred.then_some(kept.call.ended_at).flatten();
        let step = Step { tx: connection, names: &names, interpreter, as_of };
        let folded = folding::folded_again(&step, key, site)?;
        let call = folded.unwrap_or_else(|| kept.call.clone());
        let whole = Call { legs: call.legs, timeline: call.timeline, ..kept.call };
        Ok((site, crate::audit::CallFact { key, call: whole }))
    }

    /// What the writer tells about itself.
    pub fn gauges(&self) -> &Gauges {
        &self.inner.gauges
    }

    /// Keys and names of sites and sources.
    pub fn names(&self) -> Arc<Names> {
        Arc::clone(&self.inner.names.read().unwrap_or_else(|p| p.into_inner()))
    }

    /// The keys of a site and one of its sources.
    ///
    /// # Errors
    /// [`Error::NotFound`] with the names.
    pub fn source(&self, site: &str, source: &str) -> Result<(i64, i64)> {
        let names = self.names();
        let keys = names.keys.get(site).and_then(|of_site| of_site.get(source)).copied();
        keys.ok_or_else(|| Error::NotFound(format!("source `{source}` of site `{site}`")))
    }

    /// The key of a site.
    ///
    /// # Errors
    /// [`Error::NotFound`] with the site's name.
    pub fn site(&self, id: &str) -> Result<i64> {
        self.names().site(id)
    }

    /// Waits until everything stored by now is folded.
    pub async fn folded(&self) {
        let newest = self.inner.gauges.stored_fact.load(Ordering::Acquire);
        let mut folded_to = self.inner.folded_to.clone();
        let deliveries_behind = |folded: &i64| {
            *folded >= newest || self.inner.gauges.unfolded.load(Ordering::Relaxed) == 0
        };
        drop(folded_to.wait_for(deliveries_behind).await);
    }

    /// Tells of every fold that is on disk.
    pub fn folds(&self) -> watch::Receiver<i64> {
        self.inner.folded_to.clone()
    }

    /// Finishes what waits, folds it, copies the log into the database and closes.
    pub fn close(&self) {
        let threads = self.inner.threads.lock().unwrap_or_else(|p| p.into_inner()).take();
        let Some(threads) = threads else { return };
        drop(self.inner.work.send(Work::Stop));
        drop(threads.writer.join());
        let Some((checkpoints, stop)) = threads.checkpoints else { return };
        drop(stop);
        drop(checkpoints.join());
        self.inner.readers.close();
        let truncated = connect::writer(&self.inner.path, 256).and_then(|connection| {
            Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
        });
        if let Err(error) = truncated {
            tracing::debug!(%error, "the log stays beside the database");
        }
    }
}

impl Tx<'_, '_> {
    /// Appends a fact.
    ///
    /// # Errors
    /// When its site is not known or the disk fails.
    pub fn append(&mut self, fact: &NewFact) -> Result<i64> {
        self.appender.append(fact)
    }

    /// Appends what a person or the daemon itself did, and writes the rows it means.
    ///
    /// # Errors
    /// As [`Tx::append`].
    pub fn act(
        &mut self,
        site: i64,
        kind: Kind,
        at: Moment,
        who: &str,
        body: &impl serde::Serialize,
    ) -> Result<i64> {
        let new = NewFact::act(site, kind, at, who, body);
        let id = self.append(&new)?;
        let fact = Fact {
            id,
            site,
            kind: kind as i64,
            at_us: micros(at),
            source: 0,
            who: new.who,
            delivery_id: None,
            head: new.head,
            body: new.body.to_vec(),
            digest: new.digest.to_vec(),
            chain: Vec::new(),
        };
        self.place(site, |place| apply::apply(place, &fact))?;
        Ok(id)
    }

    /// Notes at once that a delivery cannot be read, so that a list of deliveries never says
    /// otherwise.
    fn note_unread(&self, site: i64, fact: i64, at: Moment, refusal: &Refusal) -> Result<()> {
        let (tx, names) = (self.connection, self.names);
        let step = Step { tx, names, interpreter: self.interpreter, as_of: None };
        folding::note_unread(&step, site, fact, at, refusal)
    }

    fn in_savepoint(&mut self, run: Run) -> Result<Done> {
        let mark = self.appender.mark();
        self.connection.execute_batch("SAVEPOINT work")?;
        match run(&mut *self) {
            Ok(done) => {
                self.connection.execute_batch("RELEASE work")?;
                Ok(done)
            }
            Err(error) => {
                self.connection.execute_batch("ROLLBACK TO work; RELEASE work")?;
                self.appender.return_to(mark);
                self.folding.forget();
                Err(error)
            }
        }
    }
}

impl Names {
    /// The key of a site.
    ///
    /// # Errors
    /// [`Error::NotFound`] with the site's name.
    pub fn site(&self, id: &str) -> Result<i64> {
        let found = self.sites.iter().find(|(_, name)| *name == id);
        found.map(|(key, _)| *key).ok_or_else(|| Error::NotFound(format!("site `{id}`")))
    }
}

fn start(
    writer: Writer,
    options: &Options,
    gate: checkpoint::Gate,
    readers: Arc<Readers>,
) -> Result<Threads> {
    let failed = |error: std::io::Error| Error::Unavailable(format!("no thread: {error}"));
    let named = |name: &str| std::thread::Builder::new().name(name.into());
    let writer = named("writer").spawn(move || writer.run()).map_err(failed)?;
    if options.guest {
        return Ok(Threads { writer, checkpoints: None });
    }
    let (stop_checkpoints, stop) = mpsc::channel();
    let path = options.path.clone();
    let run = move || checkpoint::run(&path, &gate, &readers, &stop);
    let checkpoints = named("checkpoints").spawn(run).map_err(failed)?;
    Ok(Threads { writer, checkpoints: Some((checkpoints, stop_checkpoints)) })
}

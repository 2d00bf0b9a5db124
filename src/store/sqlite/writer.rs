//! The one writer: a thread that commits many senders' work together, so that they share one
//! synchronisation.

use super::append::{Appender, Receipt};
use super::checkpoint::Gate;
use super::folding::{Folding, Names, RECENT_CALLS_MAX, Step, Unfolded};
use super::placed::{Placed, Unplaced};
use super::repeats::Repeats;
use super::{Tx, lookup, progress};
use crate::clock::Watch;
use crate::pbx::{Reading, Refusal};
use crate::store::{Error, Interpreter, NewFact, Result};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Events placed in one transaction at least, where there are so many.
const PLACE_MIN: usize = 256;
/// Events placed in one transaction at most, about: with the calls folded in it, it bounds how long
/// a reply can wait behind it.
const PLACE_MAX: usize = 1024;
/// Calls folded in one transaction at most.
const FOLD_MAX: usize = 512;
/// Calls that wait to be folded beyond one transaction's, at most: their events must still be at
/// hand.
const WAITING_MAX: usize = RECENT_CALLS_MAX / 2;
/// So few calls need not wait for their next events: no load is on.
const FEW: usize = 32;
/// Deliveries and events read again from the disk at a time, where memory has none: more than come
/// with one commit.
const READ_MAX: (usize, usize) = (4096, UNPLACED_MAX / 2);
/// Events that wait in memory to be placed at most.
const UNPLACED_MAX: usize = 32_768;
/// Records out of files folded in one transaction at most, where there are calls from before the
/// window: each of their ids is looked for in all of them.
const FOLD_RECORDS_MAX: usize = 8;
/// How long deliveries wait for company before they are placed.
const PLACE_AFTER: Duration = Duration::from_millis(10);
/// How long a call waits for its next events before it is folded, while any deliveries come: then
/// it is folded once for several.
const FOLD_AFTER: Duration = Duration::from_millis(100);

/// After so long without work the writer rests.
const REST_AFTER: Duration = Duration::from_secs(10);

/// How long a fold that failed waits before it is tried again.
const FOLD_RETRY: Duration = Duration::from_secs(5);

/// A delivery to be kept.
pub struct Deliver {
    pub fact: NewFact,
    pub reading: std::result::Result<Reading, Refusal>,
    pub reply: Reply,
}

/// Something for the writer to do. Its parts are boxed: the queue holds thousands of places ready.
pub enum Work {
    /// Keep a delivery, then answer, then fold it.
    Deliver(Box<Deliver>),
    /// Anything else, in a savepoint of its own. What it returns is called after the commit.
    Run(Box<(Run, Failed)>),
    /// New settings: other names, another interpreter.
    Renew(Box<(Names, Arc<dyn Interpreter>)>),
    /// Finish what is here and end.
    Stop,
}

/// Work in a transaction. What it returns is called after the commit.
pub type Run = Box<dyn FnOnce(&mut Tx<'_, '_>) -> Result<Done> + Send>;
/// Where a delivery's receipt goes.
pub type Reply = oneshot::Sender<Result<Receipt>>;
/// Called after the commit.
pub type Done = Box<dyn FnOnce() + Send>;
/// Called when the work failed or was rolled back.
pub type Failed = Box<dyn FnOnce(Error) + Send>;

/// What the writer tells about itself while it works.
#[derive(Default)]
pub struct Gauges {
    /// Work handed over and not yet taken.
    pub waiting: AtomicI64,
    /// Deliveries stored and not yet folded.
    pub unfolded: AtomicI64,
    /// Commits with synchronisation so far.
    pub commits: AtomicU64,
    /// Their total time in microseconds.
    pub commit_us: AtomicU64,
    /// The newest commit's time in microseconds.
    pub last_commit_us: AtomicU64,
    /// Newest fact stored.
    pub stored_fact: AtomicI64,
}

/// The writer's thread.
pub struct Writer {
    pub connection: Connection,
    pub work: Receiver<Work>,
    pub batch_max: usize,
    pub gate: Gate,
    pub names: Names,
    pub interpreter: Arc<dyn Interpreter>,
    pub repeats: Repeats,
    pub gauges: Arc<Gauges>,
    pub folded_to: watch::Sender<i64>,
    pub folding: Folding,
    /// Deliveries that are not placed yet.
    pub unplaced: Unplaced,
    /// How far they are.
    pub placed: Placed,
    /// Facts after those placed are on disk only: after a start, or a fold that failed.
    pub behind: bool,
    /// Since a fold failed; it is tried again after a while.
    pub fold_failed_at: Option<Watch>,
}

impl Writer {
    /// Works until it is told to stop or nobody can send any more.
    pub fn run(mut self) {
        loop {
            let is_full = self.is_full();
            let (batch, stop) = self.gather();
            let mut works = Vec::with_capacity(batch.len());
            for work in batch {
                match work {
                    Work::Renew(new) => {
                        (self.names, self.interpreter) = *new;
                        self.folding.forget();
                    }
                    work => works.push(work),
                }
            }
            let waited = works.is_empty();
            let events = if waited { 0 } else { self.commit(works) };
            self.catch_up();
            if self.may_fold() && (waited || self.has_company()) {
                // Nobody waits, or a little more than came, so that the queue shrinks and replies
                // come soon.
                let little = (events + events / 4).clamp(PLACE_MIN, 2 * PLACE_MAX);
                self.fold_some(if waited { PLACE_MAX } else { little }, waited && !is_full);
            }
            while stop && self.may_fold() && self.waits_for_fold() {
                self.fold_some(PLACE_MAX, true);
                self.catch_up();
            }
            if stop {
                self.settle_all();
                return;
            }
        }
    }

    /// So that a start has nothing to recover.
    fn settle_all(&mut self) {
        let settled = self.connection.unchecked_transaction().map_err(Error::from).and_then(|tx| {
            self.repeats.settle_all(&tx)?;
            Ok(tx.commit()?)
        });
        if let Err(error) = settled {
            tracing::warn!(%error, "keys of deliveries are left to be recovered");
            self.recover_keys();
        }
    }

    /// Keys that a transaction that failed would have settled wait again.
    fn recover_keys(&mut self) {
        if let Err(error) = self.repeats.recover(&self.connection) {
            tracing::error!(%error, "keys of deliveries could not be recovered");
        }
    }

    /// Gives back the memory that only a busy writer needs: its page cache, calls at hand, keys
    /// that are not in their table yet, the long queue.
    fn rest(&mut self) {
        let gate = Arc::clone(&self.gate);
        let _open = gate.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.settle_all();
        self.repeats.rest();
        self.folding.forget();
        self.unplaced.clear();
        if let Err(error) = self.connection.release_memory() {
            tracing::debug!(%error, "the writer's cache stays");
        }
    }

    /// Whether what waits to be placed has waited for others.
    fn has_company(&self) -> bool {
        self.is_full() || self.placed.at.elapsed() >= FOLD_AFTER / 2
    }

    /// Whether there is enough to place, here or on the disk.
    fn is_full(&self) -> bool {
        self.unplaced.events() >= PLACE_MIN || (self.behind && self.may_fold())
    }

    /// Whether anything in memory is not folded.
    fn waits_for_fold(&self) -> bool {
        !self.unplaced.is_empty() || self.folding.waiting() > 0
    }

    fn may_fold(&self) -> bool {
        self.fold_failed_at.is_none_or(|watch| watch.elapsed() >= FOLD_RETRY)
    }

    /// Takes the next deliveries that are not placed from the disk, where memory does not have
    /// them.
    fn catch_up(&mut self) {
        if !self.behind || !self.unplaced.is_empty() || !self.may_fold() {
            return;
        }
        let (names, interpreter) = (&self.names, &*self.interpreter);
        let next = lookup::unfolded(&self.connection, names, interpreter, self.placed.to, READ_MAX);
        match next {
            Ok((next, more)) => {
                // Nobody else adds deliveries, so what comes from now on follows these.
                self.behind = more;
                self.unplaced.add(next, UNPLACED_MAX);
                self.tell_unfolded();
                if !self.behind {
                    // Nothing was left: who waits for the fold waits for nothing.
                    self.folded_to.send_modify(|_| {});
                }
            }
            Err(error) => self.fold_failed(&error),
        }
    }

    /// The facts stay; they are placed and folded from the disk in a while. Nothing is skipped.
    fn fold_failed(&mut self, error: &Error) {
        tracing::error!(%error, "fold failed; calls are behind and it is tried again");
        self.folding.forget();
        self.folding.forget_touched();
        self.unplaced.clear();
        self.placed = Placed::up_to(*self.folded_to.borrow());
        self.behind = true;
        self.fold_failed_at = Some(Watch::start());
        self.tell_unfolded();
        self.folded_to.send_modify(|_| {});
    }

    /// How much waits in memory, and one for what may wait on the disk, unless folding fails.
    fn tell_unfolded(&self) {
        let on_disk = self.behind && self.fold_failed_at.is_none();
        let count = self.unplaced.len() + self.folding.waiting() + usize::from(on_disk);
        self.gauges.unfolded.store(count as i64, Ordering::Relaxed);
    }

    /// Waits for work and takes all there is, up to the batch limit. Says whether to stop after it.
    fn gather(&mut self) -> (Vec<Work>, bool) {
        let first = if self.is_full() {
            self.work.recv_timeout(Duration::ZERO)
        } else if !self.waits_for_fold() && !self.behind {
            self.work.recv_timeout(REST_AFTER).or_else(|waited| match waited {
                RecvTimeoutError::Timeout => {
                    self.rest();
                    self.work.recv().map_err(|_| RecvTimeoutError::Disconnected)
                }
                RecvTimeoutError::Disconnected => Err(waited),
            })
        } else {
            self.work.recv_timeout(PLACE_AFTER)
        };
        let mut batch = Vec::new();
        let mut next = match first {
            Ok(work) => Some(work),
            Err(RecvTimeoutError::Timeout) => return (batch, false),
            Err(RecvTimeoutError::Disconnected) => return (batch, true),
        };
        while let Some(work) = next.take() {
            self.gauges.waiting.fetch_sub(1, Ordering::Relaxed);
            if matches!(work, Work::Stop) {
                return (batch, true);
            }
            batch.push(work);
            if batch.len() < self.batch_max {
                next = self.work.try_recv().ok();
            }
        }
        (batch, false)
    }

    /// Stores a batch in one synchronised transaction, then answers everybody in it. Gives the
    /// events that came with it.
    fn commit(&mut self, works: Vec<Work>) -> usize {
        let newest = self.gauges.stored_fact.load(Ordering::Relaxed);
        let began = Watch::start();
        let gate = Arc::clone(&self.gate);
        let _open = gate.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut answers: Vec<Answer> = Vec::with_capacity(works.len());
        let mut fresh: Vec<Unfolded> = Vec::new();
        let stored = self.store(works, &mut answers, &mut fresh);
        let events = fresh.iter().map(Unfolded::events).sum();
        match stored {
            Ok(newest) => {
                // What has no room is on disk: the fold finds it there.
                self.behind = self.behind || !self.unplaced.add(fresh, UNPLACED_MAX);
                // Before the word: who hears it may wait for the fold, and looks here.
                self.tell_unfolded();
                self.gauges.stored_fact.store(newest, Ordering::Release);
                let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                self.gauges.commits.fetch_add(1, Ordering::Relaxed);
                self.gauges.commit_us.fetch_add(took, Ordering::Relaxed);
                self.gauges.last_commit_us.store(took, Ordering::Relaxed);
                answers.into_iter().for_each(Answer::give);
                events
            }
            Err(error) => {
                tracing::error!(%error, "commit failed; nothing of this batch is acknowledged");
                if let Err(error) = self.connection.execute_batch("ROLLBACK") {
                    tracing::debug!(%error, "rollback");
                }
                self.repeats.forget_after(newest);
                answers.into_iter().for_each(|answer| answer.refuse(&error));
                0
            }
        }
    }

    fn store(
        &mut self,
        works: Vec<Work>,
        answers: &mut Vec<Answer>,
        fresh: &mut Vec<Unfolded>,
    ) -> Result<i64> {
        // Answers must exist before anything can fail, so that everybody hears of a failure.
        let mut pending: VecDeque<Work> = works.into();
        let outcome = self.store_all(&mut pending, answers, fresh);
        for work in pending {
            answers.extend(Answer::unserved(work));
        }
        outcome
    }

    fn store_all(
        &mut self,
        pending: &mut VecDeque<Work>,
        answers: &mut Vec<Answer>,
        fresh: &mut Vec<Unfolded>,
    ) -> Result<i64> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut tx = Tx {
            connection: &self.connection,
            appender: Appender::begin(&self.connection)?,
            folding: &mut self.folding,
            names: &self.names,
            interpreter: &*self.interpreter,
        };
        while let Some(work) = pending.pop_front() {
            match work {
                Work::Deliver(deliver) => {
                    let Deliver { fact, reading, reply } = *deliver;
                    let receipt = tx.appender.deliver(&fact, &mut self.repeats);
                    let (site, source, received_at) = (fact.site, fact.source, fact.at);
                    let record = fact.is_record();
                    match receipt {
                        Ok(receipt) => {
                            answers.push(Answer::Receipt(reply, receipt));
                            if !receipt.repeated {
                                let fact = receipt.fact;
                                if let Err(refusal) = &reading {
                                    tx.note_unread(site, fact, received_at, refusal)?;
                                }
                                fresh.push(Unfolded {
                                    fact,
                                    site,
                                    source,
                                    received_at,
                                    record,
                                    reading,
                                    placed: false,
                                });
                            }
                        }
                        Err(error) => {
                            answers.push(Answer::Unserved(reply));
                            return Err(error);
                        }
                    }
                }
                Work::Run(asked) => {
                    let (run, failed) = *asked;
                    answers.push(match tx.in_savepoint(run) {
                        Ok(done) => Answer::Done(done, failed),
                        Err(error) => Answer::Failed(failed, error),
                    });
                }
                Work::Renew(..) | Work::Stop => {}
            }
        }
        let newest = tx.appender.newest();
        tx.appender.finish()?;
        self.connection.execute_batch("COMMIT")?;
        Ok(newest)
    }

    /// Places the oldest waiting deliveries and folds calls that have waited long enough. Their
    /// facts are safe already, so this commit needs no synchronisation of its own: the next one
    /// carries it.
    fn fold_some(&mut self, events: usize, at_once: bool) {
        let records_max = if self.folding.has_past() { FOLD_RECORDS_MAX } else { usize::MAX };
        let some = self.unplaced.take(events, records_max);
        if some.is_empty() && self.folding.waiting() == 0 {
            return;
        }
        let gate = Arc::clone(&self.gate);
        let _open = gate.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Err(error) = self.fold(some, at_once) {
            if let Err(error) = self.connection.execute_batch("ROLLBACK") {
                tracing::debug!(%error, "rollback");
            }
            self.fold_failed(&error);
            self.recover_keys();
        } else {
            self.fold_failed_at = None;
            // Before the word: who hears it looks here whether anything is left, and only then.
            self.tell_unfolded();
            self.folded_to.send_replace(self.folding.folded_to(self.placed.to));
        }
        let full = self.connection.execute_batch("PRAGMA synchronous = FULL");
        if let Err(error) = full {
            tracing::error!(%error, "synchronous commits could not be restored");
        }
    }

    fn fold(&mut self, some: Vec<Unfolded>, at_once: bool) -> Result<()> {
        let ripe = self.placed.before(FOLD_AFTER);
        self.connection.execute_batch("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE")?;
        let (tx, names) = (&self.connection, &self.names);
        let step = Step { tx, names, interpreter: &*self.interpreter, as_of: None };
        if let Some((last, is_again)) = some.last().map(|last| (last.fact, last.placed)) {
            self.folding.place(&step, some)?;
            if !is_again {
                progress::set(tx, progress::PLACED_TO, last)?;
            }
            self.placed.reaches(last);
        }
        let waiting = self.folding.waiting();
        let since = if at_once || waiting < FEW { i64::MAX } else { ripe };
        let at_most = FOLD_MAX.max(waiting.saturating_sub(WAITING_MAX));
        self.folding.fold_touched(&step, since, at_most)?;
        self.repeats.settle(tx)?;
        progress::set(tx, progress::FOLDED_TO, self.folding.folded_to(self.placed.to))?;
        self.connection.execute_batch("COMMIT")?;
        Ok(())
    }
}

/// What is to be said to a sender once the transaction is decided.
enum Answer {
    Receipt(Reply, Receipt),
    Unserved(Reply),
    Done(Done, Failed),
    Failed(Failed, Error),
}

impl Answer {
    fn unserved(work: Work) -> Option<Self> {
        match work {
            Work::Deliver(deliver) => Some(Self::Unserved(deliver.reply)),
            Work::Run(asked) => {
                let error = Error::Unavailable("the transaction was rolled back".into());
                Some(Self::Failed(asked.1, error))
            }
            Work::Renew(..) | Work::Stop => None,
        }
    }

    /// After a commit. A sender who has gone away is no error: his delivery is kept.
    fn give(self) {
        match self {
            Self::Receipt(reply, receipt) => drop(reply.send(Ok(receipt))),
            Self::Unserved(reply) => {
                drop(reply.send(Err(Error::Unavailable("not served".into()))));
            }
            Self::Done(done, _) => done(),
            Self::Failed(failed, error) => failed(error),
        }
    }

    /// After a rollback.
    fn refuse(self, why: &Error) {
        let why = || Error::Unavailable(why.to_string());
        match self {
            Self::Receipt(reply, _) | Self::Unserved(reply) => drop(reply.send(Err(why()))),
            Self::Done(_, failed) => failed(why()),
            Self::Failed(failed, error) => failed(error),
        }
    }
}

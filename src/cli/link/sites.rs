//! The work on sites, side by side; the outcome does not depend on how many threads there are.

use super::Tables;
use crate::cli::Failure;
use crate::linkage::beliefs;
use crate::linkage::habits::Off;
use crate::linkage::model::Model;
use crate::linkage::reading::cells::{EntryCells, HomeCells, RecordingCells, SiteCells};
use crate::linkage::reading::{self, Fault, File, Reading};
use crate::linkage::{Desk, World, deployment};
use chrono_tz::Tz;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows from which a deployment's shares are learned, about.
const LEARNED_ROWS: usize = 20_000;
const ROUNDS: usize = 5;
const SITE_ROUNDS: usize = 1;

/// What all sites share.
pub struct Work<'a> {
    pub tables: &'a Tables,
    pub zone: Tz,
    pub off: &'a Off,
    pub auto: f64,
    /// Whether each site's own shares are learned.
    pub learns: bool,
}

impl<'a> Work<'a> {
    /// All sites that are named anywhere, in order.
    pub fn sites(&self) -> Vec<&'a str> {
        let (one, other) = (&self.tables.recordings.sites, &self.tables.ledger.sites);
        let all: BTreeSet<&str> = one.keys().chain(other.keys()).map(String::as_str).collect();
        all.into_iter().collect()
    }

    fn cells(&self, site: &'a str) -> SiteCells<'a> {
        let mut cells = SiteCells { site, ..SiteCells::default() };
        if let Some(rows) = self.tables.recordings.sites.get(site) {
            let row = self.tables.recordings.columns(rows, RECORDING);
            cells.recordings = (0..rows.len()).map(|at| recording(at, row(at))).collect();
        }
        if let Some(rows) = self.tables.ledger.sites.get(site) {
            let row = self.tables.ledger.columns(rows, ENTRY);
            cells.entries = (0..rows.len()).map(|at| entry(at, row(at))).collect();
        }
        if let Some(rows) = self.tables.directory.sites.get(site) {
            let row = self.tables.directory.columns(rows, ["unit", "name", "numbers"]);
            let home = |[unit, name, numbers]: [&'a str; 3]| HomeCells { unit, name, numbers };
            cells.homes = (0..rows.len()).map(|at| home(row(at))).collect();
        }
        cells
    }

    /// Reads a site; its cells stay at hand for its ids.
    fn read(&self, site: &'a str) -> (SiteCells<'a>, Reading) {
        let cells = self.cells(site);
        let reading = reading::read(&cells, self.zone, self.off);
        (cells, reading)
    }

    /// Reads a site and compares its pairs, but those that are hopeless by a model.
    pub fn open(&self, site: &'a str, model: &Model) -> Opened<'a> {
        let (cells, reading) = self.read(site);
        let world = self.world(&cells, &reading, model);
        Opened { cells, reading, world }
    }

    /// A bad row in words.
    pub fn told(&self, site: &str, fault: &Fault) -> String {
        let (file, table) = match fault.file {
            File::Recordings => ("recordings", &self.tables.recordings),
            File::Ledger => ("ledger", &self.tables.ledger),
        };
        let lines = table.sites.get(site).map(|rows| &rows.lines);
        let line = lines.and_then(|lines| lines.get(fault.place as usize)).copied().unwrap_or(0);
        let skipped = if fault.skipped { "; the row is left out" } else { "" };
        format!("{file}, row {line}: {}{skipped}", fault.why)
    }

    /// `strangers`: what is bad already.
    ///
    /// # Errors
    /// [`Failure`] with the first bad rows.
    pub fn refuse_bad_rows(&self, strangers: &[String]) -> Result<(), Failure> {
        let mut bad = strangers.to_vec();
        for site in self.sites() {
            let (_, reading) = self.read(site);
            bad.extend(reading.faults.iter().map(|fault| self.told(site, fault)));
        }
        if bad.is_empty() {
            return Ok(());
        }
        let (count, first) = (bad.len(), bad[..bad.len().min(20)].join("\n"));
        Err(Failure::CouldNotRun(format!("{count} bad rows (--strict):\n{first}")))
    }

    /// Learns the deployment's shares from sites spread over all; with these sites, which need not
    /// be opened again.
    pub fn learn(&self, threads: usize) -> (Model, BTreeMap<&'a str, Opened<'a>>) {
        let sites = self.sites();
        let rows = |site: &&str| self.tables.ledger.sites.get(*site).map_or(0, |rows| rows.len());
        let all: usize = sites.iter().map(rows).sum();
        let step = (all / LEARNED_ROWS).clamp(1, sites.len().max(1));
        let chosen: Vec<&str> = sites.into_iter().step_by(step).collect();
        let shipped = Model::shipped();
        let open = |site: &&'a str| Mutex::new(self.open(site, &shipped));
        let opened = side_by_side(&chosen, threads, rows, open);
        let pairs =
            |opened: &Mutex<Opened<'_>>| opened.lock().map_or(0, |one| one.world.pairs.len());
        let model = deployment(ROUNDS, |model| {
            side_by_side(&opened, threads, pairs, |opened| match opened.lock() {
                Ok(mut opened) => {
                    let (counts, handled) = opened.world.expectation(model);
                    opened.world.handlers.learn(handled);
                    counts
                }
                Err(_) => Model::empty(),
            })
        });
        let opened = opened.into_iter().filter_map(|opened| opened.into_inner().ok());
        let forgotten = opened.map(|mut opened| {
            // As if the site was opened now, but for the pairs that were hopeless on the way.
            opened.world.handlers.learn(opened.world.handlers.blank());
            (opened.cells.site, opened)
        });
        (model, forgotten.collect())
    }
}

/// A site, read and compared.
pub struct Opened<'a> {
    pub cells: SiteCells<'a>,
    pub reading: Reading,
    pub world: World,
}

impl Work<'_> {
    /// The world of a site that was read.
    fn world(&self, cells: &SiteCells<'_>, reading: &Reading, model: &Model) -> World {
        let desk = Desk {
            contacts: &reading.contacts,
            rows: &reading.rows,
            directory: &reading.directory,
            decided: &self.tables.confirmed.decided(cells, reading),
        };
        World::of(&desk, model)
    }

    /// The site's own shares; those of habits that are switched off stay as everywhere.
    pub fn learned(&self, world: &mut World, deployment: &Model) -> Model {
        let rounds = if self.learns { SITE_ROUNDS } else { 0 };
        world.learned(deployment, rounds).keeping(&beliefs::kept(self.off), deployment)
    }
}

/// What `work` gives for each item, in their order. The largest are worked on first, so that no
/// thread is left alone with one in the end.
pub fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    size: impl Fn(&T) -> usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_cached_key(|at| std::cmp::Reverse(size(&items[*at])));
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                while let Some(at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(&items[*at]);
                    if let Ok(mut done) = done.lock() {
                        done.push((*at, result));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Fields of a recording, in the order of [`recording`].
const RECORDING: [&str; 14] = [
    "id",
    "call_id",
    "day",
    "started",
    "ring",
    "answered",
    "ended",
    "duration",
    "direction",
    "from",
    "to",
    "extension",
    "agent",
    "digest",
];

fn recording(at: usize, cells: [&str; 14]) -> RecordingCells<'_> {
    let [id, call_id, day, started, ring, answered, ended, duration, direction, ..] = cells;
    let [.., from, to, extension, agent, digest] = cells;
    RecordingCells {
        place: at as u32,
        id,
        call_id,
        day,
        started,
        ring,
        answered,
        ended,
        duration,
        direction,
        from,
        to,
        extension,
        agent,
        digest,
    }
}

/// Fields of an entry, in the order of [`entry`].
const ENTRY: [&str; 11] = [
    "entry_id",
    "registered_at",
    "day",
    "occurred_at",
    "channel",
    "number",
    "name",
    "unit",
    "content",
    "handler",
    "call_id",
];

fn entry(at: usize, cells: [&str; 11]) -> EntryCells<'_> {
    let [id, registered, day, occurred, kind, number, name, unit, content, handler, call_id] =
        cells;
    EntryCells {
        place: at as u32,
        id,
        registered,
        day,
        occurred,
        kind,
        number,
        name,
        unit,
        content,
        handler,
        call_id,
    }
}

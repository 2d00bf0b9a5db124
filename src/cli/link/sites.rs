//! The work on sites, side by side; the outcome does not depend on how many threads there are.

use super::Tables;
use crate::cli::Failure;
use crate::linkage::habits::Off;
use crate::linkage::model::{self, Model};
use crate::linkage::reading::cells::{EntryCells, HomeCells, RecordingCells, SiteCells};
use crate::linkage::reading::{self, Fault, File, Reading};
use crate::linkage::{Desk, World, deployment};
use chrono_tz::Tz;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows from which a deployment's shares are learned, about.
const LEARNED_ROWS: usize = 30_000;
const ROUNDS: usize = 5;
const SITE_ROUNDS: usize = 2;

/// What all sites share.
pub struct Work<'a> {
    pub tables: &'a Tables,
    pub zone: Tz,
    pub off: &'a Off,
    pub auto: f64,
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
            let cell = self.tables.recordings.columns(rows);
            cells.recordings = (0..rows.len()).map(|at| recording(at, &cell)).collect();
        }
        if let Some(rows) = self.tables.ledger.sites.get(site) {
            let cell = self.tables.ledger.columns(rows);
            cells.entries = (0..rows.len()).map(|at| entry(at, &cell)).collect();
        }
        if let Some(rows) = self.tables.directory.sites.get(site) {
            let cell = self.tables.directory.columns(rows);
            let home = |at| HomeCells {
                unit: cell(at, "unit"),
                name: cell(at, "name"),
                numbers: cell(at, "numbers"),
            };
            cells.homes = (0..rows.len()).map(home).collect();
        }
        cells
    }

    /// Reads a site; its cells stay at hand for its ids.
    pub fn read(&self, site: &'a str) -> (SiteCells<'a>, Reading) {
        let cells = self.cells(site);
        let reading = reading::read(&cells, self.zone, self.off);
        (cells, reading)
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

    /// # Errors
    /// [`Failure`] with the first bad rows.
    pub fn refuse_bad_rows(&self) -> Result<(), Failure> {
        let mut bad = Vec::new();
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

    /// Learns the deployment's shares from sites spread over all.
    pub fn learn(&self, threads: usize) -> Model {
        let sites = self.sites();
        let rows = |site: &&str| self.tables.ledger.sites.get(*site).map_or(0, |rows| rows.len());
        let all: usize = sites.iter().map(rows).sum();
        let step = (all / LEARNED_ROWS).clamp(1, sites.len().max(1));
        let chosen: Vec<&str> = sites.into_iter().step_by(step).collect();
        let worlds = side_by_side(&chosen, threads, |site| {
            let (_, reading) = self.read(site);
            Mutex::new(world(&reading))
        });
        deployment(ROUNDS, |model| {
            side_by_side(&worlds, threads, |world| match world.lock() {
                Ok(mut world) => {
                    let (counts, handled) = world.expectation(model);
                    world.handlers.learn(handled);
                    counts
                }
                Err(_) => Model::empty(),
            })
        })
    }
}

/// The world of a site that was read.
pub fn world(reading: &Reading) -> World {
    World::of(&Desk {
        contacts: &reading.contacts,
        rows: &reading.rows,
        directory: &reading.directory,
        decided: &[],
    })
}

/// The site's own shares; those of habits that are switched off stay as everywhere.
pub fn learned(world: &mut World, deployment: &Model, off: &Off) -> Model {
    let mut kept: Vec<model::Group> = Vec::new();
    if !off.applies("moment") {
        kept.push(model::MOMENT);
    }
    if !off.applies("typing") {
        kept.push(model::LAG);
    }
    world.learned(deployment, SITE_ROUNDS).keeping(&kept, deployment)
}

/// What `work` gives for each item, in their order.
pub fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    let result = work(item);
                    if let Ok(mut done) = done.lock() {
                        done.push((at, result));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn recording<'a>(at: usize, cell: &impl Fn(usize, &str) -> &'a str) -> RecordingCells<'a> {
    let of = |field| cell(at, field);
    RecordingCells {
        place: at as u32,
        id: of("id"),
        call_id: of("call_id"),
        day: of("day"),
        started: of("started"),
        ring: of("ring"),
        answered: of("answered"),
        ended: of("ended"),
        duration: of("duration"),
        direction: of("direction"),
        from: of("from"),
        to: of("to"),
        extension: of("extension"),
        agent: of("agent"),
        digest: of("digest"),
    }
}

fn entry<'a>(at: usize, cell: &impl Fn(usize, &str) -> &'a str) -> EntryCells<'a> {
    let of = |field| cell(at, field);
    EntryCells {
        place: at as u32,
        id: of("entry_id"),
        registered: of("registered_at"),
        day: of("day"),
        occurred: of("occurred_at"),
        kind: of("channel"),
        number: of("number"),
        name: of("name"),
        unit: of("unit"),
        content: of("content"),
        handler: of("handler"),
        call_id: of("call_id"),
    }
}

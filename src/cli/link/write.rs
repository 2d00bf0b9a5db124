//! What linking came to, as files: `links.csv`, `mismatches.csv`, `evidence.jsonl`, `habits.jsonl`.

use super::sites::{Opened, Work};
use crate::cli::Failure;
use crate::linkage::explain::{Conflict, Explainer};
use crate::linkage::habits::{Habit, desk};
use crate::linkage::left_over::{self, Outcome, Together};
use crate::linkage::model::Model;
use crate::linkage::reading::Reading;
use crate::linkage::reading::cells::SiteCells;
use crate::linkage::verdict::Evidence;
use crate::linkage::weigh::Pair;
use crate::linkage::{LinkedBy, World};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};

/// Pairs from here on are links: likelier together than not.
const LINKED: f64 = 0.5;
/// A rival this near in bits makes a pair ambiguous.
const NEAR_BITS: f64 = 1.0;

/// Bytes that the evidence of a link takes, about.
const LINE_BYTES: usize = 600;

/// What the report tells.
#[derive(Debug, Default)]
pub struct Told {
    pub links: usize,
    pub automatic: usize,
    pub bad: Vec<String>,
    pub habits: Vec<Habit>,
}

/// The outcome of one site as texts.
#[derive(Debug, Default)]
struct Texts {
    links: Vec<u8>,
    mismatches: Vec<u8>,
    evidence: Vec<u8>,
    told: Told,
}

#[derive(Serialize)]
struct PairLine<'a> {
    site: &'a str,
    recording_id: &'a str,
    entry_id: &'a str,
    probability: f64,
    by: &'a str,
    evidence: Vec<Evidence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runner_up: Option<RunnerUp<'a>>,
}

#[derive(Serialize)]
struct RunnerUp<'a> {
    recording_id: &'a str,
    entry_id: &'a str,
    probability: f64,
    /// How much likelier the pair is, in bits.
    gap: f64,
}

/// Links all sites and writes as they come, in the order of the sites. `opened`: those that were
/// opened already.
///
/// # Errors
/// [`Failure`] when a file cannot be written.
pub fn all<'a>(
    work: &Work<'a>,
    model: &Model,
    opened: BTreeMap<&'a str, Opened<'a>>,
    threads: usize,
    out: &Path,
) -> Result<Told, Failure> {
    let failed =
        |error: std::io::Error| Failure::CouldNotRun(format!("{}: {error}", out.display()));
    std::fs::create_dir_all(out).map_err(failed)?;
    let file = |name: &str| -> std::io::Result<BufWriter<File>> {
        Ok(BufWriter::with_capacity(1 << 20, File::create(out.join(name))?))
    };
    let mut links = file("links.csv").map_err(failed)?;
    let mut mismatches = file("mismatches.csv").map_err(failed)?;
    let mut evidence = file("evidence.jsonl").map_err(failed)?;
    writeln!(links, "recording_id,entry_id,probability,by").map_err(failed)?;
    writeln!(mismatches, "kind,recording_id,entry_id").map_err(failed)?;
    let mut told = Told::default();
    let opened = Mutex::new(opened);
    let link = |site: &&'a str| {
        let known = opened.lock().ok().and_then(|mut opened| opened.remove(site));
        linked(work, known.unwrap_or_else(|| work.open(site, model)), model)
    };
    in_order(&work.sites(), threads, link, |texts| {
        links.write_all(&texts.links)?;
        mismatches.write_all(&texts.mismatches)?;
        evidence.write_all(&texts.evidence)?;
        told.links += texts.told.links;
        told.automatic += texts.told.automatic;
        told.bad.extend(texts.told.bad);
        told.habits.extend(texts.told.habits);
        Ok(())
    })
    .map_err(failed)?;
    let mut habits = file("habits.jsonl").map_err(failed)?;
    for habit in &told.habits {
        serde_json::to_writer(&mut habits, habit).map_err(std::io::Error::from).map_err(failed)?;
        habits.write_all(b"\n").map_err(failed)?;
    }
    for mut file in [links, mismatches, evidence, habits] {
        file.flush().map_err(failed)?;
    }
    Ok(told)
}

/// Sites are linked side by side and handed on in their order.
fn in_order<S: Sync>(
    sites: &[S],
    threads: usize,
    link: impl Fn(&S) -> Texts + Sync,
    mut hand_on: impl FnMut(Texts) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(threads * 2);
        for _ in 0..threads.min(sites.len()) {
            let (sender, next, link) = (sender.clone(), &next, &link);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(site) = sites.get(at) else { return };
                    if sender.send((at, link(site))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (mut waiting, mut due) = (BTreeMap::new(), 0);
        for (at, texts) in receiver {
            waiting.insert(at, texts);
            while let Some(texts) = waiting.remove(&due) {
                hand_on(texts)?;
                due += 1;
            }
        }
        Ok(())
    })
}

fn linked(work: &Work<'_>, opened: Opened<'_>, deployment: &Model) -> Texts {
    let Opened { cells, reading, mut world } = opened;
    let model = work.learned(&mut world, deployment);
    let page = Page { auto: work.auto, cells: &cells, reading: &reading, world: &world };
    let outcome = left_over::outcome(&world, &model, &|_| LINKED);
    let mut texts = page.texts(&model, &outcome);
    texts.told.bad = reading.faults.iter().map(|fault| work.told(cells.site, fault)).collect();
    texts.told.habits = reading.habits.clone();
    texts.told.habits.extend(desk::habits(cells.site, &world, &outcome));
    texts
}

struct Page<'a> {
    auto: f64,
    cells: &'a SiteCells<'a>,
    reading: &'a Reading,
    world: &'a World,
}

impl<'a> Page<'a> {
    fn recording(&self, call: u32) -> &'a str {
        let key = self.world.site.calls[call as usize].key;
        self.cells.recordings[self.reading.recordings[key as usize] as usize].id
    }

    fn entry(&self, row: u32) -> &'a str {
        let key = self.world.site.rows[row as usize].key;
        self.cells.entries[self.reading.entries[key as usize] as usize].id
    }

    fn texts(&self, model: &Model, outcome: &Outcome) -> Texts {
        let explainer = Explainer::of(self.world, model);
        let evidence = Vec::with_capacity(LINE_BYTES * outcome.links.len());
        let mut texts = Texts { evidence, ..Texts::default() };
        for pair in &self.world.labelled {
            let (call, row) = (pair.call, pair.row);
            let said = Together {
                call,
                row,
                probability: 1.0,
                weight: f64::INFINITY,
                pair: 0,
                runner_up: None,
            };
            self.link(&explainer, pair, &said, Some("person"), &mut texts);
        }
        for link in &outcome.links {
            let pair = &self.world.pairs[link.pair as usize];
            self.link(&explainer, pair, link, None, &mut texts);
        }
        for second in &outcome.seconds {
            let pair = &self.world.pairs[second.pair as usize];
            let (recording, entry) = (self.recording(second.call), self.entry(second.row));
            conflicts(&explainer, pair, recording, entry, &mut texts);
        }
        let mut mismatch = |kind: &str, recording: &str, entry: &str| {
            csv_line(&mut texts.mismatches, &[kind, recording, entry]);
        };
        outcome
            .unregistered
            .iter()
            .for_each(|call| mismatch("unregistered", self.recording(*call), ""));
        outcome.legs.iter().for_each(|call| mismatch("split", self.recording(*call), ""));
        for (place, _) in &self.reading.copies {
            mismatch("duplicate_recording", self.cells.recordings[*place as usize].id, "");
        }
        let seconds: Vec<u32> = outcome.seconds.iter().map(|second| second.row).collect();
        for second in &outcome.seconds {
            mismatch("duplicate", self.recording(second.call), self.entry(second.row));
        }
        for row in outcome.ghosts.iter().filter(|row| !seconds.contains(row)) {
            mismatch("ghost", "", self.entry(*row));
        }
        for pair in &outcome.hiding {
            mismatch("walk_in_hides_call", self.recording(pair.call), self.entry(pair.row));
        }
        texts
    }

    fn link(
        &self,
        explainer: &Explainer<'_>,
        pair: &Pair,
        link: &Together,
        said_by: Option<&'static str>,
        texts: &mut Texts,
    ) {
        let (recording, entry) = (self.recording(link.call), self.entry(link.row));
        let evidence = explainer.evidence(pair);
        let by = said_by.unwrap_or_else(|| self.by(link, &evidence));
        texts.told.links += 1;
        texts.told.automatic += usize::from(link.probability >= self.auto);
        let rounded = (link.probability * 1e4).round() as u32;
        let probability = format!("{}.{:04}", rounded / 10_000, rounded % 10_000);
        csv_line(&mut texts.links, &[recording, entry, &probability, by]);
        conflicts(explainer, pair, recording, entry, texts);
        let line = PairLine {
            site: self.cells.site,
            recording_id: recording,
            entry_id: entry,
            probability: (link.probability * 1e4).round() / 1e4,
            by,
            evidence,
            runner_up: link.runner_up.map(|(place, probability, weight)| {
                let rival = &self.world.pairs[place as usize];
                RunnerUp {
                    recording_id: self.recording(rival.call),
                    entry_id: self.entry(rival.row),
                    probability: (probability * 1e4).round() / 1e4,
                    gap: (bits(link.weight - weight) * 100.0).round() / 100.0,
                }
            }),
        };
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut texts.evidence, &line);
        texts.evidence.push(b'\n');
    }

    /// `call_id` and `evidence` are automatic; the others want a person's look.
    fn by(&self, link: &Together, evidence: &[Evidence]) -> &'static str {
        let near =
            link.runner_up.is_some_and(|(_, _, weight)| bits(link.weight - weight) < NEAR_BITS);
        if link.probability < self.auto {
            return if near { "ambiguous" } else { "suggested" };
        }
        let is_id = |one: &Evidence| one.field == "call_id" && one.level == "same";
        match if evidence.iter().any(is_id) { LinkedBy::CallId } else { LinkedBy::Evidence } {
            LinkedBy::CallId => "call_id",
            _ => "evidence",
        }
    }
}

/// Where an entry contradicts the call it tells of.
fn conflicts(
    explainer: &Explainer<'_>,
    pair: &Pair,
    recording: &str,
    entry: &str,
    texts: &mut Texts,
) {
    for conflict in explainer.conflicts(pair) {
        let kind = match conflict {
            Conflict::Number => "conflict_number",
            Conflict::Time => "conflict_time",
            Conflict::Agent => "conflict_agent",
            Conflict::Unit => "conflict_unit",
        };
        csv_line(&mut texts.mismatches, &[kind, recording, entry]);
    }
}

fn bits(nats: f64) -> f64 {
    nats / std::f64::consts::LN_2
}

/// Cells with separators or quotes in them are quoted.
fn csv_line(out: &mut Vec<u8>, cells: &[&str]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            out.push(b'"');
            out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(cell.as_bytes());
        }
    }
    out.push(b'\n');
}

//! `ringledger backfill`: after an outage, a phone system's own files take the place of what it
//! could not deliver. The same row twice is one, and a call known from live events stays one.

use super::daemon::{self, Daemon};
use super::data::{Place, block_on};
use super::{Failure, Outcome, fold, progress};
use crate::app::{self, Data};
use crate::call::{Call, CallRules, Verdict};
use crate::clock;
use crate::config::Config;
use crate::flow::fold_files::{Folded, Reader, fold_all};
use crate::flow::intake::{Answer, Intake};
use crate::flow::interpret::{Rules, Source};
use crate::job::relink_daemon;
use crate::pbx::records::Record;
use crate::pbx::{Delivery, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::SecondsFormat;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio::sync::broadcast;

/// Arguments of `backfill`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// The source whose phone system wrote the files.
    #[arg(long)]
    pub source: Option<String>,
    /// Its adapter, where only one source has it.
    #[arg(long)]
    pub adapter: Option<String>,
    /// Names of the columns of a table that comes without them and has no known layout, as they
    /// would stand in its first line.
    #[arg(long)]
    pub columns: Option<String>,
    /// Show what would happen, and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Tables (CSV, with or without a header line), JSON lines, JSON or XML documents.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

/// Records sent to a running daemon in one request.
const BATCH: usize = 256;
/// … and their bytes at most, unless one alone has more.
const BATCH_BYTES: usize = 1 << 20;
/// Reasons that are told one by one; the rest is counted.
const TOLD_MAX: usize = 50;

/// A record with its place.
struct Placed {
    file: String,
    line: usize,
    delivery: Delivery,
}

/// What became of the records.
#[derive(Debug, Default)]
struct Taken {
    new: usize,
    repeated: usize,
}

/// Runs the command. What was not understood is a finding.
///
/// # Errors
/// [`Failure`] when a file cannot be read or the data cannot be written.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let config = args.place.config()?;
    let rules = app::rules(&config)?;
    let source = source(args, &rules)?;
    let records = read(args, source)?;
    let folded = judged(&rules, source, &records);
    let taken = match args.dry_run {
        true => None,
        false => Some(block_on(write(args, &config, source, &records))??),
    };
    let bad: Vec<(&Placed, &str)> =
        folded.not_understood.iter().map(|(at, why)| (&records[at - 1], why.as_str())).collect();
    if json {
        print_json(&records, &bad, &folded, taken.as_ref());
    } else {
        print_text(&records, &bad, &folded, taken.as_ref());
    }
    Ok(if bad.is_empty() { Outcome::Clean } else { Outcome::Findings })
}

fn source<'a>(args: &Args, rules: &'a Rules) -> Result<&'a Source, Failure> {
    let of_adapter =
        |source: &&Source| args.adapter.as_deref().is_none_or(|a| a == source.pbx.name());
    let named = |source: &&Source| args.source.as_deref().is_none_or(|name| name == source.name);
    let mut fitting = rules.sources.values().filter(of_adapter).filter(named);
    match (fitting.next(), fitting.next()) {
        (Some(source), None) => Ok(source),
        (found, _) => {
            let known: Vec<String> = rules
                .sources
                .values()
                .map(|source| format!("{} ({})", source.name, source.pbx.name()))
                .collect();
            let what = if found.is_some() { "several sources fit" } else { "no source fits" };
            Err(Failure::Usage(format!("{what}; name one with --source: {}", known.join(", "))))
        }
    }
}

fn read(args: &Args, source: &Source) -> Result<Vec<Placed>, Failure> {
    let mut placed = Vec::new();
    let reads = |delivery: &Delivery| source.pbx.parse(delivery, &source.dialect()).is_ok();
    for path in &args.files {
        let file = path.display().to_string();
        let records = fold::records(path, args.columns.as_deref(), &reads)?;
        let place = |Record { line, delivery }| Placed { file: file.clone(), line, delivery };
        placed.extend(records.into_iter().map(place));
    }
    Ok(placed)
}

/// What these records say by themselves.
fn judged(rules: &Rules, source: &Source, records: &[Placed]) -> Folded {
    let settings = rules.sites.get(&source.site).map(|site| site.settings_at(clock::now()));
    let reader = Reader {
        pbx: source.pbx,
        // What an operator hands us needs no proof.
        secret: Secret::default(),
        dialect: source.dialect(),
        rules: CallRules::of(settings.unwrap_or(&Default::default())),
    };
    fold_all(&reader, records.iter().map(|record| record.delivery.clone()))
}

async fn write(
    args: &Args,
    config: &Config,
    source: &Source,
    records: &[Placed],
) -> Result<Taken, Failure> {
    let bar = progress(records.len() as u64, "taking");
    let taken = match daemon::is_at_work(config)? {
        true => send(&Daemon::of(config), source, records, &bar).await?,
        false => keep(&args.place.open()?.1, source, records, &bar).await?,
    };
    bar.finish_and_clear();
    Ok(taken)
}

/// Into the data itself, when no daemon is at work on them.
async fn keep(
    data: &Data,
    source: &Source,
    records: &[Placed],
    bar: &indicatif::ProgressBar,
) -> Result<Taken, Failure> {
    let (announced, _) = broadcast::channel(1);
    let intake = Intake::new(data.rules.clone(), data.archive.clone(), announced);
    let each =
        records.iter().map(|record| intake.take_record(&source.name, record.delivery.clone()));
    let mut answers = futures_util::stream::iter(each).buffered(BATCH);
    let mut taken = Taken::default();
    while let Some(answer) = answers.next().await {
        match answer {
            Answer::Kept { repeated, .. } => taken.count(repeated),
            other => {
                return Err(Failure::CouldNotRun(format!(
                    "not all were kept ({other:?}); run it again"
                )));
            }
        }
        bar.inc(1);
    }
    data.store.folded().await;
    if let Some(site) = data.rules.sites.get(&source.site) {
        let key = data.store.site(&site.id)?;
        relink_daemon::catch_up(&data.store, site, key, clock::now()).await?;
    }
    data.store.close();
    Ok(taken)
}

/// To the daemon that is at work on the data.
async fn send(
    daemon: &Daemon,
    source: &Source,
    records: &[Placed],
    bar: &indicatif::ProgressBar,
) -> Result<Taken, Failure> {
    #[derive(Deserialize)]
    struct Told {
        repeated: bool,
    }
    let path = format!("/api/v1/sources/{}/records", source.name);
    let mut taken = Taken::default();
    let mut rest = records;
    while !rest.is_empty() {
        let mut body = String::new();
        let mut count = 0;
        for record in rest.iter().take(BATCH) {
            let line = line(&record.delivery);
            if count > 0 && body.len() + line.len() > BATCH_BYTES {
                break;
            }
            body.push_str(&line);
            body.push('\n');
            count += 1;
        }
        let answer = daemon::text(daemon.ask("POST", &path, &[], body).await?).await?;
        let told: Vec<Told> = serde_json::from_str(&answer)
            .map_err(|error| Failure::CouldNotRun(format!("no answer of a daemon: {error}")))?;
        told.iter().for_each(|one| taken.count(one.repeated));
        bar.inc(count as u64);
        rest = &rest[count..];
    }
    Ok(taken)
}

fn line(delivery: &Delivery) -> String {
    json!({
        "received_at": delivery.received_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "method": delivery.method, "target": delivery.target, "headers": delivery.headers,
        "body_base64": STANDARD.encode(&delivery.body),
    })
    .to_string()
}

impl Taken {
    fn count(&mut self, repeated: bool) {
        if repeated {
            self.repeated += 1;
        } else {
            self.new += 1;
        }
    }
}

/// Calls by verdict, with how precisely each is known: the widest bounds of the wait.
fn verdicts(calls: &[Call]) -> BTreeMap<String, (usize, usize, i64)> {
    let mut counts: BTreeMap<String, (usize, usize, i64)> = BTreeMap::new();
    for call in calls {
        let word = match &call.verdict {
            Some(Verdict::Unknown { reason }) => {
                let reason = serde_json::to_value(reason).unwrap_or_default();
                format!("unknown ({})", reason["reason"].as_str().unwrap_or_default())
            }
            verdict => {
                let value = serde_json::to_value(verdict).unwrap_or_default();
                value["verdict"].as_str().unwrap_or("alive").to_owned()
            }
        };
        let width = call.waited_ms.map_or(0, |(least, greatest)| greatest - least);
        let (count, exact, widest) = counts.entry(word).or_default();
        *count += 1;
        *exact += usize::from(width == 0);
        *widest = width.max(*widest);
    }
    counts
}

fn print_json(records: &[Placed], bad: &[(&Placed, &str)], folded: &Folded, taken: Option<&Taken>) {
    let of_call = |call: &Call| {
        let shown = fold::as_json(call);
        json!({
            "call_id": call.call_id, "verdict": shown["verdict"], "reason": shown["reason"],
            "ring": shown["ring"], "waited_ms": call.waited_ms,
        })
    };
    let why = |(place, why): &(&Placed, &str)| json!({ "file": place.file, "line": place.line, "why": why });
    let all = json!({
        "records": records.len(),
        "new": taken.map(|taken| taken.new), "repeated": taken.map(|taken| taken.repeated),
        "written": taken.is_some(),
        "not_understood": bad.iter().map(why).collect::<Vec<Value>>(),
        "calls": folded.calls.iter().map(of_call).collect::<Vec<Value>>(),
        "warnings": folded.warnings,
    });
    println!("{all}");
}

fn print_text(records: &[Placed], bad: &[(&Placed, &str)], folded: &Folded, taken: Option<&Taken>) {
    for (place, why) in bad.iter().take(TOLD_MAX) {
        println!("{}:{}: not understood: {why}", place.file, place.line);
    }
    if bad.len() > TOLD_MAX {
        println!("… and {} more", bad.len() - TOLD_MAX);
    }
    for warning in &folded.warnings {
        println!("warning: {warning}");
    }
    println!("these files alone tell of {} calls", folded.calls.len());
    for (word, (count, exact, widest)) in verdicts(&folded.calls) {
        let precision = match widest {
            0 => String::new(),
            widest => format!(
                "; {exact} exact, the others with bounds of the wait up to {:.1} s apart",
                widest as f64 / 1000.0
            ),
        };
        println!("  {word}: {count}{precision}");
    }
    let count = records.len();
    let end = match taken {
        Some(Taken { new, repeated }) => format!("{new} new, {repeated} were here already"),
        None => "nothing was written (--dry-run)".to_owned(),
    };
    println!("{count} records: {} not understood; {end}", bad.len());
}

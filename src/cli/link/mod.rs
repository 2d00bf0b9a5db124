//! `ringledger link`: links files alone, by the same rules as the daemon, without a store.

mod columns;
mod confirmed;
mod lines;
mod sites;
mod table;
mod write;

use super::{Failure, Outcome};
use crate::linkage::habits::Off;
use crate::linkage::model::Model;
use confirmed::Confirmed;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use table::Table;

/// Arguments of `link`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The list of recordings, CSV or XLSX.
    #[arg(long)]
    pub recordings: PathBuf,
    /// The ledger, CSV or XLSX.
    #[arg(long)]
    pub ledger: PathBuf,
    /// Homes with their numbers, CSV or XLSX.
    #[arg(long)]
    pub directory: Option<PathBuf>,
    /// Pairs that people confirmed or parted, CSV or XLSX: recording_id, entry_id, together (yes or
    /// no; yes where it is missing). They are never overruled, and count as labels.
    #[arg(long)]
    pub confirmed: Option<PathBuf>,
    /// The folder that the outcome is written to.
    #[arg(long)]
    pub out: PathBuf,
    /// Refuse everything where a row is bad.
    #[arg(long)]
    pub strict: bool,
    /// Do not apply a habit, by its name in habits.jsonl; may be given again.
    #[arg(long = "no-habit", value_name = "NAME")]
    pub no_habit: Vec<String>,
    /// Weigh by the shipped estimates and learn nothing: what learning is measured against.
    #[arg(long)]
    pub shipped_weights: bool,
    /// The zone of times that are written without one.
    #[arg(long, default_value = "Asia/Shanghai")]
    pub zone: chrono_tz::Tz,
    /// Links from this probability on are automatic; the others are `suggested`.
    #[arg(long, default_value_t = 0.99)]
    pub auto: f64,
    /// Threads to work in; as many as there are processors where none is said.
    #[arg(long)]
    pub threads: Option<usize>,
}

/// Files, read.
pub struct Tables {
    pub recordings: Table,
    pub ledger: Table,
    pub directory: Table,
    pub confirmed: Confirmed,
}

/// Runs the command. Bad rows are findings.
///
/// # Errors
/// [`Failure`] when a file cannot be read or written, or is refused.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let off = Off::of(&args.no_habit).map_err(Failure::Usage)?;
    let tables = read(args)?;
    let work = sites::Work {
        tables: &tables,
        zone: args.zone,
        off: &off,
        auto: args.auto,
        learns: !args.shipped_weights,
    };
    let threads =
        args.threads.or_else(|| std::thread::available_parallelism().ok().map(Into::into));
    let threads = threads.unwrap_or(1).max(1);
    let strangers = tables.confirmed.strangers(&tables.recordings, &tables.ledger);
    if args.strict {
        work.refuse_bad_rows(&strangers)?;
    }
    let (model, opened) = if args.shipped_weights {
        (Model::shipped(), BTreeMap::new())
    } else {
        work.learn(threads)
    };
    let mut told = write::all(&work, &model, opened, threads, &args.out)?;
    told.bad.splice(..0, strangers);
    report(&tables, &told, args, json);
    Ok(if told.bad.is_empty() { Outcome::Clean } else { Outcome::Findings })
}

fn read(args: &Args) -> Result<Tables, Failure> {
    let recordings = |name: &str| columns::by_names(columns::RECORDINGS, name);
    let homes = |name: &str| columns::by_names(columns::DIRECTORY, name);
    std::thread::scope(|scope| {
        let ledger = scope.spawn(|| Table::read(&args.ledger, columns::ledger));
        let directory =
            scope.spawn(|| args.directory.as_ref().map(|path| Table::read(path, homes)));
        let recordings = Table::read(&args.recordings, recordings)?;
        let gone = |_| Failure::CouldNotRun("reading a file broke off".into());
        let ledger = ledger.join().map_err(gone)??;
        let directory = directory.join().map_err(gone)?.transpose()?;
        let confirmed = |name: &str| columns::by_names(columns::CONFIRMED, name);
        let words = args.confirmed.as_ref().map(|path| Table::read(path, confirmed)).transpose()?;
        let confirmed = Confirmed::of(&words.unwrap_or_default())?;
        Ok(Tables { recordings, ledger, directory: directory.unwrap_or_default(), confirmed })
    })
}

fn report(tables: &Tables, told: &write::Told, args: &Args, json: bool) {
    if json {
        let all = json!({
            "recordings": tables.recordings.rows, "entries": tables.ledger.rows,
            "links": told.links, "automatic": told.automatic, "bad": told.bad,
            "habits": told.habits,
            "ignored_columns": [&tables.recordings.ignored, &tables.ledger.ignored],
        });
        println!("{all}");
        return;
    }
    told.bad.iter().for_each(|bad| println!("{bad}"));
    for habit in &told.habits {
        println!("{}: {} (--no-habit {})", habit.site, habit.sentence, habit.name);
    }
    for (file, table) in [("recordings", &tables.recordings), ("ledger", &tables.ledger)] {
        if !table.ignored.is_empty() {
            println!("{file}: columns not used: {}", table.ignored.join(", "));
        }
    }
    println!(
        "{} recordings, {} entries: {} links, {} of them automatic; written to {}",
        tables.recordings.rows,
        tables.ledger.rows,
        told.links,
        told.automatic,
        args.out.display()
    );
}

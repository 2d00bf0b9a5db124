//! `ringledger import`: a ledger, a directory, or recordings from files.

use super::data::{Place, block_on};
use super::{Failure, Outcome, progress};
use crate::app::{self, Data};
use crate::clock;
use crate::config::Config;
use crate::flow::desk::Desk;
use crate::job::{listen, relink_daemon};
use crate::ledger::import::{Plan, RowPlan};
use crate::source::Arrival;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub what: What,
    #[command(flatten)]
    pub place: Place,
    /// The site; the first one where none is named.
    #[arg(long, global = true)]
    pub site: Option<String>,
    /// Show what would happen, row by row, and write nothing.
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Take the good rows although others are bad.
    #[arg(long, global = true)]
    pub skip_bad: bool,
}

/// What is imported.
#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// Ledger entries from CSV (UTF-8, GB18030) or XLSX.
    Ledger { file: PathBuf },
    /// Units and their numbers from CSV or XLSX.
    Directory { file: PathBuf },
    /// A call with its recordings and entry, from a vCon document.
    Vcon { file: PathBuf },
    /// Recordings: files, or folders of files.
    Recordings { files: Vec<PathBuf> },
}

/// Runs the command. Bad rows are findings.
///
/// # Errors
/// [`Failure`] when a file cannot be read or the data cannot be written.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (config, data) = args.place.open()?;
    let answers = app::answers(&data);
    let site = answers.site(args.site.as_deref())?.id.clone();
    let desk = Desk {
        store: data.store.clone(),
        rules: data.rules.clone(),
        columns: config.ledger.columns.clone(),
    };
    let outcome = block_on(async {
        let outcome = match &args.what {
            What::Ledger { file } => ledger(args, &desk, &site, file, json).await?,
            What::Directory { file } => directory(&desk, &site, file, json).await?,
            What::Vcon { file } => vcon(args, &config, &data, &site, file, json).await?,
            What::Recordings { files } => recordings(&config, &data, &site, files, json).await?,
        };
        if !args.dry_run && data.is_owner() {
            relink(&data, &site).await?;
        }
        Ok(outcome)
    })?;
    data.store.close();
    outcome
}

async fn relink(data: &Data, site: &str) -> Result<(), Failure> {
    if let Some(rules) = data.rules.sites.get(site) {
        let key = data.store.site(site)?;
        relink_daemon::catch_up(&data.store, rules, key, clock::now()).await?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| {
        Failure::CouldNotRun(format!("{} cannot be read: {error}", file.display()))
    })
}

async fn ledger(
    args: &Args,
    desk: &Desk,
    site: &str,
    file: &Path,
    json: bool,
) -> Result<Outcome, Failure> {
    let plan = desk.plan(site, &read(file)?)?;
    let [_, _, _, bad] = plan.counts();
    let write = !args.dry_run && (bad == 0 || args.skip_bad);
    report(&plan, file, json, args.dry_run, write);
    if write {
        let bar = progress(plan.entries().count() as u64, "importing");
        let step = |done: usize| bar.set_position(done as u64);
        desk.carry_out(site, &plan, clock::now(), "import", step).await?;
        bar.finish_and_clear();
    }
    Ok(if bad > 0 { Outcome::Findings } else { Outcome::Clean })
}

fn report(plan: &Plan, file: &Path, json: bool, dry_run: bool, written: bool) {
    let [new, changed, same, bad] = plan.counts();
    if json {
        let all = json!({
            "file": file.display().to_string(), "new": new, "changed": changed, "same": same,
            "bad": bad, "ignored_columns": plan.ignored, "written": written,
            "rows": if dry_run || bad > 0 { json!(plan.rows) } else { json!([]) },
        });
        println!("{all}");
        return;
    }
    for (number, row) in &plan.rows {
        match row {
            RowPlan::Bad { faults } => {
                for (column, why) in faults {
                    println!("row {number}: {column}: {why}");
                }
            }
            RowPlan::New { entry } if dry_run => println!("row {number}: new {}", entry.entry_id),
            RowPlan::Changed { entry, changes } if dry_run => {
                let fields: Vec<&str> =
                    changes.iter().map(|change| change.field.as_str()).collect();
                println!("row {number}: changed {}: {}", entry.entry_id, fields.join(", "));
            }
            RowPlan::New { .. } | RowPlan::Changed { .. } | RowPlan::Same { .. } => {}
        }
    }
    if !plan.ignored.is_empty() {
        println!("columns not used: {}", plan.ignored.join(", "));
    }
    let end = match (dry_run, written) {
        (true, _) => "; nothing was written (--dry-run)",
        (false, true) => "",
        (false, false) => {
            "; nothing was written: mend the bad rows, or take the others with --skip-bad"
        }
    };
    println!("{new} new, {changed} changed, {same} the same, {bad} bad{end}");
}

async fn directory(desk: &Desk, site: &str, file: &Path, json: bool) -> Result<Outcome, Failure> {
    let count = desk.save_directory(site, &read(file)?, clock::now(), "import").await?;
    if json {
        println!("{}", json!({ "file": file.display().to_string(), "numbers": count }));
    } else {
        println!("{count} numbers of units");
    }
    Ok(Outcome::Clean)
}

async fn vcon(
    args: &Args,
    config: &Config,
    data: &Data,
    site: &str,
    file: &Path,
    json: bool,
) -> Result<Outcome, Failure> {
    if args.dry_run {
        return Err(Failure::Usage("a vCon is taken in whole; it knows no --dry-run".into()));
    }
    let exchange = app::exchange(config, data)?;
    let imported = exchange.import(site, &read(file)?, clock::now(), &super::data::who()).await?;
    listen_to_all(config, data, site).await?;
    if json {
        println!("{}", json!(imported));
        return Ok(Outcome::Clean);
    }
    let signature = match imported.signature.as_str() {
        "none" => "it is not signed".to_owned(),
        "unknown" => "signature not verified: no trusted key is known".to_owned(),
        name => format!("signature verified by {name}"),
    };
    let new = imported.recordings.iter().filter(|one| one.new).count();
    println!(
        "{}: {new} new recordings of {}; {signature}",
        imported.uuid,
        imported.recordings.len()
    );
    imported.left_out.iter().for_each(|text| println!("not taken: {text}"));
    Ok(Outcome::Clean)
}

async fn recordings(
    config: &Config,
    data: &Data,
    site: &str,
    files: &[PathBuf],
    json: bool,
) -> Result<Outcome, Failure> {
    let mut found = Vec::new();
    for path in files {
        gather(path, &mut found).map_err(|error| {
            Failure::CouldNotRun(format!("{} cannot be read: {error}", path.display()))
        })?;
    }
    let source = data.rules.sources.values().find(|source| source.site == site);
    let bar = progress(found.len() as u64, "importing");
    let mut new = 0;
    for arrival in &found {
        let name =
            arrival.path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into());
        let hints = source.map(|source| source.names.hints(&name, source.zone)).unwrap_or_default();
        let admitted = data.archive.take(site, arrival, hints, clock::now()).await?;
        new += usize::from(admitted.is_some_and(|admitted| admitted.new));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let heard = listen_to_all(config, data, site).await?;
    if json {
        println!("{}", json!({ "files": found.len(), "new": new, "heard": heard }));
    } else {
        println!("{} files, {new} new recordings, {heard} listened to", found.len());
    }
    Ok(Outcome::Clean)
}

/// Listens to everything of a site that nobody has heard. Gives how many were heard.
async fn listen_to_all(config: &Config, data: &Data, site: &str) -> Result<usize, Failure> {
    let wrong = || Failure::CouldNotRun(format!("site `{site}` is not configured"));
    let (rules, key) = (data.rules.sites.get(site).ok_or_else(wrong)?, data.store.site(site)?);
    let (listeners, at_a_time) = (app::listening(config)?, config.listening.workers);
    Ok(listen::catch_up(&data.archive, (rules, key), &listeners, at_a_time).await?)
}

fn gather(path: &Path, found: &mut Vec<Arrival>) -> std::io::Result<()> {
    let meta = std::fs::metadata(path)?;
    if !meta.is_dir() {
        let modified_at = meta.modified()?.into();
        found.push(Arrival { path: path.canonicalize()?, bytes: meta.len(), modified_at });
        return Ok(());
    }
    let mut inside: Vec<PathBuf> =
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    inside.sort();
    inside.iter().try_for_each(|path| gather(path, found))
}

//! `ringledger retain`: which recordings go, why, and when the disk will be full.

use super::data::{Place, block_on};
use super::{Failure, Outcome};
use crate::app;
use crate::clock;
use crate::flow::keeping::Keeping;
use crate::keeping::{Forecast, Plan, Sparing, Why};
use serde_json::json;

/// Arguments of `retain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// Show what would go and why, and erase nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Show when the disk will be full, and erase nothing.
    #[arg(long, conflicts_with = "dry_run")]
    pub forecast: bool,
}

/// Bytes of a mebibyte.
const MIB: f64 = 1_048_576.0;

/// Runs the command, also beside a running daemon. An alarm is a finding.
///
/// # Errors
/// [`Failure`] when the data cannot be read or written.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (config, data) = args.place.open()?;
    let keeping = app::keeping(&config, &data);
    let outcome = block_on(async {
        if args.forecast {
            return forecast(&keeping, json).await;
        }
        retain(&keeping, args.dry_run, json).await
    })?;
    data.store.close();
    outcome
}

async fn retain(keeping: &Keeping, dry_run: bool, json: bool) -> Result<Outcome, Failure> {
    let now = clock::now();
    let plan = keeping.plan(now).await?;
    let who = super::data::who();
    let done = if dry_run { None } else { Some(keeping.carry_out(&plan, now, &who).await?) };
    if json {
        println!("{}", json!({ "plan": plan, "done": done }));
    } else {
        table(&plan);
        match done {
            None => println!(
                "{} would go, {:.1} MiB; nothing was erased (--dry-run)",
                plan.going.len(),
                plan.bytes() as f64 / MIB
            ),
            Some(done) => println!(
                "{} erased and {} originals, {:.1} MiB; {} stayed because of a hold",
                done.erased,
                done.originals,
                done.bytes as f64 / MIB,
                done.refused
            ),
        }
    }
    Ok(if plan.lacking_bytes > 0 { Outcome::Findings } else { Outcome::Clean })
}

fn table(plan: &Plan) {
    println!("{:>10}  {:16}  {:>10}  {:13}  why", "recording", "begins", "bytes", "class");
    for one in &plan.going {
        let why = match one.why {
            Why::Age { keep_days } => format!("older than {keep_days} days"),
            Why::Archived { original_days } => {
                format!("original alone: older than {original_days} days, its rendition stays")
            }
            Why::Space { .. } => "the disk is below its floor".to_owned(),
        };
        let begins = one.begins_at.format("%Y-%m-%d %H:%M");
        let (key, class) = (one.recording, one.class.as_str());
        println!("{key:>10}  {begins}  {:>10}  {class:13}  {why}", one.bytes);
    }
    for one in &plan.spared {
        let why = match &one.why {
            Sparing::Held { thing } => format!("stays: legal hold on {thing}"),
            Sparing::OpenFinding { codes } => {
                let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
                format!("stays: open {}", codes.join(", "))
            }
        };
        let begins = one.begins_at.format("%Y-%m-%d %H:%M");
        println!("{:>10}  {begins}  {:>10}  {:13}  {why}", one.recording, "", one.class.as_str());
    }
    if plan.lacking_bytes > 0 {
        let lacking = plan.lacking_bytes as f64 / MIB;
        println!("{lacking:.1} MiB are lacking still: what is left is held or too young to go");
    }
}

async fn forecast(keeping: &Keeping, json: bool) -> Result<Outcome, Failure> {
    let standing = keeping.standing(clock::now()).await?;
    if json {
        println!("{}", serde_json::to_string(&standing).unwrap_or_default());
    } else {
        match &standing.forecast {
            None => println!("the store of the recordings knows no limit of room"),
            Some(forecast) => println!("{}", words(forecast)),
        }
        if standing.alarm {
            println!("ALARM: less room than keeping.free_alarm_mib");
        }
    }
    Ok(if standing.alarm { Outcome::Findings } else { Outcome::Clean })
}

fn words(forecast: &Forecast) -> String {
    let free = forecast.free_bytes as f64 / MIB;
    if forecast.days_seen == 0 {
        return format!("{free:.1} MiB free; no whole day of recordings yet, so no forecast");
    }
    let grows = forecast.bytes_per_day as f64 / MIB;
    let seen = forecast.days_seen;
    let basis = format!("{free:.1} MiB free, {grows:.1} MiB a day over the last {seen} days");
    match (forecast.full_on, forecast.days_left) {
        (Some(day), Some(left)) => format!("{basis}: full on {day}, in {left} days"),
        _ => format!("{basis}: not full within twenty years"),
    }
}

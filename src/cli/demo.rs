//! `ringledger demo`: a day of a front desk, from a real phone system's traces and recordings,
//! through the running daemon to the audit.

use super::data::block_on;
use super::fold::read;
use super::{Failure, Outcome};
use crate::app::{self, Daemon};
use crate::audit::{Question, Report};
use crate::clock;
use crate::config::{Config, SiteConfig, SourceConfig};
use crate::finding::Finding;
use crate::job::relink::start_of;
use crate::job::relink_daemon;
use crate::pbx::Delivery;
use crate::render::{self, words::Language};
use crate::site::SiteSettings;
use crate::store::sqlite::recordings;
use bytes::Bytes;
use chrono::{NaiveDate, TimeDelta};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The day to play.
    #[arg(long, default_value = "samples/day")]
    pub samples: PathBuf,
    /// Address and port for the pages.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: String,
    /// Keep the data in this folder instead of throwing it away.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// End after the audit instead of serving it.
    #[arg(long)]
    pub once: bool,
    /// zh or en.
    #[arg(long, default_value = "zh")]
    pub lang: String,
}

/// The day of the traces.
const DAY: (i32, u32, u32) = (2026, 11, 23);
/// How long the daemon may take to listen to everything, in seconds.
const WAIT_S_MAX: u64 = 60;

/// A mistake that was planted, or that is in the traffic itself.
#[derive(Debug, Deserialize)]
struct Planted {
    code: String,
    what: String,
    #[serde(default)]
    call: Option<String>,
    #[serde(default)]
    entry: Option<String>,
}

/// Runs the command. Anything found but not planted, or planted but not found, is a finding.
///
/// # Errors
/// [`Failure`] when the samples cannot be read or the daemon cannot start.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let failed = |error: std::io::Error| Failure::CouldNotRun(format!("no folder: {error}"));
    let scratch = tempfile::tempdir().map_err(failed)?;
    let data = args.data.clone().unwrap_or_else(|| scratch.path().join("data"));
    let spool = scratch.path().join("spool");
    std::fs::create_dir_all(&spool).map_err(failed)?;
    let config = config(args, &data, &spool);
    crate::log::begin(&crate::config::LogConfig { filter: "warn".into(), ..config.log.clone() })
        .map_err(Failure::Usage)?;
    block_on(play(args, &config, &spool, json))?
}

fn config(args: &Args, data: &Path, spool: &Path) -> Config {
    let mut config = Config::default();
    config.data.dir = data.to_string_lossy().into_owned();
    config.server.listen.clone_from(&args.listen);
    let desk_extensions = ["101", "102", "105"].map(str::to_owned).to_vec();
    config.sites = vec![SiteConfig {
        settings: vec![SiteSettings { desk_extensions, ..SiteSettings::default() }],
        ..SiteConfig::default()
    }];
    config.sources = vec![SourceConfig {
        name: "front".into(),
        adapter: crate::pbx::ALL[0].name().into(),
        folders: vec![spool.to_string_lossy().into_owned()],
        ..SourceConfig::default()
    }];
    config
}

async fn play(args: &Args, config: &Config, spool: &Path, json: bool) -> Result<Outcome, Failure> {
    let watch = clock::Watch::start();
    let daemon = app::start(config).await?;
    let address = daemon.address;
    let say = |text: String| {
        if !json {
            println!("{text}");
        }
    };
    say(format!("ringledger ready on http://{address}"));
    let sent = deliver(&read(&args.samples.join("deliveries.jsonl"))?, &daemon).await?;
    let files = drop_files(&args.samples.join("spool"), spool)?;
    say(format!("{sent} deliveries sent, {files} recordings put into the spool folder"));
    let rows = import(&args.samples, &daemon).await?;
    say(format!("{rows} entries imported"));
    wait_for_recordings(&daemon, spool).await?;
    let report = report(&daemon).await?;
    let bytes = (render::named(if json { "jsonl" } else { "text" })
        .unwrap_or(&render::ALL[0])
        .render)(&report, Language::of(&args.lang));
    std::io::stdout().write_all(&bytes).map_err(|e| Failure::CouldNotRun(e.to_string()))?;
    let outcome = compare(&args.samples, &report, json)?;
    say(format!("done in {:.1} s", watch.elapsed().as_secs_f64()));
    if !args.once {
        let day = report.question.from;
        say(format!("the same report: http://{address}/audit?from={day}&to={day}   (Ctrl-C ends)"));
        drop(tokio::signal::ctrl_c().await);
    }
    daemon.stop().await;
    Ok(outcome)
}

/// Sends deliveries over HTTP, in the order in which the phone system sent them.
async fn deliver(deliveries: &[Delivery], daemon: &Daemon) -> Result<usize, Failure> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    for delivery in deliveries {
        let uri = format!("http://{}/hook/front", daemon.address);
        let kind = delivery.header("content-type").unwrap_or("application/json").to_owned();
        let request = Request::post(uri).header("content-type", kind);
        let request = request
            .body(Full::new(delivery.body.clone()))
            .map_err(|error| Failure::CouldNotRun(error.to_string()))?;
        let response = client
            .request(request)
            .await
            .map_err(|error| Failure::CouldNotRun(error.to_string()))?;
        if !response.status().is_success() {
            return Err(Failure::CouldNotRun(format!(
                "a delivery was answered {}",
                response.status()
            )));
        }
        drop(response.into_body().collect().await);
    }
    Ok(deliveries.len())
}

/// Puts files into the spool folder as a recorder does: it writes them there and closes them.
fn drop_files(from: &Path, spool: &Path) -> Result<usize, Failure> {
    let failed =
        |error: std::io::Error| Failure::CouldNotRun(format!("{}: {error}", from.display()));
    let mut count = 0;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let bytes = std::fs::read(entry.path()).map_err(failed)?;
        std::fs::write(spool.join(entry.file_name()), bytes).map_err(failed)?;
        count += 1;
    }
    Ok(count)
}

async fn import(samples: &Path, daemon: &Daemon) -> Result<usize, Failure> {
    let read = |name: &str| {
        let path = samples.join(name);
        std::fs::read(&path)
            .map_err(|error| Failure::CouldNotRun(format!("{}: {error}", path.display())))
    };
    let (desk, now) = (daemon.state.desk(), clock::now());
    desk.save_directory("default", &read("directory.csv")?, now, "demo").await?;
    let plan = desk.plan("default", &read("ledger.csv")?)?;
    if plan.counts()[3] > 0 {
        return Err(Failure::CouldNotRun("the sample ledger has bad rows".into()));
    }
    Ok(desk.carry_out("default", &plan, now, "demo", |_| {}).await?)
}

/// Waits until every file of the spool is taken and heard. Files with the same bytes are one
/// recording.
async fn wait_for_recordings(daemon: &Daemon, spool: &Path) -> Result<(), Failure> {
    let mut contents = std::collections::BTreeSet::new();
    let failed = |error: std::io::Error| Failure::CouldNotRun(error.to_string());
    for entry in std::fs::read_dir(spool).map_err(failed)? {
        contents.insert(std::fs::read(entry.map_err(failed)?.path()).map_err(failed)?);
    }
    let key = daemon.data.store.site("default")?;
    for _ in 0..WAIT_S_MAX * 20 {
        let there = daemon.data.store.read(recordings::count)?;
        let unheard = daemon.data.store.read(|c| recordings::unheard_count(c, key))?;
        if there >= contents.len() && unheard == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Failure::CouldNotRun(format!("the recordings were not all heard within {WAIT_S_MAX} s")))
}

async fn report(daemon: &Daemon) -> Result<Report, Failure> {
    let store = &daemon.data.store;
    let key = store.site("default")?;
    let answers = daemon.state.answers();
    let day = NaiveDate::from_ymd_opt(DAY.0, DAY.1, DAY.2).unwrap_or_default();
    let site = answers.site(None)?;
    // On a machine whose clock stands before the day's end, every grace is over all the same.
    let over = start_of(site, day) + TimeDelta::days(1);
    let as_of = clock::now().max(over);
    relink_daemon::catch_up(store, site, key, as_of).await?;
    let question = Question { site: "default".into(), from: day, to: day, as_of };
    Ok(answers.audit(&question).await?)
}

/// Compares what was found with what was planted.
fn compare(samples: &Path, report: &Report, json: bool) -> Result<Outcome, Failure> {
    let path = samples.join("planted.json");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::CouldNotRun(format!("{}: {error}", path.display())))?;
    let planted: Vec<Planted> = serde_json::from_str(&text)
        .map_err(|error| Failure::CouldNotRun(format!("{}: {error}", path.display())))?;
    let mut left: Vec<&Finding> = report.findings.iter().collect();
    let mut missed = Vec::new();
    for one in &planted {
        match left.iter().position(|finding| tells(finding, one)) {
            Some(place) => drop(left.remove(place)),
            None => missed.push(one),
        }
    }
    let exact = missed.is_empty() && left.is_empty();
    if !json {
        println!(
            "{} mistakes were planted or are in the traffic; {} found, {} missed, {} besides",
            planted.len(),
            planted.len() - missed.len(),
            missed.len(),
            left.len()
        );
        missed.iter().for_each(|one| println!("  missed: {} ({})", one.code, one.what));
        left.iter().for_each(|one| println!("  besides: {}", one.code.as_str()));
    }
    Ok(if exact { Outcome::Clean } else { Outcome::Findings })
}

fn tells(finding: &Finding, planted: &Planted) -> bool {
    let says = |name: &str, value: &Option<String>| {
        value.as_ref().is_none_or(|value| finding.evidence.contains(&format!("{name}={value}")))
    };
    finding.code.as_str() == planted.code
        && says("call", &planted.call)
        && says("entry", &planted.entry)
}

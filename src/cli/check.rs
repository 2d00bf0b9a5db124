//! `ringledger check`: is everything there that the daemon needs?

use super::data::Place;
use super::{Failure, Outcome};
use crate::app;
use crate::clock;
use crate::config::{Config, SourceConfig};
use crate::feed;
use crate::flow::sources::{SourceState, states};
use crate::site::Site;
use crate::source::guard::{self, Host, Hosts};
use crate::store::sqlite::{database_in, names, readable};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// Ask the running daemon whether it takes deliveries, and nothing else. Without an address the
    /// settings' `server.listen` is asked.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true)]
    pub running: Option<Option<String>>,
}

/// Runs the command: what is missing is a finding.
///
/// # Errors
/// [`Failure::Usage`] when the settings are wrong.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let config = args.place.config()?;
    let looked = match &args.running {
        Some(address) => {
            let address = address.as_ref().unwrap_or(&config.server.listen);
            vec![("daemon".to_owned(), running(address))]
        }
        None => everything(&config),
    };
    let wrong = looked.iter().any(|(_, found)| found.is_err());
    for (name, found) in &looked {
        let (good, text) = match found {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        if json {
            println!("{}", json!({ "what": name, "good": good, "text": text }));
        } else {
            println!("{} {name}: {text}", if good { "ok  " } else { "BAD " });
        }
    }
    Ok(if wrong { Outcome::Findings } else { Outcome::Clean })
}

/// What was looked at, and what was found: good, or what is wrong.
type Looked = (String, Result<String, String>);

fn everything(config: &Config) -> Vec<Looked> {
    [
        ("data", data(config)),
        ("recordings", writable(&config.recordings_dir())),
        ("socket", socket(config)),
        (
            "rules",
            app::rules(config)
                .map(|rules| {
                    format!("{} sites, {} sources", rules.sites.len(), rules.sources.len())
                })
                .map_err(|e| e.to_string()),
        ),
    ]
    .into_iter()
    .map(|(name, found)| (name.to_owned(), found))
    .chain(folders(config))
    .chain(feeds(config))
    .chain(hosts(config))
    .chain(clocks(config))
    .collect()
}

/// How long a daemon may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Asks the daemon at an address whether it is ready.
fn running(address: &str) -> Result<String, String> {
    let told = |error: &dyn std::fmt::Display| format!("{address}: {error}");
    let runtime = runtime()?;
    let uri = format!("http://{address}/readyz");
    let uri = uri.parse().map_err(|error| told(&error as &dyn std::fmt::Display))?;
    let asked = async {
        let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        tokio::time::timeout(ANSWER_WITHIN, client.get(uri)).await
    };
    match runtime.block_on(asked) {
        Ok(Ok(response)) if response.status().is_success() => {
            Ok(format!("{address} takes deliveries"))
        }
        Ok(Ok(response)) => Err(told(&response.status())),
        Ok(Err(error)) => Err(format!("{}; start it with `ringledger serve`", told(&error))),
        Err(_) => Err(told(&format!("no answer within {} s", ANSWER_WITHIN.as_secs()))),
    }
}

fn data(config: &Config) -> Result<String, String> {
    let folder = Path::new(&config.data.dir);
    writable(folder)
}

fn writable(folder: &Path) -> Result<String, String> {
    let shown = folder.display();
    std::fs::create_dir_all(folder).map_err(|error| format!("{shown}: {error}"))?;
    tempfile::NamedTempFile::new_in(folder).map_err(|error| format!("{shown}: {error}"))?;
    Ok(format!("{shown} can be written"))
}

fn socket(config: &Config) -> Result<String, String> {
    let listen = &config.server.listen;
    match std::net::TcpListener::bind(listen) {
        Ok(_) => Ok(format!("{listen} is free")),
        Err(error) => Err(format!("{listen}: {error}; is a daemon running there?")),
    }
}

fn folders(config: &Config) -> Vec<Looked> {
    let of_source = |source: &SourceConfig| {
        let name = source.name.clone();
        let all = source.folders.iter().map(move |folder| {
            let looked = std::fs::read_dir(folder)
                .map(|_| format!("{folder} can be read"))
                .map_err(|error| format!("{folder}: {error}"));
            (format!("folder of {name}"), looked)
        });
        all.collect::<Vec<_>>()
    };
    config.sources.iter().flat_map(of_source).collect()
}

/// Tries every feed, as the daemon would.
fn feeds(config: &Config) -> Vec<Looked> {
    let try_out = |source: &SourceConfig| -> Result<Vec<feed::Remark>, String> {
        let Some(settings) = source.feed(config.server.body_bytes_max)? else {
            return Ok(Vec::new());
        };
        Ok(runtime()?.block_on(feed::check(&settings)))
    };
    let of_source = |source: &SourceConfig| {
        let remarks = try_out(source).unwrap_or_else(|why| vec![Err(why)]);
        let name = format!("feed of {}", source.name);
        remarks.into_iter().map(move |remark| (name.clone(), remark)).collect::<Vec<_>>()
    };
    config.sources.iter().flat_map(of_source).collect()
}

/// Where recordings are fetched: whether the names lead anywhere, and anywhere they may.
fn hosts(config: &Config) -> Vec<Looked> {
    let mut looked = Vec::new();
    for source in &config.sources {
        let Ok(settings) = source.fetch(config.fetching.limits()) else { continue };
        for host in settings.hosts.public.iter().chain(&settings.hosts.private) {
            let name = format!("recordings of {}", source.name);
            looked.push((name, leads(&settings.hosts, host)));
        }
        let tried = runtime().map(|runtime| runtime.block_on(settings.try_out(clock::now())));
        let name = || format!("recordings of {}", source.name);
        looked.extend(tried.unwrap_or_default().map(|tried| (name(), tried)));
    }
    looked
}

fn leads(hosts: &Hosts, host: &Host) -> Result<String, String> {
    let (name, ports) = host.name();
    if host.is_wide() {
        return Ok(format!("*.{name}: what a name leads to is looked at when it is asked"));
    }
    let open = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    let port = ports.first().map_or_else(String::new, |port| format!(":{port}"));
    let told = |refused: guard::Refused| format!("{name}: {refused}");
    let address = guard::address(&format!("https://{open}{port}/")).map_err(told)?;
    let place = hosts.place(&address).map_err(told)?;
    let found = runtime()?.block_on(place.resolve()).map_err(told)?;
    let found: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
    Ok(format!("{name} leads to {}, and may be asked", found.join(" ")))
}

fn runtime() -> Result<Runtime, String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().map_err(|error| format!("no runtime: {error}"))
}

/// How the clocks of the sources went, as far as there are data.
fn clocks(config: &Config) -> Vec<Looked> {
    let path = database_in(Path::new(&config.data.dir));
    let (Ok(connection), Ok(rules)) = (readable(&path), app::rules(config)) else {
        return Vec::new();
    };
    let of_site = |site: &Site| -> crate::store::Result<Vec<SourceState>> {
        let key = names(&connection)?.site(&site.id)?;
        states(&connection, site, key, &rules.sources_of(&site.id), clock::now())
    };
    let told = |state: SourceState| {
        let clock = state.clock?;
        let good = format!("{} ms behind ours", clock.behind_ms);
        Some((format!("clock of {}", state.source), state.clock_warning().map_or(Ok(good), Err)))
    };
    let all = rules.sites.values().flat_map(|site| of_site(site).unwrap_or_default());
    all.filter_map(told).collect()
}

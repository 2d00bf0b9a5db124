//! `ringledger check`: is everything there that the daemon needs?

use super::data::Place;
use super::{Failure, Outcome};
use crate::app;
use crate::config::Config;
use serde_json::json;
use std::path::Path;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
}

/// Runs the command: what is missing is a finding.
///
/// # Errors
/// [`Failure::Usage`] when the settings are wrong.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let config = args.place.config()?;
    let looked: Vec<(String, Result<String, String>)> = [
        ("data", data(&config)),
        ("recordings", writable(&config.recordings_dir())),
        ("socket", socket(&config)),
        (
            "rules",
            app::rules(&config)
                .map(|rules| {
                    format!("{} sites, {} sources", rules.sites.len(), rules.sources.len())
                })
                .map_err(|e| e.to_string()),
        ),
    ]
    .into_iter()
    .map(|(name, found)| (name.to_owned(), found))
    .chain(folders(&config))
    .collect();
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

fn folders(config: &Config) -> Vec<(String, Result<String, String>)> {
    let of_source = |source: &crate::config::SourceConfig| {
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

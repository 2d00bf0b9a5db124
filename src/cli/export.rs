//! `ringledger export`: a call as a vCon, an entry as a case folder.

use super::data::{Place, block_on, who};
use super::{Failure, Outcome};
use crate::app;
use crate::clock;
use crate::flow::case;
use crate::flow::export::{Exchange, Taking};
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub what: What,
    #[command(flatten)]
    pub place: Place,
    /// The site; the first one where none is named.
    #[arg(long, global = true)]
    pub site: Option<String>,
    /// Whole numbers and names; needs `--why`.
    #[arg(long, global = true, requires = "why")]
    pub unmasked: bool,
    /// Why it leaves the house; it stands in the log of facts.
    #[arg(long, global = true, default_value = "")]
    pub why: String,
}

/// What is exported.
#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// A call, its recordings and its entry as a vCon document; signed where a key is set.
    Vcon {
        /// An id of the call.
        #[arg(long)]
        call: String,
        /// The file; standard output where none is named.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// An entry with its versions, call, recordings and a manifest with checksums, as a folder.
    Case {
        /// The desk's number of the entry.
        #[arg(long)]
        entry: String,
        /// An empty or new folder.
        #[arg(long)]
        out: PathBuf,
    },
}

/// Runs the command, also beside a running daemon.
///
/// # Errors
/// [`Failure`] when the thing is not known, or the data or the target cannot be read or written.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (config, data) = args.place.open()?;
    let exchange = app::exchange(&config, &data)?;
    let outcome = block_on(export(args, &exchange, json))?;
    data.store.close();
    outcome
}

async fn export(args: &Args, exchange: &Exchange, as_json: bool) -> Result<Outcome, Failure> {
    let site = exchange.answers.site(args.site.as_deref())?.id.clone();
    let (who, at, masked) = (who(), clock::now(), !args.unmasked);
    let taking = Taking { who: &who, why: &args.why, at, masked };
    match &args.what {
        What::Vcon { call, out } => {
            let answer = exchange.call(&site, call).await?;
            let document = exchange.vcon(&answer, &taking).await?;
            let signed = document.get("signatures").is_some();
            let text = document.to_string();
            let Some(path) = out else {
                println!("{text}");
                return Ok(Outcome::Clean);
            };
            std::fs::write(path, text + "\n")
                .map_err(|error| Failure::CouldNotRun(format!("{}: {error}", path.display())))?;
            let recordings = answer.recordings.len();
            if as_json {
                println!("{}", json!({ "file": path, "recordings": recordings, "signed": signed }));
            } else {
                let signed = if signed { "signed" } else { "not signed: no exchange.signing_key" };
                println!("{}: {recordings} recordings, {signed}", path.display());
            }
        }
        What::Case { entry, out } => {
            let answer = exchange.entry(&site, entry).await?;
            let names = case::write(exchange, &answer, out, &taking).await?;
            if as_json {
                println!("{}", json!({ "folder": out, "files": names }));
            } else {
                println!("{}: {} files and a manifest", out.display(), names.len());
            }
        }
    }
    Ok(Outcome::Clean)
}

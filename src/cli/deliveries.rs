//! `ringledger deliveries`: what is stored, also while the daemon runs.

use super::data::Place;
use super::{Failure, Outcome};
use crate::store::sqlite::{database_in, deliveries, readable};
use std::io::Write;
use std::path::Path;

/// Arguments of `deliveries`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// Only those of this source.
    #[arg(long)]
    pub source: Option<String>,
    /// Only those that speak of this call.
    #[arg(long)]
    pub call: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] when there is no data.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let config = args.place.config()?;
    let path = database_in(Path::new(&config.data.dir));
    let connection = readable(&path)
        .map_err(|error| Failure::CouldNotRun(format!("{}: {error}", path.display())))?;
    let filter = deliveries::Filter { source: args.source.clone(), call: args.call.clone() };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut failed = None;
    deliveries::list(&connection, &filter, |listed| {
        let line = if json {
            serde_json::to_string(&listed).unwrap_or_default()
        } else {
            let why = listed.why_not.as_deref().unwrap_or("understood");
            let at = listed.received_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            format!("{:>8}  {at}  {:<12} {}  {why}", listed.id, listed.source, &listed.digest[..12])
        };
        failed = writeln!(out, "{line}").err();
        failed.is_none()
    })?;
    match failed.or(out.flush().err()) {
        // A reader that has seen enough is no error.
        Some(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::CouldNotRun(format!("not written: {error}")))
        }
        _ => Ok(Outcome::Clean),
    }
}

//! `ringledger archive`: archive renditions at once, instead of when the daemon next looks.

use super::data::{Place, block_on};
use super::{Failure, Outcome};
use crate::app;
use crate::clock;
use crate::job::archive;
use crate::stop;
use serde_json::json;
use std::collections::HashSet;

/// Arguments of `archive`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
}

/// Runs the command, also beside a running daemon. Killed, it goes on where it was when it is run
/// again. What could not be archived is a finding.
///
/// # Errors
/// [`Failure`] when the data cannot be read or written.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (config, data) = args.place.open()?;
    let listeners = app::listening(&config)?;
    let ((_stopper, stop), mut given_up) = (stop::channel(), HashSet::new());
    let (archive, rules, now) = (&data.archive, &data.rules, clock::now());
    let done = archive::once(archive, rules, &listeners, &mut given_up, now, &stop);
    let done = block_on(done)??;
    data.store.close();
    if json {
        println!("{}", json!(done));
    } else {
        println!(
            "{} archive renditions made, {} bytes smaller; {} would be no smaller, {} failed",
            done.made, done.saved_bytes, done.no_smaller, done.failed
        );
    }
    Ok(if done.failed > 0 { Outcome::Findings } else { Outcome::Clean })
}

//! `ringledger seal`: everything a site keeps is put under its current key.

use super::data::{Place, block_on, who};
use super::{Failure, Outcome, progress};
use crate::app;
use crate::clock;
use crate::job::seal;
use serde_json::json;

/// Arguments of `seal`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// The site; the first one where none is named.
    #[arg(long)]
    pub site: Option<String>,
}

/// Runs the command, also beside a running daemon. Told to stop or killed, it goes on where it was
/// when it is run again. What could not be sealed is a finding.
///
/// # Errors
/// [`Failure`] when the site has no key or the data cannot be read.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (_, data) = args.place.open()?;
    let answers = app::answers(&data);
    let site = answers.site(args.site.as_deref())?.id.clone();
    let bar = progress(0, "sealing");
    let step = || bar.inc(1);
    let sealed = block_on(seal::all(&data.archive, &site, clock::now(), &who(), step))??;
    bar.finish_and_clear();
    data.store.close();
    if json {
        println!("{}", json!(sealed));
    } else {
        println!(
            "{} sealed, {} put under the current key, {} were so already, {} could not be",
            sealed.sealed, sealed.rewrapped, sealed.before, sealed.failed
        );
    }
    Ok(if sealed.failed > 0 { Outcome::Findings } else { Outcome::Clean })
}

//! `ringledger erase`: the bytes of one recording go by a person's word; its row and a tombstone
//! stay.

use super::data::{Place, block_on, who};
use super::{Failure, Outcome};
use crate::app;
use crate::clock;
use serde_json::json;

/// Arguments of `erase`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording's number, as in the address of its page.
    pub recording: i64,
    /// The reason; it stands on the tombstone.
    #[arg(long)]
    pub why: String,
    #[command(flatten)]
    pub place: Place,
}

/// Runs the command, also beside a running daemon.
///
/// # Errors
/// [`Failure`] when there is no such recording, it is held, or it was erased before.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (config, data) = args.place.open()?;
    let keeping = app::keeping(&config, &data);
    block_on(keeping.erase(args.recording, &args.why, clock::now(), &who()))??;
    data.store.close();
    if json {
        println!("{}", json!({ "erased": args.recording }));
    } else {
        println!("recording {} erased", args.recording);
    }
    Ok(Outcome::Clean)
}

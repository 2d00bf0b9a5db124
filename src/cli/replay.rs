//! `ringledger replay`: builds everything derived again from the facts and compares.

use super::data::{Place, block_on};
use super::{Failure, Outcome, progress};
use crate::clock;
use crate::job::{close, relink_daemon, replay};
use serde_json::json;

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
}

/// Runs the command: a difference is a finding. What is due is computed first, so that both sides
/// know the same.
///
/// # Errors
/// [`Failure`] when the data cannot be read, or a daemon is at work on it.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (config, data) = args.place.open()?;
    if !data.is_owner() {
        let text = format!("a daemon is at work on {}; stop it first", config.data.dir);
        return Err(Failure::CouldNotRun(text));
    }
    block_on(async {
        data.store.folded().await;
        let as_of = clock::now();
        for site in data.rules.sites.values() {
            let key = data.store.site(&site.id)?;
            close::silent(&data.store, site, key, as_of).await?;
            relink_daemon::catch_up(&data.store, site, key, as_of).await?;
        }
        Ok::<_, Failure>(())
    })??;
    let scratch = tempfile::tempdir_in(&config.data.dir)
        .map_err(|error| Failure::CouldNotRun(format!("no room for the rebuilt rows: {error}")))?;
    let watch = clock::Watch::start();
    let bar = progress(0, "facts");
    let outcome =
        replay::replay(&data.rules, &data.database, &scratch.path().join("rebuilt.db"), |done| {
            bar.set_position(done);
        })?;
    bar.finish_and_clear();
    let seconds = watch.elapsed().as_secs_f64();
    data.store.close();
    if json {
        let all = json!({
            "facts": outcome.facts, "seconds": seconds,
            "identical": outcome.differences.is_empty(), "differences": outcome.differences,
        });
        println!("{all}");
    } else if outcome.differences.is_empty() {
        println!("identical: {} facts in {seconds:.1} s", outcome.facts);
    } else {
        for one in &outcome.differences {
            println!(
                "{}: {} rows only as grown, {} only as rebuilt; first: {}",
                one.table, one.only_grown, one.only_rebuilt, one.first
            );
        }
    }
    Ok(if outcome.differences.is_empty() { Outcome::Clean } else { Outcome::Findings })
}

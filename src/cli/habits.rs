//! `ringledger habits`: what was learned of a site's way of writing, as sentences with counts.

use super::data::{Place, block_on};
use super::{Failure, Outcome};
use crate::app;

/// Arguments of `habits`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// The site; the first one where none is named.
    #[arg(long)]
    pub site: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] when the site is not known or the data cannot be read.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (_, data) = args.place.open()?;
    let answers = app::answers(&data);
    let site = answers.site(args.site.as_deref())?.id.clone();
    let learned = block_on(answers.habits(&site))??;
    data.store.close();
    if json {
        println!("{}", serde_json::to_string(&learned).unwrap_or_default());
        return Ok(Outcome::Clean);
    }
    let Some(learned) = learned else {
        println!("{site}: nothing learned yet; links rest on estimates of desk practice");
        return Ok(Outcome::Clean);
    };
    println!(
        "{site}: learned at {} from {} calls and {} entries",
        learned.at.format("%Y-%m-%d %H:%M UTC"),
        learned.calls,
        learned.entries
    );
    for habit in &learned.habits {
        println!("{} (habits_off = [\"{}\"])", habit.sentence, habit.name);
    }
    for name in &learned.off {
        println!("{name} is switched off");
    }
    Ok(Outcome::Clean)
}

//! `ringledger hold`: legal holds are placed, lifted and listed.

use super::data::{Place, block_on, who};
use super::{Failure, Outcome};
use crate::app;
use crate::clock;
use crate::flow::keeping::{HoldWord, Keeping};
use chrono::NaiveDate;
use serde_json::json;

/// Arguments of `hold`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub what: What,
    #[command(flatten)]
    pub place: Place,
    /// The site; the first one where none is named.
    #[arg(long, global = true)]
    pub site: Option<String>,
}

/// What is done with holds.
#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// Hold what a thing names: nothing of it is erased while the hold stands.
    Place {
        /// `call:ID`, `entry:ID` or `sha256:HEX`.
        thing: String,
        #[arg(long)]
        why: String,
        /// The day on which somebody looks whether it is still wanted, like 2027-06-30.
        #[arg(long)]
        review: NaiveDate,
    },
    /// End a hold.
    Lift {
        thing: String,
        #[arg(long)]
        why: String,
    },
    /// Show the holds that stand. One whose day of review has come is a finding.
    List,
}

/// Runs the command, also beside a running daemon.
///
/// # Errors
/// [`Failure`] when the thing is not known or the data cannot be written.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (config, data) = args.place.open()?;
    let keeping = app::keeping(&config, &data);
    let answers = app::answers(&data);
    let site = answers.site(args.site.as_deref())?;
    let today = site.settings_at(clock::now()).local_day(clock::now());
    let outcome = block_on(async {
        let word = match &args.what {
            What::List => return list(&keeping, &site.id, today, json).await,
            What::Place { thing, why, review } => HoldWord {
                thing: thing.clone(),
                held: true,
                why: why.clone(),
                review_on: Some(*review),
            },
            What::Lift { thing, why } => {
                HoldWord { thing: thing.clone(), held: false, why: why.clone(), review_on: None }
            }
        };
        let fact = keeping.hold(&site.id, word, clock::now(), &who()).await?;
        if json {
            println!("{}", json!({ "fact": fact }));
        }
        Ok(Outcome::Clean)
    })?;
    data.store.close();
    outcome
}

async fn list(
    keeping: &Keeping,
    site: &str,
    today: NaiveDate,
    json: bool,
) -> Result<Outcome, Failure> {
    let holds = keeping.holds(site).await?;
    let mut due = false;
    for hold in &holds {
        let is_due = hold.review_on.is_some_and(|day| day <= today);
        due |= is_due;
        if json {
            println!("{}", json!({ "hold": hold, "review_due": is_due }));
        } else {
            let review = hold.review_on.map_or_else(|| "-".to_owned(), |day| day.to_string());
            let mark = if is_due { " REVIEW IS DUE" } else { "" };
            println!("{}  {review}{mark}  {}  {}", hold.thing, hold.who, hold.why);
        }
    }
    Ok(if due { Outcome::Findings } else { Outcome::Clean })
}

//! `ringledger audit`: the report of some days.

use super::data::{Days, Place, block_on};
use super::{Failure, Outcome};
use crate::app;
use crate::audit::{Question, Report};
use crate::clock;
use crate::finding::State;
use crate::flow::answer::Answers;
use crate::render::{self, words::Language};
use std::io::Write;

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub days: Days,
    /// text, html, csv or jsonl.
    #[arg(long)]
    pub format: Option<String>,
    /// zh or en.
    #[arg(long, default_value = "zh")]
    pub lang: String,
}

/// Runs the command. Open findings are findings.
///
/// # Errors
/// [`Failure`] when the days or the data cannot be read, or the books do not balance.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let name = args.format.as_deref().unwrap_or(if json { "jsonl" } else { "text" });
    let renderer = render::named(name).ok_or_else(|| {
        let known: Vec<&str> = render::ALL.iter().map(|renderer| renderer.name).collect();
        Failure::Usage(format!("no format `{name}`; there are {}", known.join(", ")))
    })?;
    let (_, data) = args.place.open()?;
    let answers = app::answers(&data);
    let question = question(&answers, &args.days)?;
    let report = block_on(answers.audit(&question))??;
    let bytes = (renderer.render)(&report, Language::of(&args.lang));
    std::io::stdout()
        .write_all(&bytes)
        .map_err(|error| Failure::CouldNotRun(format!("not written: {error}")))?;
    data.store.close();
    Ok(outcome(&report))
}

/// The question of some days, as of now.
///
/// # Errors
/// [`Failure::Usage`] when the site is not known.
pub fn question(answers: &Answers, days: &Days) -> Result<Question, Failure> {
    let site = answers.site(days.site.as_deref())?;
    let today = site.settings_at(clock::now()).local_day(clock::now());
    let from = days.from.or(days.to).unwrap_or(today);
    let to = days.to.unwrap_or(from);
    Ok(Question { site: site.id.clone(), from, to, as_of: clock::now() })
}

fn outcome(report: &Report) -> Outcome {
    let open = report.findings.iter().any(|finding| finding.state == State::Open);
    if open { Outcome::Findings } else { Outcome::Clean }
}

//! `ringledger config`: shows and checks settings.

use super::data::Place;
use super::{Failure, Outcome};
use crate::config::{Config, example};
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub what: What,
}

/// What is to be done with the settings.
#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// Print what holds, secrets hidden.
    Print {
        #[command(flatten)]
        place: Place,
        /// Print the example file with all defaults and comments.
        #[arg(long)]
        example: bool,
    },
    /// Check a file and tell everything that is wrong.
    Test { file: PathBuf },
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Usage`] with everything that is wrong.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    match &args.what {
        What::Print { example: true, .. } => print!("{}", example()),
        What::Print { place, .. } => {
            let config = place.config()?.masked();
            let text = if json {
                serde_json::to_string(&config).map_err(|error| error.to_string())
            } else {
                toml::to_string(&config).map_err(|error| error.to_string())
            };
            println!("{}", text.map_err(Failure::CouldNotRun)?);
        }
        What::Test { file } => return test(file, json),
    }
    Ok(Outcome::Clean)
}

fn test(file: &std::path::Path, json: bool) -> Result<Outcome, Failure> {
    let env = |name: &str| std::env::var(name).ok();
    let errors = match Config::load(Some(file), &env) {
        Ok(_) if json => {
            println!("{}", json!({ "good": true, "errors": [] }));
            return Ok(Outcome::Clean);
        }
        Ok(_) => {
            println!("{} is good", file.display());
            return Ok(Outcome::Clean);
        }
        Err(errors) => errors,
    };
    if json {
        let list: Vec<_> = errors
            .0
            .iter()
            .map(|one| json!({ "file": one.file, "line": one.line, "text": one.text }))
            .collect();
        println!("{}", json!({ "good": false, "errors": list }));
        return Ok(Outcome::Findings);
    }
    println!("{errors}");
    Ok(Outcome::Findings)
}

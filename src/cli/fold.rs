//! `ringledger fold`.

use super::{Failure, Outcome};

/// Arguments of `fold`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files to read.
    #[arg(required = true)]
    pub files: Vec<std::path::PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] when a file cannot be read.
pub fn run(_args: &Args, _json: bool) -> Result<Outcome, Failure> {
    Err(Failure::CouldNotRun("not built yet".into()))
}

//! What is written to the log, as text or JSON. Numbers and names are masked by their types.

use crate::config::{LogConfig, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Begins to write the log to standard error.
///
/// # Errors
/// A sentence when the filter cannot be read.
pub fn begin(config: &LogConfig) -> Result<(), String> {
    let filter = EnvFilter::try_new(format!("{},symphonia_core=off", config.filter))
        .map_err(|error| format!("log.filter `{}`: {error}", config.filter))?;
    // A journal or a file wants no colours.
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours);
    let begun = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    begun.map_err(|error| error.to_string())
}

//! What commands that work on a daemon's data share.

use super::Failure;
use crate::app::{self, Data};
use crate::config::Config;
use chrono::NaiveDate;
use std::path::PathBuf;

/// Which settings and which data.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// Settings (TOML); without it all defaults hold.
    #[arg(long, env = "RINGLEDGER_CONFIG", global = true)]
    pub config: Option<PathBuf>,
    /// Folder of the data; takes the place of `data.dir`.
    #[arg(long, global = true)]
    pub data: Option<PathBuf>,
}

/// A site and some days of it.
#[derive(Debug, Clone, clap::Args)]
pub struct Days {
    /// The site; the first one where none is named.
    #[arg(long)]
    pub site: Option<String>,
    /// First local day, like 2026-11-23; today where none is named.
    #[arg(long)]
    pub from: Option<NaiveDate>,
    /// Last local day, included; the first one where none is named.
    #[arg(long)]
    pub to: Option<NaiveDate>,
}

impl Place {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`Failure::Usage`] with everything that is wrong.
    pub fn config(&self) -> Result<Config, Failure> {
        let env = |name: &str| std::env::var(name).ok();
        let mut config = Config::load(self.config.as_deref(), &env)
            .map_err(|errors| Failure::Usage(errors.to_string()))?;
        if let Some(folder) = &self.data {
            config.data.dir = folder.to_string_lossy().into_owned();
        }
        Ok(config)
    }

    /// Opens the data, also beside a running daemon.
    ///
    /// # Errors
    /// [`Failure`] when settings or data cannot be read.
    pub fn open(&self) -> Result<(Config, Data), Failure> {
        let config = self.config()?;
        crate::log::begin(&crate::config::LogConfig {
            filter: "warn".into(),
            ..config.log.clone()
        })
        .map_err(Failure::Usage)?;
        let data =
            app::open(&config, false).map_err(|error| Failure::CouldNotRun(error.to_string()))?;
        Ok((config, data))
    }
}

/// Who gives commands here, as the operating system knows him.
pub fn who() -> String {
    std::env::var("USER").unwrap_or_else(|_| "command line".into())
}

/// Runs async work to its end.
///
/// # Errors
/// [`Failure::CouldNotRun`] when no threads can be had.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::CouldNotRun(error.to_string()))?;
    Ok(runtime.block_on(work))
}

impl From<crate::flow::error::Error> for Failure {
    fn from(error: crate::flow::error::Error) -> Self {
        use crate::flow::error::Kind;
        match error.kind {
            Kind::Invalid | Kind::NotFound | Kind::Gone | Kind::TooLong => {
                Self::Usage(error.context)
            }
            _ => Self::CouldNotRun(error.context),
        }
    }
}

impl From<crate::store::Error> for Failure {
    fn from(error: crate::store::Error) -> Self {
        Self::CouldNotRun(error.to_string())
    }
}

impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Self {
        Self::CouldNotRun(error.to_string())
    }
}

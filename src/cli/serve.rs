//! `ringledger serve`: the daemon.

use super::data::Place;
use super::{Failure, Outcome};
use crate::app::{self, Daemon};
use crate::config::Config;
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// Address and port; takes the place of `server.listen`. Port 0 takes a free one.
    #[arg(long)]
    pub listen: Option<String>,
}

/// Threads that serve, where the settings leave it open.
const WORKERS_MAX: usize = 4;

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// [`Failure`] when it could not start.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let config = config(args)?;
    crate::log::begin(&config.log).map_err(Failure::Usage)?;
    let workers = match config.server.workers {
        0 => std::thread::available_parallelism().map_or(2, |n| n.get()).min(WORKERS_MAX),
        count => count,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(|error| Failure::CouldNotRun(error.to_string()))?;
    runtime.block_on(serve(args, &config, json))
}

fn config(args: &Args) -> Result<Config, Failure> {
    let mut config = args.place.config()?;
    if let Some(listen) = &args.listen {
        listen.parse::<std::net::SocketAddr>().map_err(|_| {
            Failure::Usage(format!("`{listen}` is no address and port such as 127.0.0.1:8090"))
        })?;
        config.server.listen.clone_from(listen);
    }
    Ok(config)
}

async fn serve(args: &Args, config: &Config, json: bool) -> Result<Outcome, Failure> {
    let failed = |error: std::io::Error| Failure::CouldNotRun(format!("no signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let daemon = app::start(config).await?;
    let address = daemon.address;
    if json {
        println!("{}", serde_json::json!({ "ready": format!("http://{address}") }));
    } else {
        println!("ringledger ready on http://{address}");
    }
    tell(&[NotifyState::Ready]);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = told(&mut hangup) => reload(args, &daemon).await,
        }
    }
    tell(&[NotifyState::Stopping]);
    tracing::info!("draining");
    daemon.stop().await;
    Ok(Outcome::Clean)
}

async fn told(signal: &mut Signal) {
    signal.recv().await;
}

async fn reload(args: &Args, daemon: &Daemon) {
    let outcome = match config(args) {
        Ok(config) => daemon.reload(&config).await.map_err(|error| error.to_string()),
        Err(failure) => Err(failure.to_string()),
    };
    if let Err(error) = outcome {
        tracing::error!(error, "settings not reloaded; the old ones stay in force");
    }
}

/// Tells systemd, where it is there.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "service manager not told");
    }
}

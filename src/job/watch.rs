//! Taking recordings from the folders of a source: at once when they are finished, and by looking
//! through the folder for those finished while nobody watched.

use crate::clock;
use crate::flow::archive::Archive;
use crate::flow::intake::Announced;
use crate::recording::Hints;
use crate::recording::name::NamePattern;
use crate::source::Arrival;
use crate::source::folder::{Folder, Sight};
use crate::stop::Stop;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

/// How often a folder is looked through, for what no event told.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A watched folder of a source.
pub struct Watched {
    pub source: String,
    pub site: String,
    pub folder: PathBuf,
    pub names: NamePattern,
    pub zone: chrono_tz::Tz,
}

/// Watches until `stop` turns true. A folder that cannot be watched is tried again.
pub async fn run(
    watched: Watched,
    archive: Arc<Archive>,
    mut announced: broadcast::Receiver<Announced>,
    mut stop: Stop,
) {
    loop {
        match Folder::watch(&watched.folder) {
            Ok(folder) => follow(&watched, folder, &archive, &mut announced, &mut stop).await,
            Err(error) => {
                let folder = watched.folder.display();
                tracing::error!(%error, %folder, "not watched; tried again in a minute");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.heard() => return,
        }
    }
}

async fn follow(
    watched: &Watched,
    mut folder: Folder,
    archive: &Archive,
    announced: &mut broadcast::Receiver<Announced>,
    stop: &mut Stop,
) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            sight = folder.next() => match sight {
                Some(Sight::Finished(arrival)) => take(watched, archive, &arrival, None).await,
                Some(Sight::Begun(name)) => {
                    archive.arriving.begin(&watched.names.hints(&name, watched.zone), clock::now());
                }
                Some(Sight::Gone(name)) => archive.arriving.end(&name),
                None => return,
            },
            // After a lag the next look through the folder finds what was missed.
            Ok(word) = announced.recv() => {
                if word.source == watched.source && let Some(arrival) = folder.find(&word.hints.name) {
                    take(watched, archive, &arrival, Some(word.hints)).await;
                }
            }
            _ = look.tick() => match folder.scan() {
                Ok(found) => for arrival in found {
                    take(watched, archive, &arrival, None).await;
                },
                Err(error) => {
                    tracing::error!(%error, folder = %watched.folder.display(), "not looked through");
                    return;
                }
            },
            () = stop.heard() => return,
        }
    }
}

async fn take(watched: &Watched, archive: &Archive, arrival: &Arrival, told: Option<Hints>) {
    let name = arrival.path.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut hints = watched.names.hints(&name.unwrap_or_default(), watched.zone);
    if let Some(told) = told {
        hints.call_id = told.call_id.or(hints.call_id);
    }
    match archive.take(&watched.site, arrival, hints, clock::now()).await {
        Ok(Some(admitted)) => tracing::info!(recording = admitted.id, "recording taken"),
        Ok(None) => {}
        Err(error) => {
            tracing::error!(%error, path = %arrival.path.display(), "recording stays; tried again");
        }
    }
}

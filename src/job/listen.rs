//! Listening to recordings that nobody has heard: off every request's path, several at a time, each
//! in a child process with limits. What is heard is kept at once, so a crash costs only the files
//! that were being heard.

use crate::audio::child::{Listeners, Task};
use crate::audit::RecordingFact;
use crate::clock;
use crate::flow::archive::Archive;
use crate::site::Site;
use crate::store::sqlite::recordings;
use futures_util::{StreamExt, stream};
use std::sync::Arc;

/// Recordings looked up at a time.
const BATCH: usize = 64;

/// Listens to everything of a site that is unheard, so many files at a time. Gives how many were
/// heard.
///
/// # Errors
/// When the store fails; what was heard is kept.
pub async fn catch_up(
    archive: &Arc<Archive>,
    site: (&Site, i64),
    listeners: &Arc<Listeners>,
    at_a_time: usize,
) -> Result<usize, crate::store::Error> {
    let (mut heard, mut after) = (0, 0);
    let key = site.1;
    loop {
        let store = archive.store.clone();
        let batch = tokio::task::spawn_blocking(move || {
            store.read(|connection| recordings::unheard(connection, key, after, BATCH))
        });
        let batch = batch.await.map_err(|e| crate::store::Error::Unavailable(e.to_string()))??;
        let Some(last) = batch.last() else { break };
        after = last.key;
        let one = |fact| listen(archive, listeners, site, fact);
        let outcomes = stream::iter(batch).map(one).buffer_unordered(at_a_time.max(1));
        for outcome in outcomes.collect::<Vec<_>>().await {
            heard += usize::from(outcome?);
        }
    }
    listeners.rest();
    Ok(heard)
}

/// Whether one recording could be heard. One that cannot be read now is tried again.
async fn listen(
    archive: &Arc<Archive>,
    listeners: &Arc<Listeners>,
    (site, site_key): (&Site, i64),
    fact: RecordingFact,
) -> Result<bool, crate::store::Error> {
    let (objects, listeners) = (Arc::clone(&archive.objects), Arc::clone(listeners));
    let cadence = site.settings_at(fact.at()).cadence.clone();
    let (key, hash) = (fact.key, fact.recording.sound_hash());
    let heard = tokio::task::spawn_blocking(move || {
        let file = objects.on_disk(&hash)?;
        listeners.listen(&Task::listen(file.path(), &fact.recording.sound_name(), &cadence))
    });
    match heard.await {
        Ok(Ok(heard)) if heard.sha256 != hash => {
            archive.tell_changed(site_key, hash, heard.sha256, clock::now()).await?;
        }
        Ok(Ok(heard)) => {
            let at = clock::now();
            archive.store.write(move |tx| tx.heard(key, &heard.measures, at)).await?;
            return Ok(true);
        }
        Ok(Err(error)) => tracing::error!(%error, recording = key, "not heard"),
        Err(error) => tracing::error!(%error, recording = key, "not heard"),
    }
    Ok(false)
}

//! Listening to recordings that nobody has heard, off every request's path, each in a child process
//! with limits.

use crate::audio::child::{self, Limits};
use crate::clock;
use crate::flow::archive::Archive;
use crate::store::sqlite::recordings;
use std::sync::Arc;

/// Recordings looked up at a time.
const BATCH: usize = 16;

/// Listens to everything of a site that is unheard. Gives how many were heard.
///
/// # Errors
/// When the store fails; what was heard is kept.
pub async fn catch_up(
    archive: &Arc<Archive>,
    site: i64,
    limits: &Limits,
) -> Result<usize, crate::store::Error> {
    let mut heard = 0;
    let mut after = 0;
    loop {
        let store = archive.store.clone();
        let batch = tokio::task::spawn_blocking(move || {
            store.read(|connection| recordings::unheard(connection, site, after, BATCH))
        });
        let batch = batch.await.map_err(|e| crate::store::Error::Unavailable(e.to_string()))??;
        let Some(last) = batch.last() else { return Ok(heard) };
        after = last.key;
        for fact in batch {
            let (objects, limits) = (Arc::clone(&archive.objects), limits.clone());
            let hash = fact.recording.hash;
            let name = fact.recording.hints.name.clone();
            let measured = tokio::task::spawn_blocking(move || {
                child::listen_as(objects.on_disk(&hash)?.path(), &name, &limits)
            });
            match measured.await {
                Ok(Ok(measures)) => {
                    let (key, at) = (fact.key, clock::now());
                    archive.store.write(move |tx| tx.heard(key, &measures, at)).await?;
                    heard += 1;
                }
                Ok(Err(error)) => tracing::error!(%error, recording = fact.key, "not heard"),
                Err(error) => tracing::error!(%error, recording = fact.key, "not heard"),
            }
        }
    }
}

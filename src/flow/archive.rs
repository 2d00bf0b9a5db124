//! The route of one recording: the bytes first, the row second, so that a row always points at
//! something.

use super::answer::CallAnswer;
use super::arriving::Arriving;
use super::error::{Error, Kind, Result};
use crate::call::Moment;
use crate::metrics::Metrics;
use crate::object::{Incoming, ObjectStore};
use crate::recording::{ContentHash, Hints, Recording, Standing, standing};
use crate::source::Arrival;
use crate::store::Store;
use crate::store::sqlite::recordings::{self, Arrived, SeenFile};
use std::fs::File;
use std::io;
use std::sync::Arc;
use tokio::sync::Notify;

/// Everything the route needs.
pub struct Archive {
    pub store: Store,
    pub objects: Arc<dyn ObjectStore>,
    pub metrics: Arc<Metrics>,
    /// What is on its way.
    pub arriving: Arriving,
    /// Wakes whoever listens to new recordings.
    pub arrived: Arc<Notify>,
}

/// A recording that was admitted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Admitted {
    pub id: i64,
    pub sha256: ContentHash,
    pub bytes: u64,
    /// False when these bytes were here already.
    pub new: bool,
}

fn disk(error: &io::Error) -> Error {
    tracing::error!(%error, "recording not kept");
    Error::new(Kind::Unavailable, "the recording was not kept; try again")
}

impl Archive {
    /// Begins to take bytes.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn begin(&self) -> Result<Box<dyn Incoming>> {
        self.objects.begin().map_err(|error| disk(&error))
    }

    /// Makes bytes safe, then writes their row. `expected` is the hash the sender promised.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when the bytes are not those promised; nothing is kept then but the bytes.
    pub async fn admit(
        &self,
        site: &str,
        incoming: Box<dyn Incoming>,
        hints: Hints,
        expected: Option<ContentHash>,
        at: Moment,
        who: &str,
    ) -> Result<Admitted> {
        let finished = tokio::task::spawn_blocking(move || incoming.finish()).await;
        let (hash, bytes) = finished
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?
            .map_err(|error| disk(&error))?;
        if let Some(expected) = expected.filter(|expected| *expected != hash) {
            let text = format!("the bytes have SHA-256 {hash}, and {expected} was promised");
            return Err(Error::new(Kind::Invalid, text));
        }
        self.write_row(site, Arrived { hash, bytes, hints }, None, at, who).await
    }

    async fn write_row(
        &self,
        site: &str,
        arrived: Arrived,
        file: Option<SeenFile>,
        at: Moment,
        who: &str,
    ) -> Result<Admitted> {
        let key = self.store.site(site)?;
        let (hash, bytes) = (arrived.hash, arrived.bytes);
        let who = who.to_owned();
        let (id, new) = self
            .store
            .write(move |tx| {
                let added = tx.add_recording(key, &arrived, at, &who)?;
                if let Some(file) = &file {
                    tx.mark_taken(file)?;
                }
                Ok(added)
            })
            .await?;
        if new {
            self.metrics.recordings.inc();
            self.arrived.notify_one();
        }
        Ok(Admitted { id, sha256: hash, bytes, new })
    }

    /// Takes a file of a watched folder, unless it is taken already.
    ///
    /// # Errors
    /// When it cannot be read or kept; it stays where it is and is offered again.
    pub async fn take(
        &self,
        site: &str,
        arrival: &Arrival,
        hints: Hints,
        at: Moment,
    ) -> Result<Option<Admitted>> {
        let file = SeenFile {
            path: arrival.path.to_string_lossy().into_owned(),
            bytes: arrival.bytes,
            modified_at: arrival.modified_at,
        };
        let seen = file.clone();
        if self.read(move |connection| recordings::is_taken(connection, &seen)).await? {
            return Ok(None);
        }
        let (path, mut incoming) = (arrival.path.clone(), self.begin()?);
        let copied = tokio::task::spawn_blocking(move || {
            io::copy(&mut File::open(path)?, &mut incoming)?;
            incoming.finish()
        });
        let (hash, bytes) = copied
            .await
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?
            .map_err(|error| disk(&error))?;
        let hints = Hints { finished_at: Some(arrival.modified_at), ..hints };
        let arrived = Arrived { hash, bytes, hints };
        let name = arrived.hints.name.clone();
        let admitted = self.write_row(site, arrived, Some(file), at, "folder").await?;
        self.arriving.end(&name);
        Ok(Some(admitted))
    }

    /// Where the recording of a call stands.
    pub fn standing(&self, answer: &CallAnswer, as_of: Moment) -> Option<Standing> {
        let call = &answer.fact.call;
        let set: Vec<Recording> =
            answer.recordings.iter().map(|fact| fact.recording.clone()).collect();
        let grace_s = answer.site.settings_at(call.offered_at).recording_grace_s;
        standing(call, &set, self.arriving.since(call), as_of, grace_s)
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&crate::store::Connection) -> crate::store::Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || store.read(question)).await;
        Ok(read.map_err(|error| Error::new(Kind::Internal, error.to_string()))??)
    }
}

//! The route of one recording: the bytes first, the row second, so that a row always points at
//! something.

use super::answer::CallAnswer;
use super::arriving::Arriving;
use super::error::{Error, Kind, Result};
use crate::call::Moment;
use crate::metrics::Metrics;
use crate::object::{Gate, Incoming, Part, Pass, Stores};
use crate::recording::{ContentHash, Hints, Recording, Standing, standing};
use crate::source::Arrival;
use crate::store::sqlite::objects::{self, Owner, Seen, State as SeenState};
use crate::store::sqlite::recordings::{self, Arrived, SeenFile};
use crate::store::{self, Store};
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// Everything the route needs.
pub struct Archive {
    pub store: Store,
    pub objects: Arc<Stores>,
    /// Held from an object's name to its row.
    pub gate: Gate,
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
    /// Begins to take bytes of a site.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn begin(&self, site: &str) -> Result<Box<dyn Incoming>> {
        self.objects.begin(site).map_err(|error| disk(&error))
    }

    /// Goes on to take bytes of a part of which so many are here: those are read again, for their
    /// hash.
    ///
    /// # Errors
    /// When they cannot be read, or there is no room for more.
    pub async fn go_on(&self, site: &str, part: Part, bytes: u64) -> Result<Box<dyn Incoming>> {
        let (objects, site) = (Arc::clone(&self.objects), site.to_owned());
        let opened = tokio::task::spawn_blocking(move || objects.go_on(&site, &part, bytes));
        let opened = opened.await.map_err(|e| Error::new(Kind::Internal, e.to_string()))?;
        opened.map_err(|error| disk(&error))
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
        let (_pass, hash, bytes) = self.finish(move || Ok(incoming)).await?;
        if let Some(expected) = expected.filter(|expected| *expected != hash) {
            let text = format!("the bytes have SHA-256 {hash}, and {expected} was promised");
            return Err(Error::new(Kind::Invalid, text));
        }
        self.write_row(site, Arrived { hash, bytes, hints }, None, at, who).await
    }

    /// Adds bytes to those on their way.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn write(
        &self,
        mut incoming: Box<dyn Incoming>,
        data: bytes::Bytes,
    ) -> Result<Box<dyn Incoming>> {
        let written = tokio::task::spawn_blocking(move || {
            incoming.write_all(&data)?;
            Ok(incoming)
        });
        let written = written.await.map_err(|e| Error::new(Kind::Internal, e.to_string()))?;
        written.map_err(|error| disk(&error))
    }

    /// Gives bytes their name. The pass is to be held until their row is on disk.
    pub(super) async fn finish(
        &self,
        bytes: impl FnOnce() -> io::Result<Box<dyn Incoming>> + Send + 'static,
    ) -> Result<(Pass, ContentHash, u64)> {
        let gate = self.gate.clone();
        let finished = tokio::task::spawn_blocking(move || {
            let incoming = bytes()?;
            let pass = gate.admit()?;
            let (hash, bytes) = incoming.finish()?;
            Ok((pass, hash, bytes))
        });
        let finished = finished.await;
        finished
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?
            .map_err(|error| disk(&error))
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
        let (path, mut incoming) = (arrival.path.clone(), self.begin(site)?);
        let copied = move || {
            io::copy(&mut File::open(path)?, &mut incoming)?;
            Ok(incoming)
        };
        let (_pass, hash, bytes) = self.finish(copied).await?;
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

    /// Asks the store, where blocking is allowed.
    ///
    /// # Errors
    /// Those of `question`.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&store::Connection) -> store::Result<T> + Send + 'static,
    ) -> store::Result<T> {
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || store.read(question)).await;
        read.map_err(|error| store::Error::Unavailable(error.to_string()))?
    }

    /// Tells at once that the bytes of a recording of a site are not what they were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell_changed(
        &self,
        site: i64,
        object: ContentHash,
        found: ContentHash,
        at: Moment,
    ) -> store::Result<()> {
        let seen = Seen { object, state: SeenState::Changed { found: found.to_string() } };
        if self.store.write(move |tx| tx.see(site, &seen, at)).await? {
            tracing::error!(%object, "its bytes are not what they were");
        }
        Ok(())
    }

    /// Tells of bytes that belong to no recording, while nothing is being admitted.
    ///
    /// # Errors
    /// When the store or the disk fails.
    pub async fn tell_stray(
        self: &Arc<Self>,
        object: ContentHash,
        said: (i64, Seen, Moment),
    ) -> store::Result<()> {
        self.unowned(object, Some(said), |_| Ok(())).await.map(drop)
    }

    /// Removes bytes that no kept recording owns, while nothing is being admitted. What is to be
    /// said of it is a fact before they are gone. Says whether they were removed.
    ///
    /// # Errors
    /// When the store or the disk fails; the bytes are still there then, or the next sweep finds
    /// them.
    pub async fn remove(
        self: &Arc<Self>,
        object: ContentHash,
        said: Option<(i64, Seen, Moment)>,
    ) -> store::Result<bool> {
        self.unowned(object, said, move |archive| archive.objects.delete(&object)).await
    }

    /// Removes the bytes of a recording that was erased: a sealed copy of its site's own, and the
    /// shared one where no other site keeps it.
    ///
    /// # Errors
    /// As [`Archive::remove`].
    pub async fn remove_erased(
        self: &Arc<Self>,
        site: i64,
        object: ContentHash,
    ) -> store::Result<()> {
        let archive = Arc::clone(self);
        let name = self.store.names().sites.get(&site).cloned().unwrap_or_default();
        let deleted =
            tokio::task::spawn_blocking(move || archive.objects.delete_own(&name, &object));
        let failed = |error: String| store::Error::Unavailable(error);
        let deleted = deleted.await.map_err(|error| failed(error.to_string()))?;
        deleted.map_err(|error| failed(error.to_string()))?;
        self.remove(object, None).await.map(drop)
    }

    /// Removes the plain bytes of what is sealed, where no site without a key keeps them.
    ///
    /// # Errors
    /// When the store or the disk fails.
    pub fn delete_plain(&self, object: &ContentHash) -> io::Result<()> {
        let _pass = self.gate.remove()?;
        let names = self.store.names();
        let plain = names.sites.iter().filter(|(_, name)| self.objects.own(name).is_none());
        let plain: Vec<i64> = plain.map(|(key, _)| *key).collect();
        let owner = self.store.read(|connection| objects::owner(connection, &plain, object));
        if owner.map_err(io::Error::other)? == Owner::Recording {
            return Ok(());
        }
        self.objects.shared().delete(object)
    }

    /// In one go on one thread: whoever waits for the gate must never keep the holder waiting.
    async fn unowned(
        self: &Arc<Self>,
        object: ContentHash,
        said: Option<(i64, Seen, Moment)>,
        then: impl FnOnce(&Self) -> io::Result<()> + Send + 'static,
    ) -> store::Result<bool> {
        let (archive, handle) = (Arc::clone(self), Handle::current());
        let done = tokio::task::spawn_blocking(move || {
            let failed = |error: io::Error| store::Error::Unavailable(error.to_string());
            let _pass = archive.gate.remove().map_err(failed)?;
            let owner = archive.store.read(|connection| {
                objects::owner(connection, &objects::sites(connection)?, &object)
            })?;
            if owner == Owner::Recording {
                return Ok(false);
            }
            if let Some((site, seen, at)) = said {
                handle.block_on(archive.store.write(move |tx| tx.see(site, &seen, at)))?;
            }
            then(&archive).map_err(failed)?;
            Ok(true)
        });
        done.await.map_err(|error| store::Error::Unavailable(error.to_string()))?
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

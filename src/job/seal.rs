//! Putting everything a site keeps under its current key: plain objects are sealed, sealed ones
//! get their key wrapped anew. Each is done whole or not at all, so it may be killed at any moment.

use crate::call::Moment;
use crate::flow::archive::Archive;
use crate::flow::error::{Error, Kind, Result};
use crate::object::sealed::{Rewrapped, Sealed};
use crate::object::{ObjectStore, Proved};
use crate::recording::ContentHash;
use crate::store::sqlite::objects;
use crate::store::sqlite::people::Access;
use serde::Serialize;
use std::io;
use std::sync::Arc;

/// Recordings looked up at a time.
const BATCH: usize = 256;

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Plain objects that are sealed now.
    pub sealed: usize,
    /// Sealed ones that are under the current key now.
    pub rewrapped: usize,
    /// Those that were under it already.
    pub before: usize,
    /// Those that are missing, changed, or under a key that nobody has.
    pub failed: usize,
}

/// Seals everything of a site. `step` is told each recording.
///
/// # Errors
/// [`Kind::Invalid`] when the site has no key; when the store fails.
pub async fn all(
    archive: &Arc<Archive>,
    site: &str,
    at: Moment,
    who: &str,
    mut step: impl FnMut(),
) -> Result<Done> {
    let own = archive.objects.own(site).cloned().ok_or_else(|| {
        Error::new(Kind::Invalid, format!("site `{site}` has no key (setting sites.seal_key_file)"))
    })?;
    let key = archive.store.site(site)?;
    let (mut done, mut after) = (Done::default(), 0);
    loop {
        let batch = archive.ask(move |rows| objects::kept_after(rows, after, BATCH)).await?;
        let Some(last) = batch.last().map(|kept| kept.key) else { break };
        for kept in batch.into_iter().filter(|kept| kept.site == key) {
            let (archive, own, hash) = (Arc::clone(archive), Arc::clone(&own), kept.hash);
            let one = tokio::task::spawn_blocking(move || one(&archive, &own, &hash)).await;
            match one.map_err(|error| Error::new(Kind::Internal, error.to_string()))? {
                Ok(Outcome::Sealed) => done.sealed += 1,
                Ok(Outcome::Wrapped(Rewrapped::Now)) => done.rewrapped += 1,
                Ok(Outcome::Wrapped(Rewrapped::Before)) => done.before += 1,
                Err(error) => {
                    tracing::warn!(%error, recording = kept.key, "not sealed");
                    done.failed += 1;
                }
            }
            step();
        }
        after = last;
    }
    if done.sealed + done.rewrapped > 0 {
        let of = format!("{} sealed, {} put under another key", done.sealed, done.rewrapped);
        let access = Access { what: "seal".into(), of, why: "the site's key".into() };
        let who = who.to_owned();
        archive.store.write(move |tx| tx.note_access(key, &access, at, &who)).await?;
    }
    Ok(done)
}

enum Outcome {
    Sealed,
    Wrapped(Rewrapped),
}

fn one(archive: &Archive, own: &Sealed, hash: &ContentHash) -> io::Result<Outcome> {
    match own.rewrap(hash) {
        Ok(wrapped) => {
            if archive.objects.shared().local_path(hash).is_some() {
                let sound = own.prove(hash, &mut |_| Ok(()))? == Proved::Sound;
                let changed = || io::Error::new(io::ErrorKind::InvalidData, "its seal was changed");
                if !sound {
                    return Err(changed());
                }
                archive.delete_plain(hash)?;
            }
            return Ok(Outcome::Wrapped(wrapped));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut plain = archive.objects.shared().open(hash)?;
    let mut incoming = own.begin()?;
    io::copy(&mut plain, &mut incoming)?;
    let (found, _) = incoming.finish()?;
    if found != *hash {
        own.delete(&found)?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its bytes are not what they were"));
    }
    archive.delete_plain(hash)?;
    Ok(Outcome::Sealed)
}

//! The route of an archive rendition: made in a child process, proved to hold the same samples,
//! its bytes first, its fact second.

use super::archive::Archive;
use crate::audio::child::{Listeners, Task};
use crate::audit::RecordingFact;
use crate::call::Moment;
use crate::store::{Error, Result};
use std::fs::File;
use std::io;
use std::sync::Arc;

/// What came of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has a rendition, smaller by so many bytes.
    Made { saved_bytes: u64 },
    /// FLAC makes it no smaller.
    NoSmaller,
    /// Its own bytes are not what they were: told as a finding, and nothing is made of them.
    Changed,
    /// It was erased meanwhile.
    Unwanted,
}

/// Makes the archive rendition of a recording of a site.
///
/// # Errors
/// When it cannot be decoded, does not come back the same, or the disk or the store fails.
pub async fn make(
    archive: &Arc<Archive>,
    listeners: &Arc<Listeners>,
    site: (&str, i64),
    fact: &RecordingFact,
    at: Moment,
) -> Result<Outcome> {
    let failed = |error: io::Error| Error::Unavailable(error.to_string());
    let (own, children) = (Arc::clone(archive), Arc::clone(listeners));
    let (hash, name) = (fact.recording.hash, fact.recording.hints.name.clone());
    let made = tokio::task::spawn_blocking(move || {
        let (original, target) = (own.objects.on_disk(&hash)?, own.objects.temporary()?);
        let made = children.archive(&Task::archive(original.path(), &name, hash, target.path()))?;
        Ok::<_, io::Error>((made, target))
    });
    let made = made.await.map_err(|error| Error::Unavailable(error.to_string()))?;
    let ((found, rendition), target) = made.map_err(failed)?;
    if found != hash {
        archive.tell_changed(site.1, hash, found, at).await?;
        return Ok(Outcome::Changed);
    }
    if rendition.bytes >= fact.recording.bytes {
        return Ok(Outcome::NoSmaller);
    }
    let saved_bytes = fact.recording.bytes - rendition.bytes;
    let mut incoming = archive.objects.begin(site.0).map_err(failed)?;
    let copied = move || {
        io::copy(&mut File::open(target.path())?, &mut incoming)?;
        Ok(incoming)
    };
    let kept = archive.finish(copied).await;
    let (_pass, kept, _) = kept.map_err(|error| Error::Unavailable(error.to_string()))?;
    if kept != rendition.sha256 {
        return Err(Error::Unavailable("the rendition changed on its way to the disk".into()));
    }
    let key = fact.key;
    let wanted = archive.store.write(move |tx| tx.archived(key, rendition, at)).await?;
    Ok(if wanted { Outcome::Made { saved_bytes } } else { Outcome::Unwanted })
}

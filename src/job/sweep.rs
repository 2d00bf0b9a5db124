//! Sweeping: bytes without a recording are told of at once, and removed after a grace time.
//!
//! A crash between an object and its row leaves such bytes; so does somebody who puts files where
//! only the daemon writes. What is removed is a fact.

use crate::call::Moment;
use crate::clock;
use crate::flow::archive::Archive;
use crate::recording::ContentHash;
use crate::stop::Stop;
use crate::store::sqlite::objects::{self, Owner, Seen, State};
use crate::store::{Error, Result};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Looks within one time of grace: what is older is removed at most this part of it later.
const LOOKS_IN_GRACE: u32 = 4;
/// The store is looked through at most so often, and at least so often.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(6 * 3600));

/// Sweeps until it is told to stop.
pub async fn run(archive: Arc<Archive>, grace: TimeDelta, mut stop: Stop) {
    let every = grace.to_std().unwrap_or(LOOK_EVERY.1) / LOOKS_IN_GRACE;
    loop {
        match sweep(&archive, grace, clock::now()).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "bytes without a recording removed"),
            Err(error) => tracing::error!(%error, "the store was not looked through; tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(every.clamp(LOOK_EVERY.0, LOOK_EVERY.1)) => {}
            () = stop.heard() => return,
        }
    }
}

/// Looks through the store once. Gives how many objects were removed.
///
/// # Errors
/// When the store fails; the next look does the rest.
pub async fn sweep(archive: &Arc<Archive>, grace: TimeDelta, as_of: Moment) -> Result<usize> {
    let sites = archive.ask(objects::sites).await?;
    // Bytes without a recording have no site of their own; the first one tells of them.
    let Some(site) = sites.first().copied() else { return Ok(0) };
    let known = archive.ask(move |connection| objects::strays(connection, site)).await?;
    let mut known: BTreeMap<ContentHash, Moment> =
        known.into_iter().map(|stray| (stray.object, stray.at)).collect();
    let mut removed = 0;
    for shard in 0..=u8::MAX {
        for (object, bytes, owner) in unowned(archive, shard, sites.clone()).await? {
            let since = known.remove(&object);
            match (owner, since) {
                (Owner::Recording, _) => {}
                (Owner::Nobody, None) => {
                    let seen = Seen { object, state: State::Stray { bytes } };
                    archive.tell_stray(object, (site, seen, as_of)).await?;
                }
                (Owner::Nobody, Some(since)) if since + grace > as_of => {}
                (Owner::Nobody, Some(_)) => {
                    let seen = Seen { object, state: State::Swept { bytes } };
                    removed +=
                        usize::from(archive.remove(object, Some((site, seen, as_of))).await?);
                }
                (Owner::Erased, _) => removed += usize::from(archive.remove(object, None).await?),
            }
        }
    }
    // What is no longer there, or has its row by now.
    for object in known.into_keys() {
        let seen = Seen { object, state: State::Sound };
        archive.store.write(move |tx| tx.see(site, &seen, as_of)).await?;
    }
    Ok(removed)
}

/// Objects of a shard that no kept recording owns.
async fn unowned(
    archive: &Arc<Archive>,
    shard: u8,
    sites: Vec<i64>,
) -> Result<Vec<(ContentHash, u64, Owner)>> {
    let archive = Arc::clone(archive);
    let look = tokio::task::spawn_blocking(move || {
        let objects = archive.objects.shard(shard);
        let objects = objects.map_err(|error| Error::Unavailable(error.to_string()))?;
        archive.store.read(|connection| {
            let mut found = Vec::new();
            for (object, bytes) in objects {
                let owner = objects::owner(connection, &sites, &object)?;
                if owner != Owner::Recording {
                    found.push((object, bytes, owner));
                }
            }
            Ok(found)
        })
    });
    look.await.map_err(|error| Error::Unavailable(error.to_string()))?
}

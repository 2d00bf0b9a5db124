//! Running the links and findings of what changed, in the daemon's store.

use super::learn;
use super::near::Near;
use super::relink::{self, At, Linked};
use crate::call::Moment;
use crate::site::Site;
use crate::store::sqlite::window::{self, DirtyDay};
use crate::store::{Result, Store};
use std::sync::{Arc, Mutex, PoisonError};

/// How linking goes on.
pub struct Pace<'a> {
    /// Whether another piece may be linked now: while changes keep coming there is always one, and
    /// the rest waits for its turn.
    pub more: &'a (dyn Fn() -> bool + Sync),
    /// Changes that make a piece at most.
    pub at_most: usize,
}

impl Pace<'_> {
    /// Until all is linked.
    pub const ON: Pace<'static> = Pace { more: &|| true, at_most: relink::TOGETHER_MAX };
}

/// What is held of each site from one change to the next, by its key.
pub type Held = Arc<Mutex<std::collections::BTreeMap<i64, Near>>>;

/// Computes everything of a site that is due. Gives how many days that were.
///
/// # Errors
/// When the store fails; what was computed is kept, the rest stays due.
pub async fn catch_up(store: &Store, site: &Site, key: i64, as_of: Moment) -> Result<usize> {
    catch_up_holding(&Held::default(), store, site, key, as_of, &Pace::ON).await
}

/// The same, holding what the next change will need.
///
/// # Errors
/// As [`catch_up`].
pub async fn catch_up_holding(
    held: &Held,
    store: &Store,
    site: &Site,
    key: i64,
    as_of: Moment,
    pace: &Pace<'_>,
) -> Result<usize> {
    store.folded().await;
    link_while(held, store, site, key, pace).await?;
    let (reader, own) = (store.clone(), site.clone());
    let learned = blocking(move || {
        let at = At { site: &own, key };
        reader.read(|connection| learn::learn(connection, at, as_of))
    });
    if let Some(learned) = learned.await? {
        store.write(move |tx| tx.learn(key, &learned, as_of)).await?;
        link_all(held, store, site, key).await?;
    }
    let reader = store.clone();
    let due =
        blocking(move || reader.read(|connection| window::due(connection, key, as_of))).await?;
    let count = due.len();
    for dirty in due {
        judge(store, site, key, dirty, as_of).await?;
    }
    Ok(count)
}

/// Links everything of a site that changed.
///
/// # Errors
/// As [`catch_up`].
pub async fn link_all(held: &Held, store: &Store, site: &Site, key: i64) -> Result<()> {
    link_while(held, store, site, key, &Pace::ON).await
}

async fn link_while(
    held: &Held,
    store: &Store,
    site: &Site,
    key: i64,
    pace: &Pace<'_>,
) -> Result<()> {
    while let Some(linked) = link(held, store, site, key, pace.at_most).await? {
        for piece in linked.pieces() {
            store.write(move |tx| relink::save_links(tx, key, &piece)).await?;
        }
        if !(pace.more)() {
            break;
        }
    }
    Ok(())
}

/// Links of what changed; nothing where nothing did.
async fn link(
    held: &Held,
    store: &Store,
    site: &Site,
    key: i64,
    at_most: usize,
) -> Result<Option<Linked>> {
    let (held, reader, site) = (Arc::clone(held), store.clone(), site.clone());
    blocking(move || {
        let mut near = take(&held, key);
        let at = At { site: &site, key };
        let linked = reader.read(|connection| relink::link(connection, at, &mut near, at_most))?;
        held.lock().unwrap_or_else(PoisonError::into_inner).insert(key, near);
        Ok(linked)
    })
    .await
}

/// What is held of a site. It is given back once it is right again; an error leaves nothing.
fn take(held: &Held, key: i64) -> Near {
    held.lock().unwrap_or_else(PoisonError::into_inner).remove(&key).unwrap_or_default()
}

async fn judge(store: &Store, site: &Site, key: i64, dirty: DirtyDay, as_of: Moment) -> Result<()> {
    let (reader, own) = (store.clone(), site.clone());
    let judged = blocking(move || {
        let at = At { site: &own, key };
        reader.read(|connection| relink::judge(connection, at, &dirty, as_of))
    })
    .await?;
    for piece in judged.pieces() {
        store.write(move |tx| relink::save_findings(tx, key, &piece)).await?;
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| crate::store::Error::Unavailable(error.to_string()))?
}

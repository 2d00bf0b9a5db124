//! Running the links and findings of days that changed, in the daemon's store.

use super::relink::{self, At, day_of};
use crate::call::Moment;
use crate::site::Site;
use crate::store::sqlite::window::{self, DirtyDay};
use crate::store::{Result, Store};

/// Computes everything of a site that is due. Gives how many days that were.
///
/// # Errors
/// When the store fails; what was computed is kept, the rest stays due.
pub async fn catch_up(store: &Store, site: &Site, key: i64, as_of: Moment) -> Result<usize> {
    store.folded().await;
    let reader = store.clone();
    let due =
        blocking(move || reader.read(|connection| window::due(connection, key, as_of))).await?;
    let mut touched = std::collections::BTreeSet::new();
    for dirty in &due {
        let (reader, own, day) = (store.clone(), site.clone(), day_of(&dirty.day));
        let fits =
            move || reader.read(|connection| relink::fits(connection, At { site: &own, key }, day));
        if !blocking(fits).await? {
            tracing::error!(
                day = dirty.day,
                "more calls than linking takes; tried again in an hour"
            );
            let (later, dirty) = (as_of + chrono::TimeDelta::hours(1), dirty.clone());
            store.write(move |tx| tx.computed(key, &dirty, Some(later))).await?;
            continue;
        }
        let linked = {
            let (reader, site, day) = (store.clone(), site.clone(), day_of(&dirty.day));
            blocking(move || {
                let at = At { site: &site, key };
                reader.read(|connection| relink::link(connection, at, day))
            })
            .await?
        };
        touched.insert(day_of(&dirty.day));
        let days = linked.days.clone();
        let changed = store.write(move |tx| relink::save_links(tx, key, &linked)).await?;
        if changed > 0 {
            touched.extend(days);
        }
    }
    for day in touched {
        let (reader, own) = (store.clone(), site.clone());
        let judged = blocking(move || {
            let at = At { site: &own, key };
            reader.read(|connection| relink::judge(connection, at, day, as_of))
        })
        .await?;
        let name = day.to_string();
        let unmarked = DirtyDay { day: name.clone(), marks: 0 };
        let dirty = due.iter().find(|dirty| dirty.day == name).cloned().unwrap_or(unmarked);
        store.write(move |tx| relink::save_findings(tx, key, &judged, &dirty)).await?;
    }
    Ok(due.len())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| crate::store::Error::Unavailable(error.to_string()))?
}

//! The look around that is taken every minute: calls that ended in silence, silence itself, and
//! clocks.

use super::relink::At;
use super::{close, quiet};
use crate::call::Moment;
use crate::flow::interpret::Rules;
use crate::flow::sources::{SourceState, states};
use crate::metrics::Metrics;
use crate::site::Site;
use crate::store::{Result, Store};
use std::collections::BTreeMap;

/// What earlier looks saw, so that nothing is told twice.
#[derive(Default)]
pub struct Look {
    /// The delivery before the silence whose day was marked, by site.
    silent_since: BTreeMap<i64, i64>,
    /// Whether a source's clock was off.
    clock_off: BTreeMap<String, bool>,
}

impl Look {
    /// Looks at a site.
    ///
    /// # Errors
    /// When the store fails; the next look sees what this one did not.
    pub async fn take(
        &mut self,
        store: &Store,
        rules: &Rules,
        metrics: &Metrics,
        (site, key): (&Site, i64),
        as_of: Moment,
    ) -> Result<()> {
        close::silent(store, site, key, as_of).await?;
        let (reader, own, names) = (store.clone(), site.clone(), rules.sources_of(&site.id));
        let seen = tokio::task::spawn_blocking(move || {
            reader.read(|connection| {
                let silence = quiet::lasting(connection, At { site: &own, key }, as_of)?;
                Ok((silence, states(connection, &own, key, &names, as_of)?))
            })
        });
        let (silence, states) =
            seen.await.map_err(|error| crate::store::Error::Unavailable(error.to_string()))??;
        if let Some(silence) = silence
            && self.silent_since.insert(key, silence.fact) != Some(silence.fact)
        {
            let day = site.settings_at(silence.from).local_day(silence.from).to_string();
            store.write(move |tx| tx.mark_day(key, &day, as_of)).await?;
        }
        states.iter().for_each(|state| self.tell_clock(state, metrics));
        Ok(())
    }

    fn tell_clock(&mut self, state: &SourceState, metrics: &Metrics) {
        let Some(clock) = state.clock else { return };
        metrics.clock(&state.source, clock.behind_ms);
        let before = self.clock_off.insert(state.source.clone(), state.clock_off);
        match state.clock_warning() {
            Some(warning) if before != Some(true) => {
                tracing::warn!(source = state.source, "{warning}");
            }
            None if before == Some(true) => {
                tracing::info!(source = state.source, "its clock is right again");
            }
            _ => {}
        }
    }
}

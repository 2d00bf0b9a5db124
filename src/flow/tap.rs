//! The live view: every delivery as it comes, what each of its fields became, and what was turned
//! away. It only looks; nothing waits for it.

use super::interpret::{Rules, Source};
use crate::party::masked_numbers;
use crate::pbx::trace;
pub use crate::pbx::trace::{Kept, Refused, Shown};
use crate::pbx::{Delivery, Reading};
use crate::store::sqlite::{calls, deliveries};
use crate::store::{self, Result, Store};
use std::sync::Arc;

/// Deliveries that may wait for somebody who looks on; more are counted as missed.
pub const WAITING_MAX: usize = 256;

/// What the intake tells of a delivery when it answers.
#[derive(Debug, Clone)]
pub enum Seen {
    Kept { source: String, fact: i64, repeated: bool },
    Refused(Refused),
}

impl Seen {
    /// The source it was sent to, as the sender named it.
    pub fn source(&self) -> &str {
        match self {
            Self::Kept { source, .. } => source,
            Self::Refused(refused) => &refused.source,
        }
    }
}

/// Everything the route needs.
pub struct Tap {
    pub store: Store,
    pub rules: Arc<Rules>,
}

impl Tap {
    /// The newest deliveries of a source, or of all, oldest first.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn newest(self, source: Option<String>, count: usize) -> Result<Vec<Shown>> {
        apart(move || {
            let newest = |connection: &_| deliveries::newest(connection, source.as_deref(), count);
            let ids = self.store.read(newest)?;
            let shown = ids.into_iter().map(|id| self.kept(id, false));
            Ok(shown.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
        .await
    }

    /// What came, taken apart; nothing where it is no longer there.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn shown(self, seen: Seen) -> Result<Option<Shown>> {
        match seen {
            Seen::Refused(refused) => Ok(Some(Shown::Refused(refused))),
            Seen::Kept { fact, repeated, .. } => apart(move || self.kept(fact, repeated)).await,
        }
    }

    fn kept(&self, id: i64, repeated: bool) -> Result<Option<Shown>> {
        let found = self.store.read(|connection| deliveries::by_id(connection, id))?;
        let Some((name, fact)) = found else { return Ok(None) };
        let Some(source) = self.rules.sources.get(&name) else { return Ok(None) };
        let mut kept = taken_apart(source, &fact.delivery());
        let tie = kept.1.as_ref().and_then(|reading| reading.events.first()?.ties.first());
        if let Some(tie) = tie {
            kept.0.call =
                self.store.read(|connection| calls::key_of(connection, fact.site, tie.id()))?;
        }
        Ok(Some(Shown::Kept(Box::new(Kept { id, repeated, ..kept.0 }))))
    }
}

/// Taking apart is work: not on a thread that others' requests wait for.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| store::Error::Unavailable(error.to_string()))?
}

/// What a delivery of a source says, field by field. Its number is for the caller to give.
pub fn taken_apart(source: &Source, delivery: &Delivery) -> (Kept, Option<Reading>) {
    let reading = source.read(delivery);
    let why_not = match &reading {
        Ok(_) => None,
        Err(refusal) => Some(masked_numbers(refusal.why())),
    };
    let path = delivery.target.split('?').next().unwrap_or_default();
    let mut kept = Kept {
        id: 0,
        source: source.name.clone(),
        adapter: source.pbx.name(),
        received_at: delivery.received_at,
        how: format!("{} {path}", delivery.method).trim_end().to_owned(),
        body_bytes: delivery.body.len(),
        repeated: false,
        understood: why_not.is_none(),
        why_not,
        call: None,
        events: reading.as_ref().map(trace::told).unwrap_or_default(),
        fields: trace::traced(delivery, |delivery| source.read(delivery)),
        warnings: reading.as_ref().map(|reading| reading.warnings.clone()).unwrap_or_default(),
    };
    if delivery.body.len() > trace::BODY_BYTES_MAX {
        let most = trace::BODY_BYTES_MAX;
        kept.warnings.push(format!("fields of bodies over {most} bytes are not shown"));
    }
    (kept, reading.ok())
}

//! Retention: what is past its time goes, and more where the disk needs room. Alarms before that.

use crate::clock;
use crate::flow::error::Result;
use crate::flow::keeping::Keeping;
use crate::stop::Stop;
use std::time::Duration;

/// The first look after the daemon's start, so that links and findings stand.
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// Looks until it is told to stop, each time under the rules in force then.
pub async fn run(keeping: impl Fn() -> Keeping, every: Duration, mut stop: Stop) {
    let mut pause = every.min(FIRST_AFTER);
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.heard() => return,
        }
        pause = every;
        if let Err(error) = once(&keeping()).await {
            tracing::error!(%error, "retention stopped; it is tried again");
        }
    }
}

async fn once(keeping: &Keeping) -> Result<()> {
    let now = clock::now();
    let standing = keeping.standing(now).await?;
    if standing.alarm {
        let full_on = standing.forecast.as_ref().and_then(|forecast| forecast.full_on);
        tracing::error!(
            free_bytes = standing.free_bytes,
            ?full_on,
            "the disk of the recordings fills"
        );
    }
    if standing.holds_to_review > 0 {
        tracing::warn!(holds = standing.holds_to_review, "legal holds are due for review");
    }
    let plan = keeping.plan(now).await?;
    if plan.lacking_bytes > 0 {
        tracing::error!(
            lacking_bytes = plan.lacking_bytes,
            "the floor cannot be kept: what is left is held or too young to go"
        );
    }
    if plan.going.is_empty() {
        return Ok(());
    }
    let done = keeping.carry_out(&plan, now, "retention").await?;
    let (erased, originals, bytes) = (done.erased, done.originals, done.bytes);
    tracing::info!(erased, originals, bytes, "recordings erased");
    Ok(())
}

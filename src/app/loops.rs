//! What goes round and round while the daemon lives: listening, and linking and judging.

use crate::audio::child::Listeners;
use crate::clock::{self, Watch};
use crate::flow::archive::Archive;
use crate::flow::interpret::Rules;
use crate::job::look::Look;
use crate::job::relink_daemon::Pace;
use crate::job::{listen, relink_daemon};
use crate::stop::Stop;
use crate::store::sqlite::findings;
use crate::web::state::State;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often links and findings are looked after.
const LINK_EVERY: Duration = Duration::from_secs(2);
/// While deliveries keep coming, links are computed at least so often.
const LINK_AT_LEAST: Duration = Duration::from_secs(30);
/// More deliveries a second than this are no desk's calls: something is filled in.
const FLOOD_PER_S: f64 = 200.0;
/// While they come, links are computed at least so often.
const LINK_AT_LEAST_IN_FLOOD: Duration = Duration::from_secs(600);
/// No further piece of a site is linked in one turn after this long.
const LINK_TURN: Duration = Duration::from_millis(250);
/// While deliveries come, linking may take one part in so many of the time; else half of it.
const LINK_SHARE: u32 = 20;
/// How often silent calls are closed and recordings nobody heard are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Listens to what nobody has heard, until told to stop.
pub(super) async fn listen_always(
    archive: Arc<Archive>,
    rules: Arc<Rules>,
    (listeners, at_a_time): (Arc<Listeners>, usize),
    mut stop: Stop,
) {
    loop {
        for site in rules.sites.values() {
            let Ok(key) = archive.store.site(&site.id) else { continue };
            let heard = listen::catch_up(&archive, (site, key), &listeners, at_a_time);
            if let Err(error) = heard.await {
                tracing::error!(%error, site = site.id, "listening stopped; tried again");
            }
        }
        tokio::select! {
            () = archive.arrived.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.heard() => return,
        }
    }
}

/// How deliveries come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Traffic {
    Quiet,
    Busy,
    Flood,
}

impl Traffic {
    fn of(deliveries: i64, within: Duration) -> Self {
        match deliveries as f64 {
            count if count <= 0.0 => Self::Quiet,
            count if count <= FLOOD_PER_S * within.as_secs_f64() => Self::Busy,
            _ => Self::Flood,
        }
    }

    /// How long linking rests after a turn: deliveries come first, but one long turn is no reason
    /// to leave a desk without links.
    fn rest_after(self, turn: Duration) -> Duration {
        match self {
            // A whole turn was used: there is more to do.
            Self::Quiet if turn >= LINK_TURN => turn.min(LINK_AT_LEAST),
            Self::Quiet => LINK_EVERY,
            Self::Busy => (turn * LINK_SHARE).clamp(LINK_EVERY, LINK_AT_LEAST),
            Self::Flood => (turn * LINK_SHARE).clamp(LINK_AT_LEAST, LINK_AT_LEAST_IN_FLOOD),
        }
    }
}

/// Links and judges what changed, at once where somebody at the desk changed it, and never for more
/// than a small share of the time in which deliveries come.
pub(super) async fn link_always(state: Arc<State>, mut stop: Stop) {
    let stored = || state.archive.store.gauges().stored_fact.load(Ordering::Relaxed);
    let (mut seen, mut seen_at, mut traffic) = (stored(), Watch::start(), Traffic::Quiet);
    let (mut turn, mut rested, mut is_asked) = (Duration::ZERO, Watch::start(), false);
    let (mut look, mut looked, held) = (Look::default(), None::<Watch>, Default::default());
    loop {
        let quiet = LINK_EVERY.min(Traffic::Quiet.rest_after(turn));
        let nap = if is_asked { turn.clamp(LINK_TURN, LINK_EVERY) } else { quiet };
        tokio::select! {
            () = tokio::time::sleep(nap) => {}
            () = state.changed.notified() => is_asked = true,
            () = stop.heard() => return,
        }
        if seen_at.elapsed() >= LINK_TURN {
            traffic = Traffic::of(stored() - seen, seen_at.elapsed());
            (seen, seen_at) = (stored(), Watch::start());
        }
        let goes_first = is_asked && traffic != Traffic::Flood && rested.elapsed() >= turn;
        if !goes_first && rested.elapsed() < traffic.rest_after(turn) {
            continue;
        }
        let watch = Watch::start();
        let looks = looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY);
        is_asked = false;
        link_once(&state, &held, looks.then_some(&mut look)).await;
        if looks {
            looked = Some(Watch::start());
        }
        (turn, rested) = (watch.elapsed(), Watch::start());
        (seen, seen_at) = (stored(), Watch::start());
    }
}

async fn link_once(state: &State, held: &relink_daemon::Held, mut look: Option<&mut Look>) {
    let (rules, store) = (state.intake.rules(), &state.archive.store);
    for site in rules.sites.values() {
        let Ok(key) = store.site(&site.id) else { continue };
        if let Some(look) = look.as_deref_mut() {
            let taken = look.take(store, &rules, &state.metrics, (site, key), clock::now());
            if let Err(error) = taken.await {
                tracing::error!(%error, site = site.id, "not looked around; tried again");
            }
        }
        let (now, watch) = (clock::now(), Watch::start());
        let pace = Pace { more: &|| watch.elapsed() < LINK_TURN, ..Pace::ON };
        match relink_daemon::catch_up_holding(held, store, site, key, now, &pace).await {
            Ok(_) => count_findings(state, &site.id, key),
            Err(error) => tracing::error!(%error, site = site.id, "not linked; tried again"),
        }
    }
}

fn count_findings(state: &State, site: &str, key: i64) {
    let counts = state.archive.store.read(|connection| findings::counts(connection, key));
    for (code, standing, count) in counts.unwrap_or_default() {
        state.metrics.findings(site, &code, &standing, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_is_linked_soon_and_a_flood_is_let_through() {
        let s = Duration::from_secs;
        let of = |deliveries| Traffic::of(deliveries, s(2));
        assert!(of(0) == Traffic::Quiet && of(400) == Traffic::Busy && of(401) == Traffic::Flood);
        let rests = |turn| {
            [Traffic::Quiet, Traffic::Busy, Traffic::Flood].map(|traffic| traffic.rest_after(turn))
        };
        assert_eq!(rests(Duration::from_millis(5)), [s(2), s(2), s(30)]);
        assert_eq!(rests(s(1)), [s(1), s(20), s(30)]);
        assert_eq!(rests(s(10)), [s(10), s(30), s(200)]);
        assert_eq!(rests(s(100)), [s(30), s(30), s(600)]);
    }
}

//! What goes round and round while the daemon lives: listening, and linking and judging.

use crate::audio::child::Listeners;
use crate::clock;
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

/// Links and judges what changed, when deliveries are quiet or have kept us waiting long enough,
/// and never for more than a small share of the time.
pub(super) async fn link_always(state: Arc<State>, mut stop: Stop) {
    let (mut seen, mut waited, mut since_look) = (-1, Duration::ZERO, LOOK_EVERY);
    let (mut pause, mut look, held) = (LINK_EVERY, Look::default(), Default::default());
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = state.changed.notified() => {}
            () = stop.heard() => return,
        }
        waited += pause;
        since_look += pause;
        let newest = state.archive.store.gauges().stored_fact.load(Ordering::Relaxed);
        if newest != seen && waited < LINK_AT_LEAST && seen >= 0 && waited > LINK_EVERY {
            seen = newest;
            continue;
        }
        (seen, waited) = (newest, Duration::ZERO);
        let watch = clock::Watch::start();
        let is_due = since_look >= LOOK_EVERY;
        link_once(&state, &held, is_due.then_some(&mut look)).await;
        if since_look >= LOOK_EVERY {
            since_look = Duration::ZERO;
        }
        let (spent, store) = (watch.elapsed(), &state.archive.store);
        let quiet = store.gauges().stored_fact.load(Ordering::Relaxed) == seen;
        pause = match quiet {
            // A whole turn was used: there is more to do.
            true if spent >= LINK_TURN => spent,
            true => LINK_EVERY,
            false => LINK_EVERY.max(spent * LINK_SHARE),
        };
        // One long turn is no reason to leave a desk without links.
        pause = pause.min(LINK_AT_LEAST);
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
        let (now, watch) = (clock::now(), clock::Watch::start());
        let pace = Pace { more: &|| watch.elapsed() < LINK_TURN, ..Pace::ON };
        match relink_daemon::catch_up_holding(held, store, site, key, now, &pace).await {
            Ok(0) => {}
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

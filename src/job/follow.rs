//! Following a feed: every event is kept as a delivery, and every loss and return is one too. While
//! the disk is slow nothing more is read, so that the phone system's own buffers fill and nothing
//! is dropped.

use crate::call::Moment;
use crate::clock::{self, Watch};
use crate::feed::{Event, Fault, FaultKind, Heard, Session, Settings};
use crate::flow::intake::{Answer, Intake};
use crate::pbx::{Delivery, FEED};
use crate::stop::Stop;
use chrono::{SecondsFormat, TimeDelta};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::Duration;

/// Events on their way to the disk at a time: they share its synchronisations.
const IN_FLIGHT_MAX: usize = 256;
/// Pauses before connecting again: the first, and the longest. A phone system that starts anew is
/// missed for as long, so the longest is short.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// Pause after a refused log-in: trying often may lock us out.
const LOGIN_RETRY: Duration = Duration::from_secs(60);
/// A connection that lasted so long was good: the next pause is short again.
const GOOD_AFTER: Duration = Duration::from_secs(10);
/// Pause before an event that could not be kept is offered to the disk again.
const KEEP_RETRY: Duration = Duration::from_millis(200);

/// A feed of a source.
pub struct Followed {
    pub source: String,
    pub settings: Settings,
    /// After so long without a word a sign of life is asked for; without one after as long again
    /// the feed is lost.
    pub silence: Duration,
    /// When an earlier run last knew the feed to be there, if it never told of its loss.
    pub left_at: Option<Moment>,
}

/// Follows until it is told to stop.
pub async fn run(mut feed: Followed, intake: Arc<Intake>, mut stop: Stop) {
    let mut keeper = Keeper { source: feed.source.clone(), intake, series: 0, number: 0 };
    if let Some(at) = feed.left_at.take() {
        keeper.series = clock::now().timestamp_micros();
        if !keeper.tell(&feed, "down", at, &stop).await {
            return;
        }
    }
    let (mut pause, mut told) = (RETRY_FIRST, None);
    loop {
        let watch = Watch::start();
        let opened = tokio::select! {
            opened = Session::open(&feed.settings) => opened,
            () = stop.heard() => return,
        };
        let fault = match opened {
            Ok(session) => match follow(&feed, session, &mut keeper, &mut stop).await {
                Some(fault) => fault,
                None => return,
            },
            Err(fault) => fault,
        };
        if watch.elapsed() > GOOD_AFTER {
            pause = RETRY_FIRST;
        }
        let wait = if fault.kind == FaultKind::Login { LOGIN_RETRY } else { pause };
        // What is tried every few seconds is told once.
        if told.replace(fault.clone()).as_ref() != Some(&fault) {
            tracing::warn!(source = feed.source, %fault, "no feed; tried again and again");
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.heard() => return,
        }
        pause = (pause * 2).min(RETRY_MAX);
    }
}

/// Keeps what one connection tells. `None` when told to stop, else why it ended.
async fn follow(
    feed: &Followed,
    mut session: Session,
    keeper: &mut Keeper,
    stop: &mut Stop,
) -> Option<Fault> {
    keeper.series = clock::now().timestamp_micros();
    if !keeper.tell(feed, "up", clock::now(), stop).await {
        return None;
    }
    keeper.intake.feed_stands(&feed.source, true);
    tracing::info!(source = feed.source, address = %feed.settings.address, "feed stands");
    let (lost_at, fault) = listen(feed, &mut session, keeper, stop).await;
    keeper.intake.feed_stands(&feed.source, false);
    keeper.tell(feed, "down", lost_at, stop).await;
    fault
}

/// Listens until the feed is lost or we are told to stop: since when, and why.
async fn listen(
    feed: &Followed,
    session: &mut Session,
    keeper: &mut Keeper,
    stop: &mut Stop,
) -> (Moment, Option<Fault>) {
    let mut in_flight = FuturesUnordered::new();
    let mut heard_at = clock::now();
    let (mut asked, mut timeless_told) = (false, false);
    let ended = loop {
        tokio::select! {
            heard = session.heard(), if in_flight.len() < IN_FLIGHT_MAX => match heard {
                Ok(heard) => {
                    (heard_at, asked) = (clock::now(), false);
                    match heard {
                        Heard::Event(event) => {
                            if event.has_time == Some(false) && !timeless_told {
                                timeless_told = true;
                                tracing::warn!(source = feed.source, "events carry no time, so our \
                                    clock is used: run `ringledger check`");
                            }
                            in_flight.push(keeper.keep(feed, event, heard_at, stop.clone()));
                        }
                        Heard::Refused(why) => tracing::warn!(source = feed.source, "{why}"),
                        Heard::Alive => {}
                    }
                }
                Err(fault) => break Some(fault),
            },
            Some(_) = in_flight.next() => {}
            () = tokio::time::sleep(feed.silence), if in_flight.len() < IN_FLIGHT_MAX => {
                if asked {
                    break Some(Fault::silent(feed.silence * 2));
                }
                asked = true;
                if let Err(fault) = session.ask_alive().await {
                    break Some(fault);
                }
            }
            () = stop.heard() => break None,
        }
    };
    while in_flight.next().await.is_some() {}
    // An end that is told is told at once; one that had to be asked for may lie further back.
    (if asked { heard_at } else { clock::now() }, ended)
}

/// Numbers what is kept, so that nothing is taken for a repeat of something else.
struct Keeper {
    source: String,
    intake: Arc<Intake>,
    series: i64,
    number: u64,
}

impl Keeper {
    /// Keeps an event; resolves once it is on disk, or to `false` when it is given up because we
    /// stop.
    fn keep(
        &mut self,
        feed: &Followed,
        event: Event,
        at: Moment,
        stop: Stop,
    ) -> impl Future<Output = bool> + use<> {
        self.number += 1;
        let id = format!("feed-{}-{}", self.series, self.number);
        let delivery = Delivery {
            received_at: at,
            method: FEED.into(),
            target: feed.settings.address.to_string(),
            headers: vec![("content-type".into(), event.content_type.into())],
            body: event.body,
        };
        keep(Arc::clone(&self.intake), self.source.clone(), delivery, id, stop)
    }

    /// Keeps the word that the feed is `up` or `down` since a moment.
    async fn tell(&mut self, feed: &Followed, word: &str, at: Moment, stop: &Stop) -> bool {
        let written = at.to_rfc3339_opts(SecondsFormat::Micros, true);
        let body = format!(r#"{{"_connection":"{word}","at":"{written}"}}"#).into();
        let event = Event { content_type: "application/json", body, has_time: None };
        self.keep(feed, event, clock::now(), stop.clone()).await
    }
}

async fn keep(
    intake: Arc<Intake>,
    source: String,
    delivery: Delivery,
    id: String,
    mut stop: Stop,
) -> bool {
    loop {
        match intake.take_fed(&source, delivery.clone(), &id).await {
            Answer::Kept { .. } => return true,
            Answer::NoSuchSource => {
                tracing::error!(source, "the source is no longer configured; its feed is not kept");
            }
            _ => {}
        }
        tokio::select! {
            () = tokio::time::sleep(KEEP_RETRY) => {}
            () = stop.heard() => return false,
        }
    }
}

/// When a feed was last known to be there, where an earlier run ended without telling of its loss:
/// the last that was heard of it, or the last look around that run took, less the time in which a
/// loss goes unnoticed.
pub fn left_at(last_heard: Moment, last_look: Option<Moment>, silence: Duration) -> Moment {
    let unnoticed = TimeDelta::from_std(silence * 2).unwrap_or_default();
    last_look.map_or(last_heard, |look| (look - unnoticed).max(last_heard))
}

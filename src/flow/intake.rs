//! The route of one delivery: find the source, check the proof, read, make durable, answer.

use super::archive::Archive;
use super::error::{Error, Kind};
use super::interpret::{Rules, Source};
use super::tap::{Refused, Seen, WAITING_MAX};
use crate::call::{Moment, Tie};
use crate::metrics::Metrics;
use crate::pbx::{self, Delivery, Reading, Refusal, multipart};
use crate::recording::Hints;
use crate::store::fact::head_of;
use crate::store::{self, NewFact, Store};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::broadcast;

/// Everything the route needs. One for the whole daemon.
pub struct Intake {
    rules: RwLock<Arc<Rules>>,
    store: Store,
    archive: Arc<Archive>,
    metrics: Arc<Metrics>,
    /// Files that a phone system spoke of, for whoever watches its folders.
    announced: broadcast::Sender<Announced>,
    /// For whoever looks on.
    seen: broadcast::Sender<Seen>,
}

/// A phone system said that a recording is finished.
#[derive(Debug, Clone)]
pub struct Announced {
    pub source: String,
    pub hints: Hints,
}

/// How a delivery came to us.
#[derive(Clone, Copy)]
enum Way {
    Sent,
    /// In a file, whatever its age.
    Found,
}

/// What the sender is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// On disk, now or since an earlier delivery of the same.
    /// `reply` is the body that this sender wants.
    Kept { fact: i64, repeated: bool, why_not_understood: Option<String>, reply: Option<String> },
    /// No source of this name.
    NoSuchSource,
    /// The source does not take deliveries from this address.
    NotAllowed,
    /// The proof is missing or wrong.
    NotAuthentic(String),
    /// The proof is missing; the sender is to send the same again with it.
    Unsigned(String),
    /// Too much is waiting; nothing was kept.
    Overloaded,
    /// The disk failed; nothing was kept.
    Unavailable,
}

impl Answer {
    /// Why nothing was kept, with the cure.
    pub fn refusal(&self) -> Option<String> {
        let text = match self {
            Self::Kept { .. } => return None,
            Self::NoSuchSource => "no such source is configured; see [[sources]] in the settings",
            Self::NotAllowed => {
                "this address may not send here; see `allow` of the source in the settings"
            }
            Self::NotAuthentic(why) | Self::Unsigned(why) => why,
            Self::Overloaded => "too much is waiting; nothing was kept",
            Self::Unavailable => "not kept; try again",
        };
        Some(text.to_owned())
    }
}

impl Intake {
    /// A route over a store.
    pub fn new(
        rules: Arc<Rules>,
        archive: Arc<Archive>,
        announced: broadcast::Sender<Announced>,
    ) -> Self {
        let (store, metrics) = (archive.store.clone(), Arc::clone(&archive.metrics));
        let (seen, _) = broadcast::channel(WAITING_MAX);
        Self { rules: RwLock::new(rules), store, archive, metrics, announced, seen }
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes on other rules after a reload: the store first, so that no delivery meets an unknown
    /// source.
    ///
    /// # Errors
    /// When the store cannot register the new names.
    pub async fn renew(&self, rules: Arc<Rules>) -> store::Result<()> {
        self.store.renew(rules.names(), rules.clone()).await?;
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
        Ok(())
    }

    /// Everything that is answered from now on, for somebody who looks on.
    pub fn look_on(&self) -> broadcast::Receiver<Seen> {
        self.seen.subscribe()
    }

    /// Takes one delivery. The answer *kept* is given only once it is on disk.
    pub async fn take(&self, source: &str, peer: IpAddr, delivery: Delivery) -> Answer {
        let at = delivery.received_at;
        let answer = self.answered(source, peer, delivery).await;
        // Nobody looks on, most of the time.
        if self.seen.receiver_count() > 0
            && let Some(why) = answer.refusal()
        {
            let refused = Refused { source: source.to_owned(), at, from: peer, why };
            drop(self.seen.send(Seen::Refused(refused)));
        }
        answer
    }

    async fn answered(&self, source: &str, peer: IpAddr, delivery: Delivery) -> Answer {
        let rules = self.rules();
        let Some(source) = rules.sources.get(source) else {
            self.metrics.refused("", "no_such_source");
            return Answer::NoSuchSource;
        };
        self.metrics.received(&source.name);
        if !source.allows(peer) {
            self.metrics.refused(&source.name, "not_allowed");
            return Answer::NotAllowed;
        }
        if let Err(refusal) = source.authenticate(&delivery) {
            self.metrics.refused(&source.name, "not_authentic");
            let why = refusal.to_string();
            return match refusal {
                Refusal::Unsigned(_) => Answer::Unsigned(why),
                _ => Answer::NotAuthentic(why),
            };
        }
        let id = pbx::identity(source.pbx, &delivery);
        self.keep(source, delivery, id, Way::Sent).await
    }

    /// Takes an event that we fetched ourselves over a feed. `id` is ours, so that two events with
    /// the same bytes are two, and one that is offered again is one.
    pub async fn take_fed(&self, source: &str, delivery: Delivery, id: &str) -> Answer {
        let rules = self.rules();
        let Some(source) = rules.sources.get(source) else { return Answer::NoSuchSource };
        self.metrics.received(&source.name);
        self.keep(source, delivery, Some(id.to_owned()), Way::Sent).await
    }

    /// Takes a record that nobody sent: an operator found it in the phone system's own files, and
    /// vouches for it.
    pub async fn take_record(&self, source: &str, record: Delivery) -> Answer {
        let rules = self.rules();
        let Some(source) = rules.sources.get(source) else { return Answer::NoSuchSource };
        self.metrics.received(&source.name);
        let id = pbx::identity(source.pbx, &record);
        self.keep(source, record, id, Way::Found).await
    }

    /// Notes for the metrics whether a source's feed stands.
    pub fn feed_stands(&self, source: &str, stands: bool) {
        self.metrics.feed(source, stands);
    }

    /// Reads an authentic delivery and keeps it, understood or not.
    async fn keep(
        &self,
        source: &Source,
        delivery: Delivery,
        id: Option<String>,
        way: Way,
    ) -> Answer {
        let reading = source.read(&delivery);
        let reply = source.pbx.reply(&delivery, &source.dialect());
        let why_not_understood = match &reading {
            Ok(_) => None,
            Err(refusal) => Some(refusal.why().to_owned()),
        };
        let announced = reading.as_ref().map(|r| r.recordings.clone()).unwrap_or_default();
        let told = reading.as_ref().map(told_of_files).unwrap_or_default();
        let form = delivery.header("content-type").filter(|kind| multipart::is_form(kind));
        let form = form.map(|kind| (kind.to_owned(), delivery.body.clone(), delivery.received_at));
        let fact = match self.fact(source, delivery, id) {
            Ok(fact) => fact,
            Err(error) => return self.refused(source, &error),
        };
        let receipt = match way {
            Way::Sent => self.store.deliver(fact, reading).await,
            Way::Found => self.store.deliver_record(fact, reading).await,
        };
        let receipt = match receipt {
            Ok(receipt) => receipt,
            Err(error) => return self.refused(source, &error),
        };
        // A repeat may be the sender's next try because we died between the two.
        if let Some((kind, body, at)) = form
            && !self.keep_files(source, &kind, &body, told, at).await
        {
            return Answer::Unavailable;
        }
        if receipt.repeated {
            self.metrics.repeated(&source.name);
        } else {
            self.metrics.stored(&source.name);
            if why_not_understood.is_some() {
                self.metrics.not_understood(&source.name);
            }
            self.announce(&source.name, announced);
        }
        if self.seen.receiver_count() > 0 {
            let (source, fact, repeated) = (source.name.clone(), receipt.fact, receipt.repeated);
            drop(self.seen.send(Seen::Kept { source, fact, repeated }));
        }
        Answer::Kept { fact: receipt.fact, repeated: receipt.repeated, why_not_understood, reply }
    }

    /// Keeps the recordings in a form as recordings too. False when one cannot be kept now: the
    /// sender is to send the same again.
    async fn keep_files(
        &self,
        source: &Source,
        kind: &str,
        body: &[u8],
        told: Hints,
        at: Moment,
    ) -> bool {
        let mut all = true;
        for part in multipart::parts(kind, body).unwrap_or_default() {
            let Some(name) = part.file_name else { continue };
            let mut hints = source.names.hints(&name, source.zone);
            hints.call_id = told.call_id.clone().or(hints.call_id);
            hints.starts_at = told.starts_at.or(hints.starts_at);
            let kept = async {
                let mut incoming = self.archive.begin(&source.site)?;
                incoming
                    .write_all(part.body)
                    .map_err(|error| Error::new(Kind::Unavailable, format!("not kept: {error}")))?;
                self.archive.admit(&source.site, incoming, hints, None, at, &source.name).await
            };
            if let Err(error) = kept.await {
                tracing::error!(%error, source = source.name, "a recording stays in its delivery");
                all = false;
            }
        }
        all
    }

    fn fact(
        &self,
        source: &Source,
        delivery: Delivery,
        id: Option<String>,
    ) -> store::Result<NewFact> {
        let (site, key) = self.store.source(&source.site, &source.name)?;
        Ok(NewFact {
            site,
            kind: store::Kind::Delivery,
            at: delivery.received_at,
            source: key,
            who: None,
            delivery_id: id,
            head: head_of(&delivery),
            digest: Sha256::digest(&delivery.body).into(),
            body: delivery.body,
        })
    }

    fn refused(&self, source: &Source, error: &store::Error) -> Answer {
        match error {
            store::Error::Overloaded => {
                self.metrics.refused(&source.name, "overloaded");
                Answer::Overloaded
            }
            error => {
                tracing::error!(%error, source = source.name, "delivery not kept");
                self.metrics.refused(&source.name, "unavailable");
                Answer::Unavailable
            }
        }
    }

    /// Passes announced files on to whoever watches folders. With nobody watching nothing is lost:
    /// the announcement stays in its call.
    fn announce(&self, source: &str, hints: Vec<Hints>) {
        for hints in hints {
            drop(self.announced.send(Announced { source: source.to_owned(), hints }));
        }
    }
}

/// What a delivery says of the files in it: the one call that it speaks of, and their start.
fn told_of_files(reading: &Reading) -> Hints {
    let told = &reading.recordings;
    let mut ids = reading.events.iter().flat_map(|event| &event.ties).filter_map(|tie| match tie {
        Tie::Call(id) => Some(id),
        _ => None,
    });
    let first = ids.next();
    let only = || first.filter(|first| ids.all(|id| id == *first)).cloned();
    Hints {
        call_id: told.iter().find_map(|told| told.call_id.clone()).or_else(only),
        starts_at: told.iter().find_map(|told| told.starts_at),
        ..Hints::default()
    }
}

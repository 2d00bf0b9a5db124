//! PBX dialects: a delivery in, canonical events out. Pure: bytes in, values out.
//!
//! To add one: one file here, one line in [`ALL`], one folder of samples in `tests/pbx/`.

pub mod address;
pub mod asterisk;
pub mod body;
pub mod carrier;
pub mod cloudevents;
pub mod freeswitch;
pub mod generic;
pub mod grandstream;
pub mod jambonz;
pub mod kamailio;
pub mod multipart;
pub mod plivo;
pub mod records;
pub mod rustpbx;
pub mod sample;
pub mod settle;
pub mod signature;
pub mod table;
pub mod telnyx;
pub mod threecx;
pub mod time;
pub mod trace;
pub mod twilio;
pub mod vonage;
pub mod xml;
pub mod yeastar;

pub use settle::settled;

use crate::call::event::{CallEvent, FeedGap, Moment};
use crate::party::PhoneNumber;
use crate::recording::Hints;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Stands in the place of the method where a delivery was fetched over a feed of our own.
pub const FEED: &str = "FEED";

/// One request from a phone system as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub received_at: Moment,
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names in small letters, in order.
    pub headers: Vec<(String, String)>,
    pub body: bytes::Bytes,
}

impl Delivery {
    /// The first header of this name (small letters).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a source's deliveries must prove themselves with. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// Why a delivery was turned away or could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The proof is missing or wrong: 401, nothing of the body is kept.
    #[error("not authentic: {0}")]
    NotAuthentic(String),
    /// The proof is missing, and this phone system may forget it and sends the same again with it
    /// when told to: 503, nothing of the body is kept.
    #[error("not authentic: {0}")]
    Unsigned(String),
    /// Kept, counted and shown; it gives no events. Names the field at fault.
    #[error("{0}")]
    NotUnderstood(String),
}

impl Refusal {
    /// What was missing or wrong.
    pub fn why(&self) -> &str {
        match self {
            Self::NotAuthentic(why) | Self::Unsigned(why) | Self::NotUnderstood(why) => why,
        }
    }
}

/// What one delivery says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    pub events: Vec<CallEvent>,
    /// The feed itself was lost or came back.
    pub feed: Vec<FeedNotice>,
    /// Files the phone system spoke of or sent along.
    pub recordings: Vec<Hints>,
    /// Its number, where the phone system counts all that it sends over a connection.
    pub number: Option<i64>,
    /// What an installer should know about how it was read, each once: `at without an offset`.
    pub warnings: Vec<String>,
}

/// The feed was lost or came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedNotice {
    Lost {
        at: Moment,
    },
    /// `restarted`: the phone system itself began anew at this moment, so no call outlived it.
    Back {
        at: Moment,
        restarted: bool,
    },
}

/// What an adapter must know of the source and its site in order to read.
#[derive(Debug, Clone)]
pub struct Dialect<'a> {
    /// The site's zone, for times without one.
    pub zone: chrono_tz::Tz,
    /// The source's field map, for the generic adapter.
    pub field_map: Option<&'a generic::FieldMap>,
}

/// A PBX dialect.
pub trait Pbx: Sync {
    /// The name in configuration: `asterisk`.
    fn name(&self) -> &'static str;

    /// A recorded call that a person answered, as lines of deliveries: what `test-event` sends.
    fn sample(&self) -> &'static str;

    /// Checks signature or token before any parsing; constant time. Without a secret nothing is
    /// checked.
    ///
    /// # Errors
    /// [`Refusal::NotAuthentic`] with what was missing or wrong, never with the secret;
    /// [`Refusal::Unsigned`] where a missing proof may still come.
    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal>;

    /// The identity of the delivery if the vendor gives one; else the intake uses the hash of the
    /// body, and the address where there is none.
    fn delivery_key(&self, delivery: &Delivery) -> Option<String>;

    /// Reads a delivery.
    ///
    /// # Errors
    /// [`Refusal::NotUnderstood`] with the field at fault, when none of it could be read.
    fn parse(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal>;

    /// The body of the 2xx, where the sender wants one of its own; nothing for ours.
    fn reply(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Option<String> {
        let _ = (delivery, dialect);
        None
    }

    /// What the notes of one call come to, once all that was told of it lies together. `notes` are
    /// the call's [`EventKind::Noted`] of this adapter, in order of time and each once; more may
    /// come later, and then all are settled anew. Only for a phone system whose single deliveries
    /// cannot be judged alone.
    ///
    /// [`EventKind::Noted`]: crate::call::EventKind::Noted
    fn settle(&self, notes: &[&CallEvent], desk: settle::Desk<'_>) -> Vec<CallEvent> {
        let _ = (notes, desk);
        Vec::new()
    }
}

/// Every dialect there is.
pub static ALL: &[&dyn Pbx] = &[
    &asterisk::Asterisk,
    &cloudevents::CloudEvents,
    &freeswitch::FreeSwitch,
    &generic::Generic,
    &grandstream::Grandstream,
    &jambonz::Jambonz,
    &kamailio::Kamailio,
    &plivo::Plivo,
    &rustpbx::Rustpbx,
    &telnyx::Telnyx,
    &threecx::ThreeCx,
    &twilio::Twilio,
    &vonage::Vonage,
    &yeastar::Yeastar,
];

/// The dialect of this name.
pub fn named(name: &str) -> Option<&'static dyn Pbx> {
    ALL.iter().copied().find(|pbx| pbx.name() == name)
}

/// What makes a delivery the same as another, besides its body: the vendor's id, or the address
/// where all stands in that.
pub fn identity(pbx: &dyn Pbx, delivery: &Delivery) -> Option<String> {
    pbx.delivery_key(delivery).or_else(|| body::key_of_address(delivery))
}

/// How far the start of a phone system may seem to lie outside the gap it caused: it is told in
/// whole seconds.
const RESTART_SLACK: TimeDelta = TimeDelta::seconds(2);

/// Turns feed notices, in any order, into gaps. Lost twice before it came back is one gap. A
/// restart marks the gap it falls into; without one it is a gap of no length.
pub fn gaps(notices: &[FeedNotice]) -> Vec<FeedGap> {
    let mut ordered = notices.to_vec();
    ordered.sort_by_key(|notice| match notice {
        FeedNotice::Lost { at } => (*at, 0),
        FeedNotice::Back { at, restarted } => (*at, 1 + i32::from(*restarted)),
    });
    let mut gaps: Vec<FeedGap> = Vec::new();
    for notice in &ordered {
        let open = gaps.last_mut().filter(|gap| gap.to.is_none());
        match (notice, open) {
            (FeedNotice::Lost { at }, None) => {
                gaps.push(FeedGap { from: *at, to: None, restarted: false });
            }
            (FeedNotice::Back { at, restarted: false }, Some(gap)) => gap.to = Some(*at),
            _ => {}
        }
    }
    for notice in &ordered {
        if let FeedNotice::Back { at, restarted: true } = notice {
            restart(&mut gaps, *at);
        }
    }
    gaps.sort_by_key(|gap| gap.from);
    gaps
}

fn restart(gaps: &mut Vec<FeedGap>, at: Moment) {
    let around = |gap: &&mut FeedGap| {
        gap.from - RESTART_SLACK <= at && gap.to.is_none_or(|to| at <= to + RESTART_SLACK)
    };
    match gaps.iter_mut().find(around) {
        Some(gap) => {
            gap.restarted = true;
            gap.to = gap.to.or(Some(at));
        }
        None => gaps.push(FeedGap { from: at, to: Some(at), restarted: true }),
    }
}

/// A number, or nothing where a dialect writes a word for "not known".
pub fn number(text: &str) -> Option<PhoneNumber> {
    PhoneNumber::known(text).filter(|_| text != "<unknown>")
}

//! The canonical event: one fact about one call, in the past tense, whatever phone system told it.

use crate::party::{PersonName, PhoneNumber};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A moment in UTC. Microseconds are kept where the source has them.
pub type Moment = DateTime<Utc>;

/// A time known to lie between two moments; equal when the source tells it exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Not before this.
    pub earliest: Moment,
    /// Not after this.
    pub latest: Moment,
}

/// Whose clock a time was read from. Differences are only ever taken within one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The phone system's own event time.
    Pbx,
    /// Our receive time, where the phone system gives none.
    Receiver,
    /// A record written after the call, in whole seconds. It serves where nothing was told live.
    Record,
}

/// An identity that all events of one call may share. Two events with a common tie belong to one
/// call, backwards too: a tie that shows two calls to be one merges them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tie {
    /// The phone system's id for the whole call. Only these can name a call, unless there are none.
    Call(String),
    /// The id of one leg.
    Leg(String),
    /// The id of a bridge in which legs hear each other.
    Bridge(String),
}

/// What an event says about a leg. Facts of one leg are gathered over all its events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LegFacts {
    /// Unique within the call.
    pub id: String,
    /// The phone this leg goes to, as the phone system names it (`8001`).
    pub extension: Option<String>,
    /// The outside party's number, for a trunk leg.
    pub number: Option<PhoneNumber>,
    /// True for a line to the outside world, false for a phone of the house, `None` if nobody said.
    pub outside: Option<bool>,
    /// True for the leg that began the call.
    pub originator: bool,
    /// A leg of the phone system with itself, behind which the real phone stands. Never a desk leg.
    pub internal_helper: bool,
    /// Whether the sender sees joins at all.
    pub joins: JoinSight,
    /// Its phone may have rung before anything that is told of the call.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rang_before: bool,
    /// The leg on whose behalf this one was dialled. A leg that has none may have begun the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The id that this leg had before, or the name by which a record knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// Who made this leg: the phone system dialled it, or its own party did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled: Option<bool>,
    /// Numbers by which its phone may be listed, the surest first, where the phone system has no
    /// one name for a phone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub known_as: Vec<String>,
    /// The number that this leg shows as its caller's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<PhoneNumber>,
    /// The number that was dialled on this leg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<PhoneNumber>,
}

/// Whether a phone system can tell that two parties hear each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinSight {
    /// It tells a join when it knows of one; without one nothing is known.
    #[default]
    Unsaid,
    /// It tells none: a pick-up that lasts is an answer.
    Never,
    /// It tells every one: a pick-up without a join met a caller who was gone.
    Always,
    /// It tells when sound flows, also before the pick-up (early media): a dialled phone has
    /// answered when both were told.
    Sound,
}

/// What an event says about the call as a whole. For each field the earliest event that has it
/// wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallFacts {
    /// As the phone system says it; else it is derived.
    pub direction: Option<Direction>,
    /// Who called. `None` inside `Some` is impossible: a withheld number is simply absent.
    pub caller: Option<PhoneNumber>,
    /// The caller's name as signalled.
    pub caller_name: Option<PersonName>,
    /// What was dialled.
    pub callee: Option<PhoneNumber>,
}

/// The direction of a call seen from the estate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Somebody outside called the estate.
    Inbound,
    /// The desk called somebody outside (a follow-up or return call is one).
    Outbound,
    /// Within the house.
    Internal,
}

/// Why a call that nobody at the desk answered ended, or why a leg did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The caller gave up.
    Abandoned,
    /// The phones rang until the time was out.
    NoAnswer,
    /// The desk's phone was in use.
    Busy,
    /// Somebody pressed "reject".
    Declined,
    /// No phone is registered.
    NoPhone,
    /// The phone could not be reached.
    Unavailable,
    /// The network or the phone system failed.
    Failed,
    /// The caller was taken to a message box.
    Message,
}

/// What happened. Past tense: an event is a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A call came in, or the desk placed one.
    Offered,
    /// A leg was made or dialled. Its phone cannot have rung before.
    LegCreated,
    /// The phone rings: 180, or 183 where the phone system uses it for ringing.
    Alerting,
    /// The phone was picked up. No proof of an answer: the caller may be gone.
    PickedUp,
    /// The caller and this leg can hear each other. This alone proves an answer.
    Joined,
    /// A person took the call on this leg, at a time nobody told.
    Answered,
    /// The caller's own leg says that it was answered and joined with this one. It counts where
    /// this leg itself is silent, and nobody else took the call.
    Reached,
    /// The leg entered a bridge; two legs in one bridge hear each other.
    BridgeEntered { bridge: String },
    /// The leg left a bridge.
    BridgeLeft { bridge: String },
    /// This leg is over.
    LegEnded { cause: Option<Cause> },
    /// The call is over.
    Ended { cause: Option<Cause> },
    /// The phone system's own summary of why nobody answered. `outweighs`: more than what the legs
    /// say; else it serves where they say nothing.
    Unanswered { cause: Cause, outweighs: bool },
    /// The phone system says afterwards for how long the dialled phone and the caller were
    /// connected. A proof of the join where joins cannot be seen, if it fits the pick-up.
    TalkReported { talk_ms: i64 },
    /// The caller waits for the desk in its queue: giving up now is giving up on the desk.
    Queued,
    /// A recording is finished and may be fetched: its name, path or URL, and when it begins.
    RecordingAnnounced { reference: String, starts_at: Option<Moment> },
    /// What can only be judged beside all else that this phone system said of the call: its
    /// adapter's own words, which it settles into events before the call is folded.
    Noted { adapter: String, note: Note },
    /// The phone system's own log of the call was read to its end: who was called, who answered and
    /// how it ended are known, though the feed was lost meanwhile.
    Logged,
    /// Read and kept, but it changes nothing.
    Unknown { name: String },
}

/// An adapter's own words. They may hold numbers and names of people, so printing shows none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Note(pub serde_json::Value);

impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(note)")
    }
}

/// One fact about one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEvent {
    /// When it happened.
    pub at: Bounds,
    /// By whose clock.
    pub clock: Clock,
    /// The sender's id of the event; orders events of the same moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Never empty.
    pub ties: Vec<Tie>,
    /// The leg it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<LegFacts>,
    /// What it says of the whole call.
    #[serde(default)]
    pub call: CallFacts,
    /// What happened.
    pub kind: EventKind,
}

/// A time without the phone system's feed. A call alive in it is closed by rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedGap {
    /// When the feed was lost, by our clock.
    pub from: Moment,
    /// When it came back; `None` while it is lost.
    pub to: Option<Moment>,
    /// The phone system itself restarted: no call outlived the gap, and none was answered in it.
    pub restarted: bool,
}

impl Tie {
    /// The id itself, as the phone system writes it.
    pub fn id(&self) -> &str {
        let (Self::Call(id) | Self::Leg(id) | Self::Bridge(id)) = self;
        id
    }
}

impl Bounds {
    /// A time the source tells exactly.
    pub const fn exact(at: Moment) -> Self {
        Self { earliest: at, latest: at }
    }

    /// True when the time is known exactly.
    pub fn is_exact(&self) -> bool {
        self.earliest == self.latest
    }

    /// What two statements of one time allow together; `None` when they exclude each other.
    pub fn intersection(self, other: Self) -> Option<Self> {
        let both = Self {
            earliest: self.earliest.max(other.earliest),
            latest: self.latest.min(other.latest),
        };
        (both.earliest <= both.latest).then_some(both)
    }
}

//! The words of the notes.

use crate::call::{Bounds, CallEvent, CallFacts, Cause, Clock, Moment, Tie};
use crate::pbx::settle::note;
use serde::{Deserialize, Serialize};

/// The part that a leg plays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nobody said.
    #[default]
    Unsaid,
    /// Not dialled in a call; it came in or was placed by a program.
    Began,
    /// Dialled in a call.
    Dialled,
    /// Made by a program, perhaps to ring the desk first and then somebody else.
    Placed,
    /// It came in from outside of the carrier: the caller's.
    Caller,
}

/// What a pick-up turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PickUp {
    /// The caller was connected; where nobody told when, at once.
    Connected,
    /// The caller never was.
    NotConnected,
    /// A machine took the call.
    Machine,
}

/// One thing that a delivery says of a leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Nothing but who takes part.
    Nothing,
    Created,
    Alerting,
    PickedUp,
    /// It and the caller hear each other; of the caller's leg: with whoever is picked up then.
    Joined,
    /// It is in this room from now on, and in no other.
    Entered {
        room: String,
    },
    /// Said afterwards of a pick-up.
    Settled {
        pick_up: PickUp,
    },
    /// The leg is over.
    Over {
        cause: Option<Cause>,
    },
    /// The leg is over, and the call with it where nothing nearer tells its end.
    HungUp {
        cause: Option<Cause>,
    },
    /// The call that this leg began is over.
    Ended,
    /// Of the leg that began the call: it was ended by the caller, or nobody said by whom. A phone
    /// that is still called then, he gave up on; with `waited` so he did before one was called.
    Left {
        waited: bool,
    },
    /// Of the leg that began the call: he was still there when the phones were given up.
    Stayed,
    /// Of the leg that began the call: he was gone when the phones were given up.
    GaveUp,
    /// He left a message.
    Message,
    /// He waits in a queue for the desk.
    Queued,
    /// A dialling of phones came to nothing.
    DialEnded {
        cause: Cause,
    },
    Recording {
        reference: String,
        id: Option<String>,
        starts_at: Option<Bounds>,
    },
}

/// A note: what was said of which leg, and who takes part as the delivery has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub leg: Option<String>,
    #[serde(default)]
    pub role: Role,
    /// The id of the call, as this delivery has it.
    pub call: Option<String>,
    /// Address of whoever the leg comes from.
    pub from: Option<String>,
    /// Address to which the leg goes.
    pub to: Option<String>,
    pub name: Option<String>,
    pub what: What,
}

/// When something happened: by the carrier's clock if it tells, else by ours.
#[derive(Debug, Clone, Copy)]
pub struct When {
    pub at: Bounds,
    pub clock: Clock,
}

impl When {
    /// The time that was told, else that of receipt.
    pub fn of(told_at: Option<Bounds>, received_at: Moment) -> Self {
        match told_at {
            Some(at) => Self { at, clock: Clock::Pbx },
            None => Self { at: Bounds::exact(received_at), clock: Clock::Receiver },
        }
    }
}

impl Said {
    /// The event that keeps this note with its call.
    pub fn noted(&self, adapter: &str, when: When, ties: Vec<Tie>) -> CallEvent {
        CallEvent {
            at: when.at,
            clock: when.clock,
            id: None,
            ties,
            leg: None,
            call: CallFacts::default(),
            kind: note(adapter, self),
        }
    }
}

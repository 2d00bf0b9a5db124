//! One party's connection to the phone system within a call.

use super::event::{Cause, Moment};
use serde::{Deserialize, Serialize};

/// A leg with the moments of its life. "Call leg" is the older SIP name of a dialog (RFC 3261 §6,
/// §12).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    pub id: String,
    /// The phone it goes to, where it is a phone of the house.
    pub extension: Option<String>,
    /// It goes to a front-desk extension.
    pub desk: bool,
    /// First sign of the leg: its phone cannot have rung before.
    pub created_at: Option<Moment>,
    /// First 180 (or 183 where that means ringing).
    pub alerting_at: Option<Moment>,
    /// The phone was picked up.
    pub picked_up_at: Option<Moment>,
    /// It could be heard by the caller.
    pub joined_at: Option<Moment>,
    pub ended_at: Option<Moment>,
    pub cause: Option<Cause>,
}

//! `fold`: the events of one call, in any order and with any repetition, become one [`Call`].

use super::event::{CallEvent, FeedGap, Moment};
use super::{Cadence, Call};

/// What the fold needs to know of the site, as it was when the call was offered.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRules {
    pub cadence: Cadence,
    /// Rings within which a person must answer (R1: three).
    pub ring_limit: u32,
    /// Time every ring from the first desk phone (default), or only from the phone that answered.
    pub timed: Timed,
    /// Extensions of the front desk: exact, or ending in `*`.
    pub desk: Vec<String>,
    /// Digits the desk dials first to get an outside line; taken off an outbound callee.
    pub outbound_prefix: String,
    /// A call with no event for this long is closed by rule, in seconds.
    pub silence_limit_s: i64,
}

/// Which alerting the three-ring rule counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timed {
    /// From the first desk leg's alerting.
    #[default]
    Desk,
    /// Only the alerting of the phone that answered.
    Phone,
}

/// Sorts events into calls: events that share a tie, directly or through others, belong together.
/// The groups come in order of their first event.
pub fn gather(_events: Vec<CallEvent>) -> Vec<Vec<CallEvent>> {
    Vec::new()
}

/// Folds the events of one call. `gaps` are the losses of its feed; `as_of` closes calls that have been
/// silent longer than the limit, and `None` closes none.
///
/// The same set of events gives the same call, whatever their order and however often each is repeated.
pub fn fold(
    _events: &[CallEvent],
    _gaps: &[FeedGap],
    _rules: &CallRules,
    _as_of: Option<Moment>,
) -> Option<Call> {
    None
}

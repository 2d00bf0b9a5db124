//! Where the sound of a call stands: expected, arriving, stored, verified, damaged or lost, and
//! since when (`semantics`: recordings).

use super::{Recording, State};
use crate::call::Call;
use crate::call::event::Moment;
use chrono::TimeDelta;
use serde::Serialize;

/// A state with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub state: State,
    /// When it came to this state.
    pub since: Moment,
}

/// Where the recording set of a call stands at `as_of`; nothing where none is owed and none came.
///
/// `arriving_since`: a file of this call is being written or fetched since then. `grace_s`: how
/// long after the call's end a recording may come before it counts as lost.
pub fn standing(
    call: &Call,
    set: &[Recording],
    arriving_since: Option<Moment>,
    as_of: Moment,
    grace_s: i64,
) -> Option<Standing> {
    let worst = set.iter().max_by_key(|one| (order(one.state), one.state_at));
    if let Some(worst) = worst {
        return Some(Standing { state: worst.state, since: worst.state_at });
    }
    let expected_since = expected_since(call)?;
    if let Some(since) = arriving_since {
        return Some(Standing { state: State::Arriving, since });
    }
    let lost_at = call.ended_at.map(|ended| ended + TimeDelta::seconds(grace_s));
    match lost_at.filter(|lost_at| *lost_at <= as_of) {
        Some(since) => Some(Standing { state: State::Lost, since }),
        None => Some(Standing { state: State::Expected, since: expected_since }),
    }
}

/// From when a recording is expected: the call was answered, or the phone system announced a file.
fn expected_since(call: &Call) -> Option<Moment> {
    let answered = call.joined.map(|at| at.earliest);
    let announced = call.recordings.iter().map(|one| one.starts_at).min();
    answered.into_iter().chain(announced).min()
}

/// Of a set the state that needs a look most speaks for all.
fn order(state: State) -> u8 {
    match state {
        State::Erased | State::Verified => 0,
        State::Stored => 1,
        State::Expected | State::Arriving => 2,
        State::Lost => 3,
        State::Damaged => 4,
    }
}

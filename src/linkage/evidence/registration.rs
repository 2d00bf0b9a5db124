//! Which calls a desk writes down: hang-ups and busy hours are left out more often.

use crate::linkage::compact::{Call, Leg};

/// Classes of calls that are registered alike.
pub const CLASSES: usize = 15;

/// Shares registered, class by class, before any row was seen.
pub const SHIPPED: [f64; CLASSES] =
    [0.65, 0.85, 0.92, 0.65, 0.8, 0.85, 0.6, 0.8, 0.85, 0.6, 0.8, 0.85, 0.35, 0.75, 0.1];

/// Calls begun within five minutes that make a crowd.
pub const CROWD: u8 = 5;

/// The class of a call: direction, length, crowd; or a leg of a transferred call; or unanswered.
pub fn class(call: &Call) -> usize {
    if !call.answered {
        return 14;
    }
    match call.leg {
        Leg::First(_) => return 12,
        Leg::Second(_) => return 13,
        Leg::Whole => {}
    }
    let length = match call.end - call.answer {
        ..8 => 0,
        8..20 => 1,
        _ => 2,
    };
    length + 3 * usize::from(call.out) + 6 * usize::from(call.crowd >= CROWD)
}

/// The class in words.
pub fn words(class: usize) -> &'static str {
    match class {
        12 => "passed on to another desk",
        13 => "taken over from another desk",
        14 => "not answered",
        _ if class.is_multiple_of(3) => "a call of seconds",
        _ if class >= 6 => "one of many at that time",
        _ if class >= 3 => "made by the desk",
        _ => "an ordinary call",
    }
}

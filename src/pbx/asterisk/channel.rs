//! Channels: what their names tell of a leg, and what numbers mean.

use crate::call::{Cause, JoinSight, LegFacts};

/// Technologies whose channels are lines to the outside, whatever their names.
const LINES: [&str; 4] = ["DAHDI", "Dahdi", "mISDN", "Khomp"];

/// The longest number of a phone of the house.
const EXTENSION_DIGITS_MAX: usize = 6;

/// The leg of a channel. `Local/…` channels are the phone system with itself: both halves are one
/// leg, behind which the real phone stands.
pub fn leg(id: &str, channel: &str) -> LegFacts {
    let mut leg = LegFacts { id: id.to_owned(), ..LegFacts::default() };
    let (technology, rest) = channel.split_once('/').unwrap_or(("", channel));
    if technology == "Local" {
        let halves = rest.rsplit_once(';').map_or(rest, |(both, _)| both);
        leg.id = format!("Local/{halves}");
        leg.internal_helper = true;
        return leg;
    }
    leg.was = Some(channel.to_owned()).filter(|name| !name.is_empty() && name != id);
    let endpoint = rest.rsplit_once('-').map_or(rest, |(endpoint, _)| endpoint);
    let digits = !endpoint.is_empty() && endpoint.bytes().all(|byte| byte.is_ascii_digit());
    if digits && endpoint.len() <= EXTENSION_DIGITS_MAX && !LINES.contains(&technology) {
        leg.extension = Some(endpoint.to_owned());
        leg.outside = Some(false);
    } else if !endpoint.is_empty() {
        leg.outside = Some(true);
    }
    leg.joins = JoinSight::Always;
    leg
}

/// Whether calls from outside begin in this dialplan context.
pub fn is_from_outside(context: &str) -> bool {
    ["from-trunk", "from-pstn", "from-did-direct", "ext-did"]
        .iter()
        .any(|known| context.starts_with(known))
}

/// Applications that take a message from the caller.
const MESSAGE_TAKERS: [&str; 3] = ["VoiceMail", "MinivmRecord", "Record"];

/// Whether an application takes a message from the caller.
pub fn takes_message(application: &str) -> bool {
    MESSAGE_TAKERS.contains(&application)
}

/// What a Q.850 cause says of a call nobody answered; nothing for ordinary and unspecific clearing.
pub fn said_by(cause: u64) -> Option<Cause> {
    Some(match cause {
        1..=3 | 20 => Cause::NoPhone,
        // No Q.850 cause: the phone system's own flag for hanging up because it shuts down.
        4 => Cause::Failed,
        17 => Cause::Busy,
        18 | 19 => Cause::NoAnswer,
        21 => Cause::Declined,
        22 | 27 | 28 => Cause::Unavailable,
        34 | 38 | 41 | 42 | 44 | 47 | 58 | 88 => Cause::Failed,
        _ => return None,
    })
}

/// What the outcome of a dial says of the dialled leg.
pub fn dial_outcome(status: &str) -> Option<Cause> {
    Some(match status {
        "CANCEL" => Cause::Abandoned,
        "NOANSWER" => Cause::NoAnswer,
        "BUSY" => Cause::Busy,
        "CHANUNAVAIL" => Cause::Unavailable,
        "CONGESTION" => Cause::Failed,
        "DONTCALL" => Cause::Declined,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_tells_phone_line_and_helper_apart() {
        let desk = leg("1.1", "PJSIP/8001-0000002a");
        assert_eq!((desk.extension.as_deref(), desk.outside), (Some("8001"), Some(false)));
        assert_eq!(leg("1.2", "PJSIP/my-trunk-00000001").outside, Some(true));
        assert_eq!(leg("1.3", "DAHDI/1-1").outside, Some(true));
        let (one, two) = (leg("1.4", "Local/8001@q-01;1"), leg("1.5", "Local/8001@q-01;2"));
        assert!(one.internal_helper && one.extension.is_none());
        assert_eq!(one.id, two.id);
    }
}

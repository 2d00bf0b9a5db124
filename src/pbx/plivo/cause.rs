//! Why a phone was not answered, from hang-up causes and states; the cause goes before the state.

use crate::call::Cause;
use crate::pbx::body::{Object, text};

/// The cause of a leg's end. `prefix` is that of the leg's fields: `DialBLeg`, or none.
pub fn leg_cause(fields: &Object, prefix: &str) -> Option<Cause> {
    let field = |name: &str| text(fields, &format!("{prefix}{name}"));
    let status = if prefix.is_empty() { field("CallStatus") } else { None };
    cause(field("HangupCause"), field("HangupCauseCode"), status)
}

/// The cause of a dial that nobody took.
pub fn dial_cause(fields: &Object, status: &str) -> Option<Cause> {
    let code = text(fields, "DialHangupCauseCode");
    cause(text(fields, "DialHangupCause"), code, Some(status)).or(Some(Cause::Failed))
}

fn cause(cause: Option<&str>, code: Option<&str>, status: Option<&str>) -> Option<Cause> {
    match (cause, code, status) {
        (Some("ORIGINATOR_CANCEL"), _, _) => Some(Cause::Abandoned),
        (Some("CALL_REJECTED"), _, _) => Some(Cause::Declined),
        (Some("USER_BUSY"), _, _) => Some(Cause::Busy),
        (Some("USER_NOT_REGISTERED" | "SUBSCRIBER_ABSENT"), _, _) => Some(Cause::NoPhone),
        (_, Some("2020"), _) => Some(Cause::NoPhone),
        (Some("NO_ANSWER" | "NO_USER_RESPONSE"), _, _) => Some(Cause::NoAnswer),
        // A phone that lost the race, or was cleared in the ordinary way, says nothing.
        (Some("LOSE_RACE"), _, _) => None,
        (_, _, Some("cancel")) => Some(Cause::Abandoned),
        (_, _, Some("busy")) => Some(Cause::Busy),
        (_, _, Some("no-answer" | "timeout")) => Some(Cause::NoAnswer),
        (None | Some("NORMAL_CLEARING"), _, None | Some("completed")) => None,
        _ => Some(Cause::Failed),
    }
}

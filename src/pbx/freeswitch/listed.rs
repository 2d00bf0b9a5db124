//! A row of the list of channels, the answer to who is alive after a gap: a sign of life, and
//! nothing more exact.

use crate::call::{Bounds, CallEvent, CallFacts, Clock, EventKind, JoinSight, LegFacts, Tie};
use crate::party::PersonName;
use crate::pbx::body::{self, Object};
use crate::pbx::{Delivery, Reading, Refusal, number};

/// Columns by which a row is known, besides its first.
const COLUMNS: [&str; 2] = ["callstate", "created_epoch"];
/// Longest row that is looked at.
const BYTES_MAX: usize = 64 << 10;
/// States of a channel that is over and only not yet cleared away.
const OVER: [&str; 3] = ["HANGUP", "CS_REPORTING", "CS_DESTROY"];

/// What a delivery says, if it is such a row.
pub fn row(delivery: &Delivery) -> Option<Result<Reading, Refusal>> {
    // A look at the bytes first: every event of a feed passes here.
    let bytes = delivery.body.get(..delivery.body.len().min(BYTES_MAX))?;
    let begins = bytes.trim_ascii_start().starts_with(b"{\"uuid\"");
    let row = begins.then(|| body::json_object(delivery).ok()).flatten()?;
    let is_row = COLUMNS.iter().all(|name| row.contains_key(*name));
    is_row.then(|| reading(&row, delivery))
}

fn reading(row: &Object, delivery: &Delivery) -> Result<Reading, Refusal> {
    let missing = || Refusal::NotUnderstood("`uuid` of a listed channel is no text".into());
    let id = body::text(row, "uuid").ok_or_else(missing)?;
    let states = [body::text(row, "callstate"), body::text(row, "state")];
    if states.into_iter().flatten().any(|state| OVER.contains(&state)) {
        return Ok(Reading::default());
    }
    let dialled = body::text(row, "direction").map(|direction| direction == "outbound");
    let parent = body::text(row, "call_uuid").filter(|call| *call != id && dialled == Some(true));
    let numbers =
        if dialled == Some(true) { ["callee_num", "dest"] } else { ["cid_num", "cid_num"] };
    let known_as = numbers.iter().find_map(|name| body::text(row, name));
    let known = |name: &str| body::text(row, name).and_then(number);
    let leg = LegFacts {
        id: id.to_owned(),
        originator: parent.is_none(),
        parent: parent.map(str::to_owned),
        dialled,
        joins: JoinSight::Sound,
        known_as: known_as.map(str::to_owned).into_iter().collect(),
        from: known("initial_cid_num").or_else(|| known("cid_num")),
        to: known("initial_dest").or_else(|| known("dest")),
        ..LegFacts::default()
    };
    let mut ties = vec![Tie::Leg(id.to_owned()), Tie::Call(parent.unwrap_or(id).to_owned())];
    ties.extend(parent.map(|parent| Tie::Leg(parent.to_owned())));
    let name = body::text(row, "initial_cid_name").filter(|_| parent.is_none());
    let caller_name = name.and_then(PersonName::known);
    let event = CallEvent {
        at: Bounds::exact(delivery.received_at),
        clock: Clock::Receiver,
        id: None,
        ties,
        leg: Some(leg),
        call: CallFacts { caller_name, ..CallFacts::default() },
        kind: EventKind::Unknown { name: "listed".into() },
    };
    Ok(Reading { events: vec![event], ..Reading::default() })
}

//! W: call control events, with the participant that the connector read for each. They carry no
//! time.

use super::super::settle::{Desk, Telling};
use super::text;
use crate::call::{
    Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, LegFacts, Moment, Tie,
};
use crate::pbx::{body::Object, number};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A party that is a phone of the house.
const HOUSE: &str = "Wextension";

/// Numbers of calls and participants begin anew when the PBX starts: they stand for one call within
/// a window, and windows overlap so that what is twelve hours apart shares one.
const WINDOW_H: i64 = 14;
const STEP_H: i64 = 2;

/// A state of one phone's part in a call; without one the part is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    entity: String,
    phone: String,
    part: Option<Part>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Part {
    call: i64,
    status: String,
    party_type: String,
    party: String,
    did: String,
}

/// Reads one message; nothing for those about something else than a phone's part in a call.
///
/// # Errors
/// A sentence that names the field at fault.
pub fn read(object: &Object) -> Result<Option<State>, String> {
    let event = object.get("event").and_then(Value::as_object).ok_or("`event` is no object")?;
    let entity = event.get("entity").and_then(Value::as_str).ok_or("`event.entity` is no text")?;
    let kind = event.get("event_type").and_then(Value::as_i64);
    let kind = kind.ok_or("`event.event_type` is no whole number")?;
    let path: Vec<&str> = entity.trim_matches('/').split('/').collect();
    let ["callcontrol", phone, "participants", _] = path.as_slice() else { return Ok(None) };
    let state = |part| State { entity: entity.to_owned(), phone: (*phone).to_owned(), part };
    match kind {
        1 => return Ok(Some(state(None))),
        0 => {}
        _ => return Ok(None),
    }
    let attached = event.get("attached_data").and_then(Value::as_object);
    let part = attached.or_else(|| object.get("participant")?.as_object());
    let part = part.ok_or("`participant` is no object: the connector read none")?;
    let status = text(part, "status");
    if status.is_empty() {
        return Err("`participant.status` is no text".into());
    }
    let call = part.get("callid").and_then(Value::as_i64);
    Ok(Some(state(Some(Part {
        call: call.ok_or("`participant.callid` is no whole number")?,
        status,
        party_type: text(part, "party_dn_type"),
        party: text(part, "party_caller_id"),
        did: text(part, "party_did"),
    }))))
}

impl State {
    /// What ties it to its call.
    pub fn ties(&self, received_at: Moment) -> Vec<Tie> {
        let hour = received_at.timestamp().div_euclid(3600);
        let mut names = vec![self.entity.clone()];
        names.extend(self.part.as_ref().map(|part| format!("call {}", part.call)));
        let windows =
            (0..WINDOW_H / STEP_H).map(|step| (hour + step * STEP_H).div_euclid(WINDOW_H));
        let windows: Vec<(i64, i64)> = (0..).zip(windows).collect();
        let tie = |name: &String| -> Vec<Tie> {
            windows.iter().map(|(step, at)| Tie::Leg(format!("{name} @{step}.{at}"))).collect()
        };
        names.iter().flat_map(tie).collect()
    }

    fn is(&self, status: &str) -> bool {
        self.part.as_ref().is_some_and(|part| part.status.eq_ignore_ascii_case(status))
    }

    fn with_house(&self) -> bool {
        self.part.as_ref().is_some_and(|part| part.party_type.eq_ignore_ascii_case(HOUSE))
    }

    fn leg(&self) -> LegFacts {
        LegFacts {
            id: self.entity.clone(),
            extension: Some(self.phone.clone()),
            rang_before: true,
            ..LegFacts::default()
        }
    }
}

/// The states of one call as events.
pub fn settled(states: &[(Bounds, State)], desk: Desk<'_>) -> Vec<CallEvent> {
    let first = states.iter().find_map(|(at, state)| Some((*at, state.part.as_ref()?)));
    let Some((began, first)) = first else { return Vec::new() };
    let mut telling = Telling::of(&first.call.to_string(), Clock::Receiver);
    let at_desk: Vec<&(Bounds, State)> =
        states.iter().filter(|(_, state)| desk.has(&state.phone)).collect();
    let direction = direction(&at_desk);
    telling.facts(began, facts(&at_desk, direction));
    for (at, state) in states.iter().filter(|(_, state)| state.part.is_some()) {
        if state.is("Ringing") {
            telling.leg(*at, &state.leg(), EventKind::Alerting);
        } else if state.is("Connected") {
            telling.leg(*at, &state.leg(), EventKind::Joined);
        }
    }
    let over = |entity: &str| {
        states.iter().any(|(_, state)| state.entity == entity && state.part.is_none())
    };
    let answered = at_desk.iter().find(|(_, state)| state.is("Connected"));
    let ended = match answered {
        Some((_, state)) => over(&state.entity),
        None => {
            let all = if at_desk.is_empty() { states.iter().collect() } else { at_desk.clone() };
            all.iter().all(|(_, state)| over(&state.entity))
        }
    };
    let last = states.iter().rfind(|(_, state)| state.part.is_none());
    if let Some((at, _)) = last.filter(|_| ended) {
        let cause = (answered.is_none() && !at_desk.is_empty()).then_some(Cause::NoAnswer);
        telling.call(*at, EventKind::Ended { cause });
    }
    telling.events
}

fn direction(states: &[&(Bounds, State)]) -> Direction {
    let any = |status: &str, with_house: bool| {
        let fits = |state: &State| state.is(status) && state.with_house() == with_house;
        states.iter().any(|(_, state)| fits(state))
    };
    if any("Ringing", false) {
        Direction::Inbound
    } else if any("Dialing", false) {
        Direction::Outbound
    } else if any("Dialing", true) || any("Ringing", true) || any("Connected", true) {
        Direction::Internal
    } else {
        Direction::Inbound
    }
}

fn facts(states: &[&(Bounds, State)], direction: Direction) -> CallFacts {
    let told = |status: Option<&str>, field: fn(&Part) -> &str| {
        let parts = states.iter().filter(|(_, state)| status.is_none_or(|status| state.is(status)));
        let mut texts = parts.filter_map(|(_, state)| state.part.as_ref()).map(field);
        texts.find(|text| !text.is_empty()).and_then(number)
    };
    let dialling = states.iter().find(|(_, state)| state.is("Dialing"));
    let (caller, callee) = match (direction, dialling) {
        (Direction::Inbound, _) | (_, None) => {
            (told(Some("Ringing"), |part| &part.party), told(None, |part| &part.did))
        }
        (_, Some((_, state))) => (number(&state.phone), told(Some("Dialing"), |part| &part.party)),
    };
    let caller = caller.or_else(|| match direction {
        Direction::Inbound => told(None, |part| &part.party),
        _ => None,
    });
    CallFacts { direction: Some(direction), caller, callee, ..CallFacts::default() }
}

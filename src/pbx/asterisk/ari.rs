//! ARI events. They carry no id of the whole call: legs are tied by dials and bridges.

use super::ami::{dial_end, dial_state};
use super::channel::{leg, said_by};
use super::{Object, base_name, text};
use crate::call::{Bounds, CallEvent, CallFacts, Cause, Clock, EventKind, LegFacts, Moment, Tie};
use crate::party::{PersonName, PhoneNumber};
use crate::pbx::{Delivery, Reading, Refusal, number, time};
use chrono::DateTime;
use serde_json::Value;

/// One ARI event. Those that say nothing of calls give none.
pub fn event(object: &Object, delivery: &Delivery) -> Result<Reading, Refusal> {
    let at = match text(object, "timestamp") {
        None => (delivery.received_at, Clock::Receiver),
        Some(written) => (timestamp(written)?, Clock::Pbx),
    };
    let mut reading = Reading::default();
    let Some(name) = text(object, "type") else {
        return Err(Refusal::NotUnderstood("`type` is no text".into()));
    };
    match name {
        "Dial" => reading.events.extend(dial(object, at)),
        "ChannelDestroyed" => reading.events.extend(destroyed(object, at)),
        _ => reading.events.extend(about_channel(name, object, at)),
    }
    Ok(reading)
}

/// Whether it is an item of ARI's lists of channels and bridges.
pub fn is_listed(object: &Object) -> bool {
    let of_list = object.contains_key("creationtime") || object.contains_key("bridge_type");
    of_list && object.contains_key("id") && !object.contains_key("type")
}

/// The answer to who is alive, after a gap: a sign of life, and nothing more exact. Bridges show
/// which channels belong together.
pub fn listed(object: &Object, delivery: &Delivery) -> Result<Reading, Refusal> {
    let at = (delivery.received_at, Clock::Receiver);
    let event = match object.get("channels").and_then(Value::as_array) {
        Some(channels) => alive_together(object, channels, at),
        None => Some(alive(object, at).ok_or_else(|| {
            Refusal::NotUnderstood("`id` and `name` of a listed channel are no text".into())
        })?),
    };
    Ok(Reading { events: event.into_iter().collect(), ..Reading::default() })
}

fn alive(channel: &Object, at: (Moment, Clock)) -> Option<CallEvent> {
    let kind = EventKind::Unknown { name: "listed".into() };
    let leg = leg_of(channel)?;
    match text(channel, "state") {
        Some("Ring") => Some(CallEvent { kind, ..began(channel, leg, at)? }),
        _ => Some(plain(at, leg, kind, tie(channel))),
    }
}

fn alive_together(bridge: &Object, channels: &[Value], at: (Moment, Clock)) -> Option<CallEvent> {
    let holding = text(bridge, "technology") == Some("holding_bridge");
    if holding || channels.is_empty() {
        return None;
    }
    let legs = channels.iter().filter_map(Value::as_str).map(|id| Tie::Leg(id.to_owned()));
    let ties = legs.chain(text(bridge, "id").map(|id| Tie::Bridge(id.to_owned()))).collect();
    let (at, clock) = (Bounds::exact(at.0), at.1);
    let kind = EventKind::Unknown { name: "listed".into() };
    Some(CallEvent { at, clock, id: None, ties, leg: None, call: CallFacts::default(), kind })
}

/// `2026-11-23T18:43:25.249+0800`: no RFC 3339, for want of a colon in the offset.
fn timestamp(written: &str) -> Result<Moment, Refusal> {
    let at = DateTime::parse_from_str(written, "%Y-%m-%dT%H:%M:%S%.f%z");
    time::required(at.ok().map(|at| at.to_utc()), "timestamp", written)
}

fn object_of<'a>(object: &'a Object, name: &str) -> Option<&'a Object> {
    object.get(name)?.as_object()
}

fn leg_of(channel: &Object) -> Option<LegFacts> {
    Some(leg(text(channel, "id")?, text(channel, "name")?))
}

fn plain(
    at: (Moment, Clock),
    leg: LegFacts,
    kind: EventKind,
    others: impl IntoIterator<Item = Tie>,
) -> CallEvent {
    let mut ties = vec![Tie::Leg(leg.id.clone())];
    ties.extend(others);
    let call = CallFacts::default();
    CallEvent { at: Bounds::exact(at.0), clock: at.1, id: None, ties, leg: Some(leg), call, kind }
}

/// The id of a channel as a tie; of a helper this is not the id of its leg.
fn tie(channel: &Object) -> Option<Tie> {
    text(channel, "id").map(|id| Tie::Leg(id.to_owned()))
}

fn about_channel(name: &str, object: &Object, at: (Moment, Clock)) -> Option<CallEvent> {
    let channel = object_of(object, "channel")?;
    let leg = leg_of(channel)?;
    let state = text(channel, "state").unwrap_or_default();
    let own = tie(channel);
    let kind = match name {
        "ChannelCreated" if state == "Ring" => return began(channel, leg, at),
        "ChannelCreated" => EventKind::LegCreated,
        "ChannelStateChange" if state == "Ringing" => EventKind::Alerting,
        "ChannelStateChange" if state == "Up" => EventKind::PickedUp,
        "ChannelEnteredBridge" | "ChannelLeftBridge" => return bridged(name, object, leg, at),
        "ChannelHangupRequest" => EventKind::LegEnded { cause: Some(gave_up(object, channel)?) },
        "ChannelVarset" if text(object, "variable") == Some("MIXMONITOR_FILENAME") => {
            let reference = base_name(text(object, "value")?).to_owned();
            EventKind::RecordingAnnounced { reference, starts_at: None }
        }
        _ => return None,
    };
    Some(plain(at, leg, kind, own))
}

/// A channel that comes into being in the state `Ring` began a call, which is named after it.
fn began(channel: &Object, mut leg: LegFacts, at: (Moment, Clock)) -> Option<CallEvent> {
    leg.originator = !leg.internal_helper;
    let id = text(channel, "id")?.to_owned();
    let caller = object_of(channel, "caller");
    let call = CallFacts {
        direction: None,
        caller: caller.and_then(|caller| text(caller, "number")).and_then(number),
        caller_name: caller.and_then(|caller| text(caller, "name")).and_then(PersonName::known),
        callee: object_of(channel, "dialplan")
            .and_then(|dialplan| text(dialplan, "exten"))
            .and_then(PhoneNumber::known),
    };
    let event = plain(at, leg, EventKind::Offered, [Tie::Leg(id.clone()), Tie::Call(id)]);
    Some(CallEvent { call, ..event })
}

/// A holding bridge keeps strangers: it ties nobody.
fn bridged(name: &str, object: &Object, leg: LegFacts, at: (Moment, Clock)) -> Option<CallEvent> {
    let own = object_of(object, "channel").and_then(tie);
    let bridge = object_of(object, "bridge")?;
    let id = text(bridge, "id")?.to_owned();
    let holding = text(bridge, "technology") == Some("holding_bridge");
    let shared = (!holding).then(|| Tie::Bridge(id.clone()));
    let kind = match name {
        "ChannelEnteredBridge" => EventKind::BridgeEntered { bridge: id },
        _ => EventKind::BridgeLeft { bridge: id },
    };
    Some(plain(at, leg, kind, own.into_iter().chain(shared)))
}

/// Why a channel is being hung up, where that is told: by its cause, or because the caller left the
/// queue. A *soft* request is the phone system clearing up after itself, and tells something only
/// when it shuts down.
fn gave_up(object: &Object, channel: &Object) -> Option<Cause> {
    let said = object.get("cause").and_then(Value::as_u64).and_then(said_by);
    if object.get("soft").and_then(Value::as_bool) == Some(true) {
        return said.filter(|cause| *cause == Cause::Failed);
    }
    let waiting =
        object_of(channel, "dialplan").and_then(|at| text(at, "app_name")) == Some("Queue");
    said.or(waiting.then_some(Cause::Abandoned))
}

fn dial(object: &Object, at: (Moment, Clock)) -> Option<CallEvent> {
    let peer = object_of(object, "peer")?;
    let ties = [object_of(object, "caller").and_then(tie), tie(peer)];
    let kind = match text(object, "dialstatus") {
        None => EventKind::LegCreated,
        Some(status) => dial_state(status).unwrap_or_else(|| dial_end(status)),
    };
    Some(plain(at, leg_of(peer)?, kind, ties.into_iter().flatten()))
}

/// The end of a channel is the end of its leg, and of the call if it began the call: which of the
/// two is for the fold to see.
fn destroyed(object: &Object, at: (Moment, Clock)) -> Vec<CallEvent> {
    let Some(channel) = object_of(object, "channel") else { return Vec::new() };
    let Some(leg) = leg_of(channel) else { return Vec::new() };
    let cause = object.get("cause").and_then(Value::as_u64).and_then(said_by);
    let kinds = [EventKind::LegEnded { cause }, EventKind::Ended { cause }];
    kinds.map(|kind| plain(at, leg.clone(), kind, tie(channel))).into()
}

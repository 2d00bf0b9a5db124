//! Webhooks of a dialplan: fields as sites write them. They tell the pick-up but no join, and a
//! moment before the ringing but not the ringing.

use super::channel::{dial_outcome, leg, said_by};
use super::{Object, base_name, text};
use crate::call::{
    Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, JoinSight, LegFacts, Tie,
};
use crate::party::{PersonName, PhoneNumber};
use crate::pbx::{Delivery, Dialect, Reading, Refusal, number, time};
use crate::recording::Hints;
use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone};

/// One hook. Hooks that name no call cannot be read.
pub fn event(
    object: &Object,
    delivery: &Delivery,
    dialect: &Dialect<'_>,
) -> Result<Reading, Refusal> {
    let (at, clock) = when(object, delivery, dialect)?;
    // A form with a file in it may leave out that it announces a recording.
    let unsaid = if object.contains_key("event") { "" } else { "recording" };
    let name = text(object, "event").unwrap_or(unsaid);
    let Some(id) = text(object, "uniqueid").or(text(object, "linkedid")) else {
        let why = "neither `uniqueid` nor `linkedid` says which call it is";
        return Err(Refusal::NotUnderstood(why.into()));
    };
    let linked = text(object, "linkedid").unwrap_or(id);
    let mut leg = leg(id, text(object, "channel").unwrap_or_default());
    leg.joins = JoinSight::Never;
    leg.originator = id == linked;
    let kind = kind(name, object, &leg);
    let call = if leg.originator { call(name, object, &leg) } else { CallFacts::default() };
    let mut ties = vec![Tie::Leg(id.to_owned())];
    ties.extend(text(object, "linkedid").map(|linked| Tie::Call(linked.to_owned())));
    ties.extend(picked_up_ties(name, object));
    let recordings = if name == "recording" { vec![hints(object, linked)] } else { Vec::new() };
    let mut events = vec![CallEvent { at, clock, id: None, ties, leg: Some(leg), call, kind }];
    if name == "hangup" {
        let more = [recorded(object, &events[0]), talked(object, &events[0])];
        events.extend(more.into_iter().flatten());
    }
    Ok(Reading { events, recordings, ..Reading::default() })
}

fn kind(name: &str, object: &Object, leg: &LegFacts) -> EventKind {
    match name {
        "incoming" | "outgoing" => EventKind::Offered,
        "ring" if !leg.originator => EventKind::LegCreated,
        "answer" if leg.outside == Some(false) || !leg.originator => EventKind::PickedUp,
        "hangup" => EventKind::Ended { cause: cause(object) },
        "recording" => match text(object, "file") {
            Some(file) => EventKind::RecordingAnnounced {
                reference: base_name(file).to_owned(),
                starts_at: None,
            },
            None => EventKind::Unknown { name: name.to_owned() },
        },
        other => EventKind::Unknown { name: other.to_owned() },
    }
}

/// What the caller's hooks say of the call. A hook on the desk's own channel names the desk as
/// caller.
fn call(name: &str, object: &Object, leg: &LegFacts) -> CallFacts {
    let direction = match (name, leg.outside) {
        ("incoming", _) => Some(Direction::Inbound),
        ("outgoing", _) => Some(Direction::Outbound),
        _ => None,
    };
    CallFacts {
        direction,
        caller: text(object, "caller").and_then(number),
        caller_name: text(object, "callername").and_then(PersonName::known),
        callee: text(object, "did").and_then(PhoneNumber::known),
    }
}

/// Why nobody answered, as far as the hang-up tells. `CANCEL` without a cause may be the caller or
/// a restart of the phone system: it says nothing.
fn cause(object: &Object) -> Option<Cause> {
    let number = text(object, "hangupcause").and_then(|cause| cause.parse::<u64>().ok());
    let said = number.and_then(said_by);
    let status = text(object, "dialstatus").and_then(dial_outcome);
    match (said, status) {
        (_, Some(Cause::Abandoned)) if number.is_none_or(|cause| cause == 0) => None,
        (_, Some(Cause::Abandoned)) => Some(Cause::Abandoned),
        (Some(said), Some(_)) => Some(said),
        (None, status) => status,
        (Some(said), None) if text(object, "dialstatus").is_none() => Some(said),
        (Some(_), None) => None,
    }
}

/// The hang-up names the file shortly before it is finished.
fn recorded(object: &Object, hangup: &CallEvent) -> Option<CallEvent> {
    let reference = base_name(text(object, "recording")?).to_owned();
    let kind = EventKind::RecordingAnnounced { reference, starts_at: None };
    Some(CallEvent { kind, call: CallFacts::default(), leg: None, ..hangup.clone() })
}

/// For how long the dialled phone was connected.
fn talked(object: &Object, hangup: &CallEvent) -> Option<CallEvent> {
    let talk_ms = text(object, "answeredtime_ms")?.parse().ok()?;
    let kind = EventKind::TalkReported { talk_ms };
    Some(CallEvent { kind, call: CallFacts::default(), leg: None, ..hangup.clone() })
}

/// A phone that takes a call ringing elsewhere has an id of its own, which nothing shares with that
/// call but the channel's name. Names begin again after a restart, so the second of the answer
/// belongs to the tie; the hook runs shortly before the record's answer time, perhaps in the second
/// before.
fn picked_up_ties(name: &str, object: &Object) -> Vec<Tie> {
    let format = "%Y-%m-%d %H:%M:%S";
    let tie =
        |channel: &str, at: NaiveDateTime| Tie::Leg(format!("{channel} {}", at.format(format)));
    let (channel, written) = match name {
        "answer" => (text(object, "channel"), text(object, "time")),
        "hangup" => (text(object, "dialedpeername"), text(object, "cdr_answer")),
        _ => return Vec::new(),
    };
    let at = written.and_then(|at| NaiveDateTime::parse_from_str(at, "%Y-%m-%d %H:%M:%S%.f").ok());
    let (Some(channel), Some(at)) = (channel, at) else { return Vec::new() };
    let later = at.checked_add_signed(TimeDelta::seconds(1)).filter(|_| name == "answer");
    [Some(at), later].into_iter().flatten().map(|at| tie(channel, at)).collect()
}

fn hints(object: &Object, linked: &str) -> Hints {
    Hints {
        name: base_name(text(object, "file").unwrap_or_default()).to_owned(),
        call_id: Some(linked.to_owned()),
        ..Hints::default()
    }
}

/// Local time with milliseconds where it is there; whole epoch seconds are bounds; else the receive
/// time.
fn when(
    object: &Object,
    delivery: &Delivery,
    dialect: &Dialect<'_>,
) -> Result<(Bounds, Clock), Refusal> {
    if let Some(written) = text(object, "time") {
        let local = NaiveDateTime::parse_from_str(written, "%Y-%m-%d %H:%M:%S%.f");
        let at = local.ok().and_then(|local| dialect.zone.from_local_datetime(&local).earliest());
        let at = time::required(at.map(|at| at.to_utc()), "time", written)?;
        return Ok((Bounds::exact(at), Clock::Pbx));
    }
    let written = text(object, "epoch").unwrap_or_default();
    let Ok(epoch) = written.parse() else {
        return Ok((Bounds::exact(delivery.received_at), Clock::Receiver));
    };
    let at = time::required(DateTime::from_timestamp(epoch, 0), "epoch", written)?;
    Ok((time::whole_second(at), Clock::Pbx))
}

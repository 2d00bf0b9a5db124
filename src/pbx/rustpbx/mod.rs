//! rustpbx: live events, a record at the end and the recording itself, three pushes of which the
//! record outweighs the events. Which of them counts shows only when all lies together.

mod settle;

use super::address::party;
use super::settle::{Desk, note};
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, multipart, signature};
use crate::call::{Bounds, CallEvent, CallFacts, Clock, Moment, Tie};
use crate::recording::Hints;
use body::{Object, text};
use chrono::{DateTime, SubsecRound};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The dialect of rustpbx.
pub struct Rustpbx;

const NAME: &str = "rustpbx";

/// One delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Seen {
    /// The leg.
    call: String,
    /// The call: the id of its first leg.
    session: Option<String>,
    what: What,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum What {
    Event(Event),
    Record(Box<Record>),
    /// The recording itself, under this name.
    File(String),
}

/// A live event.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Event {
    kind: String,
    caller: Option<String>,
    callee: Option<String>,
    direction: Option<String>,
    /// The user that a queue offered the call to.
    agent: Option<String>,
    reason: Option<String>,
    sip_status: Option<i64>,
    recording: Option<String>,
}

/// The record of a leg, written when it was over.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    ring: Option<Moment>,
    answer: Option<Moment>,
    end: Option<Moment>,
    caller: Option<String>,
    caller_name: Option<String>,
    /// What was dialled, before any routing.
    callee: Option<String>,
    direction: Option<String>,
    reason: Option<String>,
    sip_status: Option<i64>,
    /// Users whose phones were picked up.
    answered_by: Vec<String>,
    /// A menu or queue had the caller.
    application: bool,
    message: bool,
    /// No phone was registered.
    offline: bool,
    recording: Option<String>,
    tracks: Vec<String>,
}

impl Pbx for Rustpbx {
    fn name(&self) -> &'static str {
        NAME
    }

    fn sample(&self) -> &'static str {
        include_str!("../../../tests/pbx/rustpbx/answered.deliveries.jsonl")
    }

    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        signature::bearer(delivery, secret)
    }

    /// It gives none: a repeat is known by its body, or by saying the same.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, _: &Dialect<'_>) -> Result<Reading, Refusal> {
        let kind = delivery.header("content-type").unwrap_or_default();
        if kind.to_ascii_lowercase().starts_with("multipart/form-data") {
            return form(delivery, kind);
        }
        event(&body::json_object(delivery)?)
    }

    /// What a recording is answered with becomes its address; of none it takes that of the hook.
    fn reply(&self, delivery: &Delivery, _: &Dialect<'_>) -> Option<String> {
        let kind = delivery.header("content-type").unwrap_or_default();
        kind.to_ascii_lowercase().starts_with("multipart/").then(String::new)
    }

    fn settle(&self, notes: &[&CallEvent], desk: Desk<'_>) -> Vec<CallEvent> {
        settle::settle(notes, desk)
    }
}

fn not_understood<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::NotUnderstood(why.into()))
}

/// Whether an event of this kind is about a call, and not one that an addition of the vendor sends.
fn is_known(kind: &str) -> bool {
    const CALL: [&str; 9] = [
        "call_created",
        "call_ringing",
        "call_answered",
        "call_hangup",
        "call_transferred",
        "call_transfer_accepted",
        "call_transfer_failed",
        "recording_metadata_available",
        "record_end",
    ];
    CALL.contains(&kind) || is_application(kind)
}

/// Whether an event of this kind shows that a menu or queue has the caller.
fn is_application(kind: &str) -> bool {
    kind.starts_with("queue_") || kind.starts_with("ivr_")
}

/// An envelope with one event.
fn event(envelope: &Object) -> Result<Reading, Refusal> {
    let registration = envelope.get("event").is_some_and(Value::is_string);
    if registration && !envelope.contains_key("event_type") {
        return Ok(Reading::default());
    }
    let kind = body::required(envelope, "event_type")?;
    if !is_known(kind) {
        return Ok(Reading::default());
    }
    let nothing = Object::new();
    let event = envelope.get("event").and_then(Value::as_object).unwrap_or(&nothing);
    let call = text(event, "call_id").map_or_else(|| body::required(envelope, "call_id"), Ok)?;
    let Some(at) = envelope.get("timestamp").and_then(timestamp) else {
        return not_understood("`timestamp` is neither an RFC 3339 time nor epoch seconds");
    };
    let own = |name| text(event, name).map(str::to_owned);
    let told = |number, address| {
        text(event, number).or_else(|| text(event, address)).and_then(party).map(str::to_owned)
    };
    let metadata = event.get("metadata").and_then(Value::as_object);
    let seen = Event {
        kind: kind.to_owned(),
        caller: told("caller_name", "caller"),
        callee: told("callee_name", "callee"),
        direction: own("direction"),
        agent: text(event, "agent_id").and_then(party).map(str::to_owned),
        reason: own("reason"),
        sip_status: body::integer(event, "sip_status"),
        recording: match kind {
            "record_end" => own("url"),
            "recording_metadata_available" => {
                metadata.and_then(|metadata| text(metadata, "download_url")).map(str::to_owned)
            }
            _ => None,
        },
    };
    let recordings = seen.recording.iter().map(|path| hints(path, call)).collect();
    Ok(reading(call, own("session_id"), at, Clock::Pbx, What::Event(seen), recordings))
}

/// RFC 3339 text is exact; a number is whole epoch seconds, as the reference has it.
fn timestamp(value: &Value) -> Option<Bounds> {
    match value {
        Value::String(text) => moment(text).map(Bounds::exact),
        Value::Number(seconds) => super::time::epoch_s(seconds.as_i64()?),
        _ => None,
    }
}

fn moment(text: &str) -> Option<Moment> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    super::time::is_of_a_call(at).then(|| at.trunc_subsecs(3))
}

/// A form: the record as its one field, or the recording.
fn form(delivery: &Delivery, kind: &str) -> Result<Reading, Refusal> {
    let parts = multipart::parts(kind, &delivery.body).map_err(Refusal::NotUnderstood)?;
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    if let Some(record) = part("calllog.json") {
        let text = String::from_utf8_lossy(record.body);
        return match serde_json::from_str(&text) {
            Ok(Value::Object(object)) => self::record(&object, delivery.received_at),
            Ok(_) => not_understood("`calllog.json` is no object"),
            Err(error) => not_understood(format!("`calllog.json` is no JSON: {error}")),
        };
    }
    let Some(file) = part("recording") else {
        return not_understood("the form has neither `calllog.json` nor `recording`");
    };
    let call = part("call_id").map(|part| String::from_utf8_lossy(part.body).trim().to_owned());
    let Some(call) = call.filter(|call| !call.is_empty()) else {
        return not_understood("the form has no `call_id`");
    };
    let name = file.file_name.clone().unwrap_or_else(|| format!("{call}.wav"));
    let recordings = vec![hints(&name, &call)];
    let at = Bounds::exact(delivery.received_at);
    Ok(reading(&call, None, at, Clock::Receiver, What::File(name), recordings))
}

fn record(object: &Object, received_at: Moment) -> Result<Reading, Refusal> {
    let call = body::required(object, "callId")?;
    let own = |name| text(object, name).map(str::to_owned);
    let time = |name| text(object, name).and_then(moment);
    let within = |outer: &'static str, name: &str| {
        object.get(outer)?.as_object().and_then(|inner| text(inner, name))
    };
    let caller = text(object, "fromNumber").or_else(|| text(object, "caller"));
    let dialled = within("rewrite", "calleeOriginal").or_else(|| text(object, "callee"));
    let trace = object.get("metadata").and_then(|metadata| metadata.get("trace"));
    let trace: Vec<&Value> = trace.and_then(Value::as_array).into_iter().flatten().collect();
    let has = |kinds: &[&str]| {
        let kind = |step: &&&Value| step["kind"].as_str().is_some_and(|kind| kinds.contains(&kind));
        trace.iter().any(|step| kind(&step))
    };
    let (ring, answer) = (time("ringTime"), time("answerTime"));
    let before_ringing = ring.zip(answer).is_some_and(|(ring, answer)| answer < ring);
    let seen = Record {
        ring,
        answer,
        end: time("endTime"),
        caller: caller.and_then(party).map(str::to_owned),
        caller_name: own("callerName"),
        callee: dialled.or_else(|| text(object, "toNumber")).and_then(party).map(str::to_owned),
        direction: own("direction"),
        reason: own("hangupReason"),
        sip_status: body::integer(object, "statusCode"),
        answered_by: trace.iter().filter_map(|step| picked_up(step)).collect(),
        application: text(object, "queue").is_some() || has(&["ivr", "queue"]) || before_ringing,
        message: has(&["voicemail"]),
        offline: within("metadata", "error_code") == Some("proxy.callee_offline"),
        recording: own("recordingUrl"),
        tracks: tracks(object),
    };
    let began = time("startTime").or(seen.ring).or(seen.answer).or(seen.end);
    let clock = if began.is_some() { Clock::Pbx } else { Clock::Receiver };
    let at = Bounds::exact(began.unwrap_or(received_at));
    let recordings = seen.recording.iter().map(|path| hints(path, call)).collect();
    let what = What::Record(Box::new(seen));
    Ok(reading(call, own("sessionId"), at, clock, what, recordings))
}

/// The user whose phone a step of the trace says was picked up. An `answer` without a callee is the
/// phone system's own.
fn picked_up(step: &Value) -> Option<String> {
    let detail = step["detail"].as_object().filter(|_| step["kind"] == "answer")?;
    let callee = text(detail, "callee").and_then(party)?;
    Some(text(detail, "agent_id").and_then(party).unwrap_or(callee).to_owned())
}

/// Paths of the recorded tracks; one holds no sound but the signalling.
fn tracks(object: &Object) -> Vec<String> {
    let tracks = object.get("recorder").and_then(Value::as_array).into_iter().flatten();
    let sound = tracks.filter(|track| track["trackId"] != "signaling");
    sound.filter_map(|track| text(track.as_object()?, "path")).map(str::to_owned).collect()
}

fn hints(path: &str, call: &str) -> Hints {
    let name = base_name(path).to_owned();
    Hints { name, call_id: Some(call.to_owned()), ..Hints::default() }
}

/// The last part of a path or address.
fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn reading(
    call: &str,
    session: Option<String>,
    at: Bounds,
    clock: Clock,
    what: What,
    recordings: Vec<Hints>,
) -> Reading {
    let mut ties = vec![Tie::Leg(call.to_owned())];
    ties.extend(session.clone().map(Tie::Call));
    let kind = note(NAME, &Seen { call: call.to_owned(), session, what });
    let call = CallFacts::default();
    let event = CallEvent { at, clock, id: None, ties, leg: None, call, kind };
    Reading { events: vec![event], recordings, ..Reading::default() }
}

//! Yeastar P-Series, and the S-Series with its other names. Call states carry no time: they live on
//! receive times. The record after the call has the PBX's clock, in whole seconds.

mod export;

use super::{
    Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, number, signature, table, time,
};
use crate::call::{
    Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, LegFacts, Moment, Tie,
};
use crate::recording::Hints;
use body::Object;
use chrono::TimeDelta;
use serde_json::Value;

/// The Yeastar dialect.
pub struct Yeastar;

const CALL_STATE: i64 = 30011;
const CALL_RECORD: i64 = 30012;
const CALL_FAILED: i64 = 30015;
const INVITATION: i64 = 30016;
const AGENT_TIMEOUT: i64 = 30026;
const TIMELINE: i64 = 30039;

/// Leg of the outside caller.
const INBOUND: &str = "inbound";
/// Leg to the outside.
const OUTBOUND: &str = "outbound";

/// A start of the call that is told this far from its id's own time is of another zone.
const ZONE_SLACK: TimeDelta = TimeDelta::minutes(14);

impl Pbx for Yeastar {
    fn name(&self) -> &'static str {
        "yeastar"
    }

    fn sample(&self) -> &'static str {
        include_str!("../../../tests/pbx/yeastar/answered.deliveries.jsonl")
    }

    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        if secret.0.is_empty() {
            return Ok(());
        }
        signature::body_signed(delivery, secret, "x-signature")
    }

    /// It gives none: a repeat is known by its body, and its first receive time counts.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        let Some((kind, msg)) = report(delivery, dialect)? else { return Ok(Reading::default()) };
        let told = Told { msg: &msg, at: delivery.received_at, ids: ids(kind, &msg)? };
        let mut reading = Reading::default();
        match kind {
            CALL_STATE => told.states(&mut reading.events),
            CALL_RECORD => told.record(dialect, &mut reading),
            CALL_FAILED => reading.events.extend(told.failed()),
            TIMELINE => reading.events.extend(told.timeline()),
            _ => {}
        }
        if (30013..=INVITATION).contains(&kind) {
            let name = format!("report {kind}");
            reading.events.push(told.offered(EventKind::Unknown { name }));
        }
        Ok(reading)
    }
}

/// The kind of report and what it says; nothing for kinds that say nothing of calls.
fn report(delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Option<(i64, Object)>, Refusal> {
    let wrong = |why: &str| Refusal::NotUnderstood(why.to_owned());
    if table::is_row(delivery) {
        let row = table::row(delivery, |_| None)?;
        return export::record(&row, dialect.zone).map(|record| Some((CALL_RECORD, record)));
    }
    let mut outer = body::one(delivery)?;
    if export::is_record(&outer) {
        return export::record(&outer, dialect.zone).map(|record| Some((CALL_RECORD, record)));
    }
    if body::integer(&outer, "type").is_none()
        && let Some(event) = body::text(&outer, "event")
    {
        let kind = match event {
            "CallStatus" => CALL_STATE,
            "NewCdr" => CALL_RECORD,
            "CallFailed" => CALL_FAILED,
            _ => return Ok(None),
        };
        return Ok(Some((kind, outer)));
    }
    let kind = body::integer(&outer, "type").ok_or_else(|| wrong("`type` is no whole number"))?;
    let msg = match outer.remove("msg") {
        Some(Value::Object(msg)) => msg,
        Some(Value::String(text)) => match serde_json::from_str(&text) {
            Ok(Value::Object(msg)) => msg,
            _ => return Err(wrong("`msg` holds no JSON object")),
        },
        None if !is_of_call(kind) => return Ok(None),
        _ => return Err(wrong("`msg` is neither an object nor a text that holds one")),
    };
    Ok(is_of_call(kind).then_some((kind, msg)))
}

fn is_of_call(kind: i64) -> bool {
    (CALL_STATE..=INVITATION).contains(&kind) || [AGENT_TIMEOUT, TIMELINE].contains(&kind)
}

/// What ties the report to its call.
fn ids(kind: i64, msg: &Object) -> Result<Vec<Tie>, Refusal> {
    let uid = ["uid"].iter().filter_map(|name| word(msg, name));
    let mut ids: Vec<Tie> = uid.map(|uid| Tie::Leg(format!("uid {uid}"))).collect();
    if kind == TIMELINE {
        return Ok(ids);
    }
    let call = body::text(msg, "call_id").or_else(|| body::text(msg, "callid"));
    if call.is_none() && kind == CALL_RECORD && !ids.is_empty() {
        // Of a list of records: tied by the record's own id.
        return Ok(ids);
    }
    let Some(call) = call else {
        return Err(Refusal::NotUnderstood(format!("`call_id` of report {kind} is no text")));
    };
    let is_list = msg.get("members").is_none_or(Value::is_array);
    if !is_list && (CALL_STATE..=CALL_FAILED).contains(&kind) {
        return Err(Refusal::NotUnderstood(format!("`members` of report {kind} is no list")));
    }
    ids.insert(0, Tie::Call(call.to_owned()));
    Ok(ids)
}

/// A text that says something, or the digits of a number.
fn word(object: &Object, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::Number(number) => Some(number.to_string()),
        _ => body::text(object, name).map(str::to_owned),
    }
}

/// The field under its name here or in the S-Series.
fn field(object: &Object, names: [&str; 2]) -> Option<String> {
    names.iter().find_map(|name| word(object, name))
}

/// One party in a call's state.
struct Member<'a> {
    /// `extension`, `inbound` or `outbound`.
    role: &'static str,
    fields: &'a Object,
}

impl Member<'_> {
    fn status(&self) -> String {
        let status = field(self.fields, ["member_status", "memberstatus"]);
        status.unwrap_or_default().to_ascii_uppercase()
    }

    fn leg(&self) -> LegFacts {
        let Some(number) = word(self.fields, "number").filter(|_| self.role == "extension") else {
            let (id, originator) = (self.role.to_owned(), self.role == INBOUND);
            return LegFacts { id, outside: Some(true), originator, ..LegFacts::default() };
        };
        LegFacts {
            id: format!("phone {number}"),
            known_as: vec![number],
            rang_before: true,
            ..LegFacts::default()
        }
    }
}

struct Told<'a> {
    msg: &'a Object,
    at: Moment,
    ids: Vec<Tie>,
}

impl<'a> Told<'a> {
    fn event(&self, leg: Option<LegFacts>, kind: EventKind) -> CallEvent {
        CallEvent {
            at: Bounds::exact(self.at),
            clock: Clock::Receiver,
            id: None,
            ties: self.ids.clone(),
            leg,
            call: CallFacts::default(),
            kind,
        }
    }

    fn members(&self) -> Vec<Member<'a>> {
        let list = self.msg.get("members").and_then(Value::as_array).into_iter().flatten();
        let roles = [
            ("extension", "extension"),
            ("ext", "extension"),
            (INBOUND, INBOUND),
            (OUTBOUND, OUTBOUND),
        ];
        let member = |value: &'a Value| {
            roles.into_iter().find_map(|(name, role)| {
                Some(Member { role, fields: value.get(name)?.as_object()? })
            })
        };
        list.filter_map(member).collect()
    }

    fn outer(&self, members: &[Member<'a>], role: &str) -> Option<&'a Object> {
        members.iter().find(|member| member.role == role).map(|member| member.fields)
    }

    /// Who calls whom: the side towards the outside tells it.
    fn offered(&self, kind: EventKind) -> CallEvent {
        let members = self.members();
        let inbound = self.outer(&members, INBOUND).map(|side| (Direction::Inbound, side));
        let outbound = || self.outer(&members, OUTBOUND).map(|side| (Direction::Outbound, side));
        let side = inbound.or_else(outbound);
        let inside = (!members.is_empty()).then_some(Direction::Internal);
        let call = CallFacts {
            direction: side.map(|(direction, _)| direction).or(inside),
            caller: side.and_then(|(_, side)| number(&word(side, "from")?)),
            callee: side.and_then(|(_, side)| number(&word(side, "to")?)),
            ..CallFacts::default()
        };
        CallEvent { call, ..self.event(None, kind) }
    }

    /// A call's state: what each party does now. Only a phone that was rung can be picked up: the
    /// caller counts as answered also when a menu answers.
    fn states(&self, events: &mut Vec<CallEvent>) {
        events.push(self.offered(EventKind::Offered));
        let members = self.members();
        let has_caller = self.outer(&members, INBOUND).is_some();
        for member in &members {
            let mut leg = member.leg();
            leg.originator |= member.role == OUTBOUND && !has_caller;
            match (member.role, member.status().as_str()) {
                ("extension", "RING") => events.push(self.event(Some(leg), EventKind::Alerting)),
                ("extension" | OUTBOUND, "ANSWER") => {
                    events.push(self.event(Some(leg), EventKind::Joined));
                }
                ("extension", "BYE") => {
                    events.push(self.event(Some(leg), EventKind::LegEnded { cause: None }));
                }
                (role, "BYE") => {
                    let cause = (role == INBOUND).then_some(Cause::Abandoned);
                    events.push(self.event(Some(leg.clone()), EventKind::LegEnded { cause }));
                    events.push(self.event(Some(leg), EventKind::Ended { cause: None }));
                }
                _ => {}
            }
        }
    }

    /// The record of a call that is over.
    fn record(&self, dialect: &Dialect<'_>, reading: &mut Reading) {
        let msg = self.msg;
        let start = field(msg, ["time_start", "timestart"]);
        let start = start.and_then(|text| time::local(&text, dialect.zone));
        let lasted_s = field(msg, ["call_duration", "callduraction"]);
        let lasted = lasted_s.and_then(|text| text.parse().ok()).filter(|s| *s >= 0);
        let end = start.zip(lasted.and_then(TimeDelta::try_seconds)).and_then(|(start, lasted)| {
            let earliest = start.earliest.checked_add_signed(lasted)?;
            Some(Bounds { earliest, latest: start.latest.checked_add_signed(lasted)? })
        });
        reading.warnings.extend(start.and_then(|start| self.zone_warning(start, dialect)));
        let began = start.filter(|_| end.is_some()).unwrap_or(Bounds::exact(self.at));
        let call = CallFacts {
            direction: word(msg, "type").and_then(|text| direction(&text)),
            caller: field(msg, ["call_from", "callfrom"]).and_then(|text| number(&text)),
            callee: field(msg, ["call_to", "callto"]).and_then(|text| number(&text)),
            ..CallFacts::default()
        };
        let recorded = |at, kind| CallEvent { at, clock: Clock::Record, ..self.event(None, kind) };
        reading.events.push(CallEvent { call, ..recorded(began, EventKind::Offered) });
        if word(msg, "status").is_some_and(|text| is_answered(&text)) {
            // By whom is not told: a menu or queue counts as well.
            let leg = LegFacts { id: "record".into(), ..LegFacts::default() };
            let reached = recorded(began, EventKind::Reached);
            reading.events.push(CallEvent { leg: Some(leg), ..reached });
        }
        let ended = EventKind::Ended { cause: None };
        reading.events.extend(end.map(|at| recorded(at, ended.clone())));
        reading.events.push(self.event(None, ended));
        if let Some((cause, outweighs)) = word(msg, "status").and_then(|text| status(&text)) {
            let kind = EventKind::Unanswered { cause, outweighs };
            reading.events.push(self.event(None, kind));
        }
        if let Some(reference) = word(msg, "recording") {
            let call_id = body::text(msg, "call_id").or_else(|| body::text(msg, "callid"));
            reading.recordings.push(Hints {
                name: reference.rsplit('/').next().unwrap_or(&reference).to_owned(),
                call_id: call_id.map(str::to_owned),
                ..Hints::default()
            });
            let kind = EventKind::RecordingAnnounced { reference, starts_at: None };
            reading.events.push(self.event(None, kind));
        }
    }

    /// The call's id begins with the second of its start in UTC.
    fn zone_warning(&self, start: Bounds, dialect: &Dialect<'_>) -> Option<String> {
        let Some(Tie::Call(id)) = self.ids.first() else { return None };
        let began = time::epoch_s(id.split('.').next()?.parse().ok()?)?;
        let apart = (began.earliest - start.earliest).abs();
        let zone = dialect.zone;
        (apart > ZONE_SLACK)
            .then(|| format!("`time_start` does not fit `call_id`: the PBX's zone is not {zone}"))
    }

    fn failed(&self) -> Option<CallEvent> {
        let reason = word(self.msg, "reason")?.to_lowercase();
        let (_, cause) = REASONS.iter().find(|(start, _)| reason.starts_with(start))?;
        Some(self.event(None, EventKind::Unanswered { cause: *cause, outweighs: true }))
    }

    /// The course of a finished leg, tied by the record's own id.
    fn timeline(&self) -> Option<CallEvent> {
        let left = word(self.msg, "status")?.to_uppercase().starts_with("ABANDON");
        let kind = EventKind::Unanswered { cause: Cause::Abandoned, outweighs: false };
        (left && !self.ids.is_empty()).then(|| self.event(None, kind))
    }
}

/// Why a call failed, by the beginning of the reason in small letters. Its words are not SIP's: a
/// declined call is `User Busy`, one that rang out `603 Declined`.
const REASONS: [(&str, Cause); 12] = [
    ("user busy", Cause::Declined),
    ("486", Cause::Busy),
    ("603", Cause::NoAnswer),
    ("408", Cause::NoAnswer),
    ("480", Cause::NoAnswer),
    ("dnd", Cause::Unavailable),
    ("410", Cause::Unavailable),
    ("line unreachable", Cause::Failed),
    ("404", Cause::Failed),
    ("484", Cause::Failed),
    ("circuit/channel congestion", Cause::Failed),
    ("no ", Cause::Failed),
];

/// What a record's status says of a call nobody answered, and whether that outweighs what was seen.
fn status(text: &str) -> Option<(Cause, bool)> {
    let text = text.to_uppercase();
    let known = [
        ("VOICEMAIL", Cause::Message, true),
        ("BUSY", Cause::Busy, true),
        ("NO ANSWER", Cause::NoAnswer, false),
    ];
    let found = known.iter().find(|(start, _, _)| text.starts_with(start));
    found.map(|(_, cause, outweighs)| (*cause, *outweighs))
}

/// Some editions misspell it.
fn is_answered(status: &str) -> bool {
    status.to_uppercase().starts_with("ANSW")
}

fn direction(text: &str) -> Option<Direction> {
    Some(match text.to_lowercase().as_str() {
        "inbound" => Direction::Inbound,
        "outbound" => Direction::Outbound,
        "internal" => Direction::Internal,
        _ => return None,
    })
}

//! Vonage Voice API (once Nexmo): events of legs and conversations, as JSON or in the address.

use super::body::{Object, text};
use super::carrier::{self, PickUp, Role, Said, What, said::When};
use super::settle::Desk;
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, signature, time};
use crate::call::{Bounds, CallEvent, Cause, Tie};
use crate::recording::Hints;
use serde_json::Value;

/// The Vonage dialect.
pub struct Vonage;

/// Who makes the signed tokens.
const ISSUER: &str = "Vonage";

impl Pbx for Vonage {
    fn name(&self) -> &'static str {
        "vonage"
    }

    fn sample(&self) -> &'static str {
        include_str!("../../tests/pbx/vonage/answered.deliveries.jsonl")
    }

    /// A signed bearer token that states the body's hash.
    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        if secret.0.is_empty() {
            return Ok(());
        }
        // In trouble of its own it sends without a token, and again with one after a 5xx.
        if delivery.header("authorization").is_none() {
            return Err(Refusal::Unsigned("no bearer token; send it again with one".into()));
        }
        let claims = signature::web_token(delivery, secret)?;
        if claims.issuer.as_deref() != Some(ISSUER) {
            return Err(signature::refused(format!("the bearer token's `iss` is not {ISSUER}")));
        }
        signature::covers_body(&claims, delivery)
    }

    /// It gives none: a repeat is known by its body, of a GET by its address.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, _dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        let fields = fields(delivery)?;
        let leg = text(&fields, "uuid").or(text(&fields, "call_uuid"));
        let conversation = text(&fields, "conversation_uuid");
        let from = text(&fields, "conversation_uuid_from");
        let into = text(&fields, "conversation_uuid_to");
        let told_at = text(&fields, "timestamp").and_then(time::iso);
        let event = Event { fields: &fields, leg, conversation, told_at, delivery };
        if let (Some(from), Some(into), Some(_)) = (from, into, leg) {
            return Ok(event.moved(from, into));
        }
        if let (Some(status), Some(_)) = (text(&fields, "status"), leg) {
            return Ok(event.state(status));
        }
        let told = ["reason", "dtmf", "speech"].iter().any(|name| fields.contains_key(*name));
        match (conversation, leg) {
            (Some(_), _) if text(&fields, "recording_url").is_some() => Ok(event.recording()),
            (Some(_), Some(_)) => Ok(Reading::default()),
            (Some(_), None) if told => Ok(Reading::default()),
            (Some(_), None) => Err(missing("uuid")),
            (None, _) => Err(missing("conversation_uuid` or `status")),
        }
    }

    fn settle(&self, notes: &[&CallEvent], desk: Desk<'_>) -> Vec<CallEvent> {
        carrier::settle(notes, desk)
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::NotUnderstood(format!("`{name}` is missing or no text"))
}

/// A GET has its fields in the address; any other body is JSON.
fn fields(delivery: &Delivery) -> Result<Object, Refusal> {
    if body::is_get(delivery) {
        return body::one(delivery);
    }
    let value: Value = serde_json::from_slice(&delivery.body)
        .map_err(|error| Refusal::NotUnderstood(format!("the body is no JSON: {error}")))?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Refusal::NotUnderstood("the body is no JSON object".into())),
    }
}

struct Event<'a> {
    fields: &'a Object,
    leg: Option<&'a str>,
    conversation: Option<&'a str>,
    told_at: Option<Bounds>,
    delivery: &'a Delivery,
}

impl Event<'_> {
    fn is_inbound(&self) -> bool {
        text(self.fields, "direction") == Some("inbound")
    }

    /// What a leg's state says. A state without a time tells no moment.
    fn state(&self, status: &str) -> Reading {
        let inbound = self.is_inbound();
        let what = match status {
            "machine" => vec![What::Settled { pick_up: PickUp::Machine }],
            "busy" | "cancelled" | "timeout" | "unanswered" | "rejected" | "failed"
            | "completed" | "disconnected" => self.over(status),
            _ if self.told_at.is_none() => vec![What::Nothing],
            "started" | "ringing" | "answered" if inbound => self.present(What::Nothing),
            "started" => vec![What::Created],
            "ringing" => vec![What::Alerting],
            "answered" => self.present(What::PickedUp),
            _ => vec![What::Nothing],
        };
        let events = what.into_iter().map(|what| self.note(what)).collect();
        Reading { events, ..Reading::default() }
    }

    /// What shows the leg in its conversation: who meets there hears each other.
    fn present(&self, what: What) -> Vec<What> {
        let enter = |room: &str| What::Entered { room: room.to_owned() };
        std::iter::once(what).chain(self.conversation.map(enter)).collect()
    }

    fn over(&self, status: &str) -> Vec<What> {
        let detail = text(self.fields, "detail");
        let cause = match (status, detail) {
            ("busy", _) => Some(Cause::Busy),
            ("cancelled", _) => Some(Cause::Abandoned),
            ("unanswered", Some("unavailable")) => Some(Cause::Unavailable),
            ("timeout" | "unanswered", _) => Some(Cause::NoAnswer),
            ("rejected", Some("declined")) => Some(Cause::Declined),
            ("rejected" | "failed", _) => Some(Cause::Failed),
            _ => None,
        };
        let inbound = self.is_inbound();
        let mut what = vec![What::HungUp { cause: cause.filter(|_| !inbound) }];
        if inbound {
            what.push(What::Left { waited: true });
        }
        what
    }

    /// The leg left one conversation for another.
    fn moved(&self, from: &str, into: &str) -> Reading {
        let entered = self.told_at.map(|_| What::Entered { room: into.to_owned() });
        let mut note = self.said(entered.unwrap_or(What::Nothing));
        note.call = Some(from.to_owned());
        let calls = [Tie::Call(from.to_owned()), Tie::Call(into.to_owned())];
        let ties = calls.into_iter().chain(self.ties()).collect();
        let event = note.noted(Vonage.name(), self.when(), ties);
        Reading { events: vec![event], ..Reading::default() }
    }

    fn recording(&self) -> Reading {
        let Some(url) = text(self.fields, "recording_url") else { return Reading::default() };
        let starts_at = text(self.fields, "start_time").and_then(time::iso);
        let id = text(self.fields, "recording_uuid").map(str::to_owned);
        let event = self.note(What::Recording { reference: url.to_owned(), id, starts_at });
        let hints = Hints {
            name: url.rsplit('/').next().unwrap_or(url).to_owned(),
            call_id: self.conversation.map(str::to_owned),
            starts_at: starts_at.map(|at| at.earliest),
            ..Hints::default()
        };
        Reading { events: vec![event], recordings: vec![hints], ..Reading::default() }
    }

    fn note(&self, what: What) -> CallEvent {
        self.said(what).noted(Vonage.name(), self.when(), self.ties())
    }

    fn said(&self, what: What) -> Said {
        let named = |name: &str, user: &str| {
            text(self.fields, name).or(text(self.fields, user)).map(str::to_owned)
        };
        let recording = matches!(what, What::Recording { .. });
        Said {
            leg: self.leg.filter(|_| !recording).map(str::to_owned),
            role: match text(self.fields, "direction") {
                Some("inbound") => Role::Caller,
                Some("outbound") => Role::Placed,
                _ => Role::Unsaid,
            },
            call: self.conversation.map(str::to_owned),
            from: named("from", "from_user"),
            to: named("to", "to_user"),
            name: None,
            what,
        }
    }

    fn ties(&self) -> Vec<Tie> {
        let conversation = self.conversation.map(|id| Tie::Call(id.to_owned()));
        conversation.into_iter().chain(self.leg.map(|id| Tie::Leg(id.to_owned()))).collect()
    }

    fn when(&self) -> When {
        When::of(self.told_at, self.delivery.received_at)
    }
}

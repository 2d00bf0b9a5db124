//! Telnyx: events of Call Control as JSON, status callbacks of TeXML as forms.

use super::body::{Object, text};
use super::carrier::{self, PickUp, Role, Said, What, said::When, status_callback};
use super::settle::Desk;
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, signature, time};
use crate::call::{Bounds, CallEvent, Cause, Tie};
use crate::recording::Hints;
use serde_json::Value;

/// The Telnyx dialect.
pub struct Telnyx;

impl Pbx for Telnyx {
    fn name(&self) -> &'static str {
        "telnyx"
    }

    fn sample(&self) -> &'static str {
        include_str!("../../tests/pbx/telnyx/answered.deliveries.jsonl")
    }

    /// The secret is the account's public key.
    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        if secret.0.is_empty() {
            return Ok(());
        }
        let (signature, stamp) = ("telnyx-signature-ed25519", "telnyx-timestamp");
        signature::stamped_body_signed(delivery, secret, signature, stamp)
    }

    /// The event's id: a repeat has other bytes, for it counts the attempts.
    fn delivery_key(&self, delivery: &Delivery) -> Option<String> {
        let id = || {
            let body: Value = serde_json::from_slice(&delivery.body).ok()?;
            Some(body["data"]["id"].as_str()?.to_owned())
        };
        id()
    }

    fn parse(&self, delivery: &Delivery, _dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        let object = body::one(delivery)?;
        if object.contains_key("CallSid") {
            return status_callback::read(self.name(), &object, delivery);
        }
        let missing = |name: &str| Refusal::NotUnderstood(format!("`{name}` is missing or wrong"));
        let data = object.get("data").and_then(Value::as_object).ok_or_else(|| missing("data"))?;
        let name = text(data, "event_type").ok_or_else(|| missing("data.event_type"))?;
        let payload = data.get("payload").and_then(Value::as_object);
        let payload = payload.ok_or_else(|| missing("data.payload"))?;
        let session = text(payload, "call_session_id");
        let leg = text(payload, "call_leg_id");
        if session.is_none() && leg.is_none() {
            return Err(missing("data.payload.call_session_id"));
        }
        let told_at = text(data, "occurred_at").and_then(time::iso);
        Ok(Event { name, payload, session, leg, told_at, delivery }.read())
    }

    fn settle(&self, notes: &[&CallEvent], desk: Desk<'_>) -> Vec<CallEvent> {
        carrier::settle(notes, desk)
    }
}

struct Event<'a> {
    name: &'a str,
    payload: &'a Object,
    session: Option<&'a str>,
    leg: Option<&'a str>,
    told_at: Option<Bounds>,
    delivery: &'a Delivery,
}

impl Event<'_> {
    fn read(&self) -> Reading {
        let mut reading = Reading::default();
        if self.name == "call.recording.saved" {
            self.recording(&mut reading);
            return reading;
        }
        reading.events = self.what().into_iter().map(|what| self.note(what)).collect();
        reading
    }

    /// What the event says of its leg. Without a time of its own it tells no moment.
    fn what(&self) -> Vec<What> {
        match self.name {
            "call.hangup" => self.hung_up(),
            "call.enqueued" => vec![What::Queued],
            name if name.starts_with("call.machine") && name.ends_with("detection.ended") => {
                self.machine().into_iter().collect()
            }
            "call.initiated" if self.role() == Role::Placed && self.told_at.is_some() => {
                vec![What::Created]
            }
            "call.initiated" => vec![What::Nothing],
            "call.answered" if self.told_at.is_some() => vec![What::PickedUp],
            "call.bridged" if self.told_at.is_some() => vec![What::Joined],
            _ => Vec::new(),
        }
    }

    /// Only the first event of a leg tells its direction, and with it where it goes.
    fn role(&self) -> Role {
        match text(self.payload, "direction") {
            Some("incoming") => Role::Caller,
            Some("outgoing") => Role::Placed,
            _ => Role::Unsaid,
        }
    }

    fn hung_up(&self) -> Vec<What> {
        let cause = match text(self.payload, "hangup_cause") {
            Some("normal_clearing") | None => None,
            Some("user_busy") => Some(Cause::Busy),
            Some("call_rejected") => Some(Cause::Declined),
            Some("not_found") => Some(Cause::NoPhone),
            Some("timeout" | "no_answer") => Some(Cause::NoAnswer),
            Some("originator_cancel") => Some(Cause::Abandoned),
            Some(_) => Some(Cause::Failed),
        };
        // Of the leg that began the call this says whether the caller went; of others nothing.
        let by = match text(self.payload, "hangup_source") {
            Some("caller") => What::Left { waited: true },
            _ => What::Stayed,
        };
        vec![What::HungUp { cause }, by]
    }

    fn machine(&self) -> Option<What> {
        let premium = self.name.contains("premium");
        let machine = match text(self.payload, "result")? {
            "machine" => true,
            "fax_detected" | "silence" => premium,
            _ => false,
        };
        machine.then_some(What::Settled { pick_up: PickUp::Machine })
    }

    fn note(&self, what: What) -> CallEvent {
        let field = |name: &str| text(self.payload, name).map(str::to_owned);
        let role = self.role();
        let recording = matches!(what, What::Recording { .. });
        let said = Said {
            leg: self.leg.filter(|_| !recording).map(str::to_owned),
            role,
            call: self.session.map(str::to_owned),
            from: field("from"),
            to: field("to").filter(|_| role != Role::Unsaid),
            name: field("caller_id_name"),
            what,
        };
        let session = self.session.map(|id| Tie::Call(id.to_owned()));
        let ties = session.into_iter().chain(self.leg.map(|id| Tie::Leg(id.to_owned())));
        let when = When::of(self.told_at, self.delivery.received_at);
        said.noted(Telnyx.name(), when, ties.collect())
    }

    /// The address of a recording is signed anew each time; its id stays.
    fn recording(&self, reading: &mut Reading) {
        let url = ["recording_urls", "public_recording_urls"].iter().find_map(|name| {
            let urls = self.payload.get(*name)?.as_object()?;
            text(urls, "wav").or(text(urls, "mp3"))
        });
        let Some(url) = url else { return };
        let starts_at = text(self.payload, "recording_started_at").and_then(time::iso);
        let id = text(self.payload, "recording_id").map(str::to_owned);
        let recording = What::Recording { reference: url.to_owned(), id, starts_at };
        reading.events.push(self.note(recording));
        let path = url.split('?').next().unwrap_or(url);
        reading.recordings.push(Hints {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            call_id: self.session.map(str::to_owned),
            starts_at: starts_at.map(|at| at.earliest),
            ..Hints::default()
        });
    }
}

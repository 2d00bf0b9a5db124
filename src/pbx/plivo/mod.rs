//! Plivo Voice: forms without a time of the event. A dial tells the pick-up but no ringing; a desk
//! phone that is called by the API tells both.

mod cause;
mod proof;

use super::body::{Object, text};
use super::carrier::{self, PickUp, Role, Said, What, said::When};
use super::settle::Desk;
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, time};
use crate::call::{CallEvent, Tie};
use crate::recording::Hints;
use cause::{dial_cause, leg_cause};

/// The Plivo dialect.
pub struct Plivo;

/// Our own parameter on callback addresses: the caller's leg that a desk call belongs to.
const TIED_TO: &str = "aleg";

impl Pbx for Plivo {
    fn name(&self) -> &'static str {
        "plivo"
    }

    fn sample(&self) -> &'static str {
        include_str!("../../../tests/pbx/plivo/answered.deliveries.jsonl")
    }

    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        proof::check(delivery, secret)
    }

    /// It gives none: a repeat is known by its body, of a GET by its address.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        let fields = body::one(delivery)?;
        let field = |name: &str| text(&fields, name);
        let participant = field("ParticipantCallUUID");
        let Some(leg) = field("CallUUID").or(field("DialALegUUID")).or(participant) else {
            let why = "none of `CallUUID`, `DialALegUUID`, `ParticipantCallUUID` is there";
            return Err(Refusal::NotUnderstood(why.into()));
        };
        let call = field("DialALegUUID").or(field("ALegUUID")).unwrap_or(leg);
        let query = body::form(body::query(delivery).as_bytes());
        let tied_to = text(&query, TIED_TO).filter(|caller| *caller != call);
        let callback = Callback { fields: &fields, call, tied_to, delivery };
        let mut reading = Reading::default();
        callback.conference(&mut reading.events);
        callback.dial(&mut reading.events);
        callback.state(dialect, &mut reading.events);
        callback.recording(&mut reading);
        Ok(reading)
    }

    fn settle(&self, notes: &[&CallEvent], desk: Desk<'_>) -> Vec<CallEvent> {
        carrier::settle(notes, desk)
    }
}

struct Callback<'a> {
    fields: &'a Object,
    /// The leg whose document is being run; it names the call.
    call: &'a str,
    tied_to: Option<&'a str>,
    delivery: &'a Delivery,
}

impl<'a> Callback<'a> {
    fn field(&self, name: &str) -> Option<&'a str> {
        text(self.fields, name)
    }

    /// The part of the leg whose document is being run: it came in, or the API called it.
    fn role(&self) -> Role {
        match self.field("Direction") {
            Some("inbound") => Role::Caller,
            Some("outbound") => Role::Placed,
            _ => Role::Unsaid,
        }
    }

    /// A note about the leg whose document is being run.
    fn own(&self, what: What) -> CallEvent {
        self.own_at(what, When::of(None, self.delivery.received_at))
    }

    fn own_at(&self, what: What, when: When) -> CallEvent {
        let field = |name: &str| self.field(name).map(str::to_owned);
        let (from, to, name) = (field("From"), field("To"), field("CallerName"));
        let said = self.said(self.call, what);
        let said = Said { role: self.role(), from, to, name, ..said };
        said.noted(Plivo.name(), when, self.ties(self.call))
    }

    /// A note about another leg.
    fn other(&self, leg: &str, what: What) -> CallEvent {
        let dialled = what != What::Joined || self.field("DialBLegTo").is_some();
        let to = self.field("DialBLegTo").map(str::to_owned);
        let role = if dialled && to.is_some() { Role::Dialled } else { Role::Unsaid };
        let said = Said { role, to, ..self.said(leg, what) };
        said.noted(Plivo.name(), When::of(None, self.delivery.received_at), self.ties(leg))
    }

    fn said(&self, leg: &str, what: What) -> Said {
        Said {
            leg: Some(leg.to_owned()),
            role: Role::Unsaid,
            call: Some(self.call.to_owned()),
            from: None,
            to: None,
            name: None,
            what,
        }
    }

    fn ties(&self, leg: &str) -> Vec<Tie> {
        let tied = self.tied_to.map(|caller| Tie::Call(caller.to_owned()));
        let own = [Tie::Call(self.call.to_owned()), Tie::Leg(leg.to_owned())];
        own.into_iter().chain(tied).collect()
    }

    /// Who takes part in a conference: two calls that meet in it are one.
    fn conference(&self, events: &mut Vec<CallEvent>) {
        let Some(room) = self.field("MPCUUID") else { return };
        let name = self.field("EventName").unwrap_or_default();
        let joined = name == "ParticipantJoin" && self.field("ParticipantRole") != Some("Customer");
        let leg = self.field("ParticipantCallUUID").unwrap_or(self.call);
        let mut event = self.other(leg, if joined { What::Joined } else { What::Nothing });
        event.ties.push(Tie::Bridge(room.to_owned()));
        events.push(event);
    }

    /// Callbacks of a dial, and its result.
    fn dial(&self, events: &mut Vec<CallEvent>) {
        let dialled = self.field("DialBLegUUID");
        if let Some(action) = self.field("DialAction") {
            let what = match action {
                "answer" => What::PickedUp,
                "connected" => What::Joined,
                "hangup" => What::Over { cause: leg_cause(self.fields, "DialBLeg") },
                _ => What::Nothing,
            };
            events.extend(dialled.map(|leg| self.other(leg, what)));
            return;
        }
        let Some(status) = self.field("DialStatus") else { return };
        if status == "completed" {
            let what = What::Settled { pick_up: PickUp::Connected };
            events.extend(dialled.map(|leg| self.other(leg, what)));
        } else if let Some(cause) = dial_cause(self.fields, status) {
            events.push(self.own(What::DialEnded { cause }));
        }
    }

    /// What the leg's own state says.
    fn state(&self, dialect: &Dialect<'_>, events: &mut Vec<CallEvent>) {
        if self.field("CallUUID").is_none() && self.field("DialALegUUID").is_none() {
            return;
        }
        let placed = self.role() == Role::Placed;
        let name = self.field("Event").unwrap_or_default();
        let status = self.field("CallStatus").unwrap_or_default();
        match (name, status) {
            ("Hangup", _) => self.hung_up(dialect, events),
            ("Ring", _) if placed => events.push(self.own(What::Alerting)),
            ("StartApp", "in-progress") if placed => {
                events.push(self.own(What::PickedUp));
                events.push(self.own(What::Settled { pick_up: PickUp::Connected }));
            }
            _ => events.push(self.own(What::Nothing)),
        }
        if self.field("Machine").is_some_and(|machine| machine.eq_ignore_ascii_case("true")) {
            events.push(self.own(What::Settled { pick_up: PickUp::Machine }));
        }
    }

    /// The times of the carrier are local ones of its own clock: good for the end alone.
    fn hung_up(&self, dialect: &Dialect<'_>, events: &mut Vec<CallEvent>) {
        let cause = leg_cause(self.fields, "").filter(|_| self.role() == Role::Placed);
        events.push(self.own(What::Over { cause }));
        events.push(self.own(What::Left { waited: false }));
        let ended = self.field("EndTime").and_then(|at| time::local(at, dialect.zone));
        let when = When::of(ended, self.delivery.received_at);
        events.push(self.own_at(What::Ended, when));
    }

    fn recording(&self, reading: &mut Reading) {
        let Some(url) = self.field("RecordUrl") else { return };
        let starts_at = self.field("RecordingStartMs").and_then(|ms| ms.parse().ok());
        let starts_at = starts_at.and_then(time::epoch_ms);
        let id = self.field("RecordingID").map(str::to_owned);
        reading.events.push(self.own(What::Recording { reference: url.to_owned(), id, starts_at }));
        reading.recordings.push(Hints {
            name: url.rsplit('/').next().unwrap_or(url).to_owned(),
            call_id: Some(self.call.to_owned()),
            starts_at: starts_at.map(|at| at.earliest),
            ..Hints::default()
        });
    }
}

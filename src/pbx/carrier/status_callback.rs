//! Status callbacks of carriers that are steered by a markup document: a form for each state of
//! each leg, and copies of the requests for the next document. Two carriers speak it.

use super::said::When;
use super::{PickUp, Role, Said, What};
use crate::call::{CallEvent, Cause, Clock, Tie};
use crate::pbx::body::{Object, text};
use crate::pbx::{Delivery, Reading, Refusal, time};
use crate::recording::Hints;

/// What a delivery must have beside the leg's id.
const WITNESSES: [&str; 4] = ["CallStatus", "RecordingStatus", "AnsweredBy", "QueueSid"];
/// States in which a leg is over.
const FINAL: [&str; 5] = ["completed", "busy", "no-answer", "failed", "canceled"];
/// States of a recording that is none.
const NO_RECORDING: [&str; 3] = ["in-progress", "absent", "failed"];

struct Callback<'a> {
    adapter: &'a str,
    fields: &'a Object,
    leg: &'a str,
    call: &'a str,
    role: Role,
    when: When,
}

/// Reads one callback.
///
/// # Errors
/// [`Refusal::NotUnderstood`] when it names no leg, or says nothing of it.
pub fn read(adapter: &str, fields: &Object, delivery: &Delivery) -> Result<Reading, Refusal> {
    let why = |why: &str| Refusal::NotUnderstood(why.to_owned());
    let leg = text(fields, "CallSid").ok_or_else(|| why("`CallSid` is missing or no text"))?;
    if !WITNESSES.iter().any(|name| text(fields, name).is_some()) {
        let none = "none of `CallStatus`, `RecordingStatus`, `AnsweredBy`, `QueueSid` is there";
        return Err(why(none));
    }
    let parent = text(fields, "ParentCallSid");
    let told_at = text(fields, "Timestamp").and_then(|at| time::rfc2822(at).or(time::iso(at)));
    let callback = Callback {
        adapter,
        fields,
        leg,
        call: parent.unwrap_or(leg),
        role: role(fields, parent.is_some()),
        when: When::of(told_at, delivery.received_at),
    };
    let mut reading = Reading { events: callback.state(), ..Reading::default() };
    reading.events.extend(callback.dial_action());
    reading.events.extend(callback.queue());
    reading.events.extend(callback.machine());
    callback.recording(&mut reading);
    Ok(reading)
}

fn role(fields: &Object, has_parent: bool) -> Role {
    match text(fields, "Direction") {
        _ if has_parent => Role::Dialled,
        Some("outbound-api") => Role::Placed,
        Some("outbound-dial") => Role::Dialled,
        Some(_) => Role::Caller,
        None if text(fields, "CallStatus").is_some() => Role::Began,
        None => Role::Unsaid,
    }
}

impl<'a> Callback<'a> {
    fn field(&self, name: &str) -> Option<&'a str> {
        text(self.fields, name)
    }

    fn is_final(&self) -> bool {
        self.field("CallStatus").is_some_and(|status| FINAL.contains(&status))
    }

    /// A note about this delivery's own leg.
    fn own(&self, what: What) -> CallEvent {
        let text =
            |name: &str, other: &str| self.field(name).or(self.field(other)).map(str::to_owned);
        self.note(Said {
            role: self.role,
            from: text("From", "Caller"),
            to: text("To", "Called"),
            name: self.field("CallerName").map(str::to_owned),
            ..self.said(self.leg, what)
        })
    }

    /// What is said of a leg of this call.
    fn said(&self, leg: &str, what: What) -> Said {
        let named = self.role != Role::Unsaid || self.field("RecordingUrl").is_some();
        Said {
            leg: Some(leg.to_owned()),
            role: Role::Unsaid,
            call: named.then(|| self.call.to_owned()),
            from: None,
            to: None,
            name: None,
            what,
        }
    }

    fn note(&self, said: Said) -> CallEvent {
        let calls = said.call.iter().map(|call| Tie::Call(call.clone()));
        let other = said.leg.iter().filter(|leg| *leg != self.leg).map(|leg| Tie::Leg(leg.clone()));
        let ties = calls.chain([Tie::Leg(self.leg.to_owned())]).chain(other).collect();
        said.noted(self.adapter, self.when, ties)
    }

    /// What the leg's state says. Without a time of its own a state tells no moment.
    fn state(&self) -> Vec<CallEvent> {
        let Some(status) = self.field("CallStatus") else { return Vec::new() };
        let asks_for_more =
            ["DialCallStatus", "QueueResult"].iter().any(|name| self.field(name).is_some());
        let began = matches!(self.role, Role::Caller | Role::Began);
        let timeless = self.when.clock == Clock::Receiver;
        let over = || What::HungUp { cause: self.cause(status) };
        let what = match status {
            _ if self.is_final() && asks_for_more => vec![What::Nothing],
            _ if self.is_final() && began => vec![What::Ended],
            _ if self.is_final() && self.role == Role::Placed => vec![over(), What::Ended],
            _ if self.is_final() => vec![over()],
            // The states of the caller's own leg are those of the carrier's answer.
            _ if timeless || self.role == Role::Caller => vec![What::Nothing],
            "initiated" => vec![What::Created],
            "ringing" => vec![What::Alerting],
            "in-progress" => vec![What::PickedUp, What::Joined],
            _ => vec![What::Nothing],
        };
        what.into_iter().map(|what| self.own(what)).collect()
    }

    fn cause(&self, status: &str) -> Option<Cause> {
        let code = self.field("SipResponseCode");
        match (status, code) {
            ("completed", _) => None,
            (_, Some("603")) => Some(Cause::Declined),
            ("busy", _) => Some(Cause::Busy),
            ("no-answer", _) => Some(Cause::NoAnswer),
            ("canceled", _) => Some(Cause::Abandoned),
            ("failed", Some("404" | "480")) => Some(Cause::NoPhone),
            _ => Some(Cause::Failed),
        }
    }

    /// The result of a dialling, sent with the request for what comes next: the caller's state in
    /// it tells whether he was still there.
    fn dial_action(&self) -> Vec<CallEvent> {
        let Some(status) = self.field("DialCallStatus") else { return Vec::new() };
        let mut events = Vec::new();
        let dialled = self.field("DialCallSid");
        let bridged = self.field("DialBridged");
        if let (Some(leg), Some("false")) = (dialled, bridged) {
            let what = What::Settled { pick_up: PickUp::NotConnected };
            events.push(self.note(self.said(leg, what)));
        }
        let taken = status == "completed" && bridged != Some("false") || bridged == Some("true");
        let began = matches!(self.role, Role::Caller | Role::Began);
        if began && self.field("DequeuedCallSid").is_none() && !taken {
            let what = if self.is_final() { What::GaveUp } else { What::Stayed };
            events.push(self.own(what));
        }
        events
    }

    /// The queue ties the caller's leg to the call of the desk phone that took him.
    fn queue(&self) -> Vec<CallEvent> {
        let mut events = Vec::new();
        let queued = ["QueueSid", "QueueResult", "DequeingCallSid"];
        if self.role != Role::Placed && queued.iter().any(|name| self.field(name).is_some()) {
            let mut note = self.own(What::Queued);
            // The call of the desk phone that takes him is part of his.
            let desk = self.field("DequeingCallSid");
            note.ties.extend(desk.map(|desk| Tie::Leg(desk.to_owned())));
            events.push(note);
        }
        if self.field("QueueResult") == Some("hangup") {
            events.push(self.own(What::GaveUp));
        }
        if let Some(caller) = self.field("DequeuedCallSid") {
            let said = self.said(caller, What::Queued);
            let call = Some(caller.to_owned());
            events.push(self.note(Said { call, role: Role::Caller, ..said }));
        }
        events
    }

    fn machine(&self) -> Option<CallEvent> {
        let by = self.field("AnsweredBy")?;
        let machine = by.starts_with("machine") || by.starts_with("fax");
        let what = What::Settled { pick_up: PickUp::Machine };
        machine.then(|| self.note(self.said(self.leg, what)))
    }

    fn recording(&self, reading: &mut Reading) {
        let Some(url) = self.field("RecordingUrl") else { return };
        if self.field("RecordingStatus").is_some_and(|status| NO_RECORDING.contains(&status)) {
            return;
        }
        let starts_at = self.field("RecordingStartTime");
        let starts_at = starts_at.and_then(|at| time::rfc2822(at).or(time::iso(at)));
        let recording = What::Recording { reference: url.to_owned(), id: None, starts_at };
        let said = Said { leg: None, ..self.said(self.leg, recording) };
        reading.events.push(self.note(said));
        if self.field("RecordingSource") == Some("RecordVerb") {
            reading.events.push(self.note(self.said(self.leg, What::Message)));
        }
        reading.recordings.push(Hints {
            name: url.rsplit('/').next().unwrap_or(url).to_owned(),
            call_id: Some(self.call.to_owned()),
            starts_at: starts_at.map(|at| at.earliest),
            ..Hints::default()
        });
    }
}

//! AMI events, relayed as JSON: header name → text. Times are epoch seconds with microseconds,
//! where `timestampevents` is on.

use super::channel::{dial_outcome, is_from_outside, leg, said_by, takes_message};
use super::when::epoch;
use super::{Object, base_name, text};
use crate::call::{Bounds, CallEvent, CallFacts, Cause, Clock, EventKind, LegFacts, Moment, Tie};
use crate::party::{PersonName, PhoneNumber};
use crate::pbx::{Delivery, FeedNotice, Reading, Refusal, number, time};
use chrono::TimeDelta;

/// One AMI event. Those that say nothing of calls give none.
///
/// # Errors
/// [`Refusal::NotUnderstood`] when it tells a time that is nobody's call.
pub fn event(object: &Object, delivery: &Delivery) -> Result<Reading, Refusal> {
    let seen = Seen { object, at: when(object, delivery)? };
    let mut reading = Reading::default();
    if text(object, "Event") == Some("FullyBooted") {
        reading.feed.extend(seen.booted()?);
        return Ok(reading);
    }
    if let Some((leg, kind)) = seen.kind() {
        reading.events.push(seen.event(leg, kind));
    }
    Ok(reading)
}

struct Seen<'a> {
    object: &'a Object,
    at: (Moment, Clock),
}

impl Seen<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        text(self.object, name)
    }

    /// When the phone system started: what was alive then is no more.
    fn booted(&self) -> Result<Option<FeedNotice>, Refusal> {
        let written = self.text("Uptime").unwrap_or_default();
        let Ok(uptime_s) = written.parse() else { return Ok(None) };
        let uptime = TimeDelta::try_seconds(uptime_s);
        let at = uptime.and_then(|uptime| self.at.0.checked_sub_signed(uptime));
        let at = time::required(at, "Uptime", written)?;
        Ok(Some(FeedNotice::Back { at, restarted: true }))
    }

    /// The leg of the event's own channel; it began the call when the call is named after it.
    fn own(&self) -> Option<LegFacts> {
        let (id, channel) = (self.text("Uniqueid")?, self.text("Channel")?);
        let mut leg = leg(id, channel);
        leg.originator = self.text("Linkedid") == Some(id) && !leg.internal_helper;
        if self.text("Context").is_some_and(is_from_outside) && leg.originator {
            leg.outside = Some(true);
        }
        Some(leg)
    }

    fn dialled(&self) -> Option<LegFacts> {
        Some(leg(self.text("DestUniqueid")?, self.text("DestChannel")?))
    }

    fn kind(&self) -> Option<(LegFacts, EventKind)> {
        let name = self.text("Event")?;
        let kind = match name {
            "Newchannel" if self.own()?.originator => EventKind::Offered,
            "Newchannel" => EventKind::LegCreated,
            "Newstate" => match self.text("ChannelStateDesc")? {
                "Ringing" => EventKind::Alerting,
                "Up" => EventKind::PickedUp,
                _ => return None,
            },
            "DialBegin" => return Some((self.dialled()?, EventKind::LegCreated)),
            "DialState" => return Some((self.dialled()?, dial_state(self.text("DialStatus")?)?)),
            "DialEnd" => return Some((self.dialled()?, dial_end(self.text("DialStatus")?))),
            "BridgeEnter" => {
                EventKind::BridgeEntered { bridge: self.text("BridgeUniqueid")?.into() }
            }
            "BridgeLeave" => EventKind::BridgeLeft { bridge: self.text("BridgeUniqueid")?.into() },
            "Hangup" => self.hangup()?,
            "QueueCallerJoin" => EventKind::Queued,
            "QueueCallerAbandon" => EventKind::LegEnded { cause: Some(Cause::Abandoned) },
            "Cdr" => return self.message(),
            "VarSet" if self.text("Variable") == Some("MIXMONITOR_FILENAME") => {
                let reference = base_name(self.text("Value")?).to_owned();
                EventKind::RecordingAnnounced { reference, starts_at: None }
            }
            // The answer to who is alive, after a gap: a sign of life, and nothing more exact.
            "CoreShowChannel" => EventKind::Unknown { name: name.to_owned() },
            "Pickup" | "AttendedTransfer" | "BlindTransfer" => {
                EventKind::Unknown { name: name.to_owned() }
            }
            _ => return None,
        };
        Some((self.own().or_else(|| self.transferred())?, kind))
    }

    fn transferred(&self) -> Option<LegFacts> {
        let id = self.text("OrigTransfererUniqueid").or(self.text("TransfererUniqueid"))?;
        let channel = self.text("OrigTransfererChannel").or(self.text("TransfererChannel"))?;
        Some(leg(id, channel))
    }

    fn hangup(&self) -> Option<EventKind> {
        let cause = self.text("Cause").and_then(|cause| said_by(cause.parse().ok()?));
        let began = self.own()?.originator;
        Some(if began { EventKind::Ended { cause } } else { EventKind::LegEnded { cause } })
    }

    /// A call's record says which application had the caller last.
    fn message(&self) -> Option<(LegFacts, EventKind)> {
        let last = self.text("LastApplication")?;
        let (id, channel) =
            (self.text("UniqueID").or(self.text("Uniqueid"))?, self.text("Channel")?);
        let cause = takes_message(last).then_some(Cause::Message)?;
        Some((leg(id, channel), EventKind::LegEnded { cause: Some(cause) }))
    }

    fn event(&self, leg: LegFacts, kind: EventKind) -> CallEvent {
        let (at, clock) = self.at;
        let tells_call = kind == EventKind::Offered
            || leg.originator && self.text("Event") == Some("CoreShowChannel");
        let call = if tells_call { self.call() } else { CallFacts::default() };
        let ties = self.ties(&leg, &kind);
        CallEvent { at: Bounds::exact(at), clock, id: None, ties, leg: Some(leg), call, kind }
    }

    fn call(&self) -> CallFacts {
        CallFacts {
            direction: None,
            caller: self.text("CallerIDNum").and_then(number),
            caller_name: self.text("CallerIDName").and_then(PersonName::known),
            callee: self.text("Exten").and_then(PhoneNumber::known),
        }
    }

    /// All ids that this event shows to belong together. A holding bridge keeps strangers: it ties
    /// nobody.
    fn ties(&self, leg: &LegFacts, kind: &EventKind) -> Vec<Tie> {
        let mut ties = vec![Tie::Leg(leg.id.clone())];
        for name in ["Linkedid", "DestLinkedid"] {
            ties.extend(self.text(name).map(|id| Tie::Call(id.to_owned())));
        }
        for name in [
            "Uniqueid",
            "DestUniqueid",
            "TargetUniqueid",
            "OrigTransfererUniqueid",
            "SecondTransfererUniqueid",
            "TransfererUniqueid",
        ] {
            ties.extend(self.text(name).map(|id| Tie::Leg(id.to_owned())));
        }
        let holding = self.text("BridgeTechnology") == Some("holding_bridge");
        if let EventKind::BridgeEntered { bridge } | EventKind::BridgeLeft { bridge } = kind
            && !holding
        {
            ties.push(Tie::Bridge(bridge.clone()));
        }
        ties.sort();
        ties.dedup();
        ties
    }
}

/// 183 with early media is ringing here: with it the phone system never says *ringing*.
pub fn dial_state(status: &str) -> Option<EventKind> {
    matches!(status, "RINGING" | "PROGRESS").then_some(EventKind::Alerting)
}

/// The end of a dial. `ANSWER` is no proof of an answer: only a bridge is.
pub fn dial_end(status: &str) -> EventKind {
    match dial_outcome(status) {
        Some(cause) => EventKind::LegEnded { cause: Some(cause) },
        None => EventKind::Unknown { name: format!("dialled: {status}") },
    }
}

/// When it happened: the receive time where it tells none, or none in this way of writing.
fn when(object: &Object, delivery: &Delivery) -> Result<(Moment, Clock), Refusal> {
    let written = text(object, "Timestamp").unwrap_or_default();
    let digits = written.strip_prefix('-').unwrap_or(written);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Ok((delivery.received_at, Clock::Receiver));
    }
    let at = epoch(written).map(|at| at.earliest);
    Ok((time::required(at, "Timestamp", written)?, Clock::Pbx))
}

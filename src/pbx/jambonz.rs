//! jambonz: the call status hook, one status of one leg each. No status has a time of its own, so
//! the receive times serve; who gave up shows only when all lies together.

use super::address::party;
use super::settle::{Desk, Noted, Telling, note, words};
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, number, signature};
use crate::call::{
    Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, LegFacts, Tie,
};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The dialect of jambonz.
pub struct Jambonz;

const NAME: &str = "jambonz";
/// A leg that was cancelled so shortly before or after the caller hung up was cancelled by him.
const CANCEL_SLACK: TimeDelta = TimeDelta::seconds(1);
/// Request Terminated (RFC 3261 section 21.4.25).
const TERMINATED: i64 = 487;

/// The status of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Queued,
    Trying,
    Ringing,
    EarlyMedia,
    InProgress,
    Completed,
    NoAnswer,
    Busy,
    Failed,
}

/// One delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Seen {
    leg: String,
    parent: Option<String>,
    status: Status,
    direction: Option<String>,
    from: Option<String>,
    to: Option<String>,
    sip_status: Option<i64>,
    ended_by: Option<String>,
}

impl Pbx for Jambonz {
    fn name(&self) -> &'static str {
        NAME
    }

    fn sample(&self) -> &'static str {
        include_str!("../../tests/pbx/jambonz/answered.deliveries.jsonl")
    }

    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        if secret.0.is_empty() {
            return Ok(());
        }
        signature::timed_body_signed(delivery, secret, "jambonz-signature")
    }

    /// It gives none: a repeat is known by its body.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, _: &Dialect<'_>) -> Result<Reading, Refusal> {
        let mut object = body::asked_or_json(delivery)?;
        // A WebSocket application wraps the same object.
        if let Some(serde_json::Value::Object(data)) = object.get_mut("data")
            && data.contains_key("call_sid")
        {
            object = std::mem::take(data);
        }
        if object.contains_key("message_sid") && !object.contains_key("call_sid") {
            return Ok(Reading::default());
        }
        let leg = body::required(&object, "call_sid")?.to_owned();
        let status = body::required(&object, "call_status")?;
        let Ok(status) = Status::deserialize(serde_json::Value::from(status)) else {
            return Ok(Reading::default());
        };
        let text = |name| body::text(&object, name).map(str::to_owned);
        let seen = Seen {
            leg: leg.clone(),
            parent: text("parent_call_sid").filter(|parent| *parent != leg),
            status,
            direction: text("direction"),
            from: text("from"),
            to: text("to"),
            sip_status: body::integer(&object, "sip_status"),
            ended_by: text("call_termination_by"),
        };
        let ids = seen.parent.iter().chain([&leg]);
        let event = CallEvent {
            at: Bounds::exact(delivery.received_at),
            clock: Clock::Receiver,
            id: None,
            ties: ids.map(|id| Tie::Leg(id.clone())).collect(),
            leg: None,
            call: CallFacts::default(),
            kind: note(NAME, &seen),
        };
        Ok(Reading { events: vec![event], ..Reading::default() })
    }

    fn settle(&self, notes: &[&CallEvent], desk: Desk<'_>) -> Vec<CallEvent> {
        let mut notes: Vec<Noted<Seen>> = words(notes);
        // Of a status that came again the earliest counts.
        let mut told: BTreeSet<(String, Status)> = BTreeSet::new();
        notes.retain(|seen| told.insert((seen.said.leg.clone(), seen.said.status)));
        let Some(first) = notes.first() else { return Vec::new() };
        let root = root(&notes, &first.said.leg);
        let telling = Telling::of(&root, Clock::Receiver);
        Legs { notes: &notes, root: &root, desk }.tell(telling)
    }
}

/// The leg that began the call: the last that is reached by following who dialled whom.
fn root(notes: &[Noted<Seen>], leg: &str) -> String {
    let parents: BTreeMap<&str, &str> = notes
        .iter()
        .filter_map(|seen| Some((seen.said.leg.as_str(), seen.said.parent.as_deref()?)))
        .collect();
    let mut root = leg;
    // No way is longer than there are legs; one that goes in a ring ends somewhere.
    for _ in 0..parents.len() {
        root = parents.get(root).copied().unwrap_or(root);
    }
    root.to_owned()
}

impl Seen {
    fn number(&self) -> Option<&str> {
        self.to.as_deref().and_then(party)
    }

    fn is_final(&self) -> bool {
        matches!(self.status, Status::Completed | Status::NoAnswer | Status::Busy | Status::Failed)
    }

    /// Picked up in the moment in which it was cancelled.
    fn met_nobody(&self) -> bool {
        self.status == Status::Completed && self.sip_status == Some(TERMINATED)
    }

    /// Why a leg to a phone ended.
    fn cause(&self) -> Option<Cause> {
        Some(match (self.status, self.sip_status) {
            (Status::Busy, _) => Cause::Busy,
            (Status::NoAnswer, _) | (Status::Failed, Some(408)) => Cause::NoAnswer,
            (Status::Failed, Some(603)) => Cause::Declined,
            (Status::Failed, Some(404)) => Cause::NoPhone,
            (Status::Failed, Some(480)) => Cause::Unavailable,
            (Status::Failed, _) => Cause::Failed,
            _ => return None,
        })
    }
}

/// All that was told of one call, each status of a leg once.
struct Legs<'a> {
    notes: &'a [Noted<Seen>],
    root: &'a str,
    desk: Desk<'a>,
}

impl<'a> Legs<'a> {
    fn all(&self) -> impl DoubleEndedIterator<Item = &'a Noted<Seen>> {
        self.notes.iter()
    }

    /// What was told of the leg that began the call.
    fn first_leg(&self) -> impl Iterator<Item = &'a Noted<Seen>> {
        let root = self.root;
        self.all().filter(move |seen| seen.said.leg == root)
    }

    /// What was told of legs to phones of the desk.
    fn desk_legs(&self) -> impl DoubleEndedIterator<Item = &'a Noted<Seen>> {
        let desk = self.desk;
        let dialled = |seen: &&Noted<Seen>| seen.said.parent.is_some();
        self.all()
            .filter(dialled)
            .filter(move |seen| seen.said.number().is_some_and(|number| desk.has(number)))
    }

    fn tell(&self, mut telling: Telling) -> Vec<CallEvent> {
        if let Some(first) = self.notes.first() {
            telling.facts(first.at, self.facts());
        }
        let met_nobody: BTreeSet<&str> = self
            .all()
            .filter(|seen| seen.said.met_nobody())
            .map(|seen| seen.said.leg.as_str())
            .collect();
        let mut taken = false;
        for seen in self.all().filter(|seen| seen.said.parent.is_some()) {
            let leg = LegFacts {
                id: seen.said.leg.clone(),
                extension: seen.said.number().map(str::to_owned),
                ..LegFacts::default()
            };
            match seen.said.status {
                Status::Ringing | Status::EarlyMedia => {
                    telling.leg(seen.at, &leg, EventKind::Alerting);
                }
                Status::InProgress => {
                    telling.leg(seen.at, &leg, EventKind::PickedUp);
                    if !met_nobody.contains(seen.said.leg.as_str()) {
                        telling.leg(seen.at, &leg, EventKind::Joined);
                        taken = true;
                    }
                }
                _ if seen.said.is_final() => {
                    telling.leg(seen.at, &leg, EventKind::LegEnded { cause: None });
                }
                _ => {}
            }
        }
        if let Some(end) = self.first_leg().find(|seen| seen.said.is_final()) {
            let cause = if taken { None } else { self.cause(end) };
            telling.call(end.at, EventKind::Ended { cause });
        }
        telling.events
    }

    fn facts(&self) -> CallFacts {
        let of = |text: Option<&String>| text.and_then(|text| number(party(text)?));
        let Some(first) = self.first_leg().next().map(|seen| &seen.said) else {
            let caller = self.all().find_map(|seen| seen.said.from.as_ref());
            let direction = self.desk_legs().next().map(|_| Direction::Inbound);
            return CallFacts { direction, caller: of(caller), ..CallFacts::default() };
        };
        let desk = |text: &Option<String>| {
            text.as_deref()
                .is_some_and(|text| party(text).is_some_and(|party| self.desk.has(party)))
        };
        // `inbound` is what comes into the feature server, also from a phone of the desk.
        let direction = match (desk(&first.from), desk(&first.to)) {
            _ if first.direction.as_deref() == Some("outbound") => Direction::Outbound,
            (true, true) => Direction::Internal,
            (true, false) => Direction::Outbound,
            (false, _) => Direction::Inbound,
        };
        CallFacts {
            direction: Some(direction),
            caller: of(first.from.as_ref()),
            caller_name: None,
            callee: of(first.to.as_ref()),
        }
    }

    /// Why nobody answered.
    fn cause(&self, end: &Noted<Seen>) -> Option<Cause> {
        if end.said.status == Status::NoAnswer {
            return Some(Cause::Abandoned);
        }
        let by_caller =
            self.first_leg().any(|seen| seen.said.ended_by.as_deref() == Some("caller"));
        if by_caller && self.desk_rang_at(end) {
            return Some(Cause::Abandoned);
        }
        let Some(last) = self.desk_legs().rfind(|seen| seen.said.is_final()) else {
            let untried = self.desk_legs().next().is_none();
            return match end.said.status {
                Status::Failed if untried => Some(Cause::Failed),
                Status::Busy if untried => Some(Cause::Busy),
                _ => None,
            };
        };
        last.said.cause()
    }

    /// Whether a phone of the desk rang when the caller hung up.
    fn desk_rang_at(&self, end: &Noted<Seen>) -> bool {
        let rang = self
            .desk_legs()
            .filter(|seen| matches!(seen.said.status, Status::Ringing | Status::EarlyMedia));
        rang.map(|seen| &seen.said.leg).any(|leg| {
            let over = self.desk_legs().find(|seen| seen.said.leg == *leg && seen.said.is_final());
            over.is_none_or(|over| {
                let cancelled = over.said.status == Status::NoAnswer;
                over.at.earliest > end.at.earliest
                    || cancelled && over.at.earliest >= end.at.earliest - CANCEL_SLACK
            })
        })
    }
}

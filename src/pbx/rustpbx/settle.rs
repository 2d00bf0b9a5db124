//! From all that was noted of a session to its events. The record outweighs the live events, and
//! times of the two are never mixed: they are taken at different places of the program.

use super::{Event, Record, Seen, What, base_name, is_application};
use crate::call::{Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, LegFacts};
use crate::party::PersonName;
use crate::pbx::number;
use crate::pbx::settle::{Desk, Noted, Telling, words};
use std::collections::BTreeSet;

/// What the notes of one session come to.
pub fn settle(notes: &[&CallEvent], desk: Desk<'_>) -> Vec<CallEvent> {
    let notes: Vec<Noted<Seen>> = words(notes);
    let Some(first) = notes.first() else { return Vec::new() };
    let named = notes.iter().find_map(|seen| seen.said.session.as_deref());
    let root = named.unwrap_or(&first.said.call);
    let clocked = notes.iter().find(|seen| seen.clock == Clock::Pbx);
    let telling = Telling::of(root, clocked.map_or(Clock::Receiver, |seen| seen.clock));
    let began = clocked.unwrap_or(first).at;
    let of_root = || notes.iter().filter(|seen| seen.said.call == root);
    let live = of_root().filter_map(|seen| match &seen.said.what {
        What::Event(event) => Some((seen.at, event)),
        _ => None,
    });
    let record = of_root().find_map(|seen| match &seen.said.what {
        What::Record(record) => Some(record.as_ref()),
        _ => None,
    });
    Session { notes: &notes, live: live.collect(), record, desk }.tell(telling, began)
}

/// All that was told of one session. Legs other than the first add recordings and nothing else.
struct Session<'a> {
    notes: &'a [Noted<Seen>],
    /// Events of the first leg.
    live: Vec<(Bounds, &'a Event)>,
    /// The first leg's record.
    record: Option<&'a Record>,
    desk: Desk<'a>,
}

impl<'a> Session<'a> {
    fn tell(&self, mut telling: Telling, began: Bounds) -> Vec<CallEvent> {
        telling.facts(began, self.facts());
        let nobody = if self.is_application() {
            self.tell_application(&mut telling)
        } else {
            self.tell_plain(&mut telling)
        };
        if let Some(at) = self.end() {
            let cause = if nobody { self.cause() } else { None };
            telling.call(at, EventKind::Ended { cause });
        }
        self.tell_recordings(&mut telling);
        telling.events
    }

    fn all(&self, kind: &'static str) -> impl Iterator<Item = (Bounds, &'a Event)> {
        self.live.iter().copied().filter(move |(_, event)| event.kind == kind)
    }

    fn facts(&self) -> CallFacts {
        let told = |of: fn(&Event) -> Option<&String>| {
            self.live.iter().find_map(|(_, event)| of(event)).map(String::as_str)
        };
        let record = |of: fn(&Record) -> Option<&String>| self.record.and_then(of);
        let caller = told(|event| event.caller.as_ref());
        let caller = caller.or(record(|record| record.caller.as_ref()).map(String::as_str));
        let direction = told(|event| event.direction.as_ref());
        let direction =
            direction.or(record(|record| record.direction.as_ref()).map(String::as_str));
        CallFacts {
            direction: direction.and_then(self::direction),
            caller: caller.and_then(number),
            caller_name: record(|record| record.caller_name.as_ref())
                .and_then(|name| PersonName::known(name)),
            callee: self.dialled().and_then(number),
        }
    }

    fn dialled(&self) -> Option<&'a str> {
        let live = self.live.iter().find_map(|(_, event)| event.callee.as_deref());
        live.or(self.record.and_then(|record| record.callee.as_deref()))
    }

    /// The number that was dialled, if a phone of the desk has it.
    fn dialled_desk(&self) -> Option<&'a str> {
        self.dialled().filter(|number| self.desk.has(number))
    }

    /// A menu or queue took the caller: then the answer of the first leg is nobody's.
    fn is_application(&self) -> bool {
        self.live.iter().any(|(_, event)| is_application(&event.kind))
            || self.record.is_some_and(|record| record.application)
    }

    fn is_outgoing(&self) -> bool {
        matches!(self.facts().direction, Some(Direction::Outbound | Direction::Internal))
    }

    /// A call straight to a phone or group. Says whether nobody took it.
    fn tell_plain(&self, telling: &mut Telling) -> bool {
        let record = self.record;
        if let Some(record) = record
            && let (Some(answer), false) = (record.answer, record.answered_by.is_empty())
        {
            let desk = record.answered_by.iter().find(|user| self.desk.has(user));
            if let (Some(user), Some(ring)) = (desk, record.ring) {
                let leg = leg(user);
                telling.leg(Bounds::exact(ring), &leg, EventKind::Alerting);
                join(telling, Bounds::exact(answer), &leg);
                return false;
            }
            if desk.is_none() {
                self.tell_ringing(telling);
                join(telling, Bounds::exact(answer), &self::leg(&record.answered_by[0]));
                return false;
            }
        }
        let answered = self.all("call_answered").next().map(|(at, _)| at);
        match (answered, self.dialled_desk()) {
            (Some(answered), Some(user)) => {
                let leg = leg(user);
                for (at, _) in self.all("call_ringing") {
                    telling.leg(at, &leg, EventKind::Alerting);
                }
                join(telling, answered, &leg);
                false
            }
            // The far end of a call from the house.
            (Some(answered), None) if self.is_outgoing() => {
                join(telling, answered, &leg(self.dialled().unwrap_or_default()));
                false
            }
            _ => {
                self.tell_ringing(telling);
                true
            }
        }
    }

    /// The ringing of a dialled phone of the desk that was not picked up.
    fn tell_ringing(&self, telling: &mut Telling) {
        let Some(user) = self.dialled_desk() else { return };
        if let Some(ring) = self.record.and_then(|record| record.ring) {
            telling.leg(Bounds::exact(ring), &leg(user), EventKind::Alerting);
            return;
        }
        for (at, _) in self.all("call_ringing") {
            telling.leg(at, &leg(user), EventKind::Alerting);
        }
    }

    /// A call that a menu or queue had: only the live events tell of phones. Says whether nobody
    /// took it.
    fn tell_application(&self, telling: &mut Telling) -> bool {
        let connected: Vec<(Bounds, &str)> = self
            .all("queue_agent_connected")
            .filter_map(|(at, event)| Some((at, event.agent.as_deref()?)))
            .collect();
        let offered: Vec<(Bounds, &str)> = self
            .all("queue_agent_offered")
            .filter_map(|(at, event)| Some((at, event.agent.as_deref()?)))
            .collect();
        let known = connected.iter().chain(&offered).map(|(_, agent)| *agent);
        let desk = known.clone().find(|agent| self.desk.has(agent)).or(self.dialled_desk());
        for (at, _) in self.all("call_ringing") {
            let mut before = offered.iter().filter(|(offer, _)| offer.earliest <= at.latest);
            // No ringing names its phone. It may be the desk's unless only others were offered.
            let is_desk =
                before.clone().next().is_none() || before.any(|(_, agent)| self.desk.has(agent));
            if let Some(user) = desk.filter(|_| is_desk) {
                telling.leg(at, &leg(user), EventKind::Alerting);
            }
        }
        for (at, agent) in &connected {
            join(telling, *at, &leg(agent));
        }
        connected.is_empty()
    }

    fn end(&self) -> Option<Bounds> {
        let record = self.record.and_then(|record| record.end).map(Bounds::exact);
        record.or_else(|| self.all("call_hangup").next().map(|(at, _)| at))
    }

    /// Why nobody answered.
    fn cause(&self) -> Option<Cause> {
        let hangup = self.all("call_hangup").next().map(|(_, event)| event);
        let reason = self.record.and_then(|record| record.reason.as_ref());
        let reason = reason.or(hangup.and_then(|event| event.reason.as_ref()));
        let reason = reason.map(|reason| plain_reason(reason)).unwrap_or_default();
        let status = self.record.and_then(|record| record.sip_status);
        let status = status.or(hangup.and_then(|event| event.sip_status));
        let left_queue = self
            .all("queue_left")
            .any(|(_, event)| event.reason.as_deref().map(plain_reason).as_deref() == Some(GONE));
        let gave_up = matches!(reason.as_str(), "canceled" | GONE)
            || left_queue
            || reason == "caller" && !self.was_accepted();
        if self.record.is_some_and(|record| record.message) {
            return Some(Cause::Message);
        }
        if gave_up {
            return Some(Cause::Abandoned);
        }
        match (status, reason.as_str()) {
            (Some(486 | 600), _) => Some(Cause::Busy),
            (Some(603), _) => Some(Cause::Declined),
            _ if self.record.is_some_and(|record| record.offline) => Some(Cause::NoPhone),
            (_, "noanswer") => Some(Cause::NoAnswer),
            (_, "serverunavailable") => Some(Cause::Unavailable),
            (_, "failed" | "rejected" | "rtptimeout" | "autohangup" | "nobalance") => {
                Some(Cause::Failed)
            }
            (_, "answermachine") => Some(Cause::Failed),
            _ => None,
        }
    }

    /// The phone system accepted the caller, be it by a phone, a menu or a queue.
    fn was_accepted(&self) -> bool {
        match self.record {
            Some(record) => record.answer.is_some(),
            None => self.is_application() || self.all("call_answered").next().is_some(),
        }
    }

    /// Addresses that were announced; else what the record names; a file that came along under its
    /// own name.
    fn tell_recordings(&self, telling: &mut Telling) {
        let mut told: BTreeSet<&str> = BTreeSet::new();
        let (mut named, mut tracks, mut files) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for seen in self.notes {
            match &seen.said.what {
                What::Event(event) => told.extend(event.recording.as_deref()),
                What::Record(record) => {
                    named.extend(record.recording.as_deref());
                    tracks.extend(record.tracks.iter().map(String::as_str));
                }
                What::File(name) => files.push(name.as_str()),
            }
        }
        for other in [named, tracks] {
            if told.is_empty() {
                told = other;
            }
        }
        for file in files {
            told.retain(|reference| base_name(reference) != file);
            told.insert(file);
        }
        let at = self.end().or_else(|| self.notes.first().map(|seen| seen.at));
        for (at, reference) in at.into_iter().flat_map(|at| told.iter().map(move |one| (at, one))) {
            let reference = (*reference).to_owned();
            telling.call(at, EventKind::RecordingAnnounced { reference, starts_at: None });
        }
    }
}

/// The caller left the queue.
const GONE: &str = "abandoned";

/// A reason as record and events both have it: `byCaller` and `caller` are one.
fn plain_reason(reason: &str) -> String {
    let plain = reason.replace('_', "").to_ascii_lowercase();
    plain.strip_prefix("by").map(str::to_owned).unwrap_or(plain)
}

fn direction(word: &str) -> Option<Direction> {
    Some(match word {
        "inbound" => Direction::Inbound,
        "outbound" => Direction::Outbound,
        "internal" => Direction::Internal,
        _ => return None,
    })
}

/// The leg to a user's phone.
fn leg(user: &str) -> LegFacts {
    let extension = Some(user.to_owned());
    LegFacts { id: format!("phone {user}"), extension, ..LegFacts::default() }
}

/// What is picked up is heard at once.
fn join(telling: &mut Telling, at: Bounds, leg: &LegFacts) {
    telling.leg(at, leg, EventKind::PickedUp);
    telling.leg(at, leg, EventKind::Joined);
}

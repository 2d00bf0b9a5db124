//! Channel event logging: what happened to each channel, afterwards, from the phone system's own
//! log. It tells creation, pick-up, bridges and ends, and never that a phone rang.

use super::channel::{dial_outcome, is_from_outside, leg, said_by, takes_message};
use super::{Object, text, when};
use crate::call::{
    Bounds, CallEvent, CallFacts, Cause, Clock, EventKind, JoinSight, LegFacts, Tie,
};
use crate::party::{PersonName, PhoneNumber};
use crate::pbx::{Delivery, Dialect, Reading, Refusal, number};
use serde_json::Value;

/// Columns of the sample configuration, in their order.
pub const COLUMNS: [&str; 20] = [
    "eventtype",
    "eventtime",
    "cid_name",
    "cid_num",
    "cid_ani",
    "cid_rdnis",
    "cid_dnid",
    "exten",
    "context",
    "channame",
    "appname",
    "appdata",
    "amaflags",
    "accountcode",
    "uniqueid",
    "linkedid",
    "bridgepeer",
    "userfield",
    "userdeftype",
    "eventextra",
];

/// The same without `userdeftype`, which many leave out.
pub const SHORT_COLUMNS: [&str; 19] = [
    "eventtype",
    "eventtime",
    "cid_name",
    "cid_num",
    "cid_ani",
    "cid_rdnis",
    "cid_dnid",
    "exten",
    "context",
    "channame",
    "appname",
    "appdata",
    "amaflags",
    "accountcode",
    "uniqueid",
    "linkedid",
    "bridgepeer",
    "userfield",
    "eventextra",
];

/// Types that databases write as numbers.
const NUMBERED: [(&str, &str); 6] = [
    ("1", "CHAN_START"),
    ("2", "CHAN_END"),
    ("3", "HANGUP"),
    ("4", "ANSWER"),
    ("7", "BRIDGE_ENTER"),
    ("8", "BRIDGE_EXIT"),
];

/// Types that tell a row of this log by its first field.
pub fn is_type(word: &str) -> bool {
    let known = [
        "CHAN_START",
        "CHAN_END",
        "ANSWER",
        "HANGUP",
        "BRIDGE_ENTER",
        "BRIDGE_EXIT",
        "APP_START",
        "APP_END",
        "PARK_START",
        "PARK_END",
        "BLINDTRANSFER",
        "ATTENDEDTRANSFER",
        "PICKUP",
        "FORWARD",
        "LINKEDID_END",
        "LOCAL_OPTIMIZE",
        "LOCAL_OPTIMIZE_BEGIN",
        "STREAM_BEGIN",
        "STREAM_END",
        "DTMF",
        "USER_DEFINED",
    ];
    known.contains(&word)
}

/// Names of the same fields where the manager interface sends the row, or a database keeps it.
const OTHER_NAMES: [(&str, &str); 14] = [
    ("EventName", "eventtype"),
    ("EventTime", "eventtime"),
    ("CallerIDnum", "cid_num"),
    ("CallerIDname", "cid_name"),
    ("Exten", "exten"),
    ("Context", "context"),
    ("Channel", "channame"),
    ("Application", "appname"),
    ("UniqueID", "uniqueid"),
    ("LinkedID", "linkedid"),
    ("Peer", "bridgepeer"),
    ("peer", "bridgepeer"),
    ("Extra", "eventextra"),
    ("extra", "eventextra"),
];

/// A row that the manager interface sent. Its `EventTime` is whole seconds always, so its own
/// `Timestamp` counts.
pub fn managed(
    object: &Object,
    delivery: &Delivery,
    dialect: &Dialect<'_>,
) -> Result<Reading, Refusal> {
    let mut row = renamed(object);
    if let Some(at) = object.get("Timestamp") {
        row.insert("eventtime".into(), at.clone());
    }
    Row { object: &row, whole: false }.read(delivery, dialect)
}

/// A row of a file or table.
pub fn record(
    object: &Object,
    delivery: &Delivery,
    dialect: &Dialect<'_>,
) -> Result<Reading, Refusal> {
    Row { object: &renamed(object), whole: true }.read(delivery, dialect)
}

fn renamed(object: &Object) -> Object {
    let name = |name: &String| {
        let known = OTHER_NAMES.iter().find(|(other, _)| other == name);
        known.map_or_else(|| name.clone(), |(_, name)| (*name).to_owned())
    };
    object.iter().map(|(key, value)| (name(key), value.clone())).collect()
}

struct Row<'a> {
    object: &'a Object,
    /// From a log that knows the call whole, not from a feed that may have been lost.
    whole: bool,
}

impl Row<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        text(self.object, name)
    }

    fn read(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        let Some(id) = self.text("uniqueid") else {
            return Err(Refusal::NotUnderstood("`uniqueid` is missing, or no text".into()));
        };
        let (at, clock) = self.at(delivery, dialect)?;
        let mut leg = leg(id, self.text("channame").unwrap_or_default());
        leg.originator = self.text("linkedid") == Some(id) && !leg.internal_helper;
        if leg.originator && self.text("context").is_some_and(is_from_outside) {
            leg.outside = Some(true);
        }
        let kinds = self.kinds(&mut leg);
        let event = |kind: EventKind| CallEvent {
            at,
            clock,
            id: None,
            ties: self.ties(id, &kind),
            call: self.call(&kind),
            leg: Some(leg.clone()),
            kind,
        };
        Ok(Reading { events: kinds.into_iter().map(event).collect(), ..Reading::default() })
    }

    fn at(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<(Bounds, Clock), Refusal> {
        let written = match self.object.get("eventtime") {
            None => return Ok((Bounds::exact(delivery.received_at), Clock::Receiver)),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let why = || Refusal::NotUnderstood(format!("`eventtime` is `{written}`, no time"));
        let at = when::written(&written, dialect.zone).ok_or_else(why)?;
        Ok((at, Clock::Pbx))
    }

    fn name(&self) -> &str {
        let written = self.text("eventtype").unwrap_or_default();
        NUMBERED.iter().find(|(number, _)| *number == written).map_or(written, |(_, name)| name)
    }

    /// What a row says; most say nothing of calls.
    fn kinds(&self, leg: &mut LegFacts) -> Vec<EventKind> {
        let kind = match self.name() {
            "CHAN_START" if leg.originator => EventKind::Offered,
            "CHAN_START" => EventKind::LegCreated,
            "ANSWER" => EventKind::PickedUp,
            "BRIDGE_ENTER" => return self.joined(leg).into_iter().collect(),
            "BRIDGE_EXIT" => match self.bridge() {
                Some(bridge) => EventKind::BridgeLeft { bridge },
                None => return Vec::new(),
            },
            "HANGUP" if leg.originator => EventKind::Ended { cause: self.cleared() },
            "HANGUP" => EventKind::LegEnded { cause: self.said() },
            "CHAN_END" if leg.originator => EventKind::Ended { cause: None },
            "CHAN_END" => EventKind::LegEnded { cause: None },
            "LINKEDID_END" if self.whole => EventKind::Logged,
            name @ ("PICKUP" | "BLINDTRANSFER" | "ATTENDEDTRANSFER") => {
                EventKind::Unknown { name: name.to_lowercase() }
            }
            "APP_START" | "STREAM_BEGIN" if leg.originator => match self.text("appname") {
                Some("Queue") => EventKind::Queued,
                Some(taker) if takes_message(taker) => {
                    EventKind::LegEnded { cause: Some(Cause::Message) }
                }
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        vec![kind]
    }

    /// Without the bridge's id the row still names who is in it: the one it joined.
    fn joined(&self, leg: &mut LegFacts) -> Option<EventKind> {
        if let Some(bridge) = self.bridge() {
            return Some(EventKind::BridgeEntered { bridge });
        }
        let peer = self.text("bridgepeer").filter(|peer| !peer.contains(','))?;
        if leg.originator {
            *leg = LegFacts { was: None, ..super::channel::leg(peer, peer) };
            leg.joins = JoinSight::Unsaid;
        }
        Some(EventKind::Joined)
    }

    fn extra(&self) -> Option<Object> {
        match self.object.get("eventextra")? {
            Value::Object(extra) => Some(extra.clone()),
            Value::String(text) => serde_json::from_str(text).ok(),
            _ => None,
        }
    }

    fn bridge(&self) -> Option<String> {
        Some(text(&self.extra()?, "bridge_id")?.to_owned())
    }

    /// A holding bridge keeps strangers: it ties nobody.
    fn is_holding(&self) -> bool {
        self.extra()
            .is_some_and(|extra| text(&extra, "bridge_technology") == Some("holding_bridge"))
    }

    fn said(&self) -> Option<Cause> {
        said_by(self.extra()?.get("hangupcause")?.as_u64()?)
    }

    /// Why the caller's own channel was cleared. A dial that was cancelled, or answered by a phone
    /// that never heard him, is his giving up only if he himself hung up: a shutdown of the phone
    /// system cancels too.
    fn cleared(&self) -> Option<Cause> {
        let extra = self.extra()?;
        let himself = text(&extra, "hangupsource") == self.text("channame");
        let status = text(&extra, "dialstatus");
        match (status, status.and_then(dial_outcome)) {
            (_, Some(Cause::Abandoned)) | (Some("ANSWER"), _) => {
                himself.then_some(Cause::Abandoned)
            }
            (_, Some(outcome)) => self.said().or(Some(outcome)),
            (_, None) => self.said().filter(|_| status.is_none()),
        }
    }

    fn call(&self, kind: &EventKind) -> CallFacts {
        if *kind != EventKind::Offered {
            return CallFacts::default();
        }
        CallFacts {
            direction: None,
            caller: self.text("cid_num").and_then(number),
            caller_name: self.text("cid_name").and_then(PersonName::known),
            callee: self.text("exten").and_then(PhoneNumber::known),
        }
    }

    fn ties(&self, id: &str, kind: &EventKind) -> Vec<Tie> {
        let mut ties = vec![Tie::Leg(id.to_owned())];
        ties.extend(self.text("linkedid").map(|linked| Tie::Call(linked.to_owned())));
        if let EventKind::BridgeEntered { bridge } | EventKind::BridgeLeft { bridge } = kind
            && !self.is_holding()
        {
            ties.push(Tie::Bridge(bridge.clone()));
        }
        let extra = self.extra().unwrap_or_default();
        for name in [
            "pickup_channel_uniqueid",
            "channel2_uniqueid",
            "transferee_channel_uniqueid",
            "transfer_target_channel_uniqueid",
        ] {
            ties.extend(text(&extra, name).map(|id| Tie::Leg(id.to_owned())));
        }
        ties.sort();
        ties.dedup();
        ties
    }
}

//! From what one delivery tells of a leg to canonical events.

use super::record::{Profile, Record, micros};
use crate::call::{
    Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, JoinSight, LegFacts, Tie,
};
use crate::party::{PersonName, PhoneNumber};
use crate::pbx::{Delivery, Reading};
use crate::recording::Hints;
use chrono_tz::Tz;

/// Events that tell of a leg, and the time that each reports. All others say nothing.
const EVENTS: [(&str, &str); 12] = [
    ("CHANNEL_CREATE", "start"),
    ("CHANNEL_ORIGINATE", ""),
    ("CHANNEL_PROGRESS", "progress"),
    ("CHANNEL_PROGRESS_MEDIA", "progress_media"),
    ("CHANNEL_ANSWER", "answer"),
    ("CHANNEL_BRIDGE", "bridge"),
    ("CHANNEL_UNBRIDGE", ""),
    ("CHANNEL_HANGUP", "end"),
    ("CHANNEL_HANGUP_COMPLETE", "end"),
    ("CHANNEL_UUID", ""),
    ("RECORD_START", ""),
    ("RECORD_STOP", ""),
];

/// The number that stands where a caller has none.
const NO_NUMBER: &str = "0000000000";

/// The events of a delivery; none for one that tells of no leg.
///
/// # Errors
/// A sentence that names the field at fault.
pub fn convert(record: &Record, delivery: &Delivery, zone: Tz) -> Result<Reading, String> {
    let reports = match &record.event {
        None => "",
        Some(name) => match EVENTS.iter().find(|(known, _)| known == name) {
            Some((_, reports)) => reports,
            None => return Ok(Reading::default()),
        },
    };
    let told = Told { record, delivery, zone, reports, id: leg_id(record)? };
    let mut reading = Reading::default();
    told.life(&mut reading.events);
    told.joins(&mut reading.events);
    told.end(&mut reading.events);
    told.recordings(&mut reading);
    Ok(reading)
}

fn leg_id(record: &Record) -> Result<&str, String> {
    let newest = || record.profiles.first()?.numbers.get("uuid").map(String::as_str);
    let id = match &record.event {
        Some(_) => record.head("Unique-ID"),
        None => record.variable("uuid").or_else(newest).or_else(|| record.head("uuid")),
    };
    let wanted = if record.event.is_some() { "Unique-ID" } else { "uuid" };
    id.ok_or_else(|| format!("no `{wanted}` says which leg it is"))
}

struct Told<'a> {
    record: &'a Record,
    delivery: &'a Delivery,
    zone: Tz,
    /// The time that this event reports.
    reports: &'a str,
    id: &'a str,
}

impl Told<'_> {
    /// A time of the leg; of an event that lacks the one it reports, the event's own.
    fn at(&self, name: &str) -> Option<Bounds> {
        let in_profile = match name {
            "start" => "created_time",
            "progress" => "progress_time",
            "progress_media" => "progress_media_time",
            "answer" => "answered_time",
            "bridge" => "bridged_time",
            _ => "hangup_time",
        };
        let told = self.record.at(name, in_profile, self.zone);
        told.or_else(|| self.happened().filter(|_| name == self.reports))
    }

    /// When the event happened.
    fn happened(&self) -> Option<Bounds> {
        self.record.head("Event-Date-Timestamp").and_then(micros).map(Bounds::exact)
    }

    /// Who the phone system says made the leg: itself (a phone that it rings, a line that it
    /// takes), or the other side.
    fn dialled(&self) -> Option<bool> {
        let named = ["direction", "Call-Direction"].iter().find_map(|name| self.record.head(name));
        match named.or_else(|| self.record.variable("direction")) {
            Some("inbound") => Some(false),
            Some("outbound") => Some(true),
            _ => Some(!self.parents().is_empty()),
        }
    }

    /// Legs on whose behalf this one was made.
    fn parents(&self) -> Vec<&str> {
        let record = self.record;
        let mut parents: Vec<&str> = Vec::new();
        parents.extend(record.variable("originating_leg_uuid"));
        parents.extend(record.variable("originator"));
        if record.head("Other-Type") == Some("originator") {
            parents.extend(record.head("Other-Leg-Unique-ID"));
        }
        let profiles = record.profiles.iter().flat_map(|profile| &profile.originators);
        parents.extend(profiles.map(String::as_str));
        if record.variable("cc_side") == Some("agent") {
            parents.extend(record.variable("cc_member_session_uuid"));
        }
        parents.retain(|parent| *parent != self.id);
        parents
    }

    /// The leg on whose behalf this one was dialled. What the other side opened has none, whatever
    /// a pick-up writes into it.
    fn parent(&self) -> Option<&str> {
        let dialled = self.dialled() == Some(true);
        self.parents().first().copied().filter(|_| dialled)
    }

    fn partners(&self) -> Vec<&str> {
        let variables = ["bridge_uuid", "last_bridge_to"];
        let heads = ["Bridge-A-Unique-ID", "Bridge-B-Unique-ID", "Old-Unique-ID"];
        let variables = variables.iter().filter_map(|name| self.record.variable(name));
        variables.chain(heads.iter().filter_map(|name| self.record.head(name))).collect()
    }

    fn leg(&self) -> LegFacts {
        let dialled = self.dialled();
        let parent = self.parent().map(str::to_owned);
        LegFacts {
            id: self.id.to_owned(),
            originator: parent.is_none(),
            parent,
            dialled,
            outside: self.outside().filter(|_| dialled == Some(true)),
            joins: JoinSight::Sound,
            was: self.record.head("Old-Unique-ID").map(str::to_owned),
            ..LegFacts::default()
        }
    }

    fn outside(&self) -> Option<bool> {
        let gateway = self.record.variable("sip_gateway_name").map(|_| true);
        gateway.or_else(|| self.record.variable("dialed_user").map(|_| false))
    }

    /// The leg with the numbers of its first profile.
    fn numbered(&self) -> LegFacts {
        let record = self.record;
        let oldest =
            |name: &str| -> Option<&str> { record.oldest()?.numbers.get(name).map(String::as_str) };
        let known = |text: Option<&str>| text.filter(|text| *text != NO_NUMBER).and_then(number);
        let shown = |name: &str, variable: &str| match record.oldest() {
            Some(profile) if !profile.numbers.is_empty() => oldest(name),
            _ => record.variable(variable),
        };
        let mut leg = self.leg();
        let names = match leg.dialled {
            Some(true) => [
                record.variable("dialed_user"),
                oldest("callee_id_number"),
                oldest("destination_number"),
                None,
                None,
            ],
            _ => [
                record.variable("user_name"),
                record.variable("sip_auth_username"),
                oldest("username"),
                record.variable("sip_from_user"),
                oldest("caller_id_number"),
            ],
        };
        leg.known_as = names.into_iter().flatten().map(str::to_owned).collect();
        leg.from = known(shown("caller_id_number", "sip_from_user"));
        leg.to = known(shown("destination_number", "sip_req_user"));
        leg
    }

    fn event(&self, at: Bounds, leg: LegFacts, kind: EventKind) -> CallEvent {
        let mut ties = vec![Tie::Leg(self.id.to_owned())];
        ties.push(Tie::Call(self.parent().unwrap_or(self.id).to_owned()));
        let others = self.parents().into_iter().chain(self.partners());
        ties.extend(others.map(|id| Tie::Leg(id.to_owned())));
        ties.sort();
        ties.dedup();
        let call = CallFacts::default();
        CallEvent { at, clock: Clock::Pbx, id: None, ties, leg: Some(leg), call, kind }
    }

    /// Its making, ringing and pick-up.
    fn life(&self, events: &mut Vec<CallEvent>) {
        let dialled = self.dialled() == Some(true);
        let first = self.record.oldest().and_then(|profile| profile.index).unwrap_or(1) <= 1;
        let created = self.at("start");
        let kind = if dialled { EventKind::LegCreated } else { EventKind::Offered };
        match (created, first) {
            (Some(at), true) => events.push(self.described(at, kind)),
            (created, _) => {
                events.extend(created.map(|at| self.event(at, self.leg(), kind)));
                events.push(self.note());
            }
        }
        if dialled {
            let ringing = [self.at("progress"), self.at("progress_media")].into_iter().flatten();
            let first = ringing.min_by_key(|at| (at.earliest, at.latest));
            events.extend(first.map(|at| self.event(at, self.leg(), EventKind::Alerting)));
            let answer = self.at("answer");
            events.extend(answer.map(|at| self.event(at, self.leg(), EventKind::PickedUp)));
        }
    }

    /// What is known of leg and call, at a moment of the leg's.
    fn described(&self, at: Bounds, kind: EventKind) -> CallEvent {
        let leg = self.numbered();
        let name = self.record.oldest().and_then(|profile| profile.numbers.get("caller_id_name"));
        let name = name.filter(|_| leg.parent.is_none());
        let local = self.record.variable("call_direction") == Some("local");
        let call = CallFacts {
            direction: local.then_some(Direction::Internal),
            caller_name: name.and_then(|name| PersonName::known(name)),
            ..CallFacts::default()
        };
        CallEvent { call, ..self.event(at, leg, kind) }
    }

    /// The numbers of a leg whose making was not told, or that is past its first profile.
    fn note(&self) -> CallEvent {
        let name = self.record.event.clone().unwrap_or_else(|| "record".into());
        let created = |profile: &Profile| micros(profile.times.get("profile_created_time")?);
        let profile = self.record.profiles.first().and_then(created).map(Bounds::exact);
        let names = ["bridge", "answer", "progress", "end"];
        let any = || names.iter().find_map(|name| self.at(name));
        let kind = EventKind::Unknown { name };
        match profile.or_else(|| self.happened()).or_else(any) {
            Some(at) => self.described(at, kind),
            None => {
                let at = Bounds::exact(self.delivery.received_at);
                CallEvent { clock: Clock::Receiver, ..self.described(at, kind) }
            }
        }
    }

    /// Whom it was joined with, and when first.
    fn joins(&self, events: &mut Vec<CallEvent>) {
        let profiles = self.record.profiles.iter();
        let in_profiles = profiles.filter_map(|profile| micros(profile.times.get("bridged_time")?));
        let told = in_profiles.map(Bounds::exact).chain(self.at("bridge"));
        let Some(joined) = told.min_by_key(|at| (at.earliest, at.latest)) else { return };
        events.push(self.event(joined, self.leg(), EventKind::Joined));
        if self.record.event.as_deref() == Some("CHANNEL_BRIDGE") {
            let ends = ["Bridge-A-Unique-ID", "Bridge-B-Unique-ID"];
            let others = ends.iter().filter_map(|name| self.record.head(name));
            for id in others.filter(|id| *id != self.id) {
                let other = LegFacts { joins: JoinSight::Sound, ..leg_named(id) };
                let at = self.at("bridge").unwrap_or(joined);
                events.push(self.event(at, other, EventKind::Joined));
            }
        }
        events.extend(self.reached());
    }

    /// A leg that was answered and joined says with whom, even if that leg is never told of.
    fn reached(&self) -> Option<CallEvent> {
        let partner = self.record.variable("bridge_uuid").filter(|id| *id != self.id)?;
        let (answer, bridge) = (self.at("answer")?, self.at("bridge")?);
        if self.parent().is_some() {
            return None;
        }
        let latest = answer.latest.max(bridge.latest);
        let at = Bounds { earliest: answer.earliest.max(bridge.earliest), latest };
        let of_partner = |text: &&String| text.split(';').next() == Some(partner);
        let legs = self.record.variables.get("originated_legs").into_iter().flatten();
        let listed = legs.into_iter().find(of_partner).and_then(|text| text.split(';').nth(2));
        let profiles = self.record.profiles.iter().flat_map(|profile| &profile.originatees);
        let dialled = || {
            let mut profiles = profiles.into_iter();
            profiles.find(|(id, _)| id == partner).map(|(_, number)| number.as_str())
        };
        let number = listed.filter(|number| !number.is_empty()).or_else(dialled);
        let known_as = number.filter(|number| !number.is_empty()).map(str::to_owned);
        let leg = LegFacts {
            known_as: known_as.into_iter().collect(),
            joins: JoinSight::Sound,
            ..leg_named(partner)
        };
        Some(self.event(at, leg, EventKind::Reached))
    }

    /// Its end and why. The leg that began the call ends it.
    fn end(&self, events: &mut Vec<CallEvent>) {
        let Some(at) = self.at("end") else { return };
        let cleared = self.record.head("Hangup-Cause");
        let cleared = cleared.or_else(|| self.record.variable("hangup_cause")).unwrap_or_default();
        if self.parent().is_some() {
            let kind = EventKind::LegEnded { cause: said_by(cleared) };
            events.push(self.event(at, self.leg(), kind));
            return;
        }
        let cause = if self.took_message() {
            Some(Cause::Message)
        } else {
            self.gave_up(cleared).then_some(Cause::Abandoned)
        };
        events.push(self.event(at, self.leg(), EventKind::LegEnded { cause }));
        events.push(self.event(at, self.leg(), EventKind::Ended { cause: None }));
        let disposition = self.record.variable("originate_disposition").unwrap_or(cleared);
        if disposition != "call accepted" && !disposition.is_empty() {
            let cause = said_by(disposition).unwrap_or(Cause::Failed);
            let kind = EventKind::Unanswered { cause, outweighs: false };
            events.push(self.event(at, self.leg(), kind));
        }
    }

    fn took_message(&self) -> bool {
        let last = ("last_app", "last_arg");
        let last = self.record.variable(last.0).zip(self.record.variable(last.1).or(Some("")));
        let log = self.record.applications.iter();
        let mut ran = log.map(|(name, data)| (name.as_str(), data.as_str())).chain(last);
        let script = |data: &str| data.split_whitespace().take(2).eq(["app.lua", "voicemail"]);
        ran.any(|(name, data)| name == "voicemail" || name == "lua" && script(data))
            || self.record.variable("voicemail_answer_stamp").is_some()
            || self.record.variable("voicemail_message_len").is_some()
    }

    /// A caller leaves a ringing phone by CANCEL, an answered queue by BYE.
    fn gave_up(&self, cleared: &str) -> bool {
        let by = self.record.variable("sip_hangup_disposition");
        cleared == "ORIGINATOR_CANCEL" || matches!(by, Some("recv_cancel" | "recv_bye"))
    }

    fn recordings(&self, reading: &mut Reading) {
        let is_event = matches!(self.record.event.as_deref(), Some("RECORD_START" | "RECORD_STOP"));
        let (at, references) = if is_event {
            let path = self.record.head("Record-File-Path").map(str::to_owned);
            (self.happened(), path.into_iter().collect())
        } else {
            (self.at("answer"), self.announced())
        };
        if at.is_none() && !is_event {
            return;
        }
        for reference in references {
            reading.recordings.push(Hints {
                name: reference.rsplit(['/', '\\']).next().unwrap_or(&reference).to_owned(),
                call_id: Some(self.id.to_owned()),
                ..Hints::default()
            });
            let kind = EventKind::RecordingAnnounced { reference, starts_at: None };
            reading.events.push(match at {
                Some(at) => self.event(at, self.leg(), kind),
                None => self.received(self.leg(), kind),
            });
        }
    }

    /// What is told without a time of its own.
    fn received(&self, leg: LegFacts, kind: EventKind) -> CallEvent {
        let at = Bounds::exact(self.delivery.received_at);
        CallEvent { clock: Clock::Receiver, ..self.event(at, leg, kind) }
    }

    /// Files that an answered leg was to be recorded into: the variables are set before anything
    /// is.
    fn announced(&self) -> Vec<String> {
        let record = self.record;
        let variable = |name: &str| record.variable(name).map(str::to_owned);
        let mut found: Vec<String> = Vec::new();
        let folder = variable("record_path").zip(variable("record_name"));
        found.extend(folder.map(|(path, name)| format!("{}/{name}", path.trim_end_matches('/'))));
        found.extend(variable("cc_record_filename"));
        let log = record.applications.iter().filter(|(name, _)| name == "record_session");
        found.extend(log.map(|(_, data)| recorded_file(data)));
        found.extend(variable("sofia_record_file"));
        let later = record.variables.get("api_on_answer").into_iter().flatten();
        found.extend(later.filter_map(|command| started_file(command)));
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|path| !path.is_empty() && seen.insert(path.clone()));
        found
    }
}

fn leg_named(id: &str) -> LegFacts {
    LegFacts { id: id.to_owned(), ..LegFacts::default() }
}

fn number(text: &str) -> Option<PhoneNumber> {
    crate::pbx::number(text)
}

/// `{options}/path/file.wav +60` without options and limit.
fn recorded_file(data: &str) -> String {
    let data = data.trim();
    let options = data.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let path = options.map_or(data, |(_, path)| path).trim();
    let limit = |rest: &str| {
        rest.strip_prefix('+')
            .is_some_and(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit()))
    };
    match path.rsplit_once(' ') {
        Some((path, last)) if limit(last) => path.trim_end().to_owned(),
        _ => path.to_owned(),
    }
}

/// The file of `uuid_record <uuid> start <path>`.
fn started_file(command: &str) -> Option<String> {
    let mut words = command.split_whitespace();
    let starts = words.next() == Some("uuid_record") && words.nth(1) == Some("start");
    words.next().filter(|_| starts).map(str::to_owned)
}

/// What a cause says of a phone nobody picked up; nothing where another phone was quicker or the
/// caller was.
fn said_by(cause: &str) -> Option<Cause> {
    Some(match cause {
        "NO_ANSWER" | "ALLOTTED_TIMEOUT" => Cause::NoAnswer,
        "CALL_REJECTED" => Cause::Declined,
        "USER_BUSY" => Cause::Busy,
        "NO_USER_RESPONSE"
        | "RECOVERY_ON_TIMER_EXPIRE"
        | "PROGRESS_TIMEOUT"
        | "DESTINATION_OUT_OF_ORDER"
        | "NORMAL_TEMPORARY_FAILURE" => Cause::Unavailable,
        "USER_NOT_REGISTERED" | "SUBSCRIBER_ABSENT" => Cause::NoPhone,
        "LOSE_RACE" | "ORIGINATOR_CANCEL" | "PICKED_OFF" | "" => return None,
        _ => Cause::Failed,
    })
}

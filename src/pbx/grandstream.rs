//! Grandstream UCM: rows of its call records, one for each phone that was tried, pushed after the
//! fact or pulled. They are in local time and whole seconds, and tell no ringing.

use super::settle::{Desk, Noted, Telling, note, words};
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, number, signature, time};
use crate::call::{
    Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, LegFacts, Tie,
};
use crate::recording::Hints;
use body::Object;
use chrono::TimeDelta;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// The Grandstream dialect.
pub struct Grandstream;

/// Rows in one delivery at most: each may be of another call.
const ROWS_MAX: usize = 250;
/// Phones dialled within this of each other were dialled together.
const TOGETHER: TimeDelta = TimeDelta::seconds(1);
/// A row begins at most this long before or after its caller's channel; else the zone is wrong.
const ZONE_SLACK: [TimeDelta; 2] = [TimeDelta::minutes(1), TimeDelta::minutes(45)];

impl Pbx for Grandstream {
    fn name(&self) -> &'static str {
        "grandstream"
    }

    fn sample(&self) -> &'static str {
        include_str!("../../tests/pbx/grandstream/answered.deliveries.jsonl")
    }

    /// It signs nothing: user and password are sent along (RFC 7617).
    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        signature::basic(delivery, secret)
    }

    /// A delivery has none; its rows have.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        let object = body::json_object(delivery)?;
        let rows = rows(&object)?;
        let mut reading = Reading::default();
        let read: Vec<Row> =
            rows.iter().filter_map(|fields| Row::of(fields, dialect.zone)).collect();
        if read.is_empty() && !rows.is_empty() {
            let why = "neither `session` nor `uniqueid` says which call the row is of";
            return Err(Refusal::NotUnderstood(why.into()));
        }
        for row in read {
            reading.warnings.extend(row.zone_warning(dialect.zone));
            reading.recordings.extend(row.recordings().map(|name| Hints {
                name: name.rsplit('/').next().unwrap_or(name).to_owned(),
                call_id: Some(row.call.clone()),
                ..Hints::default()
            }));
            reading.events.push(CallEvent {
                at: Bounds::exact(delivery.received_at),
                clock: Clock::Receiver,
                id: None,
                ties: vec![Tie::Call(row.call.clone())],
                leg: None,
                call: CallFacts::default(),
                kind: note("grandstream", &row),
            });
        }
        Ok(reading)
    }

    fn settle(&self, notes: &[&CallEvent], desk: Desk<'_>) -> Vec<CallEvent> {
        let mut seen = BTreeSet::new();
        // Of a row that came again the first received stands.
        let noted: Vec<Noted<Row>> = words(notes);
        let mut rows: Vec<Row> = noted.into_iter().map(|noted| noted.said).collect();
        rows.retain(|row| row.account.is_none_or(|account| seen.insert(account)));
        rows.sort_by_key(|row| (row.start.is_none(), row.start.map(|at| at.earliest), row.account));
        let received = notes.first().map(|event| event.at);
        received.map(|received| settled(&rows, received, desk)).unwrap_or_default()
    }
}

/// The rows of a body: itself, or those of the lists that the UCM answers with. What sums up other
/// rows may be of another call.
fn rows(object: &Object) -> Result<Vec<&Object>, Refusal> {
    let list = ["cdr_root", "cdr"].iter().find_map(|name| object.get(*name)?.as_array());
    let Some(list) = list else { return Ok(vec![object]) };
    let mut rows = Vec::new();
    for item in list.iter().filter_map(Value::as_object) {
        let parts: Vec<&Object> = item
            .iter()
            .filter(|(name, _)| name.starts_with("sub_cdr"))
            .filter_map(|(_, part)| part.as_object())
            .collect();
        if item.contains_key("main_cdr") || !parts.is_empty() {
            rows.extend(parts);
        } else {
            rows.push(item);
        }
    }
    if rows.is_empty() && !list.is_empty() {
        return Err(Refusal::NotUnderstood("the list holds no row".into()));
    }
    if rows.len() > ROWS_MAX {
        let why = format!("the list holds {} rows; ask for {ROWS_MAX} at most", rows.len());
        return Err(Refusal::NotUnderstood(why));
    }
    Ok(rows)
}

/// One row as far as it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    account: Option<i64>,
    call: String,
    unique: String,
    from: String,
    to: String,
    /// The phone that was dialled: channel and number.
    channel: String,
    extension: String,
    application: String,
    action: String,
    disposition: String,
    userfield: String,
    files: String,
    start: Option<Bounds>,
    answer: Option<Bounds>,
    end: Option<Bounds>,
}

impl Row {
    fn of(fields: &Object, zone: Tz) -> Option<Self> {
        let text = |name: &str| match fields.get(name) {
            Some(Value::Number(number)) => number.to_string(),
            _ => body::text(fields, name).unwrap_or_default().to_owned(),
        };
        let at = |name: &str| time::local(&text(name), zone);
        let unique = text("uniqueid");
        let call = [text("session"), unique.clone()].into_iter().find(|id| !id.is_empty())?;
        Some(Self {
            account: text("AcctId").parse().ok(),
            call,
            unique,
            from: text("src"),
            to: text("dst"),
            channel: text("dstchannel"),
            extension: text("dstchannel_ext"),
            application: text("lastapp"),
            action: text("action_type").to_uppercase(),
            disposition: text("disposition").to_uppercase(),
            userfield: text("userfield").to_lowercase(),
            files: text("recordfiles"),
            start: at("start"),
            answer: at("answer"),
            end: at("end"),
        })
    }

    /// A phone was dialled; else the row is of the UCM itself: menu, greeting, parking, mailbox.
    fn is_phone(&self) -> bool {
        let dials =
            ["Dial", "Queue"].iter().any(|name| self.application.eq_ignore_ascii_case(name));
        dials && !self.channel.is_empty()
    }

    fn is_answered(&self) -> bool {
        self.disposition == "ANSWERED"
    }

    fn took_message(&self) -> bool {
        self.application.eq_ignore_ascii_case("VoiceMail") || self.action.starts_with("VM")
    }

    fn recordings(&self) -> impl Iterator<Item = &str> {
        self.files.split('@').map(str::trim).filter(|name| !name.is_empty())
    }

    /// The channel's id begins with the second of its making in UTC.
    fn zone_warning(&self, zone: Tz) -> Option<String> {
        let made = time::epoch_s(self.unique.split('.').next()?.parse().ok()?)?.earliest;
        let after = self.start?.earliest - made;
        let fits = -ZONE_SLACK[0] <= after && after <= ZONE_SLACK[1];
        (!fits).then(|| format!("`start` does not fit `uniqueid`: the UCM's zone is not {zone}"))
    }
}

/// The rows of one call, in order of time, as events.
fn settled(rows: &[Row], received: Bounds, desk_numbers: Desk<'_>) -> Vec<CallEvent> {
    let Some(first) = rows.first() else { return Vec::new() };
    let mut telling = Telling::of(&first.call, Clock::Record);
    let end = rows.iter().filter_map(|row| row.end).max_by_key(|at| at.earliest);
    let began = first.start.or(end).unwrap_or(received);
    telling.facts(
        began,
        CallFacts {
            direction: Some(direction(rows)),
            caller: number(&first.from),
            callee: number(&first.to),
            ..CallFacts::default()
        },
    );
    let desk: Vec<&Row> =
        rows.iter().filter(|row| row.is_phone() && desk_numbers.has(&row.extension)).collect();
    for row in &desk {
        telling.leg(row.start.unwrap_or(began), &leg(row, desk_numbers), EventKind::LegCreated);
    }
    let answered = desk.iter().find(|row| row.is_answered());
    let elsewhere = rows.iter().find(|row| row.is_phone() && row.is_answered());
    let mut cause = None;
    let failed = !desk.is_empty() || rows.iter().any(Row::took_message);
    match answered.copied().or(elsewhere.filter(|_| !failed)) {
        Some(row) => match picked_up(row, rows) {
            Some(at) => telling.leg(at, &leg(row, desk_numbers), EventKind::Joined),
            None => {
                let leg = leg(row, desk_numbers);
                telling.leg(row.start.unwrap_or(began), &leg, EventKind::Answered);
            }
        },
        None => cause = Some(why(rows, &desk)),
    }
    for name in rows.iter().flat_map(Row::recordings) {
        let kind = EventKind::RecordingAnnounced { reference: name.to_owned(), starts_at: None };
        telling.call(end.unwrap_or(began), kind);
    }
    if let Some(end) = end {
        telling.call(end, EventKind::Ended { cause });
    }
    telling.events
}

fn leg(row: &Row, desk: Desk<'_>) -> LegFacts {
    let id = row.account.map_or_else(|| row.channel.clone(), |account| format!("row {account}"));
    let extension = desk.has(&row.extension).then(|| row.extension.clone());
    LegFacts { id, extension, ..LegFacts::default() }
}

fn direction(rows: &[Row]) -> Direction {
    let said = |words: &[&str]| rows.iter().any(|row| words.contains(&row.userfield.as_str()));
    if said(&["inbound"]) {
        Direction::Inbound
    } else if said(&["outbound"]) {
        Direction::Outbound
    } else if said(&["internal", "ext"]) {
        Direction::Internal
    } else {
        Direction::Inbound
    }
}

/// When the answered phone was picked up. Where the caller's channel was up before, `answer` is the
/// start; then the other phones of its group stopped at that moment, and the last of them tells it.
fn picked_up(row: &Row, rows: &[Row]) -> Option<Bounds> {
    let (start, answer) = (row.start?, row.answer?);
    if answer.earliest != start.earliest {
        return (answer.earliest > start.earliest).then_some(answer);
    }
    let together = |other: &&Row| {
        let apart = other.start.map(|at| (at.earliest - start.earliest).abs());
        other.is_phone()
            && other.disposition == "NO ANSWER"
            && apart.is_some_and(|apart| apart <= TOGETHER)
    };
    let stopped = rows.iter().filter(together).filter_map(|other| other.end);
    let until = row.end?.earliest;
    stopped.filter(|at| at.earliest <= until).max_by_key(|at| at.earliest)
}

/// Why nobody at the desk took it. A caller who gave up looks like a phone that rang out.
fn why(rows: &[Row], desk: &[&Row]) -> Cause {
    let all = |word: &str| !desk.is_empty() && desk.iter().all(|row| row.disposition == word);
    if rows.iter().any(Row::took_message) {
        Cause::Message
    } else if all("BUSY") {
        Cause::Busy
    } else if all("FAILED") {
        Cause::Failed
    } else {
        Cause::NoAnswer
    }
}

//! 3CX in three shapes: call control events (W) by receive times, reports of its CRM engine (R) and
//! lines of its call records (C) by its own clock in whole seconds. They share no id.

mod control;
mod line;
mod report;

use super::settle::{Desk, note, words};
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, signature};
use crate::call::{Bounds, CallEvent, CallFacts, Clock, EventKind, Tie};
use serde::{Deserialize, Serialize};

/// The 3CX dialect.
pub struct ThreeCx;

/// Lines in one delivery at most: each may be of another call.
const LINES_MAX: usize = 250;

/// What one message says.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Said {
    State(control::State),
    Report(report::Report),
    Line(line::Line),
}

impl Pbx for ThreeCx {
    fn name(&self) -> &'static str {
        "threecx"
    }

    fn sample(&self) -> &'static str {
        include_str!("../../../tests/pbx/threecx/answered.deliveries.jsonl")
    }

    /// Nothing is signed: the key of template and connector is sent along (RFC 6750).
    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        signature::bearer(delivery, secret)
    }

    /// It gives none: a repeat is known by its body, and its first receive time counts.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, _dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        let text = String::from_utf8_lossy(&delivery.body);
        let text = text.trim_start_matches('\u{feff}').trim();
        let kind = delivery.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if !body::is_get(delivery) && !kind.contains("json") && !text.starts_with('{') {
            return lines(text, delivery);
        }
        let object = body::asked_or_json(delivery)?;
        let mut reading = Reading::default();
        if object.contains_key("event") {
            reading.number = body::integer(&object, "sequence");
            let state = control::read(&object).map_err(Refusal::NotUnderstood)?;
            reading.events.extend(state.map(|state| {
                let ties = state.ties(delivery.received_at);
                noted(delivery, ties, &Said::State(state))
            }));
        } else if object.contains_key("call_type") {
            let report = report::read(&object).map_err(Refusal::NotUnderstood)?;
            reading.recordings.extend(report.hints());
            let ties = vec![Tie::Call(report.call.clone())];
            reading.events.push(noted(delivery, ties, &Said::Report(report)));
        } else {
            let why = "neither `event` nor `call_type` is there";
            return Err(Refusal::NotUnderstood(why.into()));
        }
        Ok(reading)
    }

    fn settle(&self, notes: &[&CallEvent], desk: Desk<'_>) -> Vec<CallEvent> {
        let (mut states, mut reports, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for noted in words::<Said>(notes) {
            match noted.said {
                Said::State(state) => states.push((noted.at, state)),
                Said::Report(report) => reports.push(report),
                Said::Line(line) => lines.push(line),
            }
        }
        let mut events = control::settled(&states, desk);
        events.extend(report::settled(&reports, desk));
        events.extend(line::settled(&lines, desk));
        events
    }
}

/// Call record lines. Those that cannot be read do no harm to the others.
fn lines(text: &str, delivery: &Delivery) -> Result<Reading, Refusal> {
    let written: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if written.len() > LINES_MAX {
        let why = format!("the body holds {} lines; send {LINES_MAX} at most", written.len());
        return Err(Refusal::NotUnderstood(why));
    }
    let read: Vec<Result<line::Line, String>> = written.into_iter().map(line::read).collect();
    if !read.iter().any(Result::is_ok) {
        let why = read.into_iter().find_map(Result::err);
        return Err(Refusal::NotUnderstood(why.unwrap_or_else(|| "the body is empty".into())));
    }
    let events = read.into_iter().flatten().map(|line| {
        let ties = vec![Tie::Call(line.call.clone())];
        noted(delivery, ties, &Said::Line(line))
    });
    Ok(Reading { events: events.collect(), ..Reading::default() })
}

fn noted(delivery: &Delivery, ties: Vec<Tie>, said: &Said) -> CallEvent {
    let kind: EventKind = note("threecx", said);
    CallEvent {
        at: Bounds::exact(delivery.received_at),
        clock: Clock::Receiver,
        id: None,
        ties,
        leg: None,
        call: CallFacts::default(),
        kind,
    }
}

/// A text of an object that says something.
fn text(object: &body::Object, name: &str) -> String {
    body::text(object, name).unwrap_or_default().to_owned()
}

//! R: reports of the CRM engine, in the words of our own template. They tell no ringing.

use super::super::settle::{Desk, Telling};
use super::text;
use crate::call::{Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, LegFacts};
use crate::pbx::{body::Object, number, time};
use crate::recording::Hints;
use serde::{Deserialize, Serialize};

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Inbound,
    Missed,
    Outbound,
}

/// One report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// There is no call id: reports of several agents about one call share start and number.
    pub call: String,
    kind: Kind,
    number: String,
    agent: String,
    /// Known to have come through no queue, whose reports may begin at the agent's leg.
    direct: bool,
    started: Bounds,
    answered: Option<Bounds>,
    ended: Option<Bounds>,
    recording: String,
}

/// Reads one report.
///
/// # Errors
/// A sentence that names the field at fault.
pub fn read(object: &Object) -> Result<Report, String> {
    let filled = |name: &str| Some(text(object, name)).filter(|text| !is_unknown(text));
    let kind = match text(object, "call_type").to_lowercase().as_str() {
        "inbound" => Kind::Inbound,
        "missed" => Kind::Missed,
        "outbound" | "notanswered" => Kind::Outbound,
        _ => return Err("`call_type` is none of Inbound, Missed, Outbound, Notanswered".into()),
    };
    let written = filled("started_at").unwrap_or_default();
    let started = time::iso(&written).ok_or("`started_at` is no time like 2026-11-23T02:00:00Z")?;
    let at = |name: &str| filled(name).and_then(|text| time::iso(&text));
    let number = filled("number").unwrap_or_default();
    Ok(Report {
        call: format!("report:{written}:{}", text(object, "number")),
        kind,
        number,
        agent: filled("agent").unwrap_or_default(),
        direct: object.get("queue").and_then(|queue| queue.as_str()).is_some_and(is_blank),
        started,
        answered: at("answered_at"),
        ended: at("ended_at"),
        recording: filled("recording").unwrap_or_default(),
    })
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// A variable that this 3CX does not know stays as the template has it: `[RecordingUrl]`.
fn is_unknown(text: &str) -> bool {
    let word = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    word.is_some_and(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric()))
}

impl Report {
    /// Its recording.
    pub fn hints(&self) -> Option<Hints> {
        let name = self.recording.rsplit('/').next().unwrap_or_default();
        (!name.is_empty()).then(|| Hints {
            name: name.to_owned(),
            call_id: Some(self.call.clone()),
            ..Hints::default()
        })
    }

    fn leg(&self) -> LegFacts {
        LegFacts {
            id: format!("agent {}", self.agent),
            extension: Some(self.agent.clone()),
            rang_before: !self.direct,
            ..LegFacts::default()
        }
    }
}

/// The reports of one call as events.
pub fn settled(reports: &[Report], desk: Desk<'_>) -> Vec<CallEvent> {
    let Some(first) =
        reports.iter().min_by_key(|report| (&report.agent, report.answered.is_none()))
    else {
        return Vec::new();
    };
    let mut telling = Telling::of(&first.call, Clock::Record);
    let inbound = reports.iter().any(|report| report.kind != Kind::Outbound);
    let (caller, callee) = match inbound {
        true => (number(&first.number), None),
        false => (number(&first.agent), number(&first.number)),
    };
    let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
    let facts = CallFacts { direction: Some(direction), caller, callee, ..CallFacts::default() };
    telling.facts(first.started, facts);
    let taken = reports.iter().filter(|report| report.kind == Kind::Inbound);
    let at_desk = taken.clone().filter(|report| desk.has(&report.agent));
    let by = at_desk.min_by_key(|report| {
        (report.answered.is_none(), report.answered.map(|at| at.earliest), report.agent.clone())
    });
    let by = by.or_else(|| taken.clone().next());
    if let Some(report) = by {
        match report.answered {
            Some(at) => telling.leg(at, &report.leg(), EventKind::Joined),
            None => telling.leg(report.started, &report.leg(), EventKind::Answered),
        }
    }
    for report in reports.iter().filter(|report| !report.recording.is_empty()) {
        let reference = report.recording.clone();
        telling.call(report.started, EventKind::RecordingAnnounced { reference, starts_at: None });
    }
    let ended = reports.iter().filter_map(|report| report.ended).max_by_key(|at| at.earliest);
    if let Some(at) = ended {
        let cause = (inbound && by.is_none()).then_some(Cause::NoAnswer);
        telling.call(at, EventKind::Ended { cause });
    }
    telling.events
}

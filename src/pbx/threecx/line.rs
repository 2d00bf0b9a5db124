//! C: lines of the call records, 27 columns, in UTC and whole seconds. They tell no ringing, and of
//! queues and menus only that they took the call.

use super::super::settle::{Desk, Telling};
use crate::call::{Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, LegFacts};
use crate::party::PhoneNumber;
use crate::pbx::{number, time};
use serde::{Deserialize, Serialize};

/// Columns that are needed; behind them stand names, which may hold commas.
const COLUMNS: usize = 23;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub call: String,
    start: Option<Bounds>,
    answered: Option<Bounds>,
    end: Option<Bounds>,
    by_caller: bool,
    from: String,
    dialled: String,
    changed: bool,
    final_phone: String,
    from_type: String,
    to_type: String,
    final_type: String,
}

/// Reads a line.
///
/// # Errors
/// A sentence that says what is missing.
pub fn read(line: &str) -> Result<Line, String> {
    let columns: Vec<&str> = line.split(',').map(str::trim).collect();
    if columns.len() < COLUMNS {
        return Err(format!("a line has {} columns; {COLUMNS} are needed", columns.len()));
    }
    if columns[1].is_empty() {
        return Err("a line has no `callid`".into());
    }
    let reason = columns[6].to_lowercase();
    Ok(Line {
        call: columns[1].to_owned(),
        start: utc(columns[3]),
        answered: utc(columns[4]),
        end: utc(columns[5]),
        by_caller: reason == "terminatedbysrc" || reason.starts_with("src"),
        from: columns[7].to_owned(),
        dialled: columns[11].to_owned(),
        changed: !columns[12].is_empty(),
        final_phone: columns[14].to_owned(),
        from_type: columns[20].to_lowercase(),
        to_type: columns[21].to_lowercase(),
        final_type: columns[22].to_lowercase(),
    })
}

/// `2024/06/17 05:59:49`, in newer versions with dots.
fn utc(text: &str) -> Option<Bounds> {
    let dotted = text.as_bytes().get(4) == Some(&b'.');
    let text = if dotted { text.replacen('.', "/", 2) } else { text.to_owned() };
    time::local(&text, chrono_tz::UTC)
}

impl Line {
    fn to_phone(&self) -> bool {
        self.final_type == "extension"
    }

    /// Straight to the phone, so that the answer is the phone's.
    fn is_direct(&self) -> bool {
        self.to_phone() && self.to_type == "extension" && !self.changed
    }

    fn to_message_box(&self) -> bool {
        ["vmail", "voicemail"].contains(&self.final_type.as_str())
    }

    /// Somebody had the call in the end, at a phone or on a line.
    fn was_taken(&self) -> bool {
        let line = ["line", "external_line"].contains(&self.final_type.as_str());
        self.answered.is_some() && (self.to_phone() || line)
    }

    fn leg(&self) -> LegFacts {
        let extension = self.to_phone().then(|| self.final_phone.clone());
        let id = format!("phone {}", self.final_phone);
        LegFacts { id, extension, ..LegFacts::default() }
    }
}

fn inside(text: &str) -> Option<PhoneNumber> {
    number(text.strip_prefix("Ext.").unwrap_or(text))
}

/// The lines of one call as events.
pub fn settled(lines: &[Line], desk: Desk<'_>) -> Vec<CallEvent> {
    let mut lines: Vec<&Line> = lines.iter().collect();
    lines.sort_by_key(|line| {
        (line.start.is_none(), line.start.map(|at| at.earliest), line.end.map(|at| at.earliest))
    });
    let Some(first) = lines.first() else { return Vec::new() };
    let end = lines.iter().filter_map(|line| line.end).max_by_key(|at| at.earliest);
    let Some(began) = first.start.or(end) else { return Vec::new() };
    let mut telling = Telling::of(&first.call, Clock::Record);
    let direction = if lines.iter().any(|line| line.from_type != "extension") {
        Direction::Inbound
    } else if first.to_phone() {
        Direction::Internal
    } else {
        Direction::Outbound
    };
    let facts = CallFacts {
        direction: Some(direction),
        caller: inside(&first.from),
        callee: inside(&first.dialled),
        ..CallFacts::default()
    };
    telling.facts(began, facts);
    let taken = |line: &&&Line| line.answered.is_some() && line.to_phone();
    let by_desk = lines.iter().filter(taken).find(|line| desk.has(&line.final_phone));
    let mut cause = None;
    match by_desk {
        Some(line) => match line.answered.filter(|_| line.is_direct()) {
            Some(at) => telling.leg(at, &line.leg(), EventKind::Joined),
            None => telling.leg(began, &line.leg(), EventKind::Answered),
        },
        None => cause = why(&lines),
    }
    if let (None, None, Some(line)) = (by_desk, cause, lines.iter().find(|line| line.was_taken())) {
        telling.leg(began, &line.leg(), EventKind::Answered);
    }
    if let Some(end) = end {
        telling.call(end, EventKind::Ended { cause });
    }
    telling.events
}

/// Why nobody at the desk took it; nothing where somebody else did.
fn why(lines: &[&Line]) -> Option<Cause> {
    if lines.iter().any(|line| line.to_message_box()) {
        return Some(Cause::Message);
    }
    if lines.iter().any(|line| line.was_taken()) {
        return None;
    }
    let by_caller = lines.last().is_some_and(|line| line.by_caller);
    Some(if by_caller { Cause::Abandoned } else { Cause::NoAnswer })
}

//! Field comparisons and their weights; every weight explains itself.
//!
//! A weight is the logarithm (base 2) of how much likelier a level is for a pair that belongs
//! together than for a random pair of one day at one desk. The two shares beside each level are
//! that likelihood's two sides; they are estimates of desk practice (see `docs/linkage.md`).

use super::candidate::significant;
use super::{Contact, Directory, Row};
use crate::call::event::Direction;
use crate::ledger::Channel;
use serde::{Deserialize, Serialize};

/// The outcome of one field's comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// `number`, `time`, `agent`, `direction`, `call_id`.
    pub field: String,
    /// The level in words: `same`, `one digit wrong`, `2 min apart`.
    pub level: String,
    /// Logarithm (base 2) of how much likelier this is for a pair that belongs together.
    pub weight: f64,
}

/// Logarithm of the odds that a random pair of one day belongs together: about a hundred calls a
/// day.
pub const PRIOR: f64 = -2.5;

fn evidence(field: &str, level: impl Into<String>, weight: f64) -> Evidence {
    Evidence { field: field.to_owned(), level: level.into(), weight }
}

/// log2 of two shares.
fn ratio(together: f64, random: f64) -> f64 {
    (together / random).log2()
}

/// Compares a contact and a row in all fields. `known_call`: some contact has the row's call id.
pub fn compare(
    contact: &Contact,
    row: &Row,
    directory: &Directory,
    known_call: bool,
) -> Vec<Evidence> {
    let all = [
        call_id(contact, row, known_call),
        number(contact, row, directory),
        time(contact, row),
        agent(contact, row),
        direction(contact, row),
    ];
    all.into_iter().flatten().collect()
}

/// The logarithm of the odds that a pair belongs together.
pub fn total(evidence: &[Evidence]) -> f64 {
    PRIOR + evidence.iter().map(|one| one.weight).sum::<f64>()
}

fn call_id(contact: &Contact, row: &Row, known: bool) -> Option<Evidence> {
    let id = row.call_id.as_ref()?;
    Some(if contact.call_ids.contains(id) {
        evidence("call_id", "same", ratio(0.992, 0.0001))
    } else if known {
        evidence("call_id", "names another call", ratio(0.008, 0.999))
    } else {
        evidence("call_id", "names no call", ratio(0.02, 0.1))
    })
}

/// Number and unit are one field, since the unit follows from the number.
fn number(contact: &Contact, row: &Row, directory: &Directory) -> Option<Evidence> {
    let homes = row.unit.as_ref().and_then(|unit| directory.get(unit));
    let calls = contact.number.as_deref().map(significant).filter(|digits| !digits.is_empty());
    let written = row.number.as_deref().map(significant).filter(|digits| !digits.is_empty());
    let of_home =
        |digits: &str| homes.is_some_and(|known| known.iter().any(|n| significant(n) == digits));
    let Some(calls) = calls else {
        // Of a withheld caller the desk may still write what it was told.
        return Some(match written {
            None => evidence("number", "withheld, and none written", ratio(0.4, 0.06)),
            Some(_) => evidence("number", "withheld", ratio(0.6, 0.94)),
        });
    };
    let Some(written) = written else {
        return Some(if of_home(calls) {
            evidence("number", "none written; known of the unit", ratio(0.6, 0.004))
        } else if homes.is_some() {
            evidence("number", "none written; not known of the unit", ratio(0.4, 0.996))
        } else {
            evidence("number", "none written", 0.0)
        });
    };
    let (level, weight) = digits(calls, written);
    if weight > 0.0 {
        return Some(evidence("number", level, weight + if of_home(calls) { 1.0 } else { 0.0 }));
    }
    Some(if of_home(calls) {
        evidence("number", "another number of the same unit", ratio(0.05, 0.0008))
    } else if of_home(written) {
        evidence("number", "another number than the unit's", ratio(0.12, 0.7))
    } else {
        evidence("number", level, weight)
    })
}

/// How a written number compares with the one that called.
fn digits(calls: &str, written: &str) -> (&'static str, f64) {
    let tail = written.len().min(calls.len());
    if calls == written {
        return ("same", ratio(0.62, 0.0006));
    }
    if tail >= 7 && (calls.ends_with(written) || written.ends_with(calls)) {
        return ("same but for the area code", ratio(0.1, 0.0002));
    }
    if (3..=6).contains(&written.len()) && calls.ends_with(written) {
        return ("the last digits", ratio(0.03, 0.0004));
    }
    if written.len() == 7 && calls.len() == 11 && is_masked(calls, written) {
        return ("masked in the middle", ratio(0.02, 0.0002));
    }
    if transposed(calls, written) {
        return ("two digits transposed", ratio(0.012, 0.001));
    }
    match strsim::levenshtein(calls, written) {
        1 if calls.len() == written.len() => ("one digit wrong", ratio(0.035, 0.003)),
        1 => ("one digit missing or extra", ratio(0.015, 0.001)),
        2 => ("two digits wrong", ratio(0.004, 0.0004)),
        _ => ("another number", ratio(0.10, 0.985)),
    }
}

/// `138****1234` keeps three digits and four.
fn is_masked(calls: &str, written: &str) -> bool {
    calls[..3] == written[..3] && calls.ends_with(&written[3..])
}

fn transposed(one: &str, other: &str) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let differing: Vec<usize> =
        (0..one.len()).filter(|at| one.as_bytes()[*at] != other.as_bytes()[*at]).collect();
    let (one, other) = (one.as_bytes(), other.as_bytes());
    matches!(differing[..], [a, b] if b == a + 1 && one[a] == other[b] && one[b] == other[a])
}

const DAY_MIN: f64 = 1440.0;

/// Time as written, and time of typing. They hang together, so the better speaks, the other only
/// where it contradicts.
fn time(contact: &Contact, row: &Row) -> Option<Evidence> {
    let minutes = |span: chrono::TimeDelta| span.num_seconds() as f64 / 60.0;
    let ended_at = contact.ended_at.unwrap_or(contact.started_at);
    let typed_before = minutes(contact.started_at - row.registered_at);
    if !row.imported && typed_before > 2.0 {
        return Some(evidence("time", "typed before the call", ratio(0.001, 0.5)));
    }
    let typed = minutes(row.registered_at - ended_at);
    let Some(occurred) = row.occurred_at.filter(|_| !row.occurred_day_only) else {
        return same_day(contact, row).or((!row.imported).then(|| typed_after(typed)));
    };
    let apart = minutes(occurred - contact.started_at);
    let written = apart_by(apart);
    if row.imported || written.weight > 0.0 {
        return Some(written);
    }
    // A slip of the pen is rare, but then the time of typing tells.
    let slipped = typed_after(typed);
    let weight = slipped.weight + ratio(0.015, 1.0);
    Some(if weight > written.weight {
        evidence("time", format!("{}; written wrongly", slipped.level), weight)
    } else {
        written
    })
}

fn same_day(contact: &Contact, row: &Row) -> Option<Evidence> {
    let day = row.occurred_at?;
    let hours = (contact.started_at - day).num_hours();
    Some(match hours {
        0..24 => evidence("time", "the day written", 0.0),
        -24..48 => evidence("time", "a day beside", ratio(0.01, 1.0)),
        _ => evidence("time", "another day", ratio(0.0005, 1.0)),
    })
}

/// Density of how far a written time lies from the call, over that of a random pair of one day.
fn apart_by(minutes: f64) -> Evidence {
    let level = |text: String, weight| evidence("time", text, weight);
    // (up to, share of the pairs that belong together, width in minutes)
    let bands = [
        (1.5, 0.58, 3.0),
        (3.5, 0.18, 4.0),
        (6.0, 0.08, 5.0),
        (12.0, 0.055, 12.0),
        (25.0, 0.04, 26.0),
        (60.0, 0.03, 70.0),
        (180.0, 0.015, 240.0),
    ];
    let away = minutes.abs();
    let words = if away < 90.0 {
        format!("{away:.0} min apart")
    } else {
        format!("{:.1} h apart", away / 60.0)
    };
    if let Some((_, share, width)) = bands.iter().find(|(upto, ..)| away <= *upto) {
        return level(words, ratio(share / width, 1.0 / DAY_MIN));
    }
    if (away - DAY_MIN / 2.0).abs() <= 6.0 {
        return level(format!("{words}: half a day slipped"), ratio(0.008 / 24.0, 1.0 / DAY_MIN));
    }
    if (away - DAY_MIN).abs() <= 10.0 {
        return level(format!("{words}: a day slipped"), ratio(0.004 / 40.0, 1.0 / DAY_MIN));
    }
    level(words, ratio(0.001, 1.0))
}

/// Density of how long after the call a row was typed.
fn typed_after(minutes: f64) -> Evidence {
    let bands = [
        (3.0, 0.55, 8.0),
        (10.0, 0.15, 7.0),
        (35.0, 0.15, 25.0),
        (90.0, 0.06, 55.0),
        (600.0, 0.08, 510.0),
    ];
    let words = format!("typed {minutes:.0} min after");
    match bands.iter().find(|(upto, ..)| minutes <= *upto) {
        Some((_, share, width)) => evidence("time", words, ratio(share / width, 1.0 / DAY_MIN)),
        None => evidence("time", words, ratio(0.01, 1.0)),
    }
}

fn agent(contact: &Contact, row: &Row) -> Option<Evidence> {
    let handler = row.handler.as_deref()?.trim();
    let known = [contact.agent.as_deref(), contact.extension.as_deref()];
    if known.contains(&Some(handler)) {
        return Some(evidence("agent", "same", ratio(0.94, 0.25)));
    }
    let comparable = match (&contact.agent, &contact.extension) {
        (Some(agent), _) if !agent.is_empty() => true,
        (_, Some(_)) => handler.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    comparable.then(|| evidence("agent", "another", ratio(0.06, 0.75)))
}

fn direction(contact: &Contact, row: &Row) -> Option<Evidence> {
    let outbound = contact.direction == Direction::Outbound;
    Some(match (row.channel, outbound) {
        (Channel::FollowUp, true) => {
            evidence("direction", "follow-up and outbound", ratio(0.97, 0.08))
        }
        (Channel::FollowUp, false) => {
            evidence("direction", "follow-up, but inbound", ratio(0.03, 0.92))
        }
        (Channel::Phone, false) => evidence("direction", "call and inbound", ratio(0.97, 0.92)),
        (Channel::Phone, true) => evidence("direction", "call, but outbound", ratio(0.03, 0.08)),
        (Channel::WalkIn, true) => {
            evidence("direction", "walk-in, but outbound", ratio(0.001, 0.08))
        }
        (Channel::WalkIn, false) => return None,
    })
}

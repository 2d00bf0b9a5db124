//! What each field of a delivery became: found by reading the delivery again with that one field
//! changed, and again without it, and looking what differs. So it holds for every adapter and every
//! field map, and cannot lag behind them. For people who connect a phone system; never for deciding
//! anything.

mod field;
mod shown;

use super::{Delivery, Reading, Refusal};
use crate::party::{PersonName, masked_number, masked_numbers};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

pub use field::fields;
pub use shown::{Kept, Refused, Shown};

/// Fields of one delivery that are traced at most; each costs two readings.
pub const FIELDS_MAX: usize = 400;
/// Bodies beyond this are not taken apart: every field would be two readings of all of it.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Characters of a value that are shown.
const SHOWN_MAX: usize = 120;

/// One field and what it became. Numbers and names of people are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Traced {
    /// Where it stands: `data.payload.from`, `?uuid`, `header ce-type`.
    pub field: String,
    /// As it was sent.
    pub value: String,
    /// What differs without it, or with another value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub became: Vec<Became>,
    /// Why nothing can be read without it, or with another value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed: Option<String>,
}

/// A part of what was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Became {
    /// Its place: `at`, `leg.extension`, `call.caller`; `kind` is what happened.
    pub part: String,
    /// What stands there; empty where the field only has a say in whether it is there.
    pub value: String,
}

/// One event as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// What happened: `alerting`.
    pub kind: String,
    pub at: crate::call::Moment,
    /// The phone it speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// The call's or leg's id.
    pub id: String,
}

/// The fields of a delivery, each with what it became. Of a delivery that cannot be read they
/// became nothing. None of a body beyond [`BODY_BYTES_MAX`].
pub fn traced(
    delivery: &Delivery,
    read: impl Fn(&Delivery) -> Result<Reading, Refusal>,
) -> Vec<Traced> {
    if delivery.body.len() > BODY_BYTES_MAX {
        return Vec::new();
    }
    let whole = read(delivery).ok().map(|reading| parts(&reading));
    let mut traced = Vec::new();
    for field in fields(delivery).into_iter().take(FIELDS_MAX) {
        let (mut became, mut needed) = (BTreeSet::new(), None);
        if let Some(whole) = &whole {
            for other in [Some(changed(&field.value)), None] {
                match read(&field.with(other.as_deref())) {
                    Ok(reading) => became = differences(whole, &parts(&reading)),
                    Err(why) => needed = needed.or(Some(why.to_string())),
                }
                if !became.is_empty() {
                    needed = None;
                    break;
                }
            }
        }
        if field.is_header() && became.is_empty() && needed.is_none() {
            continue;
        }
        traced.push(shown(field.name, &field.value, became, needed));
    }
    traced
}

/// What a reading says, event by event, for a person.
pub fn told(reading: &Reading) -> Vec<Told> {
    let one = |event: &crate::call::CallEvent| {
        let kind = serde_json::to_value(&event.kind).unwrap_or_default();
        let name = kind.as_object().and_then(|object| object.keys().next().cloned());
        let tie = event.ties.first().map(|tie| masked_numbers(tie.id()));
        Told {
            kind: name.or(kind.as_str().map(str::to_owned)).unwrap_or_default(),
            at: event.at.earliest,
            extension: event.leg.as_ref().and_then(|leg| leg.extension.clone()),
            id: tie.unwrap_or_default(),
        }
    };
    reading.events.iter().map(one).collect()
}

/// Another value of the same shape: its last digit is another one, or a letter more where it has
/// none. A time stays a time, a number a number.
fn changed(value: &str) -> String {
    let mut chars: Vec<char> = value.chars().collect();
    match chars.iter_mut().rev().find(|c| c.is_ascii_digit()) {
        Some(digit) => *digit = if *digit == '9' { '8' } else { (*digit as u8 + 1) as char },
        None => chars.push('x'),
    }
    chars.into_iter().collect()
}

/// Place → value, of all events together: two events may say the same of one place.
type Parts = BTreeMap<String, BTreeSet<String>>;

fn parts(reading: &Reading) -> Parts {
    let mut parts = Parts::new();
    let mut add = |part: &str, value: &Value| {
        let mut flat = Vec::new();
        flatten(part, value, &mut flat);
        for (part, value) in flat {
            parts.entry(part).or_default().insert(value);
        }
    };
    for event in &reading.events {
        if let Ok(Value::Object(event)) = serde_json::to_value(event) {
            without_repetition(event).iter().for_each(|(part, value)| add(part, value));
        }
    }
    for notice in &reading.feed {
        add("feed", &serde_json::to_value(notice).unwrap_or_default());
    }
    for hints in &reading.recordings {
        add("recording", &serde_json::to_value(hints).unwrap_or_default());
    }
    reading.number.inspect(|number| add("sequence", &(*number).into()));
    parts
}

/// An exact time is one value, not two.
fn without_repetition(mut event: Map<String, Value>) -> Map<String, Value> {
    if let Some(at) = event.get_mut("at")
        && at["earliest"] == at["latest"]
    {
        *at = at["earliest"].take();
    }
    event
}

/// The position in a list is no part of the place.
fn flatten(part: &str, value: &Value, flat: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(name, value)| flatten(&format!("{part}.{name}"), value, flat));
        }
        Value::Array(list) => list.iter().for_each(|value| flatten(part, value, flat)),
        Value::Null | Value::Bool(false) => {}
        Value::String(text) => flat.push((part.to_owned(), text.clone())),
        value => flat.push((part.to_owned(), value.to_string())),
    }
}

fn differences(whole: &Parts, other: &Parts) -> BTreeSet<Became> {
    let mut differ = BTreeSet::new();
    for (part, values) in whole {
        let gone = values
            .iter()
            .filter(|value| other.get(part).is_none_or(|others| !others.contains(*value)));
        differ.extend(gone.map(|value| Became { part: part.clone(), value: value.clone() }));
    }
    let added = other.keys().filter(|part| !whole.contains_key(*part));
    differ.extend(added.map(|part| Became { part: part.clone(), value: String::new() }));
    differ
}

fn shown(field: String, value: &str, became: BTreeSet<Became>, needed: Option<String>) -> Traced {
    let has = |is: fn(&str) -> bool| became.iter().any(|one| is(&one.part)) || is(&field);
    let value = match (has(is_number), has(is_name)) {
        (true, _) => numbers_masked(value),
        (false, true) => name_masked(value),
        (false, false) => masked_numbers(value),
    };
    let mask = |one: Became| {
        let value = match () {
            () if is_number(&one.part) => numbers_masked(&one.value),
            () if is_name(&one.part) => name_masked(&one.value),
            () => masked_numbers(&one.value),
        };
        Became { value: short(&value), ..one }
    };
    let needed = needed.map(|why| masked_numbers(&why));
    // Whoever sends chooses the names as well.
    let field = short(&numbers_masked(&field));
    Traced { field, value: short(&value), became: became.into_iter().map(mask).collect(), needed }
}

/// Whether a part of an event is a person's number.
fn is_number(part: &str) -> bool {
    let last = part.rsplit('.').next().unwrap_or_default();
    ["caller", "callee", "number", "from", "to", "known_as"].contains(&last)
}

/// Whether a part or a field is a person's name.
fn is_name(part: &str) -> bool {
    let last = part.rsplit('.').next().unwrap_or_default().to_lowercase();
    ["caller_name", "calleridname", "connectedlinename", "from_name"].contains(&last.as_str())
        || last.contains("callername")
        || last.contains("caller_id_name")
}

/// Every run of seven digits or more is masked: here we know that it is a number.
fn numbers_masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars().chain(std::iter::once('\0')) {
        if c.is_ascii_digit() {
            run.push(c);
            continue;
        }
        let long = run.len() >= 7;
        masked.push_str(&if long { masked_number(&run) } else { std::mem::take(&mut run) });
        run.clear();
        if c != '\0' {
            masked.push(c);
        }
    }
    masked
}

fn name_masked(text: &str) -> String {
    PersonName::known(text).map_or_else(String::new, |name| name.masked())
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

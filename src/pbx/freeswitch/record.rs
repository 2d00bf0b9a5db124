//! The shape: call records in JSON and XML, and events, brought to one form.

use crate::call::{Bounds, Moment};
use crate::pbx::xml;
use crate::pbx::{Delivery, body, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// One state of a leg's numbers and times; a transfer or pick-up opens another.
#[derive(Debug, Default)]
pub struct Profile {
    pub index: Option<i64>,
    pub numbers: BTreeMap<String, String>,
    /// Microseconds since 1970 as text, by the record's names.
    pub times: BTreeMap<String, String>,
    pub originators: Vec<String>,
    /// Legs dialled from here: id and number.
    pub originatees: Vec<(String, String)>,
}

/// What one delivery tells of one leg.
#[derive(Debug, Default)]
pub struct Record {
    /// The event's name; a call record has none.
    pub event: Option<String>,
    /// What stands beside the variables: of an event all of its headers.
    pub head: BTreeMap<String, String>,
    pub variables: BTreeMap<String, Vec<String>>,
    /// Newest first.
    pub profiles: Vec<Profile>,
    /// Applications that ran, with their arguments.
    pub applications: Vec<(String, String)>,
}

/// How a body was written: in XML every variable is encoded once more.
enum Body {
    Json(Value),
    Xml(Value),
}

/// Reads a delivery, whatever its headers say it is.
///
/// # Errors
/// A sentence that names what cannot be read.
pub fn read(delivery: &Delivery) -> Result<Record, String> {
    let (value, is_xml) = match decoded(&String::from_utf8_lossy(&delivery.body))? {
        Body::Json(value) => (value, false),
        Body::Xml(value) => (value, true),
    };
    let Value::Object(object) = &value else { return Err("the body is no object".into()) };
    if object.contains_key("Event-Name") {
        return event(object);
    }
    if !object.contains_key("variables") && !object.contains_key("callflow") {
        return Err("none of `Event-Name`, `variables` and `callflow` is there".into());
    }
    let mut record = call_record(object, is_xml);
    let query = body::form(body::query(delivery).as_bytes());
    if let Some(uuid) = body::text(&query, "uuid") {
        let uuid = uuid.strip_prefix("a_").unwrap_or(uuid);
        record.head.insert("uuid".into(), uuid.to_owned());
    }
    Ok(record)
}

/// Raw, in a form field, encoded for addresses or in base64: all by content, since the headers may
/// say anything.
fn decoded(text: &str) -> Result<Body, String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let text = text.strip_prefix("cdr=").unwrap_or(text).trim();
    if text.starts_with(['{', '<']) {
        return parsed(text);
    }
    if ["%3C", "%3c", "%7B", "%7b"].iter().any(|start| text.starts_with(start)) {
        let field = text.split('&').next().unwrap_or(text);
        return parsed(&percent_decode_str(field).decode_utf8_lossy());
    }
    let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let neither =
        || "the body is neither JSON nor XML, nor one of them in a field `cdr`".to_owned();
    let bytes = STANDARD.decode(packed).map_err(|_| neither())?;
    let text = String::from_utf8_lossy(&bytes);
    if text.trim().is_empty() { Err(neither()) } else { parsed(text.trim()) }
}

fn parsed(text: &str) -> Result<Body, String> {
    if text.starts_with('<') {
        return xml::root(text).map(Body::Xml).map_err(|why| format!("the body is {why}"));
    }
    let value = serde_json::from_str(text);
    value.map(Body::Json).map_err(|error| format!("the body is no JSON: {error}"))
}

fn event(headers: &Map<String, Value>) -> Result<Record, String> {
    let name = headers.get("Event-Name").and_then(Value::as_str);
    let name = name.ok_or("`Event-Name` is no text")?.to_owned();
    let mut record = Record { event: Some(name), ..Record::default() };
    for (name, value) in headers {
        match name.strip_prefix("variable_") {
            Some(variable) => drop(record.variables.insert(variable.into(), several(value, false))),
            None => record.head.extend(word(value).map(|text| (name.clone(), text))),
        }
    }
    let head = |name: &str| record.head.get(name).cloned();
    let mut profile = Profile {
        index: head("Caller-Profile-Index").and_then(|index| index.parse().ok()),
        ..Profile::default()
    };
    for (ours, theirs) in NUMBERS {
        profile.numbers.extend(head(theirs).map(|number| (ours.to_owned(), number)));
    }
    for (ours, theirs) in TIMES {
        profile.times.extend(head(theirs).map(|time| (ours.to_owned(), time)));
    }
    record.profiles.push(profile);
    Ok(record)
}

/// Names in a profile and in the headers of an event.
const NUMBERS: [(&str, &str); 5] = [
    ("username", "Caller-Username"),
    ("caller_id_name", "Caller-Caller-ID-Name"),
    ("caller_id_number", "Caller-Caller-ID-Number"),
    ("callee_id_number", "Caller-Callee-ID-Number"),
    ("destination_number", "Caller-Destination-Number"),
];
const TIMES: [(&str, &str); 7] = [
    ("profile_created_time", "Caller-Profile-Created-Time"),
    ("created_time", "Caller-Channel-Created-Time"),
    ("progress_time", "Caller-Channel-Progress-Time"),
    ("progress_media_time", "Caller-Channel-Progress-Media-Time"),
    ("answered_time", "Caller-Channel-Answered-Time"),
    ("bridged_time", "Caller-Channel-Bridged-Time"),
    ("hangup_time", "Caller-Channel-Hangup-Time"),
];

fn call_record(object: &Map<String, Value>, is_xml: bool) -> Record {
    let mut record = Record::default();
    let none = Map::new();
    let variables = object.get("variables").and_then(Value::as_object).unwrap_or(&none);
    let stamp = |(name, value): (&String, &Value)| {
        let text = value.as_str().unwrap_or_default();
        name.ends_with("_stamp") && text.to_ascii_uppercase().contains("%3A")
    };
    let encoded = is_xml || variables.iter().any(stamp);
    for (name, value) in variables {
        record.variables.insert(name.clone(), several(value, encoded));
    }
    let direction = object.get("channel_data").and_then(|data| data.get("direction"));
    record.head.extend(direction.and_then(word).map(|text| ("direction".to_owned(), text)));
    record.profiles = list(object.get("callflow")).into_iter().map(profile).collect();
    // Newest first, as they are written, unless their numbers say otherwise.
    record.profiles.sort_by_key(|profile| std::cmp::Reverse(profile.index));
    let log = object.get("app_log");
    let log = log.and_then(|log| log.get("applications").or_else(|| log.get("application")));
    let application = |entry: &Value| {
        let data = entry.get("app_data").and_then(word).unwrap_or_default();
        Some((entry.get("app_name").and_then(word)?, data))
    };
    record.applications = list(log).into_iter().filter_map(application).collect();
    record
}

fn profile(flow: &Value) -> Profile {
    let index = flow.get("profile_index").and_then(word).and_then(|index| index.parse().ok());
    let texts = |value: Option<&Value>| -> BTreeMap<String, String> {
        let fields = value.and_then(Value::as_object).into_iter().flatten();
        fields.filter_map(|(name, value)| Some((name.clone(), word(value)?))).collect()
    };
    let caller = flow.get("caller_profile");
    let others = |role: &str| -> Vec<BTreeMap<String, String>> {
        let role_of = caller.and_then(|caller| caller.get(role));
        let name = format!("{role}_caller_profile");
        let profiles = role_of.and_then(|role| role.get(format!("{name}s")).or(role.get(&name)));
        list(profiles).into_iter().map(|profile| texts(Some(profile))).collect()
    };
    let uuid = |profile: &BTreeMap<String, String>| profile.get("uuid").cloned();
    let originatee = |profile: &BTreeMap<String, String>| {
        Some((uuid(profile)?, profile.get("destination_number").cloned().unwrap_or_default()))
    };
    Profile {
        index,
        numbers: texts(caller),
        times: texts(flow.get("times")),
        originators: others("originator").iter().filter_map(uuid).collect(),
        originatees: others("originatee").iter().filter_map(originatee).collect(),
    }
}

/// A list, or one thing that would be a list if there were more of it.
fn list(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// A text that says something, or a number's digits.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A variable's values: `ARRAY::a|:b` where one text holds several.
fn several(value: &Value, encoded: bool) -> Vec<String> {
    let texts = list(Some(value)).into_iter().filter_map(word);
    let texts = texts.map(|text| match encoded {
        true => percent_decode_str(&text).decode_utf8_lossy().into_owned(),
        false => text,
    });
    let split = |text: String| -> Vec<String> {
        match text.strip_prefix("ARRAY::") {
            Some(rest) => rest.split("|:").map(str::to_owned).collect(),
            None => vec![text],
        }
    };
    texts.flat_map(split).filter(|text| !text.is_empty()).collect()
}

impl Record {
    /// The first value of a variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.first().map(String::as_str)
    }

    /// A header of an event, or what stands beside the variables of a record.
    pub fn head(&self, name: &str) -> Option<&str> {
        self.head.get(name).map(String::as_str)
    }

    /// The profile with which the leg began.
    pub fn oldest(&self) -> Option<&Profile> {
        self.profiles.last()
    }

    /// A time of the leg by the name of its variable and of its entry in a profile: the first of
    /// microseconds, profile, seconds and local time that can be read.
    pub fn at(&self, name: &str, in_profile: &str, zone: chrono_tz::Tz) -> Option<Bounds> {
        let variable = |suffix: &str| self.variable(&format!("{name}_{suffix}"));
        let exact = |text: &str| micros(text).map(Bounds::exact);
        let newest = || self.profiles.first()?.times.get(in_profile).map(String::as_str);
        let second = |text: &str| time::epoch_s(text.parse().ok()?);
        let exactly = variable("uepoch").and_then(exact).or_else(|| newest().and_then(exact));
        let whole = || variable("epoch").and_then(second);
        let stamp = || variable("stamp").and_then(|text| time::local(text, zone));
        exactly.or_else(whole).or_else(stamp)
    }
}

/// Microseconds since 1970; nothing where that is nobody's time.
pub fn micros(text: &str) -> Option<Moment> {
    let at = DateTime::from_timestamp_micros(text.parse().ok()?)?;
    time::is_of_a_call(at).then_some(at)
}

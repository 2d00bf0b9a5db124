//! Asterisk and its kin: dialplan webhooks, AMI events and ARI events, told apart by content.

mod ami;
mod ari;
mod channel;
mod hook;

use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, multipart};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The Asterisk dialect.
pub struct Asterisk;

/// Objects in one delivery at most.
const BATCH_MAX: usize = 100;

type Object = Map<String, Value>;

impl Pbx for Asterisk {
    fn name(&self) -> &'static str {
        "asterisk"
    }

    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        super::signature::token(delivery, secret)
    }

    /// It gives none: a repeat is known by its body.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        let objects = objects(delivery)?;
        let mut reading = Reading::default();
        let mut why = None;
        let mut understood = false;
        for object in &objects {
            match one(object, delivery, dialect) {
                Ok(part) => {
                    understood = true;
                    reading.events.extend(part.events);
                    reading.feed.extend(part.feed);
                    reading.recordings.extend(part.recordings);
                }
                Err(refusal) => why = why.or(Some(refusal)),
            }
        }
        if understood {
            return Ok(reading);
        }
        let empty = || Refusal::NotUnderstood("the body holds no event".into());
        Err(why.unwrap_or_else(empty))
    }
}

/// Tells the three ways apart: AMI relays write `Event`, ARI writes `type`, dialplans write
/// `event`.
fn one(object: &Object, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
    if object.contains_key("_connection") {
        return ami::connection(object);
    }
    if object.contains_key("Event") {
        return Ok(ami::event(object, delivery));
    }
    if object.contains_key("type") && !object.contains_key("event") {
        return ari::event(object, delivery);
    }
    if object.contains_key("event") {
        return hook::event(object, delivery, dialect);
    }
    let why = "none of `Event` (AMI), `type` (ARI) and `event` (dialplan) is there";
    Err(Refusal::NotUnderstood(why.into()))
}

fn objects(delivery: &Delivery) -> Result<Vec<Object>, Refusal> {
    let kind = delivery.header("content-type").unwrap_or_default();
    if kind.starts_with("multipart/form-data") {
        return Ok(vec![fields(delivery, kind)?]);
    }
    let text = String::from_utf8_lossy(&delivery.body);
    let text = text.trim_start_matches('\u{feff}').trim();
    if !text.starts_with(['{', '[']) {
        let pairs = form_urlencoded::parse(text.as_bytes());
        let object = pairs.map(|(name, value)| (name.into_owned(), value.into_owned().into()));
        return Ok(vec![object.collect()]);
    }
    let value = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&without_bad_escapes(text)))
        .map_err(|error| Refusal::NotUnderstood(format!("the body is no JSON: {error}")))?;
    match value {
        Value::Object(object) => Ok(vec![object]),
        Value::Array(list) if list.len() <= BATCH_MAX => list.into_iter().map(object).collect(),
        _ => {
            let why = format!("the body is neither an object nor a list of up to {BATCH_MAX}");
            Err(Refusal::NotUnderstood(why))
        }
    }
}

fn object(value: Value) -> Result<Object, Refusal> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(Refusal::NotUnderstood(format!("`{other}` in the list is no object"))),
    }
}

/// The text fields of a form with a file in it; the file's name becomes `file`.
fn fields(delivery: &Delivery, kind: &str) -> Result<Object, Refusal> {
    let parts = multipart::parts(kind, &delivery.body).map_err(Refusal::NotUnderstood)?;
    let mut object = Object::new();
    for part in parts {
        let (name, value) = match part.file_name {
            Some(name) => ("file".to_owned(), name),
            None => (part.name, String::from_utf8_lossy(part.body).into_owned()),
        };
        object.insert(name, value.into());
    }
    object.entry("event").or_insert_with(|| "recording".into());
    Ok(object)
}

/// Dialplans write JSON by hand, and a name with a SIP quoted pair puts a backslash where JSON
/// allows none.
fn without_bad_escapes(text: &str) -> Cow<'_, str> {
    let mut good = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            good.push(c);
            continue;
        }
        match chars.peek() {
            Some(next) if "\"\\/bfnrtu".contains(*next) => {
                good.push('\\');
                good.extend(chars.next());
            }
            _ => good.push_str("\\\\"),
        }
    }
    Cow::Owned(good)
}

/// A field as text; nothing where it is absent, empty or the word for "not known".
fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty() && *text != "<unknown>")
}

/// The last part of a path: recordings are known by their names.
fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

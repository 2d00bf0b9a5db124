//! Asterisk and its kin: dialplan webhooks, AMI and ARI events, rows of its logs and records; told
//! apart by content.

mod ami;
mod ari;
mod cdr;
mod cel;
mod channel;
mod hook;
mod when;

use super::body::{self, Object};
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, table};

/// The Asterisk dialect.
pub struct Asterisk;

impl Pbx for Asterisk {
    fn name(&self) -> &'static str {
        "asterisk"
    }

    fn sample(&self) -> &'static str {
        include_str!("../../../tests/pbx/asterisk/answered.deliveries.jsonl")
    }

    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        super::signature::token(delivery, secret)
    }

    /// It gives none: a repeat is known by its body.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        let objects = match table::is_row(delivery) {
            true => vec![table::row(delivery, columns)?],
            false => body::objects(delivery)?,
        };
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

/// Tells the ways apart: AMI relays write `Event`, ARI writes `type` and lists channels, dialplans
/// write `event`, logs have an `eventtype` and records a `disposition`.
fn one(object: &Object, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
    if object.contains_key("_connection") {
        return body::connection_row(object);
    }
    if object.contains_key("Event") {
        if text(object, "Event") == Some("CEL") {
            return cel::managed(object, delivery, dialect);
        }
        return ami::event(object, delivery);
    }
    if object.contains_key("eventtype") {
        return cel::record(object, delivery, dialect);
    }
    if object.contains_key("disposition") {
        return cdr::record(object, dialect);
    }
    if ari::is_listed(object) {
        return ari::listed(object, delivery);
    }
    if object.contains_key("type") && !object.contains_key("event") {
        return ari::event(object, delivery);
    }
    if object.contains_key("event") || object.contains_key("file") {
        return hook::event(object, delivery, dialect);
    }
    let why = "none of `Event` (AMI), `type` (ARI), `event` (dialplan), `eventtype` (CEL) and \
               `disposition` (CDR) is there";
    Err(Refusal::NotUnderstood(why.into()))
}

/// Columns of a row that comes without their names.
fn columns(fields: &[&str]) -> Option<&'static [&'static str]> {
    if fields.first().is_some_and(|word| cel::is_type(word)) {
        return match fields.len() {
            20 => Some(&cel::COLUMNS),
            19 => Some(&cel::SHORT_COLUMNS),
            _ => None,
        };
    }
    let record = fields.get(cdr::DISPOSITION).is_some_and(|word| cdr::is_disposition(word));
    (record && fields.len() <= cdr::COLUMNS.len()).then_some(&cdr::COLUMNS)
}

/// A field as text; nothing where it is absent, empty or the word for "not known".
fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty() && *text != "<unknown>")
}

/// The last part of a path: recordings are known by their names.
fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

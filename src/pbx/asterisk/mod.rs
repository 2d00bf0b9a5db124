//! Asterisk and its kin: dialplan webhooks, AMI events and ARI events, told apart by content.

mod ami;
mod ari;
mod channel;
mod hook;

use super::body::{self, Object};
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret};

/// The Asterisk dialect.
pub struct Asterisk;

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
        let objects = body::objects(delivery)?;
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
        return body::connection_row(object);
    }
    if object.contains_key("Event") {
        return Ok(ami::event(object, delivery));
    }
    if object.contains_key("type") && !object.contains_key("event") {
        return ari::event(object, delivery);
    }
    if object.contains_key("event") || object.contains_key("file") {
        return hook::event(object, delivery, dialect);
    }
    let why = "none of `Event` (AMI), `type` (ARI) and `event` (dialplan) is there";
    Err(Refusal::NotUnderstood(why.into()))
}

/// A field as text; nothing where it is absent, empty or the word for "not known".
fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty() && *text != "<unknown>")
}

/// The last part of a path: recordings are known by their names.
fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

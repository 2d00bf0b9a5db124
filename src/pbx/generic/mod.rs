//! Our own event, and any other JSON or form body by a field map. `docs/pbx/generic.md` defines the
//! event.

mod convert;
mod field;
mod field_map;
mod path;
mod time_form;

pub use field_map::FieldMap;

use super::body::Object;
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, multipart, signature};
use convert::convert;
use field::Events;
pub use field::{Field, Raw};

/// The generic dialect.
pub struct Generic;

/// Events in one delivery at most.
pub const BATCH_MAX: usize = 100;

/// Our types of events.
pub const TYPES: [&str; 7] = [
    "call.offered",
    "leg.alerting",
    "leg.answered",
    "leg.joined",
    "leg.ended",
    "call.ended",
    "recording.announced",
];

impl Pbx for Generic {
    fn name(&self) -> &'static str {
        "generic"
    }

    fn sample(&self) -> &'static str {
        include_str!("../../../tests/pbx/generic/answered.deliveries.jsonl")
    }

    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        if signature::is_standard(secret) {
            return signature::standard_webhooks(delivery, secret);
        }
        signature::token(delivery, secret)
    }

    fn delivery_key(&self, delivery: &Delivery) -> Option<String> {
        delivery.header("webhook-id").map(str::to_owned)
    }

    fn reply(&self, _: &Delivery, dialect: &Dialect<'_>) -> Option<String> {
        dialect.field_map?.answer.clone()
    }

    fn parse(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        if let Some(map) = dialect.field_map {
            let mapped = map.events(delivery, dialect.zone).map_err(Refusal::NotUnderstood)?;
            return read(mapped.into_iter(), dialect);
        }
        let kind = delivery.header("content-type").unwrap_or_default();
        if multipart::is_form(kind) {
            return read(std::iter::once(Ok(Some(flat(body::fields(delivery, kind)?)))), dialect);
        }
        let body = delivery.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&delivery.body);
        let events: Events = serde_json::from_slice(body)
            .map_err(|error| Refusal::NotUnderstood(format!("the body is no event: {error}")))?;
        read(events.0.into_iter().map(|event| event.map(Some)), dialect)
    }
}

/// Our event written as the fields of a form, `recording.name` for what lies within; the file in it
/// is the recording.
fn flat(fields: Object) -> Raw<'static> {
    let mut raw = Raw::default();
    let file = body::text(&fields, "file").map(str::to_owned);
    for (name, value) in &fields {
        if let (Some(field), Some(text)) = (raw.field(name), value.as_str()) {
            *field = Field::Text(text.to_owned().into());
        }
    }
    if let Some(file) = file.filter(|_| !raw.recording.is_named()) {
        raw.recording.name = Field::Text(file.into());
    }
    raw
}

/// Reads what can be read. Only a delivery of which nothing can be read is not understood; an event
/// may be readable and say nothing.
///
/// # Errors
/// [`Refusal::NotUnderstood`] with what was wrong about the first event.
pub fn read<'a>(
    events: impl Iterator<Item = Result<Option<Raw<'a>>, String>>,
    dialect: &Dialect<'_>,
) -> Result<Reading, Refusal> {
    let mut reading = Reading::default();
    let mut why = None;
    let mut understood = false;
    for event in events {
        let event = event.and_then(|raw| match raw {
            Some(raw) => convert(&raw, dialect.zone, &mut reading),
            None => Ok(()),
        });
        match event {
            Ok(()) => understood = true,
            Err(reason) => why = why.or(Some(reason)),
        }
    }
    if understood {
        return Ok(reading);
    }
    Err(Refusal::NotUnderstood(why.unwrap_or_else(|| "the list of events is empty".into())))
}

//! CloudEvents 1.0 around our own event (spec.md, HTTP protocol binding and JSON format of the
//! CNCF), one at a time in headers or in JSON, or many in a list.

use super::generic::{self, Field, Raw};
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, signature};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode;
use serde::Deserialize;
use serde_json::Value;

/// The dialect of event buses.
pub struct CloudEvents;

const TYPE: &str = "application/cloudevents";
const BATCH: &str = "application/cloudevents-batch";
/// Of headers that carry attributes.
const PREFIX: &str = "ce-";

/// How a delivery carries its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Attributes in headers, data in the body.
    Binary,
    Structured,
    Batch,
}

/// The attributes that are read, and the data; null is absent.
#[derive(Debug, Default)]
struct Event<'a> {
    spec_version: Field<'a>,
    id: Field<'a>,
    source: Field<'a>,
    kind: Field<'a>,
    time: Field<'a>,
    subject: Field<'a>,
    data_content_type: Option<String>,
    data: Data,
}

#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    Json(Value),
    Bytes(Vec<u8>),
}

impl Pbx for CloudEvents {
    fn name(&self) -> &'static str {
        "cloudevents"
    }

    fn sample(&self) -> &'static str {
        include_str!("../../tests/pbx/cloudevents/answered.deliveries.jsonl")
    }

    /// A signature covers the body alone, and in binary mode the body says neither what happened
    /// nor when: that mode needs a token.
    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        if is_handshake(delivery) {
            return Ok(());
        }
        if !signature::is_standard(secret) {
            return signature::token(delivery, secret);
        }
        if mode(delivery) == Ok(Mode::Binary) {
            let why = "a signature does not cover the `ce-` headers; use a token, or another mode";
            return Err(signature::refused(why));
        }
        signature::standard_webhooks(delivery, secret)
    }

    /// In binary mode two events may have one body: what else identifies them is in the headers.
    fn delivery_key(&self, delivery: &Delivery) -> Option<String> {
        let names = ["id", "source", "type", "time", "subject"];
        let header = |name| delivery.header(&format!("{PREFIX}{name}")).unwrap_or_default();
        (mode(delivery) == Ok(Mode::Binary)).then(|| names.map(header).join(" "))
    }

    fn parse(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        if is_handshake(delivery) {
            return Ok(Reading::default());
        }
        let json = || {
            let body = delivery.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&delivery.body);
            serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))
        };
        let events = match mode(delivery).map_err(Refusal::NotUnderstood)? {
            Mode::Binary => vec![binary(delivery)],
            Mode::Structured => vec![json().and_then(structured)],
            Mode::Batch => match json().map_err(Refusal::NotUnderstood)? {
                Value::Array(list) if list.is_empty() => return Ok(Reading::default()),
                Value::Array(list) => list.into_iter().map(structured).collect(),
                _ => return Err(Refusal::NotUnderstood("the batch is no list".into())),
            },
        };
        generic::read(events.into_iter().map(|event| event.and_then(ours)), dialect)
    }
}

/// A sender asks whether it may deliver (Web Hooks for Event Delivery, section 4.1).
fn is_handshake(delivery: &Delivery) -> bool {
    delivery.method == "OPTIONS" && delivery.header("webhook-request-origin").is_some()
}

fn mode(delivery: &Delivery) -> Result<Mode, String> {
    let kind = delivery.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let other = |format: &str| Err(format!("`Content-Type` is `{kind}`; {format} is read"));
    if let Some(format) = kind.strip_prefix(BATCH) {
        return if format == "+json" { Ok(Mode::Batch) } else { other("only `+json`") };
    }
    match kind.strip_prefix(TYPE) {
        Some("" | "+json") => Ok(Mode::Structured),
        Some(_) => other("only `+json`"),
        None if delivery.header("ce-specversion").is_some() => Ok(Mode::Binary),
        None => Err("there is neither a `ce-specversion` header nor a cloudevents type".into()),
    }
}

fn binary(delivery: &Delivery) -> Result<Event<'static>, String> {
    let mut event = Event {
        data_content_type: delivery.header("content-type").map(str::to_owned),
        ..Event::default()
    };
    for (name, value) in &delivery.headers {
        let Some(name) = name.strip_prefix(PREFIX) else { continue };
        let value = header_value(value)
            .ok_or_else(|| format!("`{PREFIX}{name}` is no percent-encoded UTF-8"))?;
        if let Some(field) = event.attribute(name).filter(|field| **field == Field::Absent) {
            *field = Field::Text(value.into());
        }
    }
    if !delivery.body.is_empty() {
        event.data = Data::Bytes(delivery.body.to_vec());
        event.data_content_type.get_or_insert_with(|| "application/json".into());
    }
    Ok(event)
}

/// The value of an attribute in a header: without quotes, one round of percent-decoding (HTTP
/// binding, section 3.1.3.2). Nothing where the bytes are no UTF-8.
fn header_value(written: &str) -> Option<String> {
    let written = written.trim();
    let quoted = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let plain = match quoted {
        None => written.to_owned(),
        Some(inner) => {
            let mut plain = String::with_capacity(inner.len());
            let mut chars = inner.chars();
            while let Some(c) = chars.next() {
                plain.extend(if c == '\\' { chars.next() } else { Some(c) });
            }
            plain
        }
    };
    let decoded = percent_decode(plain.as_bytes()).decode_utf8().ok()?.into_owned();
    (!decoded.contains(char::REPLACEMENT_CHARACTER)).then_some(decoded)
}

fn structured(value: Value) -> Result<Event<'static>, String> {
    let Value::Object(members) = value else { return Err("an event is no JSON object".into()) };
    let mut event = Event::default();
    let mut base64 = None;
    for (name, value) in members {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("data", value) => event.data = Data::Json(value),
            ("data_base64", value) => base64 = Some(value),
            ("datacontenttype", Value::String(kind)) => event.data_content_type = Some(kind),
            (name, value) => {
                if let Some(field) = event.attribute(name) {
                    *field = Field::deserialize(value).unwrap_or(Field::Wrong);
                }
            }
        }
    }
    if let Some(base64) = base64 {
        if matches!(event.data, Data::Json(_)) {
            return Err("`data` and `data_base64` exclude each other".into());
        }
        let bytes = base64.as_str().and_then(|text| STANDARD.decode(text).ok());
        event.data = Data::Bytes(bytes.ok_or("`data_base64` is no base64")?);
    }
    Ok(event)
}

impl<'a> Event<'a> {
    fn attribute(&mut self, name: &str) -> Option<&mut Field<'a>> {
        Some(match name {
            "specversion" => &mut self.spec_version,
            "id" => &mut self.id,
            "source" => &mut self.source,
            "type" => &mut self.kind,
            "time" => &mut self.time,
            "subject" => &mut self.subject,
            _ => return None,
        })
    }

    /// The data as our event's members.
    fn members(&self) -> Result<Raw<'static>, String> {
        let declared = self.data_content_type.as_deref();
        let value = match &self.data {
            Data::None => return Ok(Raw::default()),
            Data::Json(_) if !declared.is_none_or(is_json) => {
                return Err(format!("`datacontenttype` is {declared:?}; JSON is wanted"));
            }
            Data::Json(value) => value.clone(),
            Data::Bytes(bytes) if bytes.is_empty() => return Ok(Raw::default()),
            // Nothing is assumed of bytes whose type nobody told.
            Data::Bytes(bytes) if declared.is_some_and(is_json) => {
                let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
                serde_json::from_slice(bytes)
                    .map_err(|error| format!("the data is no JSON: {error}"))?
            }
            Data::Bytes(_) => return Err("`datacontenttype` of the data is not JSON".into()),
        };
        match value {
            Value::Null => Ok(Raw::default()),
            Value::Object(_) => Raw::deserialize(value).map_err(|error| format!("`data`: {error}")),
            _ => Err("`data` is no object".into()),
        }
    }
}

/// `*/json` or `*/*+json`, parameters ignored.
fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.split_once('/').is_some_and(|(_, sub)| sub == "json" || sub.ends_with("+json"))
}

/// An event in our own form; nothing of a type that says nothing of calls.
fn ours(event: Event<'static>) -> Result<Option<Raw<'static>>, String> {
    if event.spec_version.filled() != Some("1.0") {
        return Err("`specversion` is not 1.0".into());
    }
    for (name, field) in [("id", &event.id), ("source", &event.source), ("type", &event.kind)] {
        match field {
            Field::Text(text) if !text.is_empty() => {}
            Field::Absent => return Err(format!("`{name}` is missing")),
            Field::Text(_) => return Err(format!("`{name}` is empty")),
            Field::Number(_) | Field::Wrong => return Err(format!("`{name}` is no text")),
        }
    }
    let kind = generic_type(event.kind.filled().unwrap_or_default());
    if !generic::TYPES.contains(&kind.as_str()) {
        return Ok(None);
    }
    let mut raw = event.members()?;
    raw.kind = Field::Text(kind.into());
    raw.id = event.id;
    if raw.at == Field::Absent {
        raw.at = event.time;
    }
    if raw.call == Field::Absent {
        raw.call = event.subject;
    }
    Ok(Some(raw))
}

/// `com.example.pbx.leg.alerting.v2` is `leg.alerting`: the last two parts, without a version.
fn generic_type(written: &str) -> String {
    let mut parts: Vec<&str> = written.split('.').collect();
    let is_version = |part: &&str| {
        let digits = part.strip_prefix('v').unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    parts.pop_if(|last| is_version(&&**last));
    parts[parts.len().saturating_sub(2)..].join(".")
}

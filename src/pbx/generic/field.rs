//! The shape of a body: fields that remember how they were written, borrowed from it where
//! possible.

use super::BATCH_MAX;
use crate::call::Bounds;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// A field where text is wanted. A whole number is taken as its digits.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Field<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    /// A number, as it would be written.
    Number(String),
    /// Anything else: a list, an object, true, a fraction.
    Wrong,
}

impl<'a> Field<'a> {
    /// The text, or the digits of a whole number.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(digits) => Some(digits),
            Self::Absent | Self::Wrong => None,
        }
    }

    /// As [`Field::text`], and nothing for an empty text.
    pub fn filled(&self) -> Option<&str> {
        self.text().filter(|text| !text.is_empty())
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(text.into()))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Field::Text(text.to_owned().into()))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Field::Number(number.to_string()))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Field::Number(number.to_string()))
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Field::Wrong)
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Field::Wrong)
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Wrong)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Wrong)
    }
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

/// One event as it is written.
#[derive(Debug, Default)]
pub struct Raw<'a> {
    pub id: Field<'a>,
    pub kind: Field<'a>,
    pub at: Field<'a>,
    pub call: Field<'a>,
    pub leg: Field<'a>,
    pub direction: Field<'a>,
    pub from: Field<'a>,
    pub to: Field<'a>,
    pub from_name: Field<'a>,
    pub extension: Field<'a>,
    pub cause: Field<'a>,
    pub recording: RawRecording<'a>,
    /// When it happened, where a field map has read that already.
    pub when: Option<Bounds>,
    /// Another id of the same call, where a field map knows one.
    pub call_before: Option<String>,
}

/// The `recording` of an event.
#[derive(Debug, Default)]
pub struct RawRecording<'a> {
    pub name: Field<'a>,
    pub url: Field<'a>,
    pub starts_at: Field<'a>,
}

impl RawRecording<'_> {
    /// Whether it says which recording it is.
    pub fn is_named(&self) -> bool {
        self.url.filled().or(self.name.filled()).is_some()
    }
}

impl<'a> Raw<'a> {
    /// The field of this name in our event; nothing for unknown members.
    pub fn field(&mut self, name: &str) -> Option<&mut Field<'a>> {
        Some(match name {
            "id" => &mut self.id,
            "type" => &mut self.kind,
            "at" => &mut self.at,
            "call" => &mut self.call,
            "leg" => &mut self.leg,
            "direction" => &mut self.direction,
            "from" => &mut self.from,
            "to" => &mut self.to,
            "from_name" => &mut self.from_name,
            "extension" => &mut self.extension,
            "cause" => &mut self.cause,
            "recording.name" => &mut self.recording.name,
            "recording.url" => &mut self.recording.url,
            "recording.starts_at" => &mut self.recording.starts_at,
            _ => return None,
        })
    }
}

struct RecordingVisitor;

impl<'de> Visitor<'de> for RecordingVisitor {
    type Value = RawRecording<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a recording")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut raw = RawRecording::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match name.as_ref() {
                "name" => raw.name = map.next_value()?,
                "url" => raw.url = map.next_value()?,
                "starts_at" => raw.starts_at = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(raw)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(RawRecording::default())
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(RawRecording::default())
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(RawRecording::default())
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(RawRecording::default())
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(RawRecording::default())
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(RawRecording::default())
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(RawRecording::default())
    }
}

impl<'de> Deserialize<'de> for RawRecording<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RecordingVisitor)
    }
}

/// The events of a body: one object or a list. An element that is no object is kept as its error.
pub struct Events<'a>(pub Vec<Result<Raw<'a>, String>>);

struct EventVisitor;

/// An element of the list: an event, or something else.
struct Element<'a>(Result<Raw<'a>, String>);

fn event<'de, A: MapAccess<'de>>(mut map: A) -> Result<Raw<'de>, A::Error> {
    let mut raw = Raw::default();
    while let Some(name) = map.next_key::<Cow<'de, str>>()? {
        if name == "recording" {
            raw.recording = map.next_value()?;
        } else if let Some(field) = raw.field(&name) {
            *field = map.next_value()?;
        } else {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(raw)
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        event(map)
    }
}

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawVisitor)
    }
}

fn no_event<'a>() -> Element<'a> {
    Element(Err("an element of the list is no object".into()))
}

impl<'de> Visitor<'de> for EventVisitor {
    type Value = Element<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok(Element(Ok(event(map)?)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(no_event())
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(no_event())
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(no_event())
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(no_event())
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(no_event())
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(no_event())
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(no_event())
    }
}

impl<'de> Deserialize<'de> for Element<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EventVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Events<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event or a list of events")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok(Events(vec![Ok(event(map)?)]))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut events = Vec::new();
        while let Some(Element(event)) = list.next_element()? {
            if events.len() == BATCH_MAX {
                return Err(A::Error::custom(format!("more than {BATCH_MAX} events in a list")));
            }
            events.push(event);
        }
        Ok(Events(events))
    }
}

impl<'de> Deserialize<'de> for Events<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyVisitor)
    }
}

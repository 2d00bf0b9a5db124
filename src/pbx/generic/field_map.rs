//! Field maps: how any JSON, form, query or XML becomes our event. One TOML file in `config/pbx/`
//! for each sender; `docs/pbx/generic.md` tells the language.

use super::field::{Field, Raw};
use super::path::{self, Expression};
use super::{BATCH_MAX, TYPES, time_form::TimeForm};
use crate::pbx::Delivery;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How the fields of a foreign body become ours.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldMap {
    /// How the body is written.
    pub body: BodyForm,
    /// Path to the list of events, where one body holds several. A body that is a list needs none.
    pub list: Option<String>,
    /// Our field → where theirs is: see `Expression`.
    pub fields: BTreeMap<String, Expression>,
    /// Their word for what happened → our types. One of theirs may say two things of ours.
    pub types: BTreeMap<String, Vec<String>>,
    /// What happened, where one body tells of several things: our types, joined by `+` → where the
    /// time of them is. An empty time says that it did not happen.
    pub moments: BTreeMap<String, Expression>,
    /// Their word → ours. Words that are not in the list say nothing.
    pub directions: BTreeMap<String, String>,
    /// Their word → ours. Words that are not in the list say nothing.
    pub causes: BTreeMap<String, String>,
    /// Our field → a value that all events have.
    pub constants: BTreeMap<String, String>,
    /// How times are written.
    pub time: TimeForm,
    /// The body of the 2xx, for senders that want their own.
    pub answer: Option<String>,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyForm {
    #[default]
    Json,
    /// `a=1&b=2`, in the body or, where that is empty, in the address.
    Form,
    /// Elements are names, their text is the value; attributes are left out.
    Xml,
}

/// Another call of theirs that is this one: after a transfer, the record before.
const CALL_BEFORE: &str = "call_before";

impl FieldMap {
    /// Reads a map and checks it.
    ///
    /// # Errors
    /// A sentence with the line, or the key and what is allowed.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let map: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for name in map.fields.keys().chain(map.constants.keys()) {
            if Raw::default().field(name).is_none() && name != CALL_BEFORE {
                return Err(format!("`{name}` is no field of our event"));
            }
        }
        let of_types = map.types.iter().flat_map(|(theirs, ours)| {
            ours.iter().map(move |kind| (format!("types.{theirs}"), kind.as_str()))
        });
        let of_moments =
            map.moments.keys().flat_map(|key| kinds(key).map(|kind| ("moments".to_owned(), kind)));
        for (place, kind) in of_types.chain(of_moments) {
            if !TYPES.contains(&kind) {
                let known = TYPES.join(", ");
                return Err(format!("{place}: `{kind}` is no type; there are {known}"));
            }
        }
        let needed: &[&str] =
            if map.moments.is_empty() { &["type", "at", "call"] } else { &["call"] };
        for needed in needed {
            if !map.fields.contains_key(*needed) && !map.constants.contains_key(*needed) {
                return Err(format!("[fields] does not say where `{needed}` is"));
            }
        }
        map.time.check()?;
        Ok(map)
    }

    /// The events of a delivery in our form; `zone` is that of times without one.
    ///
    /// # Errors
    /// A sentence that says why the body cannot be read.
    pub fn events(
        &self,
        delivery: &Delivery,
        zone: Tz,
    ) -> Result<Vec<Result<Option<Raw<'static>>, String>>, String> {
        let body = path::body(self.body, delivery)?;
        let within = match &self.list {
            None => &body,
            Some(path) => path::at(&body, path).ok_or_else(|| format!("nothing is at `{path}`"))?,
        };
        let list = match within {
            Value::Array(list) if list.len() > BATCH_MAX => {
                return Err(format!("more than {BATCH_MAX} events in a list"));
            }
            Value::Array(list) => list.iter().collect(),
            _ if self.list.is_some() && self.body != BodyForm::Xml => {
                return Err(format!(
                    "there is no list at `{}`",
                    self.list.as_deref().unwrap_or("")
                ));
            }
            one => vec![one],
        };
        Ok(list.into_iter().flat_map(|theirs| self.of_one(theirs, zone)).collect())
    }

    /// One of theirs: as many of ours as its type says, or as it has moments.
    fn of_one(&self, theirs: &Value, zone: Tz) -> Vec<Result<Option<Raw<'static>>, String>> {
        if !theirs.is_object() {
            return vec![Err("an event is no object with fields".into())];
        }
        if !self.moments.is_empty() {
            return self.moments(theirs, zone);
        }
        let word = self.text(theirs, "type").unwrap_or_default();
        let mapped = self.types.get(&word).cloned();
        // Read, kept and ignored, as an unknown type of our own would be.
        let unknown = || vec![if self.types.is_empty() { word } else { format!("other.{word}") }];
        let kinds = mapped.unwrap_or_else(unknown);
        let at = self.text(theirs, "at");
        kinds.iter().map(|kind| self.raw(theirs, kind, at.as_deref(), zone).map(Some)).collect()
    }

    fn moments(&self, theirs: &Value, zone: Tz) -> Vec<Result<Option<Raw<'static>>, String>> {
        if self.text(theirs, "call").is_none() {
            return vec![Err("`call` is missing".into())];
        }
        let mut events = Vec::new();
        for (kinds_of, at) in &self.moments {
            let Some(at) = at.text(theirs).filter(|at| !is_never(at)) else { continue };
            for kind in kinds(kinds_of) {
                let raw = self.raw(theirs, kind, Some(&at), zone);
                let is_nothing =
                    |raw: &Raw<'_>| kind == "recording.announced" && !raw.recording.is_named();
                if !raw.as_ref().is_ok_and(is_nothing) {
                    events.push(raw.map(Some));
                }
            }
        }
        // Nothing of it has happened yet: read, and it says nothing.
        if events.is_empty() {
            events.push(Ok(None));
        }
        events
    }

    fn raw(
        &self,
        theirs: &Value,
        kind: &str,
        at: Option<&str>,
        zone: Tz,
    ) -> Result<Raw<'static>, String> {
        let mut raw = Raw::default();
        let names = self.fields.keys().chain(self.constants.keys());
        for name in names.filter(|name| !["type", "at"].contains(&name.as_str())) {
            let Some(text) = self.text(theirs, name) else { continue };
            let text = match name.as_str() {
                "recording.starts_at" => match self.time.read(&text, zone) {
                    Some(at) => at.earliest.to_rfc3339(),
                    None => continue,
                },
                "direction" => listed(&self.directions, text),
                "cause" => listed(&self.causes, text),
                _ => text,
            };
            if name == CALL_BEFORE {
                raw.call_before = Some(text);
            } else if let Some(field) = raw.field(name) {
                *field = Field::Text(text.into());
            }
        }
        if let Some(at) = at {
            let wrong = || format!("`at`: `{at}` is not written as `{}`", self.time.format);
            raw.when = Some(self.time.read(at, zone).ok_or_else(wrong)?);
        }
        raw.kind = Field::Text(kind.to_owned().into());
        Ok(raw)
    }

    /// A field of ours as text, from where it is, else its constant.
    fn text(&self, theirs: &Value, name: &str) -> Option<String> {
        let found = self.fields.get(name).and_then(|expression| expression.text(theirs));
        found.or_else(|| self.constants.get(name).cloned())
    }
}

/// `leg.answered + leg.joined`
fn kinds(key: &str) -> impl Iterator<Item = &str> {
    key.split('+').map(str::trim)
}

/// Senders write a time that never was as `0`, or as a date of zeros.
fn is_never(time: &str) -> bool {
    !time.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0' || byte.is_ascii_alphabetic())
}

/// Their word as ours. Without a list theirs are ours.
fn listed(words: &BTreeMap<String, String>, theirs: String) -> String {
    if words.is_empty() {
        return theirs;
    }
    words.get(&theirs).cloned().unwrap_or_default()
}

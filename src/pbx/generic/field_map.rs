//! Field maps: how any JSON or form body becomes our event. One TOML file in `config/pbx/` for each
//! sender.

use super::TYPES;
use super::field::{Field, Raw};
use crate::pbx::Delivery;
use chrono::{DateTime, NaiveDateTime, SecondsFormat, TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How the fields of a foreign body become ours.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldMap {
    /// How the body is written.
    pub body: BodyForm,
    /// Path to the list of events, where one body holds several.
    pub list: Option<String>,
    /// Our field → path in theirs: names separated by dots, numbers for places in lists. Of several
    /// paths, separated by `|`, the first that is there counts.
    pub fields: BTreeMap<String, String>,
    /// Their word for what happened → our types. One of theirs may say two things of ours.
    pub types: BTreeMap<String, Vec<String>>,
    /// Their word → ours.
    pub directions: BTreeMap<String, String>,
    /// Their word → ours.
    pub causes: BTreeMap<String, String>,
    /// Our field → a value that all events have.
    pub constants: BTreeMap<String, String>,
    /// How times are written.
    pub time: TimeForm,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyForm {
    #[default]
    Json,
    /// `a=1&b=2`, in the body or, where that is empty, in the address.
    Form,
}

/// How times are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeForm {
    /// `rfc3339`, `epoch_s`, `epoch_ms`, or a pattern such as `%Y/%m/%d %H:%M:%S`.
    pub format: String,
    /// Zone of times without one; the site's where it is not given.
    pub zone: Option<String>,
}

impl Default for TimeForm {
    fn default() -> Self {
        Self { format: "rfc3339".into(), zone: None }
    }
}

impl FieldMap {
    /// Reads a map and checks it.
    ///
    /// # Errors
    /// A sentence with the line, or the key and what is allowed.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let map: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for name in map.fields.keys().chain(map.constants.keys()) {
            if Raw::default().field(name).is_none() {
                return Err(format!("`{name}` is no field of our event"));
            }
        }
        for (theirs, ours) in &map.types {
            if let Some(wrong) = ours.iter().find(|kind| !TYPES.contains(&kind.as_str())) {
                let known = TYPES.join(", ");
                return Err(format!("types.{theirs}: `{wrong}` is no type; there are {known}"));
            }
        }
        for needed in ["type", "at", "call"] {
            if !map.fields.contains_key(needed) && !map.constants.contains_key(needed) {
                return Err(format!("[fields] does not say where `{needed}` is"));
            }
        }
        if let Some(zone) = &map.time.zone {
            zone.parse::<chrono_tz::Tz>().map_err(|_| format!("time.zone: no zone `{zone}`"))?;
        }
        Ok(map)
    }

    /// The events of a delivery in our form.
    ///
    /// # Errors
    /// A sentence that says why the body cannot be read.
    pub fn events(&self, delivery: &Delivery) -> Result<Vec<Result<Raw<'static>, String>>, String> {
        let body = self.body(delivery)?;
        let list = match &self.list {
            None => vec![&body],
            Some(path) => at_path(&body, path)
                .and_then(Value::as_array)
                .ok_or_else(|| format!("there is no list at `{path}`"))?
                .iter()
                .collect(),
        };
        Ok(list.into_iter().flat_map(|event| self.event(event)).collect())
    }

    fn body(&self, delivery: &Delivery) -> Result<Value, String> {
        match self.body {
            BodyForm::Json => serde_json::from_slice(&delivery.body)
                .map_err(|error| format!("the body is no JSON: {error}")),
            BodyForm::Form => {
                let query = delivery.target.split_once('?').map_or("", |(_, query)| query);
                let text: &[u8] =
                    if delivery.body.is_empty() { query.as_bytes() } else { &delivery.body };
                let pairs = form_urlencoded::parse(text);
                Ok(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
            }
        }
    }

    /// One of their events: as many of ours as its type says.
    fn event(&self, theirs: &Value) -> Vec<Result<Raw<'static>, String>> {
        let word = self.text(theirs, "type").unwrap_or_default();
        let Some(kinds) = self.types.get(&word) else {
            // Read, kept and ignored, as an unknown type of our own would be.
            let kinds = [if self.types.is_empty() { word } else { format!("other.{word}") }];
            return kinds.into_iter().map(|kind| self.raw(theirs, kind)).collect();
        };
        kinds.iter().map(|kind| self.raw(theirs, kind.clone())).collect()
    }

    fn raw(&self, theirs: &Value, kind: String) -> Result<Raw<'static>, String> {
        let mut raw = Raw::default();
        let names = self.fields.keys().chain(self.constants.keys());
        for name in names.filter(|name| *name != "type") {
            let Some(text) = self.text(theirs, name) else { continue };
            let text = match name.as_str() {
                "at" | "recording.starts_at" => {
                    self.time(&text).map_err(|why| format!("`{name}`: {why}"))?
                }
                "direction" => self.directions.get(&text).cloned().unwrap_or(text),
                "cause" => self.causes.get(&text).cloned().unwrap_or(text),
                _ => text,
            };
            if let Some(field) = raw.field(name) {
                *field = Field::Text(text.into());
            }
        }
        raw.kind = Field::Text(kind.into());
        Ok(raw)
    }

    /// A field of ours as text, from the first of its paths that is there, else its constant.
    fn text(&self, theirs: &Value, name: &str) -> Option<String> {
        let paths = self.fields.get(name).map_or("", String::as_str);
        let found = paths.split('|').find_map(|path| match at_path(theirs, path.trim())? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        found.or_else(|| self.constants.get(name).cloned())
    }

    /// Their time as ours.
    fn time(&self, text: &str) -> Result<String, String> {
        let wrong = || format!("`{text}` is not written as `{}`", self.time.format);
        let ours = |at: DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        match self.time.format.as_str() {
            "rfc3339" => Ok(text.to_owned()),
            "epoch_s" => {
                let millis = text.parse::<f64>().map_err(|_| wrong())? * 1000.0;
                DateTime::from_timestamp_millis(millis as i64).map(ours).ok_or_else(wrong)
            }
            "epoch_ms" => {
                let millis = text.parse().map_err(|_| wrong())?;
                DateTime::from_timestamp_millis(millis).map(ours).ok_or_else(wrong)
            }
            pattern => {
                if let Ok(at) = DateTime::parse_from_str(text, pattern) {
                    return Ok(ours(at.to_utc()));
                }
                let local = NaiveDateTime::parse_from_str(text, pattern).map_err(|_| wrong())?;
                let Some(zone) = &self.time.zone else {
                    return Ok(local.format("%Y-%m-%dT%H:%M:%S%.3f").to_string());
                };
                let zone: chrono_tz::Tz = zone.parse().map_err(|_| wrong())?;
                let at = zone.from_local_datetime(&local).earliest().ok_or_else(wrong)?;
                Ok(ours(at.to_utc()))
            }
        }
    }
}

fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return None;
    }
    path.split('.').try_fold(value, |value, name| match value {
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    })
}

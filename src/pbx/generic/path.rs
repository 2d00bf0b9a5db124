//! Where a field of a foreign body is: paths, texts between them, and second choices.

use super::field_map::BodyForm;
use crate::pbx::{Delivery, body, multipart, xml};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a text is: `call.uuid | id` takes the first of the two that is there;
/// `server + '/' + file` puts pieces together and is there only if all of them are. Names are
/// separated by dots, numbers are places in lists, quotes hold a text itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expression(String);

impl Expression {
    /// The text there; nothing for an empty one, or one that is not readable in its charset.
    pub fn text(&self, body: &Value) -> Option<String> {
        let choices = self.0.split('|');
        choices.map(|pieces| pieces.split('+')).find_map(|pieces| {
            let pieces = pieces.map(|piece| one(body, piece.trim()));
            pieces.collect::<Option<String>>().filter(|text| !text.is_empty())
        })
    }
}

fn one(body: &Value, piece: &str) -> Option<String> {
    let quoted = piece.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    if let Some(text) = quoted {
        return Some(text.to_owned());
    }
    match at(body, piece)? {
        Value::String(text) => {
            let text = text.trim();
            let readable = !text.is_empty() && !text.contains(char::REPLACEMENT_CHARACTER);
            readable.then(|| text.to_owned())
        }
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What is at a path: names separated by dots, numbers for places in lists.
pub fn at<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(body, |value, name| match value {
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        other => other.get(name),
    })
}

/// The fields of a delivery. Bytes that are no UTF-8 spoil only the text they stand in.
///
/// # Errors
/// A sentence that says what is wrong about the body.
pub fn body(form: BodyForm, delivery: &Delivery) -> Result<Value, String> {
    let kind = delivery.header("content-type").unwrap_or_default();
    if multipart::is_form(kind) {
        return files_and_fields(form, delivery, kind);
    }
    let text = String::from_utf8_lossy(&delivery.body);
    let text = text.trim_start_matches('\u{feff}').trim();
    match form {
        BodyForm::Json => {
            serde_json::from_str(text).map_err(|error| format!("the body is no JSON: {error}"))
        }
        BodyForm::Form => {
            let fields = if text.is_empty() { body::query(delivery) } else { text };
            Ok(Value::Object(body::form(fields.as_bytes())))
        }
        BodyForm::Xml => xml::root(text).map_err(|why| format!("the body is {why}")),
    }
}

/// A form with files: its fields by name, of a file its name. Where JSON is expected a field that
/// holds some is opened, so that a path leads into it.
fn files_and_fields(form: BodyForm, delivery: &Delivery, kind: &str) -> Result<Value, String> {
    let mut fields = body::fields(delivery, kind).map_err(|refusal| refusal.to_string())?;
    for value in fields.values_mut().filter(|_| form == BodyForm::Json) {
        let text = value.as_str().unwrap_or_default().trim();
        if text.starts_with(['{', '['])
            && let Ok(inner) = serde_json::from_str(text)
        {
            *value = inner;
        }
    }
    Ok(Value::Object(fields))
}

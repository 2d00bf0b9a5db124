//! The fields of a delivery, whatever carried them: JSON, a form, a form with files, or an address.

use super::signature::without_token;
use super::{Delivery, FeedNotice, Reading, Refusal, multipart, time};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Names and values of one event. Forms and addresses give texts only.
pub type Object = Map<String, Value>;

/// Objects in one delivery at most.
pub const BATCH_MAX: usize = 100;

/// The objects that a delivery holds: of a GET its query; else its body, which is a form with files
/// (RFC 7578), a JSON object, a JSON list of up to [`BATCH_MAX`], or a form.
///
/// # Errors
/// [`Refusal::NotUnderstood`] with what is wrong about the body.
pub fn objects(delivery: &Delivery) -> Result<Vec<Object>, Refusal> {
    if is_get(delivery) {
        return Ok(vec![form(query(delivery).as_bytes())]);
    }
    let kind = delivery.header("content-type").unwrap_or_default();
    if multipart::is_form(kind) {
        return Ok(vec![fields(delivery, kind)?]);
    }
    let text = String::from_utf8_lossy(&delivery.body);
    let text = text.trim_start_matches('\u{feff}').trim();
    if !text.starts_with(['{', '[']) {
        return Ok(vec![form(text.as_bytes())]);
    }
    let value = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&without_bad_escapes(text)))
        .map_err(|error| Refusal::NotUnderstood(format!("the body is no JSON: {error}")))?;
    match value {
        Value::Object(object) => Ok(vec![object]),
        Value::Array(list) if list.len() <= BATCH_MAX => {
            list.into_iter().enumerate().map(|(place, value)| object(place, value)).collect()
        }
        _ => {
            let why = format!("the body is neither an object nor a list of up to {BATCH_MAX}");
            Err(Refusal::NotUnderstood(why))
        }
    }
}

/// The one object that a delivery holds.
///
/// # Errors
/// [`Refusal::NotUnderstood`] when the body cannot be read or holds a list.
pub fn one(delivery: &Delivery) -> Result<Object, Refusal> {
    let mut objects = objects(delivery)?;
    match (objects.pop(), objects.is_empty()) {
        (Some(object), true) => Ok(object),
        _ => Err(Refusal::NotUnderstood("the body is a list; one object is wanted".into())),
    }
}

/// The JSON object that a body is, whatever its type is said to be. Bytes that are no UTF-8 spoil
/// only the text they stand in.
///
/// # Errors
/// [`Refusal::NotUnderstood`] when it is anything else.
pub fn json_object(delivery: &Delivery) -> Result<Object, Refusal> {
    let text = String::from_utf8_lossy(&delivery.body);
    let value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Refusal::NotUnderstood(format!("the body is no JSON: {error}")))?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Refusal::NotUnderstood("the body is no JSON object".into())),
    }
}

/// A field that an event cannot do without, as text.
///
/// # Errors
/// [`Refusal::NotUnderstood`] that names the field.
pub fn required<'a>(object: &'a Object, name: &str) -> Result<&'a str, Refusal> {
    let why = || match object.get(name) {
        None | Some(Value::Null) => format!("`{name}` is missing"),
        Some(Value::String(_)) => format!("`{name}` is empty or not readable"),
        Some(_) => format!("`{name}` is no text"),
    };
    text(object, name).ok_or_else(|| Refusal::NotUnderstood(why()))
}

/// A whole number, or a text of its digits.
pub fn integer(object: &Object, name: &str) -> Option<i64> {
    match object.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A row of a feed about its own connection, if the delivery is one: `_connection` is `up` or
/// `down` since `at`.
pub fn connection(delivery: &Delivery) -> Option<Result<Reading, Refusal>> {
    const NAME: &str = "_connection";
    // A look at the bytes first: every event of a feed passes here.
    let named = delivery.body.len() < 512
        && delivery.body.windows(NAME.len()).any(|window| window == NAME.as_bytes());
    let object = named.then(|| json_object(delivery).ok()).flatten()?;
    object.contains_key(NAME).then(|| connection_row(&object))
}

/// What a row about a feed's connection says.
///
/// # Errors
/// [`Refusal::NotUnderstood`] with the field at fault.
pub fn connection_row(object: &Object) -> Result<Reading, Refusal> {
    let written = text(object, "at").unwrap_or_default();
    let at = time::required(time::iso(written).map(|at| at.earliest), "at", written)?;
    let notice = match text(object, "_connection") {
        Some("down") => FeedNotice::Lost { at },
        Some("up") => FeedNotice::Back { at, restarted: false },
        other => {
            let why = format!("`_connection` is {other:?}; `up` and `down` are known");
            return Err(Refusal::NotUnderstood(why));
        }
    };
    Ok(Reading { feed: vec![notice], ..Reading::default() })
}

/// Whether the fields stand in the address.
pub fn is_get(delivery: &Delivery) -> bool {
    delivery.method.eq_ignore_ascii_case("GET")
}

/// Whether the body is a form (`a=1&b=2`).
pub fn is_form(delivery: &Delivery) -> bool {
    let kind = delivery.header("content-type").unwrap_or_default().trim_start();
    let form = "application/x-www-form-urlencoded";
    kind.get(..form.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(form))
}

/// What follows the `?` of the address, as it was sent.
pub fn query(delivery: &Delivery) -> &str {
    delivery.target.split_once('?').map_or("", |(_, query)| query)
}

/// The identity of a delivery that says all in its address, as a GET does; the token in it is no
/// part of what it says. A body has its own digest.
pub fn key_of_address(delivery: &Delivery) -> Option<String> {
    let bare = is_get(delivery) || delivery.body.is_empty();
    bare.then(|| without_token(&delivery.target).into_owned())
}

/// The one object of a GET's query, else the JSON object that the body is.
///
/// # Errors
/// [`Refusal::NotUnderstood`] with what is wrong about the body.
pub fn asked_or_json(delivery: &Delivery) -> Result<Object, Refusal> {
    if is_get(delivery) { one(delivery) } else { json_object(delivery) }
}

/// A field as text; nothing where it is absent, empty, no text, or not readable in its charset.
pub fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    let text = object.get(name)?.as_str()?.trim();
    (!text.is_empty() && !text.contains(char::REPLACEMENT_CHARACTER)).then_some(text)
}

/// Names and values as in an address or a form, decoded; of a repeated name the last one stands.
pub fn form(text: &[u8]) -> Object {
    let pairs = form_urlencoded::parse(text);
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect()
}

/// The value itself is not told: it may be long, or a number of a person.
fn object(place: usize, value: Value) -> Result<Object, Refusal> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Refusal::NotUnderstood(format!("item {} of the list is no object", place + 1))),
    }
}

/// The text fields of a form with files. Of a file there is the name, also as `file`.
///
/// # Errors
/// [`Refusal::NotUnderstood`] with what of the form is wrong.
pub fn fields(delivery: &Delivery, kind: &str) -> Result<Object, Refusal> {
    let parts = multipart::parts(kind, &delivery.body).map_err(Refusal::NotUnderstood)?;
    let mut object = Object::new();
    for part in parts {
        match part.file_name {
            Some(file) => {
                object.insert("file".to_owned(), file.clone().into());
                object.insert(part.name, file.into());
            }
            None => {
                let text = String::from_utf8_lossy(part.body).into_owned();
                object.insert(part.name, text.into());
            }
        }
    }
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

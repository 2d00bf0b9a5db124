//! The single fields of a delivery, each with a way to make the same delivery with another value in
//! its place. A text that is itself JSON, XML or a form is looked into.

use crate::pbx::{Delivery, body, table};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;
use std::ops::Range;
use std::rc::Rc;

/// Documents within documents at most.
const DEPTH_MAX: usize = 4;

/// Headers that say how a delivery travelled, not what happened.
const HEADERS_OF_TRAVEL: [&str; 8] = [
    "content-type",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "host",
    "connection",
    "content-length",
];

/// Makes the whole with another value in one place; with none the place itself goes.
type Again<T> = Rc<dyn Fn(Option<&str>) -> T>;

/// One value of a delivery.
pub struct Field {
    /// Where it stands: `data.payload.from`, `?uuid`, `header ce-type`.
    pub name: String,
    pub value: String,
    again: Again<Delivery>,
}

impl Field {
    /// The delivery with another value in this place; with none the field is gone.
    pub fn with(&self, value: Option<&str>) -> Delivery {
        (self.again)(value)
    }

    /// Whether it stands in a header, and so may say nothing of the call.
    pub fn is_header(&self) -> bool {
        self.name.starts_with("header ")
    }
}

/// A value within a text, and the text with another value in its place.
struct Leaf {
    name: String,
    value: String,
    again: Again<String>,
}

/// All fields of a delivery, in its order: body, address, headers.
pub fn fields(delivery: &Delivery) -> Vec<Field> {
    let mut fields = Vec::new();
    let whole = delivery.clone();
    let of_body = move |text: String| Delivery { body: text.into(), ..whole.clone() };
    fields.extend(in_delivery(leaves_of_body(delivery), "", of_body));
    let (path, whole) = (path(delivery).to_owned(), delivery.clone());
    let of_query =
        move |text: String| Delivery { target: format!("{path}?{text}"), ..whole.clone() };
    fields.extend(in_delivery(of_form(body::query(delivery), 0), "?", of_query));
    let told = |(name, _): &&(String, String)| !HEADERS_OF_TRAVEL.contains(&name.as_str());
    fields.extend(delivery.headers.iter().filter(told).map(|(name, value)| {
        let (whole, wanted) = (delivery.clone(), name.clone());
        let again = move |value: Option<&str>| with_header(&whole, &wanted, value);
        Field { name: format!("header {name}"), value: value.clone(), again: Rc::new(again) }
    }));
    fields
}

fn in_delivery(
    leaves: Vec<Leaf>,
    before: &'static str,
    whole: impl Fn(String) -> Delivery + 'static,
) -> impl Iterator<Item = Field> {
    let whole = Rc::new(whole);
    leaves.into_iter().map(move |leaf| {
        let (whole, again) = (Rc::clone(&whole), leaf.again);
        Field {
            name: format!("{before}{}", leaf.name),
            value: leaf.value,
            again: Rc::new(move |value| whole(again(value))),
        }
    })
}

fn path(delivery: &Delivery) -> &str {
    delivery.target.split_once('?').map_or(delivery.target.as_str(), |(path, _)| path)
}

fn with_header(delivery: &Delivery, wanted: &str, value: Option<&str>) -> Delivery {
    let mut changed = delivery.clone();
    match value {
        None => changed.headers.retain(|(name, _)| name != wanted),
        Some(value) => {
            let own = changed.headers.iter_mut().filter(|(name, _)| name == wanted);
            own.for_each(|(_, old)| value.clone_into(old));
        }
    }
    changed
}

fn leaves_of_body(delivery: &Delivery) -> Vec<Leaf> {
    let kind = delivery.header("content-type").unwrap_or_default();
    // Bytes that are no text have no fields; a form with files would have to be cut anew.
    let Ok(text) = std::str::from_utf8(&delivery.body) else { return Vec::new() };
    if body::is_get(delivery) || kind.starts_with("multipart/") {
        return Vec::new();
    }
    if table::is_row(delivery) {
        return of_row(text, kind == table::WITH_HEADER);
    }
    // A document that is broken is no form.
    let document_like =
        text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[', '<']);
    match document(text, 0) {
        Some(leaves) => leaves,
        None if document_like => Vec::new(),
        None => of_form(text, 0),
    }
}

/// The leaves of a text that is JSON or XML.
fn document(text: &str, depth: usize) -> Option<Vec<Leaf>> {
    if depth == DEPTH_MAX {
        return None;
    }
    match text.trim_start_matches('\u{feff}').trim_start().chars().next()? {
        '{' | '[' => of_json(text, depth),
        '<' => of_xml(text),
        _ => None,
    }
}

/// A value, or the leaves of the document that it is. `outer` makes the whole with it.
fn leaf(
    name: String,
    value: &str,
    depth: usize,
    outer: impl Fn(Option<&str>) -> String + 'static,
) -> Vec<Leaf> {
    let outer = Rc::new(outer);
    let Some(inner) = document(value, depth + 1) else {
        return vec![Leaf { name, value: value.to_owned(), again: outer }];
    };
    let within = |leaf: Leaf| {
        let (outer, again) = (Rc::clone(&outer), leaf.again);
        let name = format!("{name}.{}", leaf.name);
        let again = move |value: Option<&str>| outer(Some(&again(value)));
        Leaf { name, value: leaf.value, again: Rc::new(again) }
    };
    inner.into_iter().map(within).collect()
}

fn of_form(text: &str, depth: usize) -> Vec<Leaf> {
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let pairs = Rc::new(pairs);
    let one = |(place, (name, value)): (usize, &(String, String))| {
        let all = Rc::clone(&pairs);
        leaf(name.clone(), value, depth, move |value| {
            let mut written = form_urlencoded::Serializer::new(String::new());
            for (at, (name, old)) in all.iter().enumerate() {
                match (at == place, value) {
                    (true, None) => {}
                    (true, Some(value)) => drop(written.append_pair(name, value)),
                    (false, _) => drop(written.append_pair(name, old)),
                }
            }
            written.finish()
        })
    };
    pairs.iter().enumerate().flat_map(one).collect()
}

fn of_json(text: &str, depth: usize) -> Option<Vec<Leaf>> {
    let root: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    let root = Rc::new(root);
    let mut leaves = Vec::new();
    walk(&root, &root, String::new(), depth, &mut leaves);
    Some(leaves)
}

/// `pointer` is the JSON pointer (RFC 6901) of `here`.
fn walk(root: &Rc<Value>, here: &Value, pointer: String, depth: usize, leaves: &mut Vec<Leaf>) {
    let step = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    match here {
        Value::Object(object) => {
            object.iter().for_each(|(name, value)| walk(root, value, step(name), depth, leaves));
        }
        Value::Array(list) => {
            let items = list.iter().enumerate();
            items.for_each(|(at, value)| walk(root, value, step(&at.to_string()), depth, leaves));
        }
        Value::Null => {}
        value => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let name = pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/");
            let root = Rc::clone(root);
            leaves.extend(leaf(name, &text, depth, move |value| {
                let mut changed = (*root).clone();
                set(&mut changed, &pointer, value);
                changed.to_string()
            }));
        }
    }
}

/// Puts a value where another was, of the same JSON type if it can be; or takes it away.
fn set(root: &mut Value, pointer: &str, value: Option<&str>) {
    let Some(value) = value else {
        let (outer, name) = pointer.rsplit_once('/').unwrap_or_default();
        let name = name.replace("~1", "/").replace("~0", "~");
        match root.pointer_mut(outer) {
            Some(Value::Object(object)) => drop(object.remove(&name)),
            Some(Value::Array(list)) => {
                let place = name.parse().ok().filter(|place| *place < list.len());
                place.map(|place: usize| list.remove(place));
            }
            _ => {}
        }
        return;
    };
    if let Some(place) = root.pointer_mut(pointer) {
        let same = serde_json::from_str(value).ok().filter(|_| !place.is_string());
        *place = same.unwrap_or_else(|| value.into());
    }
}

/// Texts of elements; attributes are left alone, as no phone system tells anything by them.
fn of_xml(text: &str) -> Option<Vec<Leaf>> {
    let whole: Rc<str> = text.into();
    let mut reader = Reader::from_str(text);
    let (mut open, mut begins) = (Vec::<String>::new(), 0);
    let mut leaves = Vec::new();
    loop {
        let before = reader.buffer_position() as usize;
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                open.push(tag.name().as_ref().to_owned());
                begins = reader.buffer_position() as usize;
            }
            Event::End(_) => {
                let span = begins..before;
                if text.get(span.clone()).is_some_and(|own| !own.contains('<')) {
                    let name = open.get(1..).unwrap_or_default().join(".");
                    leaves.push(spliced(Rc::clone(&whole), name, span));
                }
                open.pop();
            }
            Event::Eof => return Some(leaves),
            _ => {}
        }
    }
}

fn spliced(whole: Rc<str>, name: String, span: Range<usize>) -> Leaf {
    let value = whole[span.clone()].to_owned();
    let again = move |value: Option<&str>| {
        [&whole[..span.start], value.unwrap_or_default(), &whole[span.end..]].concat()
    };
    Leaf { name, value, again: Rc::new(again) }
}

/// Columns of one row, with the names that a header line before it gives them.
fn of_row(text: &str, named: bool) -> Vec<Leaf> {
    let rows: Vec<csv::StringRecord> =
        table::reader(text.as_bytes()).into_records().flatten().collect();
    let Some(row) = rows.last().cloned() else { return Vec::new() };
    let names = rows.first().filter(|_| named && rows.len() > 1).cloned().unwrap_or_default();
    let rows = Rc::new(rows);
    let one = |(place, value): (usize, &str)| {
        let name = names.get(place).map_or_else(|| (place + 1).to_string(), str::to_owned);
        let rows = Rc::clone(&rows);
        leaf(name, value, 0, move |value| {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for (at, row) in rows.iter().enumerate() {
                let own = |(column, old)| {
                    let changed = at + 1 == rows.len() && column == place;
                    if changed { value.unwrap_or_default() } else { old }
                };
                drop(writer.write_record(row.iter().enumerate().map(own)));
            }
            let written = writer.into_inner().unwrap_or_default();
            String::from_utf8_lossy(&written).trim_end().to_owned()
        })
    };
    row.iter().enumerate().flat_map(one).collect()
}

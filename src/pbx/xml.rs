//! XML as JSON: an element is its text, or an object of its attributes and children; children of
//! one name are a list. Nothing is fetched or expanded but the five entities of XML and character
//! references, so a document is never larger than its bytes.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use serde_json::{Map, Value};

/// Elements within each other at most.
const DEPTH_MAX: usize = 32;

/// An element that is still open.
#[derive(Default)]
struct Open {
    name: String,
    inside: Map<String, Value>,
    text: String,
}

/// The root element.
///
/// # Errors
/// A sentence that says where the document is no XML.
pub fn root(text: &str) -> Result<Value, String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Open> = Vec::new();
    loop {
        let wrong = |why: &dyn std::fmt::Display, at: u64| format!("no XML at byte {at}: {why}");
        let at = reader.buffer_position();
        match reader.read_event().map_err(|error| wrong(&error, at))? {
            Event::Start(tag) => {
                if open.len() == DEPTH_MAX {
                    return Err(wrong(&"elements are nested too deep", at));
                }
                open.push(begun(&tag).map_err(|why| wrong(&why, at))?);
            }
            Event::End(_) => {
                let Some(done) = open.pop() else { return Err(wrong(&"an end too many", at)) };
                let (name, value) = (done.name.clone(), value(done));
                match open.last_mut() {
                    Some(outer) => add(&mut outer.inside, name, value),
                    None => return Ok(value),
                }
            }
            Event::Text(more) => {
                if let Some(inner) = open.last_mut() {
                    inner.text.push_str(&more);
                }
            }
            Event::CData(more) => {
                if let Some(inner) = open.last_mut() {
                    inner.text.push_str(&more);
                }
            }
            Event::GeneralRef(name) => {
                let c = character(&name).map_err(|why| wrong(&why, at))?;
                if let Some(inner) = open.last_mut() {
                    inner.text.push(c);
                }
            }
            Event::Eof => return Err(wrong(&"the document is cut off", at)),
            Event::DocType(_) => return Err(wrong(&"a document type has no place here", at)),
            _ => {}
        }
    }
}

fn begun(tag: &BytesStart<'_>) -> Result<Open, String> {
    let mut open = Open { name: tag.name().as_ref().to_owned(), ..Open::default() };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let value = value.map_err(|error| error.to_string())?.into_owned();
        open.inside.insert(attribute.key.as_ref().to_owned(), value.into());
    }
    Ok(open)
}

fn character(name: &BytesRef<'_>) -> Result<char, String> {
    if let Some(c) = name.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(c);
    }
    Ok(match name.xml10_content().as_ref() {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        other => return Err(format!("entity `{other}` is not known")),
    })
}

fn value(done: Open) -> Value {
    if done.inside.is_empty() { done.text.into() } else { done.inside.into() }
}

/// Adds a child; a second of the same name makes a list.
fn add(inside: &mut Map<String, Value>, name: String, value: Value) {
    match inside.get_mut(&name) {
        Some(Value::Array(list)) => list.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
        None => drop(inside.insert(name, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn elements_become_objects_and_repeated_ones_lists() {
        let text =
            r#"<?xml version="1.0"?><cdr a="1"><b>x&#x5F20;&amp;</b><b/><c d="2">t</c></cdr>"#;
        let wanted = json!({"a": "1", "b": ["x张&", ""], "c": {"d": "2"}});
        assert_eq!(root(text), Ok(wanted));
    }

    #[test]
    fn what_is_no_document_says_why() {
        let deep = "<a>".repeat(100);
        let bomb = "<!DOCTYPE a [<!ENTITY b \"cc\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        for (text, why) in [
            ("<a><b></a>", "byte"),
            ("<a>", "cut off"),
            ("<a>&b;</a>", "entity"),
            ("<a><set x>1</set x></a>", "byte"),
            (deep.as_str(), "too deep"),
            (bomb, "document type"),
        ] {
            assert!(root(text).is_err_and(|error| error.contains(why)), "{text}");
        }
    }
}

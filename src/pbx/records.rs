//! Files that hold records of calls, cut into deliveries: recorded deliveries, JSON lines, a JSON
//! document, an XML document, or a table. Whose they are is for the dialect to see.

use super::{Delivery, table};
use crate::call::Moment;
use base64::Engine;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The method of a delivery that nobody sent: it was read from a file.
pub const METHOD: &str = "FILE";

/// One record of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it begins in its file, from 1.
    pub line: usize,
    pub delivery: Delivery,
}

/// A file that is cut into records.
pub struct Records<'a> {
    pub bytes: &'a [u8],
    /// When it was read: the receive time of records without one of their own.
    pub read_at: Moment,
    /// Whether the dialect can read a delivery: tells a page of records from a record with a list.
    pub reads: &'a dyn Fn(&Delivery) -> bool,
}

/// A delivery as a line of a file.
#[derive(Deserialize)]
struct Line {
    received_at: Moment,
    #[serde(default)]
    method: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
}

impl Records<'_> {
    /// Cuts the file. A record that is broken in itself is a record all the same: the dialect says
    /// why it cannot be read.
    ///
    /// # Errors
    /// A sentence with the line, where not even the records can be told apart.
    pub fn cut(&self) -> Result<Vec<Record>, String> {
        let text = decoded(self.bytes);
        let start = text.find(|c: char| !c.is_whitespace() && c != '\u{feff}');
        let text = &text[start.unwrap_or(text.len())..];
        let first = text.lines().next().unwrap_or_default();
        match text.chars().next() {
            None => Ok(Vec::new()),
            Some('<') => Ok(vec![self.record(1, "text/xml", text.trim_end())]),
            Some('{' | '[') if serde_json::from_str::<&RawValue>(first).is_ok() => self.lines(text),
            Some('{' | '[') => Ok(self.document(text)),
            Some(_) if first.starts_with('%') => {
                Ok(vec![self.record(1, "application/x-www-form-urlencoded", text.trim_end())])
            }
            Some(_) => self.rows(text),
        }
    }

    fn record(&self, line: usize, kind: &str, body: &str) -> Record {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        let body = Bytes::copy_from_slice(body.as_bytes());
        let (received_at, method, target) = (self.read_at, METHOD.to_owned(), String::new());
        Record { line, delivery: Delivery { received_at, method, target, headers, body } }
    }

    /// One value a line. The only line may still be a page of records.
    fn lines(&self, text: &str) -> Result<Vec<Record>, String> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let mut records = Vec::new();
        for (index, line) in lines {
            match recorded(line).map_err(|why| format!("line {}: {why}", index + 1))? {
                Some(delivery) => records.push(Record { line: index + 1, delivery }),
                None => records.push(self.record(index + 1, "application/json", line.trim())),
            }
        }
        if let [only] = &records[..]
            && only.delivery.method == METHOD
        {
            return Ok(self.document(text));
        }
        Ok(records)
    }

    /// A document is one record, or a page of them: a list, or an object around one list.
    fn document(&self, text: &str) -> Vec<Record> {
        let whole = self.record(1, "application/json", text.trim_end());
        let Some(page) = page(text) else { return vec![whole] };
        let (mut line, mut counted) = (1, 0);
        let one = |item: &&RawValue| {
            let begins = item.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
            let passed = text.as_bytes().get(counted..begins).unwrap_or_default();
            line += passed.iter().filter(|byte| **byte == b'\n').count();
            counted = begins;
            self.record(line, "application/json", item.get())
        };
        let records: Vec<Record> = page.iter().map(one).collect();
        if records.iter().any(|record| (self.reads)(&record.delivery)) {
            records
        } else {
            vec![whole]
        }
    }

    fn rows(&self, text: &str) -> Result<Vec<Record>, String> {
        let mut reader = table::reader(text.as_bytes());
        let mut row = csv::ByteRecord::new();
        let mut header: Option<&str> = None;
        let mut records = Vec::new();
        let (mut line, mut counted) = (1, 0);
        loop {
            let from = reader.position().byte() as usize;
            let more = reader.read_byte_record(&mut row);
            if !more.map_err(|error| format!("line {line} is no CSV: {error}"))? {
                return Ok(records);
            }
            let written = text.get(from..reader.position().byte() as usize).unwrap_or_default();
            let begins = from + written.len() - written.trim_start_matches(['\r', '\n']).len();
            line += text[counted..begins].matches('\n').count();
            counted = begins;
            let written = written.trim_matches(['\r', '\n']);
            if records.is_empty() && header.is_none() && table::is_header(&row) {
                header = Some(written);
                continue;
            }
            records.push(match header {
                Some(header) => {
                    self.record(line, table::WITH_HEADER, &format!("{header}\n{written}"))
                }
                None => self.record(line, table::WITHOUT_HEADER, written),
            });
        }
    }
}

/// UTF-8, else the encoding of Chinese spreadsheets.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => encoding_rs::GB18030.decode_without_bom_handling(bytes).0,
    }
}

/// The items of a list, or of the one list of an object whose other members are plain values.
fn page(text: &str) -> Option<Vec<&RawValue>> {
    if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text) {
        return Some(list);
    }
    let object: std::collections::BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_str(text).ok()?;
    let nested = |value: &&&RawValue| value.get().starts_with(['{', '[']);
    let mut nested = object.values().filter(nested);
    let list = nested.next().filter(|_| nested.next().is_none())?;
    let list: Vec<&RawValue> = serde_json::from_str(list.get()).ok()?;
    list.iter().all(|item| item.get().starts_with('{')).then_some(list)
}

/// A delivery that was recorded with its receive time; nothing when the line is something else.
fn recorded(line: &str) -> Result<Option<Delivery>, String> {
    let is_one = |value: &Value| {
        value.get("received_at").is_some()
            && (value.get("body").is_some() || value.get("body_base64").is_some())
    };
    match serde_json::from_str::<Value>(line) {
        Ok(value) if is_one(&value) => delivery(value).map(Some),
        _ => Ok(None),
    }
}

fn delivery(line: Value) -> Result<Delivery, String> {
    let line: Line = serde_json::from_value(line).map_err(|error| error.to_string())?;
    let body = match (line.body, line.body_base64) {
        (Some(text), _) => text.into_bytes(),
        (None, Some(text)) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|error| format!("`body_base64`: {error}"))?,
        (None, None) => return Err("neither `body` nor `body_base64` is there".into()),
    };
    let small = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
    Ok(Delivery {
        received_at: line.received_at,
        method: line.method,
        target: line.target,
        headers: line.headers.into_iter().map(small).collect(),
        body: body.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(usize, String, String)> {
        let reads = |delivery: &Delivery| delivery.body.windows(4).any(|word| word == b"\"id\"");
        let read_at = Moment::default();
        let records = Records { bytes: text.as_bytes(), read_at, reads: &reads };
        let shown = |record: Record| {
            let kind = record.delivery.header("content-type").unwrap_or_default().to_owned();
            (record.line, kind, String::from_utf8_lossy(&record.delivery.body).into_owned())
        };
        records.cut().expect("records").into_iter().map(shown).collect()
    }

    #[test]
    fn a_table_is_cut_by_row_and_its_header_goes_with_each() {
        let rows = cut("name,start,end\n\"a,\nb\",1,2\r\nc,3,4\n");
        assert_eq!(rows[0], (2, table::WITH_HEADER.into(), "name,start,end\n\"a,\nb\",1,2".into()));
        assert_eq!(rows[1], (4, table::WITH_HEADER.into(), "name,start,end\nc,3,4".into()));
        let rows = cut("\"\",\"138\",5\n");
        assert_eq!(rows, [(1, table::WITHOUT_HEADER.into(), "\"\",\"138\",5".into())]);
    }

    #[test]
    fn json_is_cut_by_line_or_by_the_items_of_its_list() {
        let bodies = |text: &str| cut(text).into_iter().map(|(line, _, body)| (line, body));
        let both = [(1, "{\"id\":1}".to_owned()), (3, "{\"id\":2".to_owned())];
        assert!(bodies("{\"id\":1}\n\n{\"id\":2\n").eq(both), "a broken line is a record too");
        let both = [(3, "{\"id\":1}".to_owned()), (3, "{\"id\":2}".to_owned())];
        assert!(bodies("{\"page\":0,\n\"calls\":\n[{\"id\":1},{\"id\":2}]}").eq(both));
        let legs = "{\"name\":\"a\",\"legs\":[{\"to\":1}]}";
        assert!(bodies(legs).eq([(1, legs.to_owned())]), "a record with a list of its own");
    }

    #[test]
    fn a_recorded_delivery_keeps_its_own_receive_time() {
        let line = r#"{"received_at":"2026-11-23T02:00:00Z","method":"POST","body":"x=1"}"#;
        let records =
            Records { bytes: line.as_bytes(), read_at: Moment::default(), reads: &|_| true };
        let records = records.cut().expect("records");
        assert_eq!(records[0].delivery.received_at.to_rfc3339(), "2026-11-23T02:00:00+00:00");
        assert_eq!(&records[0].delivery.body[..], b"x=1");
    }
}

//! Records as rows of a table: one row of a CSV file is one delivery of the type `text/csv`
//! (RFC 4180), with the file's header line before it where it has one.

use super::{Delivery, Refusal};
use serde_json::{Map, Value};

/// Media type of a row with the names of its columns before it.
pub const WITH_HEADER: &str = "text/csv; header=present";
/// Media type of a row alone.
pub const WITHOUT_HEADER: &str = "text/csv; header=absent";

/// Whether a delivery is a row of a table.
pub fn is_row(delivery: &Delivery) -> bool {
    delivery.header("content-type").is_some_and(|kind| kind.starts_with("text/csv"))
}

/// What separates fields, by the first line: a comma, a semicolon or a tabulator.
pub fn separator(text: &[u8]) -> u8 {
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| first.iter().filter(|byte| **byte == wanted).count();
    [b'\t', b';', b','].into_iter().max_by_key(|wanted| count(*wanted)).unwrap_or(b',')
}

/// The rows of a text.
pub fn reader(text: &[u8]) -> csv::Reader<&[u8]> {
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(separator(text));
    builder.from_reader(text)
}

/// Whether a row names columns: none of its fields is empty, twice there, or begins like a number.
pub fn is_header(row: &csv::ByteRecord) -> bool {
    let named = |field: &[u8]| {
        let first = String::from_utf8_lossy(field).trim().chars().next();
        first.is_some_and(|first| !first.is_ascii_digit() && first != '+' && first != '-')
    };
    let mut fields: Vec<&[u8]> = row.iter().collect();
    fields.sort_unstable();
    fields.dedup();
    row.len() > 2 && fields.len() == row.len() && row.iter().all(named)
}

/// The row of a delivery: column name → text. `known` gives the columns of a row that comes without
/// their names.
///
/// # Errors
/// [`Refusal::NotUnderstood`] when the body is no such row, or nobody knows its columns.
pub fn row(
    delivery: &Delivery,
    known: impl FnOnce(&[&str]) -> Option<&'static [&'static str]>,
) -> Result<Map<String, Value>, Refusal> {
    let wrong = |why: String| Refusal::NotUnderstood(why);
    let mut records = reader(&delivery.body).into_byte_records();
    let mut next = || -> Result<Vec<String>, Refusal> {
        let record = records.next().ok_or_else(|| wrong("the row is empty".into()))?;
        let record = record.map_err(|error| wrong(format!("the row is no CSV: {error}")))?;
        Ok(record.iter().map(|field| String::from_utf8_lossy(field).trim().to_owned()).collect())
    };
    let first = next()?;
    let kind = delivery.header("content-type").unwrap_or_default();
    let (names, fields) = if kind == WITH_HEADER {
        (first.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>(), next()?)
    } else {
        let texts: Vec<&str> = first.iter().map(String::as_str).collect();
        let names = known(&texts).ok_or_else(|| {
            let why = format!(
                "a row of {} fields without the names of its columns, of no known layout: give the file a header line",
                texts.len()
            );
            wrong(why)
        })?;
        (names.iter().map(|name| (*name).to_owned()).collect(), first)
    };
    let pairs = names.into_iter().zip(fields);
    Ok(pairs.map(|(name, field)| (name, field.into())).collect())
}

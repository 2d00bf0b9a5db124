//! Spreadsheets to rows of text: CSV in the encodings of real desks, and XLSX.

use crate::ledger::import::SheetRow;
use calamine::{Data, Reader, Xlsx};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Cursor;

/// Rows in one sheet at most.
const ROWS_MAX: usize = 1_000_000;
/// Columns of an XLSX sheet that may hold something.
const COLUMNS_MAX: usize = 256;
/// Days from Excel's first to its last, the end of the year 9999.
const DAYS_MAX: f64 = 2_958_466.0;

/// Why a file is no sheet.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    #[error("the file is no readable XLSX: {0}")]
    Xlsx(String),
    #[error("row {row} is no CSV: {why}")]
    Csv { row: u64, why: String },
    #[error("the text is neither UTF-8 nor GB18030")]
    Encoding,
    #[error("the sheet has more than {ROWS_MAX} rows; split it")]
    TooLong,
    #[error("row {row} has more than {COLUMNS_MAX} columns; remove those that no entry needs")]
    TooWide { row: usize },
    #[error("the old XLS form is not read; save the file as XLSX or CSV")]
    OldXls,
}

/// Reads a sheet; what it is, is told by its content.
///
/// # Errors
/// [`SheetError`] with the row at fault.
pub fn read(bytes: &[u8]) -> Result<Vec<SheetRow>, SheetError> {
    if bytes.starts_with(b"PK\x03\x04") {
        return xlsx(bytes);
    }
    if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(SheetError::OldXls);
    }
    csv(&text(bytes)?)
}

/// UTF-8 with or without its mark, else GB18030, which knows every byte that GBK and GB2312 know.
///
/// # Errors
/// [`SheetError::Encoding`] when it is neither.
pub fn text(bytes: &[u8]) -> Result<Cow<'_, str>, SheetError> {
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        return Ok(text.strip_prefix('\u{feff}').unwrap_or(text).into());
    }
    let (text, faulty) = encoding_rs::GB18030.decode_without_bom_handling(bytes);
    if faulty { Err(SheetError::Encoding) } else { Ok(text) }
}

/// What separates the cells of a CSV: what its first row has most of.
pub fn separator(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |separator: &u8| first.bytes().filter(|byte| byte == separator).count();
    b",\t;".iter().copied().rev().max_by_key(count).unwrap_or(b',')
}

fn csv(text: &str) -> Result<Vec<SheetRow>, SheetError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator(text))
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| SheetError::Csv {
            row: error.position().map_or(0, csv::Position::line),
            why: error.to_string(),
        })?;
        let number = record.position().map_or(rows.len() + 1, |at| at.line() as usize);
        rows.push(SheetRow { number, cells: record.iter().map(str::to_owned).collect() });
        if rows.len() > ROWS_MAX {
            return Err(SheetError::TooLong);
        }
    }
    Ok(rows)
}

fn xlsx(bytes: &[u8]) -> Result<Vec<SheetRow>, SheetError> {
    let wrong = |error: calamine::XlsxError| SheetError::Xlsx(error.to_string());
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).map_err(wrong)?;
    let names = book.sheet_names();
    let Some(name) = names.first() else {
        return Err(SheetError::Xlsx("it has no sheet".into()));
    };
    let mut cells = book.worksheet_cells_reader(name).map_err(wrong)?;
    // Cell by cell: a range of all between the first and the last may be a thousand times larger.
    let mut rows: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    while let Some(found) = cells.next_cell().map_err(wrong)? {
        let (row, column) = found.get_position();
        let (number, column) = (row as usize + 1, column as usize);
        let text = cell(&Data::from(found.get_value().clone()));
        if text.is_empty() {
            continue;
        }
        if column >= COLUMNS_MAX {
            return Err(SheetError::TooWide { row: number });
        }
        let row = rows.entry(number).or_default();
        row.resize(row.len().max(column + 1), String::new());
        row[column] = text;
        if rows.len() > ROWS_MAX {
            return Err(SheetError::TooLong);
        }
    }
    Ok(rows.into_iter().map(|(number, cells)| SheetRow { number, cells }).collect())
}

/// A cell as a person reads it. A number that is whole shows no fraction: telephone numbers are
/// often kept as numbers.
fn cell(data: &Data) -> String {
    match data {
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            format!("{number:.0}")
        }
        // No date is so far from Excel's first day, and not every number can be made one.
        Data::DateTime(at) if at.as_f64().is_nan() || at.as_f64().abs() > DAYS_MAX => {
            at.as_f64().to_string()
        }
        Data::DateTime(at) => match at.as_datetime() {
            Some(at) if at.time() == chrono::NaiveTime::MIN => at.format("%Y-%m-%d").to_string(),
            Some(at) => at.format("%Y-%m-%d %H:%M:%S").to_string(),
            None => String::new(),
        },
        Data::Empty | Data::Error(_) => String::new(),
        other => other.to_string(),
    }
}

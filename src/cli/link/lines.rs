//! Rows of a CSV that stay where they are: cells are places in the text, so that nothing is copied
//! and a long text can be read from two places at once. A row with anything but plain and simply
//! quoted cells is left to the reader of the csv library.

use memchr::{memchr, memchr_iter, memchr2};
use std::io::Cursor;
use std::ops::Range;

/// The library reads ahead so many bytes at a row.
const AHEAD_BYTES: usize = 512;

/// Whether rows end as they usually do: a lone carriage return would end one too.
pub fn is_usual(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_lone = |at: usize| bytes.get(at + 1) != Some(&b'\n');
    !memchr_iter(b'\r', bytes).any(is_lone)
}

/// Where the line begins that is nearest behind the middle of what is left of a text. A row begins
/// there too, unless the line end lies in a cell.
pub fn middle(text: &str, from: usize) -> usize {
    let half = from + text.len().saturating_sub(from) / 2;
    let end = memchr(b'\n', &text.as_bytes()[half..]);
    end.map_or(text.len(), |end| half + end + 1)
}

/// The rows of a text, one after the other; empty lines are none.
pub struct Lines<'a> {
    text: &'a str,
    separator: u8,
    /// Where the next line begins.
    pub next: usize,
    /// No row is read that begins here or later.
    pub end: usize,
    /// Where the row's cells stand.
    cells: Vec<(usize, usize)>,
    /// The library's reader, for rows whose cells do not stand in the text as they are.
    reader: csv::Reader<Cursor<&'a [u8]>>,
    /// The row it read.
    record: csv::StringRecord,
    is_odd: bool,
    /// How many rows were read.
    pub number: usize,
}

impl<'a> Lines<'a> {
    /// Before the first row of a part of a text.
    pub fn of(text: &'a str, part: Range<usize>, separator: u8) -> Self {
        let (next, end, cells) = (part.start, part.end, Vec::new());
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .buffer_capacity(AHEAD_BYTES)
            .from_reader(Cursor::new(text.as_bytes()));
        let record = csv::StringRecord::new();
        Self { text, separator, next, end, cells, reader, record, is_odd: false, number: 0 }
    }

    /// Goes to the next row; false behind the last one.
    pub fn advance(&mut self) -> bool {
        while self.next < self.end {
            let start = self.next;
            let scanned = self.scan(start);
            self.is_odd = scanned.is_none();
            let Some(end) = scanned else {
                if self.read_odd(start) {
                    self.number += 1;
                    return true;
                }
                continue;
            };
            self.next = (end + 1).min(self.text.len());
            if !self.cells.is_empty() {
                self.number += 1;
                return true;
            }
        }
        false
    }

    /// Finds the cells of the row that begins here, and where it ends. Nothing where a quoted cell
    /// holds a quote, or something stands behind it.
    fn scan(&mut self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        self.cells.clear();
        let mut from = start;
        loop {
            let mut at = from;
            if bytes.get(from) == Some(&b'"') {
                let close = from + 1 + memchr(b'"', &bytes[from + 1..])?;
                at = close + 1;
                if bytes.get(at) == Some(&b'\r') {
                    at += 1;
                }
                let is_end = bytes.get(at).is_none_or(|byte| *byte == b'\n');
                if !is_end && (at != close + 1 || bytes[at] != self.separator) {
                    return None;
                }
                self.cells.push((from + 1, close));
            } else {
                at = memchr2(b'\n', self.separator, &bytes[at..])
                    .map_or(bytes.len(), |end| at + end);
                let is_end = bytes.get(at).is_none_or(|byte| *byte == b'\n');
                let end = if is_end && at > from && bytes[at - 1] == b'\r' { at - 1 } else { at };
                if is_end && self.cells.is_empty() && end == from {
                    return Some(at);
                }
                self.cells.push((from, end));
            }
            if bytes.get(at) != Some(&self.separator) {
                return Some(at);
            }
            from = at + 1;
        }
    }

    /// Reads the row that begins here with the library.
    fn read_odd(&mut self, start: usize) -> bool {
        let mut at = csv::Position::new();
        at.set_byte(start as u64);
        // The text is UTF-8 and in memory, and rows may be of any width: nothing can fail.
        let is_row = self.reader.seek(at).and_then(|()| self.reader.read_record(&mut self.record));
        let is_row = is_row.unwrap_or(false);
        let end = self.reader.position().byte() as usize;
        self.next = if is_row { end.max(start + 1) } else { self.text.len() };
        is_row
    }

    /// How many cells the row has.
    pub fn width(&self) -> usize {
        if self.is_odd { self.record.len() } else { self.cells.len() }
    }

    /// Where a cell of the row stands in the text; nothing where it does not stand there as it is.
    pub fn place(&self, at: usize) -> Option<(usize, usize)> {
        (!self.is_odd).then(|| self.cells[at])
    }

    /// A cell of the row.
    pub fn cell(&self, at: usize) -> &str {
        if self.is_odd {
            return &self.record[at];
        }
        let (start, end) = self.cells[at];
        &self.text[start..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lines: &mut Lines<'_>) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        while lines.advance() {
            rows.push((0..lines.width()).map(|at| lines.cell(at).to_owned()).collect());
        }
        rows
    }

    fn by_the_library(text: &str) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new();
        let reader = reader.has_headers(false).flexible(true).from_reader(text.as_bytes());
        let records = reader.into_records().map(|record| record.expect("text"));
        records.map(|row| row.iter().map(str::to_owned).collect()).collect()
    }

    fn check(text: &str) {
        let expected = by_the_library(text);
        let mut whole = Lines::of(text, 0..text.len(), b',');
        assert_eq!(rows(&mut whole), expected, "{text:?}");
        let half = middle(text, 0);
        let mut first = Lines::of(text, 0..half, b',');
        let mut found = rows(&mut first);
        if first.next == half {
            found.extend(rows(&mut Lines::of(text, half..text.len(), b',')));
        } else {
            first.end = text.len();
            found.extend(rows(&mut first));
        }
        assert_eq!(found, expected, "{text:?} in halves");
    }

    #[test]
    fn rows_are_those_that_the_library_finds_in_every_short_text() {
        let letters = ["a", "四", ",", "\"", "\n", "\r\n"];
        for length in 0..=6_u32 {
            for number in 0..6_usize.pow(length) {
                let letter = |at| letters[number / 6_usize.pow(at) % 6];
                check(&(0..length).map(letter).collect::<String>());
            }
        }
    }

    #[test]
    fn quoted_cells_stay_where_they_are_and_odd_rows_do_not() {
        let text = "a,b\r\n\n\"1,\n2\",,3\n,\n四,\r\n\"say \"\"yes\"\"\",5\r\n\r\nlast";
        check(text);
        let mut lines = Lines::of(text, 0..text.len(), b',');
        let mut places = Vec::new();
        while lines.advance() {
            places.push(lines.place(0));
        }
        assert_eq!(places.iter().filter(|place| place.is_none()).count(), 1, "{places:?}");
        assert_eq!(places[1], Some((7, 11)));
    }

    #[test]
    fn a_header_without_an_end_of_line_has_nothing_below() {
        for text in ["entry_id,site", "entry_id,\"site\"", "entry_id,\"si\"\"te\""] {
            let mut lines = Lines::of(text, 0..text.len(), b',');
            assert!(lines.advance());
            let half = middle(text, lines.next);
            assert_eq!((lines.next, half), (text.len(), text.len()));
            assert!(!lines.advance());
        }
    }

    #[test]
    fn a_lone_return_is_unusual() {
        assert!(is_usual("a,b\r\n\"1\n\",2\n"));
        assert!(!is_usual("a,b\r1,2\n"));
    }
}

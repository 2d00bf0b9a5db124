//! Rows of a CSV in which no cell is quoted: every row is a line, so that a long text can be read
//! from two places at once.

use std::ops::Range;

/// Whether every row of a text is a line.
pub fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    // A lone carriage return ends a row too.
    let is_lone = |at: usize| bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    let returns = || bytes.contains(&b'\r') && (0..bytes.len()).any(is_lone);
    !bytes.contains(&b'"') && !returns()
}

/// Where the line begins that is nearest behind the middle of what is left of a text.
pub fn middle(text: &str, from: usize) -> usize {
    let half = from + text.len().saturating_sub(from) / 2;
    let end = text.as_bytes()[half..].iter().position(|byte| *byte == b'\n');
    end.map_or(text.len(), |end| half + end + 1)
}

/// The lines of a text, one after the other; empty ones are no rows.
pub struct Lines<'a> {
    text: &'a str,
    separator: u8,
    /// Where the line begins.
    start: usize,
    /// Where the next one does.
    pub next: usize,
    /// Behind the last line that is read.
    pub end: usize,
    /// Ends of the line's cells.
    ends: Vec<usize>,
    /// How many rows were read.
    pub number: usize,
}

impl<'a> Lines<'a> {
    /// Before the first line of a part of a text.
    pub fn of(text: &'a str, part: Range<usize>, separator: u8) -> Self {
        let (next, end) = (part.start, part.end);
        Self { text, separator, start: 0, next, end, ends: Vec::new(), number: 0 }
    }

    /// Goes to the next row; false behind the last one.
    pub fn advance(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        while self.next < self.end {
            self.start = self.next;
            self.ends.clear();
            let mut at = self.start;
            while at < self.end && bytes[at] != b'\n' {
                if bytes[at] == self.separator {
                    self.ends.push(at);
                }
                at += 1;
            }
            self.next = (at + 1).min(self.end);
            let is_returned = at > self.start && bytes[at - 1] == b'\r';
            let end = if is_returned { at - 1 } else { at };
            if end > self.start {
                self.ends.push(end);
                self.number += 1;
                return true;
            }
        }
        false
    }

    /// How many cells the row has.
    pub fn width(&self) -> usize {
        self.ends.len()
    }

    /// Where a cell of the row stands in the text.
    pub fn place(&self, at: usize) -> (usize, usize) {
        let start = if at == 0 { self.start } else { self.ends[at - 1] + 1 };
        (start, self.ends[at])
    }

    /// A cell of the row.
    pub fn cell(&self, at: usize) -> &'a str {
        let (start, end) = self.place(at);
        &self.text[start..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, part: Range<usize>) -> Vec<Vec<&str>> {
        let mut lines = Lines::of(text, part, b',');
        let mut rows = Vec::new();
        while lines.advance() {
            rows.push((0..lines.width()).map(|at| lines.cell(at)).collect());
        }
        rows
    }

    #[test]
    fn lines_are_the_rows_that_a_reader_of_csv_finds() {
        let text = "a,b\r\n\n1,,3\n,\n四,\r\n\r\nlast";
        let mut reader = csv::ReaderBuilder::new();
        let reader = reader.has_headers(false).flexible(true).from_reader(text.as_bytes());
        let found: Vec<csv::StringRecord> = reader.into_records().flatten().collect();
        let found: Vec<Vec<&str>> = found.iter().map(|row| row.iter().collect()).collect();
        assert_eq!(rows(text, 0..text.len()), found);
        let half = middle(text, 0);
        assert_eq!([rows(text, 0..half), rows(text, half..text.len())].concat(), found);
    }

    #[test]
    fn a_header_without_an_end_of_line_has_nothing_below() {
        let text = "entry_id,site";
        let mut lines = Lines::of(text, 0..text.len(), b',');
        assert!(lines.advance());
        let half = middle(text, lines.next);
        assert_eq!((lines.next, half), (text.len(), text.len()));
        assert!(!lines.advance());
    }

    #[test]
    fn a_quote_or_a_lone_return_is_no_plain_text() {
        assert!(is_plain("a,b\r\n1,2\n"));
        assert!(!is_plain("a,b\n\"1\n\",2\n"));
        assert!(!is_plain("a,b\r1,2\n"));
    }
}

//! Rows of a CSV in which no cell is quoted: every row is a line, so that a long text can be read
//! from two places at once.

/// Whether every row of a text is a line.
pub fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    // A lone carriage return ends a row too.
    let is_lone = |at: usize| bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    let returns = || bytes.contains(&b'\r') && (0..bytes.len()).any(is_lone);
    !bytes.contains(&b'"') && !returns()
}

/// Where the line begins that is nearest behind the middle of a text.
pub fn middle(text: &str) -> usize {
    let half = text.len() / 2;
    let end = text.as_bytes()[half..].iter().position(|byte| *byte == b'\n');
    end.map_or(text.len(), |end| half + end + 1)
}

/// The lines of a text, one after the other; empty ones are no rows.
pub struct Lines<'a> {
    pub rest: &'a str,
    separator: u8,
    line: &'a str,
    /// Ends of the line's cells.
    ends: Vec<usize>,
    /// How many rows were read.
    pub number: usize,
}

impl<'a> Lines<'a> {
    /// Before the first line.
    pub fn of(text: &'a str, separator: u8) -> Self {
        Self { rest: text, separator, line: "", ends: Vec::new(), number: 0 }
    }

    /// Goes to the next row; false behind the last one.
    pub fn advance(&mut self) -> bool {
        while !self.rest.is_empty() {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            (self.line, self.rest) = (line.strip_suffix('\r').unwrap_or(line), rest);
            if !self.line.is_empty() {
                self.ends.clear();
                for (at, byte) in self.line.bytes().enumerate() {
                    if byte == self.separator {
                        self.ends.push(at);
                    }
                }
                self.ends.push(self.line.len());
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

    /// A cell of the row.
    pub fn cell(&self, at: usize) -> &'a str {
        let start = if at == 0 { 0 } else { self.ends[at - 1] + 1 };
        &self.line[start..self.ends[at]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<&str>> {
        let mut lines = Lines::of(text, b',');
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
        assert_eq!(rows(text), found);
        let (one, other) = text.split_at(middle(text));
        assert_eq!([rows(one), rows(other)].concat(), found);
    }

    #[test]
    fn a_quote_or_a_lone_return_is_no_plain_text() {
        assert!(is_plain("a,b\r\n1,2\n"));
        assert!(!is_plain("a,b\n\"1\n\",2\n"));
        assert!(!is_plain("a,b\r1,2\n"));
    }
}

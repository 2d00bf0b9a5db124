//! A file's cells, known by their places in its text, so that a million rows fit in memory.

use super::lines::{self, Lines};
use crate::cli::Failure;
use crate::linkage::hash::{HashMap, HashSet};
use crate::sheet;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Rows that may stand above the header.
const ROWS_ABOVE_MAX: usize = 10;

/// The rows of one site, only the columns that are known.
#[derive(Debug, Default)]
pub struct SiteRows {
    /// Where each cell begins and ends in the table's text, row by row.
    cells: Vec<(u32, u32)>,
    /// The number of each row in the file, as people count.
    pub lines: Vec<u32>,
    width: usize,
}

impl SiteRows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Where a cell stands, by row and column.
    fn place(&self, row: usize, column: usize) -> Range<usize> {
        let (start, end) = self.cells[row * self.width + column];
        start as usize..end as usize
    }
}

/// A file, read.
#[derive(Debug, Default)]
pub struct Table {
    /// The file, where cells stand in it as they are. It is read once and needed until the command
    /// ends, so it is never given back.
    text: &'static str,
    /// Cells that do not, one after the other; their places lie behind those in the text.
    more: String,
    pub sites: BTreeMap<String, SiteRows>,
    fields: Vec<&'static str>,
    /// Columns that nothing was made of.
    pub ignored: Vec<String>,
    pub rows: usize,
}

impl Table {
    /// Reads a file: CSV in UTF-8 or GB18030, or XLSX.
    ///
    /// # Errors
    /// [`Failure`] with the file, and what is wrong with it.
    pub fn read(
        path: &Path,
        field: impl Fn(&str) -> Option<&'static str>,
    ) -> Result<Self, Failure> {
        let failed = |why: String| Failure::CouldNotRun(format!("{}: {why}", path.display()));
        let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let mut filling = Filling::new(field);
        if bytes.starts_with(b"PK\x03\x04") {
            for row in sheet::read(&bytes).map_err(|error| failed(error.to_string()))? {
                filling.row(row.number, row.cells.len(), |at| row.cells[at].as_str());
            }
        } else {
            let text = match sheet::text(Vec::leak(bytes)) {
                Ok(Cow::Borrowed(text)) => text,
                Ok(Cow::Owned(text)) => String::leak(text),
                Err(error) => return Err(failed(error.to_string())),
            };
            if i32::try_from(text.len()).is_err() {
                return Err(failed("longer than 2 GiB: split it by site".into()));
            }
            let separator = sheet::separator(text);
            if lines::is_usual(text) {
                filling.lines(text, separator);
            } else {
                filling.records(text, separator).map_err(|error| failed(error.to_string()))?;
            }
        }
        filling.done().map_err(failed)
    }

    /// The cells of a site's rows, of the columns named, by row and place among the names.
    pub fn columns<'a, const N: usize>(
        &'a self,
        rows: &'a SiteRows,
        names: [&str; N],
    ) -> impl Fn(usize) -> [&'a str; N] + 'a {
        let places = names.map(|name| self.fields.iter().position(|field| *field == name));
        move |row| places.map(|place| place.map_or("", |column| self.cell(rows.place(row, column))))
    }
}

impl Table {
    fn cell(&self, place: Range<usize>) -> &str {
        match place.start.checked_sub(self.text.len()) {
            // An empty cell at the end of the text lies here too.
            Some(start) => &self.more[start..place.end - self.text.len()],
            None => &self.text[place],
        }
    }

    /// All values of a field, of all sites.
    pub fn all(&self, field: &str) -> HashSet<&str> {
        let of_site = |rows| {
            let cell = self.columns(rows, [field]);
            (0..rows.len()).map(move |at| cell(at)[0].trim())
        };
        self.sites.values().flat_map(of_site).collect()
    }
}

/// A table while it is read.
struct Filling<F> {
    field: F,
    /// Above the header: rows that may be it.
    above: Vec<Vec<String>>,
    /// Once the header was found.
    below: Option<Below>,
}

/// Rows below a header.
#[derive(Default)]
struct Below {
    table: Table,
    /// They are put into the table in order at the end.
    sites: HashMap<String, SiteRows>,
    /// Places of the columns that are kept, in order of the fields.
    places: Vec<usize>,
    site: Option<usize>,
    /// Where cells lie that do not stand in the text.
    base: usize,
}

impl<F: Fn(&str) -> Option<&'static str>> Filling<F> {
    fn new(field: F) -> Self {
        Self { field, above: Vec::new(), below: None }
    }

    /// Reads a CSV with the library.
    fn records(&mut self, text: &str, separator: u8) -> csv::Result<()> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .from_reader(text.as_bytes());
        let mut record = csv::StringRecord::new();
        let mut number = 0;
        while reader.read_record(&mut record)? {
            number += 1;
            self.row(number, record.len(), |at| &record[at]);
        }
        Ok(())
    }

    /// Reads a CSV where it is, its two halves side by side: that the second one begins with a row
    /// shows when the first is read.
    fn lines(&mut self, text: &'static str, separator: u8) {
        let mut lines = Lines::of(text, 0..text.len(), separator);
        while self.below.is_none() && lines.advance() {
            self.row(lines.number, lines.width(), |at| lines.cell(at));
        }
        let Some(below) = &mut self.below else { return };
        below.base = text.len();
        let half = lines::middle(text, lines.next);
        let mut beyond = below.like();
        std::thread::scope(|scope| {
            scope.spawn(|| beyond.read(&mut Lines::of(text, half..text.len(), separator)));
            lines.end = half;
            below.read(&mut lines);
        });
        if lines.next == half {
            below.append(beyond, lines.number);
        } else {
            lines.end = text.len();
            below.read(&mut lines);
        }
        below.table.text = text;
    }

    fn row<'r>(&mut self, number: usize, width: usize, cell: impl Fn(usize) -> &'r str) {
        match &mut self.below {
            Some(below) => below.copy(number, width, cell),
            None => {
                self.above.push((0..width).map(|at| cell(at).to_owned()).collect());
                self.look_for_header();
            }
        }
    }

    /// The header is the first row of which two columns or more are known.
    fn look_for_header(&mut self) {
        let Some(row) = self.above.last() else { return };
        let known: Vec<Option<&'static str>> = row.iter().map(|name| (self.field)(name)).collect();
        if known.iter().flatten().count() < 2 {
            return;
        }
        let mut below = Below::default();
        for (place, (field, name)) in known.iter().zip(row).enumerate() {
            match field {
                Some("site") if below.site.is_none() => below.site = Some(place),
                Some(field) if *field != "site" && !below.table.fields.contains(field) => {
                    below.table.fields.push(field);
                    below.places.push(place);
                }
                _ if name.trim().is_empty() => {}
                _ => below.table.ignored.push(name.trim().to_owned()),
            }
        }
        self.below = Some(below);
    }

    fn done(self) -> Result<Table, String> {
        if let Some(below) = self.below {
            return Ok(Table { sites: below.sites.into_iter().collect(), ..below.table });
        }
        let first = self.above.first().map_or(String::new(), |row| row.join(", "));
        let rows = self.above.len().min(ROWS_ABOVE_MAX);
        Err(format!(
            "no header was found in {rows} rows; the first says `{first}`. Name the columns as in docs/linkage.md"
        ))
    }
}

impl Below {
    /// Nothing yet below the same header.
    fn like(&self) -> Self {
        let (places, site, base) = (self.places.clone(), self.site, self.base);
        Self { places, site, base, ..Self::default() }
    }

    /// Reads rows of the table's own text.
    fn read(&mut self, lines: &mut Lines<'_>) {
        while lines.advance() {
            self.keep(lines.number, lines.width(), |at| lines.cell(at), |at| lines.place(at));
        }
    }

    /// Keeps a row whose cells stand elsewhere.
    fn copy<'r>(&mut self, number: usize, width: usize, cell: impl Fn(usize) -> &'r str) {
        self.keep(number, width, cell, |_| None);
    }

    fn keep<'r>(
        &mut self,
        number: usize,
        width: usize,
        cell: impl Fn(usize) -> &'r str,
        place: impl Fn(usize) -> Option<(usize, usize)>,
    ) {
        if (0..width).all(|at| cell(at).trim().is_empty()) {
            return;
        }
        let site = self.site.filter(|at| *at < width).map_or("", |at| cell(at).trim());
        let rows = match self.sites.get_mut(site) {
            Some(rows) => rows,
            None => self.sites.entry(site.to_owned()).or_default(),
        };
        rows.width = self.places.len();
        for at in &self.places {
            let more = &mut self.table.more;
            let (start, end) = match (*at < width).then(|| place(*at)) {
                Some(Some(stands)) => stands,
                Some(None) => {
                    let start = self.base + more.len();
                    more.push_str(cell(*at));
                    (start, self.base + more.len())
                }
                None => (0, 0),
            };
            rows.cells.push((start as u32, end as u32));
        }
        rows.lines.push(number as u32);
        self.table.rows += 1;
    }

    /// Adds what stands behind in the same text; `before`: how many rows of the file there are
    /// before it.
    fn append(&mut self, beyond: Self, before: usize) {
        self.table.rows += beyond.table.rows;
        let by = self.table.more.len() as u32;
        self.table.more.push_str(&beyond.table.more);
        let base = self.base as u32;
        let moved = |(start, end): (u32, u32)| {
            if start < base { (start, end) } else { (start + by, end + by) }
        };
        for (site, more) in beyond.sites {
            let rows = self.sites.entry(site).or_default();
            rows.width = more.width;
            rows.cells.extend(more.cells.into_iter().map(moved));
            rows.lines.extend(more.lines.iter().map(|line| before as u32 + line));
        }
    }
}

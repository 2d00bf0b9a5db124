//! A file's cells, kept site by site in one text each, so that a million rows fit in memory.

use crate::cli::Failure;
use crate::sheet;
use std::collections::BTreeMap;
use std::path::Path;

/// Rows that may stand above the header.
const ROWS_ABOVE_MAX: usize = 10;

/// The rows of one site, only the columns that are known.
#[derive(Debug, Default)]
pub struct SiteRows {
    text: String,
    ends: Vec<u32>,
    /// The number of each row in the file, as people count.
    pub lines: Vec<u32>,
    width: usize,
}

impl SiteRows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// A cell by row and column.
    fn cell(&self, row: usize, column: usize) -> &str {
        let at = row * self.width + column;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.text[start..self.ends[at] as usize]
    }
}

/// A file, read.
#[derive(Debug, Default)]
pub struct Table {
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
            let text = sheet::text(bytes).map_err(|error| failed(error.to_string()))?;
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .delimiter(sheet::separator(&text))
                .from_reader(text.as_bytes());
            let mut record = csv::StringRecord::new();
            let mut number = 0;
            while reader.read_record(&mut record).map_err(|error| failed(error.to_string()))? {
                number += 1;
                filling.row(number, record.len(), |at| &record[at]);
            }
        }
        filling.done().map_err(failed)
    }

    /// The cells of a site's rows, of the columns named, by row and place among the names.
    pub fn columns<'a, const N: usize>(
        &self,
        rows: &'a SiteRows,
        names: [&str; N],
    ) -> impl Fn(usize) -> [&'a str; N] + 'a {
        let places = names.map(|name| self.fields.iter().position(|field| *field == name));
        move |row| places.map(|place| place.map_or("", |column| rows.cell(row, column)))
    }
}

/// A table while it is read.
struct Filling<F> {
    field: F,
    table: Table,
    /// Above the header: rows that may be it.
    above: Vec<Vec<String>>,
    /// Places of the columns that are kept, in order of the fields.
    places: Option<Vec<usize>>,
    site: Option<usize>,
}

impl<F: Fn(&str) -> Option<&'static str>> Filling<F> {
    fn new(field: F) -> Self {
        Self { field, table: Table::default(), above: Vec::new(), places: None, site: None }
    }

    fn row<'r>(&mut self, number: usize, width: usize, cell: impl Fn(usize) -> &'r str) {
        if self.places.is_some() {
            self.keep(number, width, cell);
        } else {
            self.above.push((0..width).map(|at| cell(at).to_owned()).collect());
            self.look_for_header();
        }
    }

    /// The header is the first row of which two columns or more are known.
    fn look_for_header(&mut self) {
        let Some(row) = self.above.last() else { return };
        let known: Vec<Option<&'static str>> = row.iter().map(|name| (self.field)(name)).collect();
        if known.iter().flatten().count() < 2 {
            return;
        }
        let mut places = Vec::new();
        for (place, (field, name)) in known.iter().zip(row).enumerate() {
            match field {
                Some("site") if self.site.is_none() => self.site = Some(place),
                Some(field) if *field != "site" && !self.table.fields.contains(field) => {
                    self.table.fields.push(field);
                    places.push(place);
                }
                _ if name.trim().is_empty() => {}
                _ => self.table.ignored.push(name.trim().to_owned()),
            }
        }
        self.places = Some(places);
    }

    fn keep<'r>(&mut self, number: usize, width: usize, cell: impl Fn(usize) -> &'r str) {
        let Some(places) = &self.places else { return };
        if (0..width).all(|at| cell(at).trim().is_empty()) {
            return;
        }
        let site = self.site.filter(|at| *at < width).map_or("", |at| cell(at).trim());
        let rows = match self.table.sites.get_mut(site) {
            Some(rows) => rows,
            None => self.table.sites.entry(site.to_owned()).or_default(),
        };
        rows.width = places.len();
        for place in places {
            if *place < width {
                rows.text.push_str(cell(*place));
            }
            rows.ends.push(rows.text.len() as u32);
        }
        rows.lines.push(number as u32);
        self.table.rows += 1;
    }

    fn done(self) -> Result<Table, String> {
        if self.places.is_some() {
            return Ok(self.table);
        }
        let first = self.above.first().map_or(String::new(), |row| row.join(", "));
        let rows = self.above.len().min(ROWS_ABOVE_MAX);
        Err(format!(
            "no header was found in {rows} rows; the first says `{first}`. Name the columns as in docs/linkage.md"
        ))
    }
}

//! Cells of one site as files give them: texts, empty where a column or a value is missing.

/// A row of the list of recordings.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecordingCells<'a> {
    /// Where it stands in the file, counted from the first row below the header.
    pub place: u32,
    pub id: &'a str,
    pub call_id: &'a str,
    pub day: &'a str,
    pub started: &'a str,
    pub ring: &'a str,
    pub answered: &'a str,
    pub ended: &'a str,
    pub duration: &'a str,
    pub direction: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub extension: &'a str,
    pub agent: &'a str,
    pub digest: &'a str,
}

/// A row of the ledger.
#[derive(Debug, Clone, Copy, Default)]
pub struct EntryCells<'a> {
    /// Where it stands in the file, counted from the first row below the header.
    pub place: u32,
    pub id: &'a str,
    pub registered: &'a str,
    pub day: &'a str,
    pub occurred: &'a str,
    pub kind: &'a str,
    pub number: &'a str,
    pub name: &'a str,
    pub unit: &'a str,
    pub content: &'a str,
    pub handler: &'a str,
    pub call_id: &'a str,
}

/// A row of the directory.
#[derive(Debug, Clone, Copy, Default)]
pub struct HomeCells<'a> {
    pub unit: &'a str,
    pub name: &'a str,
    pub numbers: &'a str,
}

/// All rows of one site.
#[derive(Debug, Clone, Default)]
pub struct SiteCells<'a> {
    pub site: &'a str,
    pub recordings: Vec<RecordingCells<'a>>,
    pub entries: Vec<EntryCells<'a>>,
    pub homes: Vec<HomeCells<'a>>,
}

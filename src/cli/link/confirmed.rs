//! Pairs that people confirmed or parted, from a file: recording, entry, and whether they belong
//! together.

use super::table::Table;
use crate::cli::Failure;
use crate::linkage::Decided;
use crate::linkage::reading::Reading;
use crate::linkage::reading::cells::SiteCells;
use std::collections::{BTreeMap, BTreeSet};

/// Words for pairs that never belong together.
const PARTED: [&str; 8] = ["0", "no", "n", "false", "never", "否", "不是", "不匹配"];
/// Words for pairs that do; an empty cell says so too.
const TOGETHER: [&str; 8] = ["", "1", "yes", "y", "true", "是", "确认", "匹配"];

/// Words on pairs, by the recording's id, in the file's order.
#[derive(Debug, Default)]
pub struct Confirmed {
    of_recording: BTreeMap<String, Vec<(usize, String, bool)>>,
    entries: BTreeSet<String>,
}

impl Confirmed {
    /// Takes the words of a table. Ids are those of the other files, so no site is asked for.
    ///
    /// # Errors
    /// [`Failure`] with the row that says neither.
    pub fn of(table: &Table) -> Result<Self, Failure> {
        let mut all = Self::default();
        for rows in table.sites.values() {
            let cells = table.columns(rows, ["recording_id", "entry_id", "together"]);
            for at in 0..rows.len() {
                let [recording, entry, word] = cells(at).map(str::trim);
                let said = word.to_lowercase();
                let together = TOGETHER.contains(&said.as_str());
                if !together && !PARTED.contains(&said.as_str()) {
                    let line = rows.lines[at];
                    return Err(Failure::CouldNotRun(format!(
                        "confirmed pairs, row {line}: `{word}` is neither yes nor no"
                    )));
                }
                let of = all.of_recording.entry(recording.to_owned()).or_default();
                of.push((rows.lines[at] as usize, entry.to_owned(), together));
                all.entries.insert(entry.to_owned());
            }
        }
        Ok(all)
    }

    /// The words on pairs of a site that was read.
    pub fn decided(&self, cells: &SiteCells<'_>, reading: &Reading) -> Vec<Decided> {
        let mut keys: BTreeMap<&str, i64> = BTreeMap::new();
        for (key, place) in reading.entries.iter().enumerate().filter(|_| !self.entries.is_empty())
        {
            let id = cells.entries[*place as usize].id;
            if self.entries.contains(id) {
                keys.insert(id, key as i64);
            }
        }
        let mut words = Vec::new();
        for (key, place) in reading.recordings.iter().enumerate().filter(|_| !keys.is_empty()) {
            let said = self.of_recording.get(cells.recordings[*place as usize].id);
            for (line, entry, together) in said.into_iter().flatten() {
                if let Some(entry) = keys.get(entry.as_str()) {
                    let word = Decided { contact: key as i64, entry: *entry, together: *together };
                    words.push((*line, word));
                }
            }
        }
        words.sort_by_key(|(line, _)| *line);
        words.into_iter().map(|(_, word)| word).collect()
    }
}

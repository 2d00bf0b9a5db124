//! Pairs that people confirmed or parted, from a file: recording, entry, and whether they belong
//! together.

use super::table::Table;
use crate::cli::Failure;
use crate::linkage::Decided;
use crate::linkage::hash::HashMap;
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

    /// The words on pairs of a site that was read. A word on a copy of a recording is one on the
    /// recording.
    pub fn decided(&self, cells: &SiteCells<'_>, reading: &Reading) -> Vec<Decided> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        let entry = |place: u32| cells.entries[place as usize].id.trim();
        let entries: HashMap<&str, i64> =
            (0..).zip(&reading.entries).map(|(key, place)| (entry(*place), key)).collect();
        let keys: HashMap<u32, i64> =
            (0..).zip(&reading.recordings).map(|(key, place)| (*place, key)).collect();
        let itself = reading.recordings.iter().map(|place| (*place, *place));
        let mut words = Vec::new();
        for (place, original) in itself.chain(reading.copies.iter().copied()) {
            let said = self.of_recording.get(cells.recordings[place as usize].id.trim());
            let Some(contact) = keys.get(&original) else { continue };
            for (line, entry, together) in said.into_iter().flatten() {
                if let Some(entry) = entries.get(entry.as_str()) {
                    let (contact, entry) = (*contact, *entry);
                    words.push((*line, Decided { contact, entry, together: *together }));
                }
            }
        }
        words.sort_by_key(|(line, word)| (*line, word.contact));
        words.into_iter().map(|(_, word)| word).collect()
    }

    /// Words that name a recording or an entry that no file has, each in a sentence.
    pub fn strangers(&self, recordings: &Table, ledger: &Table) -> Vec<String> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        let (recordings, entries) = (recordings.all("id"), ledger.all("entry_id"));
        let words = self.of_recording.iter();
        let words = words.flat_map(|(id, of)| of.iter().map(move |word| (word.0, id, &word.1)));
        let told = |(line, recording, entry): (usize, &String, &String)| {
            let what = if !recordings.contains(recording.as_str()) {
                format!("recording `{recording}`")
            } else if !entries.contains(entry.as_str()) {
                format!("entry `{entry}`")
            } else {
                return None;
            };
            Some((line, format!("confirmed pairs, row {line}: there is no {what}")))
        };
        let mut all: Vec<(usize, String)> = words.filter_map(told).collect();
        all.sort();
        all.into_iter().map(|(_, sentence)| sentence).collect()
    }
}

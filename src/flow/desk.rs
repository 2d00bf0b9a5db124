//! The route of what people do: entries typed or imported, words on pairs and findings, looking and
//! listening.

use super::error::{Error, Kind, Result};
use super::interpret::Rules;
use crate::audit::Explanation;
use crate::call::Moment;
use crate::finding::{About, Code, Reason};
use crate::ledger::import::{self, Plan};
use crate::ledger::{LedgerEntry, check, unit};
use crate::sheet;
use crate::store::Store;
pub use crate::store::sqlite::entries::Saved;
use crate::store::sqlite::entries::{self, Written};
pub use crate::store::sqlite::people::{Access, Decision};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Entries written in one transaction of an import.
const IMPORT_CHUNK: usize = 500;

/// Everything the route needs.
#[derive(Clone)]
pub struct Desk {
    pub store: Store,
    pub rules: Arc<Rules>,
    /// Columns of spreadsheets that are not recognised by themselves.
    pub columns: BTreeMap<String, String>,
}

/// A person's closing of a finding, as it comes in.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Closing {
    pub code: Code,
    #[serde(default)]
    pub call: Option<i64>,
    #[serde(default)]
    pub recording: Option<i64>,
    #[serde(default)]
    pub entry: Option<i64>,
    #[serde(default)]
    pub delivery: Option<i64>,
    pub reason: Reason,
    #[serde(default)]
    pub text: String,
}

impl Desk {
    /// Keeps a version of an entry.
    ///
    /// # Errors
    /// [`Kind::Invalid`] with the fields at fault.
    pub async fn save(
        &self,
        site: &str,
        entry: LedgerEntry,
        at: Moment,
        who: &str,
    ) -> Result<Saved> {
        let faults = check::faults(&entry);
        if !faults.is_empty() {
            return Err(Error::fields(faults));
        }
        let (site, who) = (self.store.site(site)?, who.to_owned());
        let written = Written { entry, imported: false };
        Ok(self.store.write(move |tx| tx.save_entry(site, &written, at, &who)).await?)
    }

    /// What an import of a sheet would do.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when the file is no sheet or has no header.
    pub fn plan(&self, site: &str, bytes: &[u8]) -> Result<Plan> {
        let invalid = |text: String| Error::new(Kind::Invalid, text);
        let rows = sheet::read(bytes).map_err(|error| invalid(error.to_string()))?;
        let rules = self.rules.sites.get(site);
        let zone = rules
            .and_then(|site| site.versions.last())
            .ok_or_else(|| Error::not_found(format!("site `{site}`")))?
            .zone();
        let key = self.store.site(site)?;
        let known = |id: &str| {
            let found = self.store.read(|connection| entries::by_id(connection, key, id));
            found.ok().flatten().map(|fact| fact.entry)
        };
        import::plan(&rows, &self.columns, zone, &known).map_err(invalid)
    }

    /// Writes what a plan says. All of it or nothing, but in several transactions when it is long:
    /// a second import finishes what a crash left.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn carry_out(
        &self,
        site: &str,
        plan: &Plan,
        at: Moment,
        who: &str,
        mut step: impl FnMut(usize),
    ) -> Result<usize> {
        let key = self.store.site(site)?;
        let all: Vec<LedgerEntry> = plan.entries().cloned().collect();
        let mut done = 0;
        for chunk in all.chunks(IMPORT_CHUNK) {
            let (chunk, who) = (chunk.to_vec(), who.to_owned());
            let count = chunk.len();
            self.store
                .write(move |tx| {
                    for entry in chunk {
                        tx.save_entry(key, &Written { entry, imported: true }, at, &who)?;
                    }
                    Ok(())
                })
                .await?;
            done += count;
            step(done);
        }
        Ok(done)
    }

    /// Takes on a directory of units and numbers: columns `unit` and `known_numbers`, `number` or
    /// their Chinese names.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when the columns are not there.
    pub async fn save_directory(
        &self,
        site: &str,
        bytes: &[u8],
        at: Moment,
        who: &str,
    ) -> Result<usize> {
        let rows = sheet::read(bytes).map_err(|e| Error::new(Kind::Invalid, e.to_string()))?;
        let head: Vec<&str> = rows
            .first()
            .map(|row| row.cells.iter().map(|cell| cell.trim()).collect())
            .unwrap_or_default();
        let column = |names: &[&str]| head.iter().position(|cell| names.contains(cell));
        let unit_at = column(&["unit", "房号", "单元"]);
        let number_at = column(&["known_numbers", "number", "numbers", "phone", "电话", "手机号"]);
        let (Some(unit_at), Some(number_at)) = (unit_at, number_at) else {
            let text =
                format!("columns `unit` and `known_numbers` are needed; found {}", head.join(", "));
            return Err(Error::new(Kind::Invalid, text));
        };
        let mut pairs = Vec::new();
        for row in &rows[1..] {
            let cell = |at: usize| row.cells.get(at).map_or("", String::as_str);
            let Some(unit) = unit::folded(cell(unit_at)) else { continue };
            let numbers = cell(number_at).split([';', '；', '、', ' ']);
            let folded = numbers.filter_map(crate::party::PhoneNumber::known).map(|n| n.folded());
            pairs.extend(folded.filter(|n| !n.is_empty()).map(|number| (unit.clone(), number)));
        }
        let (key, who, count) = (self.store.site(site)?, who.to_owned(), pairs.len());
        self.store.write(move |tx| tx.save_directory(key, pairs, at, &who)).await?;
        Ok(count)
    }

    /// Keeps a person's word on a pair.
    ///
    /// # Errors
    /// [`Kind::NotFound`] and [`Kind::Conflict`].
    pub async fn decide(&self, site: &str, word: Decision, at: Moment, who: &str) -> Result<i64> {
        let (site, who) = (self.store.site(site)?, who.to_owned());
        // It may name a call that is stored and not folded yet.
        self.store.folded().await;
        Ok(self.store.write(move |tx| tx.decide(site, &word, at, &who)).await?)
    }

    /// Keeps a person's closing of a finding.
    ///
    /// # Errors
    /// [`Kind::Invalid`] when it is about nothing, or *other* without a text.
    pub async fn explain(&self, site: &str, word: Closing, at: Moment, who: &str) -> Result<i64> {
        let about = About {
            call: word.call,
            recording: word.recording,
            entry: word.entry,
            delivery: word.delivery,
        };
        if about == About::default() {
            let text = "says neither call, recording, entry nor delivery";
            return Err(Error::fields(vec![("about".into(), text.into())]));
        }
        if word.reason == Reason::Other && word.text.trim().is_empty() {
            let text = "is needed where the reason is `other`";
            return Err(Error::fields(vec![("text".into(), text.into())]));
        }
        let site = self.store.site(site)?;
        let (code, reason, text, who) = (word.code, word.reason, word.text, who.to_owned());
        let explanation = Explanation { code, about, reason, text, who, at };
        Ok(self.store.write(move |tx| tx.explain(site, &explanation)).await?)
    }

    /// Keeps that somebody listened or exported. To be called before the sound is given out.
    ///
    /// # Errors
    /// When the disk fails: then nothing is given out.
    pub async fn note_access(
        &self,
        site: &str,
        access: Access,
        at: Moment,
        who: &str,
    ) -> Result<()> {
        let (site, who) = (self.store.site(site)?, who.to_owned());
        self.store.write(move |tx| tx.note_access(site, &access, at, &who)).await?;
        Ok(())
    }
}

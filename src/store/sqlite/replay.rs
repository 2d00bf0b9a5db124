//! Building all derived rows again from the facts, in a database beside the grown one, and
//! comparing the two.
//!
//! What was measured by listening is taken over by hash: it depends on the recording's bytes alone.
//! Healed findings are history and are left out.

use super::apply::{self, Place};
use super::filter::Filter;
use super::folding::{Folding, Names, Step, Unfolded};
use super::{Tx, append, calls, connect, fetches, progress, recordings};
use crate::store::{Interpreter, Kind, Result, moment};
use rusqlite::{Connection, params};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// Deliveries folded in one step.
const CHUNK: usize = 4096;

/// Tables that hold derived rows, with the columns that say which row it is.
const DERIVED: [(&str, &str); 19] = [
    ("unread", "fact"),
    ("feed", "site, source, fact, at, back"),
    ("pulse", "site, at, source"),
    ("tie", "bucket, key, site, tie"),
    ("call_fact", "call, fact"),
    ("call", "key"),
    ("recording", "key"),
    ("entry", "key"),
    ("entry_version", "entry, version"),
    ("directory", "site, unit, number"),
    ("decision", "site, thing, entry_id"),
    ("explanation", "fact"),
    ("object_fault", "site, hash"),
    ("hold", "site, thing"),
    ("tombstone", "recording"),
    ("beliefs", "site"),
    ("link", "entry"),
    ("proposal", "site, entry, contact, kind"),
    ("finding", "site, code, call, recording, entry, delivery"),
];

/// Rows of a table that are not the same in both databases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub table: String,
    /// Rows that only the grown database has.
    pub only_grown: i64,
    /// Rows that only the rebuilt one has.
    pub only_rebuilt: i64,
    /// The first of them, as its columns in JSON.
    pub first: String,
}

/// A database that is being rebuilt, with the grown one attached.
pub struct Rebuilt {
    connection: Connection,
    names: Names,
    folding: Folding,
}

impl Rebuilt {
    /// Begins in a new file at `scratch`. The grown database is only read, in one snapshot.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub fn begin(grown: &Path, scratch: &Path) -> Result<Self> {
        let connection = connect::scratch(scratch)?;
        let grown = grown.to_string_lossy().into_owned();
        connection.execute("ATTACH ?1 AS grown", [grown])?;
        // The facts are not copied: the view stands where the fold looks for them.
        connection.execute_batch(
            "BEGIN;
             INSERT INTO site SELECT * FROM grown.site;
             INSERT INTO source SELECT * FROM grown.source;
             CREATE TEMP VIEW fact AS SELECT * FROM grown.fact;",
        )?;
        let names = super::names(&connection)?;
        // Nothing is stored yet, so the filter knows everything there is.
        let filter = Arc::new(Filter::default());
        filter.to_fill().iter().for_each(|nothing| nothing.complete());
        Ok(Self { connection, names, folding: Folding::new(filter, 0) })
    }

    /// Applies every fact up to the newest that the grown database has folded, in order. `step` is
    /// told the facts done.
    ///
    /// # Errors
    /// When a fact cannot be applied.
    pub fn apply_all(
        &mut self,
        interpreter: &dyn Interpreter,
        mut step: impl FnMut(u64),
    ) -> Result<u64> {
        let last = self.mark("folded_to")?.max(self.last_act()?);
        let (mut after, mut done) = (0, 0);
        loop {
            let facts = self.next_facts(after, last)?;
            let Some(newest) = facts.last().map(|fact| fact.id) else { break };
            done += facts.len() as u64;
            self.apply_some(interpreter, facts)?;
            after = newest;
            step(done);
        }
        recordings::copy_measures(&self.connection)?;
        fetches::copy(&self.connection)?;
        Ok(done)
    }

    /// Acts are applied when they are stored, so the newest act may lie after the fold's mark.
    fn last_act(&self) -> Result<i64> {
        let sql = "SELECT coalesce(max(id), 0) FROM grown.fact";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    fn next_facts(&self, after: i64, last: i64) -> Result<Vec<crate::store::Fact>> {
        let mut query = self.connection.prepare_cached(
            "SELECT * FROM grown.fact WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
        )?;
        let rows = query.query_map(params![after, last, CHUNK as i64], calls::fact_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn apply_some(
        &mut self,
        interpreter: &dyn Interpreter,
        facts: Vec<crate::store::Fact>,
    ) -> Result<()> {
        let mut deliveries = Vec::new();
        for fact in facts {
            if fact.kind == Kind::Delivery as i64 {
                deliveries.push(fact);
                continue;
            }
            let site_name = self.names.sites.get(&fact.site).map_or("", String::as_str);
            apply::apply(&Place { connection: &self.connection, interpreter, site_name }, &fact)?;
        }
        let names = &self.names;
        let unfolded = deliveries
            .into_iter()
            .map(|fact| {
                let source = names.sources.get(&fact.source).map_or("", String::as_str);
                let reading = interpreter.read(source, &fact.delivery());
                let (site, source, received_at) = (fact.site, fact.source, moment(fact.at_us));
                let (record, placed) = (fact.is_record(), false);
                Unfolded { fact: fact.id, site, source, received_at, record, reading, placed }
            })
            .collect();
        let step = Step { tx: &self.connection, names, interpreter, as_of: None };
        self.folding.fold(&step, unfolded)
    }

    /// A mark of the grown database: `folded_to`, `as_of`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn mark(&self, name: &str) -> Result<i64> {
        let sql = "SELECT coalesce(max(value), 0) FROM grown.progress WHERE name = ?1";
        Ok(self.connection.query_row(sql, [name], |row| row.get(0))?)
    }

    /// The moment as of which the grown database closed silent calls, if it ever did.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn as_of(&self) -> Result<Option<crate::call::Moment>> {
        Ok(Some(self.mark(progress::AS_OF)?).filter(|at| *at != 0).map(moment))
    }

    /// The sites: key and name.
    pub fn sites(&self) -> Vec<(i64, String)> {
        let mut sites: Vec<_> =
            self.names.sites.iter().map(|(key, name)| (*key, name.clone())).collect();
        sites.sort();
        sites
    }

    /// For reading what was rebuilt.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs `work` as the writer would.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn write<T>(
        &mut self,
        interpreter: &dyn Interpreter,
        work: impl FnOnce(&mut Tx<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        let mut tx = Tx {
            connection: &self.connection,
            appender: append::Appender::begin(&self.connection)?,
            folding: &mut self.folding,
            names: &self.names,
            interpreter,
        };
        work(&mut tx)
    }

    /// Compares all derived rows.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn compare(self) -> Result<Vec<Difference>> {
        let mut differences = Vec::new();
        for (table, identity) in DERIVED {
            differences.extend(compare(&self.connection, table, identity)?);
        }
        self.connection.execute_batch("ROLLBACK")?;
        Ok(differences)
    }
}

/// Columns of a table as one JSON text; the key of a finding is a place in a list and means
/// nothing.
fn columns(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut query = connection.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?;
    let names = query.query_map([table], |row| row.get::<_, String>(0))?;
    let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(names.into_iter().filter(|name| !(table == "finding" && name == "key")).collect())
}

fn compare(connection: &Connection, table: &str, identity: &str) -> Result<Option<Difference>> {
    let columns = columns(connection, table)?.join(", ");
    let kept = if table == "finding" { "WHERE state <> 'healed'" } else { "" };
    let side = |schema: &str| format!("SELECT {columns} FROM {schema}.{table} {kept}");
    let count = |one: &str, other: &str| -> Result<i64> {
        let sql = format!("SELECT count(*) FROM ({} EXCEPT {})", side(one), side(other));
        Ok(connection.query_row(&sql, [], |row| row.get(0))?)
    };
    let (only_grown, only_rebuilt) = (count("grown", "main")?, count("main", "grown")?);
    if only_grown + only_rebuilt == 0 {
        return Ok(None);
    }
    let (one, other) = if only_grown > 0 { ("grown", "main") } else { ("main", "grown") };
    let sql = format!("{} EXCEPT {} ORDER BY {identity} LIMIT 1", side(one), side(other));
    let first = connection.query_row(&sql, [], |row| {
        let values = (0..row.as_ref().column_count()).map(|index| text_of(row, index));
        Ok(values.collect::<Vec<_>>().join(" | "))
    })?;
    Ok(Some(Difference { table: table.to_owned(), only_grown, only_rebuilt, first }))
}

fn text_of(row: &rusqlite::Row<'_>, index: usize) -> String {
    use rusqlite::types::ValueRef;
    match row.get_ref(index) {
        Ok(ValueRef::Integer(number)) => number.to_string(),
        Ok(ValueRef::Real(number)) => number.to_string(),
        Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        Ok(ValueRef::Blob(bytes)) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Ok(ValueRef::Null) | Err(_) => "-".to_owned(),
    }
}

//! Rows of legal holds. A hold is placed and lifted by people; while it stands nothing of what it
//! names is erased.

use super::apply::Place;
use super::{Tx, calls, entries, links, recordings};
use crate::audit::RecordingFact;
use crate::call::Moment;
use crate::recording::ContentHash;
use crate::store::fact::{Fact, Kind};
use crate::store::{Error, Result, moment};
use chrono::NaiveDate;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A person's word on a hold. The body of its fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldWord {
    /// `call:ID` with an id of the call, `entry:ID`, or `sha256:HEX`.
    pub thing: String,
    /// True places or renews it, false lifts it.
    pub held: bool,
    pub why: String,
    /// The local day on which somebody looks whether it is still wanted; needed to place one.
    #[serde(default)]
    pub review_on: Option<NaiveDate>,
}

/// A hold that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub thing: String,
    pub why: String,
    pub review_on: Option<NaiveDate>,
    pub who: String,
    pub at: Moment,
}

/// What is held at a site: keys with the thing that names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    calls: BTreeMap<i64, String>,
    recordings: BTreeMap<i64, String>,
}

impl Held {
    /// The thing under whose hold a recording is.
    pub fn by(&self, fact: &RecordingFact) -> Option<&String> {
        let of_call = || fact.call.and_then(|call| self.calls.get(&call));
        self.recordings.get(&fact.key).or_else(of_call)
    }
}

impl Tx<'_, '_> {
    /// Keeps a person's word on a hold.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the thing is not known, or is to be lifted and not held.
    pub fn hold(&mut self, site: i64, word: &HoldWord, at: Moment, who: &str) -> Result<i64> {
        if word.held {
            keys(self.connection, site, &word.thing)?
                .ok_or_else(|| Error::NotFound(format!("`{}`", word.thing)))?;
        } else if !holds(self.connection, site)?.iter().any(|hold| hold.thing == word.thing) {
            return Err(Error::NotFound(format!("a hold on `{}`", word.thing)));
        }
        self.act(site, Kind::Hold, at, who, word)
    }
}

/// The row of a hold's fact.
pub fn apply(place: &Place<'_>, fact: &Fact, word: HoldWord) -> Result<()> {
    if !word.held {
        place.connection.execute(
            "DELETE FROM hold WHERE site = ?1 AND thing = ?2",
            params![fact.site, word.thing],
        )?;
        return Ok(());
    }
    let hold = Hold {
        thing: word.thing,
        why: word.why,
        review_on: word.review_on,
        who: fact.who.clone().unwrap_or_default(),
        at: moment(fact.at_us),
    };
    let doc = serde_json::to_string(&hold)
        .map_err(|error| Error::Broken(format!("fact {}", fact.id), error.to_string()))?;
    place.connection.execute(
        "INSERT OR REPLACE INTO hold VALUES (?1, ?2, ?3, ?4)",
        params![fact.site, hold.thing, fact.id, doc],
    )?;
    Ok(())
}

/// The holds that stand at a site, oldest first.
///
/// # Errors
/// When a row cannot be read.
pub fn holds(connection: &Connection, site: i64) -> Result<Vec<Hold>> {
    let mut query =
        connection.prepare_cached("SELECT fact, doc FROM hold WHERE site = ?1 ORDER BY fact")?;
    let rows = query.query_map([site], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.map(|row| {
        let (fact, doc): (i64, String) = row?;
        serde_json::from_str(&doc)
            .map_err(|error| Error::Broken(format!("fact {fact}"), error.to_string()))
    })
    .collect()
}

/// A call, or a recording of none.
enum Key {
    Call(i64),
    Recording(i64),
}

/// What a thing names now: nothing yet where an entry is linked to nothing; `None` where it is not
/// known at all.
fn keys(connection: &Connection, site: i64, thing: &str) -> Result<Option<Vec<Key>>> {
    if let Some(id) = thing.strip_prefix("call:") {
        return Ok(calls::key_of(connection, site, id)?.map(|key| vec![Key::Call(key)]));
    }
    if let Some(hash) = thing.strip_prefix("sha256:") {
        let Ok(hash) = hash.parse::<ContentHash>() else { return Ok(None) };
        let found = recordings::by_hash(connection, site, &hash)?;
        return Ok(found.map(|fact| vec![Key::Recording(fact.key)]));
    }
    let Some(id) = thing.strip_prefix("entry:") else { return Ok(None) };
    let Some(entry) = entries::key_of(connection, site, id)? else { return Ok(None) };
    let link = links::of_entry(connection, entry)?.map(|(link, _)| link);
    let call = link.as_ref().and_then(|link| link.call).map(Key::Call);
    let recording = link.as_ref().and_then(|link| link.recording).map(Key::Recording);
    Ok(Some(call.into_iter().chain(recording).collect()))
}

/// What is held at a site, by the links as they are now.
///
/// # Errors
/// When a row cannot be read.
pub fn held(connection: &Connection, site: i64) -> Result<Held> {
    let mut held = Held::default();
    for hold in holds(connection, site)? {
        for key in keys(connection, site, &hold.thing)?.unwrap_or_default() {
            match key {
                Key::Call(call) => held.calls.insert(call, hold.thing.clone()),
                Key::Recording(key) => held.recordings.insert(key, hold.thing.clone()),
            };
        }
    }
    Ok(held)
}

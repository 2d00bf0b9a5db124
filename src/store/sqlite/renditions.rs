//! Rows of archive renditions: made beside a recording, then perhaps in place of its original. Each
//! step is a fact.

use super::apply::{self, Place};
use super::erasures::Refused;
use super::{Tx, holds, objects, recordings};
use crate::audit::RecordingFact;
use crate::call::Moment;
use crate::recording::{Archived, ContentHash, Rendition, State};
use crate::store::fact::{Fact, Kind};
use crate::store::{Error, Result, micros};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// The body of a rendition's fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The original's digest.
    pub object: ContentHash,
    #[serde(flatten)]
    pub what: What,
}

/// What became of a recording's archive rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// It was made, and the same samples came back.
    Made { rendition: Rendition },
    /// The original goes; the rendition stands in its place.
    OriginalGone { bytes: u64, why: String },
}

impl Tx<'_, '_> {
    /// Keeps how a recording's rendition was made, once its bytes are safe. Says whether it was
    /// wanted: an erased recording, and one that has a rendition, want none.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such recording.
    pub fn archived(&mut self, key: i64, rendition: Rendition, at: Moment) -> Result<bool> {
        let fact = recordings::recording(self.connection, key)?;
        if fact.recording.state == State::Erased || fact.recording.archived.is_some() {
            return Ok(false);
        }
        let site = self.site_of_recording(key)?;
        let step = Step { object: fact.recording.hash, what: What::Made { rendition } };
        self.act(site, Kind::Rendition, at, "ringledger", &step)?;
        Ok(true)
    }

    /// Notes that the original of a recording goes; its bytes may be removed after the commit. A
    /// legal hold wins, also one that came after the plan.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such recording.
    pub fn drop_original(
        &mut self,
        site: i64,
        key: i64,
        why: &str,
        at: Moment,
        who: &str,
    ) -> Result<std::result::Result<ContentHash, Refused>> {
        let fact = recordings::recording(self.connection, key)?;
        let recording = &fact.recording;
        if recording.state == State::Erased
            || recording.archived.is_none()
            || recording.in_place().is_some()
        {
            return Ok(Err(Refused::Already));
        }
        if let Some(thing) = holds::held(self.connection, site)?.by(&fact) {
            return Ok(Err(Refused::Held(thing.clone())));
        }
        let object = recording.hash;
        let what = What::OriginalGone { bytes: recording.bytes, why: why.to_owned() };
        self.act(site, Kind::Rendition, at, who, &Step { object, what })?;
        Ok(Ok(object))
    }
}

/// The row of a rendition's fact.
pub fn apply(place: &Place<'_>, fact: &Fact, step: Step) -> Result<()> {
    let found = recordings::by_hash(place.connection, fact.site, &step.object)?;
    let missing = || Error::NotFound(format!("recording of fact {}", fact.id));
    let mut found = found.ok_or_else(missing)?;
    match step.what {
        What::Made { rendition } => {
            found.recording.archived = Some(Archived {
                rendition,
                made_at: apply::at(fact),
                original_gone_at: None,
                original_gone_why: None,
            });
        }
        What::OriginalGone { why, .. } => {
            let archived = found.recording.archived.as_mut().ok_or_else(missing)?;
            archived.original_gone_at = Some(apply::at(fact));
            archived.original_gone_why = Some(why);
            objects::forget(place, fact.site, &found, &step.object)?;
        }
    }
    let recording = &found.recording;
    let rendition = recording.archived.as_ref().map(|archived| archived.rendition.sha256);
    recordings::rewrite(place.connection, &found)?;
    place.connection.execute(
        "UPDATE recording SET rendition = ?2, original_gone = ?3, bytes = ?4 WHERE key = ?1",
        params![
            found.key,
            rendition.as_ref().map(|hash| hash.0.as_slice()),
            recording.in_place().is_some(),
            recording.stored_bytes() as i64
        ],
    )?;
    Ok(())
}

/// Recordings of a site after a key that may want an archive rendition: of plain samples, heard,
/// kept, and begun before a moment.
///
/// # Errors
/// When a row cannot be read.
pub fn unarchived(
    connection: &Connection,
    site: i64,
    before: Moment,
    after: i64,
    count: usize,
) -> Result<Vec<RecordingFact>> {
    let condition = "site = ?1 AND at < ?2 AND key > ?3 AND heard = 1 AND erased = 0
         AND rendition IS NULL AND json_extract(doc, '$.measures.codec') = 'PCM'
         ORDER BY key LIMIT ?4";
    recordings::all(connection, condition, params![site, micros(before), after, count as i64])
}

//! What a site's own rows teach of it, now and then: when it has enough of them for the first time,
//! when they have grown by a share, and when other habits are switched off. What was learned is a
//! fact, so that links can be computed again as they were.

use super::near::Near;
use super::relink::At;
use super::sides;
use crate::call::Moment;
use crate::linkage::Beliefs;
use crate::linkage::beliefs::Site;
use crate::linkage::habits::Off;
use crate::store::sqlite::beliefs::{self, Learned};
use crate::store::sqlite::{calls, entries, people, recordings};
use crate::store::{Connection, Result};

/// A site is learned from this many entries on.
const ENTRIES_MIN: usize = 100;
/// And again when they have grown by one in so many, or by so many in all.
const GROWN_ONE_IN: usize = 5;
const GROWN_MAX: usize = 5000;
/// Before facts have grown by one in so many, nothing is counted.
const FACTS_ONE_IN: i64 = 50;

/// Learns a site where that is due; nothing where it is not.
///
/// # Errors
/// When a row cannot be read.
pub fn learn(connection: &Connection, at: At<'_>, as_of: Moment) -> Result<Option<Learned>> {
    let off = &at.site.settings_at(as_of).habits_off;
    if !is_due(connection, at, off)? {
        return Ok(None);
    }
    let site = whole(connection, at)?;
    let (calls, entries) = (site.contacts.len(), site.rows.len());
    // Names were checked with the settings.
    let (beliefs, habits) = Beliefs::learned(site, &Off::of(off).unwrap_or_default());
    let facts = beliefs::facts(connection, at.key)?;
    Ok(Some(Learned { beliefs, habits, off: off.clone(), calls, entries, facts }))
}

fn is_due(connection: &Connection, at: At<'_>, off: &[String]) -> Result<bool> {
    let known = beliefs::standing(connection, at.key)?;
    if known.as_ref().is_some_and(|known| known.off != off) {
        return Ok(true);
    }
    let (entries, facts) = known.map_or((0, 0), |known| (known.entries, known.facts));
    if beliefs::facts(connection, at.key)? <= facts + facts / FACTS_ONE_IN {
        return Ok(false);
    }
    let needed = ENTRIES_MIN.max(entries + (entries / GROWN_ONE_IN).min(GROWN_MAX));
    Ok(entries::count(connection, at.key)? >= needed)
}

fn whole<'a>(connection: &Connection, at: At<'a>) -> Result<Site<'a>> {
    let (first, last) = (Moment::MIN_UTC, Moment::MAX_UTC);
    let mut contacts = Vec::new();
    for fact in calls::between(connection, at.key, first, last)? {
        if sides::matters(&fact) {
            contacts.push(sides::call_contact(&fact, calls::ids_of(connection, fact.key)?));
        }
    }
    let sound = recordings::between(connection, at.key, first, last)?;
    let alone = sound.iter().filter(|fact| fact.call.is_none());
    contacts.extend(alone.map(sides::recording_contact));
    let rows = entries::between(connection, at.key, first, last)?.iter().map(sides::row).collect();
    Ok(Site {
        name: &at.site.id,
        contacts,
        rows,
        directory: people::directory(connection, at.key)?,
        decided: Near::words(connection, at)?,
    })
}

//! What was told of the feeds themselves: when they were lost and when they came back.

use super::progress;
use crate::audit::FeedFact;
use crate::call::Moment;
use crate::finding::Code;
use crate::pbx::{self, FeedNotice};
use crate::store::{Result, micros, moment};
use rusqlite::{Connection, OptionalExtension, params};

/// Keeps what a delivery says of the feed.
pub(super) fn save(
    tx: &Connection,
    site: i64,
    source: i64,
    fact: i64,
    notices: &[FeedNotice],
) -> Result<()> {
    for notice in notices {
        let (at, back, restarted) = match notice {
            FeedNotice::Lost { at } => (*at, false, false),
            FeedNotice::Back { at, restarted } => (*at, true, *restarted),
        };
        tx.execute(
            "INSERT OR IGNORE INTO feed VALUES (?1,?2,?3,?4,?5,?6)",
            params![site, source, fact, micros(at), back, restarted],
        )?;
    }
    Ok(())
}

/// Everything that was told of a source's feed.
pub(super) fn notices(tx: &Connection, site: i64, source: i64) -> Result<Vec<FeedNotice>> {
    let mut query = tx.prepare_cached(
        "SELECT at, back, restarted FROM feed WHERE site = ?1 AND source = ?2 ORDER BY at, back",
    )?;
    let rows = query.query_map([site, source], |row| {
        let at = moment(row.get(0)?);
        Ok(match row.get(1)? {
            true => FeedNotice::Back { at, restarted: row.get(2)? },
            false => FeedNotice::Lost { at },
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// When a source's feed was lost last, up to a moment: its return changes what is found there.
pub(super) fn lost_before(
    tx: &Connection,
    site: i64,
    source: i64,
    at: Moment,
) -> Result<Option<Moment>> {
    let sql = "SELECT max(at) FROM feed WHERE site = ?1 AND source = ?2 AND back = 0 AND at <= ?3";
    let found: Option<i64> =
        tx.prepare_cached(sql)?.query_row(params![site, source, micros(at)], |row| row.get(0))?;
    Ok(found.map(moment))
}

/// The losses of a site's feeds that began in a span of time, each with its return.
///
/// # Errors
/// When the disk fails.
pub fn losses(
    connection: &Connection,
    site: i64,
    from: Moment,
    to: Moment,
) -> Result<Vec<FeedFact>> {
    let mut query = connection.prepare_cached(
        "SELECT min(f.fact), f.at, f.source, s.name FROM feed f JOIN source s ON s.key = f.source
         WHERE f.site = ?1 AND f.back = 0 AND f.at >= ?2 AND f.at < ?3
         GROUP BY f.source, f.at ORDER BY f.at",
    )?;
    let rows = query.query_map(params![site, micros(from), micros(to)], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    let rows: Vec<(i64, i64, i64, String)> = rows.collect::<rusqlite::Result<_>>()?;
    let mut losses = Vec::new();
    for (fact, at, source, name) in rows {
        let gaps = pbx::gaps(&notices(connection, site, source)?);
        // Lost twice before it came back is one gap, told once.
        let Some(gap) = gaps.into_iter().find(|gap| gap.from == moment(at)) else { continue };
        losses.push(FeedFact {
            code: Code::FeedGap,
            delivery: Some(fact),
            at: gap.from,
            until: gap.to,
            what: name,
        });
    }
    Ok(losses)
}

/// What an earlier run knew of a feed whose loss it never told: the last that was heard of it, and
/// the last look around that run took. `None` where the loss was told, or the feed never stood.
///
/// # Errors
/// When the disk fails.
pub fn left_standing(
    connection: &Connection,
    site: i64,
    source: i64,
) -> Result<Option<(Moment, Option<Moment>)>> {
    let newest: Option<(i64, bool)> = connection
        .prepare_cached(
            "SELECT fact, back FROM feed WHERE site = ?1 AND source = ?2 AND restarted = 0
             ORDER BY fact DESC LIMIT 1",
        )?
        .query_row([site, source], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((fact, true)) = newest else { return Ok(None) };
    // The feed's return is itself a delivery of this source: the search ends there at the latest.
    let heard: i64 = connection
        .prepare_cached(
            "SELECT at FROM fact WHERE id >= ?1 AND source = ?2 ORDER BY id DESC LIMIT 1",
        )?
        .query_row([fact, source], |row| row.get(0))?;
    let look = progress::get(connection, progress::AS_OF)?;
    Ok(Some((moment(heard), (look > 0).then(|| moment(look)))))
}

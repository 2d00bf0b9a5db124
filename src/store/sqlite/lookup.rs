//! Small questions about the database as a whole: names, newest facts, what is not folded yet.

use super::connect;
use super::folding::{Names, Unfolded};
use super::{calls, progress};
use crate::store::{Error, Interpreter, Kind, Result, moment};
use rusqlite::{Connection, params};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Gives every configured site and source its key, which it keeps for ever.
pub fn register(connection: &Connection, sites: &[(String, Vec<String>)]) -> Result<Names> {
    for (site, sources) in sites {
        connection.execute(
            "INSERT INTO site (id, head) VALUES (?1, zeroblob(32)) ON CONFLICT (id) DO NOTHING",
            [site],
        )?;
        for source in sources {
            connection.execute(
                "INSERT INTO source (site, name) SELECT key, ?2 FROM site WHERE id = ?1
                 ON CONFLICT (site, name) DO NOTHING",
                params![site, source],
            )?;
        }
    }
    names(connection)
}

/// Keys and names of all sites and sources there ever were.
pub fn names(connection: &Connection) -> Result<Names> {
    let read = |sql| -> Result<HashMap<i64, String>> {
        let mut query = connection.prepare(sql)?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    };
    let mut keys: HashMap<String, HashMap<String, (i64, i64)>> = HashMap::new();
    let mut query = connection.prepare(
        "SELECT site.id, site.key, source.name, source.key FROM source
         JOIN site ON site.key = source.site",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let of_site = keys.entry(row.get(0)?).or_default();
        of_site.insert(row.get(2)?, (row.get(1)?, row.get(3)?));
    }
    Ok(Names {
        sites: read("SELECT key, id FROM site")?,
        sources: read("SELECT key, name FROM source")?,
        keys,
    })
}

pub fn newest_fact(connection: &Connection) -> Result<i64> {
    Ok(connection.query_row("SELECT coalesce(max(id), 0) FROM fact", [], |row| row.get(0))?)
}

/// The newest fact whose delivery is folded into its call.
///
/// # Errors
/// When the disk fails.
pub fn folded_to(connection: &Connection) -> Result<i64> {
    progress::get(connection, progress::FOLDED_TO)
}

/// The first fact within the window for repeats, found by halving: fact numbers grow with time.
pub fn window_start(connection: &Connection, days: i64) -> Result<i64> {
    let newest = newest_fact(connection)?;
    let mut at = connection.prepare("SELECT at FROM fact WHERE id >= ?1 ORDER BY id LIMIT 1")?;
    let mut time_of =
        |id: i64| -> Result<i64> { Ok(at.query_row([id], |row| row.get(0)).unwrap_or(i64::MAX)) };
    let from = time_of(newest)?.saturating_sub(days.saturating_mul(86_400_000_000));
    let (mut low, mut high) = (0, newest);
    while low < high {
        let middle = low + (high - low) / 2;
        if time_of(middle)? < from {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The next deliveries after a fact, read again from the disk: so many at most, and about so many
/// events. Whether there may be more.
pub fn unfolded(
    connection: &Connection,
    names: &Names,
    interpreter: &dyn Interpreter,
    from: i64,
    (deliveries_max, events_max): (usize, usize),
) -> Result<(Vec<Unfolded>, bool)> {
    let placed_to = progress::get(connection, progress::PLACED_TO)?;
    let mut query =
        connection.prepare_cached("SELECT * FROM fact WHERE id > ?1 AND kind = ?2 ORDER BY id")?;
    let rows = query.query_map(params![from, Kind::Delivery as i64], calls::fact_row)?;
    let (mut next, mut events) = (Vec::new(), 0);
    for fact in rows {
        if next.len() >= deliveries_max || events >= events_max {
            return Ok((next, true));
        }
        let fact = fact?;
        let source = names.sources.get(&fact.source).map_or("", String::as_str);
        let reading = interpreter.read(source, &fact.delivery());
        let (site, source, received_at) = (fact.site, fact.source, moment(fact.at_us));
        let (record, placed) = (fact.is_record(), fact.id <= placed_to);
        let unfolded =
            Unfolded { fact: fact.id, site, source, received_at, record, reading, placed };
        events += unfolded.events();
        next.push(unfolded);
    }
    Ok((next, false))
}

/// The site of the fact that made a row.
///
/// # Errors
/// [`Error::NotFound`] when there is none of this number.
pub fn site_of_fact(connection: &Connection, fact: i64) -> Result<i64> {
    let sql = "SELECT site FROM fact WHERE id = ?1";
    let found = connection.prepare_cached(sql)?.query_row([fact], |row| row.get(0));
    found.map_err(|_| Error::NotFound(format!("fact {fact}")))
}

/// Where the chain of a site stands: how many facts it has, and the value of the newest in hex.
///
/// # Errors
/// When the disk fails.
pub fn chain_end(connection: &Connection, site: i64) -> Result<(i64, String)> {
    let sql = "SELECT facts, lower(hex(head)) FROM site WHERE key = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([site], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// The body of a site's newest fact of a kind.
///
/// # Errors
/// When the disk fails.
pub fn newest_body(connection: &Connection, site: i64, kind: Kind) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT body FROM fact WHERE site = ?1 AND kind = ?2 AND kind <> 1
               ORDER BY id DESC LIMIT 1";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(params![site, kind as i64])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

/// Opens a database for reading alone, also while a daemon is at work on it.
///
/// # Errors
/// When there is none.
pub fn readable(path: &Path) -> Result<Connection> {
    connect::reader(path, 2048)
}

/// Where the database lies within a data folder.
pub fn database_in(folder: &Path) -> PathBuf {
    folder.join("ringledger.db")
}

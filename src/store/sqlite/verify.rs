//! Walking the chain of facts: whether every one is what it was when it was appended.

use super::calls::fact_row;
use crate::store::Result;
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The first thing that is wrong with the facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A body no longer has the digest it was stored with.
    #[error(
        "fact {fact} of site `{site}`: its body was changed (its SHA-256 is not the stored one)"
    )]
    Body { site: String, fact: i64 },
    /// A fact's chain value does not follow from the fact before.
    #[error(
        "fact {fact} of site `{site}`: the chain is broken here; it or a fact before it was changed, added or removed"
    )]
    Chain { site: String, fact: i64 },
    /// The chain ends in another value than the site says.
    #[error(
        "site `{site}`: the newest facts are missing; the chain ends at fact {fact} and the site knows another end"
    )]
    End { site: String, fact: i64 },
}

#[derive(Default)]
struct Chain {
    head: Vec<u8>,
    facts: i64,
    last: i64,
}

/// Walks all chains in order of the facts. `step` is told the number of facts walked so far.
/// Returns how many there are, or the first thing that is wrong.
///
/// # Errors
/// When the disk fails.
pub fn walk(
    connection: &Connection,
    mut step: impl FnMut(u64),
) -> Result<std::result::Result<u64, Broken>> {
    let mut chains: HashMap<i64, Chain> = HashMap::new();
    let names = super::names(connection)?;
    let name = |site: i64| names.sites.get(&site).cloned().unwrap_or_default();
    let mut query = connection.prepare("SELECT * FROM fact ORDER BY id")?;
    let mut rows = query.query([])?;
    let mut walked = 0;
    while let Some(row) = rows.next()? {
        let fact = fact_row(row)?;
        let chain = chains
            .entry(fact.site)
            .or_insert_with(|| Chain { head: vec![0; 32], ..Chain::default() });
        if Sha256::digest(&fact.body).as_slice() != fact.digest {
            return Ok(Err(Broken::Body { site: name(fact.site), fact: fact.id }));
        }
        if fact.chained(&chain.head).as_slice() != fact.chain {
            return Ok(Err(Broken::Chain { site: name(fact.site), fact: fact.id }));
        }
        chain.head = fact.chain;
        (chain.facts, chain.last) = (chain.facts + 1, fact.id);
        walked += 1;
        step(walked);
    }
    Ok(ends(connection, &chains, name)?.map_or(Ok(walked), Err))
}

/// Compares where the chains end with what the sites say of them.
fn ends(
    connection: &Connection,
    chains: &HashMap<i64, Chain>,
    name: impl Fn(i64) -> String,
) -> Result<Option<Broken>> {
    let mut query = connection.prepare("SELECT key, facts, head FROM site ORDER BY key")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    for row in rows {
        let (site, facts, head): (i64, i64, Vec<u8>) = row?;
        let empty = Chain { head: vec![0; 32], ..Chain::default() };
        let chain = chains.get(&site).unwrap_or(&empty);
        if (chain.facts, &chain.head) != (facts, &head) {
            return Ok(Some(Broken::End { site: name(site), fact: chain.last }));
        }
    }
    Ok(None)
}

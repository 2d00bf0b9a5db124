//! Appending facts: one chain a site, one increasing number for all.

use super::repeats::{Identity, Repeats};
use crate::store::fact::{Link, NewFact};
use crate::store::{Result, micros};
use rusqlite::{Connection, params};
use std::collections::HashMap;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The fact that holds it.
    pub fact: i64,
    /// It had come before; nothing was stored.
    pub repeated: bool,
}

/// The ends of the chains, read at the start of a transaction and written back at its end.
pub struct Appender<'a> {
    tx: &'a Connection,
    next: i64,
    heads: HashMap<i64, (Vec<u8>, i64)>,
}

/// A place in the chains.
pub struct Mark {
    next: i64,
    heads: HashMap<i64, (Vec<u8>, i64)>,
}

impl<'a> Appender<'a> {
    /// Begins in an open transaction.
    pub fn begin(tx: &'a Connection) -> Result<Self> {
        let next = tx
            .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM fact")?
            .query_row([], |row| row.get(0))?;
        Ok(Self { tx, next, heads: HashMap::new() })
    }

    /// Appends a fact and returns its number.
    pub fn append(&mut self, fact: &NewFact) -> Result<i64> {
        let id = self.next;
        if !self.heads.contains_key(&fact.site) {
            let head = self
                .tx
                .prepare_cached("SELECT head FROM site WHERE key = ?1")?
                .query_row([fact.site], |row| row.get(0))?;
            self.heads.insert(fact.site, (head, 0));
        }
        let (head, added) = self.heads.entry(fact.site).or_default();
        let chain = Link {
            id,
            kind: fact.kind as i64,
            at_us: micros(fact.at),
            source: fact.source,
            who: fact.who.as_deref().unwrap_or(""),
            delivery_id: fact.delivery_id.as_deref().unwrap_or(""),
            head: &fact.head,
            digest: &fact.digest,
        }
        .after(head);
        self.tx
            .prepare_cached("INSERT INTO fact VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)")?
            .execute(params![
                id,
                fact.site,
                fact.kind as i64,
                micros(fact.at),
                fact.source,
                fact.who,
                fact.delivery_id,
                fact.head,
                &fact.body[..],
                fact.digest.as_slice(),
                chain.as_slice()
            ])?;
        *head = chain.to_vec();
        *added += 1;
        self.next += 1;
        Ok(id)
    }

    /// Appends a delivery unless it came before.
    pub fn deliver(&mut self, fact: &NewFact, repeats: &mut Repeats) -> Result<Receipt> {
        let identity = Identity::of(fact);
        if let Some(fact) = repeats.find(self.tx, &identity)? {
            return Ok(Receipt { fact, repeated: true });
        }
        let id = self.append(fact)?;
        repeats.remember(id, identity);
        Ok(Receipt { fact: id, repeated: false })
    }

    /// The number of the newest fact, 0 when there is none.
    pub fn newest(&self) -> i64 {
        self.next - 1
    }

    /// Where the chains stand, to return to when a savepoint is rolled back.
    pub fn mark(&self) -> Mark {
        Mark { next: self.next, heads: self.heads.clone() }
    }

    /// Returns to a mark.
    pub fn return_to(&mut self, mark: Mark) {
        (self.next, self.heads) = (mark.next, mark.heads);
    }

    /// Writes the ends of the chains; to be called before the transaction commits.
    pub fn finish(self) -> Result<()> {
        let mut update = self
            .tx
            .prepare_cached("UPDATE site SET head = ?2, facts = facts + ?3 WHERE key = ?1")?;
        for (site, (head, added)) in self.heads {
            if added > 0 {
                update.execute(params![site, head, added])?;
            }
        }
        Ok(())
    }
}

//! Building everything derived again from the facts, beside the grown database, and comparing.

use super::near::Near;
use super::quiet;
use super::relink::{self, At};
use crate::flow::interpret::Rules;
use crate::store::Result;
use crate::store::sqlite::replay::{Difference, Rebuilt};
use crate::store::sqlite::window;
use chrono::TimeDelta;
use std::path::Path;

/// What came of a replay.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    pub facts: u64,
    /// Empty when the rebuilt rows are identical.
    pub differences: Vec<Difference>,
}

/// Rebuilds and compares. `step` is told the facts done.
///
/// # Errors
/// When a file cannot be opened or a fact cannot be applied.
pub fn replay(
    rules: &Rules,
    grown: &Path,
    scratch: &Path,
    step: impl FnMut(u64),
) -> Result<Replayed> {
    let mut rebuilt = Rebuilt::begin(grown, scratch)?;
    let facts = rebuilt.apply_all(rules, step)?;
    if let Some(as_of) = rebuilt.as_of()? {
        for (key, name) in rebuilt.sites() {
            let Some(site) = rules.sites.get(&name) else { continue };
            let limit_s = site.settings_at(as_of).call_silence_limit_s;
            let before = as_of - TimeDelta::seconds(limit_s);
            rebuilt.write(rules, |tx| tx.close_silent(key, before, as_of))?;
            // From scratch, all at once: it must come to what grew event by event.
            rebuilt.write(rules, |tx| tx.stir_everything(key))?;
            let at = At { site, key };
            if let Some(silence) = quiet::lasting(rebuilt.connection(), at, as_of)? {
                let day = site.settings_at(silence.from).local_day(silence.from).to_string();
                rebuilt.write(rules, |tx| tx.mark_day(key, &day, as_of))?;
            }
            let mut near = Near::default();
            while let Some(linked) =
                relink::link(rebuilt.connection(), at, &mut near, relink::TOGETHER_MAX)?
            {
                for piece in linked.pieces() {
                    rebuilt.write(rules, |tx| relink::save_links(tx, key, &piece))?;
                }
            }
            for dirty in window::due(rebuilt.connection(), key, as_of)? {
                let judged = relink::judge(rebuilt.connection(), at, &dirty, as_of)?;
                for piece in judged.pieces() {
                    rebuilt.write(rules, |tx| relink::save_findings(tx, key, &piece))?;
                }
            }
        }
    }
    Ok(Replayed { facts, differences: rebuilt.compare()? })
}

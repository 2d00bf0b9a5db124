//! What a desk's linked rows show of its ways: which moment of a call it writes, and how late it
//! types.

use super::{Habit, share};
use crate::linkage::World;
use crate::linkage::compact::{Call, Entry, NEVER, NONE};
use crate::linkage::left_over::Outcome;
use std::collections::BTreeMap;

/// Calls shorter than this do not tell their end from their beginning.
const TELLING_S: i64 = 60;
/// A written time further from the call than this names none of its moments.
const NEAR_S: i64 = 900;
/// Minutes are cut: the time meant lies half a minute after the time written.
const CUT_S: i64 = 30;
/// From this share of the rows on it is a habit.
const SHARE: f64 = 0.5;
/// Typing this long after the call is late.
const LATE_S: i64 = 600;
/// Rows from which on a person's habit is told.
const ROWS_MIN: usize = 20;

/// The habits that a site's links show.
pub fn habits(site: &str, world: &World, outcome: &Outcome) -> Vec<Habit> {
    let linked: Vec<(&Call, &Entry)> = outcome
        .links
        .iter()
        .map(|link| (&world.site.calls[link.call as usize], &world.site.rows[link.row as usize]))
        .collect();
    let mut habits: Vec<Habit> = moment(site, &linked).into_iter().collect();
    habits.extend(late(site, world, &linked));
    habits
}

fn moment(site: &str, linked: &[(&Call, &Entry)]) -> Option<Habit> {
    let mut counts = [0_usize; 2];
    for (call, row) in linked.iter().filter(|(_, row)| row.written != NEVER) {
        let meant = row.written + CUT_S;
        let [start, end] = [call.answer, call.end].map(|at| (meant - at).abs());
        if call.end - call.answer >= TELLING_S && start.min(end) <= NEAR_S {
            counts[usize::from(end < start)] += 1;
        }
    }
    let of = counts[0] + counts[1];
    let most = usize::from(counts[1] > counts[0]);
    let rows = counts[most];
    let is_habit = of >= ROWS_MIN && rows as f64 > SHARE * of as f64;
    let sentence =
        format!("writes the {} of the call: {} rows", ["start", "end"][most], share(rows, of));
    is_habit.then(|| Habit { site: site.to_owned(), name: "moment", sentence, rows, of })
}

/// Persons who type most of their rows late.
fn late(site: &str, world: &World, linked: &[(&Call, &Entry)]) -> Vec<Habit> {
    let mut lags: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    let typed = |(_, row): &&(&Call, &Entry)| row.typed != NEVER && row.handler != NONE;
    for (call, row) in linked.iter().filter(typed) {
        lags.entry(row.handler).or_default().push(row.typed - call.end);
    }
    let mut habits = Vec::new();
    for (person, mut lags) in lags {
        lags.sort_unstable();
        let (of, middle) = (lags.len(), lags[lags.len() / 2]);
        if of < ROWS_MIN || middle < LATE_S {
            continue;
        }
        let rows = lags.iter().filter(|lag| **lag >= LATE_S).count();
        let name = &world.site.persons.texts[person as usize];
        let sentence = format!(
            "{name} types {} min after the call and later: {} rows",
            LATE_S / 60,
            share(rows, of)
        );
        habits.push(Habit { site: site.to_owned(), name: "typing", sentence, rows, of });
    }
    habits
}

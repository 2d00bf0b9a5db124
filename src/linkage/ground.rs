//! What a site is like as a whole: how many rows an hour, how often each number is written. A
//! pair's weight rests on it, so that a window of the data is weighed like the whole.

use super::compact::{Compact, Entry, NONE};
use serde::{Deserialize, Serialize};

/// Rows and calls of a desk of which nothing is known yet.
const USUAL_ROWS: f64 = 5000.0;
/// Rows a day of such a desk.
const USUAL_ROWS_A_DAY: f64 = 80.0;

/// The ground that weights stand on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ground {
    /// Rows that owe a call, a second, by hour of the day.
    by_hour: [f64; 24],
    pub rows: f64,
    pub calls: f64,
    /// Seen in the data at hand as a whole: numbers, homes and handlers are counted in it.
    pub counted: bool,
}

impl Ground {
    /// That of a desk of which nothing is known yet: shares are the shipped ones, and only the
    /// directory tells homes.
    pub fn usual() -> Self {
        let rows = USUAL_ROWS_A_DAY / 86_400.0;
        Self { by_hour: [rows; 24], rows: USUAL_ROWS, calls: USUAL_ROWS, counted: false }
    }

    /// Counts a site that is there as a whole.
    pub fn of(site: &Compact) -> Self {
        let (rows, calls) = (site.rows.len().max(1) as f64, site.calls.len().max(1) as f64);
        let near = || site.rows.iter().filter(|row| row.owes()).map(Entry::near);
        let (Some(first), Some(last)) = (near().min(), near().max()) else {
            return Self { rows, calls, counted: true, ..Self::usual() };
        };
        let days = ((last - first) as f64 / 86_400.0).max(1.0);
        let mut counts = [0.0; 24];
        near().for_each(|at| counts[hour(at)] += 1.0);
        let mean = counts.iter().sum::<f64>() / 24.0;
        let beside = |at: usize| counts[(at + 23) % 24] + counts[(at + 1) % 24];
        let smooth = |at: usize| 0.25 * beside(at) + 0.5 * counts[at];
        let density = |at: usize| (smooth(at) + 0.1 * mean + 0.1) / (days * 3600.0 * 1.1);
        Self { by_hour: std::array::from_fn(density), rows, calls, counted: true }
    }

    /// The same site, of which only this is known: numbers, homes and handlers are not counted.
    pub fn uncounted(self) -> Self {
        Self { counted: false, ..self }
    }

    /// Rows a second at a time.
    pub fn at(&self, at: i64) -> f64 {
        self.by_hour[hour(at)]
    }

    /// Rows a second at any time.
    pub fn mean(&self) -> f64 {
        self.by_hour.iter().sum::<f64>() / 24.0
    }

    /// The share of all rows that bear a number; nothing where that was not counted.
    pub fn share_of_number(&self, site: &Compact, number: u32) -> Option<f64> {
        let borne = || f64::from(site.borne[number as usize]).max(0.5) / self.rows;
        (self.counted && number != NONE).then(borne)
    }
}

fn hour(at: i64) -> usize {
    at.rem_euclid(86_400) as usize / 3600
}

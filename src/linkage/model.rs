//! What linking believes about a desk: shares of each level among pairs that belong together. They
//! begin as estimates of desk practice and are learned from each site's own rows.

use super::evidence::home::HOME_LEVELS;
use super::evidence::number::NUMBER_LEVELS;
use super::evidence::registration::CLASSES;
use super::evidence::time::{
    BESIDE_EDGES, BESIDES, LAG_CLASSES, LAG_EDGES, LAGS, ROUNDINGS, SLIPS, TO_THE_SECOND,
};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// A table of shares that belong together: they add up to one.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    pub start: usize,
    pub len: usize,
}

const fn after(before: Group, len: usize) -> Group {
    Group { start: before.start + before.len, len }
}

pub const HOMES: usize = HOME_LEVELS.len();
/// Number and home together, of pairs that belong together.
pub const NUMBER: Group = Group { start: 0, len: NUMBER_LEVELS.len() * HOMES };
/// The same of random pairs.
pub const NUMBER_BY_CHANCE: Group = after(NUMBER, NUMBER.len);
/// How long after the call's end a row is typed.
pub const LAG: Group = after(NUMBER_BY_CHANCE, LAGS);
/// How long after the time written a row is typed, of all rows.
pub const LAG_OF_ROWS: Group = after(LAG, LAGS);
/// Which moment of the call a written time names: ring, answer, end.
pub const MOMENT: Group = after(LAG_OF_ROWS, 3);
/// The time of typing is written instead, or not.
pub const NOW: Group = after(MOMENT, 2);
/// Slips of whole half days, and anywhere at all.
pub const SLIP: Group = after(NOW, SLIPS.len() + 1);
/// The same day, a day beside, another.
pub const DAY: Group = after(SLIP, 3);
/// Follow-up or not, of inbound and of outbound calls.
pub const KIND_IN: Group = after(DAY, 2);
pub const KIND_OUT: Group = after(KIND_IN, 2);
/// A call id names the call, another, or none.
pub const CALL_ID: Group = after(KIND_OUT, 3);
/// The handler is the person, or somebody else.
pub const PERSON: Group = after(CALL_ID, 2);
/// A row tells of a call, is a second row of one, or of none.
pub const ROW: Group = after(PERSON, 3);
/// How far a written time lies from the moment, by memory and rounding.
const BESIDE_START: usize = ROW.start + ROW.len;
const REGISTERED_START: usize = BESIDE_START + BESIDES * LAG_CLASSES * ROUNDINGS;
const LEN: usize = REGISTERED_START + 2 * CLASSES;

/// The table of a memory and a rounding.
pub const fn beside(lag_class: usize, rounding: usize) -> Group {
    Group { start: BESIDE_START + BESIDES * (lag_class * ROUNDINGS + rounding), len: BESIDES }
}

/// Registered or not, of a class of calls.
pub const fn registered(class: usize) -> Group {
    Group { start: REGISTERED_START + 2 * class, len: 2 }
}

fn groups() -> Vec<Group> {
    let mut all = vec![
        NUMBER,
        NUMBER_BY_CHANCE,
        LAG,
        LAG_OF_ROWS,
        MOMENT,
        NOW,
        SLIP,
        DAY,
        KIND_IN,
        KIND_OUT,
        CALL_ID,
        PERSON,
        ROW,
    ];
    all.extend((0..LAG_CLASSES * ROUNDINGS).map(|at| beside(at / ROUNDINGS, at % ROUNDINGS)));
    all.extend((0..CLASSES).map(registered));
    all
}

/// Shares, or counts on the way to them, of all tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Kept")]
pub struct Model {
    cells: Vec<f64>,
}

/// A model as it was kept, maybe by a program with other tables.
#[derive(Deserialize)]
struct Kept {
    cells: Vec<f64>,
}

impl From<Kept> for Model {
    /// Cells of other tables say nothing: estimates hold until the site is learned again.
    fn from(kept: Kept) -> Self {
        if kept.cells.len() == LEN { Self { cells: kept.cells } } else { Self::shipped() }
    }
}

impl Model {
    /// Nothing counted yet.
    pub fn empty() -> Self {
        Self { cells: vec![0.0; LEN] }
    }

    /// The share of a level.
    pub fn share(&self, group: Group, level: usize) -> f64 {
        self.cells[group.start + level]
    }

    /// All shares of a table.
    pub fn table(&self, group: Group) -> &[f64] {
        &self.cells[group.start..group.start + group.len]
    }

    /// Counts an observation.
    pub fn count(&mut self, group: Group, level: usize, times: f64) {
        self.cells[group.start + level] += times;
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: &Self) {
        for (cell, more) in self.cells.iter_mut().zip(&other.cells) {
            *cell += more;
        }
    }

    /// Shares from counts, drawn towards this model as if it were `rows` further observations of
    /// each table: few rows change little, many speak for themselves.
    pub fn learned(&self, counts: &Self, rows: f64) -> Self {
        let mut cells = self.cells.clone();
        for group in groups() {
            let seen = counts.table(group);
            let total: f64 = seen.iter().sum();
            for (at, count) in seen.iter().enumerate() {
                let prior = self.share(group, at);
                cells[group.start + at] = (count + rows * prior) / (total + rows);
            }
        }
        Self { cells }
    }

    /// This model, with some tables as another has them.
    pub fn keeping(mut self, tables: &[Group], other: &Self) -> Self {
        for group in tables {
            let cells = group.start..group.start + group.len;
            self.cells[cells.clone()].copy_from_slice(&other.cells[cells]);
        }
        self
    }

    /// What is believed before any row was seen: estimates of desk practice.
    pub fn shipped() -> Self {
        static SHIPPED: LazyLock<Model> = LazyLock::new(Model::estimated);
        SHIPPED.clone()
    }

    fn estimated() -> Self {
        let mut model = Self { cells: vec![0.0; LEN] };
        for (group, weights) in shipped_tables() {
            let total: f64 = weights.iter().sum();
            for (at, weight) in weights.iter().enumerate() {
                model.cells[group.start + at] = weight / total;
            }
        }
        model
    }
}

fn shipped_tables() -> Vec<(Group, Vec<f64>)> {
    let (together, chance) = numbers();
    let lag: Vec<f64> = LAG_EDGES.windows(2).map(|edge| lag_share(edge[0], edge[1])).collect();
    let mut tables = vec![
        (NUMBER, together),
        (NUMBER_BY_CHANCE, chance),
        (LAG, lag.clone()),
        (LAG_OF_ROWS, lag),
        (MOMENT, vec![0.25, 0.6, 0.15]),
        (NOW, vec![0.1, 0.9]),
        (SLIP, vec![0.975, 0.006, 0.006, 0.004, 0.006, 0.003]),
        (DAY, vec![0.96, 0.03, 0.01]),
        (KIND_IN, vec![0.03, 0.97]),
        (KIND_OUT, vec![0.96, 0.04]),
        (CALL_ID, vec![0.98, 0.01, 0.01]),
        (PERSON, vec![0.92, 0.08]),
        (ROW, vec![0.95, 0.02, 0.03]),
    ];
    for class in 0..LAG_CLASSES {
        for rounding in 0..ROUNDINGS {
            let shares = BESIDE_EDGES.windows(2).map(|edge| {
                let bins = beside_share(class, rounding, edge[0], edge[1]);
                bins.max(1e-6 * (edge[1] - edge[0]) as f64 / 60.0)
            });
            tables.push((beside(class, rounding), shares.collect()));
        }
    }
    tables.extend(
        super::evidence::registration::SHIPPED
            .iter()
            .enumerate()
            .map(|(class, share)| (registered(class), vec![*share, 1.0 - share])),
    );
    tables
}

/// Shares of number levels × home levels, of pairs that belong together and of random ones.
fn numbers() -> (Vec<f64>, Vec<f64>) {
    // Level by level as in `NUMBER_LEVELS`.
    let number =
        [0.66, 0.06, 0.02, 0.005, 0.004, 0.03, 0.015, 0.004, 0.035, 0.05, 0.08, 0.015, 0.012];
    let number_by_chance =
        [6e-4, 2e-4, 3e-5, 1e-5, 2e-6, 2e-5, 1e-5, 3e-5, 8e-4, 0.89, 0.08, 0.003, 0.027];
    // Of the home of a caller, level by level as in `HOME_LEVELS`.
    let home = [0.60, 0.012, 0.012, 0.055, 0.006, 0.015, 0.05, 0.25];
    let home_by_chance = [6e-4, 1e-3, 0.62, 0.002, 0.07, 0.02, 0.21, 0.08];
    let cross = |rows: &[f64], columns: &[f64]| -> Vec<f64> {
        rows.iter().flat_map(|row| columns.iter().map(move |column| row * column)).collect()
    };
    (cross(&number, &home), cross(&number_by_chance, &home_by_chance))
}

/// A logistic curve in place of a bell's, for shares of bins.
fn below(value: f64, centre: f64, scale: f64) -> f64 {
    1.0 / (1.0 + (-(value - centre) / scale).exp())
}

fn lag_share(from: i64, to: i64) -> f64 {
    let late = |centre: f64, scale: f64| {
        let at = |lag: i64| {
            if lag <= 0 { 0.0 } else { below((lag as f64).ln(), centre.ln(), scale) }
        };
        at(to) - at(from)
    };
    let span = |start: f64, end: f64| {
        ((to as f64).min(end) - (from as f64).max(start)).max(0.0) / (end - start)
    };
    0.66 * late(60.0, 0.5)
        + 0.2 * late(1500.0, 0.55)
        + 0.08 * span(0.0, 30_000.0)
        + 0.03 * span(-120.0, 0.0)
        + 0.02 * span(0.0, 172_800.0)
        + 1e-4 * span(LAG_EDGES[0] as f64, LAG_EDGES[LAGS] as f64)
}

fn beside_share(class: usize, rounding: usize, from: i64, to: i64) -> f64 {
    // A time of minutes is cut, so it lies half a minute before the moment.
    let memory = [25.0, 60.0, 160.0, 350.0, 90.0][class];
    let rounded = [0.0, 75.0, 200.0, 0.0][rounding];
    let scale = f64::hypot(memory, rounded);
    let bell = |centre: f64, scale: f64| {
        below(to as f64, centre, scale) - below(from as f64, centre, scale)
    };
    if rounding == TO_THE_SECOND {
        // Filled in by a program as the moment itself, or looked up and typed.
        return 0.6 * bell(0.0, 2.0) + 0.3 * bell(0.0, scale * 0.55) + 0.1 * bell(0.0, 300.0);
    }
    0.9 * bell(-30.0, scale * 0.55) + 0.1 * bell(-30.0, scale * 2.5 + 300.0)
}

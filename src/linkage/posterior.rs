//! Posterior probabilities of pairs over all one-to-one assignments: a rival that has a better
//! place elsewhere counts for little.
//!
//! By belief propagation: exact where the pairs form a tree, and close where they form loops.

use super::lists::Lists;

/// A pair as the odds see it: its two sides, and its own odds against leaving both alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    pub row: u32,
    pub slot: u32,
    pub odds: f64,
}

impl Edge {
    /// The logarithm (base e) of its odds.
    pub fn weight(&self) -> f64 {
        self.odds.ln()
    }
}

/// How far beliefs are followed.
#[derive(Debug, Clone, Copy)]
pub struct Depth {
    /// Rounds in which both sides speak, at most.
    pub rounds: usize,
    /// A side says the same again where less than this share of it is another.
    pub news: f64,
}

/// Odds beyond this are certain, and below one over it impossible.
const CERTAIN: f64 = 1e17;

/// The probability of each edge, in the order given. Edges must be in order of their rows.
///
/// A side speaks again only where what it hears is new; most sides have one pair, or settle in a
/// few rounds, so the work grows with what is contested. What is new is told from what lies in the
/// same component, so that a part of a site comes to what the whole comes to.
pub fn probabilities(edges: &[Edge], depth: Depth) -> Vec<f64> {
    let odds: Vec<f64> = edges.iter().map(|e| e.odds.clamp(1.0 / CERTAIN, CERTAIN)).collect();
    let mut rows = Sides::of(edges.iter().map(|edge| edge.row));
    let mut slots = Sides::of(edges.iter().map(|edge| edge.slot));
    let mut from_slot = vec![1.0; edges.len()];
    let mut from_row = vec![1.0; edges.len()];
    for _ in 0..depth.rounds {
        rows.speak((&odds, &from_slot), depth.news, &mut from_row, &mut slots);
        if !slots.speak((&odds, &from_row), depth.news, &mut from_slot, &mut rows) {
            break;
        }
    }
    let belief = |at: usize| {
        let odds = odds[at] * from_slot[at] * from_row[at];
        odds / (1.0 + odds)
    };
    (0..edges.len()).map(belief).collect()
}

/// One side of all edges: which edges each row (or slot) has.
struct Sides {
    /// The side of each edge.
    of_edge: Vec<u32>,
    /// The edges of each side.
    edges: Lists,
    /// Sides that something new was said to.
    stirred: Vec<bool>,
    /// What the edges before one claim, while a side speaks.
    before: Vec<f64>,
}

impl Sides {
    fn of(of_edge: impl Iterator<Item = u32>) -> Self {
        let items: Vec<(u32, u32)> = of_edge.zip(0..).collect();
        let count = items.iter().map(|(side, _)| *side as usize + 1).max().unwrap_or(0);
        let edges = Lists::of(count, &items);
        let of_edge = items.into_iter().map(|(side, _)| side).collect();
        // Of one edge alone nothing else is claimed, which is what is believed at the beginning.
        let stirred = (0..count as u32).map(|side| edges.get(side).len() > 1).collect();
        Self { of_edge, edges, stirred, before: Vec::new() }
    }

    /// Says anew to the other side how free each stirred side is for each of its edges: one over
    /// one plus what all its other edges claim. Whether anything said is new.
    fn speak(
        &mut self,
        (odds, from_other): (&[f64], &[f64]),
        news: f64,
        said: &mut [f64],
        other: &mut Self,
    ) -> bool {
        let mut is_new = false;
        for side in 0..self.stirred.len() {
            if !std::mem::replace(&mut self.stirred[side], false) {
                continue;
            }
            let edges = self.edges.get(side as u32);
            self.before.clear();
            let mut before = 1.0;
            for edge in edges {
                self.before.push(before);
                before += odds[*edge as usize] * from_other[*edge as usize];
            }
            let mut after = 0.0;
            for (edge, before) in edges.iter().zip(&self.before).rev() {
                let edge = *edge as usize;
                let free = 1.0 / (before + after);
                after += odds[edge] * from_other[edge];
                if (free - said[edge]).abs() > news * said[edge] {
                    said[edge] = free;
                    is_new |= other.stir(edge);
                }
            }
        }
        is_new
    }

    /// Notes that an edge's side hears something new; whether it has other edges to tell it to.
    fn stir(&mut self, edge: usize) -> bool {
        let side = self.of_edge[edge] as usize;
        let has_others = self.edges.get(side as u32).len() > 1;
        self.stirred[side] |= has_others;
        has_others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEEP: Depth = Depth { rounds: 8, news: 1e-7 };

    fn edge(row: u32, slot: u32, odds: f64) -> Edge {
        Edge { row, slot, odds }
    }

    #[test]
    fn probabilities_are_those_of_all_assignments_together() {
        // One slot, two rows, odds 4 and 2: nothing 1, first 4, second 2.
        let two = probabilities(&[edge(0, 0, 4.0), edge(1, 0, 2.0)], DEEP);
        assert!((two[0] - 4.0 / 7.0).abs() < 1e-9 && (two[1] - 2.0 / 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_rival_with_a_better_place_elsewhere_counts_for_little() {
        let all = probabilities(&[edge(0, 0, 32.0), edge(1, 0, 32.0), edge(1, 1, 32_000.0)], DEEP);
        assert!(all[0] > 0.95, "{all:?}");
    }
}

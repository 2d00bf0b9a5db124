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
    /// The edges of each side.
    edges: Lists,
    /// The side of each edge; [`ALONE`] where it has no other edge that it could tell anything to.
    of_edge: Vec<u32>,
    /// Sides that something new was said to, and whether each side is among them.
    stirred: Vec<u32>,
    is_stirred: Vec<bool>,
    /// What each edge claims of the side that speaks, and what those before it claim together.
    claims: Vec<(f64, f64)>,
}

/// No side: of one edge alone nothing else is claimed, which is what is believed at the beginning.
const ALONE: u32 = u32::MAX;

impl Sides {
    fn of(of_edge: impl Iterator<Item = u32>) -> Self {
        let items: Vec<(u32, u32)> = of_edge.zip(0..).collect();
        let count = items.iter().map(|(side, _)| *side as usize + 1).max().unwrap_or(0);
        let edges = Lists::of(count, &items);
        let has_others = |side: u32| edges.get(side).len() > 1;
        let told = |(side, _): &(u32, u32)| if has_others(*side) { *side } else { ALONE };
        let of_edge = items.iter().map(told).collect();
        let stirred: Vec<u32> = (0..count as u32).filter(|side| has_others(*side)).collect();
        let is_stirred = (0..count as u32).map(has_others).collect();
        Self { edges, of_edge, stirred, is_stirred, claims: Vec::new() }
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
        for side in self.stirred.drain(..) {
            self.is_stirred[side as usize] = false;
            let edges = self.edges.get(side);
            self.claims.clear();
            let mut before = 1.0;
            self.claims.extend(edges.iter().map(|edge| {
                let claim = odds[*edge as usize] * from_other[*edge as usize];
                let those_before = before;
                before += claim;
                (claim, those_before)
            }));
            let mut after = 0.0;
            for (edge, (claim, before)) in edges.iter().zip(&self.claims).rev() {
                let said = &mut said[*edge as usize];
                let free = 1.0 / (before + after);
                after += claim;
                if (free - *said).abs() > news * *said {
                    *said = free;
                    is_new |= other.stir(*edge);
                }
            }
        }
        is_new
    }

    /// Notes that an edge's side hears something new; whether it has other edges to tell it to.
    fn stir(&mut self, edge: u32) -> bool {
        let side = self.of_edge[edge as usize];
        if side == ALONE {
            return false;
        }
        if !std::mem::replace(&mut self.is_stirred[side as usize], true) {
            self.stirred.push(side);
        }
        true
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

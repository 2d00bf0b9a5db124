//! The one-to-one assignment of greatest total weight with a null option on both sides; exact, with
//! ties that no order of the input decides.
//!
//! Rows are placed one by one along shortest augmenting paths over the pairs that there are (Jonker
//! and Volgenant 1987), so the work grows with the pairs of a component and not with its square.

use super::posterior::Edge;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Weights are compared to this fraction, as whole numbers, so that every machine decides alike.
const STEPS: f64 = 4096.0;
const FREE: u32 = u32::MAX;

/// The edges of the best assignment, as places in `edges`, in order. Edges must be in order of
/// their rows; those of no positive weight are never chosen. Sides left over cost nothing.
pub fn assign(edges: &[Edge]) -> Vec<usize> {
    let rows = edges.iter().map(|edge| edge.row as usize + 1).max().unwrap_or(0);
    let slots = edges.iter().map(|edge| edge.slot as usize + 1).max().unwrap_or(0);
    let mut paths = Paths::of(edges, rows, slots);
    for row in 0..rows {
        if paths.starts[row] < paths.starts[row + 1] {
            paths.place(row as u32);
        }
    }
    let mut chosen: Vec<usize> =
        paths.edge_of_slot.iter().filter(|at| **at != FREE).map(|at| *at as usize).collect();
    chosen.sort_unstable();
    chosen
}

struct Paths<'a> {
    edges: &'a [Edge],
    costs: Vec<i64>,
    /// Where each row's edges begin.
    starts: Vec<usize>,
    /// The chosen edge of each slot, and of each row.
    edge_of_slot: Vec<u32>,
    edge_of_row: Vec<u32>,
    row_price: Vec<i64>,
    slot_price: Vec<i64>,
    /// Of the search that runs: distance, the edge that led here, whether settled; and which slots
    /// and rows were touched.
    distance: Vec<i64>,
    came_by: Vec<u32>,
    settled: Vec<bool>,
    touched: Vec<u32>,
    tree: Vec<(u32, i64)>,
}

impl<'a> Paths<'a> {
    fn of(edges: &'a [Edge], rows: usize, slots: usize) -> Self {
        let mut starts = vec![0; rows + 1];
        for edge in edges {
            starts[edge.row as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let costs: Vec<i64> =
            edges.iter().map(|e| -((e.weight() * STEPS).round() as i64)).collect();
        // Prices that make no edge cheaper than nothing: a row is worth its best edge.
        let row_price = (0..rows)
            .map(|row| {
                costs[starts[row]..starts[row + 1]].iter().copied().min().unwrap_or(0).min(0)
            })
            .collect();
        Self {
            edges,
            costs,
            starts,
            edge_of_slot: vec![FREE; slots],
            edge_of_row: vec![FREE; rows],
            row_price,
            slot_price: vec![0; slots],
            distance: vec![i64::MAX; slots],
            came_by: vec![FREE; slots],
            settled: vec![false; slots],
            touched: Vec::new(),
            tree: Vec::new(),
        }
    }

    /// Finds the cheapest way to place a row, others moving over or giving way to nothing.
    fn place(&mut self, row: u32) {
        let mut heap = BinaryHeap::new();
        // The row that would be left with nothing, at which cost.
        let mut null: (i64, u32) = (-self.row_price[row as usize], row);
        self.tree.push((row, 0));
        self.open(row, 0, &mut heap);
        let mut end = None;
        while let Some(Reverse((distance, slot))) = heap.pop() {
            if distance >= null.0 {
                break;
            }
            if std::mem::replace(&mut self.settled[slot as usize], true) {
                continue;
            }
            let holder = self.edge_of_slot[slot as usize];
            if holder == FREE {
                end = Some((distance, slot));
                break;
            }
            let next = self.edges[holder as usize].row;
            self.tree.push((next, distance));
            let left = distance - self.row_price[next as usize];
            if left < null.0 {
                null = (left, next);
            }
            self.open(next, distance, &mut heap);
        }
        let reached = end.map_or(null.0, |(distance, _)| distance);
        self.reprice(reached);
        match end {
            Some((_, slot)) => self.follow(slot, row),
            None => {
                let given_up = self.edge_of_row[null.1 as usize];
                self.edge_of_row[null.1 as usize] = FREE;
                if given_up != FREE {
                    let slot = self.edges[given_up as usize].slot;
                    self.follow(slot, row);
                }
            }
        }
        self.clear();
    }

    fn open(&mut self, row: u32, distance: i64, heap: &mut BinaryHeap<Reverse<(i64, u32)>>) {
        for at in self.starts[row as usize]..self.starts[row as usize + 1] {
            let slot = self.edges[at].slot as usize;
            if self.settled[slot] {
                continue;
            }
            let reduced = self.costs[at] - self.row_price[row as usize] - self.slot_price[slot];
            let reach = distance + reduced;
            if reach < self.distance[slot] {
                if self.distance[slot] == i64::MAX {
                    self.touched.push(slot as u32);
                }
                self.distance[slot] = reach;
                self.came_by[slot] = at as u32;
                heap.push(Reverse((reach, slot as u32)));
            }
        }
    }

    /// Keeps every edge's reduced cost at zero or above.
    fn reprice(&mut self, reached: i64) {
        for (row, distance) in &self.tree {
            if *distance <= reached {
                self.row_price[*row as usize] += reached - distance;
            }
        }
        for slot in &self.touched {
            let slot = *slot as usize;
            if self.settled[slot] && self.distance[slot] <= reached {
                self.slot_price[slot] -= reached - self.distance[slot];
            }
        }
    }

    /// Moves every row on the way to `slot` over to the slot it was reached for.
    fn follow(&mut self, mut slot: u32, start: u32) {
        loop {
            let at = self.came_by[slot as usize];
            let row = self.edges[at as usize].row;
            let before = std::mem::replace(&mut self.edge_of_row[row as usize], at);
            self.edge_of_slot[slot as usize] = at;
            if row == start || before == FREE {
                return;
            }
            slot = self.edges[before as usize].slot;
        }
    }

    fn clear(&mut self) {
        for slot in self.touched.drain(..) {
            self.distance[slot as usize] = i64::MAX;
            self.came_by[slot as usize] = FREE;
            self.settled[slot as usize] = false;
        }
        self.tree.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_whole_beats_the_best_pair() {
        let edge = |row, slot, weight: f64| Edge { row, slot, odds: weight.exp() };
        // The best single pair (0, 0) would leave slot 1 with nothing.
        let edges = [edge(0, 0, 5.0), edge(0, 1, 4.0), edge(1, 0, 4.0)];
        assert_eq!(assign(&edges), [1, 2]);
    }
}

//! The one-to-one assignment with a null option on both sides; exact per connected component,
//! deterministic ties.

use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;
use std::collections::BTreeMap;

/// A pair that is worth more than leaving both sides alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    pub contact: usize,
    pub row: usize,
    /// Logarithm of the odds, above zero.
    pub weight: f64,
}

/// Weights are compared to this fraction of a bit, as whole numbers, so that every machine decides
/// alike.
const STEPS_A_BIT: f64 = 1024.0;

/// The pairs of the assignment with the greatest total weight, as places in `edges`, in order.
///
/// Sides left over cost nothing, so edges must weigh more than nothing to be here. The algorithm
/// wants a place for every row: as many empty places as there are rows stand beside the contacts.
pub fn assign(edges: &[Edge]) -> Vec<usize> {
    let mut chosen: Vec<usize> =
        components(edges).iter().flat_map(|part| best(edges, part)).collect();
    chosen.sort_unstable();
    chosen
}

/// Edges grouped by connected component, each in order.
fn components(edges: &[Edge]) -> Vec<Vec<usize>> {
    let contacts = edges.iter().map(|edge| edge.contact + 1).max().unwrap_or(0);
    let rows = edges.iter().map(|edge| edge.row + 1).max().unwrap_or(0);
    let mut parent: Vec<usize> = (0..contacts + rows).collect();
    for edge in edges {
        let (one, other) =
            (root(&mut parent, edge.contact), root(&mut parent, contacts + edge.row));
        parent[one.max(other)] = one.min(other);
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, edge) in edges.iter().enumerate() {
        groups.entry(root(&mut parent, edge.contact)).or_default().push(index);
    }
    groups.into_values().collect()
}

fn root(parent: &mut [usize], mut node: usize) -> usize {
    while parent[node] != node {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    node
}

fn best(edges: &[Edge], part: &[usize]) -> Vec<usize> {
    if let [only] = part {
        return vec![*only];
    }
    let places = |of: fn(&Edge) -> usize| -> BTreeMap<usize, usize> {
        let mut all: Vec<usize> = part.iter().map(|index| of(&edges[*index])).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().enumerate().map(|(place, key)| (key, place)).collect()
    };
    let (contacts, rows) = (places(|edge| edge.contact), places(|edge| edge.row));
    // Impossible pairs must lose against every empty place.
    let mut matrix = Matrix::new(rows.len(), contacts.len() + rows.len(), i64::from(i32::MIN));
    for row in 0..rows.len() {
        for empty in 0..rows.len() {
            matrix[(row, contacts.len() + empty)] = 0;
        }
    }
    let mut of_cell = BTreeMap::new();
    for index in part {
        let edge = &edges[*index];
        let cell = (rows[&edge.row], contacts[&edge.contact]);
        matrix[cell] = (edge.weight * STEPS_A_BIT).round() as i64;
        of_cell.insert(cell, *index);
    }
    let (_, columns) = kuhn_munkres(&matrix);
    columns.into_iter().enumerate().filter_map(|cell| of_cell.get(&cell).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_whole_beats_the_best_pair() {
        let edge = |contact, row, weight| Edge { contact, row, weight };
        // The best single pair (0, 0) would leave contact 1 with nothing.
        let edges = [edge(0, 0, 5.0), edge(0, 1, 4.0), edge(1, 0, 4.0)];
        assert_eq!(assign(&edges), [1, 2]);
    }
}

//! Posterior probabilities of pairs over all one-to-one assignments: a rival that has a better
//! place elsewhere counts for little.
//!
//! By belief propagation: exact where the pairs form a tree, and close where they form loops.

/// A pair as the odds see it: its two sides, and the logarithm (base e) of its own odds against
/// leaving both alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    pub row: u32,
    pub slot: u32,
    pub weight: f64,
}

/// Odds beyond this are certain.
const CERTAIN: f64 = 40.0;

/// The probability of each edge, in the order given. Edges must be in order of their rows.
pub fn probabilities(edges: &[Edge], rounds: usize) -> Vec<f64> {
    let odds: Vec<f64> = edges.iter().map(|e| e.weight.clamp(-CERTAIN, CERTAIN).exp()).collect();
    let rows = spans(edges);
    let by_slot = by_slot(edges);
    let slots = spans_of(&by_slot, edges);
    let mut from_slot = vec![1.0; edges.len()];
    let mut from_row = vec![1.0; edges.len()];
    for _ in 0..rounds {
        for (start, end) in &rows {
            let group = |at: usize| start + at;
            leave_one_out(end - start, group, &odds, &from_slot, &mut from_row);
        }
        for (start, end) in &slots {
            let group = |at: usize| by_slot[start + at] as usize;
            leave_one_out(end - start, group, &odds, &from_row, &mut from_slot);
        }
    }
    let belief = |at: usize| {
        let odds = odds[at] * from_slot[at] * from_row[at];
        odds / (1.0 + odds)
    };
    (0..edges.len()).map(belief).collect()
}

/// How free a side is for each of its edges: one over one plus what all its other edges claim.
fn leave_one_out(
    len: usize,
    place: impl Fn(usize) -> usize,
    odds: &[f64],
    from_other: &[f64],
    out: &mut [f64],
) {
    let claim = |at: usize| odds[place(at)] * from_other[place(at)];
    if len == 1 {
        out[place(0)] = 1.0;
        return;
    }
    let mut before = 1.0;
    for at in 0..len {
        out[place(at)] = before;
        before += claim(at);
    }
    let mut after = 0.0;
    for at in (0..len).rev() {
        out[place(at)] = 1.0 / (out[place(at)] + after);
        after += claim(at);
    }
}

fn spans(edges: &[Edge]) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (at, edge) in edges.iter().enumerate() {
        match spans.last_mut() {
            Some((start, end)) if edges[*start].row == edge.row => *end = at + 1,
            _ => spans.push((at, at + 1)),
        }
    }
    spans
}

fn by_slot(edges: &[Edge]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..edges.len() as u32).collect();
    order.sort_by_key(|at| (edges[*at as usize].slot, *at));
    order
}

fn spans_of(order: &[u32], edges: &[Edge]) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let slot = |at: usize| edges[order[at] as usize].slot;
    for at in 0..order.len() {
        match spans.last_mut() {
            Some((start, end)) if slot(*start) == slot(at) => *end = at + 1,
            _ => spans.push((at, at + 1)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(row: u32, slot: u32, odds: f64) -> Edge {
        Edge { row, slot, weight: odds.ln() }
    }

    #[test]
    fn probabilities_are_those_of_all_assignments_together() {
        // One slot, two rows, odds 4 and 2: nothing 1, first 4, second 2.
        let two = probabilities(&[edge(0, 0, 4.0), edge(1, 0, 2.0)], 8);
        assert!((two[0] - 4.0 / 7.0).abs() < 1e-9 && (two[1] - 2.0 / 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_rival_with_a_better_place_elsewhere_counts_for_little() {
        let all = probabilities(&[edge(0, 0, 32.0), edge(1, 0, 32.0), edge(1, 1, 32_000.0)], 8);
        assert!(all[0] > 0.95, "{all:?}");
    }
}

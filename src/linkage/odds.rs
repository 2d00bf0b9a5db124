//! Posterior probabilities of pairs over all one-to-one assignments, by belief propagation: a rival
//! that has a better place elsewhere counts for little.

use std::collections::BTreeMap;

/// A pair as the odds see it: its two sides, and the logarithm of its own odds.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    pub contact: usize,
    pub row: usize,
    pub weight: f64,
}

/// Rounds of messages. Components are small and nearly trees: more change nothing that shows.
const ROUNDS: usize = 24;

/// The probability of each pair, in the order given.
pub fn probabilities(pairs: &[Candidate]) -> Vec<f64> {
    let odds: Vec<f64> = pairs.iter().map(|pair| pair.weight.exp2()).collect();
    let (of_contact, of_row) = (by(pairs, |pair| pair.contact), by(pairs, |pair| pair.row));
    let mut from_contact = vec![1.0; pairs.len()];
    let mut from_row = vec![1.0; pairs.len()];
    for _ in 0..ROUNDS {
        let next_contact = messages(&of_contact, &odds, &from_row);
        from_row = messages(&of_row, &odds, &from_contact);
        from_contact = next_contact;
    }
    (0..pairs.len())
        .map(|at| {
            let belief = odds[at] * from_contact[at] * from_row[at];
            belief / (1.0 + belief)
        })
        .collect()
}

fn by(pairs: &[Candidate], side: fn(&Candidate) -> usize) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, pair) in pairs.iter().enumerate() {
        groups.entry(side(pair)).or_default().push(at);
    }
    groups.into_values().collect()
}

/// How free a side is for each of its pairs: one over one plus what all its other pairs claim.
fn messages(groups: &[Vec<usize>], odds: &[f64], from_other: &[f64]) -> Vec<f64> {
    let mut messages = vec![1.0; odds.len()];
    for group in groups {
        let claim = |at: &usize| odds[*at] * from_other[*at];
        for at in group {
            let others: f64 = group.iter().filter(|other| *other != at).map(claim).sum();
            messages[*at] = 1.0 / (1.0 + others);
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_all_assignments_together() {
        let pair = |contact, row, weight| Candidate { contact, row, weight };
        // One contact, two rows, odds 4 and 2: nothing 1, first 4, second 2.
        let two = probabilities(&[pair(0, 0, 2.0), pair(0, 1, 1.0)]);
        assert!((two[0] - 4.0 / 7.0).abs() < 1e-9 && (two[1] - 2.0 / 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_rival_with_a_better_place_elsewhere_counts_for_little() {
        let pair = |contact, row, weight| Candidate { contact, row, weight };
        let all = probabilities(&[pair(0, 0, 5.0), pair(1, 0, 5.0), pair(1, 1, 15.0)]);
        assert!(all[0] > 0.95, "{all:?}");
    }
}

//! Which events belong to one call: those that share a tie, directly or through others.

use super::event::{CallEvent, Tie};
use std::collections::HashMap;

/// Sorts events into calls. The groups come in order of their first event; within a group the order
/// stays.
pub fn gather(events: Vec<CallEvent>) -> Vec<Vec<CallEvent>> {
    let mut sets = Sets::default();
    let mut of_tie: HashMap<&Tie, usize> = HashMap::new();
    for event in &events {
        let own = sets.add();
        for tie in &event.ties {
            sets.join(*of_tie.entry(tie).or_insert(own), own);
        }
    }
    drop(of_tie);
    let mut place: HashMap<usize, usize> = HashMap::new();
    let mut groups: Vec<Vec<CallEvent>> = Vec::new();
    for (own, event) in events.into_iter().enumerate() {
        let group = *place.entry(sets.root(own)).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(event);
    }
    groups
}

/// Disjoint sets.
#[derive(Default)]
struct Sets(Vec<usize>);

impl Sets {
    fn add(&mut self) -> usize {
        self.0.push(self.0.len());
        self.0.len() - 1
    }

    fn root(&mut self, mut set: usize) -> usize {
        while self.0[set] != set {
            self.0[set] = self.0[self.0[set]];
            set = self.0[set];
        }
        set
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let (first, second) = (one.min(other), one.max(other));
        self.0[second] = first;
    }
}

//! Which events belong to one call: those that share a tie, directly or through others.

use super::event::{CallEvent, Tie};
use std::collections::HashMap;

/// Sorts events into calls. The groups come in order of their first event; within a group the order
/// stays.
pub fn gather(events: Vec<CallEvent>) -> Vec<Vec<CallEvent>> {
    let mut sets = Sets::default();
    let mut of_tie: HashMap<&Tie, usize> = HashMap::new();
    let mut of_event = Vec::with_capacity(events.len());
    for event in &events {
        let own = sets.add();
        for tie in &event.ties {
            match of_tie.get(tie) {
                Some(other) => sets.join(*other, own),
                None => drop(of_tie.insert(tie, own)),
            }
        }
        of_event.push(own);
    }
    let mut place: HashMap<usize, usize> = HashMap::new();
    let mut groups: Vec<Vec<CallEvent>> = Vec::new();
    for (event, own) in events.iter().zip(of_event) {
        let group = *place.entry(sets.root(own)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(event.clone());
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

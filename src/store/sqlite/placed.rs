//! Deliveries on their way to their calls: what waits to be placed, how far they are, and since
//! when.

use super::folding::Unfolded;
use crate::clock::Watch;
use std::collections::VecDeque;
use std::time::Duration;

/// A mark in the row of facts, with when it was reached.
pub struct Placed {
    /// The newest fact whose events stand with their calls.
    pub to: i64,
    /// Since it moved.
    pub at: Watch,
    reached: VecDeque<(Watch, i64)>,
    /// The newest mark that is old enough, as last asked.
    before: i64,
}

impl Placed {
    /// Up to a fact, a while ago.
    pub fn up_to(fact: i64) -> Self {
        Self { to: fact, at: Watch::start(), reached: VecDeque::new(), before: fact }
    }

    /// The mark is here now.
    pub fn reaches(&mut self, fact: i64) {
        (self.to, self.at) = (fact, Watch::start());
        self.reached.push_back((self.at, fact));
    }

    /// Where the mark was so long ago.
    pub fn before(&mut self, ago: Duration) -> i64 {
        while let Some((_, fact)) =
            self.reached.front().filter(|(watch, _)| watch.elapsed() >= ago).copied()
        {
            self.before = fact;
            self.reached.pop_front();
        }
        self.before
    }
}

/// Deliveries that wait to be placed, in order of their facts.
#[derive(Default)]
pub struct Unplaced {
    queue: VecDeque<Unfolded>,
    events: usize,
}

impl Unplaced {
    /// How many events wait.
    pub fn events(&self) -> usize {
        self.events
    }

    /// How many deliveries wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Adds the next ones, unless more than so many events would wait then. Says whether they were
    /// added.
    pub fn add(&mut self, next: Vec<Unfolded>, events_max: usize) -> bool {
        let more: usize = next.iter().map(Unfolded::events).sum();
        let has_room = self.queue.is_empty() || self.events + more <= events_max;
        if has_room {
            self.events += more;
            self.queue.extend(next);
        }
        has_room
    }

    /// Takes the oldest, with about so many events and at most so many records out of files.
    pub fn take(&mut self, events_max: usize, records_max: usize) -> Vec<Unfolded> {
        let (mut records, mut taken) = (0, 0);
        let fits = |next: &&Unfolded| {
            let has_room = taken < events_max;
            taken += next.events();
            records += usize::from(next.record);
            has_room && records <= records_max
        };
        let count = self.queue.iter().take_while(fits).count();
        let oldest: Vec<Unfolded> = self.queue.drain(..count).collect();
        self.events -= oldest.iter().map(Unfolded::events).sum::<usize>();
        oldest
    }

    /// Forgets all of them and the room they took.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

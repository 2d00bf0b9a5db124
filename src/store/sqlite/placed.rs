//! How far deliveries' events were put with their calls, and when.

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

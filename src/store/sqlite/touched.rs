//! Calls that events came for since they were folded. The events of a call come one after the
//! other, and it is folded once for all that came while it waited.

use std::collections::{BTreeMap, HashMap};

/// Calls that are to be folded.
#[derive(Default)]
pub struct Touched {
    /// Sites by the first fact that told of the call since it was folded, and the call.
    waiting: BTreeMap<(i64, i64), i64>,
    /// That fact by call.
    since: HashMap<i64, i64>,
}

impl Touched {
    /// A fact told of a call.
    pub fn touch(&mut self, call: i64, site: i64, fact: i64) {
        let since = self.since.get(&call).copied().unwrap_or(i64::MAX);
        if fact < since {
            self.waiting.remove(&(since, call));
            self.since.insert(call, fact);
            self.waiting.insert((fact, call), site);
        }
    }

    /// A call became part of another.
    pub fn merge(&mut self, other: i64, call: i64) {
        let Some(since) = self.since.get(&other).copied() else { return };
        if let Some(site) = self.take(other) {
            self.touch(call, site, since);
        }
    }

    /// Takes the call that waits longest, with its site, if it has waited since a fact no later
    /// than this one.
    pub fn next(&mut self, since: i64) -> Option<(i64, i64)> {
        let first = self.waiting.first_entry().filter(|first| first.key().0 <= since)?;
        let ((_, call), site) = first.remove_entry();
        self.since.remove(&call);
        Some((call, site))
    }

    /// Takes a call, wherever it stands.
    pub fn take(&mut self, call: i64) -> Option<i64> {
        let since = self.since.remove(&call)?;
        self.waiting.remove(&(since, call))
    }

    /// The first fact whose calls are not all folded.
    pub fn first(&self) -> Option<i64> {
        self.waiting.keys().next().map(|(fact, _)| *fact)
    }

    /// How many calls wait.
    pub fn len(&self) -> usize {
        self.since.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Touched;

    #[test]
    fn a_call_waits_since_the_first_fact_and_is_taken_once() {
        let mut touched = Touched::default();
        for (call, fact) in [(70, 7), (30, 8), (70, 9), (50, 10)] {
            touched.touch(call, 1, fact);
        }
        assert_eq!((touched.first(), touched.len()), (Some(7), 3));
        touched.merge(50, 30);
        touched.merge(70, 30);
        assert_eq!((touched.first(), touched.len()), (Some(7), 1));
        assert_eq!(touched.next(6), None);
        assert_eq!((touched.take(30), touched.take(30)), (Some(1), None));
        touched.touch(30, 1, 7);
        assert_eq!(touched.next(7), Some((30, 1)));
        assert_eq!((touched.next(i64::MAX), touched.first(), touched.len()), (None, None, 0));
    }
}

//! Things of a site in order of their times, found by time and by key.

use crate::linkage::hash::{HashMap, HashSet};

/// So many things are put one by one.
const FEW: usize = 8;

/// Things with a time in seconds of the epoch and a key of their own.
#[derive(Debug)]
pub struct Timed<T> {
    places: Vec<(i64, i64)>,
    things: Vec<T>,
    times: HashMap<i64, i64>,
}

impl<T> Default for Timed<T> {
    fn default() -> Self {
        Self { places: Vec::new(), things: Vec::new(), times: HashMap::default() }
    }
}

impl<T> Timed<T> {
    /// Puts a thing in the place of what had its key.
    pub fn put(&mut self, at: i64, key: i64, thing: T) {
        self.take(key);
        let place = self.places.partition_point(|other| *other < (at, key));
        self.places.insert(place, (at, key));
        self.things.insert(place, thing);
        self.times.insert(key, at);
    }

    /// Puts many things at once, each with its time and key; what is there of their keys goes.
    pub fn fill(&mut self, things: impl Iterator<Item = (i64, i64, T)>) {
        let mut new: Vec<((i64, i64), T)> =
            things.map(|(at, key, thing)| ((at, key), thing)).collect();
        if new.len() <= FEW {
            return new.into_iter().for_each(|((at, key), thing)| self.put(at, key, thing));
        }
        let mut all: Vec<((i64, i64), T)> =
            self.places.drain(..).zip(self.things.drain(..)).collect();
        let keys: HashSet<i64> = new.iter().map(|((_, key), _)| *key).collect();
        all.retain(|((_, key), _)| !keys.contains(key));
        all.append(&mut new);
        all.sort_by_key(|(place, _)| *place);
        self.times = all.iter().map(|((at, key), _)| (*key, *at)).collect();
        (self.places, self.things) = all.into_iter().unzip();
    }

    /// Takes a thing out.
    pub fn take(&mut self, key: i64) -> Option<T> {
        let at = self.times.remove(&key)?;
        let place = self.places.binary_search(&(at, key)).ok()?;
        self.places.remove(place);
        Some(self.things.remove(place))
    }

    /// The thing of a key, with its time.
    pub fn get(&self, key: i64) -> Option<(i64, &T)> {
        let at = *self.times.get(&key)?;
        let place = self.places.binary_search(&(at, key)).ok()?;
        Some((at, &self.things[place]))
    }

    /// The thing of a key, to be changed; its time stays.
    pub fn get_mut(&mut self, key: i64) -> Option<&mut T> {
        let at = *self.times.get(&key)?;
        let place = self.places.binary_search(&(at, key)).ok()?;
        Some(&mut self.things[place])
    }

    /// Things of a span of time, both ends included.
    pub fn between(&self, from: i64, to: i64) -> &[T] {
        let first = self.places.partition_point(|(at, _)| *at < from);
        let last = self.places.partition_point(|(at, _)| *at <= to);
        &self.things[first..last.max(first)]
    }

    /// Keys and times of all, in order of the times.
    pub fn places(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.places.iter().map(|(at, key)| (*key, *at))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.things.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.things.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Timed;

    #[test]
    fn a_thing_that_moves_is_found_at_its_new_time_only() {
        let mut timed = Timed::default();
        for key in 0..5 {
            timed.put(key * 10, key, key);
        }
        timed.put(35, 1, 1);
        assert_eq!(timed.between(0, 30), [0, 2, 3]);
        assert_eq!(timed.between(35, 40), [1, 4]);
        assert_eq!(timed.get(1), Some((35, &1)));
        assert_eq!((timed.take(1), timed.len()), (Some(1), 4));
        assert_eq!(timed.get(1), None);
    }
}

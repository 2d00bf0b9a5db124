//! Maps and sets with a quick hash of whole words, seeded anew in every run: nothing may depend on
//! their order, and nobody can choose numbers that fall together.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// A map.
pub type HashMap<K, V> = std::collections::HashMap<K, V, Seeded>;
/// A set.
pub type HashSet<K> = std::collections::HashSet<K, Seeded>;

/// An odd number without a pattern: the fraction of the golden ratio.
const MIX: u128 = 0x9e37_79b9_7f4a_7c15;

/// Makes hashers that begin with the seed of this run.
#[derive(Debug, Clone)]
pub struct Seeded(u64);

impl Default for Seeded {
    fn default() -> Self {
        static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
        Self(*SEED)
    }
}

impl BuildHasher for Seeded {
    type Hasher = Words;

    fn build_hasher(&self) -> Words {
        Words { seed: self.0, sum: self.0 }
    }
}

/// Takes in a word at a time: both halves of a product depend on all its bits.
#[derive(Debug)]
pub struct Words {
    seed: u64,
    sum: u64,
}

impl Words {
    fn take(&mut self, word: u64) {
        let product = u128::from(self.sum ^ word) * (MIX ^ u128::from(self.seed << 1));
        self.sum = (product >> 64) as u64 ^ product as u64;
    }
}

impl Hasher for Words {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.take(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.take(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, value: u8) {
        self.take(value.into());
    }

    fn write_u32(&mut self, value: u32) {
        self.take(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        self.take(value);
    }

    fn write_i64(&mut self, value: i64) {
        self.take(value as u64);
    }

    fn finish(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_in_a_row_fall_apart_in_the_high_and_in_the_low_bits() {
        for seed in [0, 1, 0xdead_beef_0123_4567] {
            let hash = |number: u64| Seeded(seed).hash_one(format!("138{number:08}"));
            let all: Vec<u64> = (0..4096).map(hash).collect();
            let apart = |bits: fn(&u64) -> u64| all.iter().map(bits).collect::<BTreeSet<_>>().len();
            assert_eq!(apart(|hash| *hash), 4096);
            // By chance 63 % of the places are taken.
            assert!(apart(|hash| hash % 4096) > 2400);
            assert!(apart(|hash| hash >> 52) > 2400);
        }
    }
}

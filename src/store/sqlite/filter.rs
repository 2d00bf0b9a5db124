//! A filter in memory before the tables of ids from outside: it says "certainly new" for nearly
//! everything new, so that the tables are asked only about what is known.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Facts in one bucket, as a power of two.
pub const BUCKET_BITS: u32 = 16;

/// Words of the first part: 256 KiB. Each further part has as many as all before it.
const FIRST_WORDS: usize = 32 * 1024;
/// Parts at most: 8 MiB, good for some four million ids in the window at one question in a hundred
/// too many. A question too many is dear: every bucket is looked into.
const PARTS: usize = 6;
/// Keys to a word at which a part is full.
const KEYS_PER_WORD: usize = 4;
/// A key's bits lie in so many words beside each other: one touch of memory a question and part.
const BLOCK_WORDS: usize = 8;
/// Bits of a key.
const BITS: u32 = 6;

/// One part: it is made when the one before it is full.
type Part = OnceLock<Box<[AtomicU64]>>;

/// A filter that is thrown away when nothing comes, and filled anew when something does: an idle
/// daemon needs none.
#[derive(Default)]
pub struct Filter(RwLock<Arc<Set>>);

impl Filter {
    fn set(&self) -> Arc<Set> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a key.
    pub fn insert(&self, key: i64) {
        self.set().insert(key);
    }

    /// False only for keys that are certainly not stored.
    pub fn may_hold(&self, key: i64) -> bool {
        self.set().may_hold(key)
    }

    /// The set, for the first who asks: it wants to be filled with what is stored.
    pub fn to_fill(&self) -> Option<Arc<Set>> {
        let set = self.set();
        let is_first = || !set.is_being_filled.swap(true, Ordering::Relaxed);
        (!set.complete.load(Ordering::Relaxed) && is_first()).then_some(set)
    }

    /// Throws it away. Everything that was added must be stored by now.
    pub fn forget(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::default();
    }
}

/// A set that may say "maybe" to a stranger and never "no" to a member. It grows with what it
/// holds, and knows nothing of what is stored until it is filled.
#[derive(Default)]
pub struct Set {
    parts: [Part; PARTS],
    inserted: AtomicUsize,
    is_being_filled: AtomicBool,
    /// All keys of the window are in it.
    complete: AtomicBool,
}

impl Set {
    /// The part that is being filled.
    fn newest(&self) -> &[AtomicU64] {
        let inserted = self.inserted.fetch_add(1, Ordering::Relaxed);
        // Parts 0..=n together have FIRST_WORDS << n words.
        let needed = inserted / (KEYS_PER_WORD * FIRST_WORDS) + 1;
        let place = (needed.next_power_of_two().ilog2() as usize).min(PARTS - 1);
        let words = FIRST_WORDS << place.saturating_sub(1);
        self.parts[place].get_or_init(|| (0..words).map(|_| AtomicU64::new(0)).collect())
    }

    /// The words of a key's block, and the bits within it: word by word, and place in the word.
    fn place(key: i64, part: &[AtomicU64]) -> (&[AtomicU64], impl Iterator<Item = (usize, u64)>) {
        let mixed = (key as u64).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let mixed = mixed ^ (mixed >> 33);
        let first = mixed as usize % (part.len() / BLOCK_WORDS) * BLOCK_WORDS;
        let bits = mixed.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        let bit = move |n| (bits >> (64 - 9 * (n + 1))) as usize & (64 * BLOCK_WORDS - 1);
        (&part[first..first + BLOCK_WORDS], (0..BITS).map(bit).map(|at| (at / 64, 1 << (at % 64))))
    }

    /// Adds a key.
    pub fn insert(&self, key: i64) {
        let (block, bits) = Self::place(key, self.newest());
        for (word, bit) in bits {
            block[word].fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// False only for keys that are certainly not in it.
    pub fn may_hold(&self, key: i64) -> bool {
        let holds = |part: &[AtomicU64]| {
            let (block, mut bits) = Self::place(key, part);
            bits.all(|(word, bit)| block[word].load(Ordering::Relaxed) & bit != 0)
        };
        !self.complete.load(Ordering::Acquire)
            || self.parts.iter().filter_map(OnceLock::get).any(|part| holds(part))
    }

    /// Everything stored is in it now.
    pub fn complete(&self) {
        self.complete.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_never_denied_and_few_strangers_are_taken_for_one_however_it_has_grown() {
        let filter = Set::default();
        filter.complete();
        let key = |n: i64| n.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ (n << 17);
        for (from, to) in [(0, 1000), (1000, 150_000), (150_000, 700_000)] {
            (from..to).for_each(|n| filter.insert(key(n)));
            assert!((0..to).step_by(97).all(|n| filter.may_hold(key(n))));
            let strangers = (0..20_000).filter(|n| filter.may_hold(key(-1 - n))).count();
            assert!(strangers < 150, "{strangers} of 20000 after {to}");
        }
    }

    #[test]
    fn it_is_filled_by_one_and_again_after_it_was_thrown_away() {
        let filter = Filter::default();
        assert!(filter.may_hold(1), "what is stored is not known yet");
        let set = filter.to_fill().expect("a set to fill");
        assert!(filter.to_fill().is_none());
        filter.insert(1);
        set.complete();
        assert!(filter.may_hold(1) && !filter.may_hold(2));
        filter.forget();
        assert!(filter.may_hold(2) && filter.to_fill().is_some());
    }
}

//! A filter in memory before the tables of ids from outside: it says "certainly new" for nearly
//! everything new, so that the tables are asked only about what is known.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Facts in one bucket, as a power of two.
pub const BUCKET_BITS: u32 = 16;

/// Words of the filter: 4 MiB, good for some three million ids in the window at one question in ten
/// too many.
const FILTER_WORDS: usize = 512 * 1024;

/// A set that may say "maybe" to a stranger and never "no" to a member.
pub struct Filter {
    words: Vec<AtomicU64>,
    /// All keys of the window are in it.
    complete: AtomicBool,
}

impl Filter {
    /// An empty set that knows nothing yet of what is stored.
    pub fn new() -> Self {
        let words = (0..FILTER_WORDS).map(|_| AtomicU64::new(0)).collect();
        Self { words, complete: AtomicBool::new(false) }
    }

    /// Four bits within one word: one touch of memory a question.
    fn place(key: i64) -> (usize, u64) {
        let mixed = (key as u64).wrapping_mul(0xff51_afd7_ed55_8ccd);
        let mixed = mixed ^ (mixed >> 33);
        let bits = (0..4).fold(0u64, |bits, n| bits | 1 << ((mixed >> (40 + 6 * n)) & 63));
        (mixed as usize % FILTER_WORDS, bits)
    }

    /// Adds a key.
    pub fn insert(&self, key: i64) {
        let (word, bits) = Self::place(key);
        self.words[word].fetch_or(bits, Ordering::Relaxed);
    }

    /// False only for keys that are certainly not in it.
    pub fn may_hold(&self, key: i64) -> bool {
        let (word, bits) = Self::place(key);
        !self.complete.load(Ordering::Acquire)
            || self.words[word].load(Ordering::Relaxed) & bits == bits
    }

    /// Everything stored is in it now.
    pub fn complete(&self) {
        self.complete.store(true, Ordering::Release);
    }
}

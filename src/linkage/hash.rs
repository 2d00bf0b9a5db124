//! Maps and sets with a quick hash, seeded anew in every run: nothing may depend on their order.

use foldhash::fast::RandomState;

/// A map.
pub type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
/// A set.
pub type HashSet<K> = std::collections::HashSet<K, RandomState>;

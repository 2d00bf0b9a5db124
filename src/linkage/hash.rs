//! Maps and sets with a quick hash, seeded anew in every run: nothing may depend on their order,
//! and nobody can choose numbers that fall together.

/// A map.
pub type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
/// A set.
pub type HashSet<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;

//! What the targets share, beside what they share with `tests/bad_input.rs`.

#[path = "../../tests/hostile/mod.rs"]
mod hostile;

pub use hostile::{deliveries, fold, root, samples};

use std::fs;
use std::path::Path;

/// Writes seeds into the folder that the environment names, if it does.
pub fn sow(seeds: impl FnOnce() -> Vec<(String, Vec<u8>)>) {
    let Ok(folder) = std::env::var("SEEDS") else { return };
    fs::create_dir_all(&folder).expect("a folder for seeds");
    for (name, seed) in seeds() {
        fs::write(Path::new(&folder).join(name), seed).expect("a seed is written");
    }
}

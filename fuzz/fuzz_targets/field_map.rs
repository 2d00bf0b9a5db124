//! A field map (TOML), a zero byte, and deliveries that are read by it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringledger::pbx;
use ringledger::pbx::generic::FieldMap;
use ringledger_fuzz::{deliveries, fold, root, samples, sow};
use std::fs;

fuzz_target!(init: sow(seeds), |input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let Ok(map) = FieldMap::from_toml(&text) else { return };
    let generic = pbx::named("generic").expect("the generic adapter");
    fold(generic, Some(&map), &deliveries(parts.next().unwrap_or_default()));
});

/// Every map with every sample of the generic adapter: most fit one map only.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let folders = ["config/pbx", "tests/pbx/generic"].map(|folder| fs::read_dir(root(folder)));
    let files = folders.into_iter().flatten().flatten().flatten().map(|file| file.path());
    let maps = files.filter(|path| path.extension().is_some_and(|kind| kind == "toml"));
    let maps: Vec<Vec<u8>> = maps.filter_map(|path| fs::read(path).ok()).collect();
    let mut seeds = Vec::new();
    for (name, sample) in samples("generic") {
        for (number, map) in maps.iter().enumerate() {
            seeds.push((format!("{name}-{number}"), [map, &b"\0"[..], &sample].concat()));
        }
    }
    seeds
}

//! A settings file: read, checked, and asked of its sites.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringledger::call::CallRules;
use ringledger::config::{Config, example};
use ringledger_fuzz::{root, sow};
use std::fs;

fuzz_target!(init: sow(seeds), |input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    match Config::parse("ringledger.toml", &text, &|_| None) {
        Ok(config) => asked(&config),
        Err(errors) => assert!(!errors.to_string().is_empty(), "an error says something"),
    }
});

fn asked(config: &Config) {
    let at = "2026-11-23T02:00:00Z".parse().expect("a moment");
    for site in config.sites() {
        let settings = site.settings_at(at);
        let _ = (settings.local_day(at), CallRules::of(settings));
    }
    let masked = toml_of(&config.masked());
    assert!(!masked.is_empty(), "settings can be shown");
}

fn toml_of(config: &Config) -> String {
    serde_json::to_string(config).expect("settings are written")
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let folders = ["config", "config/sites", "config/pbx"].map(|folder| fs::read_dir(root(folder)));
    let files = folders.into_iter().flatten().flatten().flatten().map(|file| file.path());
    let named = |path: std::path::PathBuf| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        Some((name, fs::read(&path).ok()?))
    };
    let mut seeds: Vec<(String, Vec<u8>)> = files.filter_map(named).collect();
    seeds.push(("example".into(), example().into_bytes()));
    seeds
}

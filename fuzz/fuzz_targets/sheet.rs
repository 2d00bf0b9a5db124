//! A ledger's sheet (CSV or XLSX): read, and planned.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringledger::ledger::import::{RowPlan, plan};
use ringledger::sheet;
use ringledger_fuzz::{root, sow};
use std::collections::BTreeMap;
use std::fs;

fuzz_target!(init: sow(seeds), |input: &[u8]| {
    let Ok(rows) = sheet::read(input) else { return };
    let own = BTreeMap::new();
    let Ok(first) = plan(&rows, &own, chrono_tz::Asia::Shanghai, &|_| None) else { return };
    let kept: BTreeMap<String, _> =
        first.entries().map(|entry| (entry.entry_id.clone(), entry.clone())).collect();
    let again = plan(&rows, &own, chrono_tz::Asia::Shanghai, &|id| kept.get(id).cloned());
    let again = again.expect("a sheet that was planned once");
    for (number, row) in &again.rows {
        let known = matches!(row, RowPlan::Same { .. } | RowPlan::Bad { .. });
        assert!(known, "row {number} was imported before and is {row:?}");
    }
});

/// Every sheet among the samples and tests.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = vec![(
        "minimal".to_owned(),
        "编号,登记时间,来电号码\n1,2026-11-23 10:05,13800138001\n".into(),
    )];
    let mut folders = vec![root("samples"), root("tests")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "csv" || kind == "xlsx") {
                let name = format!(
                    "{}-{}",
                    seeds.len(),
                    path.file_name().unwrap_or_default().to_string_lossy()
                );
                seeds.extend(fs::read(&path).ok().map(|seed| (name, seed)));
            }
        }
    }
    seeds
}

//! After an outage the phone system's own files tell what the feed did not: rows of a real one's logs and records, held
//! to what its phones did. `LAB_TRACES=DIR` tries all runs of a lab in that folder instead of those stored here.

use ringledger::call::{Cadence, CallRules};
use ringledger::cli::fold::{as_json, records};
use ringledger::flow::fold_files::{Reader, fold_all};
use ringledger::pbx::{self, Delivery, Dialect, Secret};
use ringledger::site::SiteSettings;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn reader() -> Reader<'static> {
    let desk = ["101", "102", "105"].map(str::to_owned).into();
    let rules = CallRules {
        cadence: Cadence::of("cn").expect("a cadence"),
        desk,
        ..CallRules::of(&SiteSettings::default())
    };
    Reader {
        pbx: pbx::named("asterisk").expect("a dialect"),
        secret: Secret::default(),
        dialect: Dialect { zone: chrono_tz::Asia::Shanghai, field_map: None },
        rules,
    }
}

fn deliveries(files: &[PathBuf]) -> Vec<Delivery> {
    let read = |file: &PathBuf| records(file, None, &|_| true).expect("records");
    files.iter().flat_map(read).map(|record| record.delivery).collect()
}

fn calls(files: &[PathBuf]) -> BTreeMap<String, Value> {
    calls_of(deliveries(files))
}

fn calls_of(deliveries: Vec<Delivery>) -> BTreeMap<String, Value> {
    let folded = fold_all(&reader(), deliveries.into_iter());
    assert!(folded.not_understood.is_empty(), "{:?}", folded.not_understood);
    let shown = folded.calls.iter().map(|call| {
        let mut shown = as_json(call);
        shown["waited_ms"] = serde_json::json!(call.waited_ms);
        shown
    });
    shown.map(|call| (call["call_id"].as_str().expect("an id").to_owned(), call)).collect()
}

fn runs() -> Vec<PathBuf> {
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backfill");
    let folder = std::env::var_os("LAB_TRACES").map_or(stored, PathBuf::from);
    let mut runs: Vec<PathBuf> = fs::read_dir(folder)
        .expect("runs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("truth.json").exists())
        .collect();
    runs.sort();
    assert!(runs.len() >= 15, "only {} runs", runs.len());
    runs
}

fn truth(run: &Path) -> Vec<Value> {
    let text = fs::read_to_string(run.join("truth.json")).expect("the truth");
    let truth: Value = serde_json::from_str(&text).expect("JSON");
    truth["calls"].as_array().expect("calls").clone()
}

/// What was judged rightly, what is unknown; anything wrong fails.
fn compare(run: &Path, truth: &[Value], mut found: BTreeMap<String, Value>) -> (usize, usize) {
    let (mut right, mut unknown) = (0, 0);
    for call in truth {
        let id = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
        // No record is written of a call that reached no phone, or that was alive in a crash.
        let have = found.remove(&id("linkedid")).or_else(|| found.remove(&id("uniqueid")));
        let Some(have) = have else { continue };
        assert_eq!(have["direction"], call["direction"], "{}: {have}", run.display());
        let verdict = have["verdict"].as_str().expect("a verdict");
        if verdict == "unknown" {
            assert!(have["reason"]["reason"].is_string(), "{}: {have}", run.display());
            unknown += 1;
            continue;
        }
        assert_eq!(have["verdict"], call["verdict"], "{}: {have}", run.display());
        if let (Some(ring), Some(wanted)) = (have["ring"].as_u64(), call["ring_number"].as_u64()) {
            assert_eq!(ring, wanted, "{}: {have}", run.display());
        }
        if let (Some([least, greatest]), Some(rang_ms)) =
            (have["waited_ms"].as_array().map(Vec::as_slice), call["ring_ms"].as_i64())
        {
            let within = least.as_i64().expect("ms") - 10..=greatest.as_i64().expect("ms") + 10;
            assert!(within.contains(&rang_ms), "{}: {rang_ms} not in {within:?}", run.display());
        }
        right += 1;
    }
    let strange = found.values().find(|call| call["direction"] != "internal");
    assert!(strange.is_none(), "{}: not in the truth: {strange:?}", run.display());
    (right, unknown)
}

fn all(name: &str) -> (usize, usize) {
    let (mut right, mut unknown) = (0, 0);
    for run in runs() {
        let file = run.join(name);
        if file.exists() {
            let (of_run, open) = compare(&run, &truth(&run), calls(&[file]));
            (right, unknown) = (right + of_run, unknown + open);
        }
    }
    println!("{name}: {right} right, {unknown} unknown, none wrong");
    (right, unknown)
}

#[test]
fn a_log_of_channels_gives_the_right_verdict_or_none() {
    let (right, unknown) = all("cel.csv");
    assert!(right >= 10 && unknown <= right / 3, "{right} right, {unknown} unknown");
}

#[test]
fn call_records_give_the_right_verdict_or_none() {
    let (right, unknown) = all("cdr.csv");
    assert_eq!((right, unknown), all("cdr_full.csv"), "whole seconds cost no verdict here");
    assert!(right > 0 && unknown > 0, "{right} right, {unknown} unknown");
}

#[test]
fn a_file_without_its_header_line_reads_the_same() {
    for run in runs() {
        for name in ["cdr.csv", "cel.csv"] {
            let Ok(text) = fs::read_to_string(run.join(name)) else { continue };
            let folder = tempfile::tempdir().expect("a folder");
            let bare = folder.path().join(name);
            let (_, rows) = text.split_once('\n').expect("a header line");
            fs::write(&bare, rows).expect("written");
            assert_eq!(calls(&[bare]), calls(&[run.join(name)]), "{}", run.display());
        }
    }
}

#[test]
fn records_add_nothing_false_to_what_the_log_tells_exactly() {
    for run in runs() {
        let log = run.join("cel.csv");
        let both = [run.join("cdr.csv"), log.clone()].into_iter().filter(|file| file.exists());
        let exact = calls(&[log]);
        let together = calls(&both.collect::<Vec<_>>());
        for (id, call) in exact {
            let other = &together[&id];
            for field in ["verdict", "answered_at", "joined_at", "answered_by", "ring", "caller"] {
                assert_eq!(call[field], other[field], "{} {id} {field}", run.display());
            }
        }
    }
}

#[test]
fn the_same_row_twice_is_a_repeat_and_order_does_not_matter() {
    for run in runs() {
        let once = deliveries(&[run.join("cel.csv")]);
        let mut mixed: Vec<Delivery> = once.iter().rev().cloned().collect();
        mixed.extend(once.clone());
        assert_eq!(calls_of(mixed), calls_of(once), "{}", run.display());
    }
}

#[test]
fn an_outage_in_the_middle_of_a_call_is_healed_by_the_log() {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backfill/05b-declined");
    let log = deliveries(&[run.join("cel.csv")]);
    let said = |body: &str| Delivery {
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.to_owned().into(),
        ..log[0].clone()
    };
    let lost = [
        said(r#"{"_connection":"down","at":"2026-11-23T10:39:08Z"}"#),
        said(r#"{"_connection":"up","at":"2026-11-23T10:45:00Z"}"#),
    ];
    let began = r#"{"Event":"Newchannel","Timestamp":"1795430347.732100","Uniqueid":"1795430347.21",
        "Linkedid":"1795430347.21","Channel":"PJSIP/trunk-0000000e","CallerIDNum":"13800138005","Exten":"8001"}"#;
    let live: Vec<Delivery> = [said(began)].into_iter().chain(lost).collect();
    assert_eq!(calls_of(live.clone())["1795430347.21"]["verdict"], "unknown");
    let healed = calls_of(live.into_iter().chain(log).collect());
    assert_eq!(healed.len(), 1, "one call, however many told of it");
    assert_eq!(healed["1795430347.21"]["verdict"], "unanswered");
    assert_eq!(healed["1795430347.21"]["cause"], "declined");
}

//! The sample day: traces, recordings, ledger and list of planted mistakes fit together, and nothing else is wrong in it.
//! The differences are counted here by hand, without the linker and the audit, so that the demo is held to a truth
//! that is not its own.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Asia::Shanghai;
use ringledger::call::{Call, CallRules, Direction, Verdict};
use ringledger::cli::fold::read;
use ringledger::flow::fold_files::{Folded, Reader, fold_all};
use ringledger::pbx::{self, Dialect, Secret};
use ringledger::site::SiteSettings;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How far the minute written by the desk may lie from the call.
const WRITTEN_NEAR: TimeDelta = TimeDelta::minutes(2);
/// Bytes that the whole day may take in the repository.
const BYTES_MAX: u64 = 3 << 20;
/// Bytes of a WAV header without sound.
const HEADER_BYTES: u64 = 44;

/// A finding that the day must give.
#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Planted {
    code: String,
    call: Option<String>,
    entry: Option<String>,
}

/// A row of the sample ledger, under its Chinese column names.
#[derive(Debug, Deserialize)]
struct Row {
    #[serde(rename = "台账编号")]
    id: String,
    #[serde(rename = "渠道")]
    channel: String,
    #[serde(rename = "登记时间")]
    registered: String,
    #[serde(rename = "来电时间")]
    occurred: String,
    #[serde(rename = "来电号码")]
    number: String,
    #[serde(rename = "房号")]
    unit: String,
    #[serde(rename = "经办人")]
    handler: String,
    #[serde(rename = "呼叫编号")]
    call_id: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/day")
}

fn settings() -> SiteSettings {
    let desk_extensions = ["101", "102", "105"].map(str::to_owned).to_vec();
    SiteSettings { desk_extensions, ..SiteSettings::default() }
}

/// The day's calls, folded from its deliveries. A consultation between two phones of the house owes nothing.
fn folded() -> Folded {
    let reader = Reader {
        pbx: pbx::ALL[0],
        secret: Secret::default(),
        dialect: Dialect { zone: Shanghai, field_map: None },
        rules: CallRules::of(&settings()),
    };
    let deliveries = read(&folder().join("deliveries.jsonl")).expect("deliveries");
    let mut folded = fold_all(&reader, deliveries.into_iter());
    folded.calls.retain(|call| call.direction != Direction::Internal);
    folded
}

fn ledger() -> Vec<Row> {
    let bytes = std::fs::read(folder().join("ledger.csv")).expect("ledger");
    let (text, _, broken) = encoding_rs::GB18030.decode(&bytes);
    assert!(!broken, "the ledger is not GB18030");
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| row.expect("row")).collect()
}

fn planted() -> Vec<Planted> {
    let text = std::fs::read_to_string(folder().join("planted.json")).expect("planted");
    let mut planted: Vec<Planted> = serde_json::from_str(&text).expect("planted");
    planted.sort();
    planted
}

/// File names and sizes of the spool folder.
fn spool() -> BTreeMap<String, u64> {
    let files = std::fs::read_dir(folder().join("spool")).expect("spool");
    files
        .map(|file| {
            let file = file.expect("file");
            let bytes = file.metadata().expect("size").len();
            (file.file_name().into_string().expect("a name"), bytes)
        })
        .collect()
}

fn moment(written: &str) -> DateTime<Utc> {
    let forms = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    let at = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(written, form).ok());
    let at = at.unwrap_or_else(|| panic!("`{written}` is no time"));
    Shanghai.from_local_datetime(&at).single().expect("a moment").to_utc()
}

fn outside(call: &Call) -> String {
    call.outside_party().map(|number| number.folded()).unwrap_or_default()
}

fn owes_entry(call: &Call) -> bool {
    match call.direction {
        Direction::Inbound => call.reached_desk,
        _ => call.is_answered(),
    }
}

/// Digits in which two numbers of one length differ; many where the lengths do.
fn digits_apart(one: &str, other: &str) -> usize {
    if one.len() != other.len() {
        return usize::MAX;
    }
    one.bytes().zip(other.bytes()).filter(|(a, b)| a != b).count()
}

/// Whether a row speaks of a call, with so many wrong digits.
fn tells(row: &Row, call: &Call, wrong_digits: usize) -> bool {
    let outbound = call.direction == Direction::Outbound;
    (moment(&row.occurred) - call.offered_at).abs() <= WRITTEN_NEAR
        && digits_apart(&row.number, &outside(call)) == wrong_digits
        && (row.channel == "来访" || (row.channel == "回访") == outbound)
}

fn finding(code: &str, call: Option<&Call>, row: Option<&Row>) -> Planted {
    Planted {
        code: code.to_owned(),
        call: call.map(|call| call.call_id.clone()),
        entry: row.map(|row| row.id.clone()),
    }
}

/// What is wrong with one call, by its rows. A row that tells exactly of some call is no misspelling of another.
fn of_call(call: &Call, calls: &[Call], rows: &[Row]) -> Vec<Planted> {
    let on_phone = || rows.iter().filter(|row| row.channel != "来访");
    let mut exact: Vec<&Row> = on_phone().filter(|row| tells(row, call, 0)).collect();
    exact.sort_by_key(|row| &row.registered);
    let misspelt = on_phone()
        .find(|row| tells(row, call, 1) && !calls.iter().any(|other| tells(row, other, 0)));
    let walked_in = rows.iter().find(|row| row.channel == "来访" && tells(row, call, 0));
    let Some((first, more)) = exact.split_first() else {
        return match (misspelt, walked_in) {
            (Some(row), _) => vec![finding("number_differs", Some(call), Some(row))],
            (None, Some(row)) => vec![finding("mis_filed_walk_in", Some(call), Some(row))],
            (None, None) => vec![finding("call_without_entry", Some(call), None)],
        };
    };
    let twice = more.iter().map(|row| finding("two_entries_one_recording", Some(call), Some(row)));
    let mut found: Vec<Planted> = twice.collect();
    let took = moment(&first.registered) - call.ended_at.expect("an ended call");
    if took > TimeDelta::seconds(settings().registration_limit_s) {
        found.push(finding("late_registration", Some(call), Some(first)));
    }
    found
}

#[test]
fn the_ledger_differs_from_the_calls_exactly_as_planted() {
    let (calls, rows) = (folded().calls, ledger());
    let owing = || calls.iter().filter(|call| owes_entry(call));
    let mut found: Vec<Planted> = owing().flat_map(|call| of_call(call, &calls, &rows)).collect();
    for row in rows.iter().filter(|row| row.channel != "来访") {
        if !owing().any(|call| tells(row, call, 0) || tells(row, call, 1)) {
            found.push(finding("entry_without_call", None, Some(row)));
        }
    }
    for call in &calls {
        match call.verdict {
            Some(Verdict::Late { .. }) => found.push(finding("late_answer", Some(call), None)),
            Some(Verdict::Abandoned { .. }) => {
                found.push(finding("abandoned_call", Some(call), None));
            }
            _ => {}
        }
    }
    found.sort();
    assert_eq!(found, planted());
}

#[test]
fn every_delivery_of_the_day_is_understood_and_comes_in_order() {
    let folded = folded();
    assert_eq!((folded.not_understood, folded.refused), (Vec::new(), 0));
    assert_eq!(folded.warnings, BTreeSet::new());
    let deliveries = read(&folder().join("deliveries.jsonl")).expect("deliveries");
    assert!(deliveries.is_sorted_by_key(|delivery| delivery.received_at));
    assert!(folded.calls.iter().all(|call| call.ended_at.is_some() && !call.ended_inferred));
}

#[test]
fn the_day_holds_every_way_a_desk_answers() {
    let calls = folded().calls;
    let rings = |ring| {
        let wanted = move |call: &&Call| match &call.verdict {
            Some(Verdict::Within { ring: of, .. } | Verdict::Late { ring: of, .. }) => {
                *of == Some(ring)
            }
            _ => false,
        };
        calls.iter().filter(wanted).count()
    };
    assert!((1..=4).all(|ring| rings(ring) > 0), "an answer on each of the rings 1 to 4");
    let verdicts = |wanted: fn(&Verdict) -> bool| {
        calls.iter().filter(|call| call.verdict.as_ref().is_some_and(wanted)).count()
    };
    assert!(verdicts(|verdict| *verdict == Verdict::Unanswered) > 0);
    assert!(calls.iter().any(|call| call.transferred));
    assert!(calls.iter().any(|call| call.direction == Direction::Outbound));
    assert_eq!(verdicts(|verdict| matches!(verdict, Verdict::Unknown { .. })), 0);
}

#[test]
fn every_recording_belongs_to_a_call_and_every_answered_call_has_one() {
    let (calls, files) = (folded().calls, spool());
    let of_call = |name: &str, call: &Call| name.ends_with(&format!("-{}.wav", call.call_id));
    for name in files.keys() {
        let owners = calls.iter().filter(|call| of_call(name, call)).count();
        assert_eq!(owners, 1, "{name}");
    }
    for call in calls.iter().filter(|call| call.is_answered()) {
        let sound = files.iter().any(|(name, bytes)| of_call(name, call) && *bytes > HEADER_BYTES);
        assert!(sound, "{} was answered and has no recording", call.call_id);
    }
}

#[test]
fn every_call_and_entry_that_is_named_is_there() {
    let (calls, rows) = (folded().calls, ledger());
    let calls: BTreeSet<&str> = calls.iter().map(|call| call.call_id.as_str()).collect();
    let rows_by_id: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(rows_by_id.len(), rows.len(), "each entry has a number of its own");
    for id in rows.iter().map(|row| row.call_id.as_str()).filter(|id| !id.is_empty()) {
        assert!(calls.contains(id), "the ledger names the call {id}");
    }
    for one in planted() {
        assert!(one.call.is_none_or(|call| calls.contains(call.as_str())));
        assert!(one.entry.is_none_or(|entry| rows_by_id.contains(entry.as_str())));
    }
    assert!(rows.iter().all(|row| settings().is_desk(&row.handler)));
}

#[test]
fn every_unit_of_the_ledger_folds_and_the_directory_knows_its_caller() {
    let mut reader = csv::Reader::from_path(folder().join("directory.csv")).expect("directory");
    let rows: Vec<(String, String)> =
        reader.deserialize().map(|row| row.expect("unit and number")).collect();
    let homes: BTreeMap<&str, &str> =
        rows.iter().map(|(unit, number)| (number.as_str(), unit.as_str())).collect();
    for row in ledger() {
        let unit = ringledger::ledger::unit::folded(&row.unit).expect("a unit");
        if let Some(home) = homes.get(row.number.as_str()) {
            assert_eq!(unit, *home, "{}", row.id);
        }
    }
}

#[test]
fn the_day_is_small() {
    let files = ["deliveries.jsonl", "directory.csv", "ledger.csv", "planted.json"];
    let sizes = files.map(|name| folder().join(name).metadata().expect("a file").len());
    assert!(sizes.iter().sum::<u64>() + spool().values().sum::<u64>() < BYTES_MAX);
}

//! `ringledger backfill` as an operator runs it: alone and beside a running daemon, again and again.

mod house;

use house::{House, run};
use rusqlite::{Connection, params};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn lab(run: &str, name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/backfill").join(run).join(name).display().to_string()
}

fn settings(folder: &Path) -> PathBuf {
    let path = folder.join("ringledger.toml");
    let text = "[[sites]]\nid = \"one\"\nname = \"one\"\n[[sites.settings]]\ndesk_extensions = [\"101\", \"102\"]\n\
        [[sources]]\nname = \"front\"\nsite = \"one\"\nadapter = \"asterisk\"\n";
    std::fs::write(&path, text).expect("settings");
    path
}

fn backfill(folder: &Path, more: &[&str]) -> (i32, Value) {
    let (config, data) = (settings(folder), folder.join("data"));
    let mut arguments = vec!["backfill", "--json", "--source", "front"];
    let (config, data) = (config.display().to_string(), data.display().to_string());
    arguments.extend(["--config", &config, "--data", &data]);
    arguments.extend(more);
    let (code, text) = run(&arguments);
    (code, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")))
}

#[test]
fn a_file_is_taken_once_however_often_it_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = lab("08-queue", "cel.csv");
    let (code, tried) = backfill(folder.path(), &["--dry-run", &file]);
    assert_eq!((code, &tried["written"], &tried["new"]), (0, &Value::Bool(false), &Value::Null));
    let (code, first) = backfill(folder.path(), &[&file]);
    assert_eq!((code, &first["repeated"]), (0, &0.into()), "{first}");
    assert_eq!(first["new"], first["records"]);
    let (_, again) = backfill(folder.path(), &[&file, &lab("08-queue", "cdr.csv")]);
    assert_eq!(again["repeated"], first["new"], "{again}");
    assert_eq!(again["calls"].as_array().map(Vec::len), Some(1), "the record is the same call");
}

#[test]
fn what_cannot_be_read_is_told_with_its_row_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("odd.csv");
    let rows = std::fs::read_to_string(lab("01-ring1", "cdr.csv")).expect("rows");
    std::fs::write(&file, format!("{rows}one,two,three\n")).expect("written");
    let (code, told) = backfill(folder.path(), &[&file.display().to_string()]);
    assert_eq!((code, &told["new"]), (1, &2.into()), "{told}");
    let bad = &told["not_understood"][0];
    assert_eq!(bad["line"], 3, "{told}");
    assert!(
        bad["why"].as_str().is_some_and(|why| why.contains("uniqueid") || why.contains("none of")),
        "{told}"
    );
    let call = &told["calls"][0];
    assert_eq!(call["verdict"], "within", "twelve seconds in all leave no room for a fourth ring");
    assert_eq!(call["ring"], Value::Null, "and the ring is not known: {call}");
    assert!(call["waited_ms"][1].as_i64() > call["waited_ms"][0].as_i64(), "{call}");
}

/// The first event of the lab's first call comes live.
fn began_live(house: &House) {
    let began = r#"{"Event":"Newchannel","Timestamp":"1795430222.634500","Uniqueid":"1795430222.0",
        "Linkedid":"1795430222.0","Channel":"PJSIP/trunk-00000000","CallerIDNum":"13800138001","Exten":"8001"}"#;
    let head = [("content-type", "application/json")];
    assert_eq!(house.ask("POST", "/hook/front", &head, began.as_bytes()).0, 200);
}

#[test]
fn a_running_daemon_takes_the_file_and_knows_the_call_already() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = settings(folder.path()).display().to_string();
    let house = House::start(folder.path(), &["--config", &config]);
    began_live(&house);
    let (code, told) = backfill(folder.path(), &[&lab("01-ring1", "cel.csv")]);
    assert_eq!((code, &told["new"]), (0, &told["records"]), "{told}");
    let (status, page) = house.ask("GET", "/search?lang=en&q=13800138001", &[], b"");
    let page = String::from_utf8_lossy(&page);
    assert_eq!(status, 200);
    assert_eq!(page.matches("/calls/").count(), 1, "one call: {page}");
    assert!(page.contains("within"), "{page}");
    let (_, again) = backfill(folder.path(), &[&lab("01-ring1", "cel.csv")]);
    assert_eq!((&again["new"], &again["repeated"]), (&0.into(), &told["records"]));
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("data/ringledger.db")).expect("the database")
}

/// Makes all that is stored older than the window for repeats, as two buckets of other facts and a month after it would.
fn much_later(folder: &Path, turn: i64) {
    let database = database(folder);
    let (site, at): (i64, i64) = database
        .query_row("SELECT site, max(at) FROM fact", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("a fact");
    let month_us = 30 * 86_400_000_000i64;
    let id = turn * 140_000;
    for (id, at) in [(id - 1, at), (id, at + month_us)] {
        let none: &[u8] = &[];
        database
            .execute(
                "INSERT INTO fact VALUES (?1, ?2, 8, ?3, 0, 'somebody', NULL, '', ?4, ?4, ?4)",
                params![id, site, at, none],
            )
            .expect("a fact of another kind");
    }
}

/// Verdicts of the calls that are stored.
fn stored_calls(folder: &Path) -> Vec<String> {
    let database = database(folder);
    let mut query = database.prepare("SELECT doc FROM call ORDER BY key").expect("a query");
    let docs = query.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    let verdict = |doc: String| {
        let doc: Value = serde_json::from_str(&doc).expect("JSON");
        doc["verdict"]["verdict"].as_str().unwrap_or("alive").to_owned()
    };
    docs.map(|doc| verdict(doc.expect("a row"))).collect()
}

#[test]
fn a_record_of_a_call_from_before_the_window_joins_it_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = settings(folder.path()).display().to_string();
    let house = House::start(folder.path(), &["--config", &config]);
    began_live(&house);
    assert!(house.stop().success());
    much_later(folder.path(), 1);
    let file = lab("01-ring1", "cel.csv");
    let (code, told) = backfill(folder.path(), &[&file]);
    assert_eq!((code, &told["new"]), (0, &told["records"]), "{told}");
    assert_eq!(stored_calls(folder.path()), ["within"], "joined to what was known live");
    much_later(folder.path(), 2);
    let (_, again) = backfill(folder.path(), &[&file]);
    assert_eq!((&again["new"], &again["repeated"]), (&0.into(), &told["records"]), "{again}");
    let house = House::start(folder.path(), &["--config", &config]);
    let (_, beside) = backfill(folder.path(), &[&file, &lab("01-ring1", "cdr.csv")]);
    assert_eq!((&beside["new"], &beside["repeated"]), (&1.into(), &told["records"]), "{beside}");
    assert!(house.stop().success());
    assert_eq!(stored_calls(folder.path()), ["within"]);
    let data = folder.path().join("data").display().to_string();
    let (code, text) = run(&["replay", "--config", &config, "--data", &data]);
    assert_eq!(code, 0, "rebuilt it is the same: {text}");
}

#[test]
fn a_source_that_is_not_there_is_named_with_those_that_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = settings(folder.path()).display().to_string();
    let (code, text) =
        run(&["backfill", "--config", &config, "--source", "back", &lab("01-ring1", "cel.csv")]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("front (asterisk)"), "{text}");
}

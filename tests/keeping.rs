//! Keeping: what happens to stored bytes is seen, told, healed, and never lost to a mistake.

mod house;

use house::{House, run, until};
use serde_json::Value;
use std::path::{Path, PathBuf};

const SOUND: &[u8] =
    include_bytes!("../samples/day/spool/in-8001-13800138002-20261123-183715-1795430235.3.wav");

/// Settings under which everything is looked at at once.
fn settings(folder: &Path, more: &str) -> String {
    let path = folder.join("ringledger.toml");
    let text = format!(
        "[keeping]\nprove_bytes_per_s = 1000000000\nprove_every_s = 1\nsweep_grace_s = 8\n{more}"
    );
    std::fs::write(&path, text).expect("written");
    path.to_string_lossy().into_owned()
}

fn upload(house: &House, name: &str, bytes: &[u8]) -> Value {
    let (status, answer) = house.ask("PUT", &format!("/recordings/default/{name}"), &[], bytes);
    assert_eq!(status, 201);
    serde_json::from_slice(&answer).expect("JSON")
}

fn object(folder: &Path, admitted: &Value) -> PathBuf {
    let hash = admitted["sha256"].as_str().expect("a hash");
    folder.join("data/recordings").join(&hash[..2]).join(&hash[2..])
}

/// Waits until the audit says something, or has stopped saying it.
fn until_found(house: &House, code: &str, there: bool) {
    let told = format!("name=\"code\" value=\"{code}\"");
    until(code, || {
        let (_, page) = house.ask("GET", "/findings?lang=en", &[], b"");
        (String::from_utf8_lossy(&page).contains(&told) == there).then_some(())
    });
}

fn clean(arguments: &[&str]) {
    let (code, text) = run(arguments);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_flipped_byte_and_a_missing_file_are_found_told_and_healed() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = settings(folder.path(), "");
    let house = House::start(folder.path(), &["--config", &config]);
    let flipped = object(folder.path(), &upload(&house, "a.wav", SOUND));
    let missing = object(folder.path(), &upload(&house, "b.wav", &SOUND[..4000]));
    let original = std::fs::read(&flipped).expect("its bytes");
    let mut bytes = original.clone();
    bytes[2000] ^= 1;
    write(&flipped, &bytes);
    std::fs::remove_file(&missing).expect("removed");
    until_found(&house, "hash_changed", true);
    until_found(&house, "object_missing", true);
    write(&flipped, &original);
    std::fs::write(&missing, &SOUND[..4000]).expect("back");
    until_found(&house, "hash_changed", false);
    until_found(&house, "object_missing", false);
    let (_, page) = house.ask("GET", "/findings?lang=en&state=healed", &[], b"");
    assert!(String::from_utf8_lossy(&page).contains("hash changed"));
    assert!(house.stop().success());
    let data = folder.path().join("data").to_string_lossy().into_owned();
    clean(&["replay", "--data", &data]);
    clean(&["verify", "--data", &data]);
}

#[test]
fn a_fault_that_stands_is_there_after_a_replay_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = settings(folder.path(), "");
    let house = House::start(folder.path(), &["--config", &config]);
    let path = object(folder.path(), &upload(&house, "a.wav", SOUND));
    std::fs::remove_file(&path).expect("removed");
    until_found(&house, "object_missing", true);
    assert!(house.stop().success());
    let data = folder.path().join("data").to_string_lossy().into_owned();
    clean(&["replay", "--data", &data]);
    let (code, text) = run(&["verify", "--data", &data]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("is missing"), "{text}");
}

#[test]
fn a_stray_file_is_told_and_removed_after_its_grace_and_recordings_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = settings(folder.path(), "");
    let house = House::start(folder.path(), &["--config", &config]);
    let kept = object(folder.path(), &upload(&house, "a.wav", SOUND));
    // As a crash between an object and its row leaves it.
    let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let stray = folder.path().join("data/recordings").join(&name[..2]).join(&name[2..]);
    std::fs::create_dir_all(stray.parent().expect("a shard")).expect("made");
    std::fs::write(&stray, b"abc").expect("written");
    until_found(&house, "object_stray", true);
    until_found(&house, "object_stray", false);
    assert!(!stray.exists(), "it was removed");
    assert!(kept.exists(), "a recording is nobody's stray");
    assert!(house.stop().success());
    let data = folder.path().join("data").to_string_lossy().into_owned();
    clean(&["replay", "--data", &data]);
    clean(&["verify", "--data", &data]);
}

#[test]
fn a_stray_that_gets_its_row_is_a_recording_like_any_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = settings(folder.path(), "");
    let text =
        std::fs::read_to_string(&config).expect("settings").replace("grace_s = 2", "grace_s = 8");
    std::fs::write(&config, text).expect("written");
    let house = House::start(folder.path(), &["--config", &config]);
    let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let stray = folder.path().join("data/recordings").join(&name[..2]).join(&name[2..]);
    std::fs::create_dir_all(stray.parent().expect("a shard")).expect("made");
    std::fs::write(&stray, b"abc").expect("written");
    until_found(&house, "object_stray", true);
    upload(&house, "late.wav", b"abc");
    until_found(&house, "object_stray", false);
    assert!(stray.exists());
}

fn write(path: &Path, bytes: &[u8]) {
    let mut may = std::fs::metadata(path).expect("its state").permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a test's own file")]
    may.set_readonly(false);
    std::fs::set_permissions(path, may).expect("writable");
    std::fs::write(path, bytes).expect("written");
}

/// Ages under which a recording of today goes at once, but for the least that may be set.
fn old_upload(house: &House, name: &str, bytes: &[u8]) -> Value {
    let path = format!("/recordings/default/{name}?starts_at=2026-01-02T03:04:05Z");
    let (status, answer) = house.ask("PUT", &path, &[], bytes);
    assert_eq!(status, 201);
    serde_json::from_slice(&answer).expect("JSON")
}

const AGES: &str = "retain_every_s = 100000\n[[sites]]\nid = \"default\"\n[[sites.settings]]\nkeep_days = 30\n\
    [sites.settings.keep_days_of]\nunmatched = 60\n[[sources]]\nname = \"generic\"\nadapter = \"generic\"\n";

#[test]
fn a_held_recording_stays_and_the_other_leaves_a_tombstone() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = settings(folder.path(), AGES);
    let house = House::start(folder.path(), &["--config", &config]);
    let (held, other) = (&SOUND[..5000], &SOUND[..6000]);
    let held = old_upload(&house, "held.wav", held);
    let other = old_upload(&house, "in-8001-13800138000-x.wav", other);
    let thing = format!("sha256:{}", held["sha256"].as_str().expect("a hash"));
    let place = |body: String| house.ask("POST", "/api/v1/holds", &[], body.as_bytes()).0;
    assert_eq!(
        place(format!(
            r#"{{"thing":"{thing}","held":true,"why":"court","review_on":"2027-01-01"}}"#
        )),
        201
    );
    assert_eq!(
        place(format!(r#"{{"thing":"{thing}","held":true,"why":"court"}}"#)),
        422,
        "no review"
    );
    assert_eq!(
        place(format!(r#"{{"thing":"{thing}","held":true,"why":" ","review_on":"2027-01-01"}}"#)),
        422
    );
    assert_eq!(
        place(r#"{"thing":"call:none","held":true,"why":"x","review_on":"2027-01-01"}"#.into()),
        404
    );
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let on = |more: &[&str]| {
        let place = ["--data", &data, "--config", &config];
        run(&[more, &place].concat())
    };
    let (code, text) = on(&["retain", "--dry-run", "--json"]);
    assert_eq!(code, 0, "{text}");
    let plan: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(plan["plan"]["going"][0]["recording"], other["id"], "{text}");
    assert_eq!(plan["plan"]["going"].as_array().map(Vec::len), Some(1));
    assert_eq!(plan["plan"]["spared"][0]["because"], "held");
    assert!(object(folder.path(), &other).exists(), "a dry run erases nothing");
    let (code, text) = on(&["retain"]);
    assert_eq!(code, 0, "{text}");
    assert!(!object(folder.path(), &other).exists());
    assert!(object(folder.path(), &held).exists());
    let play = |key: &Value| house.ask("GET", &format!("/recordings/{key}/audio"), &[], b"");
    let (status, told) = play(&other["id"]);
    assert_eq!(status, 410);
    assert!(String::from_utf8_lossy(&told).contains("unmatched is kept 60 days"));
    assert_eq!(play(&held["id"]).0, 200);
    let (status, page) =
        house.ask("GET", &format!("/recordings/{}?lang=en", other["id"]), &[], b"");
    assert_eq!(status, 200, "the row stays");
    assert!(String::from_utf8_lossy(&page).contains("erased"));
    assert_eq!(on(&["erase", &held["id"].to_string(), "--why", "asked"]).0, 3, "it is held");
    assert_eq!(on(&["hold", "lift", &thing, "--why", "settled"]).0, 0);
    assert_eq!(on(&["erase", &held["id"].to_string(), "--why", "asked"]).0, 0);
    assert_eq!(play(&held["id"]).0, 410);
    let (status, audit) =
        house.ask("GET", "/audit?from=2026-01-01&to=2026-01-03&format=text&lang=en", &[], b"");
    assert_eq!(status, 200, "the books balance: {}", String::from_utf8_lossy(&audit));
    assert!(house.stop().success());
    clean(&["replay", "--data", &data, "--config", &config]);
    clean(&["verify", "--data", &data]);
}

#[test]
fn under_a_full_disk_the_held_and_the_young_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = settings(folder.path(), "retain_every_s = 100000\n");
    let house = House::start(folder.path(), &["--config", &config]);
    let young = object(folder.path(), &upload(&house, "young.wav", SOUND));
    let held = old_upload(&house, "held.wav", &SOUND[..5000]);
    let thing = format!("sha256:{}", held["sha256"].as_str().expect("a hash"));
    let body =
        format!(r#"{{"thing":"{thing}","held":true,"why":"court","review_on":"2027-01-01"}}"#);
    assert_eq!(house.ask("POST", "/api/v1/holds", &[], body.as_bytes()).0, 201);
    assert!(house.stop().success());
    let full = "free_floor_mib = 900000000\nfree_alarm_mib = 900000001\nretain_every_s = 1\n";
    let config = settings(folder.path(), full);
    let house = House::start(folder.path(), &["--config", &config]);
    let other = object(folder.path(), &old_upload(&house, "old.wav", &SOUND[..6000]));
    until("room", || (!other.exists()).then_some(()));
    let held = object(folder.path(), &held);
    let (_, answer) = house.ask("GET", "/api/v1/keeping", &[], b"");
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(answer["alarm"], true, "{answer}");
    assert_eq!(answer["holds"], 1);
    assert!(young.exists());
    assert!(held.exists());
    let (_, metrics) = house.ask("GET", "/metrics", &[], b"");
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    assert!(metrics.contains("ringledger_disk_alarm 1"), "{metrics}");
    assert!(metrics.contains("ringledger_recordings_erased 1"), "{metrics}");
}

#[test]
fn a_crash_between_tombstone_and_bytes_is_mended_by_the_next_sweep() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = settings(folder.path(), AGES);
    let house = House::start(folder.path(), &["--config", &config]);
    let old = old_upload(&house, "old.wav", SOUND);
    let path = object(folder.path(), &old);
    assert!(house.stop().success());
    let data = folder.path().join("data").to_string_lossy().into_owned();
    clean(&["erase", &old["id"].to_string(), "--why", "asked", "--data", &data]);
    // As if the program had died before it removed them.
    std::fs::create_dir_all(path.parent().expect("a shard")).expect("made");
    std::fs::write(&path, SOUND).expect("still there");
    let house = House::start(folder.path(), &["--config", &config]);
    until("the sweep", || (!path.exists()).then_some(()));
    let (_, page) = house.ask("GET", "/findings?lang=en", &[], b"");
    assert!(!String::from_utf8_lossy(&page).contains("name=\"code\" value=\"object_stray\""));
}

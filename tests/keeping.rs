//! Keeping: what happens to stored bytes is seen, told, healed, and never lost to a mistake.

mod house;

use house::{House, run};
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
fn until(house: &House, code: &str, there: bool) {
    let told = format!("name=\"code\" value=\"{code}\"");
    loop {
        let (_, page) = house.ask("GET", "/findings?lang=en", &[], b"");
        if String::from_utf8_lossy(&page).contains(&told) == there {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
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
    until(&house, "hash_changed", true);
    until(&house, "object_missing", true);
    write(&flipped, &original);
    std::fs::write(&missing, &SOUND[..4000]).expect("back");
    until(&house, "hash_changed", false);
    until(&house, "object_missing", false);
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
    until(&house, "object_missing", true);
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
    until(&house, "object_stray", true);
    until(&house, "object_stray", false);
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
    until(&house, "object_stray", true);
    upload(&house, "late.wav", b"abc");
    until(&house, "object_stray", false);
    assert!(stray.exists());
}

fn write(path: &Path, bytes: &[u8]) {
    let mut may = std::fs::metadata(path).expect("its state").permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a test's own file")]
    may.set_readonly(false);
    std::fs::set_permissions(path, may).expect("writable");
    std::fs::write(path, bytes).expect("written");
}

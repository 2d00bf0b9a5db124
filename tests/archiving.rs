//! Archive renditions: the same samples in less room, made by a job, proved, and in place of the
//! original only where the settings say so.

mod house;

use house::{House, run, until};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

const SOUND: &[u8] =
    include_bytes!("../samples/day/spool/in-8001-13800138002-20261123-183715-1795430235.3.wav");
/// Where the samples of [`SOUND`] begin.
const HEAD: usize = 44;

/// A folder with settings, in which `HERE` is the folder.
struct Place {
    folder: tempfile::TempDir,
}

const SETTINGS: &str = "[keeping]\nprove_bytes_per_s = 1000000000\nprove_every_s = 1\nsweep_grace_s = 4\n\
    retain_every_s = 100000\n[[sites]]\nid = \"default\"\n[[sites.settings]]\narchive_days = 10\n";
const SOURCES: &str = "[[sources]]\nname = \"generic\"\nadapter = \"generic\"\n";

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self, text: &str) {
        let text = text.replace("HERE", &self.folder.path().to_string_lossy());
        std::fs::write(self.path("ringledger.toml"), text + SOURCES).expect("written");
    }

    fn house(&self) -> House {
        let config = self.path("ringledger.toml");
        House::start(self.folder.path(), &["--config", &config.to_string_lossy()])
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let (data, config) = (self.path("data"), self.path("ringledger.toml"));
        let place = ["--data", &data.to_string_lossy(), "--config", &config.to_string_lossy()];
        run(&[arguments, &place].concat())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (code, text) = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    fn object(&self, hash: &Value) -> PathBuf {
        let hash = hash.as_str().expect("a hash");
        self.path("data/recordings").join(&hash[..2]).join(&hash[2..])
    }
}

/// A recording of last January, taken in and listened to.
fn old_upload(house: &House, name: &str, bytes: &[u8]) -> Value {
    let path = format!("/recordings/default/{name}?starts_at=2026-01-02T03:04:05Z&call_id=c-1");
    let (status, answer) = house.ask("PUT", &path, &[], bytes);
    assert_eq!(status, 201);
    let admitted: Value = serde_json::from_slice(&answer).expect("JSON");
    let own = format!("/recordings/{}?lang=en", admitted["id"]);
    let heard = || String::from_utf8_lossy(&house.ask("GET", &own, &[], b"").1).contains("<svg");
    until("measures", || heard().then_some(()));
    admitted
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn audio(house: &House, key: &Value) -> (u16, Vec<u8>) {
    house.ask("GET", &format!("/recordings/{key}/audio"), &[], b"")
}

/// What a recording's page says.
fn page(house: &House, admitted: &Value) -> String {
    let (_, page) = house.ask("GET", &format!("/recordings/{}?lang=en", admitted["id"]), &[], b"");
    String::from_utf8_lossy(&page).into_owned()
}

#[test]
fn a_rendition_holds_the_same_samples_and_the_original_goes_only_where_that_is_set() {
    let place = Place::new();
    place.settings(SETTINGS);
    let house = place.house();
    let admitted = old_upload(&house, "a.wav", SOUND);
    let done = place.json(&["archive"]);
    assert_eq!((done["made"].as_i64(), done["failed"].as_i64()), (Some(1), Some(0)), "{done}");
    assert!(done["saved_bytes"].as_u64() > Some(SOUND.len() as u64 / 5), "{done}");
    assert_eq!(place.json(&["archive"])["made"], 0, "once is enough");
    let told = page(&house, &admitted);
    assert!(told.contains(&hex(&SOUND[HEAD..])), "the page tells the digest of the samples");
    assert!(told.contains("flac-codec"), "and how it was made");
    assert_eq!(audio(&house, &admitted["id"]), (200, SOUND.to_vec()), "the original is played");
    let plan = place.json(&["retain", "--dry-run"]);
    assert_eq!(plan["plan"]["going"], serde_json::json!([]), "nobody said that it may go");

    place.settings(&format!("{SETTINGS}[sites.settings.original_days_of]\nunmatched = 20\n"));
    let plan = place.json(&["retain", "--dry-run"]);
    let going = &plan["plan"]["going"][0];
    assert_eq!((&going["part"], &going["rule"]), (&"original".into(), &"archived".into()));
    assert!(place.object(&admitted["sha256"]).exists(), "a dry run removes nothing");
    let thing = format!("sha256:{}", admitted["sha256"].as_str().expect("a hash"));
    let hold = ["hold", "place", &thing, "--why", "court", "--review", "2027-01-01"];
    assert_eq!(place.run(&hold).0, 0);
    assert_eq!(place.json(&["retain"])["done"]["originals"], 0, "a hold wins");
    assert_eq!(place.run(&["hold", "lift", &thing, "--why", "settled"]).0, 0);
    assert_eq!(place.json(&["retain"])["done"]["originals"], 1);
    assert!(!place.object(&admitted["sha256"]).exists());
    let (status, flac) = audio(&house, &admitted["id"]);
    assert!(status == 200 && flac.starts_with(b"fLaC"), "the rendition is played");
    let original = admitted["sha256"].as_str().expect("a hash");
    assert!(
        flac.windows(original.len()).any(|part| part == original.as_bytes()),
        "and names the original"
    );
    assert!(page(&house, &admitted).contains("the original went"));
    assert!(house.stop().success());

    for command in [&["verify"][..], &["replay"]] {
        let (code, text) = place.run(command);
        assert_eq!(code, 0, "{text}");
    }
    let kept = place.object(&hex(&flac).into());
    assert!(kept.exists());
    let (code, text) = place.run(&["erase", &admitted["id"].to_string(), "--why", "asked"]);
    assert_eq!(code, 0, "{text}");
    assert!(!kept.exists(), "the rendition goes with its recording");
    let (code, text) = place.run(&["verify"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn the_daemon_makes_it_by_itself_and_proves_it_like_any_recording() {
    let place = Place::new();
    place.settings(&SETTINGS.replace("retain_every_s = 100000", "retain_every_s = 1"));
    let house = place.house();
    let admitted = old_upload(&house, "a.wav", SOUND);
    let archived = || page(&house, &admitted).contains("flac-codec");
    until("a rendition", || archived().then_some(()));
    // Its own digest stands before that of the samples.
    let told = page(&house, &admitted);
    let at = told.find("sha256 ").expect("its digest") + "sha256 ".len();
    let path = place.object(&told[at..at + 64].into());
    let mut bytes = std::fs::read(&path).expect("its bytes");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(&path).expect("removed");
    std::fs::write(&path, &bytes).expect("written");
    let told = |code: &str| {
        let (_, page) = house.ask("GET", "/findings?lang=en", &[], b"");
        String::from_utf8_lossy(&page).contains(&format!("name=\"code\" value=\"{code}\""))
    };
    until("the finding", || told("hash_changed").then_some(()));
    assert!(!told("object_stray"), "a rendition is nobody's stray");
    assert!(house.stop().success());
    let (code, text) = place.run(&["verify"]);
    assert!(code == 1 && text.contains("hash_changed"), "{text}");
}

#[test]
fn what_is_compressed_already_is_left_as_it_is() {
    let place = Place::new();
    place.settings(SETTINGS);
    let house = place.house();
    // The same sound as A-law: no plain samples.
    let alaw: Vec<u8> = SOUND[HEAD..]
        .chunks_exact(2)
        .map(|pair| audio_codec_algorithms::encode_alaw(i16::from_le_bytes([pair[0], pair[1]])))
        .collect();
    old_upload(&house, "a.alaw", &alaw);
    let done = place.json(&["archive"]);
    assert_eq!(done["made"], 0);
    assert_eq!(done["failed"], 0);
}

#[test]
fn a_sealed_sites_renditions_are_sealed_too_and_made_once() {
    let place = Place::new();
    std::fs::write(place.path("site.key"), "1".repeat(64)).expect("written");
    let key = "id = \"default\"\nseal_key_file = \"HERE/site.key\"";
    place.settings(&SETTINGS.replace("id = \"default\"", key));
    let house = place.house();
    let alaw: Vec<u8> = SOUND[HEAD..]
        .chunks_exact(2)
        .map(|pair| audio_codec_algorithms::encode_alaw(i16::from_le_bytes([pair[0], pair[1]])))
        .collect();
    let other = old_upload(&house, "a.alaw", &alaw);
    let plain = old_upload(&house, "b.wav", SOUND);
    assert_eq!(place.json(&["archive"])["made"], 1);
    let range = |from: usize| {
        let range = format!("bytes={from}-{}", from + 9);
        let own = format!("/recordings/{}/audio", other["id"]);
        house.ask("GET", &own, &[("range", &range)], b"")
    };
    let (status, first) = range(70_000);
    assert_eq!(status, 206);
    let kept = files(&place.path("data/recordings/sealed/default/.renditions"));
    assert_eq!(kept.len(), 2, "sealed bytes and their key file: {kept:?}");
    let made_at = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified()).expect("a time");
    let before = made_at(&kept[0]);
    assert_eq!(range(70_000), (206, first), "the same again");
    assert_eq!(made_at(&kept[0]), before, "and not made again");
    for path in files(&place.path("data/recordings")) {
        let bytes = std::fs::read(&path).expect("bytes");
        assert!(!bytes.starts_with(b"RIFF") && !bytes.starts_with(b"fLaC"), "{}", path.display());
    }
    // What cannot be opened is made again.
    std::fs::remove_file(&kept[1]).expect("its key is gone");
    assert_eq!(range(0).0, 206);
    assert!(house.stop().success());
    assert_eq!(place.run(&["verify"]).0, 0);
    for one in [other, plain] {
        assert_eq!(place.run(&["erase", &one["id"].to_string(), "--why", "asked"]).0, 0);
    }
    assert_eq!(files(&place.path("data/recordings")), Vec::<PathBuf>::new(), "nothing is left");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_listens_tells_at_once_that_bytes_were_changed() {
    use ringledger::audio::child::{Limits, Listeners};
    use ringledger::store::sqlite::objects::{State, fault};
    use std::io::Write;
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = ringledger::config::Config::default();
    config.data.dir = folder.path().join("data").to_string_lossy().into_owned();
    let data = ringledger::app::open(&config, true).expect("opened");
    let mut incoming = data.archive.begin("default").expect("room");
    incoming.write_all(SOUND).expect("written");
    let (hints, at) = (Default::default(), "2026-01-02T03:04:05Z".parse().expect("a moment"));
    let admitted = data.archive.admit("default", incoming, hints, None, at, "a test").await;
    let hash = admitted.expect("admitted").sha256;
    let path = data.archive.objects.shared().local_path(&hash).expect("a file");
    let mut bytes = SOUND.to_vec();
    bytes[2000] ^= 1;
    std::fs::remove_file(&path).expect("removed");
    std::fs::write(&path, &bytes).expect("written");
    let program = house::PROGRAM.into();
    let limits = Limits { program, memory_mib_max: 256, time_s_max: 60 };
    let (site, listeners) = (&data.rules.sites["default"], Listeners::new(limits).into());
    let key = data.store.site("default").expect("a site");
    let listened = ringledger::job::listen::catch_up(&data.archive, (site, key), &listeners, 1);
    assert_eq!(listened.await.expect("listened"), 0, "what it heard is not this recording's");
    let known = data.store.read(|rows| fault(rows, key, &hash)).expect("read").expect("told");
    assert_eq!(known.state, State::Changed { found: hex(&bytes) });
    data.store.close();
}

//! What leaves the house and comes back: vCons, signed and masked; case folders that prove themselves; sealed sites.

mod house;

use house::{House, run, until};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOUND: &[u8] =
    include_bytes!("../samples/day/spool/in-8001-13800138002-20261123-183715-1795430235.3.wav");
const NUMBER: &str = "13800138002";

/// A daemon's folder in which one call was answered, recorded and registered, and the settings it ran under.
struct Desk {
    folder: tempfile::TempDir,
    config: String,
    /// The key of the recording.
    recording: i64,
}

impl Desk {
    fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("ringledger.toml").to_string_lossy().into_owned();
        std::fs::write(&config, settings.replace("HERE", &folder.path().to_string_lossy()))
            .expect("written");
        Self { folder, config, recording: 0 }
    }

    fn with_a_call(mut self) -> Self {
        let house = self.house();
        let event = |kind: &str, second: u32, more: &str| {
            let at = format!("2026-11-23T18:37:{second:02}+08:00");
            let body = format!(
                r#"{{"type":"{kind}","at":"{at}","call":"c-1","leg":"l-1","extension":"8001","from":"{NUMBER}"{more}}}"#
            );
            assert_eq!(house.deliver(&body), 200, "{body}");
        };
        event("call.offered", 15, "");
        event("leg.alerting", 16, "");
        event("leg.answered", 20, "");
        event("leg.joined", 20, "");
        // As long as its recording: nothing is found about it, however soon it is judged.
        event("call.ended", 30, "");
        let path = format!(
            "/recordings/default/in-8001-{NUMBER}.wav?call_id=c-1&starts_at=2026-11-23T10:37:20Z"
        );
        let (status, admitted) = house.ask("PUT", &path, &[], SOUND);
        assert_eq!(status, 201);
        let admitted: Value = serde_json::from_slice(&admitted).expect("JSON");
        self.recording = admitted["id"].as_i64().expect("a key");
        let entry = json!({
            "entry_id": "JB-17", "channel": "phone", "registered_at": "2026-11-23T10:38:00Z",
            "number": NUMBER, "name": "王女士", "unit": "4-2-301", "category": "repair",
            "content": format!("漏水，请回电 {NUMBER}"), "handler": "8001", "call_id": "c-1",
        });
        assert_eq!(house.ask("POST", "/api/v1/entries", &[], entry.to_string().as_bytes()).0, 201);
        let linked = |house: &House| {
            let (_, answer) = house.ask("GET", "/api/v1/entries/JB-17", &[], b"");
            let answer: Value = serde_json::from_slice(&answer).expect("JSON");
            let (_, page) = house.ask("GET", &format!("/entries/{}", answer["key"]), &[], b"");
            String::from_utf8_lossy(&page).contains("/calls/")
        };
        until("a link", || linked(&house).then_some(()));
        assert!(house.stop().success());
        self
    }

    fn house(&self) -> House {
        House::start(self.folder.path(), &["--config", &self.config])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let data = self.path("data").to_string_lossy().into_owned();
        run(&[arguments, &["--data", &data, "--config", &self.config]].concat())
    }

    fn export(&self, more: &[&str]) -> Value {
        let (code, text) = self.run(&[&["export", "vcon", "--call", "c-1"], more].concat());
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }
}

/// Whether keys can be made here; the program itself needs nothing but a file.
fn make_key(folder: &Path, name: &str) -> bool {
    let (private, public) = (folder.join(name), folder.join(format!("{name}.pub")));
    let run = |arguments: &[&str]| {
        Command::new("openssl").args(arguments).output().is_ok_and(|output| output.status.success())
    };
    let (private, public) = (private.to_string_lossy(), public.to_string_lossy());
    run(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &private])
        && run(&["pkey", "-in", &private, "-pubout", "-out", &public])
}

fn unpacked(document: &Value) -> Value {
    use base64::Engine as _;
    let payload = document["payload"].as_str().expect("a payload");
    let bytes =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("Base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[test]
fn a_call_becomes_a_vcon_with_numbers_masked_unless_a_reason_is_given() {
    let desk = Desk::new("").with_a_call();
    let masked = desk.export(&[]);
    let text = masked.to_string();
    assert!(!text.contains(NUMBER) && !text.contains("王女士"), "{text}");
    assert_eq!(masked["vcon"], "0.4.0");
    assert_eq!(masked["dialog"][0]["type"], "recording");
    assert_eq!(masked["dialog"][0]["encoding"], "base64url");
    assert_eq!(masked["attachments"][0]["body"]["entry_id"], "JB-17");
    assert!(masked["redacted"]["type"].is_string());
    let uuid = masked["uuid"].as_str().expect("a uuid");
    assert_eq!((uuid.len(), &uuid[14..15]), (36, "8"), "a UUID of version 8");
    let (code, text) = desk.run(&["export", "vcon", "--call", "c-1", "--unmasked"]);
    assert_eq!(code, 2, "whole numbers need a reason: {text}");
    let whole = desk.export(&["--unmasked", "--why", "asked by the caller"]);
    assert_eq!(whole["parties"][0]["tel"], NUMBER);
    assert_eq!(whole["redacted"], Value::Null);
    let database = rusqlite::Connection::open(desk.path("data/ringledger.db")).expect("it");
    let mut query =
        database.prepare("SELECT body FROM fact WHERE kind = 8 ORDER BY id").expect("sql");
    let said: Vec<String> = query
        .query_map([], |row| Ok(String::from_utf8_lossy(&row.get::<_, Vec<u8>>(0)?).into_owned()))
        .expect("rows")
        .map(|row| row.expect("a row"))
        .collect();
    assert_eq!(said.len(), 2, "each export is a fact: {said:?}");
    assert!(said[1].contains("export vcon") && said[1].contains("asked by the caller"), "{said:?}");
}

#[test]
fn a_vcon_taken_in_elsewhere_is_the_same_recording_and_entry() {
    let desk = Desk::new("").with_a_call();
    let file = desk.path("call.vcon").to_string_lossy().into_owned();
    let document = desk.export(&["--unmasked", "--why", "moved"]);
    std::fs::write(&file, document.to_string()).expect("written");
    let other = Desk::new("");
    let (code, text) = other.run(&["import", "vcon", &file, "--json"]);
    assert_eq!(code, 0, "{text}");
    let imported: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(imported["signature"], "none");
    assert_eq!(imported["recordings"][0]["bytes"], SOUND.len());
    assert_eq!(imported["recordings"][0]["new"], true);
    assert!(imported["entry"]["new"].is_object(), "{imported}");
    let (code, text) = other.run(&["import", "vcon", &file, "--json"]);
    let again: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((code, &again["recordings"][0]["new"]), (0, &json!(false)));
    assert_eq!(other.run(&["verify"]).0, 0);
    let house = other.house();
    let (_, answer) = house.ask("GET", "/api/v1/entries/JB-17", &[], b"");
    assert_eq!(serde_json::from_slice::<Value>(&answer).expect("JSON")["entry"]["number"], NUMBER);
}

#[test]
fn a_flipped_byte_of_sound_and_an_unknown_extension_are_refused_and_elsewhere_is_not_fetched() {
    let desk = Desk::new("").with_a_call();
    let document = desk.export(&[]);
    let tries = |document: &Value| {
        let file = desk.path("changed.vcon");
        std::fs::write(&file, document.to_string()).expect("written");
        desk.run(&["import", "vcon", &file.to_string_lossy()])
    };
    let mut changed = document.clone();
    let body = changed["dialog"][0]["body"].as_str().expect("a body").to_owned();
    changed["dialog"][0]["body"] = format!("{}AAAA", &body[..body.len() - 4]).into();
    let (code, text) = tries(&changed);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("dialog 0") && text.contains("sha512"), "{text}");
    let mut critical = document.clone();
    critical["critical"] = json!(["surprise"]);
    assert!(tries(&critical).1.contains("surprise"));
    let mut elsewhere = document;
    elsewhere["dialog"][0] = json!({ "type": "recording", "start": "2026-11-23T10:00:00Z", "url": "https://127.0.0.1:9/a.wav" });
    let (code, text) = tries(&elsewhere);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("not fetched"), "{text}");
}

#[test]
fn a_signed_vcon_is_believed_by_whoever_knows_the_key_and_a_changed_one_by_nobody() {
    let keys = tempfile::tempdir().expect("a folder");
    if !make_key(keys.path(), "own") || !make_key(keys.path(), "foreign") {
        eprintln!("no openssl here: nothing was tried");
        return;
    }
    let at = |name: &str| keys.path().join(name).to_string_lossy().into_owned();
    let desk =
        Desk::new(&format!("[exchange]\nsigning_key_file = \"{}\"\n", at("own"))).with_a_call();
    let signed = desk.export(&[]);
    assert_eq!(unpacked(&signed)["dialog"][0]["type"], "recording");
    assert_eq!(signed["signatures"][0]["header"]["uuid"], unpacked(&signed)["uuid"]);
    // Another program agrees that the signature is right.
    let part = |name: &str| signed["signatures"][0][name].as_str().expect("a text").to_owned();
    let message = format!("{}.{}", part("protected"), signed["payload"].as_str().expect("a text"));
    std::fs::write(at("message"), message).expect("written");
    use base64::Engine as _;
    let signature =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part("signature")).expect("it");
    std::fs::write(at("signature"), signature).expect("written");
    let checked = Command::new("openssl")
        .args([
            "dgst",
            "-sha256",
            "-verify",
            &at("own.pub"),
            "-signature",
            &at("signature"),
            &at("message"),
        ])
        .status()
        .expect("openssl");
    assert!(checked.success());
    let file = desk.path("call.vcon");
    let tries = |document: &Value, trusted: &str| {
        std::fs::write(&file, document.to_string()).expect("written");
        let other = Desk::new(trusted);
        other.run(&["import", "vcon", &file.to_string_lossy()])
    };
    let trusts = |name: &str| format!("[exchange]\ntrusted_keys = [\"{}\"]\n", at(name));
    let (code, text) = tries(&signed, &trusts("own.pub"));
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("signature verified by"), "{text}");
    assert!(tries(&signed, "").1.contains("not verified"), "without a key it says so");
    assert_eq!(tries(&signed, &trusts("foreign.pub")).0, 2, "a wrong key");
    let mut changed = signed;
    let payload = changed["payload"].as_str().expect("a text").to_owned();
    let at_uuid = payload.len() / 2;
    let other = if &payload[at_uuid..=at_uuid] == "A" { "B" } else { "A" };
    changed["payload"] =
        format!("{}{other}{}", &payload[..at_uuid], &payload[at_uuid + 1..]).into();
    assert_eq!(tries(&changed, &trusts("own.pub")).0, 2, "one character is another");
}

#[test]
fn a_case_folder_proves_itself_and_one_flipped_byte_is_found_and_named() {
    let desk = Desk::new("").with_a_call();
    let out = desk.path("case");
    let case = out.to_string_lossy().into_owned();
    let (code, text) = desk.run(&["export", "case", "--entry", "JB-17", "--out", &case]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(desk.run(&["export", "case", "--entry", "JB-17", "--out", &case]).0, 3, "not empty");
    let told = std::fs::read_to_string(out.join("case.json")).expect("the case");
    assert!(!told.contains(NUMBER), "masked: {told}");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["entry"]["versions"][0]["version"], 1);
    assert_eq!(told["call"]["call_id"], "c-1");
    let sound = told["recordings"][0]["file"].as_str().expect("a file").to_owned();
    assert_eq!(std::fs::read(out.join(&sound)).expect("sound"), SOUND, "as it came");
    let sums = Command::new("sha256sum")
        .args(["--check", "--quiet", "SHA256SUMS"])
        .current_dir(&out)
        .status();
    assert!(sums.expect("sha256sum").success());
    let check = || run(&["verify", "--case", &case]);
    assert_eq!(check().0, 0, "{}", check().1);
    let whole = std::fs::read(out.join(&sound)).expect("sound");
    let mut flipped = whole.clone();
    flipped[777] ^= 1;
    std::fs::write(out.join(&sound), &flipped).expect("written");
    let (code, text) = check();
    assert_eq!(code, 1);
    assert!(text.contains(&sound) && text.contains("was changed"), "{text}");
    std::fs::write(out.join(&sound), &whole).expect("written");
    std::fs::write(out.join("recordings/more.wav"), b"x").expect("written");
    assert!(check().1.contains("more.wav: is not in the manifest"));
    std::fs::remove_file(out.join("recordings/more.wav")).expect("gone");
    std::fs::remove_file(out.join("case.json")).expect("gone");
    assert!(check().1.contains("case.json: is missing"));
}

const SEALED: &str = "[keeping]\nprove_bytes_per_s = 1000000000\nprove_every_s = 1\nsweep_grace_s = 8\n\
    [[sites]]\nid = \"default\"\nseal_key_file = \"HERE/site.key\"\n[[sites.settings]]\n\
    [[sources]]\nname = \"generic\"\nadapter = \"generic\"\n";

fn sealed_desk(keys: &[(&str, char)], settings: &str) -> Desk {
    let desk = Desk::new(settings);
    for (name, digit) in keys {
        std::fs::write(desk.path(name), digit.to_string().repeat(64)).expect("written");
    }
    desk
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
    found
}

#[test]
fn a_site_with_a_key_keeps_nothing_plain_and_plays_proves_and_exports_all_the_same() {
    let desk = sealed_desk(&[("site.key", '1')], SEALED).with_a_call();
    let kept = files(&desk.path("data/recordings"));
    assert_eq!(kept.len(), 2, "sealed bytes and their key file: {kept:?}");
    for path in &kept {
        let bytes = std::fs::read(path).expect("bytes");
        assert!(!bytes.windows(12).any(|part| part == &SOUND[..12]), "{}", path.display());
    }
    let house = desk.house();
    let own = format!("/recordings/{}", desk.recording);
    // Before it was heard nobody knows whether a browser plays it as it is.
    let heard = || {
        let (_, page) = house.ask("GET", &format!("{own}?lang=en"), &[], b"");
        String::from_utf8_lossy(&page).contains("<svg")
    };
    until("measures", || heard().then_some(()));
    let range = [("range", "bytes=70000-70009")];
    let (status, part) = house.ask("GET", &format!("{own}/audio"), &range, b"");
    assert!(status == 206 && part == SOUND[70_000..70_010], "{status}");
    assert!(house.stop().success());
    assert_eq!(desk.run(&["verify"]).0, 0);
    let (code, text) = run(&["verify", "--data", &desk.path("data").to_string_lossy()]);
    assert_eq!(code, 1, "without the settings the sealed store is not known: {text}");
    std::fs::write(desk.path("site.key"), "2".repeat(64)).expect("another key");
    assert_eq!(desk.run(&["verify"]).0, 0, "a wrong key still proves");
    let (code, text) = desk.run(&["export", "vcon", "--call", "c-1"]);
    assert_eq!(code, 3, "and opens nothing: {text}");
    assert!(text.contains("not among the site's keys"), "{text}");
    std::fs::remove_file(desk.path("site.key")).expect("gone");
    let (code, text) = desk.run(&["verify"]);
    assert_eq!(code, 2, "a key that is named must be there: {text}");
}

#[test]
fn a_site_that_gets_a_key_later_and_then_another_is_sealed_and_put_under_it() {
    let plain = SEALED.replace("seal_key_file = \"HERE/site.key\"\n", "");
    let desk = sealed_desk(&[("site.key", '1'), ("new.key", '2')], &plain).with_a_call();
    let (code, text) = desk.run(&["seal"]);
    assert_eq!(code, 2, "no key, nothing to seal with: {text}");
    let with = |settings: &str| {
        let text = settings.replace("HERE", &desk.folder.path().to_string_lossy());
        std::fs::write(&desk.config, text).expect("written");
    };
    with(SEALED);
    assert_eq!(desk.run(&["verify"]).0, 0, "what is plain still is right");
    let (code, text) = desk.run(&["seal", "--json"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("\"sealed\":1"), "{text}");
    assert!(
        files(&desk.path("data/recordings"))
            .iter()
            .all(|path| path.starts_with(desk.path("data/recordings/sealed")))
    );
    let both =
        SEALED.replace("site.key\"", "new.key\"\nseal_previous_key_files = [\"HERE/site.key\"]");
    with(&both);
    let (_, text) = desk.run(&["seal", "--json"]);
    assert!(text.contains("\"rewrapped\":1"), "{text}");
    let (_, text) = desk.run(&["seal", "--json"]);
    assert!(text.contains("\"before\":1"), "{text}");
    with(&SEALED.replace("site.key", "new.key"));
    assert!(desk.export(&[])["dialog"][0]["body"].is_string());
    assert_eq!(desk.run(&["verify"]).0, 0);
    assert_eq!(desk.run(&["replay"]).0, 0);
}

#[test]
fn what_leaves_tells_of_the_archive_rendition_and_takes_it_where_the_original_is_gone() {
    const ARCHIVED: &str = "[keeping]\nretain_every_s = 100000\n[[sites]]\nid = \"default\"\n[[sites.settings]]\n\
        archive_days = 1\noriginal_days = 1\n[[sources]]\nname = \"generic\"\nadapter = \"generic\"\n";
    let desk = Desk::new(ARCHIVED).with_a_call();
    // It must have been heard first: a daemon does so.
    let house = desk.house();
    let own = format!("/recordings/{}?lang=en", desk.recording);
    let heard = || String::from_utf8_lossy(&house.ask("GET", &own, &[], b"").1).contains("<svg");
    until("measures", || heard().then_some(()));
    assert!(house.stop().success());
    let (code, text) = desk.run(&["archive"]);
    assert!(code == 0 && text.starts_with("1 archive renditions made"), "{text}");
    let told = |document: &Value| {
        let all = document["analysis"].as_array().expect("a list").clone();
        all.into_iter().find(|one| one["schema"] == "archived").expect("the archive's")
    };
    let document = desk.export(&[]);
    let archived = &told(&document)["body"]["archived"];
    assert_eq!(archived["codec"], "FLAC");
    assert_eq!(archived["original_gone_at"], Value::Null);
    assert_eq!(document["dialog"][0]["mediatype"], "audio/x-wav", "the original is what leaves");
    let (code, text) = desk.run(&["retain"]);
    assert!(code == 0 && text.contains("0 erased and 1 originals"), "{text}");
    let document = desk.export(&[]);
    assert_eq!(document["dialog"][0]["mediatype"], "audio/flac");
    assert_eq!(told(&document)["body"]["original_sha256"].as_str().map(str::len), Some(64));
    let out = desk.path("case");
    let (code, text) =
        desk.run(&["export", "case", "--entry", "JB-17", "--out", &out.to_string_lossy()]);
    assert_eq!(code, 0, "{text}");
    let case = std::fs::read(out.join("case.json")).expect("a case");
    let case: Value = serde_json::from_slice(&case).expect("JSON");
    let recording = &case["recordings"][0];
    assert_eq!(recording["archived"]["pcm_sha256"], archived["pcm_sha256"]);
    let file = recording["file"].as_str().expect("a name");
    assert!(file.ends_with(".flac"), "{file}");
    assert!(std::fs::read(out.join(file)).expect("its bytes").starts_with(b"fLaC"));
    assert_eq!(run(&["verify", "--case", &out.to_string_lossy()]).0, 0);
}

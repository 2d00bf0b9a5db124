//! Deliveries that bring the recording with them: forms with a file in them, from any sender.

mod fetching;
mod house;

use chrono::Utc;
use fetching::SOUND;
use house::{House, until};
use serde_json::Value;

const SETTINGS: &str = r#"
[[sites]]
id = "default"
[[sites.settings]]
[[sources]]
name = "generic"
adapter = "generic"
[[sources]]
name = "mapped-form"
adapter = "generic"
field_map = "HERE/form.toml"
[[sources]]
name = "mapped-json"
adapter = "generic"
field_map = "HERE/json.toml"
"#;

const FORM_MAP: &str = r#"
body = "form"
[fields]
call = "session"
from = "caller"
type = "action"
at = "ts"
extension = "agent"
"recording.name" = "sound"
[types]
done = ["call.offered", "leg.answered", "leg.joined", "recording.announced", "call.ended"]
[time]
format = "%Y-%m-%d %H:%M:%S"
zone = "Asia/Shanghai"
"#;

const JSON_MAP: &str = r#"
body = "json"
[fields]
call = "event.session.id"
from = "event.caller"
type = "event.action"
at = "event.ts"
extension = "event.agent"
[types]
done = ["call.offered", "leg.answered", "leg.joined", "call.ended"]
[time]
format = "%Y-%m-%d %H:%M:%S"
zone = "Asia/Shanghai"
"#;

/// A form with fields and one file (RFC 7578).
fn form(fields: &[(&str, &str)], file: (&str, &str), sound: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    let (name, file) = file;
    let head = format!(
        "--xx\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\nContent-Type: audio/wav\r\n\r\n"
    );
    body.extend(head.into_bytes());
    body.extend_from_slice(sound);
    body.extend(b"\r\n--xx--\r\n");
    body
}

fn post(house: &House, source: &str, body: &[u8]) -> Value {
    let head = [("content-type", "Multipart/Form-Data; boundary=xx")];
    let (status, answer) = house.ask("POST", &format!("/hook/{source}"), &head, body);
    assert_eq!(status, 200);
    serde_json::from_slice(&answer).expect("JSON")
}

/// Waits for the recording on the page of the call that a delivery made; its bytes.
fn sound_of(house: &House, delivery: &Value) -> Vec<u8> {
    let call = format!("/calls/{}", delivery["id"].as_i64().expect("a fact") * 256);
    let audio = until("the recording on its call's page", || {
        let page = String::from_utf8(house.ask("GET", &call, &[], b"").1).expect("text");
        let (_, rest) = page.split_once("src=\"/recordings/")?;
        Some(format!("/recordings/{}", rest.split('"').next().expect("an end")))
    });
    house.ask("GET", &audio, &[], b"").1
}

/// The sound with other bytes at its end, so that each delivery brings a recording of its own.
fn sound(last: u8) -> Vec<u8> {
    let mut sound = SOUND.to_vec();
    let end = sound.len() - 1;
    sound[end] = last;
    sound
}

#[test]
fn a_file_in_a_form_is_kept_and_belongs_to_the_call_of_the_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path().to_string_lossy();
    for (name, text) in [
        ("ringledger.toml", SETTINGS.replace("HERE", &here)),
        ("form.toml", FORM_MAP.to_owned()),
        ("json.toml", JSON_MAP.to_owned()),
    ] {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let config = folder.path().join("ringledger.toml").to_string_lossy().into_owned();
    let house = House::start(folder.path(), &["--config", &config]);

    // The recording of a form comes when its call has just ended.
    let now = Utc::now();
    let (iso, local) = (now.to_rfc3339(), now.with_timezone(&chrono_tz::Asia::Shanghai));
    let local = local.format("%Y-%m-%d %H:%M:%S").to_string();
    let own = |kind: &str| {
        let fields = [
            ("type", kind),
            ("at", iso.as_str()),
            ("call", "c-1"),
            ("leg", "l"),
            ("extension", "8001"),
        ];
        post(&house, "generic", &form(&fields, ("recording", "a.wav"), &sound(1)))
    };
    let first = own("recording.announced");
    assert_eq!(first["understood"], true, "{first}");
    assert_eq!(own("recording.announced")["repeated"], true);
    assert!(sound_of(&house, &first) == sound(1));

    let fields = [
        ("action", "done"),
        ("ts", local.as_str()),
        ("session", "c-2"),
        ("agent", "8001"),
        ("caller", "13800138002"),
    ];
    let mapped = post(&house, "mapped-form", &form(&fields, ("sound", "b.wav"), &sound(2)));
    assert_eq!(mapped["understood"], true, "{mapped}");
    assert!(sound_of(&house, &mapped) == sound(2));

    let event = format!(
        r#"{{"action":"done","ts":"{local}","session":{{"id":"c-3"}},"agent":"8001","caller":"13800138003"}}"#
    );
    let mapped = post(
        &house,
        "mapped-json",
        &form(&[("event", event.as_str())], ("file", "c.wav"), &sound(3)),
    );
    assert_eq!(mapped["understood"], true, "{mapped}");
    assert!(sound_of(&house, &mapped) == sound(3));
    assert!(house.stop().success());
}

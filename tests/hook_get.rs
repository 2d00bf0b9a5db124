//! Some phone systems put all that they say into the address of a GET: each is kept once, proves itself, and folds to the
//! call that the same words in a body fold to.

mod house;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use house::{House, run, until};
use rusqlite::Connection;
use serde_json::Value;
use sha1::Sha1;
use std::fs;
use std::path::Path;

/// A daemon with one source.
fn house(folder: &Path, adapter: &str, more: &str) -> House {
    let path = folder.join("ringledger.toml");
    let text = format!(
        "[[sites]]\nid = \"one\"\n[[sites.settings]]\ntime_zone = \"Asia/Shanghai\"\n\
         desk_extensions = [\"8001\", \"8002\", \"8003\"]\n\
         [[sources]]\nname = \"front\"\nsite = \"one\"\nadapter = \"{adapter}\"\n{more}\n"
    );
    fs::write(&path, text).expect("settings");
    House::start(folder, &["--config", &path.display().to_string()])
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("data/ringledger.db")).expect("the database")
}

/// The one call there is, once it is over.
fn call(folder: &Path) -> Value {
    until("the call and its end", || {
        let database = database(folder);
        let mut query = database.prepare("SELECT doc FROM call").expect("a query");
        let docs = query.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        let docs: Vec<Value> =
            docs.map(|doc| serde_json::from_str(&doc.expect("a row")).expect("JSON")).collect();
        match docs.as_slice() {
            [only] if !only["ended_at"].is_null() => Some(only.clone()),
            _ => None,
        }
    })
}

fn get(house: &House, target: &str, head: &[(&str, &str)]) -> (u16, Value) {
    let (status, body) = house.ask("GET", target, head, b"");
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Recorded deliveries of a scenario, and the verdicts that they come to.
fn scenario(name: &str) -> (Vec<Value>, Vec<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pbx").join(name);
    let read = |ending: &str| {
        fs::read_to_string(format!("{}.{ending}", path.display())).expect("a scenario")
    };
    let lines = read("deliveries.jsonl");
    let lines = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let calls: Value = serde_json::from_str(&read("calls.json")).expect("JSON");
    let calls = calls["calls"].as_array().expect("calls").iter();
    (lines, calls.map(|call| call["verdict"].as_str().unwrap_or_default().to_owned()).collect())
}

/// The fields of a form or a flat object as a query.
fn query(body: &str) -> String {
    if !body.starts_with('{') {
        return body.to_owned();
    }
    let fields: serde_json::Map<String, Value> = serde_json::from_str(body).expect("JSON");
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &fields {
        query.append_pair(name, value.as_str().unwrap_or(&value.to_string()));
    }
    query.finish()
}

#[test]
fn hooks_of_a_dialplan_come_by_address_with_their_token_which_is_kept_nowhere() {
    const TOKEN: &str = "sesame-4711";
    let folder = tempfile::tempdir().expect("a folder");
    let house = house(folder.path(), "asterisk", &format!("secret = \"{TOKEN}\""));
    let hook = |fields: &str, time: &str, token: &str| {
        format!(
            "/hook/front?{fields}&linkedid=1.1&time=2026-11-23%2010%3A00%3A{time}&{token}={TOKEN}"
        )
    };
    let hooks = [
        hook(
            "event=incoming&uniqueid=1.1&channel=PJSIP%2Ftrunk-1&caller=13800138001&did=8001",
            "00.000",
            "token",
        ),
        hook("event=ring&uniqueid=1.2&channel=PJSIP%2F8001-2", "00.100", "access_token"),
        hook("event=answer&uniqueid=1.2&channel=PJSIP%2F8001-2", "06.000", "tok%65n"),
        hook(
            "event=hangup&uniqueid=1.1&channel=PJSIP%2Ftrunk-1&hangupcause=16&dialstatus=ANSWER",
            "30.000",
            "token",
        ),
    ];
    let mut ids = Vec::new();
    for hook in &hooks {
        let (status, said) = get(&house, hook, &[]);
        ids.push(said["id"].clone());
        assert_eq!(
            (status, &said["repeated"], &said["understood"]),
            (200, &false.into(), &true.into()),
            "{hook}: {said}"
        );
    }
    for (hook, known) in hooks.iter().zip(ids) {
        let (status, said) = get(&house, hook, &[]);
        assert_eq!((status, &said["repeated"], &said["id"]), (200, &true.into(), &known), "{said}");
    }
    // The token is no part of what it says.
    let bearer = format!("Bearer {TOKEN}");
    let bare = hooks[0].replace(&format!("&token={TOKEN}"), "");
    assert_eq!(get(&house, &bare, &[("authorization", &bearer)]).1["repeated"], true);
    assert_eq!(get(&house, &bare, &[]).0, 401);
    assert_eq!(get(&house, &hooks[0].replace(TOKEN, "wrong"), &[]).0, 401);
    let call = call(folder.path());
    assert_eq!(
        (&call["call_id"], &call["direction"]),
        (&"1.1".into(), &"inbound".into()),
        "{call}"
    );
    assert!(call["caller"].to_string().contains("13800138001"), "{call}");
    assert!(house.stop().success());
    let facts: i64 = database(folder.path())
        .query_row("SELECT count(*) FROM fact WHERE kind = 1", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(facts, hooks.len() as i64);
    for file in fs::read_dir(folder.path().join("data")).expect("the data").flatten() {
        let bytes = fs::read(file.path()).unwrap_or_default();
        let found = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
        assert!(!found, "the token stands in {}", file.path().display());
    }
    let (config, data) = (folder.path().join("ringledger.toml"), folder.path().join("data"));
    let (config, data) = (config.display().to_string(), data.display().to_string());
    let (code, told) = run(&["replay", "--config", &config, "--data", &data]);
    assert_eq!(code, 0, "what is kept says the same without the token: {told}");
}

#[test]
fn a_cloud_centre_that_sends_all_by_address_is_read_by_its_field_map() {
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/pbx/7moor.toml");
    let folder = tempfile::tempdir().expect("a folder");
    let more = format!("field_map = \"{}\"\nsecret = \"t\"", map.display());
    let house = house(folder.path(), "generic", &more);
    let (deliveries, mut wanted) = scenario("generic/7moor");
    for delivery in &deliveries {
        assert_eq!(delivery["method"], "GET");
        let (_, asked) =
            delivery["target"].as_str().expect("a target").split_once('?').expect("a query");
        let (status, _) = get(&house, &format!("/hook/front?{asked}&token=t"), &[]);
        assert_eq!(status, 200, "{asked}");
    }
    wanted.sort();
    until("the calls of the scenario", || {
        let database = database(folder.path());
        let mut query = database.prepare("SELECT doc FROM call ORDER BY key").expect("a query");
        let docs = query.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        let mut all: Vec<String> = docs
            .map(|doc| {
                let doc: Value = serde_json::from_str(&doc.expect("a row")).expect("JSON");
                doc["verdict"]["verdict"].as_str().unwrap_or_default().to_owned()
            })
            .collect();
        all.sort();
        (all == wanted).then_some(())
    });
}

#[test]
fn a_signed_address_is_checked_whole_and_folds_as_the_posted_form_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = "12345";
    let house = house(
        folder.path(),
        "twilio",
        &format!("secret = \"{secret}\"\npublic_url = \"https://ring.example.com\""),
    );
    let sign = |target: &str| {
        let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("a key");
        mac.update(format!("https://ring.example.com{target}").as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    };
    let (deliveries, _) = scenario("twilio/answered");
    for delivery in &deliveries {
        let target = format!("/hook/front?{}", query(delivery["body"].as_str().expect("a form")));
        let proof = sign(&target);
        let (status, said) = get(&house, &target, &[("x-twilio-signature", &proof)]);
        assert_eq!((status, &said["understood"]), (200, &true.into()), "{said}");
        let (status, said) = get(&house, &target, &[("x-twilio-signature", &proof)]);
        assert_eq!((status, &said["repeated"]), (200, &true.into()), "{said}");
        let other = format!("{target}&CallStatus=busy");
        assert_eq!(get(&house, &other, &[("x-twilio-signature", &proof)]).0, 401);
    }
    let call = call(folder.path());
    assert_eq!(call["verdict"]["verdict"], "within", "{call}");
}

#[test]
fn an_application_whose_hooks_are_set_to_get_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = house(folder.path(), "jambonz", "");
    let (deliveries, _) = scenario("jambonz/answered");
    for delivery in &deliveries {
        let target = format!("/hook/front?{}", query(delivery["body"].as_str().expect("JSON")));
        let (status, said) = get(&house, &target, &[]);
        let (kept, read) = (&said["repeated"] == false, &said["understood"] == true);
        assert_eq!((status, kept, read), (200, true, true), "{said}");
    }
    let call = call(folder.path());
    // It tells no time, and all came at once: the wait is nothing.
    assert_eq!(
        (&call["verdict"]["verdict"], &call["precision"]),
        (&"within".into(), &"receiver".into()),
        "{call}"
    );
}

#[test]
fn a_proxy_may_say_it_by_address_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = house(folder.path(), "kamailio", "secret = \"k\"");
    let (deliveries, _) = scenario("kamailio/answered");
    for delivery in &deliveries {
        let target = format!("/hook/front?{}", query(delivery["body"].as_str().expect("JSON")));
        let (status, said) = get(&house, &target, &[("authorization", "Bearer k")]);
        assert_eq!(
            (status, &said["understood"], &said["repeated"]),
            (200, &true.into(), &false.into()),
            "{said}"
        );
    }
    let call = call(folder.path());
    assert_eq!(call["verdict"]["verdict"], "within", "{call}");
    assert_eq!(call["verdict"]["ring"], 2, "{call}");
}

#[test]
fn reports_of_a_crm_template_may_be_sent_by_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = house(folder.path(), "threecx", "secret = \"k\"");
    let report = r#"{"call_type":"Inbound","number":"13800138001","name":"","agent":"8001","queue":"",
        "recording":"","duration":"40","started_at":"2026-11-23T02:00:00Z",
        "answered_at":"2026-11-23T02:00:03Z","ended_at":"2026-11-23T02:00:43Z"}"#;
    let target = format!("/hook/front?{}", query(report));
    let head = [("authorization", "Bearer k")];
    let (status, said) = get(&house, &target, &head);
    assert_eq!((status, &said["understood"]), (200, &true.into()), "{said}");
    let call = call(folder.path());
    assert_eq!(call["verdict"]["verdict"], "within", "{call}");
    // Another call in the same words but one is another delivery.
    let (_, other) = get(&house, &target.replace("13800138001", "13800138002"), &head);
    assert_eq!(other["repeated"], false, "{other}");
}

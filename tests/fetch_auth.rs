//! What hosts want to see before they give a recording away, told by hosts that look.

mod fetching;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use fetching::{Answer, Desk, FileServer, SOUND, at, file, status};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use md5::{Digest, Md5};
use ringledger::store::sqlite::fetches::{Fetch, State};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

fn words(value: &Value) -> Answer {
    let body = value.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Answer::Bytes((head + &body).into_bytes())
}

fn header(asked: &str, name: &str) -> Option<String> {
    let line = asked.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: ")))?;
    Some(line.split_once(": ")?.1.to_owned())
}

fn hex(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fields(proof: &str) -> BTreeMap<String, String> {
    let pairs = proof.trim_start_matches("Digest ").split(", ");
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or_else(|| panic!("{proof}"));
        (name.to_owned(), value.trim_matches('"').to_owned())
    };
    pairs.map(pair).collect()
}

fn all_fetched(desk: &Desk) -> Vec<Fetch> {
    let all = desk.fetches();
    assert!(all.iter().all(|fetch| fetch.state == State::Fetched), "{all:?}");
    all
}

#[tokio::test]
async fn a_digest_is_answered_as_the_standard_says_and_the_secret_does_not_travel() {
    // RFC 7616 section 3.4, and section 3.4.1 of RFC 2617 for a host that names no quality.
    for quality in [r#", qop="auth""#, ""] {
        let asks = format!(
            "www-authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: Digest realm=\"recordings\", nonce=\"n-1\", \
             algorithm=MD5{quality}, opaque=\"o\""
        );
        let server = FileServer::start(vec![status(401, &asks), file(SOUND)]);
        let settings = format!(
            "{}\nfetch_url = \"{}\"\nfetch_auth = \"digest\"\nfetch_user = \"cdr\"\nfetch_secret = \"pass word\"",
            server.hosts(),
            server.url("/recapi?filename={name}")
        );
        let desk = Desk::open(&settings);
        desk.answered_call("c-1", "auto-1.wav").await;
        desk.take_due(at(0)).await;
        all_fetched(&desk);
        let asked = server.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!(header(&asked[0], "authorization"), None, "{asked:?}");
        let proof = header(&asked[1], "authorization").expect("a proof");
        let told = fields(&proof);
        assert_eq!(told["uri"], "/recapi?filename=auto-1.wav");
        assert_eq!((&told["nonce"], &told["opaque"]), (&"n-1".to_owned(), &"o".to_owned()));
        let (user, what) =
            (hex("cdr:recordings:pass word"), hex("GET:/recapi?filename=auto-1.wav"));
        let wanted = match quality {
            "" => hex(&format!("{user}:n-1:{what}")),
            _ => hex(&format!("{user}:n-1:{}:{}:auth:{what}", told["nc"], told["cnonce"])),
        };
        assert_eq!(told["response"], wanted, "{proof}");
        assert!(!asked.concat().contains("pass"), "{asked:?}");
    }
}

fn digest(server: &FileServer) -> String {
    let who = "fetch_auth = \"digest\"\nfetch_user = \"cdr\"\nfetch_secret = \"pass\"";
    format!("{}\n{who}", server.hosts())
}

#[tokio::test]
async fn a_host_that_wants_the_secret_itself_does_not_get_it_for_a_digest() {
    let server =
        FileServer::start(vec![status(401, "www-authenticate: Basic realm=\"x\""), file(SOUND)]);
    let desk = Desk::open(&digest(&server));
    desk.answered_call("c-1", &server.url("/1.wav")).await;
    desk.take_due(at(0)).await;
    let fetch = desk.only();
    assert!(fetch.error.is_some_and(|why| why.contains("no digest is asked for")));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_digest_that_is_refused_says_so_and_is_not_tried_in_a_circle() {
    let asks = "www-authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
    let server = FileServer::start(vec![status(401, asks)]);
    let desk = Desk::open(&digest(&server));
    desk.answered_call("c-1", &server.url("/1.wav")).await;
    desk.take_due(at(0)).await;
    assert!(desk.only().error.is_some_and(|why| why.contains("it refuses the credentials")));
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_web_token_of_our_own_is_good_to_the_host_that_knows_the_key() {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let private: Pkcs8V1Der<'_> = pair.as_der().expect("its form");
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("its form");
    let pem = |kind: &str, der: &[u8]| {
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
    };
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key.pem");
    fs::write(&key, pem("PRIVATE KEY", private.as_ref())).expect("written");
    let server = FileServer::start(vec![file(SOUND)]);
    let settings = format!(
        "{}\nfetch_auth = \"jwt\"\nfetch_user = \"app-1\"\nfetch_secret_file = \"{}\"",
        server.hosts(),
        key.display()
    );
    let desk = Desk::open(&settings);
    desk.answered_call("c-1", &server.url("/1.wav")).await;
    desk.answered_call("c-2", &server.url("/2.wav")).await;
    desk.take_due(at(0)).await;
    all_fetched(&desk);
    let known =
        DecodingKey::from_rsa_pem(pem("PUBLIC KEY", public.as_ref()).as_bytes()).expect("a key");
    let mut rules = Validation::new(Algorithm::RS256);
    // The desk's clock stands.
    rules.validate_exp = false;
    rules.set_required_spec_claims(&["exp"]);
    let tokens: Vec<Value> = server
        .asked()
        .iter()
        .map(|asked| {
            let proof = header(asked, "authorization").expect("a proof");
            let token = proof.strip_prefix("Bearer ").expect("a bearer token").to_owned();
            decode::<Value>(&token, &known, &rules).expect("signed by that key").claims
        })
        .collect();
    for claims in &tokens {
        assert_eq!(claims["application_id"], "app-1");
        assert_eq!(claims["iat"], at(0).timestamp());
        assert_eq!(claims["exp"], (at(0) + TimeDelta::minutes(5)).timestamp());
    }
    let other = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let other: PublicKeyX509Der<'_> = other.public_key().as_der().expect("its form");
    let other =
        DecodingKey::from_rsa_pem(pem("PUBLIC KEY", other.as_ref()).as_bytes()).expect("a key");
    let proof = header(&server.asked()[0], "authorization").expect("a proof");
    assert!(decode::<Value>(&proof["Bearer ".len()..], &other, &rules).is_err(), "the host looks");
}

fn two_steps(server: &FileServer, more: &str) -> String {
    format!(
        "{}\nfetch_url = \"{}\"\nfetch_auth = \"token\"\nfetch_user = \"client\"\nfetch_secret = \"hidden\"\n\
         fetch_token_url = \"{}\"\n{more}",
        server.hosts(),
        server.url("/openapi/v1.0/recording/download?file={name}"),
        server.url("/openapi/v1.0/get_token")
    )
}

fn token(text: &str) -> Answer {
    words(
        &json!({"errcode": 0, "errmsg": "SUCCESS", "access_token_expire_time": 1800, "access_token": text,
        "refresh_token_expire_time": 86400, "refresh_token": "r"}),
    )
}

fn lies_at(to: &str) -> Answer {
    words(
        &json!({"errcode": 0, "errmsg": "SUCCESS", "file": "20261123-1.wav", "download_resource_url": to}),
    )
}

fn first_lines(server: &FileServer) -> Vec<String> {
    let line = |asked: String| asked.lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
    server.asked().into_iter().map(line).collect()
}

#[tokio::test]
async fn a_token_is_got_once_and_leads_to_each_file_in_two_steps() {
    let answers = vec![
        token("T1"),
        lies_at("/api/download/x-1.wav"),
        file(SOUND),
        lies_at("/api/download/x-2.wav"),
        file(SOUND),
        token("T2"),
        lies_at("/api/download/x-3.wav"),
        file(SOUND),
    ];
    let server = FileServer::start(answers);
    let desk = Desk::open(&two_steps(&server, ""));
    for (call, minutes) in [("c-1", 0), ("c-2", 20), ("c-3", 40)] {
        desk.answered_call(call, &format!("{call}.wav")).await;
        desk.take_due(at(0) + TimeDelta::minutes(minutes)).await;
    }
    let key = all_fetched(&desk)[0].recording.expect("its recording");
    assert_eq!(desk.recording(key).hints.name, "20261123-1.wav", "the name that the host says");
    let step = |file: &str, token: &str| {
        format!("GET /openapi/v1.0/recording/download?file={file}.wav&access_token={token}")
    };
    let lines = first_lines(&server);
    assert_eq!(
        lines,
        [
            "POST /openapi/v1.0/get_token",
            &step("c-1", "T1"),
            "GET /api/download/x-1.wav?access_token=T1",
            &step("c-2", "T1"),
            "GET /api/download/x-2.wav?access_token=T1",
            "POST /openapi/v1.0/get_token",
            &step("c-3", "T2"),
            "GET /api/download/x-3.wav?access_token=T2",
        ]
    );
    let asked = &server.asked()[0];
    assert!(asked.ends_with(r#"{"password":"hidden","username":"client"}"#), "{asked}");
    assert_eq!(header(asked, "content-type").as_deref(), Some("application/json"));
    assert!(header(asked, "user-agent").is_some(), "without it nothing is answered");
    let told: Vec<bool> = server.asked().iter().map(|asked| asked.contains("hidden")).collect();
    let posted: Vec<bool> = lines.iter().map(|line| line.starts_with("POST")).collect();
    assert_eq!(told, posted, "the secret goes where tokens are given, and nowhere else");
}

#[tokio::test]
async fn a_token_that_ended_early_is_renewed_once_and_then_believed_to_be_of_no_use() {
    let ended = || words(&json!({"errcode": 10004, "errmsg": "ACCESS TOKEN EXPIRED"}));
    let answers = vec![
        token("T1"),
        lies_at("/1"),
        file(SOUND),
        ended(),
        token("T2"),
        lies_at("/2"),
        file(SOUND),
        ended(),
        token("T3"),
        ended(),
    ];
    let server = FileServer::start(answers);
    let desk = Desk::open(&two_steps(&server, ""));
    for call in ["c-1", "c-2"] {
        desk.answered_call(call, &format!("{call}.wav")).await;
        desk.take_due(at(0)).await;
    }
    all_fetched(&desk);
    desk.answered_call("c-3", "c-3.wav").await;
    desk.take_due(at(0)).await;
    let fetch = desk.fetches().pop().expect("the last");
    let why = fetch.error.unwrap_or_default();
    assert!(why.contains("10004 ACCESS TOKEN EXPIRED") && !why.contains("T3"), "{why}");
    assert_eq!(server.asked().len(), 10, "{:?}", first_lines(&server));
}

#[tokio::test]
async fn a_refused_client_is_told_so_and_not_asked_again_at_once() {
    let answers = vec![
        words(&json!({"errcode": 40001, "errmsg": "WRONG CLIENT"})),
        token("T"),
        lies_at("/1"),
        file(SOUND),
    ];
    let server = FileServer::start(answers);
    let mut desk = Desk::open(&two_steps(&server, ""));
    desk.answered_call("c-1", "1.wav").await;
    desk.answered_call("c-2", "2.wav").await;
    desk.take_due(at(0)).await;
    assert_eq!(server.asked().len(), 1, "who fails too often is locked out");
    for fetch in desk.fetches() {
        let why = fetch.error.unwrap_or_default();
        assert!(why.contains("40001 WRONG CLIENT") && why.contains("fetch_secret"), "{why}");
        assert!(!why.contains("hidden"), "{why}");
        assert!(
            fetch.due_at.expect("tried again") >= at(0) + TimeDelta::minutes(9),
            "{:?}",
            fetch.due_at
        );
    }
    // Other settings are tried at once, also where the grace was over meanwhile.
    desk.take_due(at(700)).await;
    desk.configure(&two_steps(&server, "").replace("\"hidden\"", "\"other\""), at(800)).await;
    desk.take_due(at(800)).await;
    assert!(
        desk.fetches().iter().any(|fetch| fetch.state == State::Fetched),
        "{:?}",
        desk.fetches()
    );
}

#[tokio::test]
async fn a_token_stays_with_the_host_that_gave_it() {
    let store = FileServer::start(vec![file(SOUND)]);
    let server =
        FileServer::start(vec![token("T"), lies_at(&store.url("/elsewhere.wav")), status(404, "")]);
    let both = format!("fetch_private_hosts = [\"{}\", \"{}\"]", server.address, store.address);
    let settings = two_steps(&server, "").replace(&server.hosts(), &both);
    let desk = Desk::open(&settings);
    desk.answered_call("c-1", "1.wav").await;
    desk.take_due(at(0)).await;
    all_fetched(&desk);
    assert!(!store.asked()[0].contains("access_token"), "{:?}", store.asked());
    // An announced address on another host of the source's is asked without one.
    desk.answered_call("c-2", &store.url("/2.wav")).await;
    desk.take_due(at(0)).await;
    all_fetched(&desk);
    assert!(!store.asked()[1].contains("access_token"), "{:?}", store.asked());
    assert_eq!(server.asked().len(), 2);
}

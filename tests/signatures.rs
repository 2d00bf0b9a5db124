//! Proof of the sender: signatures and tokens, right and wrong, at the edge of time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use ringledger::pbx::{self, Delivery, Refusal, Secret, signature};
use serde_json::Value;
use sha2::Sha256;
use std::path::Path;

const KEY: [u8; 32] = [7; 32];
const BODY: &str = r#"{"type":"call.offered","at":"2026-11-23T10:00:00Z","call":"c"}"#;
/// 2026-11-23T02:00:00Z
const RECEIVED: i64 = 1_795_399_200;

fn secret() -> Secret {
    Secret(format!("whsec_{}", STANDARD.encode(KEY)))
}

fn signed(timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).expect("a key");
    mac.update(format!("msg_1.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn delivery(headers: &[(&str, &str)]) -> Delivery {
    Delivery {
        received_at: chrono::DateTime::from_timestamp(RECEIVED, 500_000_000).expect("a moment"),
        method: "POST".into(),
        target: "/hook/front".into(),
        headers: headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        body: BODY.into(),
    }
}

fn accepts(headers: &[(&str, &str)], secret: &Secret) -> bool {
    pbx::named("generic").expect("it").authenticate(&delivery(headers), secret).is_ok()
}

fn with(timestamp: i64, signature: &str) -> bool {
    let timestamp = timestamp.to_string();
    let headers = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", timestamp.as_str()),
        ("webhook-signature", signature),
    ];
    accepts(&headers, &secret())
}

#[test]
fn a_right_signature_opens_and_any_other_does_not() {
    let right = signed(&RECEIVED.to_string(), BODY);
    assert!(with(RECEIVED, &right));
    assert!(with(RECEIVED, &format!("v1,AAAA {right}")), "one match is enough");
    assert!(with(RECEIVED, &format!("v2,x nonsense {right}")), "other versions are skipped");
    assert!(!with(RECEIVED, &signed(&RECEIVED.to_string(), "another body")));
    assert!(!with(RECEIVED + 1, &right), "the time is signed too");
    assert!(!accepts(&[], &secret()), "no signature at all");
}

#[test]
fn time_is_judged_to_the_second_on_both_sides() {
    for (age, opens) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let at = RECEIVED - age;
        assert_eq!(with(at, &signed(&at.to_string(), BODY)), opens, "{age} s old");
    }
}

#[test]
fn a_public_key_checks_v1a_and_nothing_else() {
    let key = SigningKey::from_bytes(&KEY);
    let secret = Secret(format!("whpk_{}", STANDARD.encode(key.verifying_key().to_bytes())));
    let text = format!("msg_1.{RECEIVED}.{BODY}");
    let signature = format!("v1a,{}", STANDARD.encode(key.sign(text.as_bytes()).to_bytes()));
    let timestamp = RECEIVED.to_string();
    let headers = |signature: &str| {
        let headers = [
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", timestamp.as_str()),
            ("webhook-signature", signature),
        ];
        accepts(&headers, &secret)
    };
    assert!(headers(&signature));
    assert!(!headers(&signed(&timestamp, BODY)));
}

#[test]
fn a_token_comes_by_header_basic_or_query() {
    let secret = Secret("s3cret".into());
    let basic = format!("Basic {}", STANDARD.encode("pbx:s3cret"));
    assert!(accepts(&[("authorization", "Bearer s3cret")], &secret));
    assert!(accepts(&[("authorization", &basic)], &secret));
    assert!(accepts(&[("x-ringledger-token", "s3cret")], &secret));
    assert!(!accepts(&[("authorization", "Bearer s3cre")], &secret));
    assert!(!accepts(&[], &secret));
    let mut asked = delivery(&[]);
    asked.target = "/hook/front?token=s3cret".into();
    assert!(pbx::named("asterisk").expect("it").authenticate(&asked, &secret).is_ok());
}

/// Vectors from a file beside this one.
fn vectors(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/signatures").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).expect("vectors")).expect("JSON")
}

/// Runs a list of vectors; every one must be judged as it says.
fn run(
    list: &Value,
    delivery: fn(&Value) -> Delivery,
    proof: &dyn Fn(&Delivery, &Secret) -> Result<(), Refusal>,
) {
    let list = list.as_array().expect("a list");
    assert!(list.len() > 15);
    for vector in list {
        let secret = vector["secret"].as_str().or(vector["public_key"].as_str()).expect("a secret");
        let judged = proof(&delivery(vector), &Secret(secret.to_owned()));
        assert_eq!(judged.is_ok(), vector["valid"] == true, "{}: {judged:?}", vector["why"]);
        if let Err(refusal) = judged {
            assert!(!refusal.to_string().contains(secret), "the secret is told: {refusal}");
        }
    }
}

/// A request as a vector gives it: `url`, `method`, `headers`, `body`, `at`.
fn request(vector: &Value) -> Delivery {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let url = text(&vector["url"]);
    let (host, path) =
        url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).expect("a URL");
    let mut headers: Vec<(String, String)> = Vec::new();
    for header in vector["headers"].as_array().expect("headers") {
        headers.push((text(&header[0]).to_ascii_lowercase(), text(&header[1])));
    }
    if !headers.iter().any(|(name, _)| name == "host") {
        headers.push(("host".into(), host.into()));
    }
    Delivery {
        received_at: text(&vector["at"]).parse().expect("a moment"),
        method: text(&vector["method"]),
        target: format!("/{path}"),
        headers,
        body: text(&vector["body"]).into(),
    }
}

/// A body with headers: `received_at_unix_s`, `body`, and `name_of_header`.
fn signed_body(vector: &Value) -> Delivery {
    let names = ["webhook_id", "webhook_timestamp", "webhook_signature", "jambonz_signature"];
    let header = |name: &&str| Some((name.replace('_', "-"), vector[*name].as_str()?.to_owned()));
    let at = vector["received_at_unix_s"].as_i64().expect("seconds");
    Delivery {
        received_at: chrono::DateTime::from_timestamp(at, 500_000_000).expect("a moment"),
        method: "POST".into(),
        target: "/hook/front".into(),
        headers: names.iter().filter_map(header).collect(),
        body: vector["body"].as_str().expect("a body").to_owned().into(),
    }
}

#[test]
fn every_vector_of_standard_webhooks_is_judged_right() {
    run(&vectors("standard.json")["vectors"], signed_body, &signature::standard_webhooks);
}

#[test]
fn every_vector_of_a_hash_over_time_and_body_is_judged_right() {
    run(&vectors("timed-body.json")["vectors"], signed_body, &|delivery, secret| {
        signature::timed_body_signed(delivery, secret, "jambonz-signature")
    });
}

/// The proof that a dialect asks for.
fn run_dialect(vendor: &str) {
    let pbx = pbx::named(vendor).expect("a dialect");
    run(&vectors("vendors.json")[vendor]["vectors"], request, &|delivery, secret| {
        pbx.authenticate(delivery, secret)
    });
}

#[test]
fn every_vector_of_a_hash_over_url_and_form_is_judged_right() {
    run_dialect("twilio");
}

#[test]
fn every_vector_of_a_hash_over_sorted_url_form_and_nonce_is_judged_right() {
    run_dialect("plivo");
}

#[test]
fn every_vector_of_a_key_over_stamp_and_body_is_judged_right() {
    run_dialect("telnyx");
}

#[test]
fn every_vector_of_a_signed_bearer_token_is_judged_right() {
    run_dialect("vonage");
}

#[test]
fn a_hash_of_the_body_alone_is_checked_in_base64() {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"key").expect("a key");
    mac.update(BODY.as_bytes());
    let right = STANDARD.encode(mac.finalize().into_bytes());
    let judge = |sent: &str, secret: &str| {
        let delivery = delivery(&[("x-signature", sent)]);
        signature::body_signed(&delivery, &Secret(secret.into()), "x-signature").is_ok()
    };
    assert!(judge(&right, "key"));
    assert!(!judge(&right, "kei"));
    assert!(!judge(&right[1..], "key"));
    assert!(signature::body_signed(&delivery(&[]), &Secret("key".into()), "x-signature").is_err());
}

#[test]
fn basic_and_bearer_want_their_own_scheme() {
    let secret = Secret("pbx:s3cret".into());
    let basic = format!("basic {}", STANDARD.encode("pbx:s3cret"));
    assert!(signature::basic(&delivery(&[("authorization", &basic)]), &secret).is_ok());
    assert!(
        signature::basic(&delivery(&[("authorization", "Bearer pbx:s3cret")]), &secret).is_err()
    );
    assert!(
        signature::bearer(&delivery(&[("authorization", "bearer pbx:s3cret")]), &secret).is_ok()
    );
    assert!(signature::bearer(&delivery(&[("authorization", &basic)]), &secret).is_err());
    assert!(signature::bearer(&delivery(&[]), &Secret::default()).is_ok(), "nothing is asked for");
}

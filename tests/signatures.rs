//! Proof of the sender: signatures and tokens, right and wrong, at the edge of time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use ringledger::pbx::{self, Delivery, Secret};
use sha2::Sha256;

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

//! The signature, version 3: over the called URL with its query sorted, the form's parameters and a
//! nonce. No time is signed.

use crate::pbx::signature::{self, Hash, Written};
use crate::pbx::{Delivery, Refusal, Secret, body};

/// By the token of the account, and by that of the main account where a subaccount has the number.
const SIGNATURES: [&str; 2] = ["x-plivo-signature-v3", "x-plivo-signature-ma-v3"];
const NONCE: &str = "x-plivo-signature-v3-nonce";

/// Checks a delivery. Either header may match, and each may hold several signatures.
///
/// # Errors
/// [`Refusal::NotAuthentic`] with what was missing or wrong.
pub fn check(delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
    if secret.0.is_empty() {
        return Ok(());
    }
    let sent: Vec<&str> = SIGNATURES
        .iter()
        .filter_map(|name| delivery.header(name))
        .flat_map(|all| all.split(','))
        .collect();
    if sent.is_empty() {
        signature::required(delivery, SIGNATURES[0])?;
    }
    let nonce = signature::required(delivery, NONCE)?;
    let covered = body::is_get(delivery) || body::is_form(delivery) || delivery.body.is_empty();
    if !covered {
        return Err(signature::refused("the body is no form: the signature does not cover it"));
    }
    let key = secret.0.as_bytes();
    let mut right = false;
    for url in signature::public_urls(delivery) {
        let text = format!("{}.{nonce}", signed_url(&url, delivery));
        for one in &sent {
            right |=
                signature::matches(Hash::Sha256, key, text.as_bytes(), one.trim(), Written::Base64);
        }
    }
    if right { Ok(()) } else { Err(signature::refused("no signature matches the request")) }
}

/// Address, sorted query and sorted parameters as they are signed.
fn signed_url(url: &str, delivery: &Delivery) -> String {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let pair = |(name, value): (String, String)| format!("{name}={value}");
    let query = sorted(query.as_bytes()).into_iter().map(pair).collect::<Vec<_>>().join("&");
    let body: &[u8] = if body::is_get(delivery) { b"" } else { &delivery.body };
    let parameters: String = sorted(body).into_iter().map(|(name, value)| name + &value).collect();
    match (query.is_empty(), parameters.is_empty()) {
        (true, true) => address.to_owned(),
        (true, false) => format!("{address}?{parameters}"),
        (false, true) => format!("{address}?{query}"),
        (false, false) => format!("{address}?{query}.{parameters}"),
    }
}

/// Names and values, decoded, in order of both; repeated ones are kept.
fn sorted(text: &[u8]) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(text);
    let mut pairs: Vec<(String, String)> =
        pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    pairs.sort();
    pairs
}

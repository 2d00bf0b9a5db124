//! The only comparison of signatures and tokens; constant time.

use super::{Delivery, Refusal, Secret};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How far a signed time may lie from the receive time, both sides included (Standard Webhooks).
const TOLERANCE_S: i64 = 300;

const SYMMETRIC: &str = "whsec_";
const PUBLIC: &str = "whpk_";

/// Secrets are sometimes written without their padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn refused(why: impl Into<String>) -> Refusal {
    Refusal::NotAuthentic(why.into())
}

/// Whether a secret asks for a Standard Webhooks signature.
pub fn is_standard(secret: &Secret) -> bool {
    secret.0.starts_with(SYMMETRIC) || secret.0.starts_with(PUBLIC)
}

/// Checks a plain token: `Authorization: Bearer …`, Basic with the secret as `user:password` or as
/// the password, `X-Ringledger-Token`, or `?token=` in the target.
///
/// # Errors
/// [`Refusal::NotAuthentic`] when a secret is set and no token of the delivery equals it.
pub fn token(delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
    if secret.0.is_empty() {
        return Ok(());
    }
    let offered = offered(delivery);
    if offered.is_empty() {
        return Err(refused("no token: send `Authorization: Bearer …` or `?token=…`"));
    }
    let equal = |text: &String| bool::from(text.as_bytes().ct_eq(secret.0.as_bytes()));
    // Every offer is compared, so that the time tells nothing of which one was right.
    if offered.iter().map(equal).fold(false, |one, other| one | other) {
        Ok(())
    } else {
        Err(refused("the token is wrong"))
    }
}

fn offered(delivery: &Delivery) -> Vec<String> {
    let mut offered: Vec<String> = Vec::new();
    offered.extend(delivery.header("x-ringledger-token").map(str::to_owned));
    if let Some((scheme, rest)) = delivery.header("authorization").and_then(|h| h.split_once(' ')) {
        if scheme.eq_ignore_ascii_case("bearer") {
            offered.push(rest.trim().to_owned());
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let pair = STANDARD.decode(rest.trim()).ok().and_then(|b| String::from_utf8(b).ok());
            let password = pair.as_ref().and_then(|pair| pair.split_once(':'));
            offered.extend(password.map(|(_, password)| password.to_owned()));
            offered.extend(pair);
        }
    }
    let query = delivery.target.split_once('?').map_or("", |(_, query)| query);
    let in_query = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "token");
    offered.extend(in_query.map(|(_, value)| value.into_owned()));
    offered
}

/// Checks a Standard Webhooks signature: `v1` with a secret `whsec_…`, `v1a` with a public key
/// `whpk_…`. The time is judged against the receive time, so that a stored delivery stays as
/// authentic as it was.
///
/// # Errors
/// [`Refusal::NotAuthentic`] with what was missing or wrong.
pub fn standard_webhooks(delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
    let header = |name| delivery.header(name).ok_or_else(|| refused(format!("no header `{name}`")));
    let (id, written) = (header("webhook-id")?, header("webhook-timestamp")?);
    let signatures = header("webhook-signature")?;
    let signed_at: i64 =
        written.parse().map_err(|_| refused("`webhook-timestamp` is no whole number"))?;
    let age_s = delivery.received_at.timestamp().saturating_sub(signed_at);
    if !(-TOLERANCE_S..=TOLERANCE_S).contains(&age_s) {
        return Err(refused(format!("`webhook-timestamp` is {age_s} s from the receive time")));
    }
    let mut text = format!("{id}.{written}.").into_bytes();
    text.extend_from_slice(&delivery.body);
    let matches = match secret.0.strip_prefix(PUBLIC) {
        Some(key) => public_key_signed(key, &text, signatures)?,
        None => shared_key_signed(secret, &text, signatures)?,
    };
    if matches { Ok(()) } else { Err(refused("no signature matches")) }
}

/// The signatures of one version, decoded.
fn versions<'a>(signatures: &'a str, version: &'a str) -> impl Iterator<Item = Vec<u8>> + 'a {
    signatures.split(' ').filter_map(move |entry| {
        let (found, text) = entry.split_once(',')?;
        (found == version).then(|| STANDARD.decode(text).ok()).flatten()
    })
}

fn shared_key_signed(secret: &Secret, text: &[u8], signatures: &str) -> Result<bool, Refusal> {
    let key = secret.0.strip_prefix(SYMMETRIC).unwrap_or(&secret.0);
    let key = LENIENT.decode(key).map_err(|_| refused("the source's secret is no base64"))?;
    let mac = Hmac::<Sha256>::new_from_slice(&key)
        .map_err(|_| refused("the source's secret has a wrong length"))?;
    let mac = mac.chain_update(text);
    Ok(versions(signatures, "v1")
        .fold(false, |matched, sent| matched | mac.clone().verify_slice(&sent).is_ok()))
}

fn public_key_signed(key: &str, text: &[u8], signatures: &str) -> Result<bool, Refusal> {
    let wrong = || refused("the source's public key is not 32 bytes in base64");
    let bytes = LENIENT.decode(key).map_err(|_| wrong())?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| wrong())?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| wrong())?;
    let signed = |sent: Vec<u8>| {
        Signature::from_slice(&sent).is_ok_and(|sent| key.verify_strict(text, &sent).is_ok())
    };
    Ok(versions(signatures, "v1a").map(signed).fold(false, |one, other| one | other))
}

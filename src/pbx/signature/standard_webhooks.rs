//! Standard Webhooks: id, time and body signed together, with a shared or a public key.

use super::public_key::{public_key, signed};
use super::{LENIENT, fresh, refused, required};
use crate::pbx::{Delivery, Refusal, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const SYMMETRIC: &str = "whsec_";
const PUBLIC: &str = "whpk_";

/// Whether a secret asks for a Standard Webhooks signature.
pub fn is_standard(secret: &Secret) -> bool {
    secret.0.starts_with(SYMMETRIC) || secret.0.starts_with(PUBLIC)
}

/// Checks a Standard Webhooks signature: `v1` with a secret `whsec_…`, `v1a` with a public key
/// `whpk_…`. The time is judged against the receive time, so that a stored delivery stays as
/// authentic as it was.
///
/// # Errors
/// [`Refusal::NotAuthentic`] with what was missing or wrong.
pub fn standard_webhooks(delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
    let (id, written) =
        (required(delivery, "webhook-id")?, required(delivery, "webhook-timestamp")?);
    let signatures = required(delivery, "webhook-signature")?;
    fresh(delivery, written, "webhook-timestamp")?;
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
    let key = public_key(key)?;
    let right = versions(signatures, "v1a").map(|sent| signed(&key, text, &sent));
    Ok(right.fold(false, |one, other| one | other))
}

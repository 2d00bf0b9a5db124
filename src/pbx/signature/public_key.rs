//! Signatures that a public key checks (Ed25519, RFC 8032).

use super::{LENIENT, fresh, refused, required};
use crate::pbx::{Delivery, Refusal, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};

/// Reads a public key of 32 bytes in base64, with or without padding.
///
/// # Errors
/// [`Refusal::NotAuthentic`] when it is none.
pub(super) fn public_key(text: &str) -> Result<VerifyingKey, Refusal> {
    let wrong = || refused("the source's public key is not 32 bytes in base64");
    let bytes = LENIENT.decode(text).map_err(|_| wrong())?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| wrong())?;
    VerifyingKey::from_bytes(&bytes).map_err(|_| wrong())
}

/// Whether these 64 bytes are the key's signature of `text`.
pub(super) fn signed(key: &VerifyingKey, text: &[u8], sent: &[u8]) -> bool {
    Signature::from_slice(sent).is_ok_and(|sent| key.verify_strict(text, &sent).is_ok())
}

/// Checks a signature over `EPOCH_S|body`, written in base64 in one header, with the time in
/// another. The secret is the sender's public key.
///
/// # Errors
/// [`Refusal::NotAuthentic`] with what was missing, too old or wrong.
pub fn stamped_body_signed(
    delivery: &Delivery,
    secret: &Secret,
    signature: &str,
    timestamp: &str,
) -> Result<(), Refusal> {
    let (sent, written) = (required(delivery, signature)?, required(delivery, timestamp)?);
    fresh(delivery, written, timestamp)?;
    let key = public_key(&secret.0)?;
    let mut text = format!("{written}|").into_bytes();
    text.extend_from_slice(&delivery.body);
    let wrong = || refused(format!("`{signature}` does not match the body"));
    let sent = STANDARD.decode(sent).map_err(|_| wrong())?;
    if signed(&key, &text, &sent) { Ok(()) } else { Err(wrong()) }
}

//! Keyed hashes (HMAC, RFC 2104) of the body or of a text made from the request.

use super::{fresh, refused, required};
use crate::pbx::{Delivery, Refusal, Secret};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Which hash is keyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha256,
}

/// How a keyed hash is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// With padding.
    Base64,
    /// For addresses, without padding (RFC 7515 appendix C).
    Base64Url,
    /// Small letters only.
    Hex,
}

impl Written {
    fn bytes(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Base64 => STANDARD.decode(text).ok(),
            Self::Base64Url => URL_SAFE_NO_PAD.decode(text).ok(),
            Self::Hex => hex_bytes(text),
        }
    }
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pair = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    rest.is_empty().then(|| pairs.iter().map(pair).collect()).flatten()
}

/// SHA-256 without a key, in hex of small letters.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `sent` is the keyed hash of `text`. A text that is written wrongly matches nothing.
pub fn matches(hash: Hash, key: &[u8], text: &[u8], sent: &str, written: Written) -> bool {
    let Some(sent) = written.bytes(sent) else { return false };
    match hash {
        Hash::Sha1 => Hmac::<Sha1>::new_from_slice(key)
            .is_ok_and(|mac| mac.chain_update(text).verify_slice(&sent).is_ok()),
        Hash::Sha256 => Hmac::<Sha256>::new_from_slice(key)
            .is_ok_and(|mac| mac.chain_update(text).verify_slice(&sent).is_ok()),
    }
}

/// Checks a header that holds the base64 HMAC-SHA-256 of the raw body, keyed with the secret as
/// text. No time is signed: a repeat cannot be told from a replay.
///
/// # Errors
/// [`Refusal::NotAuthentic`] when the header is missing or does not match.
pub fn body_signed(delivery: &Delivery, secret: &Secret, header: &str) -> Result<(), Refusal> {
    let sent = required(delivery, header)?;
    let right = matches(Hash::Sha256, secret.0.as_bytes(), &delivery.body, sent, Written::Base64);
    if right { Ok(()) } else { Err(refused(format!("`{header}` does not match the body"))) }
}

/// Checks a header `t=EPOCH_S,v1=HEX[,v1=HEX]`: HMAC-SHA-256 over `t.body`, keyed with the secret
/// as text. One match is enough; other members are skipped.
///
/// # Errors
/// [`Refusal::NotAuthentic`] when the header or its time is missing, too old, or nothing matches.
pub fn timed_body_signed(
    delivery: &Delivery,
    secret: &Secret,
    header: &str,
) -> Result<(), Refusal> {
    let members = required(delivery, header)?;
    let of = |wanted: &'static str| {
        let members = members.split(',').filter_map(|member| member.trim().split_once('='));
        members.filter(move |(name, _)| *name == wanted).map(|(_, value)| value)
    };
    let written = of("t").next().ok_or_else(|| refused(format!("`{header}` has no `t`")))?;
    fresh(delivery, written, header)?;
    let mut text = format!("{written}.").into_bytes();
    text.extend_from_slice(&delivery.body);
    let right = |sent| matches(Hash::Sha256, secret.0.as_bytes(), &text, sent, Written::Hex);
    if of("v1").map(right).fold(false, |one, other| one | other) {
        return Ok(());
    }
    Err(refused(format!("no `v1` of `{header}` matches the body")))
}

//! Sealing bytes in segments, so that any part can be read without the rest.
//!
//! The STREAM construction over AES-256-GCM: each segment's nonce holds its number and whether it
//! is the last, so that segments can be neither moved, dropped nor added unseen. Every object has a
//! random key of its own, which makes numbers alone good nonces.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::io;

/// Plain bytes of a segment; the last one may have fewer.
pub const SEGMENT: usize = 64 * 1024;
/// What the proof of a segment adds to it.
pub const TAG: usize = 16;
/// Bytes of a key.
pub const KEY: usize = 32;

fn failed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A key for AES-256-GCM.
pub fn key(bytes: &[u8; KEY]) -> io::Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| failed("no such key"))?;
    Ok(LessSafeKey::new(key))
}

/// Random bytes.
///
/// # Errors
/// When the system gives none.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| failed("the system gives no random bytes"))?;
    Ok(bytes)
}

/// Number (big-endian) and whether it is the last, after zeros.
fn nonce(number: u32, last: bool) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[NONCE_LEN - 5..NONCE_LEN - 1].copy_from_slice(&number.to_be_bytes());
    bytes[NONCE_LEN - 1] = u8::from(last);
    Nonce::assume_unique_for_key(bytes)
}

/// Seals a segment in place; its proof is added at the end.
pub fn seal(key: &LessSafeKey, number: u32, last: bool, segment: &mut Vec<u8>) -> io::Result<()> {
    key.seal_in_place_append_tag(nonce(number, last), Aad::empty(), segment)
        .map_err(|_| failed("a segment could not be sealed"))
}

/// Opens a segment in place and gives its plain bytes.
pub fn open<'a>(
    key: &LessSafeKey,
    number: u32,
    last: bool,
    segment: &'a mut [u8],
) -> io::Result<&'a [u8]> {
    let opened = key.open_in_place(nonce(number, last), Aad::empty(), segment);
    let plain = opened.map_err(|_| failed("sealed bytes were changed, cut or moved"))?;
    Ok(plain)
}

/// How many segments hold so many plain bytes; nothing is one empty segment.
pub fn count(bytes: u64) -> io::Result<u32> {
    let count = bytes.div_ceil(SEGMENT as u64).max(1);
    u32::try_from(count).map_err(|_| failed("too long to be sealed"))
}

/// A key sealed under another, bound to what it is for.
pub fn wrap(
    under: &LessSafeKey,
    key: &[u8; KEY],
    bound_to: &[u8],
) -> io::Result<([u8; NONCE_LEN], Vec<u8>)> {
    let nonce = random::<NONCE_LEN>()?;
    let mut wrapped = key.to_vec();
    under
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound_to),
            &mut wrapped,
        )
        .map_err(|_| failed("a key could not be sealed"))?;
    Ok((nonce, wrapped))
}

/// A key that was sealed under another.
pub fn unwrap(
    under: &LessSafeKey,
    nonce: &[u8],
    wrapped: &[u8],
    bound_to: &[u8],
) -> io::Result<[u8; KEY]> {
    let wrong =
        || failed("the key of these bytes cannot be opened: it was changed, or is not theirs");
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
    let mut wrapped = wrapped.to_vec();
    let opened = under.open_in_place(nonce, Aad::from(bound_to), &mut wrapped);
    opened.map_err(|_| wrong())?[..].try_into().map_err(|_| wrong())
}

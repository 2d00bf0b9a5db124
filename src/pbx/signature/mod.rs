//! Every proof of a sender that there is, one file for each mechanism; all comparisons of keyed
//! hashes and tokens stand here and take the same time whether they match or not. A dialect
//! composes them.
//!
//! A signed time is judged against the receive time, so that a stored delivery stays as authentic
//! as it was.

mod keyed_hash;
mod public_key;
mod public_url;
mod standard_webhooks;
mod token;
mod web_token;

pub use keyed_hash::{Hash, Written, body_signed, matches, sha256_hex, timed_body_signed};
pub use public_key::stamped_body_signed;
pub use public_url::{PublicUrl, public_urls, with_and_without_port};
pub use standard_webhooks::{is_standard, standard_webhooks};
pub use token::{basic, bearer, token, without_token};
pub use web_token::{Claims, covers_body, web_token};

use super::{Delivery, Refusal};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// How far a signed time may lie from the receive time, both sides included (Standard Webhooks).
pub const TOLERANCE_S: i64 = 300;

/// Secrets are sometimes written without their padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Turns a delivery away; `why` says what was missing or wrong, never with the secret.
pub fn refused(why: impl Into<String>) -> Refusal {
    Refusal::NotAuthentic(why.into())
}

/// A header that a proof cannot do without (name in small letters).
///
/// # Errors
/// [`Refusal::NotAuthentic`] when it is missing.
pub fn required<'a>(delivery: &'a Delivery, name: &str) -> Result<&'a str, Refusal> {
    delivery.header(name).ok_or_else(|| refused(format!("no header `{name}`")))
}

/// Checks a signed time in epoch seconds; `name` says where it was found.
///
/// # Errors
/// [`Refusal::NotAuthentic`] when it is no whole number or too far from the receive time.
pub fn fresh(delivery: &Delivery, written: &str, name: &str) -> Result<(), Refusal> {
    let signed_at: i64 =
        written.parse().map_err(|_| refused(format!("`{name}` is no whole number")))?;
    let age_s = delivery.received_at.timestamp().saturating_sub(signed_at);
    if (-TOLERANCE_S..=TOLERANCE_S).contains(&age_s) {
        return Ok(());
    }
    Err(refused(format!("`{name}` is {age_s} s from the receive time")))
}

//! A secret that is sent along as it is: bearer token, basic authentication, header or query.

use super::refused;
use crate::pbx::{Delivery, Refusal, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use subtle::ConstantTimeEq;

/// Names under which an address may carry the token (`access_token`: RFC 6750 section 2.3).
const IN_QUERY: [&str; 2] = ["token", "access_token"];

/// Checks a plain token wherever it may stand: `Authorization: Bearer …`, Basic with the secret as
/// `user:password` or as the password, `X-Ringledger-Token`, or `?token=` in the target.
///
/// # Errors
/// [`Refusal::NotAuthentic`] when a secret is set and no token of the delivery equals it.
pub fn token(delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
    let mut offered: Vec<String> = Vec::new();
    offered.extend(delivery.header("x-ringledger-token").map(str::to_owned));
    offered.extend(credentials(delivery, "bearer").map(str::to_owned));
    if let Some(pair) = basic_pair(delivery) {
        offered.extend(pair.split_once(':').map(|(_, password)| password.to_owned()));
        offered.push(pair);
    }
    let query = delivery.target.split_once('?').map_or("", |(_, query)| query);
    // A `+` is a blank to some senders and itself to others.
    for query in [query.to_owned(), query.replace('+', "%2B")] {
        let in_query = form_urlencoded::parse(query.as_bytes());
        let in_query = in_query.filter(|(name, _)| IN_QUERY.contains(&name.as_ref()));
        offered.extend(in_query.map(|(_, value)| value.into_owned()));
    }
    equals(&offered, secret, "no token: send `Authorization: Bearer …` or `?token=…`")
}

/// A target without the tokens in its query, the rest as it was sent: what is kept of it.
pub fn without_token(target: &str) -> Cow<'_, str> {
    let Some((path, query)) = target.split_once('?') else { return target.into() };
    let is_token = |part: &&str| {
        let name = part.split('=').next().unwrap_or_default();
        IN_QUERY.iter().any(|known| percent_decode_str(name).eq(known.bytes()))
    };
    if !query.split('&').any(|part| is_token(&part)) {
        return target.into();
    }
    let kept: Vec<&str> = query.split('&').filter(|part| !is_token(part)).collect();
    if kept.is_empty() {
        path.to_owned().into()
    } else {
        format!("{path}?{}", kept.join("&")).into()
    }
}

/// Checks `Authorization: Bearer SECRET` (RFC 6750 section 2.1) and nothing else.
///
/// # Errors
/// [`Refusal::NotAuthentic`] when a secret is set and the header is missing or differs.
pub fn bearer(delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
    let offered: Vec<String> =
        credentials(delivery, "bearer").map(str::to_owned).into_iter().collect();
    equals(&offered, secret, "no bearer token: send `Authorization: Bearer …`")
}

/// Checks `Authorization: Basic …` (RFC 7617) with the secret as `user:password`, and nothing else.
///
/// # Errors
/// [`Refusal::NotAuthentic`] when a secret is set and the header is missing or differs.
pub fn basic(delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
    let offered: Vec<String> = basic_pair(delivery).into_iter().collect();
    equals(&offered, secret, "no user and password: send `Authorization: Basic …`")
}

fn equals(offered: &[String], secret: &Secret, missing: &str) -> Result<(), Refusal> {
    if secret.0.is_empty() {
        return Ok(());
    }
    if offered.is_empty() {
        return Err(refused(missing));
    }
    let equal = |text: &String| bool::from(text.as_bytes().ct_eq(secret.0.as_bytes()));
    // Every offer is compared, so that the time tells nothing of which one was right.
    if offered.iter().map(equal).fold(false, |one, other| one | other) {
        return Ok(());
    }
    Err(refused("the token is wrong"))
}

/// What follows the scheme in `Authorization`; the scheme is compared without case (RFC 9110
/// section 11.1).
pub(super) fn credentials<'a>(delivery: &'a Delivery, wanted: &str) -> Option<&'a str> {
    let (scheme, rest) = delivery.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| rest.trim())
}

fn basic_pair(delivery: &Delivery) -> Option<String> {
    String::from_utf8(STANDARD.decode(credentials(delivery, "basic")?).ok()?).ok()
}

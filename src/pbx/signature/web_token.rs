//! A signed bearer token (JSON Web Token, RFC 7519) with HS256, and nothing else.

use super::keyed_hash::{Hash, Written, matches, sha256_hex};
use super::token::credentials;
use super::{fresh, refused};
use crate::pbx::{Delivery, Refusal, Secret};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use subtle::ConstantTimeEq;

/// What a token states, as far as a proof needs it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// Who made it (RFC 7519 section 4.1.1).
    #[serde(rename = "iss")]
    pub issuer: Option<String>,
    /// When it was made, in epoch seconds.
    #[serde(rename = "iat")]
    issued_at: Option<i64>,
    /// SHA-256 of what was sent, in hex of small letters.
    payload_hash: Option<String>,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
}

/// Checks the bearer token: the algorithm is HS256 whatever the token would like (RFC 8725 section
/// 3.1), the signature is the secret's, and it was issued near the receive time. What it states of
/// issuer and body is for the caller to judge.
///
/// # Errors
/// [`Refusal::NotAuthentic`] with what was missing, too old or wrong.
pub fn web_token(delivery: &Delivery, secret: &Secret) -> Result<Claims, Refusal> {
    let token = credentials(delivery, "bearer").ok_or_else(|| refused("no bearer token"))?;
    let shape = || refused("the bearer token is no signed JSON token");
    let (text, sent) = token.rsplit_once('.').ok_or_else(shape)?;
    let (head, claims) = text.split_once('.').ok_or_else(shape)?;
    let head: Head = member(head).ok_or_else(shape)?;
    if head.alg != "HS256" {
        return Err(refused("the bearer token is not signed with HS256"));
    }
    if !matches(Hash::Sha256, secret.0.as_bytes(), text.as_bytes(), sent, Written::Base64Url) {
        return Err(refused("the bearer token's signature is wrong"));
    }
    let claims: Claims = member(claims).ok_or_else(shape)?;
    let issued_at = claims.issued_at.ok_or_else(|| refused("the bearer token has no `iat`"))?;
    fresh(delivery, &issued_at.to_string(), "iat")?;
    Ok(claims)
}

fn member<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// Whether the token was made for what came: for the raw body, for the body without blanks between
/// its members, or, of a GET, for the query as a JSON object of texts in its order.
///
/// # Errors
/// [`Refusal::NotAuthentic`] when the token states no hash, or another one.
pub fn covers_body(claims: &Claims, delivery: &Delivery) -> Result<(), Refusal> {
    let stated = claims.payload_hash.as_deref();
    let stated = stated.ok_or_else(|| refused("the bearer token has no `payload_hash`"))?;
    let forms = match delivery.method.as_str() {
        "GET" => vec![query_as_json(&delivery.target)],
        _ => vec![delivery.body.to_vec(), without_blanks(&delivery.body)],
    };
    let equal = |form: &Vec<u8>| bool::from(sha256_hex(form).as_bytes().ct_eq(stated.as_bytes()));
    if forms.iter().map(equal).fold(false, |one, other| one | other) {
        return Ok(());
    }
    Err(refused("`payload_hash` of the bearer token is not that of the body"))
}

fn query_as_json(target: &str) -> Vec<u8> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let members = form_urlencoded::parse(query.as_bytes());
    let members: Vec<String> =
        members.map(|(name, value)| format!("{}:{}", text(&name), text(&value))).collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

/// JSON without the blanks outside of its texts; all else as it was written.
fn without_blanks(json: &[u8]) -> Vec<u8> {
    let (mut within, mut escaped) = (false, false);
    let keep = |byte: &&u8| {
        let kept = within || !byte.is_ascii_whitespace();
        match byte {
            b'"' if !escaped => within = !within,
            _ => {}
        }
        escaped = within && **byte == b'\\' && !escaped;
        kept
    };
    json.iter().filter(keep).copied().collect()
}

//! What a host wants to see before it gives a recording away.

use super::{Fault, Tokens, target};
use crate::call::Moment;
use crate::pbx::Secret;
use crate::source::guard::{Hosts, Place};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use http_auth::{PasswordClient, PasswordParams};
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode, Uri};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use sha2::{Digest, Sha256};

/// How long a token of our own making holds.
const TOKEN_LIFE: TimeDelta = TimeDelta::minutes(5);

/// What a host wants to see before it gives a recording away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    #[default]
    None,
    /// RFC 7617.
    Basic { user: String, secret: Secret },
    /// RFC 6750.
    Bearer(Secret),
    /// A bearer token that we sign (RS256) with an application's private key (PEM).
    Signed { application: String, key: Secret },
    /// A header of the host's own.
    Header { name: HeaderName, secret: Secret },
    /// RFC 7616: the answer to what the host asks, in which the secret does not stand.
    Digest { user: String, secret: Secret },
    /// A token for a while, in the address.
    Token(Tokens),
}

impl Credentials {
    /// The header to send, if any. `as_of`: now, from which a token of our own making holds.
    ///
    /// # Errors
    /// A lasting [`Fault`] when a secret fits into no header, or is no key.
    pub fn header(&self, as_of: Moment) -> Result<Option<(HeaderName, HeaderValue)>, Fault> {
        let (name, text) = match self {
            Self::None | Self::Digest { .. } | Self::Token(_) => return Ok(None),
            Self::Basic { user, secret } => {
                let both = STANDARD.encode(format!("{user}:{}", secret.0));
                (AUTHORIZATION, format!("Basic {both}"))
            }
            Self::Bearer(secret) => (AUTHORIZATION, format!("Bearer {}", secret.0)),
            Self::Signed { application, key } => {
                let token = signed(application, key, as_of).map_err(Fault::lasting)?;
                (AUTHORIZATION, format!("Bearer {token}"))
            }
            Self::Header { name, secret } => (name.clone(), secret.0.clone()),
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| Fault::lasting("fetch_secret holds what no header may hold"))?;
        value.set_sensitive(true);
        Ok(Some((name, value)))
    }
}

impl Credentials {
    /// Whether they are for a place, besides that its host is the source's.
    pub fn are_for(&self, hosts: &Hosts, place: &Place) -> bool {
        match self {
            Self::Token(tokens) => tokens.are_for(hosts, place),
            _ => true,
        }
    }

    /// The header that answers a host's challenge, where these credentials are such an answer.
    ///
    /// # Errors
    /// [`Fault`] when the host asks for something else.
    pub fn answer<B>(
        &self,
        response: &Response<B>,
        uri: &Uri,
    ) -> Result<Option<(HeaderName, HeaderValue)>, Fault> {
        let Self::Digest { user, secret } = self else { return Ok(None) };
        let headers = response.headers();
        if response.status() != StatusCode::UNAUTHORIZED || !headers.contains_key(WWW_AUTHENTICATE)
        {
            return Ok(None);
        }
        let asked =
            headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let builder = asked.fold(PasswordClient::builder(), |builder, one| builder.challenges(one));
        let other = |why: String| {
            Fault::passing(format!(
                "no digest is asked for that can be given: {why}; see fetch_auth"
            ))
        };
        let mut client = builder.build().map_err(other)?;
        let asked = PasswordParams {
            username: user,
            password: &secret.0,
            uri: target(uri),
            method: "GET",
            body: Some(&[]),
        };
        let mut value = HeaderValue::try_from(client.respond(&asked).map_err(other)?)
            .map_err(|_| Fault::lasting("fetch_user holds what no header may hold"))?;
        value.set_sensitive(true);
        Ok(Some((AUTHORIZATION, value)))
    }
}

/// A token that says for which application we ask (RFC 7519).
///
/// # Errors
/// A sentence when the key is none.
pub fn signed(application: &str, key: &Secret, as_of: Moment) -> Result<String, String> {
    let wrong = |error| format!("fetch_secret is no private RSA key (PEM): {error}");
    let key = EncodingKey::from_rsa_pem(key.0.as_bytes()).map_err(wrong)?;
    let once = Sha256::digest(format!("{application} {}", as_of.timestamp_micros()));
    let claims = json!({
        "application_id": application,
        "iat": as_of.timestamp(),
        "exp": (as_of + TOKEN_LIFE).timestamp(),
        "jti": once.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
    });
    encode(&Header::new(Algorithm::RS256), &claims, &key).map_err(wrong)
}

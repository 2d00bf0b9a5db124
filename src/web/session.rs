//! Who may see pages and use the API: one token for now, in a header or a cookie. Without a token
//! only this machine.

use crate::flow::error::{Error, Kind};
use crate::pbx::Secret;
use axum::http::HeaderMap;
use std::net::SocketAddr;
use subtle::ConstantTimeEq;

/// Name of the cookie.
pub const COOKIE: &str = "ringledger";

/// The door.
#[derive(Clone)]
pub struct Door {
    pub token: Secret,
}

impl Door {
    /// Whether a text is the token. Constant time.
    pub fn opens(&self, offered: &str) -> bool {
        bool::from(offered.as_bytes().ct_eq(self.token.0.as_bytes())) && !self.token.0.is_empty()
    }

    /// Who is asking.
    ///
    /// # Errors
    /// [`Kind::Unauthorised`] when neither header nor cookie holds the token.
    pub fn enter(&self, headers: &HeaderMap, peer: SocketAddr) -> Result<String, Error> {
        if self.token.0.is_empty() {
            if peer.ip().to_canonical().is_loopback() {
                return Ok("local".to_owned());
            }
            let text = "no token is set, so only this machine gets in; set access.token";
            return Err(Error::new(Kind::Unauthorised, text));
        }
        if offered(headers).any(|text| self.opens(&text)) {
            return Ok("supervisor".to_owned());
        }
        let text = "a token is needed: log in, or send `Authorization: Bearer …`";
        Err(Error::new(Kind::Unauthorised, text))
    }
}

fn offered(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let text = |name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let bearer = text("authorization").strip_prefix("Bearer ").map(str::to_owned);
    let cookies = text("cookie");
    let cookie = cookies
        .split(';')
        .find_map(|pair| pair.trim().strip_prefix(&format!("{COOKIE}="))?.to_owned().into());
    let cookie = cookie.map(|text: String| {
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    });
    bearer.into_iter().chain(cookie)
}

/// The cookie that keeps somebody logged in: not for scripts, not for other sites.
pub fn cookie(token: &str) -> String {
    let value = percent_encoding::utf8_percent_encode(token, percent_encoding::NON_ALPHANUMERIC);
    format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200")
}

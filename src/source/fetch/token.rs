//! Tokens that a host gives for a user and a secret, and that hold for a while: a file is then
//! asked for in two steps, since the host answers with the address at which it lies.

use super::{Fault, Settings, answer};
use crate::call::Moment;
use crate::pbx::Secret;
use crate::source::guard::{self, Hosts, Place};
use chrono::TimeDelta;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Response, Uri};
use serde::Deserialize;
use serde_json::json;
use std::fmt::Display;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Longest answer that is no file.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// A token is renewed so long before it ends.
const MARGIN: TimeDelta = TimeDelta::seconds(60);
/// How long a token holds whose host does not say.
const HOLDS: TimeDelta = TimeDelta::minutes(5);
/// After a refusal nothing is asked for so long: hosts lock out who fails too often.
const PAUSE: TimeDelta = TimeDelta::minutes(10);

/// How tokens are had, and the one that holds.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Where one is asked for.
    pub url: String,
    pub user: String,
    pub secret: Secret,
    held: Held,
}

impl Tokens {
    /// None is held yet.
    pub fn new(url: String, user: String, secret: Secret) -> Self {
        Self { url, user, secret, held: Held::default() }
    }
}

impl PartialEq for Tokens {
    fn eq(&self, other: &Self) -> bool {
        (&self.url, &self.user, &self.secret) == (&other.url, &other.user, &other.secret)
    }
}

impl Eq for Tokens {}

/// One for all who fetch: a host gives out only some at a time.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Option<Standing>>>);

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(held)")
    }
}

enum Standing {
    Given { token: Secret, until: Moment },
    Refused { why: String, until: Moment },
}

/// A token, and whether it was given just now.
pub struct Token {
    pub text: Secret,
    pub fresh: bool,
}

/// What a host answers in place of a file.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    errmsg: String,
    access_token: Option<String>,
    access_token_expire_time: Option<i64>,
    file: Option<String>,
    download_resource_url: Option<String>,
}

/// Where a file lies.
#[derive(Debug, PartialEq, Eq)]
pub struct Led {
    pub to: String,
    /// Its name, where the host says it.
    pub name: Option<String>,
}

impl Tokens {
    /// The token that holds at a moment; asks for one where none does. One at a time asks.
    ///
    /// # Errors
    /// [`Fault`] with the cure, also while a refusal is fresh.
    pub async fn at(&self, settings: &Settings, as_of: Moment) -> Result<Token, Fault> {
        let mut held = self.held.0.lock().await;
        match &*held {
            Some(Standing::Given { token, until }) if as_of < *until => {
                return Ok(Token { text: token.clone(), fresh: false });
            }
            Some(Standing::Refused { why, until }) if as_of < *until => {
                return Err(paused(why, *until - as_of));
            }
            _ => {}
        }
        let answer = self.ask(settings, as_of).await?;
        let Some(token) = answer.access_token.filter(|_| answer.errcode == 0) else {
            let why = format!(
                "no token is given at fetch_token_url ({} {}): check fetch_user and fetch_secret, and \
                 that this machine's address is let in there",
                answer.errcode, answer.errmsg
            );
            let fault = paused(&why, PAUSE);
            *held = Some(Standing::Refused { why, until: as_of + PAUSE });
            return Err(fault);
        };
        let token = Secret(token);
        let holds = answer.access_token_expire_time.and_then(TimeDelta::try_seconds);
        let until = as_of + holds.map_or(HOLDS, |holds| holds - MARGIN);
        *held = Some(Standing::Given { token: token.clone(), until });
        Ok(Token { text: token, fresh: true })
    }

    /// A token no longer holds, whatever its host said.
    pub async fn forget(&self, token: &Secret) {
        let mut held = self.held.0.lock().await;
        if matches!(&*held, Some(Standing::Given { token: known, .. }) if known == token) {
            *held = None;
        }
    }

    /// Whether these tokens are those of a place.
    pub fn are_for(&self, hosts: &Hosts, place: &Place) -> bool {
        let own = guard::address(&self.url).and_then(|uri| hosts.place(&uri));
        own.is_ok_and(|own| own == *place)
    }

    async fn ask(&self, settings: &Settings, as_of: Moment) -> Result<Answer, Fault> {
        let uri = guard::address(&self.url)?;
        let place = settings.hosts.place(&uri)?;
        let body = json!({ "username": self.user, "password": self.secret.0 }).to_string();
        let request = super::post(&place, &uri, body)?;
        let (response, _connection) = settings.ask(&place, request).await?;
        if !response.status().is_success() {
            let none = super::Credentials::None;
            answer::check(&response, &place, &none, &uri, as_of, None)?;
        }
        read(response, &place).await
    }
}

fn paused(why: &str, wait: TimeDelta) -> Fault {
    Fault { wait: wait.to_std().ok(), ..Fault::passing(why) }
}

async fn read(response: Response<Incoming>, place: &Place) -> Result<Answer, Fault> {
    let wrong = |error: &dyn Display| {
        Fault::passing(format!("{place} gives neither a file nor its address: {error}"))
    };
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| wrong(&error))?.to_bytes();
    serde_json::from_slice(&body).map_err(|error| wrong(&error))
}

/// Where the answer to the first step leads. Nothing when the token holds no longer.
///
/// # Errors
/// [`Fault`] when the host says that it has no such file, or says nothing that is known here.
pub async fn led(
    response: Response<Incoming>,
    place: &Place,
    token: &Token,
) -> Result<Option<Led>, Fault> {
    let told = read(response, place).await?;
    match told.download_resource_url {
        Some(to) if told.errcode == 0 => {
            let name = told.file.map(|file| answer::last_part(&file));
            Ok(Some(Led { to, name: name.filter(|name| !name.is_empty()) }))
        }
        // Which of its numbers mean that the token ended is its own matter: it is renewed once.
        _ if !token.fresh => Ok(None),
        _ => Err(Fault::passing(format!(
            "{place} gives no address of the file: {} {}",
            told.errcode, told.errmsg
        ))),
    }
}

/// An address with the token.
///
/// # Errors
/// A lasting [`Fault`] when the token fits into no address.
pub fn with_token(uri: &Uri, token: &Secret) -> Result<Uri, Fault> {
    let sign = if uri.query().is_some() { '&' } else { '?' };
    let pair = form_urlencoded::Serializer::new(String::new())
        .append_pair("access_token", &token.0)
        .finish();
    let whole = format!("{uri}{sign}{pair}");
    whole.parse().map_err(|_| Fault::lasting("a token that fits into no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_at_the_end_of_an_address_and_is_never_shown() {
        let uri = |text: &str| text.parse::<Uri>().expect("an address");
        let token = Secret("a b".into());
        let with = |text: &str| with_token(&uri(text), &token).expect("an address").to_string();
        assert_eq!(with("https://h/a?file=1"), "https://h/a?file=1&access_token=a+b");
        assert_eq!(with("https://h/a"), "https://h/a?access_token=a+b");
        let tokens = Tokens::new("https://h/t".into(), "u".into(), Secret("hidden".into()));
        assert!(!format!("{tokens:?}").contains("hidden"));
    }
}

//! Settings by which recordings are fetched that a source announces by address, path or name.

use super::{Config, SourceConfig};
use crate::call::Moment;
use crate::pbx::Secret;
use crate::source::fetch::{Credentials, Limits, Settings, Tokens, signed};
use crate::source::guard::{self, Host, Hosts};
use crate::tls::Tls;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What fetching may take.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FetchingConfig {
    pub at_a_time: usize,
    pub bytes_max: u64,
    pub connect_s: u64,
    pub idle_s: u64,
    pub time_s_max: u64,
}

impl Default for FetchingConfig {
    fn default() -> Self {
        Self { at_a_time: 4, bytes_max: 512 << 20, connect_s: 10, idle_s: 30, time_s_max: 900 }
    }
}

impl FetchingConfig {
    /// The limits of one fetch.
    pub fn limits(&self) -> Limits {
        Limits {
            bytes_max: self.bytes_max,
            connect: Duration::from_secs(self.connect_s),
            idle: Duration::from_secs(self.idle_s),
            whole: Duration::from_secs(self.time_s_max),
        }
    }
}

/// Settings at fault, each with what is wrong and the cure.
type Wrong = Vec<(String, String)>;

impl SourceConfig {
    /// How recordings of the source are fetched.
    ///
    /// # Errors
    /// Every setting at fault.
    pub fn fetch(&self, limits: Limits) -> Result<Settings, Wrong> {
        let mut wrong = Wrong::new();
        let hosts = Hosts {
            public: hosts("fetch_hosts", &self.fetch_hosts, &mut wrong),
            private: hosts("fetch_private_hosts", &self.fetch_private_hosts, &mut wrong),
        };
        for (place, host) in hosts.private.iter().enumerate().filter(|(_, host)| host.is_wide()) {
            let why =
                format!("`*.{}` opens more than one host of a network of your own", host.name().0);
            wrong.push((format!("fetch_private_hosts[{place}]"), why));
        }
        let credentials = self.credentials(&mut wrong);
        self.check_template(&hosts, &mut wrong);
        self.check_token_url(&hosts, &mut wrong);
        if self.fetch_ending.contains(['/', '?', '#']) {
            wrong.push(("fetch_ending".into(), "is an ending such as .wav".into()));
        }
        let ca_file = (!self.fetch_ca_file.is_empty()).then(|| PathBuf::from(&self.fetch_ca_file));
        if let Some(Err(why)) = ca_file.as_deref().map(|path: &Path| Tls::new(Some(path))) {
            wrong.push(("fetch_ca_file".into(), why));
        }
        let named = !self.fetch_url.is_empty() || credentials != Credentials::None;
        if named && hosts.is_empty() && wrong.is_empty() {
            let why = "is empty, so nothing is fetched; name the hosts where recordings lie";
            wrong.push(("fetch_hosts".into(), why.into()));
        }
        let template = (!self.fetch_url.is_empty()).then(|| self.fetch_url.clone());
        let ending = self.fetch_ending.clone();
        let settings = Settings { hosts, credentials, ca_file, template, ending, limits };
        if wrong.is_empty() { Ok(settings) } else { Err(wrong) }
    }

    fn credentials(&self, wrong: &mut Wrong) -> Credentials {
        let secret = || Secret(self.fetch_secret.clone());
        let mut say = |key: &str, why: &str| wrong.push((key.to_owned(), why.to_owned()));
        let written = !self.fetch_secret.is_empty();
        let key = self.fetch_auth == "jwt";
        let texts = [&self.fetch_user, &self.fetch_secret].into_iter().take(2 - usize::from(key));
        if texts.into_iter().any(|text| text.contains(['\r', '\n'])) {
            say("fetch_secret", "or fetch_user holds a line break");
        }
        let (needs_user, what) = match self.fetch_auth.as_str() {
            "none" if written => {
                say(
                    "fetch_auth",
                    "is `none`, and there is a fetch_secret; is it basic, digest, bearer, jwt, token or header?",
                );
                return Credentials::None;
            }
            "none" => return Credentials::None,
            "basic" | "digest" => (true, "the user"),
            "token" => (true, "the client's id"),
            "header" => (true, "the header's name"),
            "bearer" => (false, ""),
            "jwt" => (true, "the application's id"),
            other => {
                say(
                    "fetch_auth",
                    &format!(
                        "no way `{other}`; there are none, basic, digest, bearer, jwt, token, header"
                    ),
                );
                return Credentials::None;
            }
        };
        if !written {
            say(
                "fetch_secret",
                "is empty; write it here, or name a file or a variable that holds it",
            );
        }
        if needs_user && self.fetch_user.is_empty() {
            say("fetch_user", &format!("is empty, and must be {what}"));
        }
        match self.fetch_auth.as_str() {
            "basic" => Credentials::Basic { user: self.fetch_user.clone(), secret: secret() },
            "digest" => Credentials::Digest { user: self.fetch_user.clone(), secret: secret() },
            "token" => {
                let (url, user) = (self.fetch_token_url.clone(), self.fetch_user.clone());
                Credentials::Token(Tokens::new(url, user, secret()))
            }
            "bearer" => Credentials::Bearer(secret()),
            "jwt" => {
                if let Some(why) =
                    signed("", &secret(), Moment::default()).err().filter(|_| written)
                {
                    say("fetch_secret", &why);
                }
                Credentials::Signed { application: self.fetch_user.clone(), key: secret() }
            }
            _ => match self.fetch_user.parse() {
                Ok(name) => Credentials::Header { name, secret: secret() },
                Err(_) => {
                    say("fetch_user", &format!("`{}` is no name of a header", self.fetch_user));
                    Credentials::None
                }
            },
        }
    }

    /// A token travels in addresses, so it is asked for where it is shown, and nowhere else.
    fn check_token_url(&self, hosts: &Hosts, wrong: &mut Wrong) {
        let mut say = |why: &str| wrong.push(("fetch_token_url".into(), why.to_owned()));
        if self.fetch_auth != "token" {
            if !self.fetch_token_url.is_empty() {
                say("is there, and fetch_auth is not `token`");
            }
            return;
        }
        let place = |text: &str| guard::address(text).and_then(|address| hosts.place(&address));
        if self.fetch_token_url.is_empty() {
            return say("is empty; write the address where a token is asked for");
        }
        match place(&self.fetch_token_url) {
            Err(refused) => say(&format!("is not asked: {refused}")),
            Ok(own) if place(&self.fetch_url).is_ok_and(|files| files != own) => {
                say("is on another host than fetch_url, which would never see a token");
            }
            Ok(_) => {}
        }
    }

    fn check_template(&self, hosts: &Hosts, wrong: &mut Wrong) {
        if self.fetch_url.is_empty() {
            return;
        }
        let mut say = |why: String| wrong.push(("fetch_url".into(), why));
        if !["{name}", "{path}"].iter().any(|field| self.fetch_url.contains(field)) {
            say("holds neither `{name}` nor `{path}`, so every recording would be the same".into());
        }
        let sample = self.fetch_url.replace("{name}", "a.wav").replace("{path}", "a/a.wav");
        let place = guard::address(&sample).and_then(|address| hosts.place(&address));
        if let Err(refused) = place {
            say(format!("is not fetched: {refused}"));
        }
    }
}

fn hosts(key: &str, written: &[String], wrong: &mut Wrong) -> Vec<Host> {
    let mut good = Vec::new();
    for (place, text) in written.iter().enumerate() {
        match text.parse() {
            Ok(host) => good.push(host),
            Err(why) => wrong.push((format!("{key}[{place}]"), why)),
        }
    }
    good
}

/// Checks how recordings are fetched.
pub(super) fn check(config: &Config, found: &mut Vec<(String, String)>) {
    let fetching = &config.fetching;
    let positive = [
        ("at_a_time", fetching.at_a_time as u64),
        ("bytes_max", fetching.bytes_max),
        ("connect_s", fetching.connect_s),
        ("idle_s", fetching.idle_s),
        ("time_s_max", fetching.time_s_max),
    ];
    for (name, _) in positive.into_iter().filter(|(_, value)| *value == 0) {
        found.push((format!("fetching.{name}"), "is 0, and must be at least 1".into()));
    }
    for (index, source) in config.sources.iter().enumerate() {
        let wrong = source.fetch(fetching.limits()).err().unwrap_or_default();
        found.extend(wrong.into_iter().map(|(key, why)| (format!("sources[{index}].{key}"), why)));
    }
}

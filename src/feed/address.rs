//! Where a phone system is reached: `ami://192.168.1.20:5038`, `aris://pbx.example:8089/asterisk`.

use std::fmt;
use std::str::FromStr;

/// How events are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Manager interface: blocks of `Name: value` lines over TCP.
    Ami,
    /// REST interface: JSON events over a WebSocket.
    Ari,
    /// Event socket: framed JSON events over TCP.
    EventSocket,
}

/// Scheme, protocol, whether it is encrypted, and the usual port.
const SCHEMES: [(&str, Protocol, bool, u16); 6] = [
    ("ami", Protocol::Ami, false, 5038),
    ("amis", Protocol::Ami, true, 5039),
    ("ari", Protocol::Ari, false, 8088),
    ("aris", Protocol::Ari, true, 8089),
    ("esl", Protocol::EventSocket, false, 8021),
    ("esls", Protocol::EventSocket, true, 8021),
];

/// Where a phone system is reached, and how it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub protocol: Protocol,
    pub tls: bool,
    pub host: String,
    pub port: u16,
    /// Path before the protocol's own, without a `/` at its end; only ARI has one.
    pub path: String,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known: Vec<&str> = SCHEMES.iter().map(|(scheme, ..)| *scheme).collect();
        let wrong = |why: &str| {
            format!("`{text}` {why}; write SCHEME://HOST:PORT with {}", known.join(", "))
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
        let of_scheme = SCHEMES.iter().find(|(known, ..)| *known == scheme);
        let (_, protocol, tls, usual) = *of_scheme.ok_or_else(|| wrong("has another scheme"))?;
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = path.trim_end_matches('/');
        if !path.is_empty() && protocol != Protocol::Ari {
            return Err(wrong("has a path, which only ari and aris know"));
        }
        if place.contains('@') || path.contains(['?', '#', ' ']) {
            return Err(wrong("says more than the place: user and secret have their own keys"));
        }
        let (host, port) = split_port(place).ok_or_else(|| wrong("has no good port"))?;
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(wrong("names no host"));
        }
        let (host, path) = (host.to_owned(), path.to_owned());
        Ok(Self { protocol, tls, host, port: port.unwrap_or(usual), path })
    }
}

impl Address {
    /// Host and port as a URL has them.
    pub fn authority(&self) -> String {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        format!("{open}{}{close}:{}", self.host, self.port)
    }
}

/// `host:port`, `host`, `[::1]:port` or `[::1]`; the host without brackets.
fn split_port(place: &str) -> Option<(&str, Option<u16>)> {
    let port = |digits: &str| digits.parse().ok().filter(|port| *port != 0).map(Some);
    if let Some(rest) = place.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            Some(digits) => Some((host, port(digits)?)),
            None => after.is_empty().then_some((host, None)),
        };
    }
    match place.split_once(':') {
        Some((host, digits)) => Some((host, port(digits)?)),
        None => Some((place, None)),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = |scheme: &&(&str, Protocol, bool, u16)| {
            (scheme.1, scheme.2) == (self.protocol, self.tls)
        };
        let scheme = SCHEMES.iter().find(own).map_or("", |scheme| scheme.0);
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_usual_port_and_written_back() {
        let read = |text: &str| text.parse::<Address>().map(|address| address.to_string());
        assert_eq!(read("ami://pbx").as_deref(), Ok("ami://pbx:5038"));
        assert_eq!(read("amis://[fd00::1]").as_deref(), Ok("amis://[fd00::1]:5039"));
        assert_eq!(read("ari://pbx:80/pre/").as_deref(), Ok("ari://pbx:80/pre"));
        assert_eq!(read("esl://127.0.0.1:8021").as_deref(), Ok("esl://127.0.0.1:8021"));
    }

    #[test]
    fn an_address_that_cannot_be_meant_says_why() {
        for (text, why) in [
            ("pbx:5038", "no scheme"),
            ("http://pbx", "another scheme"),
            ("ami://pbx:0", "no good port"),
            ("ami://pbx:x", "no good port"),
            ("ami://", "names no host"),
            ("ami://u:p@pbx", "their own keys"),
            ("ami://pbx/x", "only ari"),
        ] {
            let found = text.parse::<Address>().expect_err(text);
            assert!(found.contains(why), "{text}: {found}");
        }
    }
}

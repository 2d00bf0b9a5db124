//! The address under which the sender called us, where that is part of what it signed.

use crate::pbx::Delivery;
use std::str::FromStr;

/// The address of this house as its senders call it, from the settings: scheme, host, and what a
/// proxy takes off the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    scheme: String,
    host: String,
    path: String,
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no address such as https://ring.example.com");
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let good = ["http", "https"].contains(&scheme)
            && !host.is_empty()
            && !text.contains(['?', '#', '@', ' ', ',']);
        let path = path.trim_end_matches('/').to_owned();
        good.then(|| Self { scheme: scheme.to_owned(), host: host.to_owned(), path })
            .ok_or_else(wrong)
    }
}

impl PublicUrl {
    /// A delivery as its sender addressed it, whatever the headers say.
    pub fn called(&self, delivery: &Delivery) -> Delivery {
        let told = [("x-forwarded-proto", &self.scheme), ("x-forwarded-host", &self.host)];
        let told = told.map(|(name, value)| (name.to_owned(), value.clone()));
        let mut called = delivery.clone();
        called.headers.splice(0..0, told);
        called.target.insert_str(0, &self.path);
        called
    }
}

/// The addresses that a sender may have called, likeliest first: a proxy before us tells scheme and
/// host in `X-Forwarded-Proto` and `X-Forwarded-Host` (the first value of several); without it the
/// scheme is https or else http, and the host is the `Host`. The port stays as it is written there,
/// path and query as they were sent. Whoever sends false headers still lacks the key.
pub fn public_urls(delivery: &Delivery) -> Vec<String> {
    let first = |name| {
        let value = delivery.header(name)?.split(',').next()?.trim();
        (!value.is_empty()).then_some(value)
    };
    let host = first("x-forwarded-host").or_else(|| first("host")).unwrap_or_default();
    let schemes = first("x-forwarded-proto").map_or(vec!["https", "http"], |told| vec![told]);
    schemes.iter().map(|scheme| format!("{scheme}://{host}{}", delivery.target)).collect()
}

/// The same address without its port, and with one: the one it has, else the scheme's.
pub fn with_and_without_port(url: &str) -> [String; 2] {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ if scheme == "http" => (authority, "80"),
        _ => (authority, "443"),
    };
    [format!("{scheme}://{host}{path}"), format!("{scheme}://{host}:{port}{path}")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_settings_is_believed_before_any_header() {
        let public: PublicUrl = "https://ring.example.com:8443/in/".parse().expect("an address");
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let delivery = Delivery {
            received_at: crate::call::Moment::default(),
            method: "POST".into(),
            target: "/hook/front?a=1".into(),
            headers: vec![header("host", "10.0.0.1"), header("x-forwarded-host", "evil.example")],
            body: bytes::Bytes::new(),
        };
        let called = public_urls(&public.called(&delivery));
        assert_eq!(called, ["https://ring.example.com:8443/in/hook/front?a=1"]);
    }

    #[test]
    fn what_is_no_address_of_a_house_is_told() {
        for bad in
            ["ring.example.com", "ftp://a", "https://", "https:///a", "https://u@a", "https://a?b"]
        {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }
}

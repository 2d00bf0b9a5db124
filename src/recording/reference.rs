//! What a phone system announces of a recording: an address, a path or a name.

use crate::call::event::Moment;
use chrono::{DateTime, NaiveDateTime, TimeDelta};

/// How a recording was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `https://…`: it is fetched.
    Address,
    /// A path on the phone system's machine.
    Path,
    /// A name and nothing else.
    Name,
}

/// How a reference is written.
pub fn way(reference: &str) -> Way {
    match reference.split_once("://") {
        Some((scheme, _)) if !scheme.contains('/') => Way::Address,
        _ if reference.contains('/') => Way::Path,
        _ => Way::Name,
    }
}

/// The file that a reference names, without what changes from one announcement of the same file to
/// the next: the signature of an address, its expiry, its fragment.
pub fn file(reference: &str) -> String {
    let reference = reference.trim();
    if way(reference) != Way::Address {
        return reference.to_owned();
    }
    let whole = reference.split('#').next().unwrap_or(reference);
    let Some((path, query)) = whole.split_once('?') else { return whole.to_owned() };
    // A parameter is left out only beside a signature: alone it may be all that tells the file.
    if !query.split('&').any(is_signature) {
        return whole.to_owned();
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_signing(pair)).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

/// The last part of a reference's path.
pub fn base(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// The name of a parameter in small letters.
fn key(pair: &str) -> String {
    pair.split('=').next().unwrap_or(pair).to_ascii_lowercase()
}

/// Parameters by which the usual object stores sign an address.
fn is_signature(pair: &str) -> bool {
    let key = key(pair);
    ["signature", "sig", "q-signature"].contains(&key.as_str())
        || (key.starts_with("x-") && key.ends_with("-signature"))
}

/// … and those that go with the signature.
fn is_signing(pair: &str) -> bool {
    const BESIDE: [&str; 14] = [
        "expires",
        "awsaccesskeyid",
        "ossaccesskeyid",
        "googleaccessid",
        "key-pair-id",
        "policy",
        "security-token",
        "se",
        "st",
        "sp",
        "sv",
        "sr",
        "spr",
        "skoid",
    ];
    let key = key(pair);
    let of_store = ["x-amz-", "x-goog-", "x-oss-", "q-"].iter().any(|start| key.starts_with(start));
    of_store || is_signature(pair) || BESIDE.contains(&key.as_str())
}

/// Until when a signed address holds, where it says so.
pub fn holds_until(address: &str) -> Option<Moment> {
    let query = address.split_once('?')?.1.split('#').next()?;
    let value = |wanted: &str| {
        let pair = query.split('&').find(|pair| key(pair) == wanted)?;
        pair.split_once('=').map(|(_, value)| value)
    };
    let of_store = ["x-amz", "x-goog", "x-oss"].iter().find_map(|store| {
        let at = NaiveDateTime::parse_from_str(value(&format!("{store}-date"))?, "%Y%m%dT%H%M%SZ");
        let lasts_s = value(&format!("{store}-expires"))?.parse().ok()?;
        at.ok()?.and_utc().checked_add_signed(TimeDelta::try_seconds(lasts_s)?)
    });
    of_store.or_else(|| DateTime::from_timestamp(value("expires")?.parse().ok()?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_address_names_the_same_file_however_it_is_signed() {
        let one = "https://s3.amazonaws.com/b/1.wav?X-Amz-Date=20261123T100000Z&X-Amz-Expires=600&X-Amz-Signature=ab";
        let two = "https://s3.amazonaws.com/b/1.wav?X-Amz-Date=20261123T100500Z&X-Amz-Expires=600&X-Amz-Signature=cd";
        assert_eq!(file(one), "https://s3.amazonaws.com/b/1.wav");
        assert_eq!(file(one), file(two));
        let old = "https://b.example.com/1.mp3?AWSAccessKeyId=K&Expires=1&Signature=x&versionId=3";
        assert_eq!(file(old), "https://b.example.com/1.mp3?versionId=3");
    }

    #[test]
    fn a_parameter_that_alone_tells_the_file_stays() {
        for whole in ["https://pbx/get?token=abc", "https://pbx/get?file=1.wav&expires=9"] {
            assert_eq!(file(whole), whole);
        }
        assert_eq!(file("https://pbx/1.wav#t=3"), "https://pbx/1.wav");
        assert_eq!(file("/var/spool/a#1.wav"), "/var/spool/a#1.wav");
    }

    #[test]
    fn a_signed_address_says_until_when_it_holds() {
        let at = |text: &str| holds_until(text).map(|at| at.to_rfc3339());
        let amz = "https://h/1.wav?X-Amz-Date=20261123T100000Z&X-Amz-Expires=600&X-Amz-Signature=a";
        assert_eq!(at(amz).as_deref(), Some("2026-11-23T10:10:00+00:00"));
        assert_eq!(
            at("https://h/1?Expires=0&Signature=a").as_deref(),
            Some("1970-01-01T00:00:00+00:00")
        );
        for none in [
            "https://h/1.wav",
            "https://h/1?x-amz-date=now&x-amz-expires=-",
            "https://h/?expires=9e9",
        ] {
            assert_eq!(holds_until(none), None, "{none}");
        }
        assert_eq!(
            holds_until(
                "https://h/1?x-amz-date=20261123T100000Z&x-amz-expires=9223372036854775807"
            ),
            None
        );
    }

    #[test]
    fn addresses_paths_and_names_are_told_apart() {
        assert_eq!(way("HTTPS://h/1.wav"), Way::Address);
        assert_eq!(way("/var/spool/1.wav"), Way::Path);
        assert_eq!(way("2026-11/a://b.wav"), Way::Path);
        assert_eq!(way("1.wav"), Way::Name);
    }
}

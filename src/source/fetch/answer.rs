//! What a host answers: a file, an address elsewhere, or a refusal with its cure.

use super::super::guard::{self, Place, Refused};
use super::{Begun, Credentials, Fault};
use crate::call::Moment;
use crate::recording::reference;
use chrono::{DateTime, FixedOffset, TimeDelta};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::{Response, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use std::time::Duration;

/// Longest name that is kept, in characters.
const NAME_MAX: usize = 200;

/// Endings by media type, where a name has none: some formats have no head of their own.
const ENDINGS: [(&str, &str); 14] = [
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/wave", "wav"),
    ("audio/vnd.wave", "wav"),
    ("audio/mpeg", "mp3"),
    ("audio/mp3", "mp3"),
    ("audio/ogg", "ogg"),
    ("application/ogg", "ogg"),
    ("audio/mp4", "m4a"),
    ("audio/x-m4a", "m4a"),
    ("audio/webm", "webm"),
    ("audio/flac", "flac"),
    ("audio/basic", "ulaw"),
    ("audio/x-gsm", "gsm"),
];

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Where an answer leads, if it leads elsewhere.
pub fn location<B>(response: &Response<B>) -> Option<&str> {
    let leads = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    text(response.headers(), &header::LOCATION).filter(|_| leads)
}

/// The address that a `Location` means (RFC 3986 §5.2).
///
/// # Errors
/// [`Refused::Malformed`].
pub fn joined(from: &Uri, to: &str) -> Result<Uri, Refused> {
    let to = to.split('#').next().unwrap_or(to).trim();
    let scheme = from.scheme_str().unwrap_or("https");
    let authority = from.authority().map_or("", |authority| authority.as_str());
    let path = from.path();
    let whole = if to.split(['/', '?']).next().is_some_and(|start| start.ends_with(':')) {
        to.to_owned()
    } else if to.starts_with("//") {
        format!("{scheme}:{to}")
    } else if to.starts_with('/') {
        format!("{scheme}://{authority}{to}")
    } else if to.starts_with('?') {
        format!("{scheme}://{authority}{path}{to}")
    } else {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let (relative, query) = to.split_at(to.find('?').unwrap_or(to.len()));
        format!("{scheme}://{authority}{}{query}", without_dots(&format!("{folder}/{relative}")))
    };
    guard::address(&whole)
}

/// RFC 3986 §5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for piece in path.split('/').skip(1) {
        match piece {
            "." => {}
            ".." => drop(kept.pop()),
            piece => kept.push(piece),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Whether an answer is words of the host, and no file.
pub fn is_told<B>(response: &Response<B>) -> bool {
    let kind = media_type(response.headers());
    response.status() == StatusCode::OK && (kind == "application/json" || kind.starts_with("text/"))
}

/// Whether the rest that was asked for is not to be had.
pub fn is_no_rest<B>(response: &Response<B>, begun: &Begun) -> bool {
    match response.status() {
        StatusCode::RANGE_NOT_SATISFIABLE => true,
        StatusCode::PARTIAL_CONTENT => part(response).is_none_or(|part| part.from != begun.bytes),
        _ => false,
    }
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub from: u64,
    /// Of the whole, where it is known.
    pub length: Option<u64>,
}

/// Which part an answer is; nothing when it is the whole (RFC 9110 §14.4).
pub fn part<B>(response: &Response<B>) -> Option<Part> {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return None;
    }
    let range = text(response.headers(), &header::CONTENT_RANGE)?.trim().strip_prefix("bytes")?;
    let (place, length) = range.trim().split_once('/')?;
    let from = place.split_once('-')?.0.trim().parse().ok()?;
    Some(Part { from, length: length.trim().parse().ok() })
}

/// By what a host tells whether a file is still the same, and gives its rest: a strong tag, or a
/// date that cannot mean two versions (RFC 9110 §8.8.2).
pub fn validator(headers: &HeaderMap) -> Option<String> {
    if text(headers, &header::ACCEPT_RANGES).is_some_and(|units| units.trim() == "none") {
        return None;
    }
    if let Some(tag) = text(headers, &header::ETAG).map(str::trim) {
        return tag.starts_with('"').then(|| tag.to_owned());
    }
    let date = |name| -> Option<DateTime<FixedOffset>> {
        DateTime::parse_from_rfc2822(text(headers, name)?.trim()).ok()
    };
    let changed = date(&header::LAST_MODIFIED)?;
    let strong = date(&header::DATE)? - changed >= TimeDelta::seconds(1);
    strong.then(|| text(headers, &header::LAST_MODIFIED).map(|date| date.trim().to_owned()))?
}

/// Whether an answer is a file, or the rest of one that was asked for.
///
/// # Errors
/// [`Fault`] with the cure of what it is instead.
pub fn check(
    response: &Response<Incoming>,
    place: &Place,
    credentials: &Credentials,
    uri: &Uri,
    as_of: Moment,
    begun: Option<&Begun>,
) -> Result<(), Fault> {
    let (status, headers) = (response.status(), response.headers());
    let rest = part(response).zip(begun).is_some_and(|(part, begun)| part.from == begun.bytes);
    if status == StatusCode::OK || rest {
        return is_file(headers, place);
    }
    let expired = reference::holds_until(&uri.to_string()).filter(|until| *until <= as_of);
    let said = format!("{place} answers {}", status.as_u16());
    if let Some(until) = expired.filter(|_| status.is_client_error()) {
        let until = until.format("%Y-%m-%d %H:%M:%S UTC");
        let cure =
            "have recordings announced while their links hold, or fetch them by a lasting address";
        return Err(Fault::lasting(format!("{said}: the link expired at {until}; {cure}")));
    }
    let anonymous = *credentials == Credentials::None;
    let cure = match status {
        StatusCode::UNAUTHORIZED if anonymous => {
            "it wants credentials: set fetch_auth of the source"
        }
        StatusCode::UNAUTHORIZED => {
            "it refuses the credentials: check fetch_auth, fetch_user and fetch_secret"
        }
        StatusCode::FORBIDDEN if anonymous => {
            "it refuses: has the link expired, or does it want credentials (fetch_auth)?"
        }
        StatusCode::FORBIDDEN => "it refuses: may this user read recordings there?",
        StatusCode::NOT_FOUND => "no such file: it may not be ready yet, or is deleted there",
        StatusCode::GONE => {
            return Err(Fault::lasting(format!("{said}: the file is deleted there")));
        }
        StatusCode::TOO_MANY_REQUESTS => "it is asked too often",
        status if status.is_server_error() => "it is in trouble itself",
        _ => "that is no file",
    };
    let wait = retry_after(headers, as_of);
    Err(Fault { wait, ..Fault::passing(format!("{said}: {cure}")) })
}

/// A page of text under a recording's address is a log-in, or an error told politely.
fn is_file(headers: &HeaderMap, place: &Place) -> Result<(), Fault> {
    let kind = media_type(headers);
    if kind.starts_with("text/") || kind == "application/json" || kind == "application/xml" {
        let cure = "is it ready, and are the credentials right?";
        return Err(Fault::passing(format!(
            "{place} gives {kind} in place of a recording; {cure}"
        )));
    }
    Ok(())
}

fn media_type(headers: &HeaderMap) -> String {
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// RFC 9110 §10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, as_of: Moment) -> Option<Duration> {
    let value = text(headers, &header::RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(value).ok()?;
    (at.to_utc() - as_of).to_std().ok()
}

/// The name a file comes with: as its sender says, as a parameter says, or the end of the path;
/// with an ending.
pub fn name(uri: &Uri, headers: &HeaderMap) -> String {
    let said = text(headers, &header::CONTENT_DISPOSITION).and_then(file_name);
    let query = uri.query().unwrap_or_default().split('&');
    let asked = || {
        let values = query.filter_map(|pair| Some(decoded(pair.split_once('=')?.1)));
        values.map(|value| last_part(&value)).find(|value| has_ending(value))
    };
    let path = || last_part(&decoded(uri.path().trim_end_matches('/')));
    let name = said.filter(|name| !name.is_empty()).or_else(asked).unwrap_or_else(path);
    let name = if name.is_empty() { "recording".to_owned() } else { name };
    let kind = media_type(headers);
    match ENDINGS.iter().find(|(known, _)| *known == kind) {
        Some((_, ending)) if !has_ending(&name) => format!("{name}.{ending}"),
        _ => name,
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// What stands after the last slash of either kind, without what no name may hold.
pub fn last_part(path: &str) -> String {
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}

/// `.wav` and the like: a point with up to five letters after it.
fn has_ending(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, ending)| {
        let letters = ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let told = ending.bytes().any(|byte| byte.is_ascii_alphabetic());
        !stem.is_empty() && (2..=5).contains(&ending.len()) && letters && told
    })
}

/// RFC 6266: `filename*` before `filename`.
fn file_name(disposition: &str) -> Option<String> {
    let value = |wanted: &str| {
        let pair = disposition.split(';').skip(1).map(str::trim);
        let mut found = pair.filter_map(|pair| pair.split_once('='));
        found
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    let wide = value("filename*").and_then(|value| value.splitn(3, '\'').nth(2)).map(decoded);
    let plain = || value("filename").map(|value| value.trim_matches('"').to_owned());
    wide.or_else(plain).map(|name| last_part(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use header::HeaderValue;

    fn uri(text: &str) -> Uri {
        text.parse().expect("an address")
    }

    #[test]
    fn a_location_is_read_beside_the_address_that_gave_it() {
        let from = uri("https://a.example.com/x/y/1?q=2");
        let table = [
            ("https://b.example.com/z", "https://b.example.com/z"),
            ("//c.example.com/z?a=1", "https://c.example.com/z?a=1"),
            ("/z", "https://a.example.com/z"),
            ("z", "https://a.example.com/x/y/z"),
            ("../z?b=../1", "https://a.example.com/x/z?b=../1"),
            ("../../../../z", "https://a.example.com/z"),
            ("?n=1", "https://a.example.com/x/y/1?n=1"),
            ("z z", "https://a.example.com/x/y/z%20z"),
        ];
        for (to, whole) in table {
            assert_eq!(joined(&from, to).expect(to).to_string(), whole, "{to}");
        }
    }

    #[test]
    fn a_name_is_what_the_sender_says_or_the_address_or_the_media_type() {
        let named = |address: &str, kind: &str, disposition: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(kind).expect("text"));
            if !disposition.is_empty() {
                let value = HeaderValue::from_str(disposition).expect("text");
                headers.insert(header::CONTENT_DISPOSITION, value);
            }
            name(&uri(address), &headers)
        };
        let long = "https://h/a/RE0123456789.b?x=1";
        let table = [
            (named(long, "audio/x-wav; q=1", ""), "RE0123456789.b.wav"),
            (named("https://h/R/", "audio/mpeg", ""), "R.mp3"),
            (
                named("https://h/get?file=%2Fvar%2Fa%20b.gsm&k=v", "application/octet-stream", ""),
                "a b.gsm",
            ),
            (
                named("https://h/1", "audio/wav", "attachment; filename=\"../x/in-1.WAV\""),
                "in-1.WAV",
            ),
            (
                named(
                    "https://h/1",
                    "audio/wav",
                    "attachment; filename=a.wav; filename*=UTF-8''%e5%bd%95.wav",
                ),
                "录.wav",
            ),
            (named("https://h/", "audio/ogg", ""), "recording.ogg"),
        ];
        for (found, wanted) in table {
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_host_says_how_long_it_wants_to_be_left_alone() {
        let as_of = DateTime::from_timestamp(1_795_399_200, 0).expect("a moment");
        let wait = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_str(value).expect("text"));
            retry_after(&headers, as_of)
        };
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        let later = (as_of + chrono::TimeDelta::seconds(90)).format("%a, %d %b %Y %H:%M:%S GMT");
        assert_eq!(wait(&later.to_string()), Some(Duration::from_secs(90)));
        assert_eq!((wait("soon"), wait("-1")), (None, None));
    }
}

//! Reading a vCon.

use crate::call::Direction;
use crate::call::event::Moment;
use crate::ledger::LedgerEntry;
use crate::party::PhoneNumber;
use crate::recording::{ContentHash, Hints};
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

/// What a document holds that can be taken in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content {
    pub uuid: String,
    pub pieces: Vec<Piece>,
    /// The ledger entry it carries; none in a document whose numbers are masked.
    pub entry: Option<LedgerEntry>,
    /// What is not taken in, and why.
    pub left_out: Vec<String>,
}

/// A recording in a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    pub bytes: Vec<u8>,
    pub hints: Hints,
}

/// Reads a document that is out of its signature.
///
/// # Errors
/// What is wrong, and where.
pub fn read(document: &Value) -> Result<Content, String> {
    if document.get("ciphertext").is_some() {
        return Err("it is encrypted (JWE); decrypt it first".into());
    }
    let critical = document["critical"].as_array().map_or(&[][..], Vec::as_slice);
    if let Some(name) = critical.first() {
        return Err(format!("it needs the extension {name}, which is not known here"));
    }
    let uuid = document["uuid"].as_str().ok_or("it has no `uuid`")?.to_owned();
    if document["created_at"].as_str().is_none() {
        return Err("it has no `created_at`".into());
    }
    let mut content = Content { uuid, ..Content::default() };
    let call_id = call_id(document);
    for (index, dialog) in list(document, "dialog").iter().enumerate() {
        match piece(document, dialog, call_id.clone()) {
            Ok(Some(piece)) => content.pieces.push(piece),
            Ok(None) => {}
            Err(Refused::Wrong(why)) => return Err(format!("dialog {index}: {why}")),
            Err(Refused::LeftOut(why)) => content.left_out.push(format!("dialog {index}: {why}")),
        }
    }
    content.entry = entry(document, &mut content.left_out)?;
    Ok(content)
}

enum Refused {
    Wrong(String),
    LeftOut(String),
}

fn list<'a>(document: &'a Value, name: &str) -> &'a [Value] {
    document[name].as_array().map_or(&[], Vec::as_slice)
}

/// The phone system's id of the call, where our own analysis tells it.
fn call_id(document: &Value) -> Option<String> {
    let own = |one: &&Value| one["vendor"] == super::VENDOR && one["schema"] == "call";
    let body = &list(document, "analysis").iter().find(own)?["body"];
    body["call_id"].as_str().map(str::to_owned)
}

fn piece(
    document: &Value,
    dialog: &Value,
    call_id: Option<String>,
) -> Result<Option<Piece>, Refused> {
    if dialog["type"] != "recording" {
        return Ok(None);
    }
    if dialog["url"].is_string() {
        return Err(Refused::LeftOut("its sound lies elsewhere and is not fetched".into()));
    }
    let Some(body) = dialog["body"].as_str().filter(|body| !body.is_empty()) else {
        return Err(Refused::LeftOut("it holds no sound".into()));
    };
    if dialog["encoding"].as_str().is_some_and(|encoding| encoding != "base64url") {
        return Err(Refused::Wrong(format!("sound cannot be in {}", dialog["encoding"])));
    }
    let decoded = URL_SAFE_NO_PAD.decode(body).or_else(|_| URL_SAFE.decode(body));
    let bytes = decoded.map_err(|_| Refused::Wrong("its body is no Base64url".into()))?;
    check_hashes(&dialog["content_hash"], &bytes)?;
    let start = dialog["start"].as_str().and_then(|text| text.parse::<Moment>().ok());
    let length = dialog["duration"].as_f64().filter(|seconds| (0.0..1e7).contains(seconds));
    let length = length.map(|seconds| TimeDelta::milliseconds((seconds * 1000.0) as i64));
    let name = dialog["filename"].as_str().unwrap_or("recording.wav").to_owned();
    let (caller, callee, direction) = parties(document, dialog);
    let finished_at = start.zip(length).map(|(start, length)| start + length);
    let told = Hints { name, call_id, caller, callee, direction, ..Hints::default() };
    let hints = Hints { starts_at: start, finished_at, ..told };
    Ok(Some(Piece { bytes, hints }))
}

fn check_hashes(hashes: &Value, bytes: &[u8]) -> Result<(), Refused> {
    let several = hashes.as_array().cloned().unwrap_or_else(|| vec![hashes.clone()]);
    for hash in several.iter().filter_map(Value::as_str) {
        let Some((algorithm, wanted)) = hash.split_once('-') else { continue };
        let found = match algorithm {
            "sha512" => URL_SAFE_NO_PAD.encode(Sha512::digest(bytes)),
            "sha256" => URL_SAFE_NO_PAD.encode(Sha256::digest(bytes)),
            _ => continue,
        };
        if found != wanted.trim_end_matches('=') {
            return Err(Refused::Wrong(format!(
                "its sound does not have the {algorithm} it names"
            )));
        }
    }
    Ok(())
}

/// Who called whom: the first party is the originator, or the one named as such.
fn parties(
    document: &Value,
    dialog: &Value,
) -> (Option<PhoneNumber>, Option<PhoneNumber>, Option<Direction>) {
    let mut places: Vec<u64> = Vec::new();
    let several = dialog["parties"].as_array().cloned();
    for one in several.unwrap_or_else(|| vec![dialog["parties"].clone()]) {
        let inner = one.as_array().cloned().unwrap_or_else(|| vec![one]);
        places.extend(inner.iter().filter_map(Value::as_u64));
    }
    let originator = dialog["originator"].as_u64().or(places.first().copied());
    let number = |place: u64| {
        let party = list(document, "parties").get(usize::try_from(place).ok()?)?;
        let tel = party["tel"].as_str()?;
        PhoneNumber::known(tel.strip_prefix("tel:").unwrap_or(tel))
    };
    let caller = originator.and_then(number);
    let callee = places.iter().find(|place| Some(**place) != originator).copied().and_then(number);
    let agent = |place: u64| {
        let party = usize::try_from(place).ok().and_then(|at| list(document, "parties").get(at));
        party.is_some_and(|party| party["type"] == "agent")
    };
    let direction =
        originator.map(|place| if agent(place) { Direction::Outbound } else { Direction::Inbound });
    (caller, callee, direction)
}

fn entry(document: &Value, left_out: &mut Vec<String>) -> Result<Option<LedgerEntry>, String> {
    let ours = |one: &&Value| one["purpose"] == "ledger_entry";
    let Some(attachment) = list(document, "attachments").iter().find(ours) else { return Ok(None) };
    if document["redacted"].is_object() {
        left_out.push("the entry: its numbers and names are masked".into());
        return Ok(None);
    }
    let body = match &attachment["body"] {
        Value::String(text) => serde_json::from_str(text).map_err(|error| error.to_string())?,
        body => body.clone(),
    };
    let entry = serde_json::from_value(body);
    entry.map(Some).map_err(|error| format!("the ledger entry cannot be read: {error}"))
}

/// The hash of a piece's bytes, as recordings are named.
impl Piece {
    /// SHA-256 of its bytes.
    pub fn hash(&self) -> ContentHash {
        ContentHash(Sha256::digest(&self.bytes).into())
    }
}

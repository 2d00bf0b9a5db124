//! Writing a vCon.

use super::SYNTAX;
use crate::call::event::{Cause, Moment};
use crate::call::{Call, Direction};
use crate::ledger::LedgerEntry;
use crate::party::{masked_number, masked_numbers};
use crate::recording::Recording;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// The name under which our own analysis stands.
pub const VENDOR: &str = "ringledger";

/// The place of the outside party, and of the desk, among the parties.
const OUTSIDE: u32 = 0;
const DESK: u32 = 1;

/// Everything that goes into a document.
#[derive(Debug, Clone)]
pub struct Conversation<'a> {
    pub call: &'a Call,
    pub sounds: Vec<Sound<'a>>,
    /// The entry and its newest version's number.
    pub entry: Option<(&'a LedgerEntry, u32)>,
    /// Numbers and names are masked; the document says so.
    pub masked: bool,
    pub created_at: Moment,
    /// The host name under which ids are unique; also that of the certificate.
    pub domain: &'a str,
}

/// A recording and its bytes; none where it was erased.
#[derive(Debug, Clone)]
pub struct Sound<'a> {
    pub recording: &'a Recording,
    pub bytes: Option<Vec<u8>>,
}

fn date(at: Moment) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A UUID of version 8 as the draft wants it: made as version 7, with the high 62 bits of the host
/// name's SHA-1 at its end. The twelve bits between are those of the call's id.
pub fn uuid(at: Moment, domain: &str, call_id: &str) -> String {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or_default().to_be_bytes();
    let (own, host) = (Sha256::digest(call_id), Sha1::digest(domain));
    let mut bytes = [0u8; 16];
    bytes[..6].copy_from_slice(&millis[2..]);
    bytes[6] = 0x80 | (own[0] & 0x0f);
    bytes[7] = own[1];
    let high = u64::from_be_bytes([
        host[0], host[1], host[2], host[3], host[4], host[5], host[6], host[7],
    ]);
    bytes[8..].copy_from_slice(&((high >> 2) | 1 << 63).to_be_bytes());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The document, unsigned.
pub fn build(conversation: &Conversation<'_>) -> Value {
    let (call, created) = (conversation.call, conversation.created_at);
    let mut document = json!({
        "vcon": SYNTAX,
        "uuid": uuid(created, conversation.domain, &call.call_id),
        "created_at": date(created),
        "updated_at": date(created),
        "parties": parties(conversation),
        "dialog": dialogs(conversation),
        "analysis": analyses(conversation),
        "attachments": attachments(conversation),
    });
    if let Some((entry, _)) = conversation.entry {
        document["subject"] = entry.entry_id.as_str().into();
    }
    if conversation.masked {
        // Without a uuid: the whole document does not exist.
        document["redacted"] = json!({ "type": "telephone numbers and names masked" });
    }
    document
}

fn parties(conversation: &Conversation<'_>) -> Value {
    let (call, masked) = (conversation.call, conversation.masked);
    let mut outside = Map::new();
    if let Some(number) = call.outside_party() {
        if masked {
            // A masked number is no `tel` URL.
            outside.insert("name".into(), number.masked().into());
            outside.insert("validation".into(), "none".into());
        } else {
            outside.insert("tel".into(), number.exposed().into());
        }
    }
    let name = conversation.entry.and_then(|(entry, _)| entry.name.as_ref());
    if let Some(name) = name.or(call.caller_name.as_ref()).filter(|_| !masked) {
        outside.insert("name".into(), name.exposed().into());
        outside.insert("validation".into(), "none".into());
    }
    let mut desk = Map::new();
    if let Some(extension) = &call.answered_by {
        desk.insert("tel".into(), extension.as_str().into());
    }
    let handler = conversation.entry.and_then(|(entry, _)| entry.handler.as_ref());
    if let Some(handler) = handler {
        desk.insert("name".into(), handler.as_str().into());
        desk.insert("validation".into(), "none".into());
    }
    desk.insert("type".into(), "agent".into());
    json!([outside, desk])
}

fn originator(call: &Call) -> u32 {
    if call.direction == Direction::Outbound { DESK } else { OUTSIDE }
}

fn dialogs(conversation: &Conversation<'_>) -> Value {
    let call = conversation.call;
    let mut dialogs: Vec<Value> =
        conversation.sounds.iter().map(|sound| dialog(conversation, sound)).collect();
    if dialogs.is_empty() && call.is_answered() {
        // The conversation took place, and nothing of its sound is there.
        let parties = [originator(call), other(call)];
        let start = date(call.offered_at);
        dialogs.push(json!({ "type": "recording", "start": start, "parties": parties }));
    } else if dialogs.is_empty() {
        dialogs.push(json!({
            "type": "incomplete",
            "start": date(call.offered_at),
            "parties": [originator(call), other(call)],
            "disposition": disposition(call),
        }));
    }
    dialogs.into()
}

fn other(call: &Call) -> u32 {
    DESK - originator(call)
}

fn disposition(call: &Call) -> &'static str {
    match call.cause {
        Some(Cause::Busy) => "busy",
        Some(Cause::Failed) => "failed",
        Some(_) => "no-answer",
        None => "hung-up",
    }
}

fn dialog(conversation: &Conversation<'_>, sound: &Sound<'_>) -> Value {
    let (call, recording) = (conversation.call, sound.recording);
    let hints = &recording.hints;
    let start = hints.starts_at.unwrap_or(call.offered_at);
    let channels = recording.measures.as_ref().map_or(1, |measures| measures.channels);
    let both = [originator(call), other(call)];
    // One channel holds both; of two channels nothing is known but that each holds one of them.
    let parties = if channels == 2 { json!([both, both]) } else { json!(both) };
    let name = recording.sound_name();
    let name = if conversation.masked { masked_numbers(&name) } else { name };
    let mut dialog = json!({
        "type": "recording",
        "start": date(start),
        "parties": parties,
        "originator": originator(call),
        "mediatype": media_type(&recording.sound_name()),
        "filename": name,
    });
    if let Some(measures) = recording.measures.as_ref().filter(|one| one.duration_s.is_finite()) {
        dialog["duration"] = json!((measures.duration_s * 1000.0).round() / 1000.0);
    }
    if let Some(history) = history(call) {
        dialog["party_history"] = history;
    }
    let own_hash = format!("sha256-{}", BASE64URL.encode(recording.sound_hash().0));
    match &sound.bytes {
        Some(bytes) => {
            let hash = format!("sha512-{}", BASE64URL.encode(Sha512::digest(bytes)));
            dialog["content_hash"] = json!([hash, own_hash]);
            dialog["encoding"] = "base64url".into();
            dialog["body"] = BASE64URL.encode(bytes).into();
        }
        None => dialog["content_hash"] = own_hash.into(),
    }
    dialog
}

fn history(call: &Call) -> Option<Value> {
    let joined = call.joined.as_ref()?.earliest;
    let event = |party: u32, at: Moment, event: &str| json!({ "party": party, "time": date(at), "event": event });
    let mut history = vec![event(OUTSIDE, joined, "join"), event(DESK, joined, "join")];
    if let Some(ended_at) = call.ended_at {
        history.extend([event(OUTSIDE, ended_at, "drop"), event(DESK, ended_at, "drop")]);
    }
    Some(history.into())
}

/// The media type of a recording by its name, in the draft's own words where it has them.
fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().map(str::to_ascii_lowercase).as_deref() {
        Some("wav") => "audio/x-wav",
        Some("mp3") => "audio/x-mp3",
        Some("m4a" | "mp4") => "audio/x-mp4",
        Some("ogg" | "opus") => "audio/ogg",
        Some("flac") => "audio/flac",
        _ => "application/octet-stream",
    }
}

/// What was found of the call, and how the archive keeps its sound.
fn analyses(conversation: &Conversation<'_>) -> Vec<Value> {
    let archived = conversation.sounds.iter().enumerate().filter_map(|(dialog, sound)| {
        let archived = sound.recording.archived.as_ref()?;
        Some(json!({
            "type": "report",
            "dialog": dialog,
            "vendor": VENDOR,
            "product": archived.rendition.encoder,
            "schema": "archived",
            "mediatype": "application/json",
            "encoding": "json",
            "body": { "original_sha256": sound.recording.hash, "archived": archived },
        }))
    });
    std::iter::once(analysis(conversation)).chain(archived).collect()
}

/// What was found of the call: its times and its verdict, no number.
fn analysis(conversation: &Conversation<'_>) -> Value {
    let call = conversation.call;
    let dialogs: Vec<usize> = (0..conversation.sounds.len()).collect();
    json!({
        "type": "report",
        "dialog": dialogs,
        "vendor": VENDOR,
        "product": concat!("ringledger ", env!("CARGO_PKG_VERSION")),
        "schema": "call",
        "mediatype": "application/json",
        "encoding": "json",
        "body": {
            "call_id": call.call_id, "direction": call.direction, "offered_at": call.offered_at,
            "alerting": call.alerting, "answered": call.answered, "joined": call.joined,
            "ended_at": call.ended_at, "answered_by": call.answered_by, "verdict": call.verdict,
            "cause": call.cause,
        },
    })
}

fn attachments(conversation: &Conversation<'_>) -> Value {
    let Some((entry, version)) = conversation.entry else { return json!([]) };
    let mut body = serde_json::to_value(entry).unwrap_or_default();
    if conversation.masked {
        mask(&mut body, entry);
    }
    json!([{
        "purpose": "ledger_entry",
        "start": date(entry.registered_at),
        "party": DESK,
        "dialog": 0,
        "mediatype": "application/json",
        "filename": format!("{}.v{version}.json", entry.entry_id),
        "encoding": "json",
        "body": body,
    }])
}

/// Numbers and names of an entry, in its texts too.
pub fn mask(body: &mut Value, entry: &LedgerEntry) {
    if let Some(number) = &entry.number {
        body["number"] = masked_number(number.exposed()).into();
    }
    if let Some(name) = &entry.name {
        body["name"] = name.masked().into();
    }
    for field in ["content", "unit"] {
        if let Some(text) = body[field].as_str() {
            body[field] = masked_numbers(text).into();
        }
    }
}

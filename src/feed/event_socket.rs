//! Event socket: frames of `Name: value` lines, with a body of the length they say. Events are
//! asked for as JSON and kept as they came; where only the plain form is to be had, the same JSON
//! is made of it.

use super::dial::{Stream, dial};
use super::{CUT_BYTES, Event, Fault, FaultKind, Heard, Settings, cut, in_time, rest, unlisted};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use tokio::io::AsyncWriteExt;
use tokio_util::codec::{Decoder, Framed};

/// Longest head of a frame.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Events that say something of calls and recordings.
const EVENTS: &str = "CHANNEL_CREATE CHANNEL_ORIGINATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA \
                      CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP \
                      CHANNEL_HANGUP_COMPLETE CHANNEL_UUID RECORD_START RECORD_STOP";

/// The question for the calls that are alive, and the kind of its answer.
const LIVING: &str = "api show channels as json";
const ANSWER: &str = "api/response";
/// An answer may be so many times longer than the longest event that is kept.
const ANSWER_AT_MOST: usize = 16;

/// The answer to the question for the calls that are alive. With none there are no rows.
#[derive(Deserialize)]
struct Living<'a> {
    #[serde(borrow, default)]
    rows: Option<Vec<&'a RawValue>>,
}

/// One frame: its head and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    head: Vec<(String, String)>,
    body: Bytes,
    /// The body was longer than the limit; this is its beginning.
    cut: bool,
}

impl Frame {
    fn value(&self, name: &str) -> Option<&str> {
        let found = self.head.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn kind(&self) -> &str {
        self.value("Content-Type").unwrap_or_default()
    }
}

/// Cuts the stream into frames.
#[derive(Debug)]
pub struct Frames {
    bytes_max: usize,
    /// A frame whose head was read and whose body is still to come.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    head: Vec<(String, String)>,
    /// How much of the body is kept, and how much after it is passed over.
    keep: usize,
    pass_over: usize,
    kept: Option<Bytes>,
    cut: bool,
}

impl Frames {
    /// For a new connection.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, open: None }
    }

    fn head(&self, buffer: &mut BytesMut) -> io::Result<Option<Open>> {
        while buffer.first() == Some(&b'\n') {
            buffer.advance(1);
        }
        let Some(end) = buffer.windows(2).position(|two| two == b"\n\n") else {
            return match buffer.len() > HEAD_BYTES_MAX {
                true => Err(io::Error::other("a frame's head is too long")),
                false => Ok(None),
            };
        };
        let text = String::from_utf8_lossy(&buffer.split_to(end + 2)).into_owned();
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        let head: Vec<(String, String)> =
            lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let length = head.iter().find(|(name, _)| name.eq_ignore_ascii_case("Content-Length"));
        let length: usize = match length {
            None => 0,
            Some((_, digits)) => digits
                .parse()
                .map_err(|_| io::Error::other(format!("`{digits}` is no Content-Length")))?,
        };
        let kind = head.iter().find(|(name, _)| name.eq_ignore_ascii_case("Content-Type"));
        let times = if kind.is_some_and(|(_, kind)| kind == ANSWER) { ANSWER_AT_MOST } else { 1 };
        let cut = length > self.bytes_max.saturating_mul(times);
        let keep = if cut { CUT_BYTES.min(length) } else { length };
        Ok(Some(Open { head, keep, pass_over: length - keep, kept: None, cut }))
    }
}

impl Decoder for Frames {
    type Item = Frame;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Frame>> {
        if self.open.is_none() {
            self.open = self.head(buffer)?;
        }
        let Some(mut open) = self.open.take() else { return Ok(None) };
        if open.kept.is_none() && buffer.len() >= open.keep {
            open.kept = Some(buffer.split_to(open.keep).freeze());
        }
        let Some(body) = open.kept.take() else {
            self.open = Some(open);
            return Ok(None);
        };
        let passed = buffer.len().min(open.pass_over);
        buffer.advance(passed);
        let left = open.pass_over - passed;
        if left > 0 {
            self.open = Some(Open { pass_over: left, kept: Some(body), ..open });
            return Ok(None);
        }
        Ok(Some(Frame { head: open.head, body, cut: open.cut }))
    }
}

/// An event socket that is logged in.
pub struct Session {
    wire: Framed<Box<dyn Stream>, Frames>,
    leave_out: BTreeSet<String>,
    event_bytes_max: usize,
    /// Calls that were alive when it began.
    living: VecDeque<Event>,
    /// Events that came while an answer was waited for.
    early: VecDeque<Frame>,
}

impl Session {
    /// Connects, logs in, asks for events, and for the calls that are alive: after a gap they show
    /// what outlived it.
    pub async fn open(settings: &Settings) -> Result<Self, Fault> {
        let stream = dial(settings).await?;
        let event_bytes_max = settings.event_bytes_max;
        let wire = Framed::new(stream, Frames::new(event_bytes_max));
        let (living, early) = (VecDeque::new(), VecDeque::new());
        let leave_out = settings.leave_out.clone();
        let mut session = Self { wire, leave_out, event_bytes_max, living, early };
        in_time("logging in", session.log_in(settings)).await?;
        in_time("asking for events", session.subscribe(settings)).await?;
        session.send(LIVING).await?;
        Ok(session)
    }

    async fn log_in(&mut self, settings: &Settings) -> Result<(), Fault> {
        let address = &settings.address;
        let asked = self.frame().await.map_err(|fault| {
            let text = format!("{address}: {fault}; is it the event socket's port?");
            Fault { kind: FaultKind::Protocol, text }
        })?;
        if asked.kind() == "text/rude-rejection" {
            let text = format!(
                "{address} does not let this machine in: name its address in the event socket's \
                 apply-inbound-acl"
            );
            return Err(Fault::new(FaultKind::Login, text));
        }
        let secret = &settings.secret.0;
        let proof = match settings.user.as_str() {
            "" => format!("auth {secret}"),
            user => format!("userauth {user}:{secret}"),
        };
        let said = self.ask(&proof).await?;
        if said.starts_with("+OK") {
            return Ok(());
        }
        let text = format!(
            "{address}: the event socket refuses the secret (`{said}`): check feed_secret, and \
             feed_user, which is empty unless the socket has users (user@domain)"
        );
        Err(Fault::new(FaultKind::Login, text))
    }

    async fn subscribe(&mut self, settings: &Settings) -> Result<(), Fault> {
        let said = self.ask(&format!("event json {EVENTS}")).await?;
        if said.starts_with("+OK") {
            return Ok(());
        }
        let said = self.ask(&format!("event plain {EVENTS}")).await?;
        if said.starts_with("+OK") {
            return Ok(());
        }
        let text = format!(
            "{}: no events are given (`{said}`): let the user have these: {EVENTS}",
            settings.address
        );
        Err(Fault::new(FaultKind::Login, text))
    }

    async fn frame(&mut self) -> Result<Frame, Fault> {
        self.wire.next().await.ok_or_else(Fault::closed)?.map_err(Fault::lost)
    }

    /// Sends a command and waits for its answer.
    async fn ask(&mut self, command: &str) -> Result<String, Fault> {
        self.send(command).await?;
        loop {
            let frame = self.frame().await?;
            match frame.kind() {
                "command/reply" => return Ok(frame.value("Reply-Text").unwrap_or("").to_owned()),
                "text/disconnect-notice" => return Err(Fault::closed()),
                _ => self.early.push_back(frame),
            }
        }
    }

    /// Commands never hold a line break: the settings are checked for that.
    async fn send(&mut self, command: &str) -> Result<(), Fault> {
        let stream = self.wire.get_mut();
        stream.write_all(format!("{command}\n\n").as_bytes()).await.map_err(Fault::lost)?;
        stream.flush().await.map_err(Fault::lost)
    }

    pub async fn heard(&mut self) -> Result<Heard, Fault> {
        if let Some(alive) = self.living.pop_front() {
            return Ok(Heard::Event(alive));
        }
        let frame = match self.early.pop_front() {
            Some(frame) => frame,
            None => self.frame().await?,
        };
        let body = match frame.kind() {
            ANSWER => return Ok(self.answered(&frame)),
            "command/reply" => return Ok(replied(&frame)),
            _ if frame.cut => return Ok(Heard::Event(cut(frame.body))),
            "text/event-json" => frame.body,
            "text/event-plain" => plain_as_json(&frame.body).into(),
            "text/disconnect-notice" => return Err(Fault::closed()),
            _ => return Ok(Heard::Alive),
        };
        let name = serde_json::from_slice::<serde_json::Value>(&body)
            .ok()
            .and_then(|event| event.get("Event-Name")?.as_str().map(str::to_owned));
        if name.is_some_and(|name| self.leave_out.contains(&name)) {
            return Ok(Heard::Alive);
        }
        Ok(Heard::Event(Event { content_type: "application/json", body, has_time: None }))
    }

    /// The calls that are alive, one row each.
    fn answered(&mut self, frame: &Frame) -> Heard {
        let rows = serde_json::from_slice::<Living<'_>>(&frame.body).ok();
        let Some(living) = rows.filter(|_| !frame.cut) else {
            let said = String::from_utf8_lossy(&frame.body);
            return refused(said.lines().next().unwrap_or_default());
        };
        let rows = living.rows.unwrap_or_default();
        self.living.extend(rows.into_iter().map(|row| rest::listed(row, self.event_bytes_max)));
        self.living.pop_front().map_or(Heard::Alive, Heard::Event)
    }

    /// A command that changes nothing: whatever is answered, somebody answers.
    pub async fn ask_alive(&mut self) -> Result<(), Fault> {
        self.send("nolog").await
    }
}

/// Once events come, only the question for living calls can be refused.
fn replied(frame: &Frame) -> Heard {
    let said = frame.value("Reply-Text").unwrap_or_default();
    if said.starts_with("-ERR") { refused(said) } else { Heard::Alive }
}

fn refused(said: &str) -> Heard {
    let why: String = said.chars().take(80).collect();
    Heard::Refused(unlisted(&why, "let the event socket's user run `api show`"))
}

/// The plain form of an event, each value percent-encoded, as the JSON form has it.
fn plain_as_json(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let (head, inner) = text.split_once("\n\n").unwrap_or((&text, ""));
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut written = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut written);
    let whole = (|| {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in lines {
            let value = percent_decode_str(value).decode_utf8_lossy();
            match value.strip_prefix("ARRAY::") {
                Some(list) => map.serialize_entry(name, &list.split("|:").collect::<Vec<_>>())?,
                None => map.serialize_entry(name, &value)?,
            }
        }
        if !inner.is_empty() {
            map.serialize_entry("_body", inner)?;
        }
        map.end()
    })();
    match whole {
        Ok(()) => written,
        Err(_) => body.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes_max: usize, wire: &[u8], size: usize) -> Vec<Frame> {
        let mut frames = Frames::new(bytes_max);
        let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
        for piece in wire.chunks(size) {
            buffer.extend_from_slice(piece);
            while let Some(frame) = frames.decode(&mut buffer).expect("readable") {
                found.push(frame);
            }
            assert!(buffer.len() <= bytes_max.max(HEAD_BYTES_MAX), "too much is held");
        }
        found
    }

    #[test]
    fn frames_are_the_same_however_the_wire_cuts_them() {
        let wire = b"Content-Type: auth/request\n\nContent-Length: 8\nContent-Type: \
                     text/event-json\n\n{\"a\":1}\nContent-Type: command/reply\nReply-Text: +OK\n\n";
        let whole = decoded(100, wire, wire.len());
        assert_eq!(whole.len(), 3);
        assert_eq!(&whole[1].body[..], b"{\"a\":1}\n");
        assert!(whole.iter().all(|frame| !frame.cut));
        for size in [1, 2, 3, 11] {
            assert_eq!(decoded(100, wire, size), whole, "{size}");
        }
    }

    #[test]
    fn a_body_that_is_too_long_is_cut_and_the_next_frame_is_whole() {
        let mut wire = b"Content-Length: 9000\nContent-Type: text/event-json\n\n".to_vec();
        wire.extend_from_slice(&[b'x'; 9000]);
        wire.extend_from_slice(b"Content-Type: command/reply\nReply-Text: +OK\n\n");
        for size in [1, 7, 600, wire.len()] {
            let found = decoded(5000, &wire, size);
            assert_eq!(found.len(), 2, "{size}");
            assert!(found[0].cut && found[0].body.len() == CUT_BYTES, "{size}");
            assert!(!found[1].cut && found[1].kind() == "command/reply", "{size}");
        }
    }

    #[test]
    fn the_plain_form_becomes_the_json_form() {
        let plain = b"Event-Name: CHANNEL_ANSWER\nEvent-Date-Local: 2026-11-23%2010%3A00%3A05\n\
                      variable_x: ARRAY::a|:b\n\n";
        let json = String::from_utf8(plain_as_json(plain)).expect("text");
        assert_eq!(
            json,
            r#"{"Event-Name":"CHANNEL_ANSWER","Event-Date-Local":"2026-11-23 10:00:05","variable_x":["a","b"]}"#
        );
    }
}

//! AMI: blocks of `Name: value` lines over TCP. Each event becomes one JSON object, names, order
//! and values unchanged; a name that comes twice becomes a list.

use super::dial::{Stream, dial};
use super::{CUT_BYTES, Event, Fault, FaultKind, Heard, Settings, cut, in_time, unlisted};
use bytes::{Bytes, BytesMut};
use encoding_rs::GB18030;
use futures_util::StreamExt;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::BTreeSet;
use std::io;
use tokio::io::AsyncWriteExt;
use tokio_util::codec::{Decoder, Framed};

/// Longest first line that a manager sends.
const GREETING_BYTES_MAX: usize = 256;
/// Variables are most of the volume, and only these say something of calls.
const VARIABLES_KEPT: &str = "MIXMONITOR_";

/// One block, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block(Vec<(String, String)>);

impl Block {
    /// The first value of this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Reads the lines of a block. One without a colon goes on with the value before.
    fn read(bytes: &[u8]) -> Self {
        let mut lines: Vec<(String, String)> = Vec::new();
        for line in text(bytes).split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
            match (line.split_once(':'), lines.last_mut()) {
                (Some((name, value)), _) => {
                    let value = value.strip_prefix(' ').unwrap_or(value);
                    lines.push((name.to_owned(), value.to_owned()));
                }
                (None, Some((_, before))) => before.extend(["\n", line]),
                (None, None) => {}
            }
        }
        Self(lines)
    }
}

/// UTF-8, or the charset that older phone systems here write. Both can be turned back.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => GB18030.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

impl Serialize for Block {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut written = BTreeSet::new();
        for (name, value) in &self.0 {
            if !written.insert(name) {
                continue;
            }
            let same = self.0.iter().filter(|(other, _)| other == name);
            let values: Vec<&str> = same.map(|(_, value)| value.as_str()).collect();
            match values.as_slice() {
                [_] => map.serialize_entry(name, value)?,
                several => map.serialize_entry(name, several)?,
            }
        }
        map.end()
    }
}

/// What comes over the wire.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    Greeting(String),
    Block(Block),
    /// A block that is too long: its beginning.
    Long(Bytes),
}

/// Cuts the stream into blocks. Holds at most one block of the limit in memory.
#[derive(Debug)]
pub struct Blocks {
    bytes_max: usize,
    greeted: bool,
    /// The beginning of a block that is too long, while its rest is passed over.
    long: Option<Bytes>,
    /// Where the search for the block's end goes on.
    searched: usize,
}

impl Blocks {
    /// For a new connection: a greeting comes first.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, greeted: false, long: None, searched: 0 }
    }

    fn greeting(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Part>> {
        let Some(end) = buffer.iter().position(|byte| *byte == b'\n') else {
            return if buffer.len() > GREETING_BYTES_MAX {
                Err(io::Error::other("no line came, but something else"))
            } else {
                Ok(None)
            };
        };
        self.greeted = true;
        let line = buffer.split_to(end + 1);
        Ok(Some(Part::Greeting(text(&line).trim().to_owned())))
    }
}

const END: &[u8] = b"\r\n\r\n";

impl Decoder for Blocks {
    type Item = Part;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Part>> {
        if !self.greeted {
            return self.greeting(buffer);
        }
        loop {
            // Ends of blocks may follow each other.
            while self.long.is_none() && buffer.starts_with(b"\r\n") {
                drop(buffer.split_to(2));
                self.searched = 0;
            }
            let from = self.searched.min(buffer.len());
            if let Some(at) = buffer[from..].windows(END.len()).position(|four| four == END) {
                let block = buffer.split_to(from + at + END.len());
                self.searched = 0;
                return Ok(Some(match self.long.take() {
                    Some(beginning) => Part::Long(beginning),
                    None if block.len() > self.bytes_max => {
                        Part::Long(Bytes::copy_from_slice(&block[..CUT_BYTES.min(block.len())]))
                    }
                    None => Part::Block(Block::read(&block[..block.len() - END.len()])),
                }));
            }
            self.searched = buffer.len().saturating_sub(END.len() - 1);
            if buffer.len() <= self.bytes_max {
                return Ok(None);
            }
            let passed = buffer.split_to(self.searched);
            self.searched = 0;
            let beginning = &passed[..CUT_BYTES.min(passed.len())];
            self.long.get_or_insert_with(|| Bytes::copy_from_slice(beginning));
        }
    }
}

/// A manager session.
pub struct Session {
    wire: Framed<Box<dyn Stream>, Blocks>,
    leave_out: BTreeSet<String>,
}

impl Session {
    /// Connects, logs in, and asks for the calls that are alive: after a gap they show what
    /// outlived it.
    pub async fn open(settings: &Settings) -> Result<Self, Fault> {
        let stream = dial(settings).await?;
        let wire = Framed::new(stream, Blocks::new(settings.event_bytes_max));
        let mut session = Self { wire, leave_out: settings.leave_out.clone() };
        in_time("the manager's greeting", session.greeted(settings)).await?;
        in_time("logging in", session.log_in(settings)).await?;
        session.send("CoreShowChannels", &[]).await?;
        Ok(session)
    }

    async fn greeted(&mut self, settings: &Settings) -> Result<(), Fault> {
        let heard = match self.wire.next().await {
            Some(Ok(Part::Greeting(line))) if line.contains("Call Manager") => return Ok(()),
            Some(Ok(Part::Greeting(line))) => line.chars().take(40).collect(),
            Some(Err(error)) => error.to_string(),
            _ => "nothing".to_owned(),
        };
        let text = format!(
            "{} greets with `{heard}`, which is no manager; is it the manager's port?",
            settings.address
        );
        Err(Fault::new(FaultKind::Protocol, text))
    }

    async fn log_in(&mut self, settings: &Settings) -> Result<(), Fault> {
        let secret = &settings.secret.0;
        self.send("Login", &[("Username", &settings.user), ("Secret", secret)]).await?;
        loop {
            let Part::Block(block) = self.part().await? else { continue };
            match block.value("Response") {
                Some("Success") => return Ok(()),
                Some(_) => {
                    let said = block.value("Message").unwrap_or("no");
                    let text = format!(
                        "{}: user `{}` may not log in (`{said}`): check name and secret, and that \
                         the manager lets this machine's address in (permit, deny, acl)",
                        settings.address, settings.user
                    );
                    return Err(Fault::new(FaultKind::Login, text));
                }
                None => {}
            }
        }
    }

    async fn part(&mut self) -> Result<Part, Fault> {
        self.wire.next().await.ok_or_else(Fault::closed)?.map_err(Fault::lost)
    }

    /// Sends an action. Values never hold a line break: the settings are checked for that.
    pub(super) async fn send(
        &mut self,
        action: &str,
        values: &[(&str, &str)],
    ) -> Result<(), Fault> {
        let mut text = format!("Action: {action}\r\nActionID: {action}\r\n");
        for (name, value) in values {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let stream = self.wire.get_mut();
        stream.write_all(text.as_bytes()).await.map_err(Fault::lost)?;
        stream.flush().await.map_err(Fault::lost)
    }

    /// The next block, kept or not.
    pub(super) async fn block(&mut self) -> Result<Block, Fault> {
        loop {
            if let Part::Block(block) = self.part().await? {
                return Ok(block);
            }
        }
    }

    pub async fn heard(&mut self) -> Result<Heard, Fault> {
        Ok(match self.part().await? {
            Part::Long(beginning) => Heard::Event(cut(beginning)),
            Part::Greeting(_) => Heard::Alive,
            Part::Block(block) => match block.value("Event") {
                Some(name) if self.wants(name, block.value("Variable")) => {
                    Heard::Event(event(&block))
                }
                Some(_) => Heard::Alive,
                None => answer(&block),
            },
        })
    }

    fn wants(&self, name: &str, variable: Option<&str>) -> bool {
        let kept = name != "VarSet" || variable.is_some_and(|v| v.starts_with(VARIABLES_KEPT));
        kept && !self.leave_out.contains(name)
    }

    pub async fn ask_alive(&mut self) -> Result<(), Fault> {
        self.send("Ping", &[]).await
    }
}

fn event(block: &Block) -> Event {
    let body = serde_json::to_vec(block).unwrap_or_default().into();
    // Answers to our own question, and the word on the start, carry no time in any case.
    let timed = block.value("ActionID").is_none() && block.value("Event") != Some("FullyBooted");
    let has_time = timed.then(|| block.value("Timestamp").is_some());
    Event { content_type: "application/json", body, has_time }
}

fn answer(block: &Block) -> Heard {
    match (block.value("Response"), block.value("ActionID")) {
        (Some("Error"), Some("CoreShowChannels")) => Heard::Refused(unlisted(
            block.value("Message").unwrap_or("refused"),
            "give the manager's user `write = reporting`",
        )),
        _ => Heard::Alive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes_max: usize, pieces: &[&[u8]]) -> Vec<Part> {
        let mut blocks = Blocks { greeted: true, ..Blocks::new(bytes_max) };
        let mut buffer = BytesMut::new();
        let mut parts = Vec::new();
        for piece in pieces {
            buffer.extend_from_slice(piece);
            while let Some(part) = blocks.decode(&mut buffer).expect("readable") {
                parts.push(part);
            }
        }
        assert!(buffer.len() <= bytes_max, "more is held than the limit");
        parts
    }

    #[test]
    fn a_block_keeps_names_order_and_values_and_lists_what_comes_twice() {
        let wire = b"Event: A\r\nX: 1\r\nEmpty: \r\nX: 2: b\r\nZ:\r\n\r\n";
        let parts = decoded(1000, &[wire]);
        let [Part::Block(block)] = parts.as_slice() else { panic!("{parts:?}") };
        let json = serde_json::to_string(block).expect("JSON");
        assert_eq!(json, r#"{"Event":"A","X":["1","2: b"],"Empty":"","Z":""}"#);
    }

    #[test]
    fn blocks_are_the_same_however_the_wire_cuts_them() {
        let wire = b"Event: A\r\nB: c\r\n\r\nEvent: D\r\n\r\n";
        let whole = decoded(1000, &[wire]);
        let bytes: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(decoded(1000, &bytes), whole);
        assert_eq!(whole.len(), 2);
    }

    #[test]
    fn a_block_that_is_too_long_is_cut_and_the_next_one_is_whole() {
        let long = [b"Event: Long\r\nX: ".as_slice(), &[b'x'; 9000], b"\r\n\r\n"].concat();
        let next = b"Event: Next\r\n\r\n".as_slice();
        let all = [long.as_slice(), next].concat();
        for size in [1, 7, 600, all.len()] {
            let pieces: Vec<&[u8]> = all.chunks(size).collect();
            let mut blocks = Blocks { greeted: true, ..Blocks::new(500) };
            let (mut buffer, mut parts) = (BytesMut::new(), Vec::new());
            for piece in pieces {
                buffer.extend_from_slice(piece);
                while let Some(part) = blocks.decode(&mut buffer).expect("readable") {
                    parts.push(part);
                }
            }
            let [Part::Long(beginning), Part::Block(block)] = parts.as_slice() else {
                panic!("{size}: {parts:?}")
            };
            assert!(beginning.starts_with(b"Event: Long"), "{size}");
            assert_eq!(block.value("Event"), Some("Next"), "{size}");
        }
    }

    #[test]
    fn a_name_in_the_older_charset_is_read() {
        let wire = [b"Event: A\r\nName: ".as_slice(), &[0xD5, 0xC5], b"\r\n\r\n"].concat();
        let parts = decoded(1000, &[&wire]);
        let [Part::Block(block)] = parts.as_slice() else { panic!("{parts:?}") };
        assert_eq!(block.value("Name"), Some("张"));
    }
}

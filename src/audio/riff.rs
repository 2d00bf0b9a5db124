//! The head of a WAV file: what it says of itself, and whether that is true.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

/// How far into a file its sound must begin, in bytes.
const HEAD_MAX: usize = 64 * 1024;

/// What the head of a WAV file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Codec number of the format chunk.
    pub format: u16,
    /// Place of the sound's length in the file, and of the first byte of sound.
    pub length_at: usize,
    pub sound_at: usize,
    /// Length of the sound as said, and as it is there, in bytes.
    pub said: u64,
    pub there: u64,
}

impl Head {
    /// The writer never came back to fill in the length.
    pub fn is_unfinished(&self) -> bool {
        (self.said == 0 && self.there > 0) || self.said == u64::from(u32::MAX)
    }

    /// The file ends before it says it ends.
    pub fn is_truncated(&self) -> bool {
        !self.is_unfinished() && self.said > self.there
    }
}

/// Reads the head of a WAV file; `None` for anything else.
pub fn head(file: &mut (impl Read + Seek)) -> io::Result<Option<(Head, Vec<u8>)>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    let mut bytes = Vec::new();
    file.by_ref().take(HEAD_MAX as u64).read_to_end(&mut bytes)?;
    file.rewind()?;
    Ok(parse(&bytes, length).map(|head| (head, bytes)))
}

fn parse(bytes: &[u8], length: u64) -> Option<Head> {
    if bytes.get(..4)? != b"RIFF" || bytes.get(8..12)? != b"WAVE" {
        return None;
    }
    let (mut at, mut format) = (12, 0);
    loop {
        let name = bytes.get(at..at + 4)?;
        let said = u32::from_le_bytes(bytes.get(at + 4..at + 8)?.try_into().ok()?);
        if name == b"fmt " {
            format = u16::from_le_bytes(bytes.get(at + 8..at + 10)?.try_into().ok()?);
        }
        if name == b"data" {
            let there = length.saturating_sub(at as u64 + 8);
            let (length_at, sound_at) = (at + 4, at + 8);
            return Some(Head { format, length_at, sound_at, said: said.into(), there });
        }
        at = at.checked_add(8 + said as usize + said as usize % 2)?;
    }
}

/// The file as it should have been written: with its true lengths, read to the true end. The bytes
/// on disk stay.
pub fn repaired(
    head: &Head,
    mut start: Vec<u8>,
    mut file: File,
) -> io::Result<impl Read + Send + Sync + use<>> {
    let there = u32::try_from(head.there).unwrap_or(u32::MAX - 64);
    let whole = there.saturating_add(head.sound_at as u32).saturating_sub(8);
    start[4..8].copy_from_slice(&whole.to_le_bytes());
    start[head.length_at..head.length_at + 4].copy_from_slice(&there.to_le_bytes());
    file.seek(SeekFrom::Start(start.len() as u64))?;
    Ok(Cursor::new(start).chain(file))
}

/// Codecs of WAV files by number, for a message about those that cannot be decoded.
pub fn codec_name(format: u16) -> String {
    let known = match format {
        0x0001 => "PCM",
        0x0002 => "MS ADPCM",
        0x0003 => "float PCM",
        0x0006 => "A-law",
        0x0007 => "µ-law",
        0x0011 => "IMA ADPCM",
        0x0031 => "GSM 06.10",
        0x0055 => "MP3",
        0x0083 | 0x1501 => "G.729",
        0x028f => "G.722",
        _ => return format!("WAV format 0x{format:04x}"),
    };
    known.to_owned()
}

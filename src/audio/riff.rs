//! The head of a WAV file (RIFF, RF64, BW64): what it says of itself, and whether that is true.
//!
//! Source: Multimedia Programming Interface and Data Specifications 1.0 (RIFF), EBU Tech 3306
//! (RF64), ITU-R BS.2088 (BW64).

use super::sound::Fault;
use crate::recording::SoundClass;

/// How far into a file its sound must begin, in bytes.
pub const HEAD_MAX: usize = 256 * 1024;

/// A length that a writer leaves until it knows better.
const LATER: u64 = u32::MAX as u64;
/// Writers to a pipe claim the most that fits, less their head: 7ffff000, ffffff00 and the like.
const OPEN: u64 = 0x7fff_0000;

/// What the head of a WAV file says. Places and lengths are in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// Codec number of the format chunk; of its sub-format where it is extensible.
    pub format: u16,
    pub channels: u16,
    pub sample_rate_hz: u32,
    pub block_bytes: u16,
    pub bits_per_sample: u16,
    /// Samples of one channel, as a `fact` chunk says.
    pub frames: Option<u32>,
    /// Where the length of the sound stands, and where the sound begins.
    pub length_at: usize,
    pub sound_at: u64,
    /// Length of the sound as said, and as it is to the end of the file.
    pub said: u64,
    pub there: u64,
    /// Whether the bytes after the sound, as far as it says it goes, are further chunks.
    pub is_followed: bool,
}

impl Head {
    /// Reads the head of a WAV file from its first bytes; `None` for anything else, and where the
    /// sound does not begin within them.
    pub fn parse(bytes: &[u8], length: u64) -> Option<Self> {
        let kind = bytes.get(..4)?;
        if ![b"RIFF", b"RF64", b"BW64"].iter().any(|known| kind == *known)
            || bytes.get(8..12)? != b"WAVE"
        {
            return None;
        }
        let mut head = Self::default();
        let (mut at, mut long) = (12, None);
        loop {
            let name = bytes.get(at..at + 4)?;
            let said = u32_at(bytes, at + 4)?;
            match name {
                b"ds64" => long = u64_at(bytes, at + 16),
                b"fmt " => head.read_format(bytes, at + 8, said)?,
                b"fact" => head.frames = u32_at(bytes, at + 8),
                b"data" => {
                    head.place_sound(bytes, at, said, long, length);
                    return Some(head);
                }
                _ => {}
            }
            at = at.checked_add(8 + said as usize + said as usize % 2)?;
        }
    }

    fn read_format(&mut self, bytes: &[u8], at: usize, said: u32) -> Option<()> {
        self.format = u16_at(bytes, at)?;
        self.channels = u16_at(bytes, at + 2)?;
        self.sample_rate_hz = u32_at(bytes, at + 4)?;
        self.block_bytes = u16_at(bytes, at + 12)?;
        self.bits_per_sample = u16_at(bytes, at + 14).unwrap_or(0);
        if self.format == EXTENSIBLE && said >= 40 {
            self.format = u16_at(bytes, at + 24)?;
        }
        Some(())
    }

    fn place_sound(&mut self, bytes: &[u8], at: usize, said: u32, long: Option<u64>, length: u64) {
        self.length_at = at + 4;
        self.sound_at = at as u64 + 8;
        self.there = length.saturating_sub(self.sound_at);
        self.said = match long {
            Some(long) if u64::from(said) == LATER => long,
            _ => said.into(),
        };
        let end = self.sound_at.saturating_add(self.said).saturating_add(self.said % 2);
        // Beyond the bytes at hand it is believed.
        self.is_followed = end.saturating_add(8) > bytes.len() as u64
            || usize::try_from(end).is_ok_and(|end| is_chunk(bytes, end, length));
    }

    /// The writer left a length for later, as those do that cannot go back.
    fn is_open(&self) -> bool {
        let open = self.said & OPEN == OPEN && self.said > self.there;
        (self.said == 0 && self.there > 0 && !self.is_followed) || self.said == LATER || open
    }

    /// Bytes of sound that are there: to the true end where the writer never finished the header.
    pub fn sound_bytes(&self) -> u64 {
        if self.fault().is_some_and(|(class, _)| class == SoundClass::UnfinishedHeader) {
            return self.there;
        }
        self.said.min(self.there)
    }

    /// Where the head is not true.
    pub fn fault(&self) -> Option<Fault> {
        let unfinished = |why: String| Some((SoundClass::UnfinishedHeader, why));
        let (said, there) = (self.said, self.there);
        if self.is_open() {
            return unfinished("the header was never finished".into());
        }
        if said > there {
            let why = format!("{there} of {said} bytes of sound are there");
            return Some((SoundClass::Truncated, why));
        }
        if there > said + said % 2 && !self.is_followed {
            return unfinished(format!("the header says {said} bytes of sound, {there} are there"));
        }
        None
    }
}

/// Whether a chunk stands here: a name of printable letters, and a length within the file.
fn is_chunk(bytes: &[u8], at: usize, length: u64) -> bool {
    let named = bytes
        .get(at..at + 4)
        .is_some_and(|name| name.iter().all(|letter| letter.is_ascii_graphic() || *letter == b' '));
    let fits = |said: u32| at as u64 + 8 + u64::from(said) <= length;
    named && u32_at(bytes, at + 4).is_some_and(fits)
}

const EXTENSIBLE: u16 = 0xfffe;

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Codecs of WAV files by number (RFC 2361 and the registry of wave formats), for messages about
/// those that cannot be decoded.
pub fn codec_name(format: u16) -> String {
    let known = match format {
        0x0001 => "PCM",
        0x0002 => "MS ADPCM",
        0x0003 => "float PCM",
        0x0006 => "A-law",
        0x0007 => "µ-law",
        0x0011 => "IMA ADPCM",
        0x0022 => "TrueSpeech",
        0x0031 => "GSM 06.10",
        0x0014 => "G.723 ADPCM",
        0x0042 | 0x0059 | 0x0111 => "G.723.1",
        0x0040 => "G.721",
        0x0045 | 0x0064 | 0x0085 | 0x0140 => "G.726",
        0x0050 => "MPEG audio",
        0x0055 => "MP3",
        0x0057 | 0x0058 | 0x7361 | 0x7362 => "AMR",
        0x0065 | 0x028f => "G.722",
        0x0083 | 0x0133 | 0x0134 | 0x1501 => "G.729",
        0x00ff | 0x1600 => "AAC",
        0x0160..=0x0163 => "WMA",
        0x704f => "Opus",
        0xa109 => "Speex",
        0xf1ac => "FLAC",
        _ => return format!("WAV format 0x{format:04x}"),
    };
    known.to_owned()
}

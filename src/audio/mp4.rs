//! The outline of an MP4 file (ISO/IEC 14496-12): what its index says that the decoder does not ask
//! for. Edit lists, encryption, and whether all of it is there.

use super::plain::NO_DECODER;
use super::sound::{Fault, Unheard, cut};
use crate::recording::SoundClass;
use std::io::{self, Read, Seek, SeekFrom};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outline {
    /// Silence that the encoder put before the sound, in seconds.
    pub skip_s: f64,
    /// Length of the sound after it, where the edit list says it.
    pub keep_s: Option<f64>,
    read: bool,
    has_index: bool,
    /// Bytes that the last box lacks.
    lacks: u64,
    /// Four letters of the first sound's format.
    format: Option<[u8; 4]>,
}

/// An index longer than this is not read, in bytes.
const INDEX_MAX: u64 = 16 << 20;
/// Boxes of a file at most.
const BOXES_MAX: usize = 100_000;

impl Outline {
    /// Reads the outline of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(mut source: impl Read + Seek) -> io::Result<Self> {
        let mut outline = Self { read: true, ..Self::default() };
        let end = source.seek(SeekFrom::End(0))?;
        let mut at = 0;
        for _ in 0..BOXES_MAX {
            if at + 8 > end {
                break;
            }
            source.seek(SeekFrom::Start(at))?;
            let mut head = Vec::new();
            source.by_ref().take(16).read_to_end(&mut head)?;
            let Some((name, size, from)) = header(&head, end - at) else { break };
            outline.lacks = size.saturating_sub(end - at);
            if &name == b"moov" && size <= INDEX_MAX {
                source.seek(SeekFrom::Start(at + from as u64))?;
                let mut index = Vec::new();
                source.by_ref().take(size.saturating_sub(from as u64)).read_to_end(&mut index)?;
                outline.has_index = true;
                outline.read_index(&index);
            }
            at = at.saturating_add(size);
        }
        Ok(outline)
    }

    fn read_index(&mut self, index: &[u8]) {
        let whole_hz = find(index, &[b"mvhd"]).and_then(|header| timescale(header, 12));
        for (name, track) in boxes(index).filter(|(name, _)| name == b"trak") {
            debug_assert_eq!(&name, b"trak");
            let handler = find(track, &[b"mdia", b"hdlr"]);
            if handler.and_then(|handler| handler.get(8..12)) != Some(b"soun") {
                continue;
            }
            let described = find(track, &[b"mdia", b"minf", b"stbl", b"stsd"]);
            let format = described.and_then(|entries| entries.get(12..16));
            self.format = format.and_then(|format| format.try_into().ok());
            let media_hz = find(track, &[b"mdia", b"mdhd"]).and_then(|head| timescale(head, 12));
            if let Some(edits) = find(track, &[b"edts", b"elst"])
                && let (Some(whole_hz), Some(media_hz)) = (whole_hz, media_hz)
            {
                self.read_edits(edits, whole_hz, media_hz);
            }
            return;
        }
    }

    /// One edit that begins after the encoder's lead is what encoders write; other lists are left.
    fn read_edits(&mut self, edits: &[u8], whole_hz: f64, media_hz: f64) {
        let word = |at: usize| number(edits, at, 4);
        let (length, start) = match (edits.first(), word(4)) {
            (Some(0), Some(1)) => (word(8), word(12)),
            (Some(1), Some(1)) => (number(edits, 8, 8), number(edits, 16, 8)),
            _ => return,
        };
        if let (Some(length), Some(start)) = (length, start)
            && start < (1 << 31)
        {
            self.skip_s = start as f64 / media_hz;
            self.keep_s = Some(length as f64 / whole_hz).filter(|seconds| *seconds > 0.0);
        }
    }

    /// Why its sound cannot be heard, where the outline tells.
    pub fn unheard(&self) -> Option<Unheard> {
        if !self.read {
            return None;
        }
        if !self.has_index {
            let why = "it breaks off: its index (moov) is missing";
            let class = SoundClass::Truncated;
            return Some(Unheard { class, ..Unheard::broken("mp4", why) });
        }
        let codec = match &self.format? {
            b"enca" | b"drms" => "encrypted (MP4)",
            b"alac" => "ALAC",
            b"samr" => "AMR",
            b"sawb" => "AMR-WB",
            b"ac-3" => "AC-3",
            b"ec-3" => "E-AC-3",
            _ => return None,
        };
        Some(Unheard::codec("mp4", codec, NO_DECODER))
    }

    /// What is missing at its end.
    pub fn fault(&self) -> Option<Fault> {
        if self.lacks == 0 {
            return None;
        }
        cut(format!("{} bytes are missing at its end", self.lacks))
    }
}

/// Name, size, and length of the head of the box that begins here.
fn header(bytes: &[u8], rest: u64) -> Option<([u8; 4], u64, usize)> {
    let name = bytes.get(4..8)?.try_into().ok()?;
    match number(bytes, 0, 4)? {
        0 => Some((name, rest, 8)),
        1 => Some((name, number(bytes, 8, 8)?.max(16), 16)),
        size => Some((name, size.max(8), 8)),
    }
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let digits = bytes.get(at..at + width)?;
    Some(digits.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// Units a second of a header box of either version.
fn timescale(header: &[u8], at: usize) -> Option<f64> {
    let at = if header.first() == Some(&1) { at + 8 } else { at };
    number(header, at, 4).filter(|hz| *hz > 0).map(|hz| hz as f64)
}

fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (name, size, from) = header(bytes, bytes.len() as u64)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len());
        let inside = bytes.get(from..size)?;
        bytes = &bytes[size..];
        Some((name, inside))
    })
}

fn find<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |inside, wanted| {
        boxes(inside).find(|(name, _)| name == *wanted).map(|(_, inside)| inside)
    })
}

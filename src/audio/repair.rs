//! A WAV whose head was never finished, or promises what is not there, as a copy with a true head.
//! The sound is copied byte for byte; the original is only read.

use super::hashed::Hashed;
use super::riff::{self, Head, u16_at, u32_at};
use crate::recording::ContentHash;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// Digest and length of the original.
    pub sha256: ContentHash,
    pub bytes: u64,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Whether a copy was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A copy with a true head was written.
    Repaired {
        /// What was wrong with the head.
        why: String,
        /// Bytes of sound in the copy, and their digest: the same as in the original.
        sound_bytes: u64,
        sound_sha256: ContentHash,
        /// Bytes at the end that make no whole sample or block, and are not in the copy.
        cut_bytes: u64,
    },
    /// Its head is true; nothing was written.
    Whole,
    /// It is no WAV, or names no sound; nothing was written.
    NotRepairable { why: String },
}

/// Writes a repaired copy of a file where it wants one.
///
/// # Errors
/// When the file cannot be read, or the copy cannot be written.
pub fn repair(path: &Path, target: &mut dyn Write) -> io::Result<Repair> {
    let mut source = Hashed::open(path)?;
    let mut start = Vec::new();
    source.by_ref().take(riff::HEAD_MAX as u64).read_to_end(&mut start)?;
    let outcome = match Head::parse(&start, source.length()) {
        None => Outcome::NotRepairable { why: "it is no WAV, or its head names no sound".into() },
        Some(head) => match head.fault() {
            None => Outcome::Whole,
            Some((_, why)) => written(&head, why, &start, source.clone(), target)?,
        },
    };
    let (sha256, bytes) = source.finish()?;
    Ok(Repair { sha256, bytes, outcome })
}

fn written(
    head: &Head,
    why: String,
    start: &[u8],
    mut source: Hashed,
    target: &mut dyn Write,
) -> io::Result<Outcome> {
    let cut_bytes = head.sound_bytes() % u64::from(block(head));
    let sound_bytes = head.sound_bytes() - cut_bytes;
    target.write_all(&true_head(head, start, sound_bytes))?;
    source.seek(SeekFrom::Start(head.sound_at))?;
    let (mut sound, mut sum) = (source.take(sound_bytes), Sha256::new());
    let (mut buffer, mut copied) = (vec![0; BUFFER], 0);
    loop {
        let read = sound.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        sum.update(&buffer[..read]);
        target.write_all(&buffer[..read])?;
        copied += read as u64;
    }
    if copied != sound_bytes {
        return Err(io::Error::other("the file became shorter while it was read"));
    }
    // Chunks begin at even places.
    target.write_all(&[0][..(sound_bytes % 2) as usize])?;
    let sound_sha256 = ContentHash(sum.finalize().into());
    Ok(Outcome::Repaired { why, sound_bytes, sound_sha256, cut_bytes })
}

/// Bytes copied at a time.
const BUFFER: usize = 64 * 1024;

/// Bytes of the least part that can be decoded; 1 where frames have lengths of their own.
fn block(head: &Head) -> u16 {
    match head.format {
        0x0001..=0x0003 | 0x0006 | 0x0007 | 0x0011 | 0x0031 => head.block_bytes.max(1),
        _ => 1,
    }
}

/// The head as it should be: the chunks before the sound as they were, with true lengths. Longer
/// than RIFF can say it is RF64 (EBU Tech 3306).
fn true_head(head: &Head, start: &[u8], sound_bytes: u64) -> Vec<u8> {
    let frames = frames(head, start, sound_bytes);
    let chunks = chunks(start, frames);
    let body = 4 + chunks.len() as u64 + 8 + sound_bytes + sound_bytes % 2;
    let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    let mut out = Vec::new();
    if u32::try_from(body).is_ok() {
        out.extend([b"RIFF".as_slice(), &size(body), b"WAVE"].concat());
    } else {
        let long = [body + DS64 + 8, sound_bytes, frames.unwrap_or(0)];
        let long = long.map(u64::to_le_bytes).concat();
        out.extend([b"RF64".as_slice(), &size(u64::MAX), b"WAVEds64", &size(DS64)].concat());
        out.extend([long.as_slice(), &[0; 4]].concat());
    }
    out.extend(chunks);
    let said = if out.starts_with(b"RF64") { u64::MAX } else { sound_bytes };
    out.extend([b"data".as_slice(), &size(said)].concat());
    out
}

/// Bytes of a ds64 chunk without a table.
const DS64: u64 = 28;

/// The chunks before the sound, but for a length of 64 bits, and with the samples counted anew.
fn chunks(start: &[u8], frames: Option<u64>) -> Vec<u8> {
    let (mut kept, mut at) = (Vec::new(), 12);
    while let (Some(name), Some(said)) = (start.get(at..at + 4), u32_at(start, at + 4)) {
        let end = at.saturating_add(8 + said as usize + said as usize % 2);
        let Some(chunk) = start.get(at..end) else { break };
        match (name, frames) {
            (b"data", _) => break,
            (b"ds64", _) => {}
            (b"fact", None) => {}
            (b"fact", Some(frames)) => {
                let frames = u32::try_from(frames).unwrap_or(u32::MAX).to_le_bytes();
                kept.extend([b"fact".as_slice(), &4u32.to_le_bytes(), &frames].concat());
            }
            _ => kept.extend_from_slice(chunk),
        }
        at = end;
    }
    kept
}

/// Samples of one channel, where the codec has equally many in a block.
fn frames(head: &Head, start: &[u8], sound_bytes: u64) -> Option<u64> {
    let blocks = sound_bytes / u64::from(block(head));
    match head.format {
        0x0001 | 0x0003 | 0x0006 | 0x0007 => Some(blocks),
        0x0031 => Some(blocks * 320),
        // Their format chunk says how many.
        0x0002 | 0x0011 => {
            let at = start.windows(4).position(|name| name == b"fmt ")?;
            Some(blocks * u64::from(u16_at(start, at + 26)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of a file whose sound is longer than RIFF can say.
    #[test]
    fn more_than_four_gibibytes_become_rf64() {
        let format =
            [&[1u8, 0, 1, 0][..], &8000u32.to_le_bytes(), &16_000u32.to_le_bytes(), &[2, 0, 16, 0]]
                .concat();
        let start = [
            b"RIFF".as_slice(),
            &[0xff; 4],
            b"WAVEfmt ",
            &16u32.to_le_bytes(),
            &format,
            b"data",
            &[0xff; 4],
            &[0; 8],
        ]
        .concat();
        let length = 5u64 << 30;
        let head = Head::parse(&start, length).expect("a head");
        let sound = head.sound_bytes();
        let told = true_head(&head, &start, sound);
        let whole = told.len() as u64 + sound;
        let again = Head::parse(&told, whole).expect("a head");
        assert_eq!((again.said, again.there, again.fault()), (sound, sound, None));
        assert_eq!(told[20..28], (whole - 8).to_le_bytes());
        assert_eq!(told[36..44], (sound / 2).to_le_bytes());
    }
}

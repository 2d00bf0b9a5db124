//! Containers of plain bodies: WAV and its kin, Sun AU, and files without any header.

use super::coding::{Body, Coding};
use super::hashed::Hashed;
use super::riff::{self, Head};
use super::sound::{Fault, Sink, Track, Unheard, cut};
use crate::recording::SoundClass;
use std::io::{self, Seek, SeekFrom};

/// A body, where it begins, and what its container says.
pub struct Found {
    pub body: Body,
    pub at: u64,
    pub track: Track,
}

/// Decodes a plain body.
///
/// # Errors
/// When the file cannot be read.
pub fn decode(
    found: Found,
    mut source: Hashed,
    sink: Sink<'_>,
) -> io::Result<Result<Track, Unheard>> {
    let Found { body, at, mut track } = found;
    source.seek(SeekFrom::Start(at))?;
    let left = match body.decode(source, &track.container, sink)? {
        Ok(left) => left,
        Err(unheard) => {
            let codec = std::mem::take(&mut track.codec);
            return Ok(Err(Unheard { codec, ..unheard }));
        }
    };
    // Whole-sample codecs have a rest only where something is missing; others may be filled up.
    let fills = matches!(body.coding, Coding::GsmPairs | Coding::ImaAdpcm | Coding::MsAdpcm);
    if left > 0 && !fills && track.fault.is_none() {
        track.fault = cut(format!("{left} bytes of its last sample or frame are there"));
    }
    Ok(Ok(track))
}

/// The sound of a WAV file, or the name of what cannot be decoded. `Err(None)`: its body is a
/// stream of MPEG frames.
pub fn wav(head: &Head) -> Result<Found, Option<Unheard>> {
    let (format, bits) = (head.format, head.bits_per_sample);
    let codec = riff::codec_name(format);
    let width = u8::try_from(bits.div_ceil(8)).unwrap_or(0);
    let coding = match (format, width) {
        (0x0001, 1) => Coding::Unsigned8,
        (0x0001, 2..=4) => Coding::Little(width),
        (0x0003, 4 | 8) => Coding::FloatLittle(width),
        (0x0006, _) => Coding::ALaw,
        (0x0007, _) => Coding::MuLaw,
        (0x0002, _) => Coding::MsAdpcm,
        (0x0011, _) => Coding::ImaAdpcm,
        (0x0031, _) => Coding::GsmPairs,
        (0x0065 | 0x028f, _) => Coding::G722,
        (0x0050 | 0x0055, _) => return Err(None),
        (0x0001 | 0x0003, _) => {
            let why = format!("samples of {bits} bits");
            return Err(Some(Unheard::codec("wav", &codec, &why)));
        }
        _ => return Err(Some(Unheard::codec("wav", &codec, NO_DECODER))),
    };
    let padded = matches!(coding, Coding::GsmPairs | Coding::ImaAdpcm | Coding::MsAdpcm);
    let body = Body {
        coding,
        channels: head.channels,
        sample_rate_hz: head.sample_rate_hz,
        block_bytes: head.block_bytes,
        bytes: head.sound_bytes(),
        // Unfinished heads count no samples either.
        frames: head
            .frames
            .filter(|count| padded && *count > 0 && head.fault().is_none())
            .map(u64::from),
    };
    let track = track("wav", &codec, &body, head.fault());
    Ok(Found { body, at: head.sound_at, track })
}

/// What is said of codecs that nobody here decodes.
pub const NO_DECODER: &str = "no decoder for this codec; the original is kept";

fn track(container: &str, codec: &str, body: &Body, fault: Option<Fault>) -> Track {
    Track {
        container: container.to_owned(),
        codec: codec.to_owned(),
        channels: body.channels,
        sample_rate_hz: body.sample_rate_hz,
        fault,
    }
}

/// The sound of a Sun AU file (`.snd`), from its first bytes.
pub fn au(bytes: &[u8], length: u64) -> Result<Found, Unheard> {
    let word = |at: usize| {
        let found = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
        found.map(u32::from_be_bytes).ok_or_else(|| Unheard::broken("au", "its head is cut"))
    };
    let (at, said) = (u64::from(word(4)?), u64::from(word(8)?));
    let (coding, codec) = match word(12)? {
        1 => (Coding::MuLaw, "µ-law"),
        2 => (Coding::Signed8, "PCM"),
        3 => (Coding::Big(2), "PCM"),
        4 => (Coding::Big(3), "PCM"),
        5 => (Coding::Big(4), "PCM"),
        6 => (Coding::FloatBig(4), "float PCM"),
        7 => (Coding::FloatBig(8), "float PCM"),
        27 => (Coding::ALaw, "A-law"),
        24 => (Coding::G722, "G.722"),
        23 => return Err(Unheard::codec("au", "G.721", NO_DECODER)),
        25 | 26 => return Err(Unheard::codec("au", "G.723 ADPCM", NO_DECODER)),
        other => return Err(Unheard::codec("au", &format!("AU encoding {other}"), NO_DECODER)),
    };
    let channels = u16::try_from(word(20)?).unwrap_or(u16::MAX);
    let there = length.saturating_sub(at);
    let open = said == u64::from(u32::MAX) || (said == 0 && there > 0);
    let fault = if open {
        Some((SoundClass::UnfinishedHeader, "the header was never finished".to_owned()))
    } else if said > there {
        Some((SoundClass::Truncated, format!("{there} of {said} bytes of sound are there")))
    } else {
        None
    };
    let bytes = if open { there } else { said.min(there) };
    let sample_rate_hz = word(16)?;
    let body = Body { coding, channels, sample_rate_hz, block_bytes: 0, bytes, frames: None };
    Ok(Found { track: track("au", codec, &body, fault), body, at })
}

/// What the ending of a name says of a file without a header: `None` for endings that say nothing.
pub fn raw(extension: &str, start: &[u8], length: u64) -> Option<Result<Found, Unheard>> {
    let (coding, codec, sample_rate_hz) = match extension {
        "ulaw" | "ul" | "ulw" | "mu" | "mulaw" | "pcmu" | "pcm" => (Coding::MuLaw, "µ-law", 8000),
        "alaw" | "al" | "alw" | "pcma" => (Coding::ALaw, "A-law", 8000),
        "sln" | "slin" | "raw" | "sln8" => (Coding::Little(2), "PCM", 8000),
        "gsm" => (Coding::Gsm, "GSM 06.10", 8000),
        "g722" => (Coding::G722, "G.722", 16_000),
        other => match slin_rate_hz(other) {
            Some(rate) => (Coding::Little(2), "PCM", rate),
            None => {
                return undecodable(other).map(|name| Err(Unheard::codec("raw", name, NO_DECODER)));
            }
        },
    };
    let channels = if extension == "raw" && is_interleaved(start) { 2 } else { 1 };
    let body =
        Body { coding, channels, sample_rate_hz, block_bytes: 0, bytes: length, frames: None };
    Some(Ok(Found { track: track("raw", codec, &body, None), body, at: 0 }))
}

/// `sln16`, `slin48`: signed linear PCM by its rate in kHz.
fn slin_rate_hz(extension: &str) -> Option<u32> {
    let digits = extension.strip_prefix("slin").or_else(|| extension.strip_prefix("sln"))?;
    match digits.parse::<u32>() {
        Ok(44) => Some(44_100),
        Ok(rate @ (12 | 16 | 24 | 32 | 48 | 96 | 192)) => Some(rate * 1000),
        _ => None,
    }
}

/// Codecs without a header that nobody here decodes, by the endings of their files.
fn undecodable(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "g729" | "g729a" | "g729b" => "G.729",
        "g723" | "g723sf" | "g7231" => "G.723.1",
        "g726" | "g726-16" | "g726-24" | "g726-32" | "g726-40" => "G.726",
        "g719" => "G.719",
        "ilbc" => "iLBC",
        "siren7" => "Siren7",
        "siren14" => "Siren14",
        "vox" => "Dialogic ADPCM",
        "codec2" | "c2" => "Codec2",
        _ => return None,
    })
}

/// Whether 16-bit samples are those of two channels in turn: each is then more like the one after
/// the next than like the next.
fn is_interleaved(start: &[u8]) -> bool {
    let samples: Vec<f64> =
        start.as_chunks().0.iter().map(|pair| f64::from(i16::from_le_bytes(*pair))).collect();
    let alike = |step: usize| -> f64 {
        samples.iter().zip(&samples[step.min(samples.len())..]).map(|(a, b)| a * b).sum()
    };
    let (next, after) = (alike(1), alike(2));
    after > 0.0 && after > next * 1.2
}

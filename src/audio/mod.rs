//! Containers and codecs to samples; nothing else decodes. Everything here is to be run in a child
//! process ([`child`]): decoders have died of bad files before.

pub mod child;
mod coding;
pub mod flac;
mod hashed;
mod mp4;
mod ogg;
mod opus;
mod packets;
mod plain;
mod probe;
pub mod repair;
mod riff;
mod sound;

use crate::call::Ringback;
use crate::recording::listen::{Listener, Shape};
use crate::recording::{ContentHash, Measures, SoundClass};
use hashed::Hashed;
use probe::Kind;
use riff::Head;
use serde::{Deserialize, Serialize};
use sound::{Sink, Track, Unheard};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// A file as one pass heard it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    pub sha256: ContentHash,
    pub bytes: u64,
    #[serde(flatten)]
    pub measures: Measures,
}

/// Hashes and measures a file that came under a name, in one pass. A file that is no audio, or
/// breaks off, is measured as far as it goes and classed.
///
/// # Errors
/// When the file cannot be read from the disk.
pub fn listen(path: &Path, name: &Path, ringback: Option<&Ringback>) -> io::Result<Heard> {
    let source = Hashed::open(path)?;
    let mut listener: Option<Listener> = None;
    let mut decoded = decode(source.clone(), name, &mut |shape, samples| {
        let listener = listener.get_or_insert_with(|| Listener::new(shape, ringback));
        if listener.shape() != shape {
            return Err(io::Error::other(SHAPE_CHANGES));
        }
        listener.push(samples);
        Ok(())
    });
    if decoded.as_ref().is_err_and(|error| error.to_string() == SHAPE_CHANGES) {
        let why = "it changes its rate or channels; what follows is not measured";
        decoded = Ok(Ok(Track { fault: sound::cut(why), ..Track::default() }));
    }
    let measures = match decoded? {
        Ok(track) => measures(listener, track),
        Err(unheard) => undecoded(listener, unheard),
    };
    let (sha256, bytes) = source.finish()?;
    Ok(Heard { sha256, bytes, measures })
}

const SHAPE_CHANGES: &str = "the shape of the sound changes";

fn measures(listener: Option<Listener>, track: Track) -> Measures {
    let listener = listener.unwrap_or_else(|| {
        Listener::new(Shape::new(track.channels.max(1), track.sample_rate_hz.max(1)), None)
    });
    let mut measures = listener.finish();
    (measures.container, measures.codec) = (track.container, track.codec);
    // No sound is the graver word; an end that was cut outweighs a side that is missing.
    if measures.class != SoundClass::NoSound
        && let Some((class, why)) = track.fault
    {
        (measures.class, measures.why) = (class, Some(why));
    }
    measures
}

fn undecoded(listener: Option<Listener>, unheard: Unheard) -> Measures {
    let Unheard { container, codec, class, why } = unheard;
    let track = Track { container, codec, ..Track::default() };
    let mut measures = measures(listener, track);
    (measures.class, measures.why) = (class, Some(why));
    (measures.channels, measures.sample_rate_hz) = (0, 0);
    measures
}

/// Decodes a file into `sink`.
fn decode(mut source: Hashed, name: &Path, sink: Sink<'_>) -> io::Result<Result<Track, Unheard>> {
    let length = source.length();
    let mut start = Vec::new();
    source.by_ref().take(riff::HEAD_MAX as u64).read_to_end(&mut start)?;
    let extension = name.extension().map(|e| e.to_string_lossy().to_lowercase());
    let extension = extension.unwrap_or_default();
    if start.is_empty() {
        let why = "the file is empty".to_owned();
        let unheard = Unheard { class: SoundClass::NoSound, ..Unheard::broken(&extension, why) };
        return Ok(Err(unheard));
    }
    match probe::kind(&start) {
        Kind::Wav => wav(source, &start, sink),
        Kind::Au => match plain::au(&start, length) {
            Ok(found) => plain::decode(found, source, sink),
            Err(unheard) => Ok(Err(unheard)),
        },
        Kind::OggOpus => opus::decode(source, sink),
        Kind::Foreign(container, codec) => {
            Ok(Err(Unheard::codec(container, codec, plain::NO_DECODER)))
        }
        Kind::Unknown => match plain::raw(&extension, &start, length) {
            Some(Ok(found)) => plain::decode(found, source, sink),
            Some(Err(unheard)) => Ok(Err(unheard)),
            None => Ok(Err(Unheard::broken(&extension, unknown(&start)))),
        },
        kind => packets::decode(kind, source, 0, &start, sink),
    }
}

fn wav(source: Hashed, start: &[u8], sink: Sink<'_>) -> io::Result<Result<Track, Unheard>> {
    let Some(head) = Head::parse(start, source.length()) else {
        return Ok(Err(Unheard::broken("wav", "its head is cut or names no sound")));
    };
    match plain::wav(&head) {
        Ok(found) => plain::decode(found, source, sink),
        Err(Some(unheard)) => Ok(Err(unheard)),
        Err(None) => {
            let heard = packets::decode(Kind::Mpeg, source, head.sound_at, start, sink)?;
            Ok(heard.map(|track| Track { container: "wav".into(), ..track }))
        }
    }
}

/// What is said of a file that is nothing known.
fn unknown(start: &[u8]) -> &'static str {
    let zeros = start.iter().all(|byte| *byte == 0);
    if zeros { "nothing but zeros" } else { "no audio format that is known here" }
}

/// Writes a file as 16-bit WAV, which every browser plays. The original stays.
///
/// # Errors
/// When it cannot be decoded or written.
pub fn rendition(path: &Path, name: &Path, target: impl Write + Seek) -> io::Result<()> {
    let mut writer = None;
    let mut target = Some(target);
    let decoded = decode(Hashed::open(path)?, name, &mut |shape, samples| {
        if let Some(target) = target.take() {
            let spec = hound::WavSpec {
                channels: shape.channels,
                sample_rate: shape.sample_rate_hz,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            writer = Some(hound::WavWriter::new(target, spec).map_err(io::Error::other)?);
        }
        let Some(writer) = &mut writer else { return Ok(()) };
        for sample in samples {
            // The cast keeps to the greatest and least value there are.
            let value = (sample * 32_768.0).round() as i16;
            writer.write_sample(value).map_err(io::Error::other)?;
        }
        Ok(())
    });
    decoded?.map_err(|unheard| io::Error::other(unheard.why))?;
    match writer {
        Some(writer) => writer.finalize().map_err(io::Error::other),
        None => Err(io::Error::other("there is no sound in it")),
    }
}

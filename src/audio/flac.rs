//! A recording as FLAC (RFC 9639), from which the same samples come back: encoded by one program,
//! decoded again by another, and compared.

use super::hashed::Hashed;
use super::sound::Sink;
use crate::recording::listen::Shape;
use crate::recording::{ContentHash, Rendition};
use flac_codec::encode::{FlacSampleWriter, Options};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// The encoder, with its version: `Cargo.lock` holds it, and a test that they agree.
pub const ENCODER: &str = "flac-codec 1.3.3";
/// What it is told; the format's own subset, so that every player reads it.
pub const SETTINGS: &str = "block 4096, predictor order up to 8, partitions up to 2^5";

/// A rendition, and the digest of the bytes it was made of.
pub type Made = (ContentHash, Rendition);

/// Writes a file as FLAC with its own digest in it, and proves that the same samples come back.
///
/// # Errors
/// When it cannot be decoded or written, has samples that are no whole numbers of 24 bits, or does
/// not come back the same.
pub fn write(path: &Path, name: &Path, original: &ContentHash, target: &Path) -> io::Result<Made> {
    let mut tried = Err(io::Error::other(NOT_WHOLE));
    for bits in [16, 24] {
        tried = encode(path, name, original, target, bits);
        if tried.as_ref().is_ok_and(|(_, rendition)| rendition.frames == 0) {
            return Err(io::Error::other("there is no sound in it"));
        }
        if !tried.as_ref().is_err_and(|error| error.to_string() == NOT_WHOLE) {
            break;
        }
    }
    let (found, mut rendition) = tried?;
    let mut back = Samples::new(rendition.bits);
    let source = Hashed::open(target)?;
    let decoded = super::decode(source.clone(), Path::new("a.flac"), &mut |shape, samples| {
        back.take(shape, samples).map(|_| ())
    });
    decoded?.map_err(|unheard| io::Error::other(unheard.why))?;
    (rendition.sha256, rendition.bytes) = source.finish()?;
    let (shape, frames, pcm) = back.finish();
    let same = shape.map(|shape| (shape.channels, shape.sample_rate_hz))
        == Some((rendition.channels, rendition.sample_rate_hz));
    if !same || frames != rendition.frames || pcm != rendition.pcm_sha256 {
        return Err(io::Error::other("what the encoder wrote does not come back the same"));
    }
    Ok((found, rendition))
}

const NOT_WHOLE: &str = "its samples are no whole numbers of 24 bits: FLAC would change them";

fn encode(
    path: &Path,
    name: &Path,
    original: &ContentHash,
    target: &Path,
    bits: u8,
) -> io::Result<Made> {
    let source = Hashed::open(path)?;
    let mut samples = Samples::new(bits);
    let mut file = Some(BufWriter::new(File::create(target)?));
    let mut writer = None;
    let sink: Sink<'_> = &mut |shape, decoded| {
        if decoded.is_empty() {
            return Ok(());
        }
        let whole = samples.take(shape, decoded)?;
        if let Some(file) = file.take() {
            writer = Some(begin(file, shape, bits, original)?);
        }
        writer.as_mut().map_or(Ok(()), |writer| writer.write(whole)).map_err(failed)
    };
    let decoded = super::decode(source.clone(), name, sink);
    decoded?.map_err(|unheard| io::Error::other(unheard.why))?;
    if let Some(writer) = writer {
        writer.finalize().map_err(failed)?;
    }
    let (found, _) = source.finish()?;
    let (shape, frames, pcm_sha256) = samples.finish();
    let shape = shape.unwrap_or(Shape::new(0, 0));
    let rendition = Rendition {
        sha256: ContentHash([0; 32]),
        bytes: 0,
        codec: "FLAC".into(),
        encoder: ENCODER.into(),
        settings: SETTINGS.into(),
        channels: shape.channels,
        sample_rate_hz: shape.sample_rate_hz,
        bits,
        frames,
        pcm_sha256,
    };
    Ok((found, rendition))
}

type Writer = FlacSampleWriter<BufWriter<File>>;

fn begin(file: BufWriter<File>, shape: Shape, bits: u8, of: &ContentHash) -> io::Result<Writer> {
    let channels = u8::try_from(shape.channels).unwrap_or(u8::MAX);
    let options = Options::default().no_padding().no_seektable();
    let options = options.tag("ORIGINAL_SHA256", of).tag("ENCODER", ENCODER);
    FlacSampleWriter::new(file, options, shape.sample_rate_hz, bits.into(), channels, None)
        .map_err(failed)
}

fn failed(error: flac_codec::Error) -> io::Error {
    io::Error::other(format!("FLAC: {error}"))
}

/// Samples as whole numbers, and their digest: little end first, channels in turn.
struct Samples {
    bits: u8,
    shape: Option<Shape>,
    count: u64,
    whole: Vec<i32>,
    bytes: Vec<u8>,
    digest: Sha256,
}

impl Samples {
    fn new(bits: u8) -> Self {
        let (whole, bytes) = (Vec::new(), Vec::new());
        Self { bits, shape: None, count: 0, whole, bytes, digest: Sha256::new() }
    }

    fn take(&mut self, shape: Shape, samples: &[f32]) -> io::Result<&[i32]> {
        if *self.shape.get_or_insert(shape) != shape {
            return Err(io::Error::other("the shape of the sound changes"));
        }
        let steps = (1u32 << (self.bits - 1)) as f32;
        self.whole.clear();
        self.bytes.clear();
        for sample in samples {
            let scaled = sample * steps;
            if scaled.fract() != 0.0 || !(-steps..steps).contains(&scaled) {
                return Err(io::Error::other(NOT_WHOLE));
            }
            let whole = scaled as i32;
            self.whole.push(whole);
            self.bytes.extend_from_slice(&whole.to_le_bytes()[..usize::from(self.bits / 8)]);
        }
        self.digest.update(&self.bytes);
        self.count += samples.len() as u64;
        Ok(&self.whole)
    }

    /// The shape, samples of one channel, and the digest.
    fn finish(self) -> (Option<Shape>, u64, ContentHash) {
        let channels = self.shape.map_or(1, |shape| u64::from(shape.channels.max(1)));
        (self.shape, self.count / channels, ContentHash(self.digest.finalize().into()))
    }
}

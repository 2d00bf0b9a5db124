//! Codecs of plain bodies: blocks of equal length, one after another, without packets of their own.

use super::sound::{Sink, Unheard};
use crate::recording::listen::Shape;
use audio_codec::g722::G722Decoder;
use audio_codec_algorithms::{decode_alaw, decode_ulaw};
use oxideav_gsm::{DecoderState, UnpackedFrame};
use std::io::{self, Read};
use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS};
use symphonia::core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

/// How samples are written in a plain body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Unsigned 8-bit PCM, as WAV has it; signed, as AU has it.
    Unsigned8,
    Signed8,
    /// Signed PCM of 2, 3 or 4 bytes, little or big end first.
    Little(u8),
    Big(u8),
    /// IEEE floating point of 4 or 8 bytes.
    FloatLittle(u8),
    FloatBig(u8),
    /// ITU-T G.711.
    ALaw,
    MuLaw,
    /// GSM 06.10 in frames of 33 bytes, and in Microsoft's pairs of 65.
    Gsm,
    GsmPairs,
    /// ITU-T G.722 at 64 kbit/s.
    G722,
    ImaAdpcm,
    MsAdpcm,
}

/// A plain body: what is in it, and how far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body {
    pub coding: Coding,
    pub channels: u16,
    /// Of the decoded samples.
    pub sample_rate_hz: u32,
    /// Of one block of ADPCM.
    pub block_bytes: u16,
    /// Length in bytes.
    pub bytes: u64,
    /// Samples of one channel, where the container says so; what the last block holds beyond them
    /// is filling.
    pub frames: Option<u64>,
}

/// Bytes decoded at a time, about.
const CHUNK: usize = 32 * 1024;

impl Body {
    /// Bytes of the least part that can be decoded.
    pub fn block(&self) -> usize {
        let channels = usize::from(self.channels.max(1));
        match self.coding {
            Coding::Unsigned8 | Coding::Signed8 | Coding::ALaw | Coding::MuLaw => channels,
            Coding::Little(width) | Coding::Big(width) => usize::from(width) * channels,
            Coding::FloatLittle(width) | Coding::FloatBig(width) => usize::from(width) * channels,
            Coding::Gsm => 33,
            Coding::GsmPairs => 65,
            Coding::G722 => 1,
            Coding::ImaAdpcm | Coding::MsAdpcm => usize::from(self.block_bytes.max(1)),
        }
    }

    fn shape(&self) -> Shape {
        // Greatest value that a sample can have: beyond it nothing can be told.
        let full_scale = match self.coding {
            Coding::Unsigned8 | Coding::Signed8 => 127.0 / 128.0,
            Coding::ALaw => 32_256.0 / 32_768.0,
            Coding::MuLaw => 32_124.0 / 32_768.0,
            Coding::Little(3 | 4) | Coding::Big(3 | 4) => 8_388_607.0 / 8_388_608.0,
            _ => 32_767.0 / 32_768.0,
        };
        Shape { full_scale, ..Shape::new(self.channels, self.sample_rate_hz) }
    }

    /// Decodes a body. Gives the bytes at its end that make no whole block.
    ///
    /// # Errors
    /// When the file cannot be read; [`Unheard`] inside where this codec cannot be of this shape.
    pub fn decode(
        &self,
        source: impl Read,
        container: &str,
        sink: Sink<'_>,
    ) -> io::Result<Result<usize, Unheard>> {
        let wrong = |why: &str| Ok(Err(Unheard::broken(container, why)));
        if self.channels == 0 || self.channels > CHANNELS_MAX {
            return wrong(&format!("{} channels of sound", self.channels));
        }
        if !(1..=RATE_MAX).contains(&self.sample_rate_hz) {
            return wrong(&format!("{} samples a second", self.sample_rate_hz));
        }
        let mut decoder = match Decoder::of(self) {
            Ok(decoder) => decoder,
            Err(why) => return wrong(&why),
        };
        let block = self.block();
        let mut bytes = vec![0; block * (CHUNK / block).max(1)];
        let mut source = source.take(self.bytes);
        let mut samples = Vec::new();
        let mut left = self.frames.map(|frames| frames.saturating_mul(self.channels.into()));
        loop {
            let read = fill(&mut source, &mut bytes)?;
            samples.clear();
            decoder.decode(&bytes[..read - read % block], &mut samples);
            if let Some(left) = &mut left {
                samples.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= samples.len() as u64;
            }
            sink(self.shape(), &samples)?;
            if read < bytes.len() {
                return Ok(Ok(read % block));
            }
        }
    }
}

/// More channels or samples a second than this, and the head is not believed.
const CHANNELS_MAX: u16 = 32;
const RATE_MAX: u32 = 768_000;

fn fill(source: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match source.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What decoding needs to remember between chunks.
enum Decoder {
    Plain(Coding),
    Table(Box<[f32; 256]>),
    Gsm(Box<DecoderState>, bool),
    G722(Box<G722Decoder>, Vec<i16>),
    Adpcm(Box<dyn AudioDecoder>, u64, usize, Vec<f32>),
}

impl Decoder {
    fn of(body: &Body) -> Result<Self, String> {
        let mono = |name: &str| match body.channels {
            1 => Ok(()),
            count => Err(format!("{name} of {count} channels")),
        };
        Ok(match body.coding {
            Coding::ALaw => Self::Table(table(decode_alaw)),
            Coding::MuLaw => Self::Table(table(decode_ulaw)),
            Coding::Gsm | Coding::GsmPairs => {
                mono("GSM 06.10")?;
                Self::Gsm(Box::default(), body.coding == Coding::GsmPairs)
            }
            Coding::G722 => {
                mono("G.722")?;
                Self::G722(Box::new(G722Decoder::new()), Vec::new())
            }
            Coding::ImaAdpcm => adpcm(body, CODEC_ID_ADPCM_IMA_WAV)?,
            Coding::MsAdpcm => adpcm(body, CODEC_ID_ADPCM_MS)?,
            plain => Self::Plain(plain),
        })
    }

    fn decode(&mut self, bytes: &[u8], out: &mut Vec<f32>) {
        match self {
            Self::Plain(coding) => plain(*coding, bytes, out),
            Self::Table(table) => out.extend(bytes.iter().map(|byte| table[usize::from(*byte)])),
            Self::Gsm(state, pairs) => gsm(state, *pairs, bytes, out),
            Self::G722(state, buffer) => {
                buffer.resize(bytes.len() * 2, 0);
                let count = state.decode_frame_into(bytes, buffer).unwrap_or(0);
                out.extend(buffer[..count].iter().copied().map(from_i16));
            }
            Self::Adpcm(state, frames, block, buffer) => {
                for block in bytes.chunks_exact(*block) {
                    let packet = PacketRef::new(0, Timestamp::ZERO, Duration::from(*frames), block);
                    if let Ok(decoded) = state.decode_ref(&packet) {
                        decoded.copy_to_vec_interleaved(buffer);
                        out.extend_from_slice(buffer);
                    }
                }
            }
        }
    }
}

fn from_i16(sample: i16) -> f32 {
    f32::from(sample) / 32_768.0
}

fn table(decode: impl Fn(u8) -> i16) -> Box<[f32; 256]> {
    let mut table = Box::new([0.0; 256]);
    for (byte, sample) in (0..=u8::MAX).zip(table.iter_mut()) {
        *sample = from_i16(decode(byte));
    }
    table
}

fn gsm(state: &mut DecoderState, pairs: bool, bytes: &[u8], out: &mut Vec<f32>) {
    let mut take = |frame: &UnpackedFrame| {
        out.extend(state.decode_frame(frame).into_iter().map(from_i16));
    };
    if pairs {
        for block in bytes.chunks_exact(65) {
            if let Ok((first, second)) = UnpackedFrame::pair_from_msgsm_block(block) {
                take(&first);
                take(&second);
            }
        }
        return;
    }
    for frame in bytes.chunks_exact(33) {
        // A frame that is damaged sounds like nothing, and keeps its time.
        take(&UnpackedFrame::from_gsm_byte_frame(frame).unwrap_or_default());
    }
}

fn adpcm(body: &Body, codec: AudioCodecId) -> Result<Decoder, String> {
    let (block, channels) = (usize::from(body.block_bytes), usize::from(body.channels));
    let wrong = || format!("ADPCM in blocks of {block} bytes for {channels} channels");
    // The head of a block, and how many whole samples a channel has in it (RIFF, new wave types).
    let (head, ready) = if codec == CODEC_ID_ADPCM_MS { (7, 2) } else { (4, 1) };
    let rest = block.checked_sub(head * channels).ok_or_else(wrong)?;
    if channels > 2 {
        return Err(wrong());
    }
    let frames = (rest * 2 / channels + ready) as u64;
    let mut parameters = AudioCodecParameters::new();
    parameters
        .for_codec(codec)
        .with_sample_rate(body.sample_rate_hz)
        .with_channels(Channels::Discrete(body.channels))
        .with_max_frames_per_packet(frames)
        .with_frames_per_block(frames);
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(&parameters, &AudioDecoderOptions::default())
        .map_err(|error| error.to_string())?;
    Ok(Decoder::Adpcm(decoder, frames, block, Vec::new()))
}

fn plain(coding: Coding, bytes: &[u8], out: &mut Vec<f32>) {
    const FULL: f32 = 2_147_483_648.0;
    let whole = |value: i32| value as f32 / FULL;
    // A number that is none is silence.
    let float = |value: f32| if value.is_finite() { value } else { 0.0 };
    match coding {
        Coding::Unsigned8 => out.extend(bytes.iter().map(|b| (f32::from(*b) - 128.0) / 128.0)),
        Coding::Signed8 => out.extend(bytes.iter().map(|b| f32::from(*b as i8) / 128.0)),
        Coding::Little(2) => out.extend(groups(bytes).map(|b| from_i16(i16::from_le_bytes(b)))),
        Coding::Big(2) => out.extend(groups(bytes).map(|b| from_i16(i16::from_be_bytes(b)))),
        Coding::Little(3) => {
            out.extend(groups(bytes).map(|[a, b, c]| whole(i32::from_le_bytes([0, a, b, c]))));
        }
        Coding::Big(3) => {
            out.extend(groups(bytes).map(|[a, b, c]| whole(i32::from_be_bytes([a, b, c, 0]))));
        }
        Coding::Little(_) => out.extend(groups(bytes).map(|b| whole(i32::from_le_bytes(b)))),
        Coding::Big(_) => out.extend(groups(bytes).map(|b| whole(i32::from_be_bytes(b)))),
        Coding::FloatLittle(4) => out.extend(groups(bytes).map(|b| float(f32::from_le_bytes(b)))),
        Coding::FloatBig(4) => out.extend(groups(bytes).map(|b| float(f32::from_be_bytes(b)))),
        Coding::FloatLittle(_) => {
            out.extend(groups(bytes).map(|b| float(f64::from_le_bytes(b) as f32)));
        }
        _ => out.extend(groups(bytes).map(|b| float(f64::from_be_bytes(b) as f32))),
    }
}

fn groups<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

//! Opus (RFC 6716), in Ogg (RFC 7845) and as packets of other containers.

use super::hashed::Hashed;
use super::ogg;
use super::sound::{Sink, Track, Unheard, cut};
use crate::recording::listen::Shape;
use opus_pure::{MAX_PACKET_SAMPLES, OggOpusReader, OggPacket, OpusDecoder, Trim};
use std::io::{self, BufReader, Seek};

/// The rate that containers of Opus count in.
const CLOCK_HZ: u32 = 48_000;

/// The lowest rate that holds everything of a packet: its bandwidth (RFC 6716, table 2), or the
/// rate that the encoder was fed with where that is higher.
fn rate_hz(packet: &[u8], fed_hz: u32) -> u32 {
    let configuration = packet.first().map_or(31, |toc| toc >> 3);
    let held: u32 = match configuration {
        0..=3 | 16..=19 => 8000,
        4..=7 => 12_000,
        8..=11 | 20..=23 => 16_000,
        12 | 13 | 24..=27 => 24_000,
        _ => CLOCK_HZ,
    };
    let fed = [8000, 12_000, 16_000, 24_000].into_iter().find(|rate| *rate == fed_hz);
    held.max(fed.unwrap_or(CLOCK_HZ))
}

fn shape(channels: usize, sample_rate_hz: u32) -> Shape {
    let channels = u16::try_from(channels).unwrap_or(u16::MAX);
    Shape { full_rate_hz: CLOCK_HZ, ..Shape::new(channels, sample_rate_hz) }
}

/// Decodes an Ogg file of Opus.
///
/// # Errors
/// When the file cannot be read.
pub fn decode(mut source: Hashed, sink: Sink<'_>) -> io::Result<Result<Track, Unheard>> {
    source.rewind()?;
    let broken = |error: &dyn std::fmt::Display| Unheard::codec("ogg", "Opus", &error.to_string());
    let mut reader = match OggOpusReader::new(BufReader::with_capacity(BUFFER, source.clone())) {
        Ok(reader) => reader,
        Err(error) => return Ok(Err(broken(&error))),
    };
    let head = reader.head().clone();
    let channels = usize::from(head.channel_count);
    let mut track = Track {
        container: "ogg".into(),
        codec: "Opus".into(),
        channels: head.channel_count.into(),
        sample_rate_hz: CLOCK_HZ,
        fault: None,
    };
    let mut packet = OggPacket::default();
    let mut ended = reader.read_packet_into(&mut packet);
    let rate = rate_hz(&packet.data, head.input_sample_rate);
    let made = head
        .decoder(rate as i32)
        .and_then(|decoder| Ok((decoder, Trim::new(&head, rate as i32, channels)?)));
    let (mut decoder, mut trim) = match made {
        Ok(made) => made,
        Err(error) => return Ok(Err(broken(&error))),
    };
    let mut block = vec![0.0; MAX_PACKET_SAMPLES * channels];
    while let Ok(true) = ended {
        let count = decoder.decode(&packet.data, MAX_PACKET_SAMPLES, &mut block).unwrap_or(0);
        let heard = trim.keep_range(&packet, count * channels);
        sink(shape(channels, rate), &block[heard])?;
        ended = reader.read_packet_into(&mut packet);
    }
    track.fault = match ended {
        Err(error) => cut(error),
        Ok(_) => ogg::fault(source)?,
    };
    Ok(Ok(track))
}

/// Bytes read at a time.
const BUFFER: usize = 32 * 1024;

/// Decodes packets that another container carries.
pub struct Packets {
    decoder: Option<(OpusDecoder, u32)>,
    channels: usize,
    gain: i32,
    fed_hz: u32,
    /// Samples at 48 kHz that the encoder put before the sound.
    skip: usize,
    block: Vec<f32>,
}

impl Packets {
    /// Reads the identification header (RFC 7845, section 5.1).
    ///
    /// # Errors
    /// Where it is missing, or has more channels than one decoder makes.
    pub fn new(head: &[u8]) -> Result<Self, String> {
        let channels = match (head.starts_with(b"OpusHead"), head.get(9), head.get(18)) {
            (true, Some(count @ (1 | 2)), Some(0)) => usize::from(*count),
            (true, Some(count), Some(_)) => return Err(format!("{count} channels of Opus")),
            _ => return Err("the Opus header is missing".into()),
        };
        Ok(Self {
            decoder: None,
            channels,
            gain: i16::from_le_bytes([head[16], head[17]]).into(),
            fed_hz: u32::from_le_bytes([head[12], head[13], head[14], head[15]]),
            skip: u16::from_le_bytes([head[10], head[11]]).into(),
            block: vec![0.0; MAX_PACKET_SAMPLES * channels],
        })
    }

    /// Samples of one packet without what the encoder put before the sound; `None` where it cannot
    /// be decoded.
    pub fn decode(&mut self, packet: &[u8]) -> Option<(Shape, &[f32])> {
        if self.decoder.is_none() {
            let rate = rate_hz(packet, self.fed_hz);
            let mut decoder = OpusDecoder::new(rate as i32, self.channels).ok()?;
            decoder.gain_q8 = self.gain;
            self.decoder = Some((decoder, rate));
        }
        let (decoder, rate) = self.decoder.as_mut()?;
        let count = decoder.decode(packet, MAX_PACKET_SAMPLES, &mut self.block).ok()?;
        let ticks = (CLOCK_HZ / *rate) as usize;
        let skipped = count.min(self.skip.div_ceil(ticks));
        self.skip = self.skip.saturating_sub(skipped * ticks);
        let heard = skipped * self.channels..count * self.channels;
        Some((shape(self.channels, *rate), &self.block[heard]))
    }
}

//! Containers of packets, taken apart by symphonia: MP3, FLAC, Ogg, MP4, Matroska.

use super::hashed::Hashed;
use super::mp4::Outline;
use super::opus::Packets as Opus;
use super::probe::Kind;
use super::sound::{Fault, Sink, Track, Unheard, cut};
use super::{ogg, plain};
use crate::recording::listen::Shape;
use std::io::{self, Seek, SeekFrom};
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

/// Names of a kind: its container, the ending symphonia knows it by.
fn names(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Ogg => ("ogg", "ogg"),
        Kind::Flac => ("flac", "flac"),
        Kind::Adts => ("adts", "aac"),
        Kind::Mp4 => ("mp4", "m4a"),
        Kind::Matroska => ("webm", "webm"),
        _ => ("mp3", "mp3"),
    }
}

/// Decodes a container of packets that begins at a place of the file; `start` are its first bytes.
///
/// # Errors
/// When what was heard cannot be taken.
pub fn decode(
    kind: Kind,
    mut source: Hashed,
    from: u64,
    start: &[u8],
    sink: Sink<'_>,
) -> io::Result<Result<Track, Unheard>> {
    // Copies of a source share their place in it: one reader at a time.
    let outline = match kind {
        Kind::Mp4 => Outline::read(source.clone())?,
        _ => Outline::default(),
    };
    if let Some(unheard) = outline.unheard() {
        return Ok(Err(unheard));
    }
    source.seek(SeekFrom::Start(from))?;
    let (container, ending) = names(kind);
    let inside = || Box::new(ReadOnlySource::new(source.clone()));
    let opened = match from {
        0 => open(Box::new(source.clone()), ending),
        _ => open(inside(), ending),
    };
    let (mut format, parameters) = match opened {
        Ok(opened) => opened,
        Err(why) => return Ok(Err(unopened(kind, container, start, &why))),
    };
    let mut heard = match Heard::new(&*format, &parameters, &outline) {
        Ok(heard) => heard,
        Err(why) => return Ok(Err(unopened(kind, container, start, &why))),
    };
    let ended = heard.packets(&mut *format, sink)?;
    if heard.frames == 0
        && let Some(why) = ended
    {
        return Ok(Err(Unheard::codec(container, &heard.codec, &why)));
    }
    let fault = match ended.and_then(cut).or_else(|| outline.fault()) {
        None if kind == Kind::Ogg => ogg::fault(source)?,
        // A stream of ADTS frames says no length; what is given is a guess.
        None if kind != Kind::Adts => heard.missing(),
        fault => fault,
    };
    Ok(Ok(Track {
        container: container.into(),
        codec: heard.codec,
        channels: heard.shape.channels,
        sample_rate_hz: heard.shape.full_rate_hz,
        fault,
    }))
}

type Opened = (Box<dyn FormatReader>, AudioCodecParameters);

fn open(source: Box<dyn MediaSource>, ending: &str) -> Result<Opened, String> {
    let mut hint = Hint::new();
    hint.with_extension(ending);
    let stream = MediaSourceStream::new(source, Default::default());
    let format = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| error.to_string())?;
    let track = format.default_track(TrackType::Audio).ok_or("there is no sound in it")?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or("the codec is not named")?.clone();
    Ok((format, parameters))
}

/// What could not be opened: of a codec nobody decodes, or broken.
fn unopened(kind: Kind, container: &str, start: &[u8], why: &str) -> Unheard {
    if kind == Kind::Matroska
        && let Some(at) = start.windows(2).position(|window| window == b"A_")
    {
        let name = start[at..].iter().take_while(|letter| letter.is_ascii_graphic());
        let name: String = name.map(|letter| char::from(*letter)).collect();
        return Unheard::codec(container, &name, plain::NO_DECODER);
    }
    Unheard::broken(container, why)
}

/// Packets in a row that may fail to decode before the rest is given up.
const BAD_PACKETS_MAX: usize = 64;
/// What may be missing at the end before it counts, in seconds: a packet or two.
const MISSING_S_MAX: f64 = 0.25;

enum Codec {
    Known(Box<dyn AudioDecoder>),
    Opus(Box<Opus>),
}

/// What was heard of one track so far.
struct Heard {
    track_id: u32,
    decoder: Codec,
    codec: String,
    shape: Shape,
    frames: u64,
    /// Length as the container says, in seconds.
    said_s: Option<f64>,
    /// Frames before the sound, and how many there are of it at most, as an edit list says.
    skip: u64,
    keep: u64,
    samples: Vec<f32>,
}

impl Heard {
    fn new(
        format: &dyn FormatReader,
        parameters: &AudioCodecParameters,
        outline: &Outline,
    ) -> Result<Self, String> {
        let track = format.default_track(TrackType::Audio).ok_or("there is no sound in it")?;
        let (decoder, codec) = if parameters.codec == CODEC_ID_OPUS {
            let head = parameters.extra_data.as_deref().unwrap_or_default();
            (Codec::Opus(Box::new(Opus::new(head)?)), "Opus".to_owned())
        } else {
            let decoder = symphonia::default::get_codecs()
                .make_audio_decoder(parameters, &AudioDecoderOptions::default())
                .map_err(|error| error.to_string())?;
            let codec = codec_name(decoder.codec_info().short_name);
            (Codec::Known(decoder), codec)
        };
        let rate = f64::from(parameters.sample_rate.unwrap_or(0));
        let in_frames = track.num_frames.map(|frames| frames as f64 / rate.max(1.0));
        let in_ticks = track.time_base.zip(track.duration).and_then(|(base, duration)| {
            let ticks = i64::try_from(duration.get()).ok()?;
            base.calc_time(ticks.into()).map(|time| time.as_secs_f64())
        });
        let frames = |seconds: f64| (seconds * rate).round() as u64;
        Ok(Self {
            track_id: track.id,
            decoder,
            codec,
            shape: Shape::new(1, 8000),
            frames: 0,
            said_s: in_frames.or(in_ticks),
            skip: frames(outline.skip_s),
            keep: outline.keep_s.map_or(u64::MAX, frames),
            samples: Vec::new(),
        })
    }

    /// Decodes everything. Gives why it ended before its end, if it did.
    fn packets(
        &mut self,
        format: &mut dyn FormatReader,
        sink: Sink<'_>,
    ) -> io::Result<Option<String>> {
        let mut bad = 0;
        loop {
            let packet = match format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(None),
                Err(error) => return Ok(Some(error.to_string())),
            };
            if packet.track_id != self.track_id {
                continue;
            }
            match self.decode(&packet) {
                Ok(()) => bad = 0,
                Err(_) if bad < BAD_PACKETS_MAX => bad += 1,
                Err(why) => return Ok(Some(why)),
            }
            self.hand_on(sink)?;
        }
    }

    fn decode(&mut self, packet: &Packet) -> Result<(), String> {
        self.samples.clear();
        match &mut self.decoder {
            Codec::Opus(decoder) => {
                let (shape, samples) = decoder.decode(&packet.data).ok_or("a bad packet")?;
                self.shape = shape;
                self.samples.extend_from_slice(samples);
            }
            Codec::Known(decoder) => match decoder.decode(packet) {
                Ok(decoded) => {
                    let spec = decoded.spec();
                    let channels = u16::try_from(spec.channels().count()).unwrap_or(u16::MAX);
                    self.shape = Shape::new(channels, spec.rate());
                    decoded.copy_to_vec_interleaved(&mut self.samples);
                }
                Err(error) => return Err(error.to_string()),
            },
        }
        Ok(())
    }

    fn hand_on(&mut self, sink: Sink<'_>) -> io::Result<()> {
        let channels = u64::from(self.shape.channels.max(1));
        let frames = self.samples.len() as u64 / channels;
        let skipped = frames.min(self.skip);
        self.skip -= skipped;
        let kept = (frames - skipped).min(self.keep);
        self.keep -= kept;
        self.frames += kept;
        let range = (skipped * channels) as usize..((skipped + kept) * channels) as usize;
        if range.is_empty() { Ok(()) } else { sink(self.shape, &self.samples[range]) }
    }

    fn missing(&self) -> Option<Fault> {
        let heard_s = self.frames as f64 / f64::from(self.shape.sample_rate_hz);
        let said_s = self.said_s?;
        let text = || format!("{heard_s:.2} of {said_s:.2} seconds are there");
        if said_s - heard_s > MISSING_S_MAX { cut(text()) } else { None }
    }
}

/// The usual name of a codec.
fn codec_name(short: &str) -> String {
    let known = match short {
        "mp1" => "MP1",
        "mp2" => "MP2",
        "mp3" => "MP3",
        "aac" => "AAC",
        "flac" => "FLAC",
        "vorbis" => "Vorbis",
        _ if short.starts_with("pcm_alaw") => "A-law",
        _ if short.starts_with("pcm_mulaw") => "µ-law",
        _ if short.starts_with("pcm_f") => "float PCM",
        _ if short.starts_with("pcm_") => "PCM",
        "adpcm_ima_wav" | "adpcm_ima_qt" => "IMA ADPCM",
        "adpcm_ms" => "MS ADPCM",
        other => other,
    };
    known.to_owned()
}

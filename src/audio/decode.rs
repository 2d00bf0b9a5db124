//! Decoding by symphonia, one packet at a time. To be run in a child process: decoders have died of
//! bad files before.

use super::riff;
use crate::recording::listen::Listener;
use crate::recording::{Measures, SoundClass};
use std::fs::File;
use std::io::{self, BufReader, Seek, Write};
use std::path::Path;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;

/// What the container says of itself, before anything is decoded.
#[derive(Default)]
struct Container {
    name: String,
    codec: Option<String>,
    fault: Option<(SoundClass, String)>,
}

/// Measures a file that came under a name. A file that is no audio, or breaks off, is measured as
/// far as it goes and classed.
///
/// # Errors
/// When the file cannot be read from the disk.
pub fn listen(path: &Path, name: &Path) -> io::Result<Measures> {
    let (container, source) = open(path, name)?;
    let mut heard: Option<Listener> = None;
    let outcome = decode(source, name, &mut |samples, channels, rate| {
        let listener = heard.get_or_insert_with(|| Listener::new(channels, rate));
        listener.push(samples);
        Ok(())
    });
    let (codec, ended) = match outcome {
        Ok(decoded) => decoded,
        Err(why) => return Ok(unheard(&container, &why)),
    };
    let codec = container.codec.unwrap_or(codec);
    let listener = heard.unwrap_or_else(|| Listener::new(1, 8000));
    let mut measures = listener.finish(&container.name, &codec);
    let broken = ended.map(|why| (SoundClass::Truncated, format!("it breaks off: {why}")));
    // No sound is the graver word; an end that was cut outweighs a side that is missing.
    if measures.class != SoundClass::NoSound
        && let Some((class, why)) = container.fault.or(broken)
    {
        (measures.class, measures.why) = (class, Some(why));
    }
    Ok(measures)
}

fn open(path: &Path, name: &Path) -> io::Result<(Container, Box<dyn MediaSource>)> {
    let mut file = File::open(path)?;
    let extension = name.extension().map(|e| e.to_string_lossy().to_lowercase());
    let Some((head, start)) = riff::head(&mut file)? else {
        let name = if file.metadata()?.len() == 0 {
            "empty".into()
        } else {
            extension.unwrap_or_default()
        };
        return Ok((Container { name, ..Container::default() }, Box::new(file)));
    };
    let fault = if head.is_unfinished() {
        Some((SoundClass::UnfinishedHeader, "the header was never finished".to_owned()))
    } else if head.is_truncated() {
        let text = format!("{} of {} bytes of sound are there", head.there, head.said);
        Some((SoundClass::Truncated, text))
    } else {
        None
    };
    let codec = Some(riff::codec_name(head.format));
    let repair = fault.is_some();
    let container = Container { name: "wav".into(), codec, fault };
    file.rewind()?;
    if repair {
        let whole = riff::repaired(&head, start, file)?;
        return Ok((container, Box::new(ReadOnlySource::new(BufReader::new(whole)))));
    }
    Ok((container, Box::new(file)))
}

fn unheard(container: &Container, why: &str) -> Measures {
    let mut measures = Listener::new(1, 8000).finish(&container.name, "");
    let codec = container.codec.clone().unwrap_or_default();
    if container.name == "empty" {
        measures.why = Some("the file is empty".into());
        return measures;
    }
    let text = if codec.is_empty() { why.to_owned() } else { format!("{codec}: {why}") };
    (measures.class, measures.codec, measures.why) = (SoundClass::Undecodable, codec, Some(text));
    measures
}

type Sink<'a> = &'a mut dyn FnMut(&[f32], u16, u32) -> io::Result<()>;

/// Decodes a source into `sink`. Gives the codec, and why it ended before its end if it did.
fn decode(
    source: Box<dyn MediaSource>,
    path: &Path,
    sink: Sink<'_>,
) -> Result<(String, Option<String>), String> {
    let mut hint = Hint::new();
    if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
        hint.with_extension(extension);
    }
    let stream = MediaSourceStream::new(source, Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| error.to_string())?;
    let track = format.default_track(TrackType::Audio).ok_or("there is no sound in it")?;
    let track_id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or("the codec is not named")?;
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|error| error.to_string())?;
    let codec = decoder.codec_info().short_name.to_owned();
    let ended = packets(&mut *format, &mut *decoder, track_id, sink)?;
    Ok((codec, ended))
}

/// Packets in a row that may fail to decode before the rest is given up.
const BAD_PACKETS_MAX: usize = 64;

fn packets(
    format: &mut dyn FormatReader,
    decoder: &mut dyn AudioDecoder,
    track_id: u32,
    sink: Sink<'_>,
) -> Result<Option<String>, String> {
    let mut samples: Vec<f32> = Vec::new();
    let mut bad = 0;
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error.to_string())),
        };
        if packet.track_id != track_id {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(decoded) => {
                bad = 0;
                let spec = decoded.spec();
                let channels = u16::try_from(spec.channels().count()).unwrap_or(u16::MAX);
                let rate = spec.rate();
                decoded.copy_to_vec_interleaved(&mut samples);
                sink(&samples, channels, rate).map_err(|error| error.to_string())?;
            }
            Err(Error::IoError(_) | Error::DecodeError(_)) if bad < BAD_PACKETS_MAX => bad += 1,
            Err(error) => return Ok(Some(error.to_string())),
        }
    }
}

/// Writes a file as 16-bit WAV, which every browser plays. The original stays.
///
/// # Errors
/// When it cannot be decoded or written.
pub fn rendition(path: &Path, name: &Path, target: impl Write + Seek) -> io::Result<()> {
    let (_, source) = open(path, name)?;
    let mut writer = None;
    let mut target = Some(target);
    let outcome = decode(source, name, &mut |samples, channels, sample_rate| {
        let spec = hound::WavSpec {
            channels,
            sample_rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        if let Some(target) = target.take() {
            writer = Some(hound::WavWriter::new(target, spec).map_err(io::Error::other)?);
        }
        let Some(writer) = &mut writer else { return Ok(()) };
        for sample in samples {
            let value = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16;
            writer.write_sample(value).map_err(io::Error::other)?;
        }
        Ok(())
    });
    outcome.map_err(io::Error::other)?;
    match writer {
        Some(writer) => writer.finalize().map_err(io::Error::other),
        None => Err(io::Error::other("there is no sound in it")),
    }
}

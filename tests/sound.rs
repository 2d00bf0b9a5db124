//! Listening: what real recorders write, and what they leave behind when they die.

use ringledger::audio;
use ringledger::audio::child::{self, Limits};
use ringledger::recording::{Measures, SoundClass};
use std::io::Cursor;
use std::path::{Path, PathBuf};

fn wav(channels: u16, frames: usize, sample: impl Fn(usize, u16) -> i16) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("a writer");
    for frame in 0..frames {
        for channel in 0..channels {
            writer.write_sample(sample(frame, channel)).expect("a sample");
        }
    }
    writer.finalize().expect("finished");
    bytes.into_inner()
}

fn tone(frame: usize) -> i16 {
    ((frame as f64 * 0.35).sin() * 12_000.0) as i16
}

fn listen(name: &str, bytes: &[u8]) -> Measures {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    audio::listen(&path, Path::new(name)).expect("heard")
}

#[test]
fn a_whole_recording_is_measured_to_the_sample() {
    let measures = listen("a.wav", &wav(1, 16_000, |frame, _| tone(frame)));
    assert_eq!((measures.class, measures.duration_s), (SoundClass::Ok, 2.0));
    assert_eq!((measures.container.as_str(), measures.codec.as_str()), ("wav", "PCM"));
    assert_eq!((measures.channels, measures.sample_rate_hz), (1, 8000));
}

#[test]
fn a_header_that_was_never_finished_is_read_to_the_true_end() {
    for said in [0u32, u32::MAX] {
        let mut bytes = wav(1, 8_000, |frame, _| tone(frame));
        bytes[4..8].copy_from_slice(&said.to_le_bytes());
        bytes[40..44].copy_from_slice(&said.to_le_bytes());
        let measures = listen("a.wav", &bytes);
        assert_eq!((measures.class, measures.duration_s), (SoundClass::UnfinishedHeader, 1.0));
    }
}

#[test]
fn a_body_that_ends_early_is_measured_as_far_as_it_goes() {
    let mut bytes = wav(1, 16_000, |frame, _| tone(frame));
    bytes.truncate(44 + 16_000);
    let measures = listen("a.wav", &bytes);
    assert_eq!((measures.class, measures.duration_s), (SoundClass::Truncated, 1.0));
}

#[test]
fn a_header_and_nothing_else_is_no_sound() {
    assert_eq!(listen("a.wav", &wav(1, 0, |_, _| 0)).class, SoundClass::NoSound);
    assert_eq!(listen("a.wav", &wav(1, 8_000, |_, _| 0)).class, SoundClass::NoSound);
    assert_eq!(listen("a.wav", b"").class, SoundClass::NoSound);
}

#[test]
fn a_side_that_is_silent_throughout_is_one_sided() {
    let bytes = wav(2, 16_000, |frame, side| if side == 0 { tone(frame) } else { 0 });
    let measures = listen("a.wav", &bytes);
    assert_eq!(measures.class, SoundClass::OneSided);
    assert!(measures.why.is_some_and(|why| why.contains("channel 2")));
}

#[test]
fn what_cannot_be_decoded_is_named_with_its_codec() {
    let mut gsm = wav(1, 100, |frame, _| tone(frame));
    gsm[20..22].copy_from_slice(&0x31u16.to_le_bytes());
    let measures = listen("a.WAV", &gsm);
    assert_eq!(measures.class, SoundClass::Undecodable);
    assert_eq!(measures.codec, "GSM 06.10");
    assert_eq!(listen("a.wav", b"this is no sound at all").class, SoundClass::Undecodable);
}

#[test]
fn a_law_is_read_and_a_browser_gets_plain_wav() {
    let mut bytes = b"RIFF\x00\x00\x00\x00WAVEfmt \x12\x00\x00\x00\x06\x00\x01\x00".to_vec();
    bytes.extend(8000u32.to_le_bytes());
    bytes.extend(8000u32.to_le_bytes());
    bytes.extend(b"\x01\x00\x08\x00\x00\x00data");
    bytes.extend(8000u32.to_le_bytes());
    bytes.extend((0..8_000u32).map(|n| (n * 37 % 251) as u8));
    let length = bytes.len() as u32 - 8;
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    let measures = listen("a.wav", &bytes);
    assert_eq!((measures.codec.as_str(), measures.duration_s), ("A-law", 1.0));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.wav");
    std::fs::write(&path, &bytes).expect("written");
    let mut plain = Cursor::new(Vec::new());
    audio::rendition(&path, Path::new("a.wav"), &mut plain).expect("rendered");
    let reader = hound::WavReader::new(Cursor::new(plain.into_inner())).expect("plain WAV");
    assert_eq!((reader.spec().bits_per_sample, reader.duration()), (16, 8_000));
}

#[test]
fn a_child_listens_within_its_limits() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("0123");
    std::fs::write(&path, wav(1, 8_000, |frame, _| tone(frame))).expect("written");
    let limits = |program: &str| Limits {
        program: PathBuf::from(program),
        memory_mib_max: 256,
        time_s_max: 20,
    };
    let own = limits(env!("CARGO_BIN_EXE_ringledger"));
    let measures = child::listen_as(&path, "-odd name.wav", &own).expect("a child");
    assert_eq!((measures.class, measures.duration_s), (SoundClass::Ok, 1.0));
    let dead = child::listen(&path, &limits("/bin/false")).expect("a child");
    assert_eq!(dead.class, SoundClass::Undecodable, "a decoder that dies is the file's fault");
}

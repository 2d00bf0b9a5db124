//! Listening: what real recorders write, and what they leave behind when they die.

use audio_codec_algorithms::{encode_alaw, encode_ulaw};
use ringledger::audio;
use ringledger::audio::child::{Limits, Listeners, Task};
use ringledger::recording::{Measures, SoundClass};
use sha2::{Digest, Sha256};
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
    audio::listen(&path, Path::new(name), None).expect("heard").measures
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

/// A WAV file of any codec: format number, bits, bytes of a block, and the sound as it is written.
fn wav_of(format: u16, bits: u16, block: u16, extra: &[u8], sound: &[u8]) -> Vec<u8> {
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
    bytes.extend((18 + extra.len() as u32).to_le_bytes());
    bytes.extend(format.to_le_bytes());
    bytes.extend(1u16.to_le_bytes());
    bytes.extend(8000u32.to_le_bytes());
    bytes.extend(8000u32.to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend((extra.len() as u16).to_le_bytes());
    bytes.extend(extra);
    bytes.extend(b"data");
    bytes.extend((sound.len() as u32).to_le_bytes());
    bytes.extend(sound);
    let length = bytes.len() as u32 - 8;
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes
}

fn tones(frames: usize) -> impl Iterator<Item = i16> {
    (0..frames).map(tone)
}

#[test]
fn every_width_of_pcm_sounds_the_same() {
    let float = |sample: i16| f32::from(sample) / 32_768.0;
    let files = [
        wav_of(1, 8, 1, &[], &tones(8000).map(|s| ((s >> 8) + 128) as u8).collect::<Vec<_>>()),
        wav_of(1, 16, 2, &[], &tones(8000).flat_map(i16::to_le_bytes).collect::<Vec<_>>()),
        wav_of(
            1,
            24,
            3,
            &[],
            &tones(8000).flat_map(|s| [0, s as u8, (s >> 8) as u8]).collect::<Vec<_>>(),
        ),
        wav_of(
            3,
            32,
            4,
            &[],
            &tones(8000).flat_map(|s| float(s).to_le_bytes()).collect::<Vec<_>>(),
        ),
        wav_of(7, 8, 1, &[], &tones(8000).map(encode_ulaw).collect::<Vec<_>>()),
        wav_of(6, 8, 1, &[], &tones(8000).map(encode_alaw).collect::<Vec<_>>()),
    ];
    for file in files {
        let measures = listen("a.wav", &file);
        assert_eq!((measures.class, measures.duration_s), (SoundClass::Ok, 1.0));
        let level = measures.level_dbfs.expect("a level");
        assert!((level + 11.73).abs() < 0.1, "{}: {level}", measures.codec);
    }
}

#[test]
fn files_without_a_header_are_known_by_their_ending() {
    let ulaw: Vec<u8> = tones(8000).map(encode_ulaw).collect();
    let alaw: Vec<u8> = tones(8000).map(encode_alaw).collect();
    let slin: Vec<u8> = tones(8000).flat_map(i16::to_le_bytes).collect();
    let told = |name: &str, bytes: &[u8]| {
        let measures = listen(name, bytes);
        assert_eq!(measures.class, SoundClass::Ok, "{name}: {:?}", measures.why);
        (measures.codec, measures.sample_rate_hz, measures.channels, measures.duration_s)
    };
    assert_eq!(told("a.ulaw", &ulaw), ("µ-law".into(), 8000, 1, 1.0));
    assert_eq!(told("a.alaw", &alaw), ("A-law".into(), 8000, 1, 1.0));
    assert_eq!(told("a.sln", &slin), ("PCM".into(), 8000, 1, 1.0));
    assert_eq!(told("a.sln16", &slin), ("PCM".into(), 16_000, 1, 0.5));
    assert_eq!(told("a.raw", &slin), ("PCM".into(), 8000, 1, 1.0));
    assert_eq!(told("a.g722", &ulaw), ("G.722".into(), 16_000, 1, 1.0));
    assert_eq!(told("a.gsm", &[0xd5; 3300]), ("GSM 06.10".into(), 8000, 1, 2.0));
    let sides = |frame: usize| [tone(frame), (((frame * 7919) % 601) as i16 - 300) * 20];
    let both: Vec<u8> = (0..8000).flat_map(sides).flat_map(i16::to_le_bytes).collect();
    assert_eq!(told("a.raw", &both), ("PCM".into(), 8000, 2, 1.0), "two sides in turn");
}

#[test]
fn a_sun_file_is_read_by_its_head() {
    let mut au = b".snd".to_vec();
    for word in [24u32, 8000, 1, 8000, 1] {
        au.extend(word.to_be_bytes());
    }
    au.extend(tones(8000).map(encode_ulaw));
    let measures = listen("a.au", &au);
    let told = (measures.container.as_str(), measures.codec.as_str(), measures.duration_s);
    assert_eq!((measures.class, told), (SoundClass::Ok, ("au", "µ-law", 1.0)));
}

#[test]
fn a_long_wav_and_one_with_chunks_before_and_after_are_read() {
    let sound: Vec<u8> = tones(8000).flat_map(i16::to_le_bytes).collect();
    let plain = wav_of(1, 16, 2, &[], &sound);
    let mut followed = plain.clone();
    followed.extend(b"LIST\x04\0\0\0INFO");
    assert_eq!(listen("a.wav", &followed).class, SoundClass::Ok);
    let mut long = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
    long.extend((plain.len() as u64 + 28).to_le_bytes());
    long.extend(16_000u64.to_le_bytes());
    long.extend([0; 12]);
    long.extend(&plain[12..]);
    let place = long.len() - 16_004;
    long[place..place + 4].copy_from_slice(&[0xff; 4]);
    let measures = listen("a.wav", &long);
    assert_eq!((measures.class, measures.duration_s), (SoundClass::Ok, 1.0), "{:?}", measures.why);
}

#[test]
fn a_header_that_says_too_little_is_unfinished() {
    let sound: Vec<u8> = tones(16_000).flat_map(i16::to_le_bytes).collect();
    let mut bytes = wav_of(1, 16, 2, &[], &sound);
    let place = bytes.len() - 32_004;
    bytes[place..place + 4].copy_from_slice(&16_000u32.to_le_bytes());
    let measures = listen("a.wav", &bytes);
    assert_eq!((measures.class, measures.duration_s), (SoundClass::UnfinishedHeader, 2.0));
}

#[test]
fn a_digest_is_that_of_the_whole_file_whatever_was_read_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bytes = wav(1, 8000, |frame, _| tone(frame));
    bytes.extend(b"LIST\x04\0\0\0INFO");
    for (name, bytes) in [("a.wav", bytes), ("b.txt", b"abc".to_vec())] {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).expect("written");
        let heard = audio::listen(&path, Path::new(name), None).expect("heard");
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!((heard.sha256.0, heard.bytes), (digest, bytes.len() as u64));
    }
}

/// Two people in turn, over a line that hums a little; each word is a burst of changing loudness.
fn talk(frame: usize, side: u16) -> i16 {
    let (second, turn) = (frame / 8000, (frame / 32_000) % 2);
    let speaks = turn == usize::from(side) || (8..10).contains(&second);
    let hum = (frame as f64 * 0.04).sin() * 20.0;
    let voice = (frame as f64 * 0.13).sin() + (frame as f64 * 0.29).sin();
    let word = ((frame % 2400) as f64 / 2400.0 * std::f64::consts::PI).sin();
    (if speaks { voice * word * 5000.0 } else { 0.0 } + hum) as i16
}

#[test]
fn who_spoke_and_when_both_did_is_told() {
    let measures = listen("a.wav", &wav(2, 8000 * 16, talk));
    let near = |share: f64, wanted: f64| (share - wanted).abs() < 0.03;
    assert!(near(measures.speech_share[0], 8.0 / 16.0), "{:?}", measures.speech_share);
    assert!(near(measures.speech_share[1], 10.0 / 16.0), "{:?}", measures.speech_share);
    assert!(near(measures.talk_over_share, 2.0 / 16.0), "{}", measures.talk_over_share);
}

#[test]
fn a_side_with_a_noisy_line_and_no_words_is_one_sided() {
    let noise = |frame: usize| ((frame * 7919 % 1009) as i16 - 504) * 2;
    let bytes =
        wav(2, 8000 * 16, |frame, side| if side == 0 { talk(frame, 0) } else { noise(frame) });
    let measures = listen("a.wav", &bytes);
    assert_eq!(measures.class, SoundClass::OneSided, "{measures:?}");
}

#[test]
fn clipping_and_silence_are_measured() {
    let bytes = wav(1, 8000 * 10, |frame, _| {
        let loud = (frame as f64 * 0.35).sin() * 60_000.0;
        if (16_000..40_000).contains(&frame) { 0 } else { loud.clamp(-32_768.0, 32_767.0) as i16 }
    });
    let measures = listen("a.wav", &bytes);
    // A sine of 1.83 times full scale is above it for 63 % of its time.
    assert!((measures.clipped_share - 0.63 * 0.7).abs() < 0.02, "{}", measures.clipped_share);
    assert!((measures.longest_silence_s - 3.0).abs() < 0.05, "{}", measures.longest_silence_s);
    assert!(measures.peak_dbfs.is_some_and(|peak| peak.abs() < 0.01));
}

#[test]
fn what_cannot_be_decoded_is_named_with_its_codec() {
    let measures = listen("a.wav", &wav_of(0x83, 0, 10, &[], &[0; 1000]));
    assert_eq!(measures.class, SoundClass::Undecodable);
    assert_eq!(measures.codec, "G.729");
    assert!(measures.why.is_some_and(|why| why.contains("G.729")));
    let foreign: [(&str, &[u8], &str); 5] = [
        ("a.g729", &[7; 100], "G.729"),
        ("a.amr", b"#!AMR\n\x04", "AMR"),
        ("a.wav", b"Salted__12345678abcdef", "encrypted (OpenSSL)"),
        (
            "a.ogg",
            b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x50Speex   1.2",
            "Speex",
        ),
        ("a.wav", b"this is no sound at all", ""),
    ];
    for (name, bytes, codec) in foreign {
        let measures = listen(name, bytes);
        assert_eq!((measures.class, measures.codec.as_str()), (SoundClass::Undecodable, codec));
        assert!(measures.why.is_some_and(|why| !why.is_empty()), "{name}");
    }
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

fn limits(program: &str) -> Limits {
    Limits { program: PathBuf::from(program), memory_mib_max: 256, time_s_max: 20 }
}

#[test]
fn a_child_listens_within_its_limits() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("0123");
    std::fs::write(&path, wav(1, 8_000, |frame, _| tone(frame))).expect("written");
    let own = Listeners::new(limits(env!("CARGO_BIN_EXE_ringledger")));
    let task = Task::listen(&path, "-odd name.wav", "cn");
    for _ in 0..3 {
        let heard = own.listen(&task).expect("a child");
        assert_eq!((heard.measures.class, heard.measures.duration_s), (SoundClass::Ok, 1.0));
    }
    let missing = Task::listen(Path::new("/no/such/file"), "a.wav", "cn");
    assert!(own.listen(&missing).is_err(), "a file that is not there is no bad file");
    assert!(own.listen(&task).is_ok(), "and the next is heard all the same");
    let dead = Listeners::new(limits("/bin/false")).listen(&task).expect("a child");
    assert_eq!(
        dead.measures.class,
        SoundClass::Undecodable,
        "a decoder that dies: the file's fault"
    );
    assert_eq!(dead.bytes, 16_044);
}

#[test]
fn flac_gives_back_the_samples_of_every_whole_width_and_refuses_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, target) = (folder.path().join("a.wav"), folder.path().join("a.flac"));
    let original = ringledger::recording::ContentHash([7; 32]);
    let archive = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        audio::flac::write(&path, Path::new("a.wav"), &original, &target)
    };
    let sixteen: Vec<u8> = tones(20_001).flat_map(i16::to_le_bytes).collect();
    let widened = |s: i16, low: u8| [low, s as u8, (s >> 8) as u8];
    let twenty_four: Vec<u8> =
        tones(20_001).zip((0..=255).cycle()).flat_map(|(s, low)| widened(s, low)).collect();
    let wholes = [(16, 2, &sixteen), (24, 3, &twenty_four)];
    for (bits, block, sound) in wholes {
        let (found, made) = archive(&wav_of(1, bits, block, &[], sound)).expect("archived");
        assert_eq!((u16::from(made.bits), made.frames, made.channels), (bits, 20_001, 1));
        assert_eq!(found.0[..], Sha256::digest(std::fs::read(&path).expect("bytes"))[..]);
        assert_eq!(made.sha256.0[..], Sha256::digest(std::fs::read(&target).expect("bytes"))[..]);
        assert_eq!(made.pcm_sha256.0[..], Sha256::digest(sound)[..], "as they stand in the file");
        let again = audio::listen(&target, Path::new("a.flac"), None).expect("heard").measures;
        assert_eq!((again.codec.as_str(), again.duration_s), ("FLAC", 20_001.0 / 8000.0));
    }
    let two = wav(2, 9_000, |frame, side| tone(frame + 40 * usize::from(side)));
    assert_eq!(archive(&two).expect("archived").1.channels, 2);
    let float: Vec<u8> =
        tones(8000).flat_map(|s| (f32::from(s) / 32_767.0).to_le_bytes()).collect();
    let refused = archive(&wav_of(3, 32, 4, &[], &float)).expect_err("no whole numbers");
    assert!(refused.to_string().contains("whole numbers"), "{refused}");
    let empty = archive(&wav(1, 0, |_, _| 0)).expect_err("nothing");
    assert!(empty.to_string().contains("no sound"), "{empty}");
    let locked = include_str!("../Cargo.lock");
    let (name, version) = audio::flac::ENCODER.split_once(' ').expect("a name and a version");
    assert!(locked.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")));
}

fn repaired(bytes: &[u8]) -> (audio::repair::Repair, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, mut copy) = (folder.path().join("a.wav"), Vec::new());
    std::fs::write(&path, bytes).expect("written");
    let repair = audio::repair::repair(&path, &mut copy).expect("read");
    assert_eq!(std::fs::read(&path).expect("the original"), bytes, "it stays as it was");
    (repair, copy)
}

#[test]
fn a_repaired_copy_has_a_true_head_and_the_same_sound() {
    let whole = wav(1, 8_000, |frame, _| tone(frame));
    for said in [0u32, u32::MAX, 0x7fff_f000, 100, 99_999_999] {
        let mut bytes = whole.clone();
        bytes[4..8].copy_from_slice(&said.to_le_bytes());
        bytes[40..44].copy_from_slice(&said.to_le_bytes());
        let (repair, copy) = repaired(&bytes);
        assert_eq!(copy, whole, "{said}: {repair:?}");
        assert_eq!(listen("a.wav", &copy).class, SoundClass::Ok);
    }
    let (repair, copy) = repaired(&whole);
    assert_eq!((repair.outcome, copy.len()), (audio::repair::Outcome::Whole, 0));
    let (repair, copy) = repaired(b"ID3 is no WAV");
    assert!(matches!(repair.outcome, audio::repair::Outcome::NotRepairable { .. }));
    assert!(copy.is_empty());
}

#[test]
fn a_copy_of_a_cut_file_ends_with_a_whole_block_and_counts_its_samples() {
    let mut bytes = wav(1, 8_000, |frame, _| tone(frame));
    bytes.truncate(44 + 6_001);
    let (repair, copy) = repaired(&bytes);
    let audio::repair::Outcome::Repaired { sound_bytes, cut_bytes, sound_sha256, .. } =
        repair.outcome
    else {
        panic!("{repair:?}")
    };
    assert_eq!((sound_bytes, cut_bytes), (6_000, 1));
    assert_eq!(sound_sha256.0[..], Sha256::digest(&copy[44..])[..]);
    let measures = listen("a.wav", &copy);
    assert_eq!((measures.class, measures.duration_s), (SoundClass::Ok, 0.375));
    // GSM: 65 bytes make 320 samples; a `fact` chunk counts them.
    let mut gsm = wav_of(0x31, 0, 65, &320u16.to_le_bytes(), &[0xd2; 65 * 50]);
    let fact = [b"fact".as_slice(), &4u32.to_le_bytes(), &[0; 4]].concat();
    gsm.splice(40..40, fact);
    gsm.truncate(gsm.len() - 65 * 10 - 7);
    let (_, copy) = repaired(&gsm);
    let measures = listen("a.wav", &copy);
    assert_eq!(
        (measures.class, measures.duration_s),
        (SoundClass::Ok, 39.0 * 0.04),
        "{measures:?}"
    );
    assert_eq!(copy[48..52], (39u32 * 320).to_le_bytes());
}

#[test]
fn the_command_writes_copies_beside_and_never_over_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, out) = (folder.path().join("from"), folder.path().join("out"));
    std::fs::create_dir(&from).expect("made");
    let whole = wav(1, 8_000, |frame, _| tone(frame));
    let mut open = whole.clone();
    open[40..44].copy_from_slice(&[0xff; 4]);
    std::fs::write(from.join("open.wav"), &open).expect("written");
    std::fs::write(from.join("whole.wav"), &whole).expect("written");
    let repair = |more: &[&str]| {
        let (from, out) = (from.to_string_lossy(), out.to_string_lossy());
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_ringledger"))
            .args([&["repair", &*from, "--out", &*out], more].concat())
            .output()
            .expect("run");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    assert_eq!(repair(&[]).0, Some(2), "the folder for the copies is not there");
    std::fs::create_dir(&out).expect("made");
    let (code, text) = repair(&["--json"]);
    assert_eq!(code, Some(0), "{text}");
    let rows: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&rows[0]["outcome"], &rows[1]["outcome"]), (&"repaired".into(), &"whole".into()));
    assert_eq!(std::fs::read(out.join("open.wav")).expect("a copy"), whole);
    assert_eq!(std::fs::read_dir(&out).expect("read").count(), 1, "a whole file needs no copy");
    let (code, text) = repair(&[]);
    assert!(code == Some(3) && text.contains("there already"), "{text}");
    std::fs::write(from.join("notes.txt"), b"no sound").expect("written");
    std::fs::remove_file(out.join("open.wav")).expect("gone");
    let (code, text) = repair(&[]);
    assert!(code == Some(1) && text.contains("not repairable"), "{text}");
}

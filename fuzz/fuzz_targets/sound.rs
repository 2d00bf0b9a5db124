//! A file of any bytes and any ending is heard to its end or refused; measures are always numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringledger::audio;
use ringledger::audio::repair::{Outcome, repair};
use ringledger::call::Ringback;
use ringledger::recording::ContentHash;
use std::io::Write;
use std::path::Path;

const ENDINGS: [&str; 12] =
    ["wav", "mp3", "ogg", "opus", "flac", "m4a", "webm", "au", "ulaw", "gsm", "g722", "raw"];

fuzz_target!(|data: &[u8]| {
    let Some((ending, bytes)) = data.split_first() else { return };
    let name = format!("a.{}", ENDINGS[usize::from(*ending) % ENDINGS.len()]);
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("written");
    let tone = Ringback::of("cn");
    let heard = audio::listen(file.path(), Path::new(&name), tone.as_ref()).expect("readable");
    assert_eq!(heard.bytes, bytes.len() as u64);
    let measures = heard.measures;
    assert!(measures.duration_s.is_finite() && measures.duration_s >= 0.0);
    let shares = measures.speech_share.iter().chain(&measures.active_share);
    assert!(shares.chain([&measures.clipped_share]).all(|share| (0.0..=1.0).contains(share)));
    assert!(measures.loudness_lufs.is_none_or(f64::is_finite));
    mended(file.path());
    if measures.codec == "PCM" && measures.duration_s < 10.0 {
        archived(file.path(), Path::new(&name));
    }
});

/// A repaired copy has a true head, and nothing more to repair.
fn mended(path: &Path) {
    let mut copy = tempfile::NamedTempFile::new().expect("a file");
    let repair = repair(path, copy.as_file_mut()).expect("readable");
    if let Outcome::Repaired { .. } = repair.outcome {
        let again = self::repair(copy.path(), &mut std::io::sink()).expect("readable");
        assert_eq!(again.outcome, Outcome::Whole);
    }
}

/// FLAC gives back the same samples, as the writing proves, or is refused. Built for fuzzing the
/// decoder takes frames whose checks are wrong, so here it may be refused for nothing.
fn archived(path: &Path, name: &Path) {
    let target = tempfile::NamedTempFile::new().expect("a file");
    let made = audio::flac::write(path, name, &ContentHash([0; 32]), target.path());
    if let Ok((_, rendition)) = made {
        assert_eq!(rendition.bytes, target.path().metadata().expect("its length").len());
        assert!(rendition.frames > 0);
    }
}

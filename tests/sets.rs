//! Several files of one call: in order, with their holes, and each sound counted once.

mod desk;
mod house;

use desk::{day, measures, moment, recording};
use ringledger::audit::{self, RecordingFact};
use ringledger::finding::Code;
use ringledger::recording::listen::{Listener, Shape};
use ringledger::recording::set::{Piece, arrange};
use ringledger::recording::{Measures, Recording, SoundClass};

/// What a party says at a time of a conversation in turns of four seconds, with words between.
fn says(party: usize, frame: usize) -> f32 {
    let turn = (frame / 32_000) % 2 == party;
    let word = ((frame * (3 + party) % 5600) as f32 / 5600.0 * std::f32::consts::PI).sin();
    if turn { (frame as f32 * (0.2 + party as f32 * 0.07)).sin() * word * word * 0.3 } else { 0.0 }
}

fn heard(channels: u16, samples: impl Iterator<Item = f32>) -> Measures {
    let mut listener = Listener::new(Shape::new(channels, 8000), None);
    listener.push(&samples.collect::<Vec<_>>());
    listener.finish()
}

fn pieces(set: &[RecordingFact]) -> Vec<Piece> {
    let set: Vec<&Recording> = set.iter().map(|fact| &fact.recording).collect();
    arrange(&set)
}

const FRAMES: usize = 8000 * 40;

fn as_recorded(key: i64, measures: Measures) -> RecordingFact {
    let mut fact = recording(key, Some(1), moment(9, 0, 0));
    fact.recording.measures = Some(measures);
    fact
}

#[test]
fn a_mix_and_both_sides_of_a_call_are_one_sound() {
    let both = heard(2, (0..FRAMES).flat_map(|n| [says(0, n), says(1, n)]));
    // Another format: half as loud, and a frame longer.
    let mix = heard(1, (0..FRAMES + 160).map(|n| (says(0, n) + says(1, n)) * 0.5));
    let [one, other] = [0, 1].map(|party| heard(1, (0..FRAMES).map(move |n| says(party, n))));
    let set = [mix, one, both, other].into_iter().zip(1..).map(|(m, key)| as_recorded(key, m));
    let copies: Vec<_> = pieces(&set.collect::<Vec<_>>()).into_iter().map(|p| p.copy_of).collect();
    assert_eq!(copies, [Some(2), Some(2), None, Some(2)]);
}

#[test]
fn the_two_sides_alone_are_no_copies_of_each_other() {
    let set: Vec<_> = [0, 1]
        .into_iter()
        .map(|party| {
            as_recorded(1 + party as i64, heard(1, (0..FRAMES).map(move |n| says(party, n))))
        })
        .collect();
    assert!(pieces(&set).iter().all(|piece| piece.copy_of.is_none()));
}

#[test]
fn parts_are_put_in_order_with_what_is_missing_and_what_lies_over_another() {
    let at = |key, second, length_s| {
        let mut fact = recording(key, Some(1), moment(9, 0, second));
        fact.recording.measures = Some(measures(length_s, SoundClass::Ok));
        fact
    };
    let pieces = pieces(&[at(1, 30, 20.0), at(2, 0, 20.0), at(3, 45, 10.0)]);
    let told: Vec<_> = pieces.iter().map(|p| (p.index, p.gap_s, p.overlap_s)).collect();
    assert_eq!(told, [(1, 0.0, 0.0), (0, 10.0, 0.0), (2, 0.0, 5.0)]);
}

#[test]
fn a_copy_does_not_make_a_short_recording_long_enough() {
    let mut day = day();
    let half = |key| {
        let samples = (0..8000 * 26).map(|n| says(0, n) + says(1, n));
        let mut fact = as_recorded(key, heard(1, samples));
        fact.recording.hash.0[0] = key as u8;
        fact
    };
    day.facts.recordings.retain(|fact| fact.call != Some(1));
    day.facts.recordings.extend([half(7), half(8)]);
    let report = audit::answer(&day.question, &day.facts).expect("a report");
    let found = |code| report.findings.iter().any(|finding| finding.code == code);
    assert!(found(Code::LengthDiffers), "26 of 54 seconds, twice");
}

#[test]
fn the_set_of_a_call_is_told_as_json_with_each_sound_once() {
    let sound: &[u8] =
        include_bytes!("../samples/day/spool/in-8001-13800138002-20261123-183715-1795430235.3.wav");
    let folder = tempfile::tempdir().expect("a folder");
    let house = house::House::start(folder.path(), &[]);
    let event = |kind: &str, second: u32| {
        let at = format!("2026-11-23T18:37:{second:02}+08:00");
        let body = format!(
            r#"{{"type":"{kind}","at":"{at}","call":"c-1","leg":"l-1","extension":"8001","from":"13800138002"}}"#
        );
        assert_eq!(house.deliver(&body), 200, "{body}");
    };
    for (kind, second) in
        [("call.offered", 10), ("leg.alerting", 11), ("leg.joined", 14), ("call.ended", 55)]
    {
        event(kind, second);
    }
    let samples = sound[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    let alaw: Vec<u8> = samples.map(audio_codec_algorithms::encode_alaw).collect();
    let upload = |name: &str, second: u32, bytes: &[u8]| {
        let path =
            format!("/recordings/default/{name}?call_id=c-1&starts_at=2026-11-23T10:37:{second}Z");
        let (status, answer) = house.ask("PUT", &path, &[], bytes);
        assert_eq!(status, 201);
        serde_json::from_slice::<serde_json::Value>(&answer).expect("JSON")["id"].clone()
    };
    let first = upload("in-13800138002.wav", 15, sound);
    let copy = upload("b.alaw", 15, &alaw);
    // Half of the sound, two seconds after the end of the first.
    let later = upload("c.wav", 27, &sound[..44 + 16_000 * 5]);
    let set = || {
        let (status, answer) = house.ask("GET", "/api/v1/calls/c-1/recordings", &[], b"");
        assert_eq!(status, 200);
        serde_json::from_slice::<serde_json::Value>(&answer).expect("JSON")
    };
    let whole = |set: &serde_json::Value| {
        let rows = set["recordings"].as_array().expect("a list");
        rows.len() == 3 && rows.iter().all(|row| row["length_s"].as_f64() > Some(0.0))
    };
    let set = house::until("three measured recordings", || Some(set()).filter(whole));
    let row = |id: &serde_json::Value| {
        let rows = set["recordings"].as_array().expect("a list");
        rows.iter().find(|row| row["id"] == *id).expect("its row").clone()
    };
    let copies =
        [(&first, &copy), (&copy, &first)].map(|(one, other)| row(one)["copy_of"] == *other);
    assert!(copies[0] != copies[1], "one of the two is the other once more: {set}");
    let (length_s, gap_s) = (row(&first)["length_s"].as_f64(), row(&later)["gap_s"].as_f64());
    let (length_s, gap_s) = (length_s.expect("a length"), gap_s.expect("a gap"));
    assert_eq!(row(&later)["offset_s"], 12.0);
    assert!((gap_s - (12.0 - length_s)).abs() < 0.01 && gap_s > 1.0, "{set}");
    let recorded_s = set["recorded_s"].as_f64().expect("a length");
    assert!((recorded_s - length_s - 5.0).abs() < 0.01, "each sound counts once: {set}");
    assert!(!set.to_string().contains("13800138002"), "a name's number is masked: {set}");
    assert_eq!(house.ask("GET", "/api/v1/calls/none/recordings", &[], b"").0, 404);
}

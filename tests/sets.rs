//! Several files of one call: in order, with their holes, and each sound counted once.

mod desk;

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

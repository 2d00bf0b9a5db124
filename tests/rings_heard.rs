//! Rings in the sound, against recordings whose number of rings is known.

mod ringing;

use ringing::{KINDS, RATE_HZ, case};
use ringledger::call::Ringback;
use ringledger::recording::ringback::{Channel, Ring};

fn rings(samples: &[f32], country: &str) -> Vec<Ring> {
    let tone = Ringback::of(country).expect("a tone");
    let mut channel = Channel::new(&tone, RATE_HZ as u32);
    channel.push(samples);
    channel.rings().0
}

#[test]
fn rings_are_counted_through_noise_speech_and_cuts_and_nothing_else_is_a_ring() {
    let mut wrong = Vec::new();
    for number in 0..KINDS.len() * 12 {
        let case = case(number, 20_260_731);
        let heard = rings(&case.samples, case.country);
        if heard.len() != case.rings {
            wrong.push(format!("{number} {}: {} for {}", case.kind, heard.len(), case.rings));
        }
    }
    assert!(wrong.len() <= 2, "of {}: {wrong:#?}", KINDS.len() * 12);
}

#[test]
fn a_ring_is_where_it_was_played() {
    let case = (0..).map(|number| case(number * KINDS.len(), 7)).find(|case| case.rings == 4);
    let case = case.expect("a case");
    let heard = rings(&case.samples, case.country);
    assert_eq!(heard.len(), 4);
    for pair in heard.windows(2) {
        assert!((pair[1].start_s - pair[0].start_s - 5.0).abs() < 0.03, "{heard:?}");
    }
    assert!(heard.iter().all(|ring| (ring.length_s - 1.0).abs() < 0.04), "{heard:?}");
}

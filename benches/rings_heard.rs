//! How often the count of rings in the sound is wrong: `cargo bench --bench rings_heard [-- CASES
//! [SEED]]`.

#[path = "../tests/ringing/mod.rs"]
mod ringing;

use ringing::{KINDS, RATE_HZ, case};
use ringledger::call::Ringback;
use ringledger::recording::ringback::Channel;
use std::collections::BTreeMap;

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let count = numbers.first().map_or(2000, |count| *count as usize);
    let seed = numbers.get(1).copied().unwrap_or(20_260_731);
    let mut by_kind: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for number in 0..count {
        let case = case(number, seed);
        let tone = Ringback::of(case.country).expect("a tone");
        let mut channel = Channel::new(&tone, RATE_HZ as u32);
        channel.push(&case.samples);
        let (heard, row) = (channel.rings().0, by_kind.entry(case.kind).or_default());
        row[0] += 1;
        row[1] += usize::from(heard.len() != case.rings);
        row[2] += case.rings.saturating_sub(heard.len());
        row[3] += heard.len().saturating_sub(case.rings);
        if heard.len() != case.rings {
            eprintln!(
                "{number} {} {}: {} for {} {heard:?}",
                case.kind,
                case.country,
                heard.len(),
                case.rings
            );
        }
    }
    println!("| kind | cases | wrong count | rings missed | rings too many |");
    println!("|---|---|---|---|---|");
    for kind in KINDS {
        let [cases, wrong, missed, many] = by_kind[kind];
        println!("| {kind} | {cases} | {wrong} | {missed} | {many} |");
    }
    let wrong: usize = by_kind.values().map(|row| row[1]).sum();
    println!("\n{wrong} of {count} counts are wrong: {:.2} %", wrong as f64 * 100.0 / count as f64);
}

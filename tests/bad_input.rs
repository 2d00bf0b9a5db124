//! Whatever comes, an adapter answers: with calls, or with a reason. Samples are cut, swapped and blown up, the same way
//! in every run; `MUTANTS` in the environment says how many of each adapter. `docs/FUZZING.md` tells of the longer way.

mod hostile;

use hostile::{deliveries, fold, samples};
use ringledger::call::{
    Bounds, CallEvent, CallFacts, CallRules, Clock, Direction, EventKind, JoinSight, LegFacts,
    Moment, Tie, Verdict,
};
use ringledger::pbx;
use ringledger::pbx::generic::FieldMap;
use ringledger::site::SiteSettings;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Numbers that only the seed decides (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).expect("53 bits") % end.max(1)
    }
}

/// What breaks readers: wrong types, absurd numbers and times, wrong charsets, depth.
fn poison(dice: &mut Dice) -> Vec<u8> {
    let words: [&[u8]; 26] = [
        b"-",
        b"",
        b"0",
        b"-1",
        b"null",
        b"true",
        b"{}",
        b"[]",
        b"[1]",
        b"1e999",
        b"-9223372036854775808",
        b"9223372036854775807",
        b"99999999999999999999999999999999",
        b"+262142-12-31 23:59:59",
        b"+262142-12-31T23:59:59Z",
        b"0001-01-01T00:00:00Z",
        b"9999-12-31 23:59:60",
        b"Fri, 31 Dec 9999 23:59:60 +2359",
        b"\xff\xfe",
        b"\xc0\x80",
        b"\\u0000",
        b"\\ud800",
        b"&x;",
        b"%",
        b"\n\n",
        b"\x1e",
    ];
    match dice.below(words.len() + 3) {
        0 => b"{\"a\":".repeat(200),
        1 => b"[".repeat(5000),
        2 => b"<a>".repeat(100),
        word => words[word - 3].to_vec(),
    }
}

/// The value of a field somewhere behind a place: between quotes, or from `=` to `&`.
fn value(input: &[u8], from: usize) -> Option<std::ops::Range<usize>> {
    let find = |from: usize, of: &[u8]| {
        let place = input.get(from..)?.iter().position(|byte| of.contains(byte))?;
        Some(from + place)
    };
    let start = find(from, b"\"=>")? + 1;
    let end = find(start, b"\"&<\n")?;
    Some(start..end)
}

fn mutated(sample: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut input = sample.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(input.len());
        let end = (at + 1 + dice.below(40)).min(input.len());
        match dice.below(8) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..end)),
            2 => input.extend_from_within(at..end),
            3 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte = dice.below(256) as u8),
            4 => input
                .iter_mut()
                .skip(at)
                .filter(|byte| byte.is_ascii_digit())
                .take(3)
                .for_each(|byte| *byte = b'9'),
            5 => drop(input.splice(at..at, poison(dice))),
            _ => {
                if let Some(range) = value(&input, at) {
                    drop(input.splice(range, poison(dice)));
                }
            }
        }
    }
    input
}

fn mutants() -> usize {
    std::env::var("MUTANTS").ok().and_then(|count| count.parse().ok()).unwrap_or(100)
}

/// Folds mutants of an adapter's samples; tells the input that broke it.
fn attack(adapter: &str, field_map: Option<&FieldMap>, samples: &[(String, Vec<u8>)]) {
    let pbx = pbx::named(adapter).expect("an adapter");
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for number in 0..mutants() {
        let (name, sample) = &samples[dice.below(samples.len())];
        let input = mutated(sample, &mut dice);
        let answered = catch_unwind(AssertUnwindSafe(|| fold(pbx, field_map, &deliveries(&input))));
        assert!(
            answered.is_ok(),
            "{adapter}, mutant {number} of {name}:\n{}",
            String::from_utf8_lossy(&input)
        );
    }
}

#[test]
fn spoiled_deliveries_of_every_adapter_give_calls_or_a_reason_and_the_same_in_any_order() {
    for pbx in pbx::ALL {
        let samples = samples(pbx.name());
        assert!(!samples.is_empty(), "{}: no samples", pbx.name());
        attack(pbx.name(), None, &samples);
    }
}

#[test]
fn spoiled_deliveries_through_a_field_map_give_calls_or_a_reason() {
    for map in ["config/pbx/tinet.toml", "config/pbx/7moor.toml", "tests/pbx/generic/xml.toml"] {
        let text = std::fs::read_to_string(hostile::root(map)).expect(map);
        attack("generic", Some(&FieldMap::from_toml(&text).expect(map)), &samples("generic"));
    }
}

fn at(ms: usize) -> Bounds {
    let began: Moment = "2026-11-23T02:00:00Z".parse().expect("a moment");
    Bounds::exact(began + chrono::TimeDelta::milliseconds(i64::try_from(ms).expect("a time")))
}

fn event(ms: usize, leg: LegFacts, kind: EventKind) -> CallEvent {
    let (ties, call) = (vec![Tie::Call("one".into())], CallFacts::default());
    CallEvent { at: at(ms), clock: Clock::Pbx, id: None, ties, leg: Some(leg), call, kind }
}

fn leg(id: &str) -> LegFacts {
    LegFacts { id: id.to_owned(), joins: JoinSight::Always, ..LegFacts::default() }
}

fn caller() -> LegFacts {
    LegFacts { originator: true, outside: Some(true), ..leg("caller") }
}

fn phone(id: &str) -> LegFacts {
    LegFacts { extension: Some("8001".into()), outside: Some(false), ..leg(id) }
}

fn folded(events: &[CallEvent]) -> ringledger::call::Call {
    let rules = CallRules::of(&SiteSettings::default());
    ringledger::call::fold(events, &[], &rules, None).expect("a call")
}

#[test]
fn a_call_of_thousands_of_events_and_a_hundred_phones_is_judged_as_a_short_one() {
    let mut events = vec![event(0, caller(), EventKind::Offered)];
    for round in 0..10 {
        for number in 0..100 {
            let (ms, phone) = (1000 + round * 200 + number, phone(&format!("phone {number}")));
            events.push(event(ms, phone.clone(), EventKind::LegCreated));
            events.push(event(ms + 1, phone, EventKind::Alerting));
        }
    }
    for leg in [caller(), phone("phone 99")] {
        events.push(event(9000, leg, EventKind::BridgeEntered { bridge: "room".into() }));
    }
    let call = folded(&events);
    assert_eq!(call.legs.len(), 101);
    assert_eq!(call.verdict, Some(Verdict::Within { ring: Some(2), margin_ms: 15_000 - 7999 }));
}

#[test]
fn a_leg_renamed_a_thousand_times_is_one_leg() {
    let mut events = vec![event(0, caller(), EventKind::Offered)];
    for number in 0..1000 {
        let was = Some(format!("{number:04}"));
        events.push(event(
            1000,
            LegFacts { was, ..phone(&format!("{:04}", number + 1)) },
            EventKind::Alerting,
        ));
    }
    let call = folded(&events);
    let ids: Vec<&str> = call.legs.iter().map(|leg| leg.id.as_str()).collect();
    assert_eq!(ids, ["1000", "caller"]);
}

#[test]
fn the_caller_is_heard_through_a_long_chain_of_bridges() {
    const BRIDGES: usize = 300;
    let mut events = vec![event(0, caller(), EventKind::Offered)];
    events.push(event(1, phone("phone"), EventKind::Alerting));
    // The names run against the way, and the caller comes last.
    let bridge =
        |number: usize| EventKind::BridgeEntered { bridge: format!("{:04}", BRIDGES - number) };
    for number in 0..BRIDGES {
        let helper = LegFacts { internal_helper: true, ..leg(&format!("helper {number}")) };
        events.push(event(2 + number, helper.clone(), bridge(number)));
        events.push(event(2 + number, helper, bridge(number + 1)));
    }
    events.push(event(2000, phone("phone"), bridge(BRIDGES)));
    events.push(event(3000, caller(), bridge(0)));
    let call = folded(&events);
    assert_eq!((call.direction, call.joined), (Direction::Inbound, Some(at(3000))));
}

#[test]
fn a_time_format_that_is_none_is_refused_with_its_key() {
    let map = |format: &str| {
        let fields = "[fields]\ntype = 'event'\nat = 'time'\ncall = 'id'\n";
        FieldMap::from_toml(&format!("{fields}[time]\nformat = '{format}'\n"))
    };
    for wrong in ["epoch", "", "%Q", "rfc3339 |", "seconds since 1970"] {
        assert!(map(wrong).is_err_and(|why| why.contains("time.format")), "{wrong}");
    }
    for right in ["rfc3339", "epoch_s | %Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%.3f"] {
        assert!(map(right).is_ok(), "{right}");
    }
}

//! Which ring an answer fell in: both sides of every edge, in milliseconds, for every cadence.

use chrono::DateTime;
use proptest::prelude::*;
use ringledger::call::rings::{elapsed_ms, ring_number};
use ringledger::call::{
    Bounds, Cadence, CallEvent, CallFacts, CallRules, Clock, EventKind, LegFacts, Moment, Tie,
    Verdict, fold,
};
use ringledger::site::SiteSettings;

fn at(ms: i64) -> Moment {
    DateTime::from_timestamp_millis(1_795_430_000_000 + ms).expect("a moment")
}

fn event(at: Bounds, kind: EventKind) -> CallEvent {
    CallEvent {
        at,
        clock: Clock::Pbx,
        id: None,
        ties: vec![Tie::Call("c".into())],
        leg: Some(LegFacts {
            id: "l".into(),
            extension: Some("8001".into()),
            ..LegFacts::default()
        }),
        call: CallFacts::default(),
        kind,
    }
}

/// The verdict of a call whose phone began to ring at `start` and was answered at `answer`.
fn verdict(start: Bounds, answer: i64, rules: &CallRules) -> Verdict {
    let events =
        [event(start, EventKind::Alerting), event(Bounds::exact(at(answer)), EventKind::Joined)];
    fold(&events, &[], rules, None).expect("a call").verdict.expect("a verdict")
}

fn rules(country: &str) -> CallRules {
    CallRules::of(&SiteSettings { cadence: country.into(), ..SiteSettings::default() })
}

#[test]
fn in_china_14_999_s_is_ring_3_and_15_000_s_is_ring_4() {
    let cn = rules("cn");
    let exact = Bounds::exact(at(0));
    assert_eq!(verdict(exact, 14_999, &cn), Verdict::Within { ring: Some(3), margin_ms: 1 });
    assert_eq!(verdict(exact, 15_000, &cn), Verdict::Late { ring: Some(4), over_ms: 0 });
}

#[test]
fn every_edge_of_every_country_has_two_sides() {
    for country in Cadence::countries() {
        let rules = rules(country);
        let period = rules.cadence.period_ms;
        for ring in 1..=6u32 {
            let edge = i64::from(ring) * period;
            let ring_of = |elapsed| match verdict(Bounds::exact(at(0)), elapsed, &rules) {
                Verdict::Within { ring, .. } | Verdict::Late { ring, .. } => ring,
                other => panic!("{country}: {other:?}"),
            };
            assert_eq!(ring_of(edge - 1), Some(ring), "{country}");
            assert_eq!(ring_of(edge), Some(ring + 1), "{country}");
            let late = |elapsed| {
                matches!(verdict(Bounds::exact(at(0)), elapsed, &rules), Verdict::Late { .. })
            };
            assert_eq!(late(edge), ring >= 3, "{country} ring {ring}");
        }
    }
}

#[test]
fn bounds_on_one_side_of_the_edge_are_certain_and_across_it_are_unknown() {
    let cn = rules("cn");
    let between = |from, to| Bounds { earliest: at(from), latest: at(to) };
    assert_eq!(
        verdict(between(0, 4_000), 14_000, &cn),
        Verdict::Within { ring: Some(3), margin_ms: 1_000 }
    );
    assert_eq!(
        verdict(between(0, 6_000), 14_000, &cn),
        Verdict::Within { ring: None, margin_ms: 1_000 }
    );
    let across = format!("{:?}", verdict(between(0, 2_000), 16_000, &cn));
    assert!(across.contains("BetweenRings { least: 3, greatest: 4 }"), "{across}");
    assert!(matches!(verdict(between(0, 1_000), 17_000, &cn), Verdict::Late { .. }));
}

#[test]
fn a_ring_start_that_nobody_told_is_bounded_by_the_leg() {
    let cn = rules("cn");
    let told = |created: i64, answer: i64| {
        let events = [
            event(Bounds::exact(at(0)), EventKind::Offered),
            event(Bounds::exact(at(created)), EventKind::LegCreated),
            event(Bounds::exact(at(answer)), EventKind::Joined),
        ];
        fold(&events, &[], &cn, None).expect("a call").verdict.expect("a verdict")
    };
    assert!(matches!(told(20_000, 28_000), Verdict::Within { .. }));
    assert!(matches!(told(0, 16_000), Verdict::Unknown { .. }));
}

proptest! {
    #[test]
    fn the_ring_number_never_falls_as_time_grows(
        earlier in 0i64..10_000_000,
        more in 0i64..10_000_000,
        period in 1i64..20_000,
    ) {
        prop_assert!(ring_number(earlier, period) <= ring_number(earlier + more, period));
    }

    #[test]
    fn elapsed_time_is_never_negative_and_its_bounds_stand_in_order(
        a in -100_000i64..100_000, b in 0i64..50_000, c in -100_000i64..100_000, d in 0i64..50_000,
    ) {
        let start = Bounds { earliest: at(a), latest: at(a + b) };
        let end = Bounds { earliest: at(c), latest: at(c + d) };
        let (least, greatest) = elapsed_ms(start, end);
        prop_assert!(0 <= least && least <= greatest);
    }
}

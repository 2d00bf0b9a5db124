//! The fold: whatever the order and however often events are repeated, the call is the same.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use ringledger::call::{
    Bounds, Call, CallEvent, CallFacts, CallRules, Cause, Clock, EventKind, FeedGap, JoinSight,
    LegFacts, Tie, Verdict, fold, gather,
};
use ringledger::site::SiteSettings;

fn rules() -> CallRules {
    CallRules::of(&SiteSettings::default())
}

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_795_430_000_000 + ms).expect("a moment")
}

fn event(ms: i64, leg: &str, kind: EventKind) -> CallEvent {
    let desk = leg.starts_with('8');
    CallEvent {
        at: Bounds::exact(at(ms)),
        clock: Clock::Pbx,
        id: None,
        ties: vec![Tie::Call("c-1".into())],
        leg: Some(LegFacts {
            id: leg.into(),
            extension: desk.then(|| leg.into()),
            outside: Some(!desk),
            originator: leg == "trunk",
            ..LegFacts::default()
        }),
        call: CallFacts::default(),
        kind,
    }
}

fn entered(bridge: &str) -> EventKind {
    EventKind::BridgeEntered { bridge: bridge.into() }
}

fn ended(cause: Option<Cause>) -> EventKind {
    EventKind::Ended { cause }
}

/// Two phones ring, one is answered through a bridge, everybody hangs up.
fn answered() -> Vec<CallEvent> {
    vec![
        event(0, "trunk", EventKind::Offered),
        event(10, "8001", EventKind::LegCreated),
        event(12, "8002", EventKind::LegCreated),
        event(1_000, "8001", EventKind::Alerting),
        event(1_200, "8002", EventKind::Alerting),
        event(8_000, "8002", EventKind::PickedUp),
        event(8_010, "8002", entered("b")),
        event(8_020, "trunk", entered("b")),
        event(8_030, "8001", EventKind::LegEnded { cause: None }),
        event(60_000, "8002", EventKind::LegEnded { cause: None }),
        event(60_010, "trunk", ended(None)),
    ]
}

fn folded(events: &[CallEvent]) -> Call {
    fold(events, &[], &rules(), None).expect("a call")
}

proptest! {
    #[test]
    fn any_order_and_repetition_gives_the_same_call(
        order in Just((0..11).collect::<Vec<usize>>()).prop_shuffle(),
        again in proptest::collection::vec(0usize..11, 0..12),
    ) {
        let events = answered();
        let shuffled: Vec<CallEvent> =
            order.iter().chain(&again).map(|index| events[*index].clone()).collect();
        prop_assert_eq!(folded(&shuffled), folded(&events));
    }

    #[test]
    fn any_subset_in_any_order_gives_one_call(
        chosen in proptest::sample::subsequence((0..11).collect::<Vec<usize>>(), 1..11),
    ) {
        let events = answered();
        let some: Vec<CallEvent> = chosen.iter().map(|index| events[*index].clone()).collect();
        let mut reversed = some.clone();
        reversed.reverse();
        prop_assert_eq!(folded(&some), folded(&reversed));
    }

    #[test]
    fn gathering_does_not_depend_on_order(
        ties in proptest::collection::vec((0u8..6, 0u8..6), 1..20),
    ) {
        let events: Vec<CallEvent> = ties
            .iter()
            .enumerate()
            .map(|(n, (one, other))| CallEvent {
                ties: vec![Tie::Leg(one.to_string()), Tie::Leg(other.to_string())],
                ..event(n as i64, "8001", EventKind::Alerting)
            })
            .collect();
        let sizes = |events: Vec<CallEvent>| {
            let mut sizes: Vec<usize> = gather(events).iter().map(Vec::len).collect();
            sizes.sort_unstable();
            sizes
        };
        let mut reversed = events.clone();
        reversed.reverse();
        prop_assert_eq!(sizes(events), sizes(reversed));
    }
}

#[test]
fn the_pick_up_is_judged_and_the_join_kept_beside_it() {
    let call = folded(&answered());
    assert_eq!(call.alerting, Some(Bounds::exact(at(1_000))));
    assert_eq!(call.answered, Some(Bounds::exact(at(8_000))));
    assert_eq!(call.joined, Some(Bounds::exact(at(8_020))));
    assert_eq!(call.answered_by.as_deref(), Some("8002"));
    assert_eq!(call.verdict, Some(Verdict::Within { ring: Some(2), margin_ms: 8_000 }));
}

#[test]
fn a_pick_up_without_a_join_is_no_answer() {
    let mut events: Vec<CallEvent> = answered();
    events.retain(|event| !matches!(event.kind, EventKind::BridgeEntered { .. }));
    let call = folded(&events);
    assert!(!call.is_answered());
    assert!(matches!(call.verdict, Some(Verdict::Unknown { .. })), "{:?}", call.verdict);
}

#[test]
fn where_every_join_is_told_a_pick_up_without_one_met_a_caller_who_was_gone() {
    let mut events = answered();
    events.retain(|event| !matches!(event.kind, EventKind::BridgeEntered { .. }));
    for event in &mut events {
        if let Some(leg) = &mut event.leg {
            leg.joins = JoinSight::Always;
        }
    }
    let call = folded(&events);
    assert!(matches!(call.verdict, Some(Verdict::Abandoned { .. })), "{:?}", call.verdict);
}

#[test]
fn two_calls_joined_by_a_bridge_are_one_and_the_older_names_it() {
    let mut events = answered();
    for event in
        events.iter_mut().filter(|event| event.leg.as_ref().is_some_and(|l| l.id == "8002"))
    {
        event.ties = vec![Tie::Call("c-2".into())];
    }
    for event in &mut events {
        if let EventKind::BridgeEntered { bridge } = &event.kind {
            event.ties.push(Tie::Bridge(bridge.clone()));
        }
    }
    let groups = gather(events);
    assert_eq!(groups.len(), 1);
    let call = folded(&groups[0]);
    assert_eq!((call.call_id.as_str(), call.other_ids), ("c-1", vec!["c-2".to_owned()]));
}

#[test]
fn a_call_alive_when_its_feed_is_lost_is_closed_by_rule_and_not_judged() {
    let events: Vec<CallEvent> = answered().into_iter().take(5).collect();
    let gap = FeedGap { from: at(5_000), to: Some(at(90_000)), restarted: false };
    let call = fold(&events, &[gap], &rules(), None).expect("a call");
    assert!(call.ended_inferred);
    assert_eq!(call.ended_at, Some(at(5_000)));
    assert!(matches!(call.verdict, Some(Verdict::Unknown { .. })), "{:?}", call.verdict);
}

#[test]
fn a_restart_of_the_phone_system_ends_what_it_was_ringing() {
    let events: Vec<CallEvent> = answered().into_iter().take(5).collect();
    let gap = FeedGap { from: at(5_000), to: Some(at(9_000)), restarted: true };
    let call = fold(&events, &[gap], &rules(), None).expect("a call");
    assert_eq!((call.verdict, call.cause), (Some(Verdict::Unanswered), Some(Cause::Failed)));
}

#[test]
fn an_answer_before_the_feed_was_lost_keeps_its_verdict() {
    let events: Vec<CallEvent> = answered().into_iter().take(8).collect();
    let gap = FeedGap { from: at(20_000), to: None, restarted: false };
    let call = fold(&events, &[gap], &rules(), None).expect("a call");
    assert!(call.ended_inferred);
    assert!(matches!(call.verdict, Some(Verdict::Within { .. })), "{:?}", call.verdict);
}

#[test]
fn a_silent_call_is_closed_at_the_limit_and_not_before() {
    let events: Vec<CallEvent> = answered().into_iter().take(5).collect();
    let limit = TimeDelta::seconds(rules().silence_limit_s);
    let last = at(1_200);
    let just_before = last + limit - TimeDelta::milliseconds(1);
    assert_eq!(fold(&events, &[], &rules(), Some(just_before)).expect("a call").ended_at, None);
    let call = fold(&events, &[], &rules(), Some(last + limit)).expect("a call");
    assert!(call.ended_inferred);
    assert_eq!(call.ended_at, Some(last));
}

#[test]
fn somebody_else_took_it_and_the_desk_never_did() {
    let mut events = answered();
    for leg in events.iter_mut().filter_map(|event| event.leg.as_mut()) {
        if leg.id == "8002" {
            leg.extension = Some("9103".into());
        }
    }
    let call = folded(&events);
    let reason = format!("{:?}", call.verdict);
    assert!(reason.contains("TakenElsewhere"), "{reason}");
}

#[test]
fn a_caller_who_leaves_the_menu_is_not_the_desks_and_one_who_leaves_the_queue_is() {
    let menu = [event(0, "trunk", EventKind::Offered), event(9_000, "trunk", ended(None))];
    let reason = format!("{:?}", folded(&menu).verdict);
    assert!(reason.contains("LeftBeforeDesk"), "{reason}");
    let mut queue = menu.to_vec();
    queue.push(event(2_000, "trunk", EventKind::Queued));
    assert_eq!(folded(&queue).verdict, Some(Verdict::Abandoned { ring: None }));
}

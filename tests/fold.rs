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

fn gap(from: i64, to: i64) -> FeedGap {
    FeedGap { from: at(from), to: Some(at(to)), restarted: false }
}

fn unknown_for(call: &Call, reason: &str) {
    let verdict = format!("{:?}", call.verdict);
    assert!(verdict.contains("Unknown") && verdict.contains(reason), "{verdict}");
}

/// Rings from one second on, answered at `answer_ms`, through a bridge.
fn answered_at(answer_ms: i64) -> Vec<CallEvent> {
    vec![
        event(0, "trunk", EventKind::Offered),
        event(1_000, "8001", EventKind::Alerting),
        event(answer_ms, "8001", EventKind::PickedUp),
        event(answer_ms + 10, "8001", entered("b")),
        event(answer_ms + 11, "trunk", entered("b")),
    ]
}

#[test]
fn a_call_that_is_heard_of_after_the_feed_was_back_is_still_alive() {
    let call = fold(&answered_at(20_000), &[gap(5_000, 6_000)], &rules(), None).expect("a call");
    assert_eq!((call.ended_at, call.ended_inferred), (None, false));
}

#[test]
fn an_answer_that_may_have_been_lost_leaves_no_late_verdict() {
    let over_the_limit = answered_at(20_000);
    let call = fold(&over_the_limit, &[gap(5_000, 6_000)], &rules(), None).expect("a call");
    unknown_for(&call, "FeedLost");
    // The limit had passed when the feed was lost: an answer in the gap was late as well.
    let call = fold(&over_the_limit, &[gap(17_000, 18_000)], &rules(), None).expect("a call");
    assert!(matches!(call.verdict, Some(Verdict::Late { ring: Some(4), .. })), "{call:?}");
    // Within the limit even at its end: an answer in the gap was within as well.
    let call = fold(&answered_at(9_000), &[gap(5_000, 6_000)], &rules(), None).expect("a call");
    assert_eq!(call.verdict, Some(Verdict::Within { ring: None, margin_ms: 7_000 }));
}

#[test]
fn ringing_that_may_have_begun_in_the_gap_leaves_no_early_ring() {
    let mut events = answered_at(18_000);
    events[1] = event(16_000, "8001", EventKind::Alerting);
    assert!(matches!(folded(&events).verdict, Some(Verdict::Within { ring: Some(1), .. })));
    let call = fold(&events, &[gap(500, 15_500)], &rules(), None).expect("a call");
    unknown_for(&call, "FeedLost");
}

#[test]
fn a_call_whose_offer_was_lost_may_have_begun_in_the_gap() {
    let mut events = answered_at(3_000);
    events.remove(0);
    for leg in events.iter_mut().filter_map(|event| event.leg.as_mut()) {
        leg.joins = JoinSight::Always;
    }
    assert!(matches!(folded(&events).verdict, Some(Verdict::Within { .. })));
    let call = fold(&events, &[gap(-60_000, 900)], &rules(), None).expect("a call");
    unknown_for(&call, "FeedLost");
    let long_before = gap(-90_000_000, -80_000_000);
    let call = fold(&events, &[long_before], &rules(), None).expect("a call");
    assert!(matches!(call.verdict, Some(Verdict::Within { .. })), "{:?}", call.verdict);
}

/// An event known only to lie between two times.
fn between(from: i64, to: i64, leg: &str, kind: EventKind) -> CallEvent {
    CallEvent { at: Bounds { earliest: at(from), latest: at(to) }, ..event(from, leg, kind) }
}

#[test]
fn an_exact_time_beats_bounds_for_ringing_pick_up_and_join_alike() {
    let call = folded(&[
        between(0, 999, "8001", EventKind::Alerting),
        event(500, "8001", EventKind::Alerting),
        between(14_000, 14_999, "8001", EventKind::PickedUp),
        event(14_500, "8001", EventKind::PickedUp),
        between(15_000, 15_999, "8001", EventKind::Joined),
        event(15_600, "8001", EventKind::Joined),
    ]);
    assert_eq!(call.alerting, Some(Bounds::exact(at(500))));
    assert_eq!(call.answered, Some(Bounds::exact(at(14_500))));
    assert_eq!(call.joined, Some(Bounds::exact(at(15_600))));
}

#[test]
fn a_pick_up_in_whole_seconds_is_cut_by_the_join_and_not_replaced_by_it() {
    let call = folded(&[
        event(500, "8001", EventKind::Alerting),
        between(15_000, 15_999, "8001", EventKind::PickedUp),
        event(15_600, "8001", EventKind::Joined),
    ]);
    assert_eq!(call.answered, Some(Bounds { earliest: at(15_000), latest: at(15_600) }));
    unknown_for(&call, "BetweenRings { least: 3, greatest: 4 }");
}

#[test]
fn ringing_in_bounds_cannot_begin_before_its_leg() {
    let coarse = between(0, 2_000, "8001", EventKind::Alerting);
    let joined = event(16_000, "8001", EventKind::Joined);
    unknown_for(&folded(&[coarse.clone(), joined.clone()]), "BetweenRings");
    let created = event(1_500, "8001", EventKind::LegCreated);
    let call = folded(&[coarse.clone(), created, joined.clone()]);
    assert_eq!(call.verdict, Some(Verdict::Within { ring: Some(3), margin_ms: 500 }));
    let too_late = event(2_001, "8001", EventKind::LegCreated);
    let call = folded(&[coarse, too_late, joined]);
    assert!(call.contradiction);
    unknown_for(&call, "Contradiction");
}

#[test]
fn bounds_of_one_ringing_from_two_deliveries_are_intersected_or_contradict() {
    let joined = event(16_500, "8001", EventKind::Joined);
    let first = between(0, 3_000, "8001", EventKind::Alerting);
    let second = between(2_000, 5_000, "8001", EventKind::Alerting);
    let call = folded(&[first.clone(), second, joined.clone()]);
    assert_eq!(call.alerting, Some(Bounds { earliest: at(2_000), latest: at(3_000) }));
    assert_eq!(call.verdict, Some(Verdict::Within { ring: Some(3), margin_ms: 500 }));
    let other = between(3_001, 5_000, "8001", EventKind::Alerting);
    unknown_for(&folded(&[first, other, joined]), "Contradiction");
}

#[test]
fn a_leg_that_straddles_the_limit_names_both_rings() {
    let call = folded(&[
        event(0, "trunk", EventKind::Offered),
        event(100, "8001", EventKind::LegCreated),
        event(16_000, "8001", EventKind::Joined),
    ]);
    unknown_for(&call, "BetweenRings { least: 1, greatest: 4 }");
}

#[test]
fn a_busy_phone_that_is_not_the_desks_is_not_the_desks_miss() {
    let busy = Some(Cause::Busy);
    let tried = |phone: &str| {
        let mut events = vec![
            event(0, "trunk", EventKind::Offered),
            event(100, "8001", EventKind::LegCreated),
            event(200, "8001", EventKind::LegEnded { cause: busy }),
            event(210, "trunk", ended(busy)),
        ];
        for leg in events.iter_mut().filter_map(|event| event.leg.as_mut()) {
            leg.extension = leg.extension.as_ref().map(|_| phone.to_owned());
        }
        folded(&events)
    };
    let desk = tried("8001");
    assert_eq!((desk.verdict, desk.reached_desk), (Some(Verdict::Unanswered), true));
    let other = tried("103");
    assert!(!other.reached_desk);
    unknown_for(&other, "LeftBeforeDesk");
}

#[test]
fn a_phone_behind_legs_of_the_phone_system_with_itself_is_heard_through_them() {
    let mut events = vec![
        event(0, "trunk", EventKind::Offered),
        event(900, "8001", EventKind::Alerting),
        event(7_000, "8001", EventKind::PickedUp),
        event(7_010, "8001", entered("inner")),
        event(7_011, "half", entered("inner")),
        event(7_020, "half", entered("outer")),
        event(7_021, "trunk", entered("outer")),
    ];
    for leg in events.iter_mut().filter_map(|event| event.leg.as_mut()) {
        leg.internal_helper = leg.id == "half";
    }
    let call = folded(&events);
    assert_eq!(call.joined, Some(Bounds::exact(at(7_021))));
    assert_eq!(call.answered_by.as_deref(), Some("8001"));
}

#[test]
fn who_left_the_bridge_before_the_caller_came_was_never_heard() {
    let left = EventKind::BridgeLeft { bridge: "b".into() };
    let call = folded(&[
        event(0, "trunk", EventKind::Offered),
        event(1_000, "8001", EventKind::Alerting),
        event(2_000, "8001", EventKind::PickedUp),
        event(2_010, "8001", entered("b")),
        event(2_020, "8001", left),
        event(2_030, "trunk", entered("b")),
        event(2_040, "trunk", ended(None)),
    ]);
    assert!(!call.is_answered());
}

#[test]
fn only_the_answering_phone_is_timed_where_the_site_says_so() {
    let phone = CallRules { timed: ringledger::call::fold::Timed::Phone, ..rules() };
    let call = fold(&answered(), &[], &phone, None).expect("a call");
    assert_eq!(call.verdict, Some(Verdict::Within { ring: Some(2), margin_ms: 8_200 }));
}

/// Any event that might ever be told, about few legs at few moments, so that much coincides.
fn any_event() -> impl Strategy<Value = CallEvent> {
    let leg = prop_oneof![Just("trunk"), Just("8001"), Just("8002"), Just("103"), Just("half")];
    let kind = prop_oneof![
        Just(EventKind::Offered),
        Just(EventKind::LegCreated),
        Just(EventKind::Alerting),
        Just(EventKind::PickedUp),
        Just(EventKind::Joined),
        prop_oneof![Just("a"), Just("b")].prop_map(entered),
        Just(EventKind::BridgeLeft { bridge: "a".into() }),
        Just(EventKind::LegEnded { cause: Some(Cause::NoAnswer) }),
        Just(EventKind::LegEnded { cause: Some(Cause::Busy) }),
        Just(ended(None)),
        Just(ended(Some(Cause::Abandoned))),
        Just(EventKind::Queued),
        Just(EventKind::TalkReported { talk_ms: 900 }),
        Just(EventKind::Answered),
        Just(EventKind::Reached),
        (
            any::<bool>(),
            prop_oneof![Just(Cause::Busy), Just(Cause::Abandoned), Just(Cause::Message)]
        )
            .prop_map(|(outweighs, cause)| EventKind::Unanswered { cause, outweighs }),
        prop_oneof![Just("x.wav"), Just("y.wav")].prop_map(|name| {
            EventKind::RecordingAnnounced { reference: name.into(), starts_at: None }
        }),
    ];
    let sight = prop_oneof![
        Just(JoinSight::Unsaid),
        Just(JoinSight::Never),
        Just(JoinSight::Always),
        Just(JoinSight::Sound),
    ];
    let clock = prop_oneof![Just(Clock::Pbx), Just(Clock::Receiver), Just(Clock::Record)];
    let parent = prop_oneof![Just(None), Just(Some("trunk")), Just(Some("nobody"))];
    let leg = (leg, sight, parent, any::<Option<bool>>());
    (leg, kind, 0i64..12, 0i64..3, clock, 1u8..4).prop_map(
        |((leg, joins, parent, dialled), kind, from, width, clock, call)| {
            let mut event = between(from * 2_500, (from + width) * 2_500, leg, kind);
            event.clock = clock;
            event.ties = vec![Tie::Call(format!("c-{call}"))];
            if let Some(facts) = &mut event.leg {
                facts.joins = joins;
                facts.internal_helper = leg == "half";
                facts.parent = parent.filter(|parent| *parent != leg).map(str::to_owned);
                facts.dialled = dialled;
            }
            event
        },
    )
}

proptest! {
    #[test]
    fn any_story_at_all_is_one_call_in_any_order_and_with_any_repetition(
        (events, shuffled) in proptest::collection::vec(any_event(), 1..24)
            .prop_flat_map(|events| {
                let twice: Vec<CallEvent> =
                    events.iter().chain(events.iter().step_by(2)).cloned().collect();
                (Just(events), Just(twice).prop_shuffle())
            }),
        gaps in proptest::collection::vec((-9i64..12, 0i64..4, any::<bool>()), 0..3),
        as_of in prop_oneof![Just(None), Just(Some(100_000_000i64))],
    ) {
        let gaps: Vec<FeedGap> = gaps
            .into_iter()
            .map(|(from, more, restarted)| FeedGap {
                from: at(from * 2_500 + 1),
                to: (more > 0).then(|| at((from + more) * 2_500)),
                restarted,
            })
            .collect();
        let fold = |events: &[CallEvent]| fold(events, &gaps, &rules(), as_of.map(at));
        let call = fold(&events);
        prop_assert_eq!(&fold(&shuffled), &call);
        let call = call.expect("a call");
        if let (Some(answered), Some(joined)) = (call.answered, call.joined) {
            prop_assert!(answered.earliest <= joined.latest);
            prop_assert!(answered.latest <= joined.latest);
        }
        if call.ended_at.is_some() {
            prop_assert!(call.verdict.is_some(), "a call that is over has a verdict");
        }
    }
}

/// A leg of a phone system that tells for whom each leg was dialled, and when sound flows.
fn told(ms: i64, leg: &str, dialled_for: Option<&str>, kind: EventKind) -> CallEvent {
    let mut event = event(ms, leg, kind);
    if let Some(facts) = &mut event.leg {
        facts.originator = dialled_for.is_none();
        facts.parent = dialled_for.map(str::to_owned);
        facts.dialled = Some(dialled_for.is_some());
        facts.joins = JoinSight::Sound;
        facts.outside = None;
    }
    event.ties = vec![Tie::Call(dialled_for.unwrap_or(leg).to_owned()), Tie::Leg(leg.to_owned())];
    event
}

#[test]
fn early_media_joins_nobody_until_the_phone_is_picked_up() {
    let rang = vec![
        told(0, "trunk", None, EventKind::Offered),
        told(1_000, "8001", Some("trunk"), EventKind::Alerting),
        told(2_000, "8001", Some("trunk"), EventKind::Joined),
        told(20_000, "trunk", None, EventKind::LegEnded { cause: Some(Cause::Abandoned) }),
        told(20_000, "trunk", None, ended(None)),
    ];
    assert_eq!(folded(&rang).verdict, Some(Verdict::Abandoned { ring: Some(4) }));
    let mut answered = rang;
    answered.push(told(9_000, "8001", Some("trunk"), EventKind::PickedUp));
    let call = folded(&answered);
    assert_eq!(call.answered, Some(Bounds::exact(at(9_000))));
    assert_eq!(call.joined, Some(Bounds::exact(at(9_000))));
}

#[test]
fn a_leg_that_never_spoke_is_answered_as_the_callers_leg_says() {
    let mut reached = told(12_000, "8001", Some("trunk"), EventKind::Reached);
    let mut events =
        vec![told(0, "trunk", None, EventKind::Offered), told(60_000, "trunk", None, ended(None))];
    events.push(reached.clone());
    let call = folded(&events);
    assert_eq!((call.answered_by.as_deref(), call.alerting), (Some("8001"), None));
    assert!(matches!(call.verdict, Some(Verdict::Within { ring: None, .. })));
    // Whose phone it was must be known.
    if let Some(facts) = &mut reached.leg {
        facts.extension = None;
    }
    events[2] = reached;
    assert!(matches!(folded(&events).verdict, Some(Verdict::Unknown { .. })));
}

#[test]
fn a_call_of_which_only_the_dialled_leg_came_is_named_after_the_leg_it_was_dialled_for() {
    let events = vec![
        told(1_000, "8001", Some("never told"), EventKind::Alerting),
        told(3_000, "8001", Some("never told"), EventKind::PickedUp),
        told(3_010, "8001", Some("never told"), EventKind::Joined),
    ];
    let call = folded(&events);
    assert_eq!((call.call_id.as_str(), call.ended_at), ("never told", None));
    assert!(matches!(call.verdict, Some(Verdict::Within { ring: Some(1), .. })));
}

#[test]
fn a_record_gives_way_to_what_was_told_live() {
    let by = |clock, mut event: CallEvent| {
        event.clock = clock;
        event
    };
    let record = vec![
        by(Clock::Record, event(-2_000, "trunk", EventKind::Offered)),
        by(Clock::Record, event(40_000, "trunk", ended(None))),
        by(Clock::Receiver, event(43_000, "trunk", ended(None))),
    ];
    assert_eq!(folded(&record).ended_at, Some(at(40_000)));
    let mut live = record;
    live.push(by(Clock::Receiver, event(100, "8001", EventKind::Alerting)));
    live.push(by(Clock::Receiver, event(15_100, "8001", EventKind::Joined)));
    let call = folded(&live);
    assert_eq!((call.precision, call.ended_at), (Clock::Receiver, Some(at(43_000))));
    assert_eq!(call.verdict, Some(Verdict::Late { ring: Some(4), over_ms: 0 }));
}

#[test]
fn an_answer_at_a_time_nobody_told_owes_a_recording_and_has_no_verdict() {
    let events = vec![
        event(0, "trunk", EventKind::Offered),
        event(5_000, "8001", EventKind::Answered),
        event(60_000, "trunk", ended(None)),
    ];
    let call = folded(&events);
    assert!(call.is_answered() && call.answered.is_none() && call.cause.is_none());
    assert!(matches!(call.verdict, Some(Verdict::Unknown { .. })));
}

//! Surprises that a real phone system was caught at, each with the shortest story that shows it.

use ringledger::call::{Call, CallRules, Cause, Direction, Verdict};
use ringledger::flow::fold_files::{Reader, fold_all};
use ringledger::pbx::{self, Delivery, Dialect, Secret};
use ringledger::site::SiteSettings;
use serde_json::{Value, json};

/// Folds events as the phone system's relay would deliver them.
fn fold(events: &[Value]) -> Vec<Call> {
    let desk_extensions = ["101", "102", "105"].map(str::to_owned).to_vec();
    let settings = SiteSettings { desk_extensions, ..SiteSettings::default() };
    let reader = Reader {
        pbx: pbx::named("asterisk").expect("the adapter"),
        secret: Secret::default(),
        dialect: Dialect { zone: chrono_tz::Asia::Shanghai, field_map: None },
        rules: CallRules::of(&settings),
    };
    let delivery = |event: &Value| Delivery {
        received_at: "2026-11-23T10:00:00Z".parse().expect("a moment"),
        method: "POST".into(),
        target: "/hook/front".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: event.to_string().into(),
    };
    fold_all(&reader, events.iter().map(delivery)).calls
}

fn only(events: &[Value]) -> Call {
    let mut calls = fold(events);
    assert_eq!(calls.len(), 1, "{calls:#?}");
    calls.remove(0)
}

/// An event of a channel: `trunk` is the caller's, digits are phones.
fn ami(ms: i64, name: &str, channel: &str, more: Value) -> Value {
    let id =
        |channel: &str| if channel == "trunk" { "1.0".to_owned() } else { format!("1.{channel}") };
    let mut event = json!({
        "Event": name,
        "Timestamp": format!("{}.{:03}000", 1_795_430_000 + ms / 1000, ms % 1000),
        "Channel": format!("PJSIP/{channel}-00000001"),
        "Uniqueid": id(channel),
        "Linkedid": "1.0",
    });
    let fields = event.as_object_mut().expect("an object");
    for (key, value) in more.as_object().expect("an object") {
        fields.insert(key.clone(), value.clone());
    }
    event
}

fn offered() -> Value {
    ami(0, "Newchannel", "trunk", json!({"CallerIDNum": "13800138001", "Exten": "8001"}))
}
fn state(ms: i64, phone: &str, state: &str) -> Value {
    ami(ms, "Newstate", phone, json!({ "ChannelStateDesc": state }))
}
fn dialled(ms: i64, phone: &str, name: &str, status: &str) -> Value {
    let more = json!({
        "DestChannel": format!("PJSIP/{phone}-00000001"),
        "DestUniqueid": format!("1.{phone}"),
        "DestLinkedid": "1.0",
        "DialStatus": status,
    });
    ami(ms, name, "trunk", more)
}
fn entered(ms: i64, channel: &str, bridge: &str) -> Value {
    ami(ms, "BridgeEnter", channel, json!({ "BridgeUniqueid": bridge }))
}
fn left(ms: i64, channel: &str, bridge: &str) -> Value {
    ami(ms, "BridgeLeave", channel, json!({ "BridgeUniqueid": bridge }))
}
fn hangup(ms: i64, channel: &str, cause: &str) -> Value {
    ami(ms, "Hangup", channel, json!({ "Cause": cause }))
}

/// A plain call: rings at `ring`, picked up, joined, ended ten seconds later.
fn plain(ring: i64, pick_up: i64, join: i64) -> Vec<Value> {
    vec![
        offered(),
        ami(ring - 60, "Newchannel", "101", json!({})),
        state(ring, "101", "Ringing"),
        state(pick_up, "101", "Up"),
        entered(join, "101", "b"),
        entered(join + 1, "trunk", "b"),
        hangup(join + 10_000, "101", "16"),
        hangup(join + 10_005, "trunk", "16"),
    ]
}

#[test]
fn the_leg_is_made_before_its_phone_rings_and_only_the_ringing_counts() {
    let call = only(&plain(2_000, 16_500, 16_510));
    assert_eq!(call.verdict, Some(Verdict::Within { ring: Some(3), margin_ms: 500 }));
}

#[test]
fn with_early_media_there_is_no_ringing_and_progress_stands_for_it() {
    let mut events = plain(70, 8_000, 8_010);
    events[2] = dialled(70, "101", "DialState", "PROGRESS");
    assert_eq!(only(&events).verdict, Some(Verdict::Within { ring: Some(2), margin_ms: 7_070 }));
}

#[test]
fn the_callers_own_channel_being_up_is_no_answer() {
    let events = [offered(), state(5, "trunk", "Up"), hangup(9_000, "trunk", "16")];
    let call = only(&events);
    assert!(!call.is_answered());
}

#[test]
fn a_menu_answers_first_and_the_person_fourteen_seconds_later() {
    let mut events = plain(7_000, 14_000, 14_010);
    events.insert(1, state(5, "trunk", "Up"));
    let call = only(&events);
    assert_eq!(call.answered_by.as_deref(), Some("101"));
    assert_eq!(call.verdict, Some(Verdict::Within { ring: Some(2), margin_ms: 8_000 }));
}

#[test]
fn picked_up_on_ring_three_and_joined_on_ring_four_is_within() {
    let call = only(&plain(70, 14_000, 16_500));
    assert!(matches!(call.verdict, Some(Verdict::Within { ring: Some(3), .. })), "{call:#?}");
    let (answered, joined) = (call.answered.expect("answered"), call.joined.expect("joined"));
    assert!((joined.earliest - answered.earliest).num_milliseconds() > 1_000);
}

#[test]
fn the_caller_is_gone_in_the_instant_of_the_pick_up() {
    let events = [
        offered(),
        state(70, "101", "Ringing"),
        state(4_000, "101", "Up"),
        dialled(4_000, "101", "DialEnd", "NOANSWER"),
        dialled(4_002, "101", "DialEnd", "ANSWER"),
        hangup(4_003, "101", "16"),
        hangup(4_016, "trunk", "16"),
    ];
    assert_eq!(only(&events).verdict, Some(Verdict::Abandoned { ring: Some(1) }));
}

#[test]
fn a_queue_that_misses_an_attempt_says_no_answer_and_then_cancel() {
    let events = [
        offered(),
        ami(1, "QueueCallerJoin", "trunk", json!({})),
        state(60, "101", "Ringing"),
        dialled(8_000, "101", "DialEnd", "NOANSWER"),
        dialled(8_000, "101", "DialEnd", "CANCEL"),
        hangup(8_001, "101", "0"),
        state(11_000, "102", "Ringing"),
        state(14_000, "102", "Up"),
        entered(14_001, "102", "b"),
        entered(14_002, "trunk", "b"),
        hangup(20_000, "trunk", "16"),
    ];
    let call = only(&events);
    assert_eq!(call.answered_by.as_deref(), Some("102"));
    assert_eq!(call.verdict, Some(Verdict::Within { ring: Some(3), margin_ms: 1_060 }));
}

#[test]
fn a_busy_colleagues_cause_clears_the_phone_that_still_rang_when_the_caller_went() {
    let events = [
        offered(),
        state(60, "101", "Ringing"),
        dialled(70, "102", "DialEnd", "BUSY"),
        hangup(71, "102", "17"),
        dialled(6_060, "101", "DialEnd", "CANCEL"),
        hangup(6_061, "101", "17"),
        hangup(6_065, "trunk", "17"),
    ];
    assert_eq!(only(&events).verdict, Some(Verdict::Abandoned { ring: Some(2) }));
}

#[test]
fn a_decline_is_told_as_no_answer_and_only_its_cause_shows_it() {
    let events = [
        offered(),
        state(60, "101", "Ringing"),
        dialled(3_000, "101", "DialEnd", "NOANSWER"),
        hangup(3_001, "101", "21"),
        hangup(3_010, "trunk", "21"),
    ];
    let call = only(&events);
    assert_eq!((call.cause, call.verdict), (Some(Cause::Declined), Some(Verdict::Unanswered)));
}

#[test]
fn a_phone_that_is_not_registered_has_no_leg_and_owes_an_entry() {
    let call = only(&[offered(), hangup(10, "trunk", "3")]);
    assert_eq!((call.cause, call.verdict), (Some(Cause::NoPhone), Some(Verdict::Unanswered)));
    assert!(call.reached_desk);
}

#[test]
fn a_phone_that_takes_a_call_ringing_elsewhere_has_an_id_of_its_own() {
    let own = |event: Value| {
        let mut event = event;
        event["Linkedid"] = "1.102".into();
        event
    };
    let events = [
        offered(),
        state(70, "101", "Ringing"),
        own(ami(6_500, "Newchannel", "102", json!({"CallerIDNum": "102", "Exten": "*8"}))),
        own(state(6_501, "102", "Up")),
        own(entered(6_510, "102", "b")),
        entered(6_511, "trunk", "b"),
        hangup(12_000, "102", "16"),
        hangup(12_010, "trunk", "16"),
    ];
    let call = only(&events);
    assert_eq!(
        (call.call_id.as_str(), call.other_ids.as_slice()),
        ("1.0", &["1.102".to_owned()][..])
    );
    assert_eq!(call.answered_by.as_deref(), Some("102"));
    assert!(matches!(call.verdict, Some(Verdict::Within { ring: Some(2), .. })));
}

#[test]
fn a_consultation_becomes_part_of_the_call_it_is_transferred_into() {
    let mut events = plain(70, 2_000, 2_010);
    events.truncate(6);
    let consult = |mut event: Value| {
        event["Linkedid"] = "2.0".into();
        event
    };
    let mut second = ami(6_000, "Newchannel", "101", json!({"Exten": "103"}));
    second["Uniqueid"] = "2.0".into();
    events.extend([
        consult(second),
        consult(state(6_100, "103", "Ringing")),
        consult(state(8_000, "103", "Up")),
        consult(entered(8_001, "103", "c")),
        left(12_000, "trunk", "b"),
        entered(12_001, "trunk", "c"),
        hangup(17_000, "103", "16"),
        hangup(17_010, "trunk", "16"),
    ]);
    let call = only(&events);
    assert_eq!(call.call_id, "1.0");
    assert!(matches!(call.verdict, Some(Verdict::Within { ring: Some(1), .. })));
    assert_eq!(call.ended_at.map(|at| at.timestamp_millis() % 100_000), Some(17_010));
    assert!(call.transferred);
}

#[test]
fn a_restart_disconnects_and_tells_nothing_of_the_calls_that_died() {
    let at = |seconds: i64| format!("2026-11-23T10:33:{:02}Z", 20 + seconds);
    let boot = json!({"Event": "FullyBooted", "Timestamp": "1795430008.706", "Uptime": "0"});
    let events = [
        offered(),
        state(60, "101", "Ringing"),
        json!({"_connection": "down", "at": at(8)}),
        json!({"_connection": "up", "at": at(8)}),
        boot,
    ];
    let call = only(&events);
    assert!(call.ended_inferred);
    assert_eq!(call.verdict, Some(Verdict::Unanswered));
}

#[test]
fn an_outbound_call_is_nobodys_three_rings() {
    let mut first =
        ami(0, "Newchannel", "101", json!({"CallerIDNum": "101", "Exten": "913800138012"}));
    first["Uniqueid"] = "1.0".into();
    let mut line = ami(5, "Newchannel", "trunk", json!({}));
    line["Uniqueid"] = "1.5".into();
    let call = only(&[first, line, hangup(9_000, "101", "16")]);
    assert_eq!(call.direction, Direction::Outbound);
    assert_eq!(call.verdict, Some(Verdict::NotApplicable));
    assert_eq!(call.callee.map(|n| n.exposed().to_owned()).as_deref(), Some("13800138012"));
}

#[test]
fn a_withheld_number_is_the_word_anonymous() {
    let mut events = plain(70, 2_000, 2_010);
    events[0]["CallerIDNum"] = "anonymous".into();
    assert_eq!(only(&events).caller, None);
}

fn hook(event: &str, uniqueid: &str, second: &str, more: Value) -> Value {
    let mut hook = json!({
        "event": event, "uniqueid": uniqueid, "linkedid": "1.0", "did": "8001",
        "time": format!("2026-11-23 18:00:{second}"),
    });
    let fields = hook.as_object_mut().expect("an object");
    for (key, value) in more.as_object().expect("an object") {
        fields.insert(key.clone(), value.clone());
    }
    hook
}

#[test]
fn the_hook_before_the_ringing_proves_within_when_even_it_gives_ring_three() {
    let caller = json!({"channel": "PJSIP/trunk-1", "caller": "13800138001"});
    let desk = json!({"channel": "PJSIP/101-2"});
    let events = |answer: &str, end: &str| {
        only(&[
            hook("incoming", "1.0", "00.000", caller.clone()),
            hook("ring", "1.1", "00.010", desk.clone()),
            hook("answer", "1.1", answer, desk.clone()),
            hook("hangup", "1.0", end, json!({"dialstatus": "ANSWER", "hangupcause": "16"})),
        ])
    };
    assert!(matches!(events("13.000", "30.000").verdict, Some(Verdict::Within { .. })));
    assert!(matches!(events("16.000", "30.000").verdict, Some(Verdict::Unknown { .. })));
    // Picked up in the last second: the caller may have been gone.
    assert!(matches!(events("05.000", "05.400").verdict, Some(Verdict::Unknown { .. })));
}

#[test]
fn hand_made_json_with_a_backslash_is_read_all_the_same() {
    let broken = r#"{"event":"incoming","uniqueid":"1.0","linkedid":"1.0","time":"2026-11-23 18:00:00.000",
        "channel":"PJSIP/trunk-1","caller":"13800138212","callername":"Li \- Wei","did":"8014"}"#;
    let delivery = Delivery {
        received_at: "2026-11-23T10:00:00Z".parse().expect("a moment"),
        method: "POST".into(),
        target: "/".into(),
        headers: Vec::new(),
        body: broken.into(),
    };
    let dialect = Dialect { zone: chrono_tz::Asia::Shanghai, field_map: None };
    let reading = pbx::named("asterisk").expect("it").parse(&delivery, &dialect).expect("read");
    let name = reading.events[0].call.caller_name.as_ref().map(|name| name.exposed().to_owned());
    assert_eq!(name.as_deref(), Some("Li \\- Wei"));
}

//! Lists of calls as carriers and phone systems give them afterwards: alone they tell who, when and how it ended and
//! leave open what they do not know; with what came live they make one call, no less exact than before.

use ringledger::call::{Cadence, Call, CallRules};
use ringledger::flow::fold_files::{Folded, Reader, fold_all};
use ringledger::pbx::records::Records;
use ringledger::pbx::{self, Delivery, Dialect, Secret};
use ringledger::site::SiteSettings;

fn cut(adapter: &str, text: &str) -> Vec<Delivery> {
    let pbx = pbx::named(adapter).expect("an adapter");
    let read_at = "2026-11-24T09:00:00Z".parse().expect("a moment");
    let dialect = Dialect { zone: chrono_tz::Asia::Shanghai, field_map: None };
    let reads = |delivery: &Delivery| pbx.parse(delivery, &dialect).is_ok();
    let records = Records { bytes: text.as_bytes(), read_at, reads: &reads };
    records.cut().expect("records").into_iter().map(|record| record.delivery).collect()
}

fn folded(adapter: &str, deliveries: Vec<Delivery>) -> Folded {
    let rules = CallRules {
        cadence: Cadence::of("cn").expect("a cadence"),
        desk: vec!["8001".into(), "8002".into()],
        ..CallRules::of(&SiteSettings::default())
    };
    let pbx = pbx::named(adapter).expect("an adapter");
    let dialect = Dialect { zone: chrono_tz::Asia::Shanghai, field_map: None };
    fold_all(&Reader { pbx, secret: Secret::default(), dialect, rules }, deliveries.into_iter())
}

fn one(folded: &Folded) -> &Call {
    assert!(folded.not_understood.is_empty(), "{:?}", folded.not_understood);
    assert_eq!(folded.calls.len(), 1, "{:?}", folded.calls);
    &folded.calls[0]
}

fn verdict(call: &Call) -> String {
    serde_json::to_value(&call.verdict).expect("JSON")["verdict"]
        .as_str()
        .unwrap_or("none")
        .to_owned()
}

/// The export of the call that the adapter's own sample tells live.
fn export(adapter: &str) -> &'static str {
    match adapter {
        "twilio" => {
            r#"{"page": 0, "calls": [
{"sid": "CA17f6337c7962f7b803c7b984866cdba6", "parent_call_sid": null, "status": "completed", "direction": "inbound",
 "from": "+8613800138001", "to": "+862160001000", "date_created": "Mon, 23 Nov 2026 02:00:00 +0000",
 "start_time": "Mon, 23 Nov 2026 02:00:00 +0000", "end_time": "Mon, 23 Nov 2026 02:01:00 +0000", "duration": "61"},
{"sid": "CA17063ff61dea09ace7a5fc103413e87d", "parent_call_sid": "CA17f6337c7962f7b803c7b984866cdba6",
 "status": "completed", "direction": "outbound-dial", "from": "+8613800138001", "to": "sip:8001@front.sip.twilio.com",
 "start_time": "Mon, 23 Nov 2026 02:00:08 +0000", "end_time": "Mon, 23 Nov 2026 02:01:00 +0000", "duration": "30"}]}"#
        }
        _ => {
            r#"{"errcode": 0, "errmsg": "SUCCESS", "total_number": 1, "data": [
{"id": 11, "uid": "20261123100000A1", "time": "2026/11/23 10:00:00", "timestamp": 1795399200, "call_from": "13800138001<13800138001>",
 "call_from_number": "13800138001", "call_to": "Desk<8001>", "call_to_number": "8001", "duration": 40, "ring_duration": 10,
 "talk_duration": 30, "disposition": "ANSWERED", "call_type": "Inbound", "record_file": "a.wav"}]}"#
        }
    }
}

#[test]
fn a_list_alone_tells_the_call_and_leaves_open_what_it_does_not_know() {
    for (adapter, ended_at) in
        [("twilio", "2026-11-23T02:01:00Z"), ("yeastar", "2026-11-23T02:00:40Z")]
    {
        let folded = folded(adapter, cut(adapter, export(adapter)));
        let call = one(&folded);
        assert_eq!(verdict(call), "unknown", "{adapter}");
        assert_eq!(call.ended_at, Some(ended_at.parse().expect("a moment")), "{adapter}");
        assert_eq!(serde_json::to_value(call.direction).expect("JSON"), "inbound", "{adapter}");
        let caller = call.caller.as_ref().expect("a caller").folded();
        assert_eq!(caller, "13800138001", "{adapter}");
    }
}

#[test]
fn with_what_came_live_it_is_one_call_and_as_exact_as_before() {
    for adapter in ["twilio", "yeastar"] {
        let sample = pbx::named(adapter).expect("an adapter").sample();
        let live = folded(adapter, cut(adapter, sample));
        for lists in 1..=2 {
            let mut all = cut(adapter, sample);
            (0..lists).for_each(|_| all.extend(cut(adapter, export(adapter))));
            all.reverse();
            let both = folded(adapter, all);
            let (live, both) = (one(&live), one(&both));
            assert_eq!(both.call_id, live.call_id, "{adapter}");
            assert_eq!(both.verdict, live.verdict, "{adapter}");
            assert_eq!((both.alerting, both.answered), (live.alerting, live.answered), "{adapter}");
            assert_eq!(both.ended_at, live.ended_at, "{adapter}");
        }
    }
}

#[test]
fn a_table_with_the_same_columns_reads_the_same() {
    let twilio = "Call Sid,Parent Call Sid,Status,Direction,From,To,Start Time,End Time\n\
        CA0000000000000000000000000000000a,,Completed,Inbound,+8613800138001,+862160001000,2026-11-23T02:00:00Z,2026-11-23T02:00:30Z\n\
        CA0000000000000000000000000000000b,CA0000000000000000000000000000000a,No Answer,Outbound Dial,+8613800138001,sip:8001@x.example,2026-11-23T02:00:01Z,2026-11-23T02:00:30Z\n";
    let told = folded("twilio", cut("twilio", twilio));
    assert_eq!(verdict(one(&told)), "unanswered");
    let yeastar = "UID,Time,Call From,Call To,Call Duration,Status,Communication Type\n\
        20261123100000B2,2026-11-23 10:00:00,13800138001,8001,12,BUSY,Inbound\n";
    let told = folded("yeastar", cut("yeastar", yeastar));
    assert_eq!(verdict(one(&told)), "unanswered");
}

#[test]
fn what_a_list_cannot_do_without_is_named() {
    let alive =
        r#"{"sid": "CA1", "status": "in-progress", "direction": "inbound", "end_time": null}"#;
    let nameless = "Time,Call From,Call To,Status\n2026-11-23 10:00:00,13800138001,8001,BUSY\n";
    for (adapter, text, named) in [("twilio", alive, "`end_time`"), ("yeastar", nameless, "`uid`")]
    {
        let told = folded(adapter, cut(adapter, text));
        let why = told.not_understood.iter().map(|(_, why)| why.as_str()).collect::<String>();
        assert!(why.contains(named), "{adapter}: {why}");
    }
}

/// FreeSWITCH's own files: what it would have posted, one record a file.
#[test]
fn a_freeswitch_record_in_a_file_is_the_one_it_posts() {
    let sample = pbx::named("freeswitch").expect("it").sample();
    let live = folded("freeswitch", cut("freeswitch", sample));
    let files = cut("freeswitch", sample)
        .into_iter()
        .flat_map(|posted| cut("freeswitch", std::str::from_utf8(&posted.body).expect("text")));
    let filed = folded("freeswitch", files.collect());
    assert_eq!(one(&filed).verdict, one(&live).verdict);
    assert_eq!(one(&filed).call_id, one(&live).call_id);
}

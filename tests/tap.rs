//! The live view and the sample call: what each field became, that nobody's number is shown, and the whole way through
//! a running daemon.

mod house;

use house::{House, PROGRAM, ask, run};
use ringledger::call::{Cadence, Call, CallRules};
use ringledger::flow::fold_files::{Reader, fold_all};
use ringledger::pbx::records::Records;
use ringledger::pbx::sample::{Anew, anew, phone};
use ringledger::pbx::trace::{Traced, traced};
use ringledger::pbx::{self, Delivery, Dialect, Pbx, Secret};
use ringledger::site::SiteSettings;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const DIALECT: Dialect<'static> = Dialect { zone: chrono_tz::Asia::Shanghai, field_map: None };

fn sample(pbx: &dyn Pbx) -> Vec<Delivery> {
    let read_at = "2026-11-23T02:00:00Z".parse().expect("a moment");
    let records = Records { bytes: pbx.sample().as_bytes(), read_at, reads: &|_| true };
    records.cut().expect("a sample").into_iter().map(|record| record.delivery).collect()
}

fn folded(pbx: &'static dyn Pbx, deliveries: Vec<Delivery>, desk: &str) -> Vec<Call> {
    let rules = CallRules {
        cadence: Cadence::of("cn").expect("a cadence"),
        desk: vec![desk.into()],
        ..CallRules::of(&SiteSettings::default())
    };
    let reader = Reader { pbx, secret: Secret::default(), dialect: DIALECT, rules };
    fold_all(&reader, deliveries.into_iter()).calls
}

#[test]
fn a_sample_made_anew_is_the_same_call_at_another_time_with_other_ids() {
    for pbx in pbx::ALL.iter().copied() {
        let name = pbx.name();
        let phone = phone(&sample(pbx), pbx, &DIALECT);
        let old = folded(pbx, sample(pbx), &phone);
        assert!(old.iter().any(|call| call.answered_by.is_some()), "{name}");
        for (now, nonce) in [("2031-02-28T23:59:59.25Z", 7), ("2026-11-23T02:00:30Z", 0xffff_fffe)]
        {
            let now = now.parse().expect("a moment");
            let how = Anew { now, nonce, desk: Some((&phone, "2017")) };
            let new =
                folded(pbx, anew(&sample(pbx), pbx, &DIALECT, &how).expect("a sample"), "2017");
            assert_eq!(new.len(), old.len(), "{name}");
            for (old, new) in old.iter().zip(&new) {
                assert_eq!(new.verdict, old.verdict, "{name}");
                assert_ne!(new.call_id, old.call_id, "{name}");
                let by = new.offered_at - old.offered_at;
                assert_eq!(by.subsec_nanos(), 0, "{name} is moved by whole seconds");
                assert!((now - new.offered_at).num_minutes() < 10, "{name}: {}", new.offered_at);
                assert_eq!(new.ended_at.map(|at| at - by), old.ended_at, "{name}");
                assert_eq!(
                    new.answered_by.as_deref(),
                    old.answered_by.as_ref().map(|_| "2017"),
                    "{name}"
                );
            }
        }
    }
}

fn trace(pbx: &dyn Pbx, delivery: &Delivery) -> Vec<Traced> {
    traced(delivery, |delivery| pbx.parse(delivery, &DIALECT))
}

#[test]
fn what_is_shown_of_any_delivery_holds_nobodys_number_or_name() {
    let mut used = 0;
    for pbx in pbx::ALL.iter().copied() {
        for delivery in sample(pbx) {
            let traced = trace(pbx, &delivery);
            used += traced.iter().filter(|field| !field.became.is_empty()).count();
            let shown = serde_json::to_string(&traced).expect("JSON");
            for personal in ["13800138001", "李伟", "李"] {
                let at = shown.find(personal).map(|at| &shown[at.saturating_sub(80)..at + 20]);
                assert_eq!(at, None, "{}", pbx.name());
            }
        }
    }
    assert!(used > 200, "only {used} fields became anything");
}

#[test]
fn each_field_is_shown_with_what_it_became() {
    let body = r#"{"id":"e-1","type":"leg.alerting","at":"2026-11-23T10:00:00.200+08:00","call":"c-9","leg":"c-9-1","extension":"8001","from":"13800138001","colour":"red"}"#;
    let delivery = Delivery {
        received_at: "2026-11-23T02:00:01Z".parse().expect("a moment"),
        method: "POST".into(),
        target: "/hook/generic".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into(),
    };
    let traced = trace(pbx::named("generic").expect("it"), &delivery);
    let of = |name: &str| traced.iter().find(|field| field.field == name).expect("a field");
    let parts =
        |name: &str| of(name).became.iter().map(|one| one.part.as_str()).collect::<Vec<_>>();
    assert_eq!(parts("at"), ["at"]);
    assert_eq!(parts("call"), ["ties.call"], "{:?}", of("call"));
    assert_eq!(parts("extension"), ["leg.extension"]);
    assert_eq!(of("extension").became[0].value, "8001");
    assert_eq!(parts("from"), ["call.caller"]);
    assert_eq!(of("from").value, "138****8001");
    assert_eq!(of("from").became[0].value, "138****8001");
    assert!(parts("colour").is_empty());
    assert!(!parts("type").is_empty() || of("type").needed.is_some(), "{:?}", of("type"));
}

#[test]
fn fields_are_found_in_forms_addresses_xml_tables_and_in_each_other() {
    let delivery = |target: &str, kind: &str, body: &str| Delivery {
        received_at: "2026-11-23T02:00:01Z".parse().expect("a moment"),
        method: "POST".into(),
        target: target.into(),
        headers: vec![("content-type".into(), kind.into()), ("ce-id".into(), "7".into())],
        body: body.to_owned().into(),
    };
    let form = "application/x-www-form-urlencoded";
    for (target, kind, body, name, changed) in [
        ("/hook/a", form, "a=1&b=2+3", "b", "a=1&b=x"),
        (
            "/hook/a",
            "application/json",
            r#"{"a":{"b":[1,"2"]}}"#,
            "a.b.1",
            r#"{"a":{"b":[1,"x"]}}"#,
        ),
        ("/hook/a", "text/xml", "<cdr><v><a>1</a></v></cdr>", "v.a", "<cdr><v><a>x</a></v></cdr>"),
        (
            "/hook/a",
            "application/json",
            r#"{"msg":"{\"a\":1}"}"#,
            "msg.a",
            r#"{"msg":"{\"a\":\"x\"}"}"#,
        ),
        (
            "/hook/a",
            form,
            "cdr=%3Ca%3E%3Cb%3E1%3C%2Fb%3E%3C%2Fa%3E",
            "cdr.b",
            "cdr=%3Ca%3E%3Cb%3Ex%3C%2Fb%3E%3C%2Fa%3E",
        ),
        ("/hook/a", "text/csv; header=present", "a,b,c\n1,2,3", "b", "a,b,c\n1,x,3"),
        ("/hook/a?u=1", "application/json", "{}", "?u", "/hook/a?u=x"),
    ] {
        let fields = pbx::trace::fields(&delivery(target, kind, body));
        let field = fields.iter().find(|field| field.name == name);
        let field = field.unwrap_or_else(|| panic!("no {name} in {body}"));
        let other = field.with(Some("x"));
        let told = if name.starts_with('?') {
            other.target.as_str()
        } else {
            std::str::from_utf8(&other.body).expect("text")
        };
        assert_eq!(told, changed);
    }
    let of_header = pbx::trace::fields(&delivery("/", "text/plain", ""));
    assert!(of_header.iter().any(|field| field.name == "header ce-id" && field.value == "7"));
}

#[test]
fn of_what_is_broken_or_too_long_nothing_is_shown_that_is_not_masked() {
    let delivery = |body: String| Delivery {
        received_at: "2026-11-23T02:00:01Z".parse().expect("a moment"),
        method: "POST".into(),
        target: "/hook/generic".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into(),
    };
    let generic = pbx::named("generic").expect("it");
    let deep = format!("{}{}", "[".repeat(100_000), "13800138001");
    let long = format!(r#"{{"from":"13800138001","x":"{}"}}"#, "1".repeat(70_000));
    for body in [r#"{"from":"13800138001","to""#.to_owned(), "<a><b>13800138001".into(), deep, long]
    {
        assert_eq!(trace(generic, &delivery(body)), []);
    }
    let named = trace(generic, &delivery(r#"{"13800138001":"x","a":1}"#.into()));
    assert!(named.iter().any(|field| field.field == "138****8001"), "{named:?}");
    let plain = trace(generic, &delivery("13800138001".into()));
    assert!(!format!("{plain:?}").contains("13800138001"), "{plain:?}");
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn a_sample_call_goes_the_whole_way_and_a_second_one_is_another_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let _house = House::start(folder.path(), &[]);
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let mut calls = Vec::new();
    for vendor in ["asterisk", "twilio", "threecx", "asterisk"] {
        let (code, text) = run(&["test-event", vendor, "--json", "--data", &data]);
        assert_eq!(code, 0, "{vendor}: {text}");
        let shown = lines(&text);
        let last = shown.last().expect("lines");
        assert_eq!(last["call"]["verdict"], "within", "{vendor}: {last}");
        calls.push(last["call"]["call_id"].to_string());
        assert!(!text.contains("13800138001"), "{vendor}");
    }
    calls.sort();
    calls.dedup();
    assert_eq!(calls.len(), 4);
    let (code, text) = run(&["tap", "--once", "--last", "3", "--json", "--data", &data]);
    assert_eq!((code, lines(&text).len()), (0, 3), "{text}");
    let (code, text) = run(&["test-event", "nortel", "--data", &data]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("there are asterisk"), "{text}");
}

#[test]
fn who_looks_on_sees_what_comes_and_what_is_turned_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let mut tap = Command::new(PROGRAM)
        .args(["tap", "--json", "--last", "1", "--data", &data])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a tap");
    let mut shown = BufReader::new(tap.stdout.take().expect("its words"));
    // Once it shows this one it looks on; it may tell it twice.
    let body = |id: &str| {
        format!(
            r#"{{"id":"{id}","type":"call.offered","at":"2026-11-23T02:00:00Z","call":"{id}","from":"13800138001"}}"#
        )
    };
    let mut next = || {
        let mut line = String::new();
        while line.trim().is_empty() {
            line.clear();
            assert!(shown.read_line(&mut line).expect("a line") > 0, "the tap has ended");
        }
        serde_json::from_str::<Value>(&line).expect("JSON")
    };
    ask(&house.address, "POST", "/hook/generic", &[], body("warm").as_bytes()).expect("kept");
    assert_eq!(next()["seen"], "kept");
    ask(&house.address, "POST", "/hook/nobody", &[], b"{}").expect("an answer");
    ask(&house.address, "POST", "/hook/generic", &[], b"{\"type\":\"call.offered\"}")
        .expect("kept");
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let one = next();
        if !one.to_string().contains("warm") {
            seen.push(one);
        }
    }
    assert_eq!(seen[0]["seen"], "refused");
    assert_eq!(seen[0]["source"], "nobody");
    assert_eq!(seen[1]["understood"], false, "{}", seen[1]);
    assert!(seen[1]["why_not"].as_str().is_some_and(|why| why.contains('`')), "{}", seen[1]);
    let (status, page) = ask(&house.address, "GET", "/tap?lang=zh", &[], b"").expect("a page");
    let page = String::from_utf8(page).expect("text");
    assert_eq!(status, 200);
    assert!(
        page.contains("实时事件") && page.contains("未能识别") && !page.contains("13800138001")
    );
    assert!(house.stop().success(), "who looks on does not keep the daemon from stopping");
    assert!(tap.wait().expect("its end").success());
}

//! Clocks: how far a phone system's lies from ours is seen and told of, and what it makes of a feed.

mod desk;
mod house;

use chrono::{DateTime, TimeDelta, Utc};
use desk::{day, moment};
use house::{House, run};
use ringledger::audit;
use ringledger::call::Moment;
use ringledger::call::pulse::{BEAT_S, Beat};
use ringledger::finding::{Code, Finding};
use ringledger::standard::World;
use serde_json::Value;

fn event(call: &str, at: DateTime<Utc>) -> String {
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    format!(r#"{{"type":"call.offered","at":"{at}","call":"{call}","from":"13800138000"}}"#)
}

fn source(house: &House) -> Value {
    let (status, answer) = house.ask("GET", "/api/v1/sources", &[], b"");
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    let all = answer["sources"].as_array().expect("a list").clone();
    all.into_iter().find(|one| one["source"] == "generic").expect("the source")
}

#[test]
fn a_clock_that_is_off_is_shown_in_every_place_and_one_that_is_right_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    assert!(source(&house)["heard_at"].is_null());
    assert_eq!(house.deliver(&event("c-1", Utc::now() - TimeDelta::seconds(90))), 200);
    let seen = loop {
        let seen = source(&house);
        if !seen["clock"].is_null() {
            break seen;
        }
        std::thread::yield_now();
    };
    let behind_ms = seen["clock"]["behind_ms"].as_i64().expect("a number");
    assert!((90_000..150_000).contains(&behind_ms), "{seen}");
    assert_eq!(seen["clock_off"], true);
    for (language, told) in [("en", "set both clocks by NTP"), ("zh", "请用 NTP 校时")] {
        let (_, page) = house.ask("GET", &format!("/sources?lang={language}"), &[], b"");
        let page = String::from_utf8_lossy(&page).into_owned();
        assert!(page.contains(told) && page.contains(&behind_ms.to_string()), "{page}");
    }
    // Within the same minutes a prompt delivery shows that it was not the clock.
    assert_eq!(house.deliver(&event("c-2", Utc::now())), 200);
    while source(&house)["clock_off"] == true {
        std::thread::yield_now();
    }
    assert!(house.stop().success());
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let (_, text) = run(&["check", "--data", &data]);
    assert!(text.contains("ok   clock of generic"), "{text}");
    let (code, text) = run(&["replay", "--data", &data]);
    assert_eq!(code, 0, "the pulse is rebuilt from the deliveries: {text}");
}

#[test]
fn check_takes_whole_hours_for_a_wrong_zone() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    assert_eq!(house.deliver(&event("c-1", Utc::now() + TimeDelta::hours(8))), 200);
    assert!(house.stop().success());
    let (_, text) = run(&["check", "--data", &folder.path().join("data").to_string_lossy()]);
    assert!(text.contains("BAD  clock of generic") && text.contains("another zone"), "{text}");
}

fn beat(at: Moment, fact: i64, lag_s: Option<i64>) -> Beat {
    Beat {
        source: "front".into(),
        first_at: at,
        last_at: at,
        first_fact: fact,
        last_fact: fact,
        lag: lag_s.map(TimeDelta::seconds),
        numbers: None,
    }
}

/// What is found of a feed with this pulse, on the day of the question.
fn found(beats: Vec<Beat>, silence_limit_s: i64) -> Vec<Finding> {
    let mut day = day();
    day.facts.site.versions[0].silence_limit_s = silence_limit_s;
    day.facts.beats = beats;
    let world = World::of(&day.question, &day.facts);
    assert!(audit::answer(&day.question, &day.facts).is_ok(), "the books still balance");
    let all = ringledger::standard::judge(&world);
    all.into_iter().filter(|finding| finding.code == Code::FeedGap).collect()
}

#[test]
fn a_clock_that_jumps_is_a_finding_about_the_first_delivery_after_it() {
    let lags = [0, 0, 60, 60];
    let beats = lags.iter().enumerate().map(|(n, lag)| {
        beat(moment(10, 0, 0) + TimeDelta::seconds(n as i64 * BEAT_S), n as i64, Some(*lag))
    });
    let jumps = found(beats.collect(), 0);
    assert_eq!(jumps.len(), 1, "{jumps:?}");
    assert_eq!(jumps[0].about.delivery, Some(2));
    assert!(jumps[0].evidence.contains(&"clock_jump_ms=60000".to_owned()), "{jumps:?}");
    let steady = [5, 0, 4, 1].iter().enumerate().map(|(n, lag)| {
        beat(moment(10, 0, 0) + TimeDelta::seconds(n as i64 * BEAT_S), n as i64, Some(*lag))
    });
    assert_eq!(found(steady.collect(), 0), []);
}

#[test]
fn silence_in_desk_hours_is_a_finding_where_the_site_says_how_long_is_too_long() {
    let hours = [9, 13, 15, 17, 19];
    let beats = || -> Vec<Beat> {
        hours.iter().zip(1..).map(|(hour, fact)| beat(moment(*hour, 0, 0), fact, None)).collect()
    };
    assert_eq!(found(beats(), 0), [], "without a limit a quiet desk is no fault");
    assert_eq!(found(beats(), 4 * 3600), [], "within the limit");
    let silent = found(beats(), 3 * 3600);
    assert_eq!(silent.len(), 1, "{silent:?}");
    assert_eq!(silent[0].about.delivery, Some(1), "the last delivery before it");
    assert_eq!(silent[0].since, moment(12, 0, 0));
}

#[test]
fn numbers_of_a_phone_system_that_never_came_are_a_finding() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    let message = |number: i64| {
        let body = format!(
            r#"{{"sequence":{number},"event":{{"event_type":2,"entity":"/callcontrol/8001"}}}}"#
        );
        house.ask("POST", "/hook/threecx", &[], body.as_bytes()).0
    };
    for number in [7, 8, 11] {
        assert_eq!(message(number), 200);
    }
    let metric = "ringledger_findings{site=\"default\",code=\"feed_gap\",state=\"open\"} 1";
    let (_, page) = loop {
        let metrics = house.ask("GET", "/metrics", &[], b"").1;
        if String::from_utf8_lossy(&metrics).contains(metric) {
            break house.ask("GET", "/findings?lang=en", &[], b"");
        }
        std::thread::yield_now();
    };
    assert!(String::from_utf8_lossy(&page).contains("numbers missing"), "it says what is missing");
    assert!(house.stop().success());
    let (code, text) = run(&["replay", "--data", &folder.path().join("data").to_string_lossy()]);
    assert_eq!(code, 0, "{text}");
}

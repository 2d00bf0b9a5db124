//! The real program: deliveries, proof, limits, recordings, entries, pages, drain; and what survives being killed.

mod house;

use house::{House, PROGRAM, ask, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

fn event(call: &str, kind: &str, ms: u32) -> String {
    format!(
        r#"{{"type":"{kind}","at":"2026-11-23T10:00:{:02}.{:03}+08:00","call":"{call}","leg":"l","extension":"8001","from":"13800138000"}}"#,
        ms / 1000,
        ms % 1000
    )
}

fn listed(folder: &std::path::Path) -> Vec<Value> {
    let data = folder.join("data");
    let (code, text) = run(&["deliveries", "--json", "--data", &data.to_string_lossy()]);
    assert_eq!(code, 0, "{text}");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn a_delivery_is_kept_once_and_one_that_cannot_be_read_is_kept_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    assert_eq!(house.deliver(&event("c-1", "call.offered", 0)), 200);
    assert_eq!(house.deliver(&event("c-1", "call.offered", 0)), 200, "a repeat");
    assert_eq!(house.deliver("not an event"), 200);
    assert_eq!(house.ask("POST", "/hook/nobody", &[], b"{}").0, 404);
    assert_eq!(house.ask("PUT", "/hook/generic", &[], b"").0, 405);
    assert_eq!(house.ask("OPTIONS", "/hook/generic", &[], b"").0, 405);
    let origin = [("webhook-request-origin", "events.example")];
    assert_eq!(house.ask("OPTIONS", "/hook/generic", &origin, b"").0, 200, "it may deliver");
    let kept = listed(folder.path());
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(kept[0]["understood"], true);
    assert_eq!(kept[1]["understood"], false);
    assert!(kept[1]["why_not"].as_str().is_some_and(|why| !why.is_empty()));
    let metrics = String::from_utf8(house.ask("GET", "/metrics", &[], b"").1).expect("text");
    assert!(metrics.contains("deliveries_repeated_total{source=\"generic\"} 1"), "{metrics}");
    assert!(metrics.contains("deliveries_not_understood_total{source=\"generic\"} 1"), "{metrics}");
    assert!(house.stop().success());
}

#[test]
fn who_delivers_and_then_looks_finds_what_he_delivered() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    for turn in 0..30 {
        let number = format!("138001380{turn:02}");
        let body = event(&format!("c-{turn}"), "call.offered", 0).replace("13800138000", &number);
        assert_eq!(house.deliver(&body), 200);
        let (_, page) = house.ask("GET", &format!("/search?lang=en&q={number}"), &[], b"");
        let page = String::from_utf8_lossy(&page);
        assert_eq!(page.matches("/calls/").count(), 1, "turn {turn}: {page}");
    }
}

#[test]
fn a_wrong_token_is_turned_away_counted_and_nothing_of_it_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("ringledger.toml");
    let text = "[server]\nbody_bytes_max = 2000\n[[sites]]\nid = \"default\"\n[[sites.settings]]\n\
        [[sources]]\nname = \"generic\"\nadapter = \"generic\"\nsecret = \"open\"\n";
    std::fs::write(&config, text).expect("written");
    let house = House::start(folder.path(), &["--config", &config.to_string_lossy()]);
    let body = event("c-1", "call.offered", 0);
    assert_eq!(house.deliver(&body), 401);
    let head = [("authorization", "Bearer open")];
    assert_eq!(house.ask("POST", "/hook/generic", &head, body.as_bytes()).0, 200);
    assert_eq!(house.ask("POST", "/hook/generic", &head, &[b'x'; 3000]).0, 413);
    assert_eq!(listed(folder.path()).len(), 1);
    let metrics = String::from_utf8(house.ask("GET", "/metrics", &[], b"").1).expect("text");
    assert!(metrics.contains("reason=\"not_authentic\"} 1"), "{metrics}");
}

#[test]
fn a_sender_that_may_forget_its_proof_is_asked_again_and_a_wrong_proof_is_turned_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("ringledger.toml");
    let text = "[[sites]]\nid = \"default\"\n[[sites.settings]]\n[[sources]]\nname = \"front\"\n\
        adapter = \"vonage\"\nsecret = \"s\"\n";
    std::fs::write(&config, text).expect("written");
    let house = House::start(folder.path(), &["--config", &config.to_string_lossy()]);
    let post = |head: &[(&str, &str)]| house.ask("POST", "/hook/front", head, b"{}").0;
    assert_eq!(post(&[]), 503);
    assert_eq!(post(&[("authorization", "Bearer a.b.c")]), 401);
    assert!(listed(folder.path()).is_empty());
}

#[test]
fn an_address_that_is_not_allowed_gets_in_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("ringledger.toml");
    let text = "[[sites]]\nid = \"default\"\n[[sites.settings]]\n[[sources]]\nname = \"generic\"\n\
        adapter = \"generic\"\nallow = [\"10.9.8.7\"]\n";
    std::fs::write(&config, text).expect("written");
    let house = House::start(folder.path(), &["--config", &config.to_string_lossy()]);
    assert_eq!(house.deliver(&event("c-1", "call.offered", 0)), 403);
}

#[test]
fn an_upload_is_kept_unchanged_and_its_promise_is_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    let sound = include_bytes!(
        "../samples/day/spool/in-8001-13800138004-20261123-183846-1795430326.15.wav"
    );
    let path = "/recordings/default/a.wav?call_id=c-1";
    let wrong = "0".repeat(64);
    assert_eq!(house.ask("PUT", path, &[("x-content-sha256", &wrong)], sound).0, 422);
    let (status, answer) = house.ask("PUT", path, &[], sound);
    assert_eq!(status, 201);
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(answer["bytes"], sound.len());
    assert_eq!(house.ask("PUT", path, &[], sound).0, 200, "the same bytes again");
    let key = answer["id"].as_i64().expect("a key");
    let (status, page) = house.ask("GET", &format!("/recordings/{key}"), &[], b"");
    assert_eq!(status, 200);
    assert!(String::from_utf8_lossy(&page).contains("a.wav"));
}

#[test]
fn an_entry_is_versioned_found_in_chinese_and_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    let entry = |content: &str| {
        format!(
            r#"{{"entry_id":"JB-1","channel":"phone","registered_at":"2026-11-23T02:00:00Z","number":"13800138000","content":"{content}"}}"#
        )
    };
    let post = |body: &str| house.ask("POST", "/api/v1/entries", &[], body.as_bytes());
    assert_eq!(post(&entry("要求退款")).0, 201);
    assert_eq!(post(&entry("要求退款")).0, 200, "the same again");
    assert_eq!(post(&entry("要求退款，已答复")).0, 200);
    assert_eq!(
        post(r#"{"entry_id":" ","channel":"phone","registered_at":"2026-11-23T02:00:00Z"}"#).0,
        422
    );
    let (_, answer) = house.ask("GET", "/api/v1/entries/JB-1", &[], b"");
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_eq!(answer["version"], 2, "{answer}");
    let (_, found) = house.ask("GET", "/api/v1/entries?q=%E9%80%80%E6%AC%BE", &[], b"");
    assert!(String::from_utf8_lossy(&found).contains("JB-1"), "two characters are a word");
    let (status, page) = house.ask("GET", &format!("/entries/{}", answer["key"]), &[], b"");
    assert_eq!(status, 200);
    assert!(String::from_utf8_lossy(&page).contains("要求退款 → 要求退款，已答复"));
}

#[test]
fn a_token_opens_the_pages_and_nothing_else_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("ringledger.toml");
    std::fs::write(&config, "[access]\ntoken = \"key\"\n").expect("written");
    let house = House::start(folder.path(), &["--config", &config.to_string_lossy()]);
    let page = |head: &[(&str, &str)]| house.ask("GET", "/audit", head, b"").0;
    assert_eq!(page(&[]), 401);
    assert_eq!(page(&[("accept", "text/html")]), 303, "a browser is shown the door");
    assert_eq!(page(&[("authorization", "Bearer key")]), 200);
    assert_eq!(page(&[("cookie", "ringledger=key")]), 200);
    assert_eq!(house.ask("GET", "/healthz", &[], b"").0, 200);
}

#[test]
fn a_browser_that_asks_wrongly_reads_what_was_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    let page = |path: &str| house.ask("GET", path, &[("accept", "text/html")], b"");
    for (path, status, why) in [
        ("/calls/1?lang=zh&lang=en", 400, "duplicate field"),
        ("/calls/first", 400, "Cannot parse"),
        ("/calls/1", 404, "call 1"),
        ("/no/such/page", 404, "there is no such page"),
    ] {
        let (told, body) = page(path);
        assert_eq!(told, status, "{path}");
        assert!(String::from_utf8_lossy(&body).contains(why), "{path} does not say why");
    }
}

#[test]
fn ranges_of_a_recording_are_given_and_each_playback_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    let sound =
        include_bytes!("../samples/day/spool/in-8001-13800138002-20261123-183715-1795430235.3.wav");
    let (_, answer) = house.ask("PUT", "/recordings/default/a.wav", &[], sound);
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    let path = format!("/recordings/{}/audio", answer["id"]);
    let (status, part) = house.ask("GET", &path, &[("range", "bytes=0-3")], b"");
    assert_eq!((status, part.as_slice()), (206, b"RIFF".as_slice()));
    assert_eq!(house.ask("GET", &path, &[("range", "bytes=99999999-")], b"").0, 416);
    assert!(house.stop().success());
    let (code, text) =
        run(&["verify", "--json", "--data", &folder.path().join("data").to_string_lossy()]);
    assert_eq!(code, 0, "{text}");
    // Settings, the recording and two playbacks.
    assert!(text.contains("\"facts\":4"), "{text}");
}

#[test]
fn verify_names_the_first_thing_that_was_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    for n in 0..5 {
        assert_eq!(house.deliver(&event(&format!("c-{n}"), "call.offered", n)), 200);
    }
    assert!(house.stop().success());
    let data = folder.path().join("data");
    let database = rusqlite::Connection::open(data.join("ringledger.db")).expect("the database");
    database.execute("UPDATE fact SET head = head || ' ' WHERE id = 4", []).expect("changed");
    let (code, text) = run(&["verify", "--data", &data.to_string_lossy()]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("fact 4"), "{text}");
}

/// Kills the daemon fifty times in the middle of load. Every delivery that was answered must be there, and none twice,
/// though all that was sent before a kill is sent again after it, as phone systems do.
#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_twice_however_often_it_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let number = Arc::new(AtomicU64::new(0));
    let tried = Arc::new(Mutex::new(Vec::<String>::new()));
    for round in 0..50u64 {
        let mut house = House::start(folder.path(), &[]);
        for body in tried.lock().expect("whole").drain(..) {
            let (status, _) = ask(&house.address, "POST", "/hook/generic", &[], body.as_bytes())
                .expect("an answer");
            assert_eq!(status, 200);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let senders: Vec<_> = (0..6)
            .map(|_| {
                let (address, stop) = (house.address.clone(), Arc::clone(&stop));
                let (acknowledged, number) = (Arc::clone(&acknowledged), Arc::clone(&number));
                let tried = Arc::clone(&tried);
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let n = number.fetch_add(1, Ordering::Relaxed);
                        let body = event(&format!("c-{n}"), "call.offered", (n % 60_000) as u32);
                        tried.lock().expect("whole").push(body.clone());
                        let answer = ask(&address, "POST", "/hook/generic", &[], body.as_bytes());
                        match answer {
                            Ok((200, _)) => drop(acknowledged.lock().expect("whole").insert(body)),
                            _ => return,
                        }
                    }
                })
            })
            .collect();
        // A different moment in each round, told by progress and not by the clock.
        let before = number.load(Ordering::Relaxed);
        while number.load(Ordering::Relaxed) < before + 20 + round * 7 {
            std::thread::yield_now();
        }
        house.child.kill().expect("killed");
        house.child.wait().expect("gone");
        stop.store(true, Ordering::Relaxed);
        senders.into_iter().for_each(|sender| sender.join().expect("a sender"));
    }
    House::start(folder.path(), &[]).stop();
    let database =
        rusqlite::Connection::open(folder.path().join("data/ringledger.db")).expect("it");
    let mut query = database.prepare("SELECT body FROM fact WHERE kind = 1").expect("a query");
    let bodies: Vec<Vec<u8>> = query
        .query_map([], |row| row.get(0))
        .expect("rows")
        .map(|row| row.expect("a row"))
        .collect();
    let kept: BTreeSet<String> =
        bodies.iter().map(|body| String::from_utf8(body.clone()).expect("text")).collect();
    assert_eq!(kept.len(), bodies.len(), "something is there twice");
    let acknowledged = acknowledged.lock().expect("whole");
    assert!(acknowledged.len() > 1000, "only {} were acknowledged", acknowledged.len());
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
    let (code, text) = run(&["replay", "--data", &folder.path().join("data").to_string_lossy()]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("identical"), "{text}");
}

#[test]
fn the_demo_finds_exactly_the_planted_mistakes() {
    let root = env!("CARGO_MANIFEST_DIR");
    let samples = format!("{root}/samples/day");
    let output = Command::new(PROGRAM)
        .args(["demo", "--once", "--samples", &samples])
        .output()
        .expect("the demo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("8 found, 0 missed, 0 besides"), "{text}");
}

#[test]
fn a_second_daemon_on_the_same_data_is_refused_and_commands_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let _house = House::start(folder.path(), &[]);
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let (code, text) = run(&["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("another ringledger"), "{text}");
    let (code, text) = run(&["audit", "--data", &data]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn overload_is_answered_503_and_nothing_acknowledged_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("ringledger.toml");
    std::fs::write(&config, "[store]\nwaiting_max = 1\nbatch_max = 1\n").expect("written");
    let house = House::start(folder.path(), &["--config", &config.to_string_lossy()]);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let send = |n: usize| {
            let address = &house.address;
            move || {
                let one = |k: usize| {
                    let body = event(&format!("c-{n}-{k}"), "call.offered", 0);
                    ask(address, "POST", "/hook/generic", &[], body.as_bytes())
                        .expect("an answer")
                        .0
                };
                (0..40).map(one).collect::<Vec<u16>>()
            }
        };
        let senders: Vec<_> = (0..16).map(|n| scope.spawn(send(n))).collect();
        senders.into_iter().flat_map(|sender| sender.join().expect("a sender")).collect()
    });
    let taken = statuses.iter().filter(|status| **status == 200).count();
    let refused = statuses.iter().filter(|status| **status == 503).count();
    assert_eq!(taken + refused, 16 * 40, "{statuses:?}");
    assert!(refused > 0, "the queue of one was never full");
    assert_eq!(listed(folder.path()).len(), taken);
}

#[test]
fn settings_are_read_again_on_a_signal_and_bad_ones_change_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("ringledger.toml");
    let with = |secret: &str| {
        let text = format!(
            "[[sites]]\nid = \"default\"\n[[sites.settings]]\n[[sources]]\nname = \"generic\"\n\
             adapter = \"generic\"\nsecret = \"{secret}\"\n"
        );
        // Renamed into place: half a file, read meanwhile, would be other settings.
        let whole = folder.path().join("whole.toml");
        std::fs::write(&whole, text).expect("written");
        std::fs::rename(&whole, &config).expect("renamed");
    };
    with("old");
    let house = House::start(folder.path(), &["--config", &config.to_string_lossy()]);
    let tries = |secret: &str| {
        let head = format!("Bearer {secret}");
        let body = event("c-1", "call.offered", 0);
        house.ask("POST", "/hook/generic", &[("authorization", &head)], body.as_bytes()).0
    };
    let reload = || {
        let id = house.child.id().to_string();
        Command::new("kill").args(["-HUP", &id]).status().expect("a signal");
    };
    assert_eq!((tries("old"), tries("new")), (200, 401));
    std::fs::write(&config, "[[sources]]\nadapter = \"nobody\"\n").expect("written");
    reload();
    with("new");
    reload();
    while tries("new") != 200 {
        std::thread::yield_now();
    }
    assert_eq!(tries("old"), 401);
}

#[test]
fn check_says_whether_the_daemon_takes_deliveries() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::start(folder.path(), &[]);
    let asked = format!("--running={}", house.address);
    let (code, text) = run(&["check", &asked]);
    assert_eq!((code, text.contains("takes deliveries")), (0, true), "{text}");
    assert!(house.stop().success());
    let (code, text) = run(&["check", &asked]);
    assert_eq!((code, text.contains("ringledger serve")), (1, true), "{text}");
}

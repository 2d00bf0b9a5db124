//! Recordings that a phone system announces by address or path: fetched once, by the rules, and what becomes of
//! those that cannot be.

mod fetching;
mod house;
mod switch;

use chrono::TimeDelta;
use fetching::{Answer, Desk, FileServer, SOUND, at, file, status};
use house::{House, until};
use ringledger::store::sqlite::fetches::State;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::time::Instant;
use switch::{Encrypted, Switch};

fn text(house: &House, path: &str) -> String {
    String::from_utf8(house.ask("GET", path, &[], b"").1).expect("text")
}

/// Delivers the events of a call; the address of its page.
fn announce(house: &House, events: &[String]) -> String {
    let facts = events.iter().map(|event| {
        let head = [("content-type", "application/json")];
        let (status, answer) = house.ask("POST", "/hook/generic", &head, event.as_bytes());
        assert_eq!(status, 200, "{event}");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        answer["id"].as_i64().expect("its fact")
    });
    // A call's key comes from the first fact that spoke of it, with room for others beside it.
    let first = facts.min().expect("an event");
    format!("/calls/{}?lang=en", first * 256)
}

#[test]
fn an_announced_recording_comes_to_its_call_and_can_be_played() {
    let server = FileServer::start(vec![file(SOUND)]);
    let folder = tempfile::tempdir().expect("a folder");
    let config = fetching::settings(folder.path(), &server.hosts());
    let house = House::start(folder.path(), &["--config", &config]);
    let call = announce(&house, &fetching::events("c-1", &server.url("/in/1.wav?token=a")));
    let path = until("the recording", || {
        let page = text(&house, &call);
        let start = page.find("src=\"/recordings/")? + "src=\"".len();
        Some(page[start..].split('"').next()?.to_owned())
    });
    let (status, sound) = house.ask("GET", &path, &[], b"");
    assert_eq!(status, 200);
    assert!(sound == SOUND, "the original, unchanged");
    assert_eq!(server.asked().len(), 1);
    let metrics = text(&house, "/metrics");
    assert!(metrics.contains("recordings_fetched_total{source=\"generic\"} 1"), "{metrics}");
    assert!(house.stop().success());
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let (code, told) = house::run(&["replay", "--data", &data, "--config", &config]);
    assert_eq!(code, 0, "{told}");
}

#[test]
fn a_fetch_that_a_stop_cut_short_is_made_again_after_the_restart() {
    // The first answer stands still in the middle of the file.
    let server = FileServer::start(vec![Answer::Stands, file(SOUND)]);
    let folder = tempfile::tempdir().expect("a folder");
    let config = fetching::settings(folder.path(), &server.hosts());
    let house = House::start(folder.path(), &["--config", &config]);
    let call = announce(&house, &fetching::events("c-1", &server.url("/1.wav")));
    until("the first try", || {
        (server.asked().len() == 1 && text(&house, &call).contains("arriving")).then_some(())
    });
    assert!(house.stop().success());
    let house = House::start(folder.path(), &["--config", &config]);
    until("the recording", || text(&house, &call).contains("src=\"/recordings/").then_some(()));
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn the_page_of_a_call_says_why_its_recording_does_not_come() {
    let server = FileServer::start(vec![status(401, "")]);
    let folder = tempfile::tempdir().expect("a folder");
    let config = fetching::settings(folder.path(), &server.hosts());
    let house = House::start(folder.path(), &["--config", &config]);
    let call = announce(&house, &fetching::events("c-1", &server.url("/1.wav")));
    let page = until("a refusal told", || {
        Some(text(&house, &call)).filter(|page| page.contains("answers 401"))
    });
    assert!(page.contains("set fetch_auth") && page.contains("next try"), "{page}");
    let metrics = until("one that waits", || {
        Some(text(&house, "/metrics")).filter(|m| m.contains("fetch_queue 1"))
    });
    assert!(!metrics.contains("recordings_fetched_total{"), "{metrics}");
    assert!(house.stop().success());
    let (_, told) = house::run(&["check", "--config", &config]);
    assert!(told.contains("ok   recordings of generic: 127.0.0.1 leads to 127.0.0.1"), "{told}");
}

#[tokio::test]
async fn a_file_is_fetched_once_however_often_it_is_announced() {
    let server = FileServer::start(vec![file(SOUND)]);
    let desk = Desk::open(&server.hosts());
    let url = server.url("/1.wav?X-Amz-Date=20261123T100000Z&X-Amz-Expires=600&X-Amz-Signature=");
    for sign in ["a", "a", "b"] {
        desk.answered_call("c-1", &format!("{url}{sign}")).await;
    }
    // Another call that names the same file does not have it fetched again.
    desk.answered_call("c-2", &format!("{url}c")).await;
    desk.take_due(at(0)).await;
    desk.answered_call("c-1", &format!("{url}d")).await;
    desk.take_due(at(60)).await;
    let all = desk.fetches();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].state, all[0].tries), (State::Fetched, 1));
    assert_eq!(server.asked().len(), 1);
    assert!(server.asked()[0].contains("X-Amz-Signature=b"), "the newest address counts");
    let recording = desk.recording(all[0].recording.expect("its recording"));
    assert_eq!(recording.hints.call_id.as_deref(), Some("c-1"));
    assert_eq!(recording.hints.name, "1.wav");
}

#[tokio::test]
async fn files_of_one_name_under_different_addresses_stay_apart() {
    let other: &[u8] = include_bytes!(
        "../samples/day/spool/in-8001-13800138004-20261123-183846-1795430326.15.wav"
    );
    let server = FileServer::start(vec![file(SOUND), file(other)]);
    let desk = Desk::open(&server.hosts());
    desk.answered_call("c-1", &server.url("/1/recording")).await;
    desk.answered_call("c-2", &server.url("/2/recording")).await;
    desk.take_due(at(0)).await;
    desk.link().await;
    for (call, sound) in [("c-1", SOUND), ("c-2", other)] {
        let set = desk.set_of(call).await;
        assert_eq!(set.len(), 1, "{call}");
        assert_eq!(set[0].bytes, sound.len() as u64, "{call}");
        assert_eq!(set[0].hints.name, "recording.wav");
    }
}

#[tokio::test]
async fn what_fails_is_tried_again_later_and_later_and_as_the_host_wishes() {
    let answers =
        vec![status(500, ""), status(404, ""), status(503, "retry-after: 90"), file(SOUND)];
    let server = FileServer::start(answers);
    let desk = Desk::open(&server.hosts());
    desk.answered_call("c-1", &server.url("/1.wav")).await;
    let mut now = at(0);
    for (error, wait_s) in [("answers 500", 5), ("answers 404", 10), ("answers 503", 90)] {
        let began = Instant::now();
        desk.take_due(now).await;
        // The pause runs from the end of the try.
        let took = TimeDelta::from_std(began.elapsed()).expect("a while");
        let fetch = desk.only();
        assert!(fetch.error.as_deref().is_some_and(|why| why.contains(error)), "{fetch:?}");
        let (due, wait) = (fetch.due_at.expect("tried again"), TimeDelta::seconds(wait_s));
        assert!(now + wait <= due && due <= now + wait + took, "{fetch:?}");
        assert_eq!(desk.take_due(due - TimeDelta::milliseconds(1)).await, 0, "not before");
        now = due;
    }
    desk.take_due(now).await;
    assert_eq!((desk.only().state, desk.only().error), (State::Fetched, None));
}

#[tokio::test]
async fn when_the_grace_is_over_it_is_given_up_and_the_finding_says_why() {
    let server = FileServer::start(vec![status(401, "")]);
    let desk = Desk::open(&server.hosts());
    desk.answered_call("c-1", &server.url("/1.wav")).await;
    let mut now = at(0);
    while desk.only().state == State::Waiting {
        assert!(desk.take_due(now).await > 0, "{:?}", desk.only());
        now = desk.only().due_at.unwrap_or(now).max(now);
    }
    let fetch = desk.only();
    assert_eq!((fetch.state, fetch.due_at), (State::Failed, None));
    assert!(now >= at(0) + TimeDelta::seconds(fetching::GRACE_S), "not before its grace is over");
    let asked = server.asked().len();
    assert!((4..10).contains(&asked), "with growing pauses: {asked}");
    let found = desk.findings(now).await;
    let evidence: Vec<&String> = found.iter().flat_map(|one| &one.evidence).collect();
    let told =
        evidence.iter().any(|line| line.starts_with("fetch=") && line.contains("fetch_auth"));
    assert!(told, "{found:?}");
}

#[tokio::test]
async fn other_settings_give_what_was_given_up_one_more_try() {
    let server = FileServer::start(vec![file(SOUND)]);
    let mut desk = Desk::open("");
    desk.answered_call("c-1", &server.url("/1.wav")).await;
    desk.take_due(at(0)).await;
    let fetch = desk.only();
    assert_eq!(fetch.state, State::Failed);
    assert!(fetch.error.is_some_and(|why| why.contains("fetch_hosts")));
    assert!(server.asked().is_empty());
    desk.configure(&server.hosts(), at(86_400)).await;
    desk.take_due(at(86_400)).await;
    assert_eq!(desk.only().state, State::Fetched);
}

#[tokio::test]
async fn credentials_go_to_the_host_they_are_for_and_no_further() {
    let store = FileServer::start(vec![file(SOUND)]);
    let to = format!("location: {}", store.url("/signed.wav"));
    let server = FileServer::start(vec![status(302, &to)]);
    let hosts = format!(
        "fetch_private_hosts = [\"{}\", \"{}\"]\nfetch_auth = \"basic\"\nfetch_user = \"u\"\nfetch_secret = \"p\"\n\
         fetch_ending = \".wav\"",
        server.address, store.address
    );
    let desk = Desk::open(&hosts);
    desk.answered_call("c-1", &server.url("/RE1")).await;
    desk.take_due(at(0)).await;
    assert_eq!(desk.only().state, State::Fetched, "{:?}", desk.only());
    let first = &server.asked()[0];
    assert!(first.starts_with("GET /RE1.wav ") && first.contains("Basic dTpw"), "{first}");
    assert!(!store.asked()[0].to_lowercase().contains("authorization"), "{:?}", store.asked());
    assert_eq!(desk.recording(desk.only().recording.expect("a key")).hints.name, "signed.wav");
}

#[tokio::test]
async fn a_redirect_out_of_the_hosts_is_not_followed() {
    let inner = FileServer::start(vec![file(SOUND)]);
    let port = inner.address.rsplit(':').next().expect("a port").to_owned();
    let elsewhere = [
        format!("location: {}", inner.url("/1.wav")),
        format!("location: http://localhost:{port}/1.wav"),
        format!("location: //127.0.0.1:{port}/1.wav"),
        "location: file:///etc/passwd".to_owned(),
        "location: http://169.254.169.254/latest".to_owned(),
    ];
    for to in elsewhere {
        let server = FileServer::start(vec![status(302, &to)]);
        let desk = Desk::open(&server.hosts());
        desk.answered_call("c-1", &server.url("/1.wav")).await;
        desk.take_due(at(0)).await;
        let fetch = desk.only();
        let why = fetch.error.unwrap_or_default();
        assert!(fetch.state == State::Failed && why.contains("not followed"), "{to}: {why}");
    }
    assert!(inner.asked().is_empty());
}

#[tokio::test]
async fn a_circle_of_redirects_ends() {
    let server = FileServer::start(vec![status(302, "location: /again")]);
    let desk = Desk::open(&server.hosts());
    desk.answered_call("c-1", &server.url("/1.wav")).await;
    desk.take_due(at(0)).await;
    assert!(desk.only().error.is_some_and(|why| why.contains("more than 5 times")));
    assert_eq!(server.asked().len(), 6);
}

#[tokio::test]
async fn a_host_of_the_open_network_that_leads_into_our_own_is_not_asked() {
    let server = FileServer::start(vec![file(SOUND)]);
    let port = server.address.rsplit(':').next().expect("a port").to_owned();
    let desk = Desk::open(&format!("fetch_hosts = [\"localhost:{port}\"]"));
    desk.answered_call("c-1", &format!("http://localhost:{port}/1.wav")).await;
    desk.take_due(at(0)).await;
    let fetch = desk.only();
    assert_eq!(fetch.state, State::Failed);
    assert!(fetch.error.is_some_and(|why| why.contains("loopback")));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn what_is_too_long_cut_empty_or_no_file_is_not_kept() {
    let long = vec![b'x'; 2_000_000];
    let page = b"<html>log in</html>".to_vec();
    let told = |head: &str, body: &[u8]| {
        Answer::Bytes([format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes(), body].concat())
    };
    let table = [
        // Told too long, and found too long.
        (told("content-length: 2000000\r\n", &long), true, "fetching.bytes_max"),
        (told("", &long), true, "fetching.bytes_max"),
        (told("content-length: 500\r\n", b"RIFF"), false, "after 4 of 500 bytes"),
        (told("transfer-encoding: chunked\r\n", b"4\r\nRIFF\r\n"), false, "after 4 bytes"),
        (told("content-length: 0\r\n", b""), false, "empty"),
        (told("content-type: text/html\r\ncontent-length: 19\r\n", &page), false, "text/html"),
        (Answer::Bytes(b"SSH-2.0-OpenSSH\r\n".to_vec()), false, "no answer in HTTP"),
        (Answer::Bytes(Vec::new()), false, "no answer in HTTP"),
        (Answer::Silent, false, "within"),
        (Answer::Stands, false, "within"),
        (status(403, ""), false, "fetch_auth"),
        (status(410, ""), true, "deleted"),
    ];
    for (answer, lasting, why) in table {
        let server = FileServer::start(vec![answer]);
        let desk = Desk::open(&server.hosts());
        desk.answered_call("c-1", &server.url("/1.wav")).await;
        desk.take_due(at(0)).await;
        let fetch = desk.only();
        let wanted = if lasting { State::Failed } else { State::Waiting };
        let told = fetch.error.clone().unwrap_or_default();
        assert!(fetch.state == wanted && told.contains(why), "{why}: {fetch:?}");
        assert!(desk.is_empty(), "{why}: nothing of it is kept");
    }
}

#[tokio::test]
async fn an_expired_link_is_called_so_and_a_new_one_is_followed() {
    let server = FileServer::start(vec![status(403, ""), file(SOUND)]);
    let desk = Desk::open(&server.hosts());
    let signed = |day: u32| {
        let query = format!("X-Amz-Date=202611{day}T020000Z&X-Amz-Expires=600&X-Amz-Signature=a");
        server.url(&format!("/1.wav?{query}"))
    };
    desk.answered_call("c-1", &signed(22)).await;
    desk.take_due(at(0)).await;
    let fetch = desk.only();
    assert_eq!(fetch.state, State::Failed);
    assert!(fetch.error.is_some_and(|why| why.contains("expired at 2026-11-22 02:10:00 UTC")));
    desk.answered_call("c-1", &signed(24)).await;
    desk.take_due(at(1)).await;
    assert_eq!(desk.only().state, State::Fetched);
}

#[tokio::test]
async fn a_path_is_taken_from_the_folder_of_its_source_once_the_call_is_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("a path");
    let secret = tempfile::NamedTempFile::new().expect("a file outside");
    fs::create_dir(root.join("2026")).expect("made");
    fs::write(root.join("2026/1.wav"), SOUND).expect("written");
    let recorder = fs::File::options().write(true).open(root.join("2026/1.wav"));
    recorder.and_then(|file| file.set_modified(at(0).into())).expect("as the recorder left it");
    symlink(secret.path(), root.join("2.wav")).expect("linked");
    let desk = Desk::open(&format!("folders = [\"{}\"]", root.display()));
    let events = fetching::events("c-1", "/var/spool/recorder/2026/1.wav");
    let (alive, ended) = events.split_at(events.len() - 1);
    for event in alive {
        desk.deliver(event).await;
    }
    assert_eq!(desk.take_due(at(0)).await, 0, "it may still be written");
    desk.deliver(&ended[0]).await;
    assert_eq!(desk.take_due(at(0)).await, 1);
    assert_eq!(desk.only().state, State::Fetched, "{:?}", desk.only());
    desk.answered_call("c-2", "/var/spool/recorder/2.wav").await;
    desk.answered_call("c-3", "/var/spool/../../etc/passwd").await;
    desk.answered_call("c-4", "just-a-name.wav").await;
    desk.take_due(at(0)).await;
    let states: Vec<State> = desk.fetches().iter().map(|one| one.state).collect();
    assert_eq!(
        states,
        [State::Fetched, State::Failed, State::Failed],
        "a name is left to the folder"
    );
    desk.link().await;
    assert_eq!(desk.set_of("c-1").await.len(), 1);
}

#[tokio::test]
async fn what_is_announced_by_name_is_fetched_where_the_settings_say() {
    let server = FileServer::start(vec![file(SOUND)]);
    let hosts = format!(
        "{}\nfetch_url = \"{}\"\nfetch_auth = \"header\"\nfetch_user = \"X-Token\"\nfetch_secret = \"t\"",
        server.hosts(),
        server.url("/get?file={name}&in={path}")
    );
    let desk = Desk::open(&hosts);
    desk.answered_call("c-1", "2026-11/auto 1&2.wav").await;
    desk.take_due(at(0)).await;
    assert_eq!(desk.only().state, State::Fetched, "{:?}", desk.only());
    let asked = &server.asked()[0];
    assert!(
        asked.starts_with("GET /get?file=auto%201%262.wav&in=2026-11/auto%201%262.wav "),
        "{asked}"
    );
    assert!(asked.to_lowercase().contains("x-token: t\r\n"), "{asked}");
    assert_eq!(desk.recording(desk.only().recording.expect("a key")).hints.name, "auto 1&2.wav");
}

#[tokio::test]
async fn an_encrypted_host_must_be_known_or_vouched_for_by_the_settings() {
    let encrypted = Encrypted::named("localhost");
    let issuer = tempfile::NamedTempFile::new().expect("a file");
    fs::write(issuer.path(), &encrypted.issuer_pem).expect("written");
    let server = Switch::scripted(move |_, stream, _| {
        let mut stream = encrypted.wrap(stream);
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
            head.push(byte[0]);
        }
        let start = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", SOUND.len());
        // A client that does not trust us is gone by now.
        drop(stream.write_all(&[start.as_bytes(), SOUND].concat()));
        stream.conn.send_close_notify();
        drop(stream.flush());
    });
    let hosts = format!("fetch_private_hosts = [\"localhost:{}\"]", server.port);
    let url = format!("https://localhost:{}/1.wav", server.port);
    let known = format!("{hosts}\nfetch_ca_file = \"{}\"", issuer.path().display());
    for (settings, fetched) in [(&hosts, false), (&known, true)] {
        let desk = Desk::open(settings);
        desk.answered_call("c-1", &url).await;
        desk.take_due(at(0)).await;
        let fetch = desk.only();
        assert_eq!(fetch.state == State::Fetched, fetched, "{fetch:?}");
        let untrusted = fetch.error.as_deref().is_some_and(|why| why.contains("fetch_ca_file"));
        assert_eq!(untrusted, !fetched, "{fetch:?}");
    }
}

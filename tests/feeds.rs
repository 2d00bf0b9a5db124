//! Feeds: the real daemon connects to scripted phone systems that are late, wrong, cut off, too long or gone.

mod house;
mod switch;

use house::{House, run, until};
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use switch::{Encrypted, Manager, Switch, block};
use tokio_tungstenite::tungstenite::Message;

/// Settings with one source that has a feed.
fn settings(folder: &Path, adapter: &str, feed: &str, more: &str) -> String {
    let path = folder.join("ringledger.toml");
    let text = format!(
        "[[sites]]\nid = \"default\"\n[[sites.settings]]\ntime_zone = \"Asia/Shanghai\"\n\
         [[sources]]\nname = \"front\"\nadapter = \"{adapter}\"\nfeed = \"{feed}\"\n\
         feed_user = \"ring\"\nfeed_secret = \"open\"\nfeed_silence_s = 1\n{more}"
    );
    fs::write(&path, text).expect("written");
    path.to_string_lossy().into_owned()
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("data/ringledger.db")).expect("the database")
}

/// Bodies of the deliveries so far, in order; those of the connection itself as their word alone.
fn bodies(folder: &Path) -> Vec<String> {
    let database = database(folder);
    let mut query =
        database.prepare("SELECT body FROM fact WHERE kind = 1 ORDER BY id").expect("a query");
    let rows = query.query_map([], |row| row.get::<_, Vec<u8>>(0)).expect("rows");
    rows.map(|row| {
        let body = String::from_utf8_lossy(&row.expect("a row")).into_owned();
        let said: Option<Value> = serde_json::from_str(&body).ok();
        let word = said.and_then(|body| body["_connection"].as_str().map(str::to_owned));
        word.unwrap_or(body)
    })
    .collect()
}

fn wait_for(folder: &Path, what: &str, is: impl Fn(&[String]) -> bool) -> Vec<String> {
    until(what, || Some(bodies(folder)).filter(|bodies| is(bodies)))
}

fn event(name: &str, uniqueid: &str, at: &str) -> String {
    block(&[
        ("Event", name),
        ("Timestamp", at),
        ("Channel", &format!("PJSIP/trunk-{uniqueid}")),
        ("ChannelStateDesc", "Ring"),
        ("CallerIDNum", "13800138001"),
        ("Context", "from-trunk"),
        ("Exten", "8001"),
        ("Uniqueid", uniqueid),
        ("Linkedid", uniqueid),
    ])
}

#[test]
fn every_event_of_a_manager_is_kept_as_the_adapter_reads_it_however_the_wire_cuts_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let switch = Switch::scripted(|_, stream, _| {
        let mut manager = Manager::let_in(stream, &[]);
        let text = "Event: Newchannel\r\nTimestamp: 1795430222.1\r\nChannel: PJSIP/trunk-1\r\n\
                    ChanVariable: a=1\r\nChanVariable: b=2\r\nAccountCode: \r\nUniqueid: 7\r\n\r\n\
                    Event: Newexten\r\nUniqueid: 7\r\n\r\nEvent: VarSet\r\nVariable: X\r\n\r\n\
                    Event: VarSet\r\nVariable: MIXMONITOR_FILENAME\r\nValue: /a/b.wav\r\n\r\n";
        for piece in text.as_bytes().chunks(5) {
            manager.send(std::str::from_utf8(piece).expect("text"));
        }
        manager.stay();
    });
    let feed = format!("ami://127.0.0.1:{}", switch.port);
    let config = settings(folder.path(), "asterisk", &feed, "");
    let house = House::start(folder.path(), &["--config", &config]);
    let kept = wait_for(folder.path(), "four deliveries", |kept| kept.len() >= 4);
    assert!(house.stop().success());
    let complete = r#"{"Event":"CoreShowChannelsComplete","ActionID":"CoreShowChannels"}"#;
    let channel = r#"{"Event":"Newchannel","Timestamp":"1795430222.1","Channel":"PJSIP/trunk-1","ChanVariable":["a=1","b=2"],"AccountCode":"","Uniqueid":"7"}"#;
    let file = r#"{"Event":"VarSet","Variable":"MIXMONITOR_FILENAME","Value":"/a/b.wav"}"#;
    assert_eq!(kept, ["up", complete, channel, file]);
    assert_eq!(bodies(folder.path()).last().map(String::as_str), Some("down"), "told at the stop");
}

#[test]
fn a_connection_that_breaks_in_an_event_is_a_gap_and_what_outlived_it_stays_alive() {
    let folder = tempfile::tempdir().expect("a folder");
    let switch = Switch::scripted(|number, stream, _| {
        if number == 0 {
            let mut manager = Manager::let_in(stream, &[]);
            manager.send(&event("Newchannel", "100.1", "1795430222.1"));
            manager.send(&event("Newchannel", "100.2", "1795430222.2"));
            manager.send("Event: Newstate\r\nChannelStateDesc: Up\r\nUniq");
            return;
        }
        let alive = event("CoreShowChannel", "100.1", "").replace("Timestamp: \r\n", "");
        Manager::let_in(stream, &[&alive]).stay();
    });
    let feed = format!("ami://127.0.0.1:{}", switch.port);
    let config = settings(folder.path(), "asterisk", &feed, "");
    let house = House::start(folder.path(), &["--config", &config]);
    let words = |kept: &[String], word: &str| kept.iter().filter(|body| *body == word).count();
    let kept = wait_for(folder.path(), "the return", |kept| words(kept, "up") == 2);
    assert_eq!(words(&kept, "down"), 1, "{kept:?}");
    assert!(!kept.iter().any(|body| body.contains("Newstate")), "half an event is none: {kept:?}");
    let ended = until("both calls", || {
        let database = database(folder.path());
        let mut query = database.prepare("SELECT doc FROM call ORDER BY key").expect("a query");
        let docs: Vec<Value> = query
            .query_map([], |row| row.get::<_, String>(0))
            .expect("rows")
            .map(|doc| serde_json::from_str(&doc.expect("a row")).expect("JSON"))
            .collect();
        let ended: Vec<bool> = docs.iter().map(|doc| !doc["ended_at"].is_null()).collect();
        (ended == [false, true]).then_some(ended)
    });
    assert_eq!(ended, [false, true], "the one that is still listed lives, the other was closed");
    let metric = "ringledger_findings{site=\"default\",code=\"feed_gap\",state=\"open\"} 1";
    until("the finding", || {
        let metrics = String::from_utf8(house.ask("GET", "/metrics", &[], b"").1).expect("text");
        metrics.contains(metric).then_some(())
    });
}

#[test]
fn a_manager_that_falls_silent_is_lost_and_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let switch = Switch::scripted(|number, stream, say| {
        let mut manager = Manager::let_in(stream, &[]);
        if number > 0 {
            return manager.stay();
        }
        assert!(manager.action().contains("Action: Ping"));
        say("asked");
        // No answer: the client goes away by itself.
        assert_eq!(manager.action(), "");
        say("left");
    });
    let feed = format!("ami://127.0.0.1:{}", switch.port);
    let config = settings(folder.path(), "asterisk", &feed, "");
    let _house = House::start(folder.path(), &["--config", &config]);
    assert_eq!(switch.said.recv().as_deref(), Ok("asked"));
    assert_eq!(switch.said.recv().as_deref(), Ok("left"));
    wait_for(folder.path(), "the return", |kept| {
        let words: Vec<&str> =
            kept.iter().map(String::as_str).filter(|body| !body.starts_with('{')).collect();
        words == ["up", "down", "up"]
    });
}

#[test]
fn an_event_that_is_too_long_is_seen_and_the_next_one_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let switch = Switch::scripted(|_, stream, _| {
        let mut manager = Manager::let_in(stream, &[]);
        manager.send("Event: Huge\r\nX: ");
        for _ in 0..300 {
            manager.send(&"x".repeat(10_000));
        }
        manager.send("\r\n\r\n");
        manager.send(&event("Newchannel", "100.1", "1795430222.1"));
        manager.stay();
    });
    let feed = format!("ami://127.0.0.1:{}", switch.port);
    let config = settings(folder.path(), "asterisk", &feed, "");
    let _house = House::start(folder.path(), &["--config", &config]);
    let kept = wait_for(folder.path(), "the event after it", |kept| kept.len() >= 4);
    assert!(kept[2].starts_with("Event: Huge") && kept[2].len() <= 4096, "{}", kept[2].len());
    assert!(kept[3].contains("Newchannel"));
    let data = folder.path().join("data");
    let (_, listed) = run(&["deliveries", "--json", "--data", &data.to_string_lossy()]);
    assert_eq!(listed.matches("\"understood\":false").count(), 1, "{listed}");
}

#[test]
fn a_store_that_cannot_keep_up_slows_the_feed_and_loses_nothing() {
    const EVENTS: usize = 3000;
    let folder = tempfile::tempdir().expect("a folder");
    let switch = Switch::scripted(|number, stream, _| {
        let mut manager = Manager::let_in(stream, &[]);
        if number == 0 {
            // The very same event again and again, as a phone system without times sends it.
            let text = block(&[("Event", "Hold"), ("Uniqueid", "1")]);
            (0..EVENTS).for_each(|_| manager.send(&text));
        }
        manager.stay();
    });
    let feed = format!("ami://127.0.0.1:{}", switch.port);
    let config = settings(folder.path(), "asterisk", &feed, "");
    let text = fs::read_to_string(&config).expect("settings");
    fs::write(&config, format!("[store]\nwaiting_max = 2\nbatch_max = 2\n{text}"))
        .expect("written");
    let _house = House::start(folder.path(), &["--config", &config]);
    let held = |kept: &[String]| kept.iter().filter(|body| body.contains("Hold")).count();
    let kept = wait_for(folder.path(), "all of them", |kept| held(kept) >= EVENTS);
    assert_eq!(held(&kept), EVENTS);
}

#[test]
fn a_daemon_that_was_killed_tells_of_the_gap_when_it_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let switch = Switch::scripted(|_, stream, _| Manager::let_in(stream, &[]).stay());
    let feed = format!("ami://127.0.0.1:{}", switch.port);
    let config = settings(folder.path(), "asterisk", &feed, "");
    let mut house = House::start(folder.path(), &["--config", &config]);
    wait_for(folder.path(), "the feed", |kept| kept.len() == 2);
    house.child.kill().expect("killed");
    house.child.wait().expect("gone");
    let _house = House::start(folder.path(), &["--config", &config]);
    let kept = wait_for(folder.path(), "the return", |kept| kept.len() == 5);
    let words: Vec<&str> =
        kept.iter().map(String::as_str).filter(|body| !body.starts_with('{')).collect();
    assert_eq!(words, ["up", "down", "up"]);
}

fn check(config: &str, folder: &Path) -> String {
    let data = folder.join("data");
    let (code, text) = run(&["check", "--config", config, "--data", &data.to_string_lossy()]);
    assert_ne!(code, 2, "{text}");
    text.lines()
        .filter(|line| line.contains("feed of front"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn check_says_what_is_wrong_with_a_feed_and_the_cure() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = |switch: &Switch| {
        let feed = format!("ami://127.0.0.1:{}", switch.port);
        check(&settings(folder.path(), "asterisk", &feed, ""), folder.path())
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = closed.local_addr().expect("its address").port();
    drop(closed);
    let feed = format!("ami://127.0.0.1:{port}");
    let text = check(&settings(folder.path(), "asterisk", &feed, ""), folder.path());
    assert!(text.starts_with("BAD") && text.contains("nobody listens there"), "{text}");

    let text = said(&Switch::scripted(|_, mut stream, _| {
        drop(stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"));
    }));
    assert!(text.starts_with("BAD") && text.contains("is no manager"), "{text}");

    let text = said(&Switch::scripted(|_, stream, _| {
        let mut manager = Manager::greet(stream);
        manager.action();
        manager.send("Response: Error\r\nMessage: Authentication failed\r\n\r\n");
    }));
    assert!(text.starts_with("BAD") && text.contains("Authentication failed"), "{text}");
    assert!(!text.contains("open"), "the secret is not shown: {text}");

    // May read nothing of the system, nor ask for calls, nor send an event.
    let text = said(&Switch::scripted(|_, stream, _| {
        let mut manager = Manager::greet(stream);
        manager.action();
        manager.send("Response: Success\r\nMessage: Authentication accepted\r\n\r\n");
        manager.action();
        let denied = "Message: Permission denied\r\n\r\n";
        manager.send(&format!("Response: Error\r\nActionID: CoreShowChannels\r\n{denied}"));
        manager.action();
        manager.send(&format!("Response: Error\r\nActionID: UserEvent\r\n{denied}"));
        manager.stay();
    }));
    assert_eq!(text.matches("BAD").count(), 2, "{text}");
    assert!(text.contains("write = reporting") && text.contains("`system` in `read`"), "{text}");

    let with_event = |event: &'static str| {
        said(&Switch::scripted(move |_, stream, _| {
            let mut manager = Manager::greet(stream);
            manager.action();
            manager.send("Response: Success\r\nMessage: Authentication accepted\r\n\r\n");
            manager.send("Event: FullyBooted\r\nUptime: 5\r\n\r\n");
            manager.action();
            manager.send("Response: Success\r\nActionID: CoreShowChannels\r\n\r\n");
            manager.action();
            manager.send("Response: Success\r\nActionID: UserEvent\r\n\r\n");
            manager.send(event);
            manager.stay();
        }))
    };
    let text = with_event("");
    assert!(text.contains("BAD  feed of front: no events come"), "{text}");
    let text = with_event("Event: UserEvent\r\nUserEvent: RingledgerCheck\r\n\r\n");
    assert!(text.contains("timestampevents = yes"), "{text}");
    let text = with_event("Event: UserEvent\r\nTimestamp: 1.5\r\n\r\n");
    assert_eq!(text.matches("BAD").count(), 0, "{text}");
}

#[test]
fn an_encrypted_manager_is_trusted_by_its_issuer_and_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = folder.path().join("issuer.pem");
    let trusting = format!("feed_ca_file = \"{}\"\n", ca_file.display());
    let said = |name: &'static str, trust: &str| {
        let encrypted = Encrypted::named(name);
        fs::write(&ca_file, &encrypted.issuer_pem).expect("written");
        let switch = Switch::scripted(move |_, stream, _| {
            let mut stream = encrypted.wrap(stream);
            // A client that trusts us not goes away here.
            if stream.flush().is_err() {
                return;
            }
            Manager::let_in(stream, &[]).stay();
        });
        let feed = format!("amis://localhost:{}", switch.port);
        check(&settings(folder.path(), "asterisk", &feed, trust), folder.path())
    };
    let text = said("localhost", &trusting);
    assert!(text.contains("ok   feed of front: amis://localhost"), "{text}");
    let text = said("localhost", "");
    assert!(text.contains("BAD") && text.contains("feed_ca_file"), "{text}");
    let text = said("other.example", &trusting);
    assert!(text.contains("BAD") && text.contains("for another name"), "{text}");
    let plain = Switch::scripted(|_, stream, _| drop(Manager::greet(stream).action()));
    let feed = format!("amis://localhost:{}", plain.port);
    let text = check(&settings(folder.path(), "asterisk", &feed, ""), folder.path());
    assert!(text.contains("BAD") && text.contains("does not speak TLS"), "{text}");
}

#[test]
fn events_of_a_websocket_are_kept_byte_for_byte() {
    const EVENT: &str = r#"{ "type":"ChannelCreated", "timestamp":"2026-11-23T18:43:25.249+0800" ,"channel":{"id":"1.1","name":"PJSIP/trunk-1","state":"Ring"}}"#;
    let folder = tempfile::tempdir().expect("a folder");
    let none = |_: &str| "[]".to_owned();
    let switch = Switch::ari(none, |_, mut socket, _| {
        let mut send = |text: &str| socket.send(Message::text(text)).expect("sent");
        send(r#"{"type":"ChannelDialplan"}"#);
        send(r#"{"type":"ChannelVarset","variable":"X"}"#);
        send(EVENT);
        while socket.read().is_ok() {}
    });
    let feed = format!("ari://127.0.0.1:{}", switch.port);
    let config = settings(folder.path(), "asterisk", &feed, "");
    let house = House::start(folder.path(), &["--config", &config]);
    let kept = wait_for(folder.path(), "the event", |kept| kept.len() >= 2);
    assert_eq!(kept, ["up", EVENT]);
    let asked = switch.said.recv().expect("a request");
    assert!(asked.starts_with("/ari/events?app=ringledger&subscribeAll=true"), "{asked}");
    assert!(asked.contains("Basic cmluZzpvcGVu"), "{asked}");
    assert!(house.stop().success());
}

#[test]
fn a_listener_that_another_one_replaced_comes_back_and_check_replaces_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let switch = Switch::ari(
        |_| "[]".to_owned(),
        |number, mut socket, _| {
            if number == 0 {
                let replaced = r#"{"type":"ApplicationReplaced","application":"ringledger"}"#;
                socket.send(Message::text(replaced)).expect("sent");
            }
            while socket.read().is_ok() && number < 2 {}
        },
    );
    let feed = format!("ari://127.0.0.1:{}", switch.port);
    let config = settings(folder.path(), "asterisk", &feed, "");
    let house = House::start(folder.path(), &["--config", &config]);
    wait_for(folder.path(), "the return", |kept| kept == ["up", "down", "up"]);
    assert!(house.stop().success());
    check(&config, folder.path());
    let asked: Vec<String> = switch.said.iter().take(3).collect();
    assert!(asked[..2].iter().all(|asked| asked.contains("app=ringledger&")), "{asked:?}");
    assert!(asked[2].contains("app=ringledger-check&"), "{asked:?}");
}

#[test]
fn check_tells_a_wrong_login_of_a_websocket_from_one_that_is_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let answered = |head: &'static str| {
        let switch = Switch::scripted(move |_, mut stream, _| {
            let mut request = [0; 2048];
            drop(stream.read(&mut request));
            drop(stream.write_all(format!("{head}\r\nContent-Length: 0\r\n\r\n").as_bytes()));
        });
        let feed = format!("ari://127.0.0.1:{}", switch.port);
        check(&settings(folder.path(), "asterisk", &feed, ""), folder.path())
    };
    let text = answered("HTTP/1.1 401 Unauthorized");
    assert!(text.starts_with("BAD") && text.contains("user `ring` or its secret"), "{text}");
    let text = answered("HTTP/1.1 404 Not Found");
    assert!(text.starts_with("BAD") && text.contains("there is no ARI"), "{text}");
}

/// Ends of the calls so far by their names, once there are as many as wanted.
fn ended(folder: &Path, wanted: &[(&str, bool)]) {
    until("the calls and their ends", || {
        let database = database(folder);
        let mut query = database.prepare("SELECT doc FROM call ORDER BY key").expect("a query");
        let docs = query.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        let found: Vec<(String, bool)> = docs
            .map(|doc| {
                let doc: Value = serde_json::from_str(&doc.expect("a row")).expect("JSON");
                let inferred = doc["ended_inferred"].as_bool().unwrap_or_default();
                assert_eq!(inferred, !doc["ended_at"].is_null(), "nobody told an end: {doc}");
                (doc["call_id"].as_str().expect("an id").to_owned(), inferred)
            })
            .collect();
        let found: Vec<(&str, bool)> = found.iter().map(|(id, end)| (id.as_str(), *end)).collect();
        (found == wanted).then_some(())
    });
}

fn gap_is_found(house: &House) {
    let metric = "ringledger_findings{site=\"default\",code=\"feed_gap\",state=\"open\"} 1";
    until("the finding", || {
        let metrics = String::from_utf8(house.ask("GET", "/metrics", &[], b"").1).expect("text");
        metrics.contains(metric).then_some(())
    });
}

#[test]
fn calls_that_a_rest_list_shows_after_a_gap_outlived_it_and_the_others_did_not() {
    fn channel(id: &str, name: &str, state: &str) -> String {
        format!(
            r#"{{"id":"{id}","name":"PJSIP/{name}","state":"{state}","caller":{{"name":"","number":"13800138001"}},"connected":{{"name":"","number":""}},"accountcode":"","dialplan":{{"context":"from-trunk","exten":"8001","priority":1}},"creationtime":"2026-11-23T18:43:25.249+0800","language":"en"}}"#
        )
    }
    let folder = tempfile::tempdir().expect("a folder");
    let sockets = AtomicUsize::new(0);
    let list = move |path: &str| {
        match path {
        // The first time nothing is alive yet.
        "/pbx/ari/channels" if sockets.fetch_add(1, Ordering::SeqCst) == 0 => {
            "[]".to_owned()
        }
        "/pbx/ari/channels" => {
            let (old, new) = (channel("1.1", "trunk-1", "Up"), channel("1.8", "trunk-8", "Ring"));
            format!("[ {old},{new},{}]", channel("1.9", "8001-9", "Up"))
        }
        "/pbx/ari/bridges" if sockets.load(Ordering::SeqCst) == 1 => "[]".to_owned(),
        "/pbx/ari/bridges" => {
            r#"[{"id":"b-1","technology":"simple_bridge","bridge_type":"mixing","channels":["1.8","1.9"]}]"#.to_owned()
        }
        _ => String::new(),
    }
    };
    let switch = Switch::ari(list, |number, mut socket, _| {
        if number == 0 {
            for (id, name) in [("1.1", "trunk-1"), ("1.2", "trunk-2")] {
                let channel = channel(id, name, "Ring");
                let event = format!(
                    r#"{{"type":"ChannelCreated","timestamp":"2026-11-23T18:43:25.249+0800","channel":{channel}}}"#
                );
                socket.send(Message::text(event)).expect("sent");
            }
            return;
        }
        while socket.read().is_ok() {}
    });
    let feed = format!("ari://127.0.0.1:{}/pbx", switch.port);
    let config = settings(folder.path(), "asterisk", &feed, "");
    let house = House::start(folder.path(), &["--config", &config]);
    let kept = wait_for(folder.path(), "the lists", |kept| {
        kept.iter().filter(|body| body.contains("8001-9")).count() == 1
    });
    let row = channel("1.8", "trunk-8", "Ring");
    assert!(kept.contains(&row), "an item as it was written: {kept:?}");
    ended(folder.path(), &[("1.1", false), ("1.2", true), ("1.8", false)]);
    gap_is_found(&house);
    all_is_understood(house, folder.path());
}

fn all_is_understood(house: House, folder: &Path) {
    assert!(house.stop().success());
    let data = folder.join("data");
    let (_, listed) = run(&["deliveries", "--json", "--data", &data.to_string_lossy()]);
    assert_eq!(listed.matches("\"understood\":false").count(), 0, "{listed}");
}

#[test]
fn a_rest_list_that_is_refused_leaves_the_feed_standing_and_check_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let switch = Switch::ari(|_| String::new(), |_, mut socket, _| while socket.read().is_ok() {});
    let feed = format!("ari://127.0.0.1:{}", switch.port);
    let config = settings(folder.path(), "asterisk", &feed, "");
    let _house = House::start(folder.path(), &["--config", &config]);
    wait_for(folder.path(), "the feed", |kept| kept == ["up"]);
    let text = check(&config, folder.path());
    assert!(
        text.contains("BAD") && text.contains("404") && text.contains("/ari/channels"),
        "{text}"
    );
    assert!(text.contains("connected and logged in"), "{text}");
}

/// The next command of an event socket's client; empty at its end.
fn command(stream: &mut BufReader<TcpStream>) -> String {
    let mut command = String::new();
    while stream.read_line(&mut command).is_ok_and(|bytes| bytes > 1) {}
    command.trim().to_owned()
}

fn reply(stream: &mut BufReader<TcpStream>, text: &str) {
    let frame = format!("Content-Type: command/reply\nReply-Text: {text}\n\n");
    drop(stream.get_mut().write_all(frame.as_bytes()));
}

#[test]
fn events_of_an_event_socket_are_kept_byte_for_byte_in_either_form() {
    const EVENT: &str = "{\"Event-Name\":\"CHANNEL_ANSWER\",\"Unique-ID\":\"u-1\"}";
    let folder = tempfile::tempdir().expect("a folder");
    let switch = Switch::scripted(|number, stream, say| {
        let mut stream = BufReader::new(stream);
        drop(stream.get_mut().write_all(b"Content-Type: auth/request\n\n"));
        say(&command(&mut stream));
        reply(&mut stream, "+OK accepted");
        say(&command(&mut stream));
        let json = number == 0;
        if !json {
            reply(&mut stream, "-ERR no json");
            say(&command(&mut stream));
        }
        reply(&mut stream, "+OK event listener enabled");
        let (kind, body) = match json {
            true => ("json", EVENT),
            false => ("plain", "Event-Name: CHANNEL_HANGUP\nUnique-ID: u%201\n\n"),
        };
        let frame =
            format!("Content-Length: {}\nContent-Type: text/event-{kind}\n\n{body}", body.len());
        for piece in frame.as_bytes().chunks(9) {
            drop(stream.get_mut().write_all(piece));
        }
        if json {
            // A close before this is read would be a reset, and take the event back off the wire.
            assert_eq!(command(&mut stream), "api show channels as json");
            drop(stream.get_mut().write_all(b"Content-Type: text/disconnect-notice\n\n"));
            return;
        }
        while !command(&mut stream).is_empty() {
            reply(&mut stream, "+OK no longer logging");
        }
    });
    let feed = format!("esl://127.0.0.1:{}", switch.port);
    let config = settings(folder.path(), "freeswitch", &feed, "");
    let _house = House::start(folder.path(), &["--config", &config]);
    let kept = wait_for(folder.path(), "both events", |kept| kept.len() >= 5);
    let plain = r#"{"Event-Name":"CHANNEL_HANGUP","Unique-ID":"u 1"}"#;
    assert_eq!(kept, ["up", EVENT, "down", "up", plain]);
    let said: Vec<String> = switch.said.try_iter().collect();
    assert_eq!(said[0], "userauth ring:open");
    assert!(said[1].starts_with("event json CHANNEL_CREATE"), "{said:?}");
    assert!(said[4].starts_with("event plain CHANNEL_CREATE"), "{said:?}");
    let data = folder.path().join("data");
    let (_, listed) = run(&["deliveries", "--json", "--data", &data.to_string_lossy()]);
    assert_eq!(listed.matches("\"understood\":true").count(), 5, "whatever the dialect: {listed}");
}

/// Lets a client in, up to its question for the calls that are alive.
fn let_in(stream: TcpStream) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(stream);
    drop(stream.get_mut().write_all(b"Content-Type: auth/request\n\n"));
    command(&mut stream);
    reply(&mut stream, "+OK accepted");
    command(&mut stream);
    reply(&mut stream, "+OK event listener enabled json");
    assert_eq!(command(&mut stream), "api show channels as json");
    stream
}

fn answer(stream: &mut BufReader<TcpStream>, kind: &str, body: &str) {
    let frame = format!("Content-Type: {kind}\nContent-Length: {}\n\n{body}", body.len());
    drop(stream.get_mut().write_all(frame.as_bytes()));
}

#[test]
fn calls_that_an_event_socket_lists_after_a_gap_outlived_it_and_the_others_did_not() {
    fn created(id: &str) -> String {
        format!(
            r#"{{"Event-Name":"CHANNEL_CREATE","Unique-ID":"{id}","Call-Direction":"inbound","Event-Date-Timestamp":"1795430222100000","Caller-Channel-Created-Time":"1795430222100000","Caller-Caller-ID-Number":"13800138001","Caller-Destination-Number":"8001"}}"#
        )
    }
    fn row(id: &str, direction: &str, state: &str, call: &str) -> String {
        format!(
            r#"{{"uuid":"{id}","direction":"{direction}","created":"2026-11-23 18:43:25","created_epoch":"1795430222","name":"sofia/external/13800138001","state":"CS_EXECUTE","cid_name":"","cid_num":"13800138001","ip_addr":"192.0.2.1","dest":"8001","callstate":"{state}","call_uuid":"{call}"}}"#
        )
    }
    let folder = tempfile::tempdir().expect("a folder");
    let switch = Switch::scripted(|number, stream, _| {
        let mut stream = let_in(stream);
        if number == 0 {
            answer(&mut stream, "api/response", r#"{"row_count":0}"#);
            for id in ["u-1", "u-2", "u-3"] {
                answer(&mut stream, "text/event-json", &created(id));
            }
            drop(stream.get_mut().write_all(b"Content-Type: text/disconnect-notice\n\n"));
            return;
        }
        let rows = [
            row("u-1", "inbound", "ACTIVE", ""),
            row("u-3", "inbound", "HANGUP", "u-3"),
            row("u-9", "outbound", "ACTIVE", "u-8"),
            row("u-8", "inbound", "ACTIVE", "u-8"),
        ];
        answer(
            &mut stream,
            "api/response",
            &format!(r#"{{"row_count":4,"rows":[{}]}}"#, rows.join(",")),
        );
        while !command(&mut stream).is_empty() {
            reply(&mut stream, "+OK no longer logging");
        }
    });
    let feed = format!("esl://127.0.0.1:{}", switch.port);
    let config = settings(folder.path(), "freeswitch", &feed, "");
    let house = House::start(folder.path(), &["--config", &config]);
    let kept = wait_for(folder.path(), "the list", |kept| kept.len() >= 10);
    let row = row("u-9", "outbound", "ACTIVE", "u-8");
    assert!(kept.contains(&row), "a row as it was written: {kept:?}");
    ended(folder.path(), &[("u-1", false), ("u-2", true), ("u-3", true), ("u-8", false)]);
    gap_is_found(&house);
    all_is_understood(house, folder.path());
}

#[test]
fn check_says_whether_an_event_socket_lists_the_calls_that_are_alive() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = |kind: &'static str, body: &'static str| {
        let switch = Switch::scripted(move |_, stream, _| {
            let mut stream = let_in(stream);
            match kind {
                "command/reply" => reply(&mut stream, body),
                kind => answer(&mut stream, kind, body),
            }
            while !command(&mut stream).is_empty() {
                reply(&mut stream, "+OK no longer logging");
            }
        });
        let feed = format!("esl://127.0.0.1:{}", switch.port);
        check(&settings(folder.path(), "freeswitch", &feed, ""), folder.path())
    };
    let text = said("api/response", r#"{"row_count":0}"#);
    assert!(text.contains("ok   feed of front: the calls that are alive can be asked"), "{text}");
    assert!(!text.contains("BAD"), "{text}");
    let refused =
        [("api/response", "-ERR not found\n"), ("command/reply", "-ERR permission denied")];
    for (kind, body) in refused {
        let text = said(kind, body);
        assert!(text.contains("BAD") && text.contains("api show"), "{text}");
        assert!(text.contains(body.trim()), "{text}");
    }
}

#[test]
fn check_says_why_an_event_socket_does_not_let_us_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = |switch: &Switch| {
        let feed = format!("esl://127.0.0.1:{}", switch.port);
        check(&settings(folder.path(), "freeswitch", &feed, ""), folder.path())
    };
    let text = said(&Switch::scripted(|_, mut stream, _| {
        let body = "Access Denied, go away.\n";
        let head = format!("Content-Type: text/rude-rejection\nContent-Length: {}\n\n", body.len());
        drop(stream.write_all((head + body).as_bytes()));
    }));
    assert!(text.starts_with("BAD") && text.contains("apply-inbound-acl"), "{text}");
    let text = said(&Switch::scripted(|_, stream, _| {
        let mut stream = BufReader::new(stream);
        drop(stream.get_mut().write_all(b"Content-Type: auth/request\n\n"));
        command(&mut stream);
        reply(&mut stream, "-ERR invalid");
    }));
    assert!(text.starts_with("BAD") && text.contains("check feed_secret"), "{text}");
}

#[test]
fn a_feed_that_cannot_be_meant_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = settings(folder.path(), "asterisk", "http://pbx", "");
    let text = fs::read_to_string(&config).expect("settings");
    fs::write(&config, text.replace("\"open\"", "\"\"").replace("silence_s = 1", "silence_s = 0"))
        .expect("written");
    let (code, text) = run(&["check", "--config", &config]);
    assert_eq!(code, 2, "{text}");
    for key in ["sources[0].feed`", "sources[0].feed_secret`", "sources[0].feed_silence_s`"] {
        assert!(text.contains(key), "{key}: {text}");
    }
}

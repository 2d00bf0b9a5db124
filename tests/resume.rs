//! A recording whose transfer broke, or was cut by a restart, is gone on with where its host can give the rest, and comes
//! whole from its beginning where it cannot.

mod fetching;
mod house;

use chrono::TimeDelta;
use fetching::{Answer, Desk, FileServer, SOUND, at, file, status};
use house::{House, until};
use ringledger::store::sqlite::fetches::State;
use sha2::{Digest, Sha256};
use std::fs;

/// How much of the file comes before it breaks off.
const HALF: usize = 20_000;

/// A file told whole, with more in its head, of which only the beginning comes.
fn broken(more: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: audio/x-wav\r\n{more}content-length: {}\r\n\r\n",
        SOUND.len()
    );
    [head.as_bytes(), &SOUND[..HALF]].concat()
}

/// The rest of the file from a place on, as it is said to be.
fn rest(from: usize, range: &str) -> Answer {
    let body = &SOUND[from..];
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\ncontent-type: audio/x-wav\r\ncontent-range: {range}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    Answer::Bytes([head.as_bytes(), body].concat())
}

fn rightly(from: usize) -> Answer {
    rest(from, &format!("bytes {from}-{}/{}", SOUND.len() - 1, SOUND.len()))
}

/// Tries until nothing waits any more; the server's questions.
async fn fetched(answers: Vec<Answer>) -> Vec<String> {
    let server = FileServer::start(answers);
    let desk = Desk::open(&server.hosts());
    desk.answered_call("c-1", &server.url("/1.wav")).await;
    desk.take_due(at(0)).await;
    let fetch = desk.only();
    assert_eq!(fetch.state, State::Waiting, "{fetch:?}");
    let why = fetch.error.unwrap_or_default();
    assert!(why.contains(&format!("after {HALF} of {} bytes", SOUND.len())), "{why}");
    desk.take_due(at(60)).await;
    let fetch = desk.only();
    assert_eq!(fetch.state, State::Fetched, "{fetch:?}");
    assert!(
        desk.bytes(fetch.recording.expect("its recording")) == SOUND,
        "the bytes of the file, once each"
    );
    assert_eq!(desk.unfinished(), 0);
    server.asked().into_iter().map(|asked| asked.to_lowercase()).collect()
}

#[tokio::test]
async fn the_rest_of_a_file_is_asked_for_by_its_tag_and_joined() {
    let asked = fetched(vec![Answer::Bytes(broken("etag: \"v1\"\r\n")), rightly(HALF)]).await;
    assert_eq!(asked.len(), 2);
    assert!(!asked[0].contains("range:"), "{asked:?}");
    assert!(asked[1].contains(&format!("\r\nrange: bytes={HALF}-\r\n")), "{asked:?}");
    assert!(asked[1].contains("\r\nif-range: \"v1\"\r\n"), "{asked:?}");
}

#[tokio::test]
async fn a_date_will_do_where_it_cannot_mean_two_versions() {
    let dated = |changed: &str| {
        broken(&format!("date: Mon, 23 Nov 2026 02:00:59 GMT\r\nlast-modified: {changed}\r\n"))
    };
    let asked =
        fetched(vec![Answer::Bytes(dated("Mon, 23 Nov 2026 02:00:50 GMT")), rightly(HALF)]).await;
    assert!(asked[1].contains("\r\nif-range: mon, 23 nov 2026 02:00:50 gmt\r\n"), "{asked:?}");
    let asked =
        fetched(vec![Answer::Bytes(dated("Mon, 23 Nov 2026 02:00:59 GMT")), file(SOUND)]).await;
    assert!(!asked[1].contains("range:"), "changed in the second in which it was told: {asked:?}");
}

#[tokio::test]
async fn what_cannot_be_known_again_comes_from_its_beginning() {
    for more in ["", "etag: W/\"v1\"\r\n", "etag: \"v1\"\r\naccept-ranges: none\r\n"] {
        let asked = fetched(vec![Answer::Bytes(broken(more)), file(SOUND)]).await;
        assert!(!asked[1].contains("range:"), "{more}: {asked:?}");
    }
}

#[tokio::test]
async fn a_host_that_gives_the_whole_again_is_believed() {
    let asked = fetched(vec![Answer::Bytes(broken("etag: \"v1\"\r\n")), file(SOUND)]).await;
    assert!(asked[1].contains("range: bytes="), "{asked:?}");
}

#[tokio::test]
async fn a_rest_that_does_not_fit_is_left_and_the_whole_asked_for_at_once() {
    let table = [
        status(416, ""),
        rest(HALF - 1, &format!("bytes {}-{}/{}", HALF - 1, SOUND.len() - 1, SOUND.len())),
        rest(HALF, "pages 1-2/3"),
    ];
    for answer in table {
        let begun = Answer::Bytes(broken("etag: \"v1\"\r\n"));
        let asked = fetched(vec![begun, answer, file(SOUND)]).await;
        assert_eq!(asked.len(), 3, "{asked:?}");
        assert!(!asked[2].contains("range:"), "{asked:?}");
    }
}

#[tokio::test]
async fn the_longest_length_holds_for_the_whole_however_many_times_it_takes() {
    let too_long = format!("bytes {HALF}-1999999/2000000");
    let untold = vec![b'x'; 1_000_000 - HALF + 1];
    let head =
        format!("HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {HALF}-1999999/*\r\n\r\n");
    let untold = Answer::Bytes([head.as_bytes(), &untold].concat());
    for answer in [rest(HALF, &too_long), untold] {
        let server = FileServer::start(vec![Answer::Bytes(broken("etag: \"v1\"\r\n")), answer]);
        let desk = Desk::open(&server.hosts());
        desk.answered_call("c-1", &server.url("/1.wav")).await;
        desk.take_due(at(0)).await;
        assert_eq!(desk.unfinished(), 2, "bytes and slip");
        desk.take_due(at(60)).await;
        let fetch = desk.only();
        assert_eq!(fetch.state, State::Failed, "{fetch:?}");
        assert!(fetch.error.is_some_and(|why| why.contains("fetching.bytes_max")));
        assert!(desk.is_empty(), "nothing of it is kept");
    }
}

#[tokio::test]
async fn a_part_goes_when_its_file_is_given_up() {
    let server =
        FileServer::start(vec![Answer::Bytes(broken("etag: \"v1\"\r\n")), status(500, "")]);
    let desk = Desk::open(&server.hosts());
    desk.answered_call("c-1", &server.url("/1.wav")).await;
    desk.take_due(at(0)).await;
    assert_eq!(desk.unfinished(), 2);
    let late = at(0) + TimeDelta::seconds(2 * fetching::GRACE_S);
    desk.take_due(late).await;
    assert_eq!(desk.only().state, State::Failed, "{:?}", desk.only());
    assert!(desk.is_empty());
}

#[test]
fn a_fetch_that_was_killed_half_way_goes_on_after_the_restart() {
    let server = FileServer::start(vec![Answer::Held(broken("etag: \"v1\"\r\n")), rightly(HALF)]);
    let folder = tempfile::tempdir().expect("a folder");
    let config = fetching::settings(folder.path(), &server.hosts());
    let mut house = House::start(folder.path(), &["--config", &config]);
    for event in fetching::events("c-1", &server.url("/1.wav")) {
        assert_eq!(house.deliver(&event), 200);
    }
    let parts = folder.path().join("data/recordings/.parts");
    let here = |name: &str| fs::metadata(parts.join(name)).map_or(0, |file| file.len());
    until("half of the file on the disk", || (here("1") == HALF as u64).then_some(()));
    house.child.kill().expect("killed");
    house.child.wait().expect("gone");
    fs::write(parts.join("77"), "of a file that nothing waits for").expect("written");
    let house = House::start(folder.path(), &["--config", &config]);
    let metrics = || String::from_utf8(house.ask("GET", "/metrics", &[], b"").1).expect("text");
    until("the recording", || {
        metrics().contains("recordings_fetched_total{source=\"generic\"} 1").then_some(())
    });
    let asked = server.asked();
    assert!(asked[1].to_lowercase().contains(&format!("range: bytes={HALF}-")), "{asked:?}");
    assert_eq!(fs::read_dir(&parts).expect("the folder").count(), 0, "no part is left");
    let database = rusqlite::Connection::open(folder.path().join("data/ringledger.db"));
    let sql = "SELECT json_extract(doc, '$.hash'), bytes FROM recording";
    let kept: (String, i64) = database
        .expect("the database")
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("one recording");
    let hash: String = Sha256::digest(SOUND).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(kept, (hash, SOUND.len() as i64), "the bytes of the file, once each");
}

#[test]
fn of_a_sealed_site_nothing_unfinished_lies_open() {
    let server = FileServer::start(vec![Answer::Bytes(broken("etag: \"v1\"\r\n")), file(SOUND)]);
    let folder = tempfile::tempdir().expect("a folder");
    let config = fetching::settings(folder.path(), &server.hosts());
    let key = "0123456789abcdef".repeat(4);
    let text = fs::read_to_string(&config).expect("settings");
    let sealed =
        text.replace("id = \"default\"", &format!("id = \"default\"\nseal_key = \"{key}\""));
    fs::write(&config, sealed).expect("written");
    let house = House::start(folder.path(), &["--config", &config]);
    for event in fetching::events("c-1", &server.url("/1.wav")) {
        assert_eq!(house.deliver(&event), 200);
    }
    let metrics = || String::from_utf8(house.ask("GET", "/metrics", &[], b"").1).expect("text");
    until("the recording", || {
        metrics().contains("recordings_fetched_total{source=\"generic\"} 1").then_some(())
    });
    let asked = server.asked();
    assert!(!asked[1].to_lowercase().contains("range:"), "{asked:?}");
    assert!(!folder.path().join("data/recordings/.parts").exists());
}

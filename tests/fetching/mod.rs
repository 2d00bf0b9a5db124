//! A file server that answers as it is told to, and a desk whose recordings lie there.
#![allow(dead_code, reason = "each test file uses a part of it")]

use chrono::{DateTime, TimeDelta, Utc};
use ringledger::app::{self, Data};
use ringledger::audit::Question;
use ringledger::call::Moment;
use ringledger::config::Config;
use ringledger::finding::{Code, Finding};
use ringledger::flow::intake::{Answer as Kept, Intake};
use ringledger::job::fetch::Fetching;
use ringledger::job::relink_daemon;
use ringledger::pbx::Delivery;
use ringledger::recording::Recording;
use ringledger::store::sqlite::fetches::{self, Fetch};
use ringledger::store::sqlite::recordings;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::broadcast;

/// A whole recording.
pub const SOUND: &[u8] =
    include_bytes!("../../samples/day/spool/in-8001-13800138002-20261123-183715-1795430235.3.wav");
/// The site's time of grace.
pub const GRACE_S: i64 = 600;

/// What the server does with a request.
#[derive(Clone)]
pub enum Answer {
    /// These bytes, and the end of the connection.
    Bytes(Vec<u8>),
    /// Nothing at all, until the server stops.
    Silent,
    /// The beginning of a file, and nothing more until the server stops.
    Stands,
    /// These bytes, and nothing more until the server stops.
    Held(Vec<u8>),
}

/// A file told whole.
pub fn file(body: &[u8]) -> Answer {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: audio/x-wav\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Answer::Bytes([head.as_bytes(), body].concat())
}

/// An answer without a file.
pub fn status(code: u16, header: &str) -> Answer {
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    Answer::Bytes(format!("HTTP/1.1 {code} x\r\n{header}content-length: 0\r\n\r\n").into_bytes())
}

/// Answers in order, the last one again and again; gone when dropped.
pub struct FileServer {
    pub address: String,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FileServer {
    pub fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (seen, stopped) = (Arc::clone(&asked), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                let head = head(&mut stream);
                let place = {
                    let mut seen = seen.lock().expect("the list");
                    seen.push(head);
                    seen.len() - 1
                };
                match &answers[place.min(answers.len() - 1)] {
                    // A client that has heard enough goes away.
                    Answer::Bytes(bytes) => drop(stream.write_all(bytes)),
                    Answer::Silent => held.push(stream),
                    Answer::Held(bytes) => {
                        drop(stream.write_all(bytes));
                        held.push(stream);
                    }
                    Answer::Stands => {
                        let start = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nRIFF";
                        drop(stream.write_all(start));
                        held.push(stream);
                    }
                }
            }
        });
        Self { address, asked, stop, thread: Some(thread) }
    }

    /// All requests so far: heads, and what they told the length of.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("the list").clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The setting that lets a source fetch from here.
    pub fn hosts(&self) -> String {
        format!("fetch_private_hosts = [\"{}\"]", self.address)
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(&self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let told = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let mut body = vec![0; told.and_then(|told| told.parse().ok()).unwrap_or(0)];
    drop(stream.read_exact(&mut body));
    head.extend(body);
    String::from_utf8_lossy(&head).into_owned()
}

/// A moment so many seconds after the calls are over.
pub fn at(seconds: i64) -> Moment {
    let ended: DateTime<Utc> = "2026-11-23T02:01:00Z".parse().expect("a moment");
    ended + TimeDelta::seconds(seconds)
}

/// Settings of a site with one source, and small limits.
fn text(source: &str) -> String {
    format!(
        "[fetching]\nbytes_max = 1000000\nidle_s = 1\nconnect_s = 1\n[[sites]]\nid = \"default\"\n[[sites.settings]]\n\
         recording_grace_s = {GRACE_S}\n[[sources]]\nname = \"generic\"\nadapter = \"generic\"\n{source}\n"
    )
}

/// Writes settings for a daemon that keeps its patience; their path.
pub fn settings(folder: &Path, source: &str) -> String {
    let path = folder.join("ringledger.toml");
    let text = text(source)
        .replace("idle_s = 1", "idle_s = 600")
        .replace("connect_s = 1", "connect_s = 60");
    std::fs::write(&path, text).expect("written");
    path.to_string_lossy().into_owned()
}

/// An answered call that announces a recording before it ends.
pub fn events(call: &str, reference: &str) -> Vec<String> {
    let event = |kind: &str, second: u32, more: &str| {
        let at = format!("2026-11-23T10:00:{second:02}+08:00");
        format!(
            r#"{{"type":"{kind}","at":"{at}","call":"{call}","leg":"{call}-l","extension":"8001","from":"13800138000"{more}}}"#
        )
    };
    let address = if reference.contains("://") { "url" } else { "name" };
    let recording = format!(r#","recording":{{"{address}":"{reference}"}}"#);
    let end = format!(
        r#"{{"type":"call.ended","at":"2026-11-23T10:01:00+08:00","call":"{call}","leg":"{call}-l"}}"#
    );
    vec![
        event("call.offered", 0, ""),
        event("leg.alerting", 1, ""),
        event("leg.answered", 5, ""),
        event("leg.joined", 5, ""),
        event("recording.announced", 58, &recording),
        end,
    ]
}

/// The data of a desk, and the job that fetches; no daemon, so that the clock stands.
pub struct Desk {
    folder: tempfile::TempDir,
    data: Data,
    intake: Intake,
    fetching: Fetching,
}

impl Desk {
    pub fn open(source: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path(), source);
        let data = app::open(&config, true).expect("the data");
        let ways = app::ways(&config, data.rules.clone()).expect("good settings");
        let fetching = Fetching::new(data.archive.clone(), ways);
        let (announced, _) = broadcast::channel(16);
        let intake = Intake::new(data.rules.clone(), data.archive.clone(), announced);
        Self { folder, data, intake, fetching }
    }

    /// Other settings, as after a reload.
    pub async fn configure(&mut self, source: &str, as_of: Moment) {
        let config = config(self.folder.path(), source);
        let rules = Arc::new(app::rules(&config).expect("good settings"));
        let ways = app::ways(&config, rules.clone()).expect("good settings");
        self.intake.renew(rules).await.expect("renewed");
        self.fetching.renew(ways, as_of).await;
    }

    pub async fn deliver(&self, body: &str) {
        let delivery = Delivery {
            received_at: at(0),
            method: "POST".into(),
            target: "/hook/generic".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_owned().into(),
        };
        let peer = "127.0.0.1".parse().expect("an address");
        let kept = self.intake.take("generic", peer, delivery).await;
        let understood = matches!(&kept, Kept::Kept { why_not_understood: None, .. });
        assert!(understood, "{kept:?}: {body}");
        self.data.store.folded().await;
    }

    pub async fn answered_call(&self, call: &str, reference: &str) {
        for event in events(call, reference) {
            self.deliver(&event).await;
        }
    }

    /// Tries all that is due at a moment, one after the other; how many that was.
    pub async fn take_due(&self, as_of: Moment) -> usize {
        let due = self.data.store.read(|c| fetches::due(c, as_of, 100)).expect("the queue");
        let count = due.len();
        for fetch in due {
            self.fetching.take(fetch, as_of).await;
        }
        count
    }

    /// All rows of the queue, in order.
    pub fn fetches(&self) -> Vec<Fetch> {
        let store = &self.data.store;
        let all = (1..64)
            .flat_map(|fact| store.read(|c| fetches::of_call(c, fact * 256)).expect("the queue"));
        all.collect()
    }

    pub fn only(&self) -> Fetch {
        let mut all = self.fetches();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    pub fn recording(&self, key: i64) -> Recording {
        let found = self.data.store.read(|connection| recordings::recording(connection, key));
        found.expect("the recording").recording
    }

    /// Whether no bytes are kept, nor on their way.
    pub fn is_empty(&self) -> bool {
        let kept = self.data.store.read(recordings::count).expect("a count");
        self.unfinished() == 0 && kept == 0
    }

    /// How many unfinished files there are.
    pub fn unfinished(&self) -> usize {
        let root = self.folder.path().join("data/recordings");
        let count = |name: &str| std::fs::read_dir(root.join(name)).map_or(0, Iterator::count);
        count(".incoming") + count(".parts")
    }

    /// The bytes of a recording.
    pub fn bytes(&self, key: i64) -> Vec<u8> {
        let hash = self.recording(key).hash;
        let mut bytes = Vec::new();
        let object = self.data.archive.objects.open(&hash);
        object.expect("the object").read_to_end(&mut bytes).expect("its bytes");
        bytes
    }

    /// Links and judges, as the daemon does.
    pub async fn link(&self) {
        self.judge(at(0)).await;
    }

    async fn judge(&self, as_of: Moment) {
        let site = &self.data.rules.sites["default"];
        let key = self.data.store.site("default").expect("the site");
        relink_daemon::catch_up(&self.data.store, site, key, as_of).await.expect("linked");
    }

    /// What is found about recordings that are missing.
    pub async fn findings(&self, as_of: Moment) -> Vec<Finding> {
        self.judge(as_of).await;
        let day = "2026-11-23".parse().expect("a day");
        let question = Question { site: "default".into(), from: day, to: day, as_of };
        let report = app::answers(&self.data).audit(&question).await.expect("a report");
        let found = report.findings.into_iter();
        found.filter(|one| one.code == Code::CallWithoutRecording).collect()
    }

    /// The recordings of a call.
    pub async fn set_of(&self, call: &str) -> Vec<Recording> {
        let answers = app::answers(&self.data);
        let key = answers.call_key("default", call).await.expect("the call");
        let answer = answers.call(key).await.expect("the call");
        answer.recordings.into_iter().map(|fact| fact.recording).collect()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.data.store.close();
    }
}

fn config(folder: &Path, source: &str) -> Config {
    let mut config = Config::parse("test", &text(source), &|_| None).expect("good settings");
    config.data.dir = folder.join("data").to_string_lossy().into_owned();
    config
}

//! A site in this process: events go in as they would from outside, links follow each of them.
#![allow(dead_code, reason = "each test file uses a part of it")]

use chrono::{DateTime, TimeDelta};
use ringledger::app::{self, Data};
use ringledger::call::Moment;
use ringledger::config::Config;
use ringledger::flow::intake::{Answer, Intake};
use ringledger::job::relink_daemon::{self, Held, Pace};
use ringledger::job::{close, replay};
use ringledger::ledger::LedgerEntry;
use ringledger::pbx::Delivery;
use ringledger::recording::{ContentHash, Hints};
use ringledger::site::Site;
use ringledger::store::sqlite::entries::Written;
use ringledger::store::sqlite::recordings::Arrived;
use ringledger::store::sqlite::replay::Difference;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};

/// A moment some seconds after the beginning.
pub fn at(second: i64) -> Moment {
    DateTime::from_timestamp(1_763_000_000, 0).expect("a moment") + TimeDelta::seconds(second)
}

pub struct Stream {
    pub data: Data,
    pub intake: Intake,
    pub site: Site,
    pub key: i64,
    held: Held,
    /// Changes that are linked together at most.
    pub at_most: usize,
    folder: tempfile::TempDir,
}

impl Stream {
    pub fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.data.dir = folder.path().join("data").to_string_lossy().into_owned();
        let data = app::open(&config, true).expect("the data");
        let (announced, _) = tokio::sync::broadcast::channel(4);
        let intake = Intake::new(data.rules.clone(), data.archive.clone(), announced);
        let site = data.rules.sites["default"].clone();
        let key = data.store.site("default").expect("a site");
        Self { data, intake, site, key, held: Held::default(), at_most: Pace::ON.at_most, folder }
    }

    /// An event of our own kind.
    pub async fn event(&self, kind: &str, second: i64, body: serde_json::Value) {
        let mut event = json!({ "type": kind, "at": at(second).to_rfc3339() });
        let more = body.as_object().expect("fields").clone();
        event.as_object_mut().expect("an object").extend(more);
        self.deliver(event, second).await;
    }

    /// A delivery of one event or a list of them.
    pub async fn deliver(&self, body: serde_json::Value, second: i64) {
        let delivery = Delivery {
            received_at: at(second) + TimeDelta::seconds(1),
            method: "POST".into(),
            target: "/hook/generic".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into(),
        };
        let answer = self.intake.take("generic", IpAddr::V4(Ipv4Addr::LOCALHOST), delivery).await;
        assert!(matches!(answer, Answer::Kept { .. }), "{answer:?}");
    }

    pub async fn entry(&self, entry: LedgerEntry, imported: bool) {
        let (key, now) = (self.key, entry.registered_at);
        let written = Written { entry, imported };
        let saved = self.data.store.write(move |tx| tx.save_entry(key, &written, now, "desk"));
        saved.await.expect("an entry");
    }

    pub async fn recording(&self, number: u8, hints: Hints, arrived_at: Moment) -> i64 {
        let arrived = Arrived { hash: ContentHash([number; 32]), bytes: 1000, hints };
        let key = self.key;
        let added =
            self.data.store.write(move |tx| tx.add_recording(key, &arrived, arrived_at, "folder"));
        added.await.expect("a recording").0
    }

    /// Links and judges what changed.
    pub async fn catch_up(&self) {
        let as_of = at(40 * 86_400);
        let (held, store) = (&self.held, &self.data.store);
        let pace = Pace { at_most: self.at_most, ..Pace::ON };
        relink_daemon::catch_up_holding(held, store, &self.site, self.key, as_of, &pace)
            .await
            .expect("links");
    }

    /// Links what changed, and judges nothing.
    pub async fn link(&self) {
        relink_daemon::link_all(&self.held, &self.data.store, &self.site, self.key)
            .await
            .expect("links");
    }

    /// Builds everything again from the facts, from scratch; what is not the same.
    pub async fn replayed(&self) -> Vec<Difference> {
        let as_of = at(40 * 86_400);
        close::silent(&self.data.store, &self.site, self.key, as_of).await.expect("closed");
        self.catch_up().await;
        let scratch = self.folder.path().join(format!("rebuilt-{}.db", scratch_number()));
        let done = replay::replay(&self.data.rules, &self.data.database, &scratch, |_| {});
        done.expect("a replay").differences
    }
}

fn scratch_number() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

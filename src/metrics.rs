//! Numbers about the daemon for Prometheus.

use crate::call::Moment;
use crate::flow::keeping::KeepingAnswer;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::{AtomicI64, Ordering};

/// What is kept is counted at most so often.
const KEPT_EVERY_S: i64 = 60;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySource {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    source: String,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    site: String,
    code: String,
    state: String,
}

/// All numbers.
pub struct Metrics {
    registry: Registry,
    received: Family<BySource, Counter>,
    repeated: Family<BySource, Counter>,
    not_understood: Family<BySource, Counter>,
    stored: Family<BySource, Counter>,
    refused: Family<ByReason, Counter>,
    findings: Family<ByCode, Gauge>,
    feeds: Family<BySource, Gauge>,
    feeds_lost: Family<BySource, Counter>,
    clocks: Family<BySource, Gauge>,
    fetched: Family<BySource, Counter>,
    fetches_failed: Family<BySource, Counter>,
    pub recordings: Counter,
    pub disk_free_bytes: Gauge,
    pub disk_alarm: Gauge,
    pub disk_days_left: Gauge,
    pub proof_age_s: Gauge,
    pub strays: Gauge,
    pub holds: Gauge,
    pub holds_to_review: Gauge,
    pub erased: Gauge,
    /// When what is kept was counted.
    kept_at_s: AtomicI64,
    pub writer_queue: Gauge,
    pub fold_queue: Gauge,
    pub listening_queue: Gauge,
    pub fetch_queue: Gauge,
    pub commits: Gauge,
    pub commit_us: Gauge,
    pub last_commit_us: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ringledger");
        let metrics = Self {
            registry: Registry::default(),
            received: Family::default(),
            repeated: Family::default(),
            not_understood: Family::default(),
            stored: Family::default(),
            refused: Family::default(),
            findings: Family::default(),
            feeds: Family::default(),
            feeds_lost: Family::default(),
            clocks: Family::default(),
            fetched: Family::default(),
            fetches_failed: Family::default(),
            recordings: Counter::default(),
            disk_free_bytes: Gauge::default(),
            disk_alarm: Gauge::default(),
            disk_days_left: Gauge::default(),
            proof_age_s: Gauge::default(),
            strays: Gauge::default(),
            holds: Gauge::default(),
            holds_to_review: Gauge::default(),
            erased: Gauge::default(),
            kept_at_s: AtomicI64::default(),
            writer_queue: Gauge::default(),
            fold_queue: Gauge::default(),
            listening_queue: Gauge::default(),
            fetch_queue: Gauge::default(),
            commits: Gauge::default(),
            commit_us: Gauge::default(),
            last_commit_us: Gauge::default(),
        };
        let m = &metrics;
        registry.register("deliveries_received", "Deliveries that came", m.received.clone());
        registry.register(
            "deliveries_repeated",
            "Deliveries that had come before",
            m.repeated.clone(),
        );
        let not_understood = m.not_understood.clone();
        registry.register("deliveries_not_understood", "Kept, but not readable", not_understood);
        registry.register("deliveries_stored", "Deliveries on disk", m.stored.clone());
        registry.register("deliveries_refused", "Deliveries turned away", m.refused.clone());
        registry.register("findings", "Findings by code and state", m.findings.clone());
        registry.register("feed_stands", "1 while a source's feed stands", m.feeds.clone());
        registry.register("feeds_lost", "Feeds that stood and ended", m.feeds_lost.clone());
        let clocks = m.clocks.clone();
        registry.register("clock_behind_ms", "How far a source's clock lies behind ours", clocks);
        registry.register("recordings_stored", "Recordings on disk", m.recordings.clone());
        registry.register("writer_queue", "Work waiting for the disk", m.writer_queue.clone());
        registry.register("fold_queue", "Deliveries not yet folded", m.fold_queue.clone());
        registry.register("listening_queue", "Recordings not yet heard", m.listening_queue.clone());
        registry.register("commits", "Synchronised commits", m.commits.clone());
        registry.register("commit_microseconds", "Time of all commits", m.commit_us.clone());
        registry.register("last_commit_microseconds", "Time of the last", m.last_commit_us.clone());
        register_fetching(&mut registry, m);
        register_keeping(&mut registry, m);
        Self { registry, ..metrics }
    }
}

/// What Prometheus shows of recordings that are fetched.
fn register_fetching(registry: &mut Registry, m: &Metrics) {
    registry.register("recordings_fetched", "Announced recordings fetched", m.fetched.clone());
    let failed = m.fetches_failed.clone();
    registry.register("recordings_not_fetched", "Announced recordings given up", failed);
    registry.register("fetch_queue", "Recordings waiting to be fetched", m.fetch_queue.clone());
}

/// What Prometheus shows of what is kept. -1 where nothing is known.
fn register_keeping(registry: &mut Registry, m: &Metrics) {
    let gauges = [
        ("disk_free_bytes", "Room on the disk of the recordings", &m.disk_free_bytes),
        ("disk_alarm", "1 when there is less room than the alarm", &m.disk_alarm),
        ("disk_days_left", "Days until the disk is full", &m.disk_days_left),
        ("store_proof_age_seconds", "Since every recording was read again", &m.proof_age_s),
        ("stray_objects", "Stored bytes without a recording", &m.strays),
        ("legal_holds", "Legal holds that stand", &m.holds),
        ("legal_holds_to_review", "Legal holds due for review", &m.holds_to_review),
        ("recordings_erased", "Recordings erased, with a tombstone", &m.erased),
    ];
    for (name, help, gauge) in gauges {
        registry.register(name, help, gauge.clone());
    }
}

fn of(source: &str) -> BySource {
    BySource { source: source.to_owned() }
}

impl Metrics {
    /// A delivery came.
    pub fn received(&self, source: &str) {
        self.received.get_or_create(&of(source)).inc();
    }

    /// A source's feed stands, or ended.
    pub fn feed(&self, source: &str, stands: bool) {
        self.feeds.get_or_create(&of(source)).set(stands.into());
        if !stands {
            self.feeds_lost.get_or_create(&of(source)).inc();
        }
    }

    /// A source's clock lies so far behind ours.
    pub fn clock(&self, source: &str, behind_ms: i64) {
        self.clocks.get_or_create(&of(source)).set(behind_ms);
    }

    /// A recording that a source announced was fetched.
    pub fn fetched(&self, source: &str) {
        self.fetched.get_or_create(&of(source)).inc();
    }

    /// A recording that a source announced was given up.
    pub fn fetch_failed(&self, source: &str) {
        self.fetches_failed.get_or_create(&of(source)).inc();
    }

    /// A delivery had come before.
    pub fn repeated(&self, source: &str) {
        self.repeated.get_or_create(&of(source)).inc();
    }

    /// A delivery was kept and could not be read.
    pub fn not_understood(&self, source: &str) {
        self.not_understood.get_or_create(&of(source)).inc();
    }

    /// A delivery is on disk.
    pub fn stored(&self, source: &str) {
        self.stored.get_or_create(&of(source)).inc();
    }

    /// A delivery was turned away.
    pub fn refused(&self, source: &str, reason: &str) {
        let label = ByReason { source: source.to_owned(), reason: reason.to_owned() };
        self.refused.get_or_create(&label).inc();
    }

    /// How many findings there are.
    pub fn findings(&self, site: &str, code: &str, state: &str, count: i64) {
        let label =
            ByCode { site: site.to_owned(), code: code.to_owned(), state: state.to_owned() };
        self.findings.get_or_create(&label).set(count);
    }

    /// Whether it is time to count what is kept again: counting a large store takes its time.
    pub fn keeping_is_old(&self, at: Moment) -> bool {
        at.timestamp() - self.kept_at_s.load(Ordering::Relaxed) >= KEPT_EVERY_S
    }

    /// How it stands with what is kept.
    pub fn keeping(&self, standing: &KeepingAnswer, at: Moment) {
        self.kept_at_s.store(at.timestamp(), Ordering::Relaxed);
        let or_unknown = |value: Option<u64>| value.map_or(-1, |value| value.cast_signed());
        self.disk_free_bytes.set(or_unknown(standing.free_bytes));
        self.disk_alarm.set(i64::from(standing.alarm));
        let days_left = standing.forecast.as_ref().and_then(|forecast| forecast.days_left);
        self.disk_days_left.set(or_unknown(days_left));
        self.proof_age_s.set(standing.proof_age_s.unwrap_or(-1));
        self.strays.set(standing.strays as i64);
        self.holds.set(standing.holds as i64);
        self.holds_to_review.set(standing.holds_to_review as i64);
        self.erased.set(standing.erased);
    }

    /// Everything in the text form of OpenMetrics.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            tracing::warn!("metrics could not be written");
        }
        text
    }
}

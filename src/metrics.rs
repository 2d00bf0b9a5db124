//! Numbers about the daemon for Prometheus.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

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
    pub recordings: Counter,
    pub writer_queue: Gauge,
    pub fold_queue: Gauge,
    pub listening_queue: Gauge,
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
            recordings: Counter::default(),
            writer_queue: Gauge::default(),
            fold_queue: Gauge::default(),
            listening_queue: Gauge::default(),
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
        Self { registry, ..metrics }
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

    /// Everything in the text form of OpenMetrics.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            tracing::warn!("metrics could not be written");
        }
        text
    }
}

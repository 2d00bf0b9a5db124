//! The only reader of the clock.

use chrono::{DateTime, Utc};
use std::time::{Duration, Instant};

/// The time now, UTC. Business code never calls this: it gets its times as values.
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A watch for measuring how long something takes. It knows no time of day.
#[derive(Debug, Clone, Copy)]
pub struct Watch(Instant);

impl Watch {
    /// Starts it.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has run.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

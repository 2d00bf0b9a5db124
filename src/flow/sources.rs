//! How the sources of a site stand: when each was last heard, and how far its clock lies from ours.

use crate::call::Moment;
use crate::call::pulse::{Beat, Skew, skew};
use crate::site::Site;
use crate::store::sqlite::pulse;
use crate::store::{Connection, Result};
use serde::Serialize;

/// How one source stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceState {
    pub source: String,
    /// The newest delivery of the last days.
    pub heard_at: Option<Moment>,
    /// `None` where no delivery of the last days told a time of its own.
    pub clock: Option<Skew>,
    /// The clock lies further from ours than the site allows.
    pub clock_off: bool,
}

/// What seems to be wrong with a clock that is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockFault {
    /// It is off by whole quarters of an hour: its times are those of another zone.
    Zone,
    /// It goes wrong.
    Wrong,
}

impl SourceState {
    /// What seems to be wrong with its clock; nothing while it is within the site's limit.
    pub fn clock_fault(&self) -> Option<ClockFault> {
        let ms = self.clock.filter(|_| self.clock_off)?.behind_ms.abs();
        // Whole hours, or half and quarter ones, are a matter of zones.
        let from_quarter = (ms + 30_000) % 900_000;
        let zone = ms > 1_700_000 && from_quarter < 60_000;
        Some(if zone { ClockFault::Zone } else { ClockFault::Wrong })
    }

    /// What an installer is to be told of a clock that is off: how far, and the cure.
    pub fn clock_warning(&self) -> Option<String> {
        let (fault, behind_ms) = (self.clock_fault()?, self.clock?.behind_ms);
        let (ms, way) = (behind_ms.abs(), if behind_ms < 0 { "ahead of" } else { "behind" });
        let cure = match fault {
            ClockFault::Zone => {
                "its times look like those of another zone: set the source's `zone`"
            }
            ClockFault::Wrong => {
                "set both clocks by NTP; rings are counted within one clock and stay right"
            }
        };
        Some(format!("its clock is {}.{:03} s {way} ours; {cure}", ms / 1000, ms % 1000))
    }
}

/// The named sources of a site, as of a moment.
///
/// # Errors
/// When the disk fails.
pub fn states(
    connection: &Connection,
    site: &Site,
    key: i64,
    names: &[String],
    as_of: Moment,
) -> Result<Vec<SourceState>> {
    let beats = pulse::newest(connection, key, as_of)?;
    let limit_ms = site.settings_at(as_of).clock_limit_s.saturating_mul(1000);
    Ok(names.iter().map(|name| state(name, &beats, limit_ms)).collect())
}

fn state(name: &str, beats: &[Beat], limit_ms: i64) -> SourceState {
    let own = || beats.iter().filter(|beat| beat.source == name);
    let clock = skew(own());
    SourceState {
        source: name.to_owned(),
        heard_at: own().map(|beat| beat.last_at).max(),
        clock,
        clock_off: clock.is_some_and(|clock| clock.behind_ms.abs() > limit_ms),
    }
}

//! How a foreign sender writes times. What is told in whole seconds is a bound.

use crate::call::Bounds;
use crate::pbx::time;
use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// How times are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeForm {
    /// `rfc3339`, `epoch_s` (also with a fraction), `epoch_ms`, or a pattern such as
    /// `%Y/%m/%d %H:%M:%S`. Of several, separated by `|`, the first that fits counts.
    pub format: String,
    /// Zone of times without one; the site's where it is not given.
    pub zone: Option<String>,
}

impl Default for TimeForm {
    fn default() -> Self {
        Self { format: "rfc3339".into(), zone: None }
    }
}

impl TimeForm {
    /// Checks the formats and the zone.
    ///
    /// # Errors
    /// A sentence that names what is none, and what is allowed.
    pub fn check(&self) -> Result<(), String> {
        if let Some(wrong) = self.format.split('|').find(|format| !is_format(format.trim())) {
            return Err(format!(
                "time.format: `{wrong}` is none of rfc3339, epoch_s and epoch_ms, and no pattern \
                 such as %Y/%m/%d %H:%M:%S"
            ));
        }
        let zone = self.zone.as_deref().map(str::parse::<Tz>).transpose();
        zone.map(|_| ()).map_err(|_| {
            format!("time.zone: no zone `{}`", self.zone.as_deref().unwrap_or_default())
        })
    }

    /// Their time. `site` is the zone of times for which nobody told one.
    pub fn read(&self, text: &str, site: Tz) -> Option<Bounds> {
        let text = text.trim();
        let zone = self.zone.as_deref().and_then(|zone| zone.parse().ok()).unwrap_or(site);
        self.format.split('|').find_map(|format| match format.trim() {
            "rfc3339" => time::iso(text).or_else(|| time::local(text, zone)),
            "epoch_s" => epoch_s(text),
            "epoch_ms" => time::epoch_ms(text.parse().ok()?),
            pattern => by_pattern(text, pattern, zone),
        })
    }
}

fn is_format(format: &str) -> bool {
    let pattern = || format.contains('%') && StrftimeItems::new(format).all(|i| i != Item::Error);
    ["rfc3339", "epoch_s", "epoch_ms"].contains(&format) || pattern()
}

/// Seconds since 1970; exact where there is a fraction, cut to milliseconds.
fn epoch_s(text: &str) -> Option<Bounds> {
    let Some((seconds, fraction)) = text.split_once('.') else {
        return time::epoch_s(text.parse().ok()?);
    };
    let seconds: i64 = seconds.parse().ok()?;
    let digits = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let millis: String = fraction.chars().chain("00".chars()).take(3).collect();
    let millis: i64 = millis.parse().ok().filter(|_| digits && seconds >= 0)?;
    time::epoch_ms(seconds.checked_mul(1000)?.checked_add(millis)?)
}

fn by_pattern(text: &str, pattern: &str, zone: Tz) -> Option<Bounds> {
    let exact = ["%3f", "%.f", "%f", "%.3f"].iter().any(|part| pattern.contains(part));
    if let Ok(at) = DateTime::parse_from_str(text, pattern) {
        return time::bounds(at.to_utc(), exact);
    }
    let local = NaiveDateTime::parse_from_str(text, pattern).ok()?;
    time::bounds(zone.from_local_datetime(&local).earliest()?.to_utc(), exact)
}

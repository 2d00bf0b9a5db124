//! Which ring an answer fell in, and whether that is certain (R1).

use super::event::Bounds;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The ringing signals of the countries, as in `config/cadences.toml`.
static COUNTRIES: LazyLock<BTreeMap<String, Country>> = LazyLock::new(|| {
    toml::from_str(include_str!("../../config/cadences.toml")).unwrap_or_default()
});

#[derive(Debug, Deserialize)]
struct Country {
    period_ms: i64,
    ring_on_ms: Vec<u32>,
    ring_off_ms: Vec<u32>,
    frequencies_hz: Vec<f32>,
    modulation_hz: Option<f32>,
    #[serde(default)]
    aliases: Vec<String>,
}

fn country_of(name: &str) -> Option<&'static Country> {
    let aliased = || COUNTRIES.values().find(|country| country.aliases.iter().any(|a| a == name));
    COUNTRIES.get(name).or_else(aliased)
}

/// The ringing signal of a country or site, as far as the three-ring rule needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cadence {
    /// From the start of one ring to the start of the next, in milliseconds.
    pub period_ms: i64,
}

impl Default for Cadence {
    /// China's: 1 s on, 4 s off.
    fn default() -> Self {
        Self { period_ms: 5000 }
    }
}

impl Cadence {
    /// The cadence of a country by its key (ISO 3166-1 alpha-2, small letters) or one of its
    /// aliases.
    pub fn of(country: &str) -> Option<Self> {
        country_of(country).map(|country| Self { period_ms: country.period_ms })
    }

    /// Keys of all countries in the table.
    pub fn countries() -> impl Iterator<Item = &'static str> {
        COUNTRIES.keys().map(String::as_str)
    }
}

/// The tone that a caller hears while the phone rings (ITU-T E.180): what the rings on a recording
/// are known by.
#[derive(Debug, Clone, PartialEq)]
pub struct Ringback {
    /// Sounding together; a modulated tone as its carrier and side tones.
    pub frequencies_hz: Vec<f32>,
    /// One ring: burst, pause, burst, pause, in milliseconds; as many pauses as bursts.
    pub on_ms: Vec<u32>,
    pub off_ms: Vec<u32>,
}

/// Bursts and periods may differ by these shares and be heard as the same.
const ON_ALIKE: f32 = 0.15;
const PERIOD_ALIKE: f32 = 0.1;
/// Tones that lie closer cannot be told apart: exchanges are off by some Hz.
const RIVALS_APART_HZ: f32 = 15.0;

/// No tone that a caller hears is lower, in Hz; the table has a bell's frequency in one row.
const AUDIBLE_HZ: f32 = 200.0;

impl Ringback {
    /// The tone of a country by its key or one of its aliases; `None` where it is not known.
    pub fn of(country: &str) -> Option<Self> {
        let country = country_of(country)?;
        let mut frequencies_hz = country.frequencies_hz.clone();
        if let (Some(carrier), Some(swing)) = (frequencies_hz.first(), country.modulation_hz) {
            frequencies_hz.extend([carrier - swing, carrier + swing]);
        }
        let (on_ms, off_ms) = (country.ring_on_ms.clone(), country.ring_off_ms.clone());
        let audible = frequencies_hz.iter().all(|frequency| *frequency > AUDIBLE_HZ);
        let whole = !on_ms.is_empty() && on_ms.len() == off_ms.len();
        (audible && whole).then_some(Self { frequencies_hz, on_ms, off_ms })
    }

    /// The frequencies in Hz by which alone countries of the same cadence differ from this tone,
    /// where all of them have one. Cadences are the same that differ by less than rings may.
    pub fn rivals_hz(&self) -> Vec<f32> {
        let [own_hz] = self.frequencies_hz[..] else { return Vec::new() };
        let alike = |a: &u32, b: &u32, share: f32| a.abs_diff(*b) as f32 <= share * *a as f32;
        let same = |other: &Self| {
            self.on_ms.len() == other.on_ms.len()
                && self.on_ms.iter().zip(&other.on_ms).all(|(a, b)| alike(a, b, ON_ALIKE))
                && alike(&self.period_ms(), &other.period_ms(), PERIOD_ALIKE)
        };
        let others = COUNTRIES.keys().filter_map(|country| Self::of(country)).filter(same);
        let mut hz: Vec<f32> = others
            .filter_map(|other| match other.frequencies_hz[..] {
                [hz] => Some(hz),
                _ => None,
            })
            .filter(|hz| (hz - own_hz).abs() >= RIVALS_APART_HZ)
            .collect();
        hz.sort_by(f32::total_cmp);
        hz.dedup();
        hz
    }

    /// From the start of one ring to the start of the next, in milliseconds.
    pub fn period_ms(&self) -> u32 {
        self.on_ms.iter().chain(&self.off_ms).sum()
    }
}

/// The outcome of the three-ring rule for one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Answered before ring `limit + 1` began. `ring` is `None` where the bounds allow several
    /// rings that are all within. `margin_ms` is the time left, at least.
    Within { ring: Option<u32>, margin_ms: i64 },
    /// Answered after it. `over_ms` is the time past the limit, at least.
    Late { ring: Option<u32>, over_ms: i64 },
    /// The caller gave up, during this ring if that is known.
    Abandoned { ring: Option<u32> },
    /// The desk did not answer; the call's cause says why.
    Unanswered,
    /// Not to be told from what the phone system said; never guessed.
    Unknown { reason: UnknownReason },
    /// Outbound or internal.
    NotApplicable,
}

/// What is missing for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum UnknownReason {
    /// Nobody said when the desk's phone began to ring.
    RingStartMissing,
    /// The desk took the call, at a time nobody told.
    AnswerTimeMissing,
    /// A phone was picked up, but it is not sure that it was joined with the caller.
    AnswerUncertain,
    /// The bounds allow both of these rings.
    BetweenRings { least: u32, greatest: u32 },
    /// Statements about one time exclude each other.
    Contradiction,
    /// Somebody outside the desk took the call and the desk never did.
    TakenElsewhere,
    /// The caller left before any desk phone was tried, and not from the desk's queue.
    LeftBeforeDesk,
    /// The feed was lost while the call was alive.
    FeedLost,
    /// The call ended and nobody said why.
    CauseMissing,
}

/// The ring that runs `elapsed_ms` after alerting began; ring 1 starts at once.
///
/// `floor(t / period) + 1`: at a period of 5 s, 14 999 ms is ring 3 and 15 000 ms is ring 4.
pub fn ring_number(elapsed_ms: i64, period_ms: i64) -> u32 {
    let ring = elapsed_ms.max(0).div_euclid(period_ms.max(1)) + 1;
    u32::try_from(ring).unwrap_or(u32::MAX)
}

/// Least and greatest time in milliseconds from `start` to `end`, never below zero.
pub fn elapsed_ms(start: Bounds, end: Bounds) -> (i64, i64) {
    let least = (end.earliest - start.latest).num_milliseconds().max(0);
    let greatest = (end.latest - start.earliest).num_milliseconds().max(least);
    (least, greatest)
}

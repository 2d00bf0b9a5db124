//! The three-ring rule over all calls of a question (R1).

use crate::call::{Call, Direction, Verdict};
use crate::standard::World;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::BTreeMap;

/// How calls were answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Compliance {
    pub within: u64,
    pub late: u64,
    pub abandoned: u64,
    pub unanswered: u64,
    /// By reason: never guessed, and counted apart.
    pub unknown: BTreeMap<String, u64>,
    pub not_applicable: u64,
    /// Alive and not answered: no verdict yet.
    pub alive: u64,
    /// Answered calls by ring.
    pub rings: BTreeMap<u32, u64>,
    pub days: Vec<Day>,
}

/// One day's share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Day {
    pub day: NaiveDate,
    pub within: u64,
    /// Calls with a verdict of yes or no.
    pub judged: u64,
}

impl Compliance {
    /// Calls with a verdict of yes or no: within, late, abandoned, unanswered.
    pub fn judged(&self) -> u64 {
        self.within + self.late + self.abandoned + self.unanswered
    }

    /// Share of the judged calls that were answered within the limit; nothing when none was judged.
    pub fn rate(&self) -> Option<f64> {
        (self.judged() > 0).then(|| self.within as f64 / self.judged() as f64)
    }
}

/// Counts the verdicts.
pub fn compliance(world: &World<'_>) -> Compliance {
    let mut compliance = Compliance::default();
    let mut days: BTreeMap<NaiveDate, Day> = BTreeMap::new();
    for fact in world.calls_asked() {
        count(&mut compliance, &fact.call);
        let day = world.facts.day(fact.call.offered_at);
        let day = days.entry(day).or_insert(Day { day, within: 0, judged: 0 });
        match fact.call.verdict {
            Some(Verdict::Within { .. }) => {
                (day.within, day.judged) = (day.within + 1, day.judged + 1)
            }
            Some(Verdict::Late { .. } | Verdict::Abandoned { .. } | Verdict::Unanswered) => {
                day.judged += 1;
            }
            Some(Verdict::Unknown { .. } | Verdict::NotApplicable) | None => {}
        }
    }
    compliance.days = days.into_values().collect();
    compliance
}

fn count(compliance: &mut Compliance, call: &Call) {
    let ring = match &call.verdict {
        Some(Verdict::Within { ring, .. } | Verdict::Late { ring, .. }) => *ring,
        _ => None,
    };
    if let Some(ring) = ring {
        *compliance.rings.entry(ring).or_default() += 1;
    }
    match &call.verdict {
        Some(Verdict::Within { .. }) => compliance.within += 1,
        Some(Verdict::Late { .. }) => compliance.late += 1,
        Some(Verdict::Abandoned { .. }) => compliance.abandoned += 1,
        Some(Verdict::Unanswered) => compliance.unanswered += 1,
        Some(Verdict::NotApplicable) => compliance.not_applicable += 1,
        Some(Verdict::Unknown { reason }) => {
            let reason = serde_json::to_value(reason).unwrap_or_default();
            let word = reason["reason"].as_str().unwrap_or("unknown").to_owned();
            *compliance.unknown.entry(word).or_default() += 1;
        }
        None if call.direction == Direction::Inbound => compliance.alive += 1,
        None => compliance.not_applicable += 1,
    }
}

//! What would go, and why; what is past its time and stays all the same, and why.

use super::Class;
use crate::call::event::Moment;
use crate::finding::Code;
use crate::recording::ContentHash;
use chrono::TimeDelta;
use serde::Serialize;

/// A recording whose time is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub site: i64,
    pub recording: i64,
    pub hash: ContentHash,
    pub bytes: u64,
    /// When it begins, as far as known; else when it arrived. Its age runs from here.
    pub begins_at: Moment,
    pub class: Class,
    /// For how long its site keeps its class; nothing: for ever.
    pub keep_days: Option<u32>,
    /// Its original, where that may go before the rest: an archive rendition can stand for it.
    pub original: Option<Original>,
    /// The legal hold it is under, by the thing held.
    pub held: Option<String>,
    /// Open findings for which its sound is evidence.
    pub open: Vec<Code>,
}

/// An original beside its archive rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Original {
    pub keep_days: u32,
    pub bytes: u64,
}

/// The room on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    pub free_bytes: u64,
    /// Below this, recordings go although their time has not come.
    pub floor_bytes: u64,
    /// Younger recordings never go for want of room.
    pub keep_days_min: u32,
}

/// Why a recording goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Why {
    /// It is older than its site keeps its class.
    Age { keep_days: u32 },
    /// Its archive rendition stands for it, and the site keeps originals no longer.
    Archived { original_days: u32 },
    /// The disk has less room than its floor.
    Space { floor_bytes: u64 },
}

/// What of a recording goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Everything; a tombstone stays.
    Whole,
    /// Its original; its archive rendition stays.
    Original,
}

/// A recording that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Going {
    pub part: Part,
    #[serde(skip)]
    pub site: i64,
    pub recording: i64,
    pub sha256: ContentHash,
    pub bytes: u64,
    pub begins_at: Moment,
    pub class: Class,
    #[serde(flatten)]
    pub why: Why,
}

/// Why a recording stays beyond its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Sparing {
    /// A legal hold wins over all.
    Held { thing: String },
    /// Its sound is evidence for what is not settled.
    OpenFinding { codes: Vec<Code> },
}

/// A recording that stays beyond its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spared {
    pub recording: i64,
    pub sha256: ContentHash,
    pub begins_at: Moment,
    pub class: Class,
    #[serde(flatten)]
    pub why: Sparing,
}

/// What a run of retention would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// In the order in which they go.
    pub going: Vec<Going>,
    pub spared: Vec<Spared>,
    /// Bytes that the floor still lacks after all that may go is gone.
    pub lacking_bytes: u64,
}

impl Plan {
    /// Bytes that would be free again.
    pub fn bytes(&self) -> u64 {
        self.going.iter().map(|one| one.bytes).sum()
    }
}

impl Candidate {
    fn is_older(&self, days: u32, as_of: Moment) -> bool {
        self.begins_at + TimeDelta::days(i64::from(days)) <= as_of
    }

    fn going(&self, why: Why) -> Going {
        Going {
            part: Part::Whole,
            site: self.site,
            recording: self.recording,
            sha256: self.hash,
            bytes: self.bytes,
            begins_at: self.begins_at,
            class: self.class,
            why,
        }
    }

    /// Its original goes before the rest.
    fn original_going(&self, as_of: Moment) -> Option<Going> {
        let original = self.original.filter(|original| self.is_older(original.keep_days, as_of))?;
        let why = Why::Archived { original_days: original.keep_days };
        Some(Going { part: Part::Original, bytes: original.bytes, ..self.going(why) })
    }

    /// Past its time: it goes, or a reason why it stays.
    fn past(&self) -> Option<Sparing> {
        if let Some(thing) = &self.held {
            return Some(Sparing::Held { thing: thing.clone() });
        }
        (!self.open.is_empty()).then(|| Sparing::OpenFinding { codes: self.open.clone() })
    }

    /// Its place when room is wanted: what is settled first, what is open later, what belongs to
    /// nothing last; each the oldest first.
    fn rank(&self) -> (u8, Moment, i64) {
        let rank = match (self.class, self.open.is_empty()) {
            (Class::Unmatched, _) => 2,
            (_, false) => 1,
            (_, true) => 0,
        };
        (rank, self.begins_at, self.recording)
    }
}

/// Plans a run as of a moment. `room` where the disk has a floor: then recordings go until there is
/// as much room, those that nobody may still ask for first. A held recording never goes.
pub fn plan(candidates: &[Candidate], as_of: Moment, room: Option<Room>) -> Plan {
    let mut plan = Plan::default();
    let mut young = Vec::new();
    for one in candidates {
        let Some(keep_days) = one.keep_days.filter(|days| one.is_older(*days, as_of)) else {
            plan.going.extend(one.original_going(as_of).filter(|_| one.past().is_none()));
            young.push(one);
            continue;
        };
        match one.past() {
            None => plan.going.push(one.going(Why::Age { keep_days })),
            Some(why) => {
                plan.spared.push(Spared {
                    recording: one.recording,
                    sha256: one.hash,
                    begins_at: one.begins_at,
                    class: one.class,
                    why,
                });
                young.push(one);
            }
        }
    }
    plan.going.sort_by_key(|one| (one.begins_at, one.recording));
    if let Some(room) = room {
        make_room(&mut plan, young, as_of, room);
    }
    plan
}

fn make_room(plan: &mut Plan, mut rest: Vec<&Candidate>, as_of: Moment, room: Room) {
    let mut free = room.free_bytes.saturating_add(plan.bytes());
    rest.retain(|one| one.held.is_none() && one.is_older(room.keep_days_min, as_of));
    rest.sort_by_key(|one| one.rank());
    for one in rest {
        if free >= room.floor_bytes {
            break;
        }
        let counted = plan.going.iter().find(|going| going.recording == one.recording);
        free = free.saturating_add(one.bytes - counted.map_or(0, |original| original.bytes));
        plan.going.retain(|going| going.recording != one.recording);
        plan.spared.retain(|spared| spared.recording != one.recording);
        plan.going.push(one.going(Why::Space { floor_bytes: room.floor_bytes }));
    }
    plan.lacking_bytes = room.floor_bytes.saturating_sub(free);
}

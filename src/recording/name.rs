//! What a recording's name tells, and to which call it belongs.

use super::{Hints, Recording};
use crate::call::event::{Direction, Moment};
use crate::party::PhoneNumber;
use chrono::{NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use std::str::FromStr;

/// How current phone systems name recordings:
/// `external-8001-13800138001-20261123-100018-1795430222.0.wav`.
pub const DEFAULT_PATTERN: &str = "{direction}-{callee}-{caller}-{date}-{time}-{call_id}";

/// Endings of the files of one call, for its sides and their mix.
const SIDES: [&str; 6] = ["mix", "rx", "tx", "stereo", "in", "out"];

/// A pattern of file names: fields in braces, separated by `-` or `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    fields: Vec<Field>,
    separator: char,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Direction,
    Callee,
    Caller,
    Date,
    Time,
    CallId,
    /// Anything: `{other}`.
    Other,
}

impl FromStr for NamePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let separator = if text.contains("}_{") { '_' } else { '-' };
        let fields = text.split(separator).map(|piece| {
            Ok(match piece.trim_start_matches('{').trim_end_matches('}') {
                "direction" => Field::Direction,
                "callee" => Field::Callee,
                "caller" => Field::Caller,
                "date" => Field::Date,
                "time" => Field::Time,
                "call_id" => Field::CallId,
                "other" => Field::Other,
                _ => {
                    let known = "direction, callee, caller, date, time, call_id, other";
                    return Err(format!("`{piece}` is no field; there are {known}, in braces"));
                }
            })
        });
        Ok(Self { fields: fields.collect::<Result<_, String>>()?, separator })
    }
}

impl NamePattern {
    /// What a name tells. It is read from the right, because a number or name with the separator in
    /// it shifts all that stands before it. A name that does not fit tells nothing.
    pub fn hints(&self, name: &str, zone: Tz) -> Hints {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let whole = self.read(stem, name, zone);
        // Several files of one call: the mix and one for each side.
        let side = || stem.rsplit_once(self.separator).filter(|(_, last)| SIDES.contains(last));
        let told = whole.or_else(|| side().and_then(|(stem, _)| self.read(stem, name, zone)));
        told.unwrap_or_else(|| Hints { name: name.to_owned(), ..Hints::default() })
    }

    fn read(&self, stem: &str, name: &str, zone: Tz) -> Option<Hints> {
        let mut hints = Hints { name: name.to_owned(), ..Hints::default() };
        let pieces: Vec<&str> = stem.rsplitn(self.fields.len(), self.separator).collect();
        if pieces.len() != self.fields.len() {
            return None;
        }
        let (mut date, mut time) = ("", "");
        for (field, piece) in self.fields.iter().rev().zip(pieces) {
            match field {
                Field::Direction => hints.direction = direction(piece),
                Field::Callee => hints.callee = PhoneNumber::known(piece),
                Field::Caller => hints.caller = PhoneNumber::known(piece),
                Field::Date => date = piece,
                Field::Time => time = piece,
                Field::CallId => hints.call_id = Some(piece.to_owned()).filter(|p| !p.is_empty()),
                Field::Other => {}
            }
        }
        let local = NaiveDateTime::parse_from_str(&format!("{date} {time}"), "%Y%m%d %H%M%S").ok();
        let at = local.and_then(|local| zone.from_local_datetime(&local).earliest());
        hints.starts_at = at.map(|at| at.to_utc());
        hints.starts_at.is_some().then_some(hints)
    }
}

/// Words by which phone systems begin the names of recordings.
fn direction(word: &str) -> Option<Direction> {
    match word {
        "in" | "external" | "q" | "rg" | "inbound" => Some(Direction::Inbound),
        "out" | "outbound" => Some(Direction::Outbound),
        "internal" => Some(Direction::Internal),
        _ => None,
    }
}

/// A call that a recording may belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub key: i64,
    /// All ids of the call and its legs that are known.
    pub ids: Vec<String>,
    /// Names of the files it announced, and the files as it announced them.
    pub announced: Vec<String>,
    /// Folded digits of the outside party.
    pub number: Option<String>,
    pub offered_at: Moment,
    pub ended_at: Option<Moment>,
}

/// How far a name's time may lie before the call's first event or after its end: names tell whole
/// seconds.
const NAME_SLACK: TimeDelta = TimeDelta::seconds(3);
/// How long after a call's end its file may be finished.
const FINISH_SLACK: TimeDelta = TimeDelta::seconds(5);

/// The call whose recording set a recording belongs to: by an announcement of its name, by a call
/// id, else by time and number together. Where two calls fit equally well, none.
pub fn call_of(recording: &Recording, candidates: &[Candidate]) -> Option<i64> {
    let hints = &recording.hints;
    // The first kind of evidence that speaks decides: two calls that it fits equally well are not
    // told apart by less.
    let speaking =
        TESTS.into_iter().find(|test| candidates.iter().any(|call| test(hints, call)))?;
    only(candidates.iter().filter(|call| speaking(hints, call)))
}

/// Whether a recording may belong to a call by any kind of evidence.
pub fn may_be_of(recording: &Recording, call: &Candidate) -> bool {
    TESTS.iter().any(|test| test(&recording.hints, call))
}

type Test = fn(&Hints, &Candidate) -> bool;

/// Kinds of evidence, the strongest first: the call announced the file, the file names the call,
/// time and number fit.
const TESTS: [Test; 3] = [
    |hints, call| {
        // Under many addresses all files have one name: what was fetched is known by its address.
        let told_as = hints.announced_as.as_ref().unwrap_or(&hints.name);
        !told_as.is_empty() && call.announced.contains(told_as)
    },
    |hints, call| hints.call_id.as_ref().is_some_and(|id| call.ids.contains(id)),
    |hints, call| in_time(hints, call) && same_number(hints, call),
];

fn only<'a>(mut calls: impl Iterator<Item = &'a Candidate>) -> Option<i64> {
    let first = calls.next()?;
    calls.all(|other| other.key == first.key).then_some(first.key)
}

fn in_time(hints: &Hints, call: &Candidate) -> bool {
    let end = call.ended_at.unwrap_or(call.offered_at + TimeDelta::hours(4));
    match (hints.starts_at, hints.finished_at) {
        (Some(at), _) => at >= call.offered_at - NAME_SLACK && at <= end + NAME_SLACK,
        (None, Some(at)) => at >= call.offered_at && at <= end + FINISH_SLACK,
        (None, None) => false,
    }
}

/// The outside party is one of the two numbers of the name; without numbers nothing is proven.
fn same_number(hints: &Hints, call: &Candidate) -> bool {
    let mut told = [&hints.caller, &hints.callee].into_iter().flatten();
    match &call.number {
        Some(number) => told.any(|told| told.folded() == *number),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "in-8001-13800138001-20261123-183702-1795430222.0.wav";

    #[test]
    fn a_name_tells_call_parties_and_time() {
        let pattern: NamePattern = DEFAULT_PATTERN.parse().expect("a pattern");
        let hints = pattern.hints(NAME, chrono_tz::Asia::Shanghai);
        assert_eq!(hints.call_id.as_deref(), Some("1795430222.0"));
        assert_eq!(hints.direction, Some(Direction::Inbound));
        assert_eq!(hints.caller.map(|n| n.exposed().to_owned()).as_deref(), Some("13800138001"));
        let at = hints.starts_at.map(|at| at.to_rfc3339());
        assert_eq!(at.as_deref(), Some("2026-11-23T10:37:02+00:00"));
    }

    #[test]
    fn the_sides_of_one_call_are_known_by_their_endings() {
        let pattern: NamePattern = DEFAULT_PATTERN.parse().expect("a pattern");
        let name = "in-8008-13800138180-20261123-184510-1795430710.9-stereo.wav";
        let hints = pattern.hints(name, chrono_tz::Asia::Shanghai);
        assert_eq!(hints.call_id.as_deref(), Some("1795430710.9"));
    }

    #[test]
    fn a_recording_that_two_calls_announced_belongs_to_neither() {
        let call = |key, id: &str| Candidate {
            key,
            ids: vec![id.into()],
            announced: vec!["a.wav".into()],
            number: None,
            offered_at: Moment::default(),
            ended_at: None,
        };
        let hints = Hints { name: "a.wav".into(), call_id: Some("1".into()), ..Hints::default() };
        let recording = Recording {
            hash: crate::recording::ContentHash([0; 32]),
            bytes: 0,
            hints,
            arrived_at: Moment::default(),
            state: crate::recording::State::Stored,
            state_at: Moment::default(),
            measures: None,
            archived: None,
        };
        assert_eq!(call_of(&recording, &[call(1, "1"), call(2, "2")]), None);
        assert_eq!(call_of(&recording, &[call(1, "1")]), Some(1));
    }

    #[test]
    fn a_foreign_name_tells_nothing() {
        let pattern: NamePattern = DEFAULT_PATTERN.parse().expect("a pattern");
        let hints = pattern.hints("holiday-song.mp3", chrono_tz::Asia::Shanghai);
        assert_eq!(hints, Hints { name: "holiday-song.mp3".into(), ..Hints::default() });
    }

    #[test]
    fn a_pattern_with_an_unknown_field_says_which() {
        let wrong = "{date}-{colour}".parse::<NamePattern>();
        assert!(wrong.is_err_and(|why| why.contains("colour")));
    }
}

//! A source's pulse: when its deliveries came, and how far the phone system's clock lies from ours.
//! From it come the skew of the clocks, jumps of one of them, and silence in desk hours.

use super::event::{CallEvent, Clock, Moment};
use chrono::{DateTime, TimeDelta};
use serde::{Deserialize, Serialize};

/// One beat gathers the deliveries of so many seconds of our clock.
pub const BEAT_S: i64 = 300;
/// A lag beyond this says nothing of clocks: such a delivery tells of another day. Wrong time zones
/// lie within it.
const LAG_MAX: TimeDelta = TimeDelta::hours(26);
/// A time vaguer than this says nothing of clocks.
const VAGUE_MAX: TimeDelta = TimeDelta::seconds(1);
/// The skew is taken from so many of the newest beats that tell a lag.
const SKEW_BEATS: usize = 12;

/// The deliveries of a source within [`BEAT_S`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    pub source: String,
    /// First and last receive time, and the deliveries' fact numbers.
    pub first_at: Moment,
    pub last_at: Moment,
    pub first_fact: i64,
    pub last_fact: i64,
    /// The least lag of any of its deliveries; `None` when none told a time of its own.
    pub lag: Option<TimeDelta>,
    /// Where the phone system counts what it sends.
    pub numbers: Option<Numbers>,
}

/// How far the phone system's clock lies behind ours; negative when it is ahead. What the way
/// takes is in it, so that it is a little too great rather than too small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    pub behind_ms: i64,
}

/// A clock that jumped between two beats of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jump {
    pub source: String,
    /// First delivery after it.
    pub at: Moment,
    pub fact: i64,
    /// How far the lag before and after differ; positive when the phone system's clock was set back
    /// or ours forward.
    pub by: TimeDelta,
}

/// The numbers that a phone system gave to the deliveries of a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    pub least: i64,
    pub greatest: i64,
    /// Deliveries that bear a number or, unread, may bear one.
    pub count: i64,
}

/// Numbers that never came, though later ones did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    pub source: String,
    /// First delivery of the beat in which they are missed.
    pub at: Moment,
    pub fact: i64,
    pub missing: i64,
}

/// A time in desk hours without any delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Since when it counts, within desk hours.
    pub from: Moment,
    /// `None` while it lasts.
    pub until: Option<Moment>,
    /// The last delivery before it.
    pub fact: i64,
}

/// The start of the beat that a moment falls into, in seconds since the epoch.
pub fn beat_of(at: Moment) -> i64 {
    at.timestamp().div_euclid(BEAT_S) * BEAT_S
}

/// How long after its newest event a delivery came; `None` when no event has a time of the phone
/// system that is exact enough, or it tells of another day.
pub fn lag(received_at: Moment, events: &[CallEvent]) -> Option<TimeDelta> {
    let exact = |event: &&CallEvent| {
        event.clock == Clock::Pbx && event.at.latest - event.at.earliest <= VAGUE_MAX
    };
    let newest = events.iter().filter(exact).map(|event| event.at.latest).max()?;
    let lag = received_at.signed_duration_since(newest);
    (lag.abs() <= LAG_MAX).then_some(lag)
}

/// The skew of a source: the lower quartile over its newest beats' least lags. Late deliveries only
/// raise a lag, and one absurd time moves one beat.
pub fn skew<'a>(beats: impl DoubleEndedIterator<Item = &'a Beat>) -> Option<Skew> {
    let mut newest: Vec<TimeDelta> =
        beats.rev().filter_map(|beat| beat.lag).take(SKEW_BEATS).collect();
    newest.sort_unstable();
    let quartile = newest.get(newest.len().saturating_sub(1) / 4)?;
    Some(Skew { behind_ms: quartile.num_milliseconds() })
}

/// The jumps between the beats of one source, ordered in time. A beat that differs from both its
/// neighbours is no jump: its deliveries were held up, or one told an absurd time.
pub fn jumps(beats: &[Beat], limit: TimeDelta) -> Vec<Jump> {
    let told: Vec<(&Beat, TimeDelta)> =
        beats.iter().filter_map(|beat| Some((beat, beat.lag?))).collect();
    let steady: Vec<TimeDelta> = (0..told.len()).map(|place| middle(&told, place)).collect();
    let pairs = steady.windows(2).enumerate();
    let jumped = pairs.filter(|(_, pair)| (pair[1] - pair[0]).abs() > limit);
    jumped
        .map(|(place, pair)| {
            let beat = told[place + 1].0;
            let (source, by) = (beat.source.clone(), pair[1] - pair[0]);
            Jump { source, at: beat.first_at, fact: beat.first_fact, by }
        })
        .collect()
}

/// The middle one of a lag and its neighbours'; at an end the lag itself.
fn middle(told: &[(&Beat, TimeDelta)], place: usize) -> TimeDelta {
    let own = told[place].1;
    let (Some(before), Some(after)) = (place.checked_sub(1), told.get(place + 1)) else {
        return own;
    };
    let mut three = [told[before].1, own, after.1];
    three.sort_unstable();
    three[1]
}

/// The holes in what one source's phone system counts, its beats ordered in time. Numbers that go
/// back begin a new connection, and say nothing of the old one's end.
pub fn holes(beats: &[Beat]) -> Vec<Hole> {
    let mut holes = Vec::new();
    let mut before: Option<i64> = None;
    for beat in beats {
        let Some(Numbers { least, greatest, count }) = beat.numbers else { continue };
        let goes_on = before.is_none_or(|before| least > before);
        let expected = greatest - before.unwrap_or(least - 1);
        before = goes_on.then_some(greatest);
        if goes_on && expected > count {
            let (source, missing) = (beat.source.clone(), expected - count);
            holes.push(Hole { source, at: beat.first_at, fact: beat.first_fact, missing });
        }
    }
    holes
}

/// Times longer than `limit` without a delivery of any source. `beats` are those of the whole site,
/// ordered in time; `hours` cuts a time to desk hours, in order; `as_of` ends the last one.
pub fn silences(
    beats: &[Beat],
    hours: &dyn Fn(Moment, Moment) -> Vec<(Moment, Moment)>,
    limit: TimeDelta,
    as_of: Moment,
) -> Vec<Silence> {
    let mut silences = Vec::new();
    let mut last: Option<(Moment, i64)> = None;
    let ends = beats.iter().map(|beat| (beat.first_at, Some(beat)));
    for (next, beat) in ends.chain([(as_of, None)]) {
        if let Some((from, fact)) = last.filter(|(from, _)| next > *from) {
            let long = |(from, to): &(Moment, Moment)| *to - *from > limit;
            if let Some((from, _)) = hours(from, next).into_iter().find(long) {
                silences.push(Silence { from, until: beat.map(|_| next), fact });
            }
        }
        if let Some(beat) = beat {
            last = last.max(Some((beat.last_at, beat.last_fact)));
        }
    }
    silences
}

/// The moment of seconds since the epoch.
pub fn moment_of(beat_s: i64) -> Moment {
    DateTime::from_timestamp(beat_s, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Bounds, CallFacts, EventKind};

    fn at(s: i64) -> Moment {
        moment_of(1_795_430_000 + s)
    }

    fn beat(s: i64, lag_ms: Option<i64>) -> Beat {
        Beat {
            source: "front".into(),
            first_at: at(s),
            last_at: at(s),
            first_fact: s,
            last_fact: s,
            lag: lag_ms.map(TimeDelta::milliseconds),
            numbers: None,
        }
    }

    fn lags(lags: &[i64]) -> Vec<Beat> {
        lags.iter().enumerate().map(|(n, lag)| beat(n as i64 * BEAT_S, Some(*lag))).collect()
    }

    fn event(s: i64, clock: Clock) -> CallEvent {
        CallEvent {
            at: Bounds::exact(at(s)),
            clock,
            id: None,
            ties: Vec::new(),
            leg: None,
            call: CallFacts::default(),
            kind: EventKind::Offered,
        }
    }

    #[test]
    fn a_lag_runs_from_the_newest_time_that_the_phone_system_told() {
        let events = [event(0, Clock::Pbx), event(7, Clock::Pbx), event(9, Clock::Receiver)];
        assert_eq!(lag(at(10), &events), Some(TimeDelta::seconds(3)));
        assert_eq!(lag(at(10), &events[2..]), None, "our own clock has no lag");
        assert_eq!(lag(at(8 * 3600 + 7), &events), Some(TimeDelta::hours(8)), "a wrong zone shows");
        assert_eq!(lag(at(27 * 3600 + 7), &events), None, "another day says nothing of clocks");
    }

    #[test]
    fn the_skew_is_moved_neither_by_late_deliveries_nor_by_one_absurd_time() {
        let told = |list: &[i64]| skew(lags(list).iter()).map(|skew| skew.behind_ms);
        assert_eq!(told(&[]), None);
        assert_eq!(told(&[-7]), Some(-7));
        assert_eq!(told(&[2000, 2010, 90_000, 2005, 600_000]), Some(2005));
        assert_eq!(told(&[3, 4, 5, -80_000_000, 4, 6]), Some(3));
    }

    #[test]
    fn the_skew_follows_a_clock_that_was_set() {
        let list: Vec<i64> = [[9000; 20], [5; 20]].concat();
        assert_eq!(skew(lags(&list).iter()).map(|skew| skew.behind_ms), Some(5));
    }

    #[test]
    fn a_clock_that_was_set_is_one_jump_and_one_odd_beat_is_none() {
        let found = |list: &[i64]| -> Vec<(i64, i64)> {
            let jumps = jumps(&lags(list), TimeDelta::seconds(5));
            jumps.iter().map(|jump| (jump.fact / BEAT_S, jump.by.num_milliseconds())).collect()
        };
        assert_eq!(found(&[10, 12, 60_010, 60_012, 60_011]), [(2, 59_998)]);
        assert_eq!(found(&[10, 12, -30_000, -30_001]), [(2, -30_010)]);
        assert_eq!(found(&[10, 12, 3_600_000, 11, 10]), [], "held up once");
        assert_eq!(found(&[10, 4000, 12, 4900]), [], "within the limit");
        assert_eq!(found(&[10, 12, 9000]), [(2, 8988)], "the newest beat counts at once");
    }

    #[test]
    fn numbers_that_never_came_are_a_hole_and_a_new_connection_is_none() {
        let found = |list: &[(i64, i64, i64)]| -> Vec<(i64, i64)> {
            let beats = list.iter().enumerate().map(|(n, (least, greatest, count))| {
                let numbers = Numbers { least: *least, greatest: *greatest, count: *count };
                Beat { numbers: Some(numbers), ..beat(n as i64, None) }
            });
            let holes = holes(&beats.collect::<Vec<_>>());
            holes.iter().map(|hole| (hole.fact, hole.missing)).collect()
        };
        assert_eq!(found(&[(1, 5, 5), (6, 9, 4)]), []);
        assert_eq!(found(&[(1, 5, 5), (8, 9, 2)]), [(1, 2)], "between two beats");
        assert_eq!(found(&[(1, 5, 4), (6, 9, 4)]), [(0, 1)], "within one");
        assert_eq!(found(&[(1, 50, 50), (1, 3, 3), (4, 6, 2)]), [(2, 1)], "after a new connection");
        assert_eq!(found(&[(1, 50, 50), (1, 51, 4), (5, 6, 2)]), [], "one within a beat");
    }

    #[test]
    fn silence_counts_within_desk_hours_only_and_once() {
        // Desk hours: the first half of every 1000 s.
        let hours = |from: Moment, to: Moment| -> Vec<(Moment, Moment)> {
            let windows = (0..20).map(|n| (at(n * 1000), at(n * 1000 + 500)));
            windows
                .map(|(open, close)| (open.max(from), close.min(to)))
                .filter(|(open, close)| open < close)
                .collect()
        };
        let found = |list: &[i64], as_of: i64| {
            let beats: Vec<Beat> = list.iter().map(|s| beat(*s, None)).collect();
            silences(&beats, &hours, TimeDelta::seconds(300), at(as_of))
        };
        assert_eq!(found(&[], 900), [], "a source that never spoke is not silent");
        assert_eq!(found(&[10, 200, 450, 1100], 1200), []);
        assert_eq!(found(&[450, 1350], 1351)[0].from, at(1000));
        assert_eq!(found(&[450, 1350], 1351)[0].until, Some(at(1350)));
        let lasting = found(&[450], 5000);
        assert_eq!(lasting, [Silence { from: at(1000), until: None, fact: 450 }]);
    }
}

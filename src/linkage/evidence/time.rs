//! How the times of an entry lie beside the times of a call.
//!
//! Two clocks speak: the time of typing (how long after the call), and the time written (how far
//! from its ring, answer or end). They are one field, because a row typed late is written from
//! memory, and many just write the time of typing.

use crate::linkage::compact::{Call, Entry, NEVER};

/// Borders in seconds of how long after the call's end a row is typed.
pub const LAG_EDGES: [i64; 36] = [
    -259_200, -7200, -1800, -600, -120, -60, -30, 0, 10, 20, 30, 45, 60, 80, 100, 130, 170, 220,
    300, 400, 600, 900, 1200, 1800, 2700, 3600, 5400, 7200, 10_800, 14_400, 21_600, 28_800, 43_200,
    86_400, 259_200, 1_209_600,
];
/// Borders in seconds of how far a written time lies from a moment of the call.
pub const BESIDE_EDGES: [i64; 48] = [
    -21_600, -10_800, -7200, -5400, -3600, -2700, -1800, -1200, -900, -600, -420, -300, -240, -180,
    -150, -120, -100, -80, -60, -50, -40, -30, -20, -10, 0, 10, 20, 30, 40, 60, 80, 100, 120, 150,
    180, 240, 300, 420, 600, 900, 1200, 1800, 2700, 3600, 5400, 7200, 10_800, 21_600,
];
/// Bins of the two.
pub const LAGS: usize = LAG_EDGES.len() - 1;
pub const BESIDES: usize = BESIDE_EDGES.len() - 1;

/// Whole slips of a written time, in seconds: half a day (12-hour clock), a day (around midnight).
pub const SLIPS: [i64; 5] = [0, -43_200, 43_200, -86_400, 86_400];
/// A slip is looked for within so many seconds.
const SLIP_REACH_S: i64 = 25_000;
/// Beyond any slip: a written time may be just wrong.
pub const ANYWHERE_S: f64 = 6.0 * 86_400.0;
/// A written time this near to the time of typing may be just that.
pub const NOW_S: i64 = 90;

/// How late a row was typed, as far as it tells how well the time was remembered.
pub const LAG_CLASSES: usize = 5;
/// To the minute, to five minutes, to the half hour; to the second, as programs fill it in.
pub const ROUNDINGS: usize = 4;
/// The last of them.
pub const TO_THE_SECOND: usize = 3;

/// The bin of a value between borders; `None` outside.
pub fn bin(edges: &[i64], value: i64) -> Option<usize> {
    let above = edges.partition_point(|edge| *edge <= value);
    (above > 0 && above < edges.len()).then(|| above - 1)
}

/// The width of a bin in seconds.
pub fn width(edges: &[i64], bin: usize) -> f64 {
    (edges[bin + 1] - edges[bin]) as f64
}

/// Ring, answer, end.
pub fn moments(call: &Call) -> [i64; 3] {
    [call.ring, call.answer, call.end]
}

/// How long after the end of a call a row was typed.
pub fn lag(call: &Call, row: &Entry) -> Option<i64> {
    (row.typed != NEVER).then(|| row.typed - call.end)
}

/// Which memory a row was written from.
pub fn lag_class(lag: Option<i64>) -> usize {
    match lag {
        None => 4,
        Some(..180) => 0,
        Some(180..900) => 1,
        Some(900..3600) => 2,
        Some(3600..) => 3,
    }
}

/// How a written time was rounded, as far as it shows.
pub fn rounding(written: i64) -> usize {
    let minute = written.div_euclid(60);
    match (written.rem_euclid(60), minute % 30, minute % 5) {
        (1.., ..) => TO_THE_SECOND,
        (_, 0, _) => 2,
        (_, _, 0) => 1,
        _ => 0,
    }
}

/// A moment that lies beyond every border.
pub const OUTSIDE: u8 = u8::MAX;

/// Where the times of a pair fall in the tables, looked up once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Bin of the lag of typing; [`OUTSIDE`] where not told.
    pub lag: u8,
    pub lag_class: u8,
    pub rounding: u8,
    /// The slip that brings the written time nearest to the call; [`OUTSIDE`] where none does.
    pub slip: u8,
    /// Bins of the written time beside ring, answer, end.
    pub beside: [u8; 3],
}

/// Looks the times of a pair up.
pub fn times(call: &Call, row: &Entry) -> Times {
    let lag = lag(call, row);
    let small = |bin: Option<usize>| bin.map_or(OUTSIDE, |bin| bin as u8);
    let mut times = Times {
        lag: small(lag.and_then(|lag| bin(&LAG_EDGES, lag))),
        lag_class: lag_class(lag) as u8,
        rounding: 0,
        slip: OUTSIDE,
        beside: [OUTSIDE; 3],
    };
    if row.written == NEVER {
        return times;
    }
    times.rounding = rounding(row.written) as u8;
    let away = row.written - call.answer;
    let nearest = (0..SLIPS.len()).min_by_key(|slip| (away - SLIPS[*slip]).abs());
    let Some(slip) = nearest.filter(|slip| (away - SLIPS[*slip]).abs() <= SLIP_REACH_S) else {
        return times;
    };
    times.slip = slip as u8;
    let beside = |at: i64| small(bin(&BESIDE_EDGES, row.written - SLIPS[slip] - at));
    times.beside = moments(call).map(beside);
    times
}

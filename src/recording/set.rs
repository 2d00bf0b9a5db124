//! The recording set of a call: its files in order, the holes and overlaps between them, and which
//! are the same sound once more. A copy is shown and never counted twice.

use super::envelope::{is_same, is_within, mixed};
use super::{Measures, Recording};
use crate::call::event::Moment;
use chrono::TimeDelta;
use serde::Serialize;

/// One file of a set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Piece {
    /// Its place in what was asked about.
    pub index: usize,
    /// From the start of the set's first sound, in seconds; `None` where no start is known.
    pub offset_s: Option<f64>,
    pub length_s: f64,
    /// Nothing was recorded for so long before it, in seconds.
    pub gap_s: f64,
    /// It begins so long before another ends, in seconds.
    pub overlap_s: f64,
    /// The file whose sound it is once more, by its place in what was asked about.
    pub copy_of: Option<usize>,
}

/// Starts that are told in whole seconds may lie so far apart and be one, in seconds.
const TOGETHER_S: i64 = 2;
/// Holes and overlaps shorter than this are how exactly starts are told, in seconds.
const EXACT_S: f64 = 1.0;

/// Puts the recordings of one call in order. Those without a known start come last.
pub fn arrange(recordings: &[&Recording]) -> Vec<Piece> {
    let mut order: Vec<usize> = (0..recordings.len()).collect();
    let begins_at = |index: usize| recordings[index].begins_at();
    order.sort_by_key(|index| (begins_at(*index).is_none(), begins_at(*index), *index));
    let copies = copies(recordings);
    let first = order.first().and_then(|index| begins_at(*index));
    let mut covered_s: Option<f64> = None;
    let mut pieces = Vec::new();
    for index in order {
        let length_s = recordings[index].measures.as_ref().map_or(0.0, |m| m.duration_s);
        let offset_s = begins_at(index).zip(first).map(|(at, first)| seconds(at - first));
        let mut piece =
            Piece { index, offset_s, length_s, gap_s: 0.0, overlap_s: 0.0, copy_of: copies[index] };
        if let (Some(offset_s), None) = (offset_s, piece.copy_of) {
            let before = covered_s.map_or(0.0, |covered_s| offset_s - covered_s);
            let told = |seconds: f64| if seconds > EXACT_S { seconds } else { 0.0 };
            (piece.gap_s, piece.overlap_s) = (told(before), told(-before));
            let end_s = offset_s + length_s;
            covered_s = Some(covered_s.map_or(end_s, |covered_s| covered_s.max(end_s)));
        }
        pieces.push(piece);
    }
    pieces
}

fn seconds(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64 / 1000.0
}

/// Of each recording, the one whose sound it repeats: a mix of the one with more channels, a party
/// of the one in which it is heard, else the later of the earlier.
fn copies(recordings: &[&Recording]) -> Vec<Option<usize>> {
    let measures = |index: usize| recordings[index].measures.as_ref();
    let mut richest: Vec<usize> = (0..recordings.len()).collect();
    let channels = |index: usize| measures(index).map_or(0, |m| m.channels);
    let speech = |index: usize| {
        measures(index).map_or(0, |m| (m.speech_share.iter().sum::<f64>() * 1000.0) as u64)
    };
    richest.sort_by_key(|index| std::cmp::Reverse((channels(*index), speech(*index))));
    let mut found = vec![None; recordings.len()];
    for (place, index) in richest.iter().enumerate() {
        let richer = richest[..place].iter().filter(|other| found[**other].is_none());
        let mut same = richer.filter(|other| repeats(recordings[*index], recordings[**other]));
        found[*index] = same.next().copied();
    }
    found
}

/// Whether a recording has nothing but what another one has: by its bytes, else by its sound.
fn repeats(one: &Recording, other: &Recording) -> bool {
    if one.hash == other.hash {
        return true;
    }
    let apart = |(a, b): (Moment, Moment)| (a - b).num_seconds().abs() > TOGETHER_S;
    if one.begins_at().zip(other.begins_at()).is_some_and(apart) {
        return false;
    }
    let (Some(one), Some(other)) = (&one.measures, &other.measures) else { return false };
    let length = |measures: &Measures| measures.duration_s;
    if (length(one) - length(other)).abs() > EXACT_S {
        return false;
    }
    let (mix, others) = (mixed(&one.envelopes), mixed(&other.envelopes));
    let of_a_channel = || other.envelopes.iter().any(|channel| is_same(&mix, channel));
    let within = || one.channels == 1 && is_within(&mix, &others);
    is_same(&mix, &others) || of_a_channel() || within()
}

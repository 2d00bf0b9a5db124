//! Rings by their pattern: how long the tone sounds, how long it rests, and when it comes again.
//!
//! The frequency alone tells nothing: dial, busy and foreign ringing tones share it. A ring is a
//! stretch of steady tone as long as the country's, with rest before and after; several rings must
//! stand a period apart.

use super::{LINE_HZ, Look, Ring, STEP_S};
use crate::call::Ringback;

/// The tone may be so much weaker than its level and still be there, in dB.
const BELOW_DB: f32 = 3.5;
/// The tone alone keeps its level within this, in dB.
const STEADY_DB: f32 = 2.5;
/// Share of the band in everything, from which on the tone is plain to hear.
pub(super) const PLAIN: f32 = 0.35;
/// Weaker than this nothing is looked at, in dBFS.
const FAINT_DBFS: f32 = -60.0;
/// Shortest plain stretch that gives the level of a tone, in looks.
const STRETCH: usize = 8;
/// A ring cut at the start or the end must have so much of its tone, in seconds (issue: 0.3 s; a
/// window reaches over the edge).
const CUT_S: f64 = 0.28;
/// As it was measured, in seconds.
const HEARD_S: f64 = 0.285;
/// Rings may come early or late by this share of their period.
const JITTER: f64 = 0.1;
/// A tone may be this much longer or shorter than the country's.
const STRETCHED: f64 = 0.15;

/// Finds the rings in what was looked at.
pub fn find(looks: &[Look], tone: &Ringback) -> Vec<Ring> {
    let looks = &steadied(looks, tone);
    let levels = levels(looks);
    let found = levels.iter().map(|level| Pattern::new(looks, *level, tone).rings());
    found.max_by_key(Vec::len).unwrap_or_default()
}

/// A tone whose parts lie closer than a window can part them swells and fades: its level is taken
/// over one swing.
fn steadied(looks: &[Look], tone: &Ringback) -> Vec<Look> {
    let mut parts = tone.frequencies_hz.clone();
    parts.sort_by(f32::total_cmp);
    let apart = parts.windows(2).map(|pair| pair[1] - pair[0]).filter(|apart| *apart > 0.0);
    let Some(apart) = apart.reduce(f32::min).filter(|apart| *apart < LINE_HZ) else {
        return looks.to_vec();
    };
    let swing = (1.0 / (f64::from(apart) * STEP_S)).round().max(1.0) as usize;
    let power = |look: &Look| 10f32.powf(look.level_dbfs / 10.0);
    let middle = |at: usize| {
        let from = at.saturating_sub(swing / 2);
        let around = &looks[from..(from + swing).min(looks.len())];
        let count = around.len() as f32;
        let level_dbfs = 10.0 * (around.iter().map(power).sum::<f32>() / count).log10();
        let share = around.iter().map(|look| look.share).sum::<f32>() / count;
        Look { level_dbfs, share, ..looks[at] }
    };
    (0..looks.len()).map(middle).collect()
}

/// Levels at which a steady tone is plain to hear, each once.
fn levels(looks: &[Look]) -> Vec<f32> {
    let mut levels: Vec<f32> = Vec::new();
    let plain = |look: &Look| look.share >= PLAIN && look.level_dbfs > FAINT_DBFS;
    for stretch in looks.split(|look| !plain(look)).filter(|s| s.len() >= STRETCH) {
        let mut sorted: Vec<f32> = stretch.iter().map(|look| look.level_dbfs).collect();
        sorted.sort_by(f32::total_cmp);
        let middle = sorted[sorted.len() / 2];
        let near = |other: &f32| (other - middle).abs() < STEADY_DB;
        let steady = sorted.iter().filter(|level| near(level)).count();
        if steady * 10 >= sorted.len() * 6 && !levels.iter().any(near) {
            levels.push(middle);
        }
    }
    levels.truncate(LEVELS_MAX);
    levels
}

/// Levels that are tried.
const LEVELS_MAX: usize = 12;

/// One ring as it should be, and where the tone of one level sounds.
struct Pattern<'a> {
    looks: &'a [Look],
    level: f32,
    /// How many looks before each place have the tone, and have it steady.
    sounding: Vec<u32>,
    steady: Vec<u32>,
    /// Bursts of one ring from its start, in looks: from, to.
    bursts: Vec<(i64, i64)>,
    /// From the first burst to the end of the last, the rest after it, and both, in looks.
    span: i64,
    rest: i64,
    period: i64,
}

/// A place that looks like a ring.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    /// Where the ring begins, or would have begun before the file did; in looks.
    at: i64,
    score: f32,
}

fn looks_of(milliseconds: u32) -> i64 {
    (f64::from(milliseconds) / 1000.0 / STEP_S).round() as i64
}

fn sums(looks: &[Look], is: impl Fn(&Look) -> bool) -> Vec<u32> {
    let mut sum = 0;
    let counted = looks.iter().map(|look| {
        sum += u32::from(is(look));
        sum
    });
    std::iter::once(0).chain(counted).collect()
}

impl<'a> Pattern<'a> {
    fn new(looks: &'a [Look], level: f32, tone: &Ringback) -> Self {
        let (mut bursts, mut at) = (Vec::new(), 0);
        for (on, off) in tone.on_ms.iter().zip(&tone.off_ms) {
            bursts.push((at, at + looks_of(*on)));
            at += looks_of(*on) + looks_of(*off);
        }
        let span = bursts.last().map_or(0, |(_, to)| *to);
        Self {
            looks,
            level,
            sounding: sums(looks, |look| look.level_dbfs >= level - BELOW_DB),
            steady: sums(looks, |look| (look.level_dbfs - level).abs() <= STEADY_DB),
            bursts,
            span,
            rest: at - span,
            period: at,
        }
    }

    fn end(&self) -> i64 {
        self.looks.len() as i64
    }

    /// Share of the looks of a stretch that are counted, as far as the file goes; `None` where it
    /// does not go there.
    fn share(&self, counts: &[u32], from: i64, to: i64) -> Option<f32> {
        let place = |at: i64| at.clamp(0, self.end()) as usize;
        let (from, to) = (place(from), place(to));
        (from < to).then(|| (counts[to] - counts[from]) as f32 / (to - from) as f32)
    }

    /// How much a place looks like the start of a ring.
    fn score(&self, at: i64) -> Option<f32> {
        let heard = |(from, to): &(i64, i64)| (at + to).min(self.end()) - (at + from).max(0);
        let tone: i64 = self.bursts.iter().map(|burst| heard(burst).max(0)).sum();
        let whole: i64 = self.bursts.iter().map(|(from, to)| to - from).sum();
        let least = ((CUT_S / STEP_S) as i64).min(whole * 3 / 4);
        let middle = self.bursts.first().map_or(0, |(from, to)| (from + to) / 2);
        if tone < least
            || (at >= 0 && self.share(&self.sounding, at + middle, at + middle + 1)? < 1.0)
        {
            return None;
        }
        let edge = 2;
        let (mut on, mut steady, mut count) = (0.0, 0.0, 0.0);
        for (from, to) in &self.bursts {
            let (from, to) = (at + from + edge, at + to - edge);
            let Some(share) = self.share(&self.sounding, from, to) else { continue };
            let length = (to.min(self.end()) - from.max(0)) as f32;
            on += share * length;
            steady += self.share(&self.steady, from, to)? * length;
            count += length;
        }
        let (on, steady) = (on / count, steady / count);
        let pauses =
            self.bursts.windows(2).map(|pair| (at + pair[0].1 + edge, at + pair[1].0 - edge));
        let pause = pauses.filter_map(|(from, to)| self.share(&self.sounding, from, to));
        let guard = (self.rest * 6 / 10).min(GUARD);
        let margin = edge + (self.span as f64 * STRETCHED) as i64;
        let before = self.share(&self.sounding, at - edge - guard, at - edge);
        let next = self.span + at + margin.min(self.rest / 4);
        let after = self.share(&self.sounding, next, next + guard);
        let edges = [
            self.share(&self.sounding, at - edge - EDGE, at - edge),
            self.share(&self.sounding, next, next + EDGE),
        ];
        let quiet = |share: Option<f32>| share.unwrap_or(0.0) <= REST_MAX;
        let fits = on >= SOUNDING_MIN
            && steady >= STEADY_MIN
            && pause.fold(0f32, f32::max) <= PAUSE_MAX
            && quiet(before)
            && quiet(after)
            && edges.iter().all(|edge| edge.unwrap_or(0.0) <= EDGE_MAX);
        let rests = before.unwrap_or(0.0) + after.unwrap_or(0.0);
        fits.then_some(on + steady * 0.5 - rests * 0.5)
    }

    /// Places that look like rings, the best of those that exclude each other, in order.
    fn candidates(&self) -> Vec<Candidate> {
        let places = -self.span..self.end();
        let mut all: Vec<Candidate> =
            places.filter_map(|at| self.score(at).map(|score| Candidate { at, score })).collect();
        all.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.at.cmp(&b.at)));
        let mut best: Vec<Candidate> = Vec::new();
        for candidate in all {
            if best.iter().all(|other| (other.at - candidate.at).abs() >= self.period / 2) {
                best.push(candidate);
            }
        }
        best.sort_by_key(|candidate| candidate.at);
        best
    }

    fn is_period(&self, apart: i64) -> bool {
        let periods = (apart as f64 / self.period as f64).round().max(1.0);
        (apart as f64 - periods * self.period as f64).abs() <= JITTER * self.period as f64
    }

    /// Whether so many rings are the country's: others stand a period apart, and there is less
    /// tone that is no ring.
    fn in_step(&self, candidates: Vec<Candidate>) -> Vec<Candidate> {
        let steps: Vec<bool> =
            candidates.windows(2).map(|pair| self.is_period(pair[1].at - pair[0].at)).collect();
        let alone = candidates.len() == 1;
        let in_step = |at: usize| {
            let after = steps.get(at).copied().unwrap_or(false);
            after || at.checked_sub(1).is_some_and(|before| steps[before])
        };
        let kept: Vec<Candidate> = candidates
            .iter()
            .enumerate()
            .filter(|(at, _)| alone || in_step(*at))
            .map(|(_, candidate)| *candidate)
            .collect();
        if self.strange(&kept) >= kept.len().max(1) { Vec::new() } else { kept }
    }

    /// Stretches of steady tone that are no ring, nor what an answer left of one.
    fn strange(&self, rings: &[Candidate]) -> usize {
        let is_ring = |from: i64, to: i64| {
            rings.iter().any(|ring| from < ring.at + self.span + MARGIN && ring.at - MARGIN < to)
        };
        let last = rings.last().map_or(i64::MAX, |ring| ring.at);
        let stretches = self.stretches().into_iter();
        stretches
            .filter(|(from, to)| {
                let answered =
                    *from > last && self.is_period(from - last) && to - from <= self.span;
                !is_ring(*from, *to) && !answered
            })
            .count()
    }

    /// Steady stretches of the level as long as what is left of a cut ring, and longer.
    fn stretches(&self) -> Vec<(i64, i64)> {
        let mut found: Vec<(i64, i64)> = Vec::new();
        let mut at = 0;
        for stretch in self.looks.chunk_by(|a, b| self.is_tone(a) == self.is_tone(b)) {
            let (from, to) = (at, at + stretch.len() as i64);
            at = to;
            if !self.is_tone(&stretch[0]) {
                continue;
            }
            match found.last_mut() {
                Some(last) if from - last.1 <= GAP => last.1 = to,
                _ => found.push((from, to)),
            }
        }
        found.retain(|(from, to)| (to - from) as f64 * STEP_S >= CUT_S);
        found
    }

    fn is_tone(&self, look: &Look) -> bool {
        (look.level_dbfs - self.level).abs() <= STEADY_DB && look.share >= PLAIN
    }

    /// The ring that an answer cut: where the next is due, or right at the start of the file.
    fn answered(&self, rings: &[Candidate]) -> Option<Candidate> {
        let stretches = self.stretches();
        let due = |from: i64| match rings.last() {
            Some(last) => from > last.at + self.span + MARGIN && self.is_period(from - last.at),
            None => from <= FIRST && stretches.len() == 1 && self.is_pure(stretches[0]),
        };
        let on = self.bursts.first().map_or(0, |(_, to)| *to);
        let (from, _) =
            *stretches.iter().find(|(from, to)| due(*from) && to - from <= on + MARGIN)?;
        let quiet = self.share(&self.sounding, from - GUARD / 2, from - 2).unwrap_or(0.0);
        (quiet <= REST_MAX).then_some(Candidate { at: from, score: 0.0 })
    }

    fn is_pure(&self, (from, to): (i64, i64)) -> bool {
        let stretch = &self.looks[from as usize..to as usize];
        stretch.iter().map(|look| look.share).sum::<f32>() >= ALONE * stretch.len() as f32
    }

    /// All rings at this level.
    fn rings(&self) -> Vec<Ring> {
        let mut rings = self.hidden(self.in_step(self.candidates()));
        if let Some(last) = self.answered(&rings) {
            rings.push(last);
        }
        let rings = rings.iter().filter_map(|ring| self.measure(ring));
        let rings: Vec<Ring> = rings.filter(|ring| ring.length_s >= HEARD_S).collect();
        let whole_s = self.span as f64 * STEP_S * (1.0 - STRETCHED);
        let mut lengths: Vec<f64> = rings.iter().map(|ring| ring.length_s).collect();
        lengths.sort_by(f64::total_cmp);
        let middle_s = lengths.get(lengths.len() / 2).copied().unwrap_or(0.0);
        let longest_s = lengths.last().copied().unwrap_or(0.0);
        // Two that are both cut are as likely whole ones of another country.
        let foreign = (rings.len() > 1 && longest_s < whole_s)
            || middle_s > self.span as f64 * STEP_S * (1.0 + 2.0 * STRETCHED);
        if foreign { Vec::new() } else { rings }
    }

    /// Between two rings that are two periods apart there was one more, where at least something of
    /// it is heard through what hid it.
    fn hidden(&self, rings: Vec<Candidate>) -> Vec<Candidate> {
        let mut all = Vec::new();
        for (place, ring) in rings.iter().enumerate() {
            if let Some(before) = place.checked_sub(1).map(|before| rings[before]) {
                let (at, apart) = ((before.at + ring.at) / 2, ring.at - before.at);
                let (from, to) = self.bursts.first().map_or((0, 0), |burst| *burst);
                let heard = self.share(&self.sounding, at + from, at + to).unwrap_or(0.0);
                if self.is_period(apart / 2) && heard >= HIDDEN_MIN {
                    all.push(Candidate { at, score: heard });
                }
            }
            all.push(*ring);
        }
        all
    }

    /// Where the tone of a ring really begins and ends.
    fn measure(&self, ring: &Candidate) -> Option<Ring> {
        let sounds = |at: &i64| {
            self.looks
                .get(*at as usize)
                .is_some_and(|look| look.level_dbfs >= self.level - BELOW_DB)
        };
        let (least, most) =
            ((ring.at - MARGIN).max(0), (ring.at + self.span + MARGIN).min(self.end()));
        let first = (least..most).find(sounds)?;
        let end = match self.bursts.len() {
            1 => (first + 1..most)
                .find(|at| !sounds(at) && !(*at + 1..*at + GAP).any(|at| sounds(&at))),
            _ => None,
        };
        let last = end.map_or_else(|| (first..most).rfind(sounds), |end| Some(end - 1))?;
        // A window of two steps is past the level once seven tenths of it are tone.
        let start_s = if first <= 1 { 0.0 } else { (first as f64 + 1.0) * STEP_S - 0.028 };
        let end_s = (last as f64 + 1.0) * STEP_S - 0.012;
        Some(Ring { start_s: round(start_s), length_s: round((end_s - start_s).max(STEP_S)) })
    }
}

fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// How much of a ring must sound, and be steady; how much of a pause within it and of the rest
/// around it may sound too, as speech over it does.
const SOUNDING_MIN: f32 = 0.85;
const STEADY_MIN: f32 = 0.45;
const HIDDEN_MIN: f32 = 0.7;
const PAUSE_MAX: f32 = 0.6;
const REST_MAX: f32 = 0.4;
/// The rest that is looked at, on either side at most: 1.2 s, in looks.
const GUARD: i64 = 60;
/// The rest right beside a ring: 240 ms, in looks; and how much of it may sound.
const EDGE: i64 = 12;
const EDGE_MAX: f32 = 0.6;
/// Edges may lie so far off: 240 ms, in looks.
const MARGIN: i64 = 12;
/// A tone that is gone for less than this goes on: 80 ms, in looks.
const GAP: i64 = 4;
/// A first ring that is cut by the answer begins within 3 s, in looks; as it is no longer known by
/// its length, its tone must be this share of everything.
const FIRST: i64 = 150;
const ALONE: f32 = 0.7;

//! Rings in the sound: the strength of the ringback tone over time, and the rings in it.
//!
//! The tone's band is watched in windows of 40 ms, one every 20 ms, by a discrete Fourier transform
//! of its few lines of 25 Hz.

mod pattern;

use crate::call::Ringback;
use serde::{Deserialize, Serialize};
use std::f32::consts::TAU;

/// One ring that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ring {
    /// From the start of the file.
    pub start_s: f64,
    pub length_s: f64,
}

impl Ring {
    /// Whether two rings sound at the same time.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start_s < other.start_s + other.length_s
            && other.start_s < self.start_s + self.length_s
    }
}

/// Rings are listened for at the beginning of a file, for so many seconds.
pub const OPENING_S: f64 = 900.0;
/// From one look at the band to the next, in seconds; each sees twice as much.
const STEP_S: f64 = 0.02;
/// The band is watched at about this rate.
const RATE_HZ: u32 = 8000;
/// Exchanges hold their tones about so exactly, in Hz.
const RIVAL_HZ: f32 = 2.5;
/// From one line to the next, in Hz.
const LINE_HZ: f32 = 25.0;

/// One look at the band.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Look {
    /// Level of the tone's band, in dBFS.
    level_dbfs: f32,
    /// Share of the band in the power of everything.
    share: f32,
    /// Frequency of its strongest line, told by how its phase goes on.
    hz: f32,
    speech: bool,
}

/// A line of the band: its wave over a step, and how far the phase goes meanwhile.
#[derive(Debug)]
struct Line {
    hz: f32,
    cosine: Vec<f32>,
    sine: Vec<f32>,
    turn: (f32, f32),
    before: (f32, f32),
}

impl Line {
    fn new(hz: f32, rate_hz: f32, step: usize) -> Self {
        let angle = |n: usize| TAU * (hz * n as f32 / rate_hz).fract();
        Self {
            hz,
            cosine: (0..step).map(|n| angle(n).cos()).collect(),
            sine: (0..step).map(|n| -angle(n).sin()).collect(),
            turn: (angle(step).cos(), -angle(step).sin()),
            before: (0.0, 0.0),
        }
    }

    /// Power of the line over this step and the one before, and from the one to the other what the
    /// phase goes beyond the line's own.
    fn power(&mut self, step: &[f32]) -> (f32, (f32, f32)) {
        let now = (dot(step, &self.cosine), dot(step, &self.sine));
        let (turn, last) = (self.turn, self.before);
        let turned = (now.0 * turn.0 - now.1 * turn.1, now.0 * turn.1 + now.1 * turn.0);
        self.before = now;
        let (re, im) = (last.0 + turned.0, last.1 + turned.1);
        let drift = (turned.0 * last.0 + turned.1 * last.1, turned.1 * last.0 - turned.0 * last.1);
        (re * re + im * im, drift)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// The tone's band on one channel.
#[derive(Debug)]
pub struct Channel {
    tone: Ringback,
    lines: Vec<Line>,
    /// Samples that make one of the band's.
    fold: usize,
    folded: (f32, usize),
    step: Vec<f32>,
    step_length: usize,
    energy_before: f32,
    looks: Vec<Look>,
    noted: usize,
}

impl Channel {
    /// Listens for a tone on a channel of so many samples a second.
    pub fn new(tone: &Ringback, sample_rate_hz: u32) -> Self {
        let fold = (sample_rate_hz / RATE_HZ).max(1) as usize;
        let rate_hz = sample_rate_hz as f32 / fold as f32;
        let step_length = (f64::from(rate_hz) * STEP_S).round().max(1.0) as usize;
        let of = |pick: fn(f32, f32) -> f32| tone.frequencies_hz.iter().copied().reduce(pick);
        let (low, high) = (of(f32::min).unwrap_or(0.0), of(f32::max).unwrap_or(0.0));
        // Tones may be off by a line on either side (E.180: by 25 Hz in China).
        let first = ((low - LINE_HZ) / LINE_HZ).ceil() as u32;
        let last = ((high + LINE_HZ) / LINE_HZ).floor() as u32;
        let line = |line: u32| Line::new(line as f32 * LINE_HZ, rate_hz, step_length);
        Self {
            tone: tone.clone(),
            lines: (first..=last).map(line).collect(),
            fold,
            folded: (0.0, 0),
            step: Vec::with_capacity(step_length),
            step_length,
            energy_before: 0.0,
            looks: Vec::new(),
            noted: 0,
        }
    }

    fn is_open(&self) -> bool {
        self.looks.len() < (OPENING_S / STEP_S) as usize
    }

    /// Takes samples.
    pub fn push(&mut self, samples: &[f32]) {
        if !self.is_open() {
            return;
        }
        if self.fold == 1 {
            let mut rest = samples;
            while !rest.is_empty() && self.is_open() {
                let count = rest.len().min(self.step_length - self.step.len());
                self.step.extend_from_slice(&rest[..count]);
                rest = &rest[count..];
                self.look_if_full();
            }
            return;
        }
        for sample in samples {
            self.folded = (self.folded.0 + sample, self.folded.1 + 1);
            if self.folded.1 == self.fold {
                self.step.push(self.folded.0 / self.fold as f32);
                self.folded = (0.0, 0);
                self.look_if_full();
            }
        }
    }

    fn look_if_full(&mut self) {
        if self.step.len() < self.step_length {
            return;
        }
        let energy = dot(&self.step, &self.step);
        let both = energy + self.energy_before;
        self.energy_before = energy;
        let length = 2.0 * self.step_length as f32;
        let (mut in_band, mut strongest, mut hz) = (0f32, -1f32, 0f32);
        for line in &mut self.lines {
            let (power, drift) = line.power(&self.step);
            in_band += power;
            if power > strongest {
                strongest = power;
                // Known within half a turn a step: 25 Hz either way.
                hz = line.hz + drift.1.atan2(drift.0) / (TAU * STEP_S as f32);
            }
        }
        // By Parseval, the band's part of the mean square.
        let power = 2.0 * in_band / (length * length);
        self.looks.push(Look {
            level_dbfs: 10.0 * power.max(1e-12).log10(),
            share: if both > 0.0 { (power * length / both).min(1.0) } else { 0.0 },
            hz,
            speech: false,
        });
        self.step.clear();
    }

    /// Whether what sounds through the rings is the tone of a country that rings alike: no tone is
    /// off so far as to lie where another one belongs.
    fn is_foreign(&self, during: &mut dyn Iterator<Item = &Look>) -> bool {
        let rivals = self.tone.rivals_hz();
        let plain = during.filter(|look| look.share >= pattern::PLAIN);
        let mut hz: Vec<f32> = plain.map(|look| look.hz).collect();
        hz.sort_by(f32::total_cmp);
        let middle = hz.get(hz.len() / 2);
        middle.is_some_and(|middle| rivals.iter().any(|hz| (hz - middle).abs() <= RIVAL_HZ))
    }

    /// Notes whether the next window holds speech, as those tell who do not know the tone.
    pub fn note_speech(&mut self, speech: bool) {
        if let Some(look) = self.looks.get_mut(self.noted) {
            look.speech = speech;
        }
        self.noted += 1;
    }

    /// The rings, and how many windows taken for speech are rings.
    pub fn rings(&self) -> (Vec<Ring>, u64) {
        let place = |seconds: f64| ((seconds / STEP_S) as usize).min(self.looks.len());
        let during =
            |ring: &Ring| &self.looks[place(ring.start_s)..place(ring.start_s + ring.length_s)];
        let mut rings = pattern::find(&self.looks, &self.tone);
        if self.is_foreign(&mut rings.iter().flat_map(during)) {
            rings.clear();
        }
        let tone_only = |look: &&Look| look.speech && look.share > 0.5;
        let count = |ring: &Ring| during(ring).iter().filter(tone_only).count() as u64;
        let not_speech = rings.iter().map(count).sum();
        (rings, not_speech)
    }
}

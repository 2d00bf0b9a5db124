//! Recordings of ringing as exchanges, lines and people make them, from a seed: with the number of
//! rings that is really on them.

use ringledger::call::Ringback;
use std::f32::consts::TAU;

pub const RATE_HZ: usize = 8000;

/// A small generator of numbers (Marsaglia's xorshift), the same on every machine.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.roll() >> 40) as f32 / (1u64 << 24) as f32
    }
    pub fn below(&mut self, count: usize) -> usize {
        (self.roll() >> 33) as usize % count
    }
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// One recording.
pub struct Case {
    pub kind: &'static str,
    /// Whose rings are listened for.
    pub country: &'static str,
    pub rings: usize,
    pub samples: Vec<f32>,
}

pub const KINDS: [&str; 11] = [
    "clean",
    "noise",
    "speech over it",
    "cut start",
    "answered in a ring",
    "other countries",
    "wrong country",
    "same cadence",
    "other tones",
    "talk only",
    "music",
];

fn amplitude(dbfs: f32) -> f32 {
    10f32.powf(dbfs / 20.0)
}

fn frames(seconds: f32) -> usize {
    (seconds * RATE_HZ as f32) as usize
}

/// Adds a tone from a place on, with edges of 5 ms.
fn add_tone(samples: &mut [f32], hz: &[f32], level: f32, from: usize, length: usize) {
    let edge = frames(0.005);
    for n in 0..length {
        let Some(sample) = samples.get_mut(from + n) else { return };
        let fade = (n.min(length - n) as f32 / edge as f32).min(1.0);
        let sum: f32 =
            hz.iter().map(|hz| (TAU * (hz * n as f32 / RATE_HZ as f32).fract()).sin()).sum();
        *sample += sum / hz.len() as f32 * level * fade;
    }
}

/// Adds something like speech: voiced syllables with a melody, hissed ones, and pauses.
fn add_speech(samples: &mut [f32], dice: &mut Dice, level: f32, from: usize, to: usize) {
    let mut at = from;
    let pitch = dice.between(90.0, 240.0);
    while at < to.min(samples.len()) {
        if dice.below(6) == 0 {
            at += frames(dice.between(0.2, 0.8));
            continue;
        }
        let length = frames(dice.between(0.08, 0.28));
        let voiced = dice.below(4) > 0;
        let loud = level * dice.between(0.4, 1.3);
        let (start, end) = (pitch * dice.between(0.85, 1.2), pitch * dice.between(0.8, 1.1));
        let formants = [dice.between(300.0, 800.0), dice.between(900.0, 2300.0)];
        let mut phase = 0f32;
        for n in 0..length {
            let Some(sample) = samples.get_mut(at + n) else { break };
            let part = n as f32 / length as f32;
            let swell = (part * std::f32::consts::PI).sin();
            let sound = if voiced {
                let hz = start + (end - start) * part;
                phase = (phase + hz / RATE_HZ as f32).fract();
                let weight = |k: usize| {
                    let near = |f: &f32| 1.0 / (1.0 + ((hz * k as f32 - f) / 120.0).powi(2));
                    formants.iter().map(near).sum::<f32>() + 0.05
                };
                (1..=12).map(|k| (TAU * phase * k as f32).sin() * weight(k)).sum::<f32>() * 0.7
            } else {
                dice.between(-1.0, 1.0) * 0.5
            };
            *sample += sound * swell * loud;
        }
        at += length + frames(dice.between(0.0, 0.08));
    }
}

fn add_noise(samples: &mut [f32], dice: &mut Dice, level: f32) {
    for sample in samples {
        // Uniform noise has a power of a third of its square.
        *sample += dice.between(-1.0, 1.0) * level * 1.732;
    }
}

/// Chords and a melody that hold for half a second to two, concert pitch among them.
fn add_music(samples: &mut [f32], dice: &mut Dice, level: f32) {
    let scale = [261.6, 293.7, 329.6, 349.2, 392.0, 440.0, 466.2, 493.9, 523.3];
    let mut at = 0;
    while at < samples.len() {
        let length = frames(dice.between(0.25, 2.0));
        let notes = [dice.pick(&scale), dice.pick(&scale) / 2.0, dice.pick(&scale) * 1.5];
        let count = 1 + dice.below(3);
        for note in &notes[..count] {
            add_tone(samples, &[*note, note * 2.0, note * 3.0], level, at, length);
        }
        at += length;
    }
}

/// Adds rings of a country: how many begin before `end`, the first at `from`.
fn add_rings(samples: &mut [f32], tone: &Ringback, level: f32, from: f32, end: f32, off_hz: f32) {
    let hz: Vec<f32> = tone.frequencies_hz.iter().map(|hz| hz + off_hz).collect();
    let mut at = from;
    while at < end {
        let mut burst = at;
        for (on, off) in tone.on_ms.iter().zip(&tone.off_ms) {
            let (on, off) = (*on as f32 / 1000.0, *off as f32 / 1000.0);
            let length = on.min(end - burst);
            if length > 0.0 {
                add_tone(samples, &hz, level, frames(burst), frames(length));
            }
            burst += on + off;
        }
        at += tone.period_ms() as f32 / 1000.0;
    }
}

/// Rounds as G.711 does, about: 13 bits near silence, 8 bits of float above.
fn line(samples: &mut [f32]) {
    for sample in samples {
        let size = sample.abs().clamp(0.0, 0.98);
        let step = (2f32.powf((size * 32.0).max(1.0).log2().ceil()) / 32.0) / 16.0 / 2.0;
        *sample = (sample.clamp(-0.98, 0.98) / step).round() * step;
    }
}

/// The case of a number: every kind in turn.
pub fn case(number: usize, seed: u64) -> Case {
    let mut dice = Dice::new(seed.wrapping_add(number as u64 * 7919));
    let kind = KINDS[number % KINDS.len()];
    let country = match kind {
        "other countries" => {
            dice.pick(&["us", "gb", "fr", "de", "jp", "au", "in", "kr", "hk", "es", "tr"])
        }
        "wrong country" => dice.pick(&["cn", "cn", "us", "gb", "fr"]),
        "same cadence" => dice.pick(&["cn", "cn", "de", "it"]),
        _ => "cn",
    };
    let tone = Ringback::of(country).expect("a tone");
    let period = tone.period_ms() as f32 / 1000.0;
    let span = period - *tone.off_ms.last().expect("a rest") as f32 / 1000.0;
    let level = amplitude(dice.between(-30.0, -9.0));
    let count = 1 + dice.below(5);
    let from = if dice.below(3) == 0 { 0.0 } else { dice.between(0.05, 3.0) };
    // Answered in the rest after the last ring.
    let mut end =
        from + period * (count - 1) as f32 + span + dice.between(0.4, 0.95) * (period - span);
    let talk = dice.between(3.0, 8.0);
    let mut rings = count;
    let mut samples = vec![0.0; frames(end + talk + period)];
    let speech = amplitude(dice.between(-26.0, -10.0));
    match kind {
        "clean" | "other countries" => {
            add_rings(&mut samples, &tone, level, from, end, dice_off(&mut dice, kind));
        }
        "noise" => {
            add_rings(&mut samples, &tone, level, from, end, dice_off(&mut dice, kind));
            // Down to as much noise as tone.
            add_noise(
                &mut samples,
                &mut dice,
                level * amplitude(-3.0 - 20.0) * 10f32.powf(dice_snr(number)),
            );
        }
        "speech over it" => {
            add_rings(&mut samples, &tone, level, from, end, 0.0);
            let louder = level * amplitude(dice.between(-9.0, 3.0));
            add_speech(&mut samples, &mut dice, louder, 0, frames(end));
        }
        "cut start" => {
            let kept =
                if dice.below(3) == 0 { dice.between(0.08, 0.22) } else { dice.between(0.34, 0.9) };
            rings = count - usize::from(kept < 0.3);
            end -= from + span - kept;
            add_rings(&mut samples, &tone, level, 0.0, end + span - kept, 0.0);
            samples.drain(..frames(span - kept));
        }
        "answered in a ring" => {
            end = from + period * (count - 1) as f32 + dice.between(0.4, 0.95);
            add_rings(&mut samples, &tone, level, from, end, 0.0);
        }
        "wrong country" => {
            let strange: &[&str] = match country {
                "cn" => &["us", "gb", "fr", "kr", "tr", "be", "au", "hk", "eg"],
                "us" => &["cn", "gb", "fr", "kr", "de"],
                "gb" => &["cn", "us", "fr", "kr", "de"],
                _ => &["cn", "us", "gb", "kr", "de"],
            };
            let strange = Ringback::of(dice.pick(strange)).expect("a tone");
            let until = from + (2 + dice.below(4)) as f32 * strange.period_ms() as f32 / 1000.0;
            add_rings(&mut samples, &strange, level, from, until - 0.3, 0.0);
            rings = 0;
        }
        // 450 and 425 Hz, both 1 s on and 4 s off; up to 1 Hz off, as exchanges are.
        "same cadence" => {
            let strange = Ringback::of(if country == "cn" { "de" } else { "cn" }).expect("a tone");
            let off_hz = dice.between(-1.0, 1.0);
            add_rings(&mut samples, &strange, level, from, end, off_hz);
            rings = 0;
        }
        "other tones" => {
            let total = samples.len() as f32 / RATE_HZ as f32;
            match dice.below(4) {
                0 => add_tone(&mut samples, &[450.0], level, frames(from), frames(total)),
                1 => beeps(&mut samples, &[450.0], level, (from, 0.35, 0.35)),
                2 => beeps(&mut samples, &[450.0], level, (from, 0.7, 0.7)),
                _ => beeps(&mut samples, &[941.0, 1336.0], level, (from, 0.1, 0.15)),
            }
            rings = 0;
        }
        "music" => {
            add_music(&mut samples, &mut dice, level);
            rings = 0;
        }
        _ => rings = 0,
    }
    if !["music", "other tones"].contains(&kind) {
        let foreign = ["wrong country", "same cadence"].contains(&kind);
        let begin = if rings == 0 && !foreign { 0 } else { frames(end) };
        let stop = samples.len();
        add_speech(&mut samples, &mut dice, speech, begin, stop);
    }
    if kind != "noise" {
        let hiss = amplitude(dice.between(-75.0, -50.0));
        add_noise(&mut samples, &mut dice, hiss);
    }
    line(&mut samples);
    Case { kind, country, rings, samples }
}

/// Exchanges are off by up to 20 Hz.
fn dice_off(dice: &mut Dice, kind: &str) -> f32 {
    if kind == "clean" { dice.between(-20.0, 20.0) } else { 0.0 }
}

/// From 20 dB under the tone to 0 dB, as a power of ten of the amplitude.
fn dice_snr(number: usize) -> f32 {
    (number / KINDS.len() % 11) as f32 / 10.0
}

fn beeps(samples: &mut [f32], hz: &[f32], level: f32, (from, on, off): (f32, f32, f32)) {
    let mut at = from;
    while frames(at) < samples.len() {
        add_tone(samples, hz, level, frames(at), frames(on));
        at += on + off;
    }
}

//! Measures over samples: loudness, speech, silence, one-sided, rings, waveform. One pass, constant
//! memory, no files, no codecs.

use super::envelope::Envelope;
use super::loudness::{self, Gate};
use super::ringback::{self, Ring};
use super::speech::{SILENCE, Speech};
use super::waveform::Waveform;
use super::{Measures, SoundClass};
use crate::call::Ringback;

/// A window in milliseconds: what is judged loud or silent, speech or none.
pub const WINDOW_MS: u32 = 20;
/// Less activity than this share, and a side said nothing.
const SILENT_SIDE: f64 = 0.005;
/// More activity than this share, and a side spoke.
const SPOKEN_SIDE: f64 = 0.05;

/// What samples are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    pub channels: u16,
    pub sample_rate_hz: u32,
    /// The rate of the whole sound, where the samples are a part of it that holds all there is.
    pub full_rate_hz: u32,
    /// The greatest magnitude the codec can write: samples there are clipped.
    pub full_scale: f32,
}

impl Shape {
    /// Samples as 16-bit codecs give them.
    pub fn new(channels: u16, sample_rate_hz: u32) -> Self {
        let full_scale = 32_767.0 / 32_768.0;
        Self { channels, sample_rate_hz, full_rate_hz: sample_rate_hz, full_scale }
    }
}

/// Listens to samples as they come.
#[derive(Debug)]
pub struct Listener {
    shape: Shape,
    channels: Vec<Channel>,
    /// One channel's samples, taken out of the others'.
    alone: Vec<f32>,
    gate: Gate,
    frames: u64,
    windows: u64,
    silent: u64,
    silence_run: u64,
    longest_run: u64,
    told: u64,
    both: u64,
    waveform: Waveform,
}

/// What is known of one channel.
#[derive(Debug)]
struct Channel {
    window: Window,
    /// Windows that are full and not yet looked at with those of the other channels.
    full: Vec<Window>,
    loudness: loudness::Channel,
    powers: Vec<f64>,
    speech: Speech,
    envelope: Envelope,
    ringback: Option<ringback::Channel>,
    active: u64,
    spoken: u64,
    clipped: u64,
    square_sum: f64,
    peak: f32,
}

/// Sums over a window.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    frames: usize,
    sum: f32,
    squares: f32,
    peak: f32,
}

impl Window {
    /// Samples are added in groups, which the processor does at once.
    fn add(&mut self, samples: &[f32]) {
        let (mut sums, mut squares, mut peaks) = ([0f32; 8], [0f32; 8], [0f32; 8]);
        let (groups, rest) = samples.as_chunks::<8>();
        for group in groups {
            for lane in 0..8 {
                let (sample, size) = (group[lane], group[lane].abs());
                sums[lane] += sample;
                squares[lane] += sample * sample;
                peaks[lane] = if size > peaks[lane] { size } else { peaks[lane] };
            }
        }
        for sample in rest {
            sums[0] += sample;
            squares[0] += sample * sample;
            peaks[0] = peaks[0].max(sample.abs());
        }
        self.frames += samples.len();
        self.sum += sums.iter().sum::<f32>();
        self.squares += squares.iter().sum::<f32>();
        self.peak = peaks.iter().fold(self.peak, |peak, other| peak.max(*other));
    }

    /// Mean square without a constant offset, which is no sound.
    fn power(&self) -> f32 {
        let frames = self.frames.max(1) as f32;
        let mean = self.sum / frames;
        (self.squares / frames - mean * mean).max(0.0)
    }
}

impl Channel {
    fn new(shape: Shape, ringback: Option<&Ringback>) -> Self {
        let rate_hz = shape.sample_rate_hz;
        Self {
            window: Window::default(),
            full: Vec::new(),
            loudness: loudness::Channel::new(rate_hz, shape.full_rate_hz),
            powers: Vec::new(),
            speech: Speech::default(),
            envelope: Envelope::default(),
            ringback: ringback.map(|tone| ringback::Channel::new(tone, rate_hz)),
            active: 0,
            spoken: 0,
            clipped: 0,
            square_sum: 0.0,
            peak: 0.0,
        }
    }

    fn push(&mut self, samples: &[f32], window_frames: usize, full_scale: f32) {
        let mut rest = samples;
        while !rest.is_empty() {
            let count = rest.len().min(window_frames - self.window.frames);
            let (now, later) = rest.split_at(count);
            self.window.add(now);
            if self.window.peak >= full_scale {
                self.clipped += now.iter().filter(|s| s.abs() >= full_scale).count() as u64;
            }
            if self.window.frames == window_frames {
                self.close();
            }
            rest = later;
        }
        self.loudness.push(samples, &mut self.powers);
        if let Some(ringback) = &mut self.ringback {
            ringback.push(samples);
        }
    }

    fn close(&mut self) {
        let window = std::mem::take(&mut self.window);
        self.square_sum += f64::from(window.squares);
        self.peak = self.peak.max(window.peak);
        self.full.push(window);
    }
}

impl Listener {
    /// A listener for samples of a shape. Rings are listened for where the tone is known.
    pub fn new(shape: Shape, ringback: Option<&Ringback>) -> Self {
        let shape = Shape {
            channels: shape.channels.max(1),
            sample_rate_hz: shape.sample_rate_hz.max(1),
            ..shape
        };
        let channel = |_| Channel::new(shape, ringback);
        Self {
            shape,
            channels: (0..shape.channels).map(channel).collect(),
            alone: Vec::new(),
            gate: Gate::default(),
            frames: 0,
            windows: 0,
            silent: 0,
            silence_run: 0,
            longest_run: 0,
            told: 0,
            both: 0,
            waveform: Waveform::default(),
        }
    }

    /// What it listens to.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    fn window_frames(&self) -> usize {
        (self.shape.sample_rate_hz * WINDOW_MS / 1000).max(1) as usize
    }

    /// Takes interleaved samples between -1 and 1.
    pub fn push(&mut self, samples: &[f32]) {
        let (count, window) = (self.channels.len(), self.window_frames());
        self.frames += (samples.len() / count) as u64;
        for (place, channel) in self.channels.iter_mut().enumerate() {
            if count == 1 {
                channel.push(samples, window, self.shape.full_scale);
                continue;
            }
            self.alone.clear();
            match count {
                2 => self.alone.extend(samples.as_chunks::<2>().0.iter().map(|pair| pair[place])),
                _ => self.alone.extend(samples.chunks_exact(count).map(|frame| frame[place])),
            }
            channel.push(&self.alone, window, self.shape.full_scale);
        }
        self.look();
    }

    /// Looks at the windows that all channels have filled.
    fn look(&mut self) {
        let ready = self.channels.iter().map(|channel| channel.full.len()).min().unwrap_or(0);
        for at in 0..ready {
            let (mut any, mut peak) = (false, 0f32);
            for channel in &mut self.channels {
                let power = channel.full[at].power();
                channel.active += u64::from(power > SILENCE);
                any |= power > SILENCE;
                peak = peak.max(channel.full[at].peak);
                channel.speech.push(power);
                channel.envelope.push(power);
            }
            self.waveform.push(peak);
            self.windows += 1;
            self.silence_run = if any { 0 } else { self.silence_run + 1 };
            self.silent += u64::from(!any);
            self.longest_run = self.longest_run.max(self.silence_run);
        }
        self.channels.iter_mut().for_each(|channel| channel.full.clear());
        self.tell_speech();
        let parts = self.channels.iter().map(|channel| channel.powers.len()).min().unwrap_or(0);
        for at in 0..parts {
            self.gate.push(self.channels.iter().map(|channel| channel.powers[at]).sum());
        }
        self.channels.iter_mut().for_each(|channel| channel.powers.clear());
    }

    fn tell_speech(&mut self) {
        while self.channels.iter().all(|channel| channel.speech.is_ready()) {
            let mut speakers = 0;
            for channel in &mut self.channels {
                let speaks = channel.speech.pop().unwrap_or(false);
                if let Some(ringback) = &mut channel.ringback {
                    ringback.note_speech(speaks);
                }
                channel.spoken += u64::from(speaks);
                speakers += u32::from(speaks);
            }
            self.told += 1;
            self.both += u64::from(speakers >= 2);
        }
    }

    fn end(&mut self) {
        for channel in &mut self.channels {
            if channel.window.frames > 0 {
                channel.close();
            }
            channel.loudness.finish(&mut channel.powers);
        }
        self.look();
        self.channels.iter_mut().for_each(|channel| channel.speech.finish());
        self.tell_speech();
    }

    /// Rings of all channels in order; what two channels carry at a time is one ring.
    fn rings(&mut self) -> Vec<Ring> {
        let mut all: Vec<Vec<Ring>> = Vec::new();
        for channel in &mut self.channels {
            let Some(ringback) = &channel.ringback else { continue };
            let (rings, not_speech) = ringback.rings();
            channel.spoken = channel.spoken.saturating_sub(not_speech);
            all.push(rings);
        }
        all.sort_by_key(|rings| std::cmp::Reverse(rings.len()));
        let mut rings: Vec<Ring> = Vec::new();
        for ring in all.into_iter().flatten() {
            if !rings.iter().any(|other| other.overlaps(&ring)) {
                rings.push(ring);
            }
        }
        rings.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
        rings
    }

    /// The measures of everything that came. The class is told by the sound alone; container and
    /// codec, and what they say of themselves, are for the caller to add.
    pub fn finish(mut self) -> Measures {
        self.end();
        let rings_heard = self.rings();
        let share = |count: u64, of: u64| count as f64 / of.max(1) as f64;
        let samples = self.frames * self.channels.len() as u64;
        let sum = |of: fn(&Channel) -> f64| self.channels.iter().map(of).sum::<f64>();
        let active_share = self.shares(|channel| channel.active, self.windows);
        let speech_share = self.shares(|channel| channel.spoken, self.told);
        let silence_share = if self.windows == 0 { 1.0 } else { share(self.silent, self.windows) };
        let (class, why) = class(self.frames, silence_share, &active_share, &speech_share);
        let peak = self.channels.iter().fold(0f32, |peak, channel| peak.max(channel.peak));
        let window_s = self.window_frames() as f64 / f64::from(self.shape.sample_rate_hz);
        Measures {
            container: String::new(),
            codec: String::new(),
            channels: self.shape.channels,
            sample_rate_hz: self.shape.full_rate_hz,
            duration_s: self.frames as f64 / f64::from(self.shape.sample_rate_hz),
            loudness_lufs: self.gate.finish(),
            peak_dbfs: decibels(f64::from(peak)),
            clipped_share: share(self.channels.iter().map(|c| c.clipped).sum(), samples),
            speech_share,
            longest_silence_s: self.longest_run as f64 * window_s,
            talk_over_share: share(self.both, self.told),
            rings_heard,
            class,
            why,
            level_dbfs: decibels(
                (sum(|channel| channel.square_sum) / samples.max(1) as f64).sqrt(),
            ),
            silence_share,
            active_share,
            peaks: self.waveform.finish(),
            envelopes: self.channels.into_iter().map(|channel| channel.envelope.finish()).collect(),
        }
    }

    fn shares(&self, count: fn(&Channel) -> u64, of: u64) -> Vec<f64> {
        self.channels.iter().map(|channel| count(channel) as f64 / of.max(1) as f64).collect()
    }
}

fn class(
    frames: u64,
    silence: f64,
    active: &[f64],
    speech: &[f64],
) -> (SoundClass, Option<String>) {
    if frames == 0 {
        return (SoundClass::NoSound, Some("a header and no sound".into()));
    }
    if silence >= 1.0 {
        return (SoundClass::NoSound, Some("silence throughout".into()));
    }
    // Told by loudness, and by speech where the silent side has a noisy line.
    let missing = |shares: &[f64]| {
        let spoken = shares.len() == 2 && shares.iter().any(|share| *share > SPOKEN_SIDE);
        shares.iter().position(|share| *share < SILENT_SIDE).filter(|_| spoken)
    };
    match missing(active).or_else(|| missing(speech)) {
        Some(side) => {
            (SoundClass::OneSided, Some(format!("channel {} is silent throughout", side + 1)))
        }
        None => (SoundClass::Ok, None),
    }
}

/// Level of a magnitude between 0 and 1; `None` for none.
fn decibels(magnitude: f64) -> Option<f64> {
    (magnitude > 0.0).then(|| 20.0 * magnitude.log10())
}

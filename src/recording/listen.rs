//! Measures over samples: level, silence, one-sided, waveform. One pass, constant memory, no files,
//! no codecs.

use super::{Measures, SoundClass};

/// Below this level a stretch is silent, in dBFS.
const SILENCE_DBFS: f64 = -50.0;
/// A stretch in milliseconds.
const WINDOW_MS: u32 = 20;
/// Parts of the waveform that the player shows, at most.
const PEAKS_MAX: usize = 800;
/// Less activity than this share, and a side said nothing.
const SILENT_SIDE: f64 = 0.005;
/// More activity than this share, and a side spoke.
const SPOKEN_SIDE: f64 = 0.05;

/// Listens to samples as they come.
#[derive(Debug)]
pub struct Listener {
    channels: usize,
    sample_rate_hz: u32,
    window_frames: u64,
    frames: u64,
    square_sum: f64,
    peak: f32,
    window: Vec<f64>,
    in_window: u64,
    windows: u64,
    silent: u64,
    active: Vec<u64>,
    silence_run: u64,
    longest_run: u64,
    waveform: Waveform,
}

impl Listener {
    /// A listener for audio of so many channels and such a rate.
    pub fn new(channels: u16, sample_rate_hz: u32) -> Self {
        let channels = usize::from(channels.max(1));
        Self {
            channels,
            sample_rate_hz: sample_rate_hz.max(1),
            window_frames: (u64::from(sample_rate_hz) * u64::from(WINDOW_MS) / 1000).max(1),
            frames: 0,
            square_sum: 0.0,
            peak: 0.0,
            window: vec![0.0; channels],
            in_window: 0,
            windows: 0,
            silent: 0,
            active: vec![0; channels],
            silence_run: 0,
            longest_run: 0,
            waveform: Waveform::default(),
        }
    }

    /// Takes interleaved samples between -1 and 1.
    pub fn push(&mut self, samples: &[f32]) {
        for frame in samples.chunks_exact(self.channels) {
            let mut greatest = 0.0f32;
            for (sum, sample) in self.window.iter_mut().zip(frame) {
                let square = f64::from(*sample) * f64::from(*sample);
                *sum += square;
                self.square_sum += square;
                greatest = greatest.max(sample.abs());
            }
            self.peak = self.peak.max(greatest);
            self.waveform.push(greatest);
            self.frames += 1;
            self.in_window += 1;
            if self.in_window == self.window_frames {
                self.close_window();
            }
        }
    }

    fn close_window(&mut self) {
        let frames = self.in_window as f64;
        let mut any = false;
        for (sum, active) in self.window.iter_mut().zip(&mut self.active) {
            let loud = dbfs((*sum / frames).sqrt()) > SILENCE_DBFS;
            *active += u64::from(loud);
            any |= loud;
            *sum = 0.0;
        }
        self.windows += 1;
        self.in_window = 0;
        self.silence_run = if any { 0 } else { self.silence_run + 1 };
        self.silent += u64::from(!any);
        self.longest_run = self.longest_run.max(self.silence_run);
    }

    /// The measures of everything that came. The class is told by the sound alone; what the
    /// container says of itself is for the caller to add.
    pub fn finish(mut self, container: &str, codec: &str) -> Measures {
        if self.in_window > 0 {
            self.close_window();
        }
        let share = |count: u64| count as f64 / self.windows.max(1) as f64;
        let samples = (self.frames * self.channels as u64).max(1) as f64;
        let active_share: Vec<f64> = self.active.iter().map(|count| share(*count)).collect();
        let (class, why) = class(self.frames, share(self.silent), &active_share);
        Measures {
            container: container.to_owned(),
            codec: codec.to_owned(),
            channels: u16::try_from(self.channels).unwrap_or(u16::MAX),
            sample_rate_hz: self.sample_rate_hz,
            duration_s: self.frames as f64 / f64::from(self.sample_rate_hz),
            level_dbfs: dbfs((self.square_sum / samples).sqrt()),
            peak_dbfs: dbfs(f64::from(self.peak)),
            silence_share: if self.windows == 0 { 1.0 } else { share(self.silent) },
            active_share,
            longest_silence_s: (self.longest_run * u64::from(WINDOW_MS)) as f64 / 1000.0,
            peaks: self.waveform.finish(),
            class,
            why,
        }
    }
}

fn class(frames: u64, silence: f64, active: &[f64]) -> (SoundClass, Option<String>) {
    if frames == 0 {
        return (SoundClass::NoSound, Some("a header and no sound".into()));
    }
    if silence >= 1.0 {
        return (SoundClass::NoSound, Some("silence throughout".into()));
    }
    let quiet = active.iter().position(|share| *share < SILENT_SIDE);
    let spoken = active.iter().any(|share| *share > SPOKEN_SIDE);
    match quiet {
        Some(side) if active.len() == 2 && spoken => {
            (SoundClass::OneSided, Some(format!("channel {} is silent throughout", side + 1)))
        }
        _ => (SoundClass::Ok, None),
    }
}

/// Level of a magnitude between 0 and 1; -120 for silence.
fn dbfs(magnitude: f64) -> f64 {
    if magnitude > 1e-6 { 20.0 * magnitude.log10() } else { -120.0 }
}

/// Greatest magnitudes of equal parts. The length is not known before the end, so parts grow as it
/// does.
#[derive(Debug)]
struct Waveform {
    parts: Vec<f32>,
    frames_a_part: u64,
    in_part: u64,
}

impl Default for Waveform {
    fn default() -> Self {
        Self { parts: Vec::new(), frames_a_part: 64, in_part: 0 }
    }
}

impl Waveform {
    fn push(&mut self, magnitude: f32) {
        if self.in_part == 0 {
            if self.parts.len() == 2 * PEAKS_MAX {
                self.halve();
            }
            self.parts.push(0.0);
        }
        if let Some(part) = self.parts.last_mut() {
            *part = part.max(magnitude);
        }
        self.in_part = (self.in_part + 1) % self.frames_a_part;
    }

    fn halve(&mut self) {
        let halved = self.parts.chunks(2).map(|pair| pair.iter().copied().fold(0.0, f32::max));
        self.parts = halved.collect();
        self.frames_a_part *= 2;
    }

    fn finish(mut self) -> Vec<u8> {
        if self.parts.len() > PEAKS_MAX {
            self.halve();
        }
        self.parts.iter().map(|part| (part.min(1.0) * 255.0).round() as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(seconds: f64) -> Vec<f32> {
        let frames = (8000.0 * seconds) as usize;
        (0..frames).map(|n| (n as f32 * 0.35).sin() * 0.5).collect()
    }

    #[test]
    fn a_tone_and_a_silence_are_told_apart() {
        let mut listener = Listener::new(1, 8000);
        listener.push(&tone(1.0));
        listener.push(&vec![0.0; 24_000]);
        let measures = listener.finish("wav", "pcm");
        assert_eq!(measures.duration_s, 4.0);
        assert_eq!((measures.silence_share, measures.longest_silence_s), (0.75, 3.0));
        assert!((measures.peak_dbfs + 6.0).abs() < 0.1, "{}", measures.peak_dbfs);
        assert_eq!(measures.class, SoundClass::Ok);
    }

    #[test]
    fn a_call_of_which_one_side_is_missing_is_one_sided() {
        let mut listener = Listener::new(2, 8000);
        let both: Vec<f32> = tone(2.0).into_iter().flat_map(|sample| [sample, 0.0]).collect();
        listener.push(&both);
        assert_eq!(listener.finish("wav", "pcm").class, SoundClass::OneSided);
    }

    #[test]
    fn no_samples_are_no_sound() {
        assert_eq!(Listener::new(1, 8000).finish("wav", "pcm").class, SoundClass::NoSound);
    }

    #[test]
    fn the_waveform_stays_small_however_long_the_call() {
        let mut listener = Listener::new(1, 8000);
        (0..600).for_each(|_| listener.push(&tone(1.0)));
        let peaks = listener.finish("wav", "pcm").peaks;
        assert!((400..=800).contains(&peaks.len()), "{}", peaks.len());
        assert!(peaks.iter().all(|peak| *peak > 120));
    }
}

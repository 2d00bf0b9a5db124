//! How loud a channel is over time, coarsely: by this the same sound is known again in another
//! format, another mix, another file.

/// Parts of an envelope at most.
const PARTS_MAX: usize = 200;
/// The lowest level that is written, in dBFS: 0. One step is half a decibel.
const FLOOR_DBFS: f32 = -80.0;
const STEPS: f32 = 2.0;

/// Mean powers of equal parts. The length is not known before the end, so parts grow as it does.
#[derive(Debug)]
pub struct Envelope {
    parts: Vec<f32>,
    windows_a_part: usize,
    in_part: usize,
}

impl Default for Envelope {
    fn default() -> Self {
        Self { parts: Vec::new(), windows_a_part: 4, in_part: 0 }
    }
}

impl Envelope {
    /// Takes the mean square of the next window.
    pub fn push(&mut self, power: f32) {
        if self.in_part == 0 {
            if self.parts.len() == 2 * PARTS_MAX {
                self.halve();
            }
            self.parts.push(0.0);
        }
        if let Some(part) = self.parts.last_mut() {
            *part += power / self.windows_a_part as f32;
        }
        self.in_part = (self.in_part + 1) % self.windows_a_part;
    }

    fn halve(&mut self) {
        self.parts = self.parts.chunks(2).map(|pair| pair.iter().sum::<f32>() / 2.0).collect();
        self.windows_a_part *= 2;
    }

    /// Levels in steps of half a decibel above -80 dBFS.
    pub fn finish(mut self) -> Vec<u8> {
        if self.parts.len() > PARTS_MAX {
            self.halve();
        }
        let level = |power: &f32| (10.0 * power.max(1e-12).log10() - FLOOR_DBFS) * STEPS;
        self.parts.iter().map(|power| level(power).round() as u8).collect()
    }
}

/// Parts quieter than this say nothing, in steps: -50 dBFS.
const QUIET: u8 = 60;
/// What is quieter than this is silence, in steps: -60 dBFS.
const FAINT: u8 = 40;
/// Levels may differ by so many steps from their usual difference: 2.5 dB.
const APART: i16 = 5;
/// Fewer loud parts than this are no evidence.
const LOUD_MIN: usize = 6;
/// Share of the loud parts that must agree: of the same sound, and of a party within a mix, which
/// the other party covers now and then.
const SAME: f64 = 0.85;
const WITHIN: f64 = 0.7;

/// Whether one envelope is that of the same sound as another, at whatever level.
pub fn is_same(a: &[u8], b: &[u8]) -> bool {
    agreement(a, b, |a, b| a.max(b) > QUIET).is_some_and(|share| share >= SAME)
}

/// Whether a party's envelope is found again in a mix of it with others.
pub fn is_within(party: &[u8], mix: &[u8]) -> bool {
    agreement(party, mix, |party, _| party > QUIET).is_some_and(|share| share >= WITHIN)
}

/// Share of the parts that count whose levels differ as usual; `None` where too few count, or the
/// lengths differ.
fn agreement(a: &[u8], b: &[u8], counts: impl Fn(u8, u8) -> bool) -> Option<f64> {
    // Codecs add a frame at most at either end.
    if a.len().abs_diff(b.len()) > 2 {
        return None;
    }
    let loud = || a.iter().zip(b).filter(|(a, b)| counts(**a, **b));
    let mut apart: Vec<i16> = loud().map(|(a, b)| i16::from(*b) - i16::from(*a)).collect();
    if apart.len() < LOUD_MIN {
        return None;
    }
    apart.sort_unstable();
    let usual = apart[apart.len() / 2];
    // Where one is silent and the other is not, they do not agree, however steadily.
    let agrees =
        |a: u8, b: u8| a.min(b) > FAINT && (i16::from(b) - i16::from(a) - usual).abs() <= APART;
    let agreeing = loud().filter(|(a, b)| agrees(**a, **b)).count();
    Some(agreeing as f64 / apart.len() as f64)
}

/// The envelope of all channels together.
pub fn mixed(channels: &[Vec<u8>]) -> Vec<u8> {
    let length = channels.iter().map(Vec::len).min().unwrap_or(0);
    let power = |level: u8| 10f32.powf(f32::from(level) / STEPS / 10.0);
    let sum = |at: usize| channels.iter().map(|channel| power(channel[at])).sum::<f32>();
    (0..length).map(|at| (10.0 * sum(at).log10() * STEPS).round() as u8).collect()
}

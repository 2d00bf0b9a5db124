//! Loudness of a whole programme in LUFS: ITU-R BS.1770-4 with the gates of EBU R 128.
//!
//! The filter runs over eight stretches of the sound side by side, which the processor adds and
//! multiplies at once. Each begins a little before its stretch: the filter forgets in 50 ms.

use std::f64::consts::PI;

/// Stretches side by side.
const LANES: usize = 8;
/// Parts of a stretch; a gate's block is as long (BS.1770-4: 400 ms, three quarters overlapping).
const PARTS: usize = 4;

type Lanes = [f32; LANES];

/// The two filters of BS.1770-4 at any rate, from the analogue filters behind its table for 48 kHz.
#[derive(Debug, Clone, Copy)]
struct Weighting {
    shelf: [f32; 5],
    high_pass: [f32; 2],
}

/// The shelf: its frequency in Hz, gain in dB, and quality.
const SHELF: (f64, f64, f64) = (1_681.974_450_955_533, 3.999_843_853_973_347, 0.707_175_236_955_42);
/// The shelf that does at a lower rate what [`SHELF`] does at 48 kHz, within 0.04 dB (fitted by
/// least squares up to 0.48 of the rate). The bilinear transform bends it by up to 0.3 dB there.
const SHELVES_OF_48_KHZ: [(u32, (f64, f64, f64)); 4] = [
    (8000, (1619.495, 3.848_09, 0.644_480)),
    (12_000, (1662.335, 3.961_75, 0.674_694)),
    (16_000, (1673.355, 3.986_04, 0.688_199)),
    (24_000, (1679.418, 3.996_89, 0.699_417)),
];

/// The high pass: its frequency in Hz, and quality.
const HIGH_PASS: (f64, f64) = (38.135_470_876_024_44, 0.500_327_037_323_877_3);

fn warped(hz: f64, rate_hz: u32) -> f64 {
    (PI * hz.min(f64::from(rate_hz) * 0.49) / f64::from(rate_hz)).tan()
}

/// How much louder the high pass makes what it lets through, as the standard writes it.
fn high_pass_gain(rate_hz: u32) -> f64 {
    let (k, q) = (warped(HIGH_PASS.0, rate_hz), HIGH_PASS.1);
    1.0 + k / q + k * k
}

impl Weighting {
    fn at(rate_hz: u32, full_rate_hz: u32) -> Self {
        let warp = |hz: f64| warped(hz, rate_hz);
        let lowered = SHELVES_OF_48_KHZ.iter().find(|(rate, _)| *rate == rate_hz);
        let lowered = lowered.filter(|_| full_rate_hz == 48_000 && full_rate_hz != rate_hz);
        let (hz, gain_db, q) = lowered.map_or(SHELF, |(_, shelf)| *shelf);
        let (k, high) = (warp(hz), 10f64.powf(gain_db / 20.0));
        let band = high.powf(0.499_666_774_154_541_6);
        let a0 = 1.0 + k / q + k * k;
        let mut shelf = [
            (high + band * k / q + k * k) / a0,
            2.0 * (k * k - high) / a0,
            (high - band * k / q + k * k) / a0,
            2.0 * (k * k - 1.0) / a0,
            (1.0 - k / q + k * k) / a0,
        ];
        // The standard leaves the gain of the high pass as its rate makes it: at 48 kHz 0.04 dB, at
        // 8 kHz 0.26 dB. A lowered rate gets that of the full one.
        let gain = lowered.map_or(1.0, |_| high_pass_gain(full_rate_hz) / high_pass_gain(rate_hz));
        shelf[..3].iter_mut().for_each(|b| *b *= gain);
        let (k, q) = (warp(HIGH_PASS.0), HIGH_PASS.1);
        let a0 = 1.0 + k / q + k * k;
        let high_pass = [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0];
        Self { shelf: shelf.map(|b| b as f32), high_pass: high_pass.map(|a| a as f32) }
    }

    /// One sample of every lane through both filters (direct form II, transposed).
    #[inline(always)]
    fn step(&self, memory: &mut [Lanes; 4], x: &Lanes) -> Lanes {
        let [b0, b1, b2, a1, a2] = self.shelf;
        let [c1, c2] = self.high_pass;
        let mut out = [0.0; LANES];
        for lane in 0..LANES {
            let y = b0 * x[lane] + memory[0][lane];
            memory[0][lane] = b1 * x[lane] - a1 * y + memory[1][lane];
            memory[1][lane] = b2 * x[lane] - a2 * y;
            let z = y + memory[2][lane];
            memory[2][lane] = -2.0 * y - c1 * z + memory[3][lane];
            memory[3][lane] = y - c2 * z;
            out[lane] = z;
        }
        out
    }
}

/// Weighted power of one channel, a value for each 100 ms.
#[derive(Debug)]
pub struct Channel {
    weighting: Weighting,
    /// Samples of a part of 100 ms.
    part: usize,
    /// One row a sample of the stretches, one lane a stretch.
    rows: Vec<Lanes>,
    filled: usize,
    /// The end of the last lane before, from which the first one starts.
    before: Vec<f32>,
}

impl Channel {
    /// A channel of so many samples a second, which are a part of a sound of the full rate.
    pub fn new(rate_hz: u32, full_rate_hz: u32) -> Self {
        let part = (rate_hz as usize).div_ceil(10).max(1);
        let stretch = part * PARTS;
        Self {
            weighting: Weighting::at(rate_hz, full_rate_hz),
            part,
            rows: vec![[0.0; LANES]; stretch],
            filled: 0,
            before: vec![0.0; stretch / 8],
        }
    }

    /// Takes samples; adds the mean squares of parts that are full to `powers`.
    pub fn push(&mut self, mut samples: &[f32], powers: &mut Vec<f64>) {
        let stretch = self.rows.len();
        while !samples.is_empty() {
            let (lane, row) = (self.filled / stretch, self.filled % stretch);
            let count = samples.len().min(stretch - row);
            let (now, later) = samples.split_at(count);
            for (row, sample) in self.rows[row..row + count].iter_mut().zip(now) {
                row[lane] = *sample;
            }
            self.filled += count;
            samples = later;
            if self.filled == stretch * LANES {
                self.filter(LANES * PARTS, powers);
                self.filled = 0;
            }
        }
    }

    /// The parts that are full at the end.
    pub fn finish(&mut self, powers: &mut Vec<f64>) {
        self.filter(self.filled / self.part, powers);
    }

    fn filter(&mut self, parts: usize, powers: &mut Vec<f64>) {
        let mut memory = [[0.0; LANES]; 4];
        let lead = self.rows.len() - self.before.len();
        for (row, first) in self.rows[lead..].iter().zip(&self.before) {
            let mut x = [*first; LANES];
            x[1..].copy_from_slice(&row[..LANES - 1]);
            self.weighting.step(&mut memory, &x);
        }
        let mut sums = [[0.0; LANES]; PARTS];
        for (rows, sums) in self.rows.chunks_exact(self.part).zip(&mut sums) {
            for row in rows {
                let y = self.weighting.step(&mut memory, row);
                for lane in 0..LANES {
                    sums[lane] += y[lane] * y[lane];
                }
            }
        }
        for (row, before) in self.rows[lead..].iter().zip(&mut self.before) {
            *before = row[LANES - 1];
        }
        let in_turn = (0..parts).map(|at| f64::from(sums[at % PARTS][at / PARTS]));
        powers.extend(in_turn.map(|sum| sum / self.part as f64));
    }
}

/// Blocks below this are no programme, in LUFS (R 128's absolute gate).
const FLOOR_LUFS: f64 = -70.0;
/// Blocks so far below the mean of the others are none either, in LU.
const GATE_LU: f64 = 10.0;
/// Blocks are kept by loudness, so many steps a LU, up to 30 LUFS.
const STEPS: f64 = 20.0;
const BINS: usize = ((30.0 - FLOOR_LUFS) * STEPS) as usize;

fn lufs(power: f64) -> f64 {
    -0.691 + 10.0 * power.log10()
}

/// The gates, over parts of all channels together.
#[derive(Debug)]
pub struct Gate {
    last: [f64; PARTS],
    parts: usize,
    /// Number and summed power of blocks, by loudness.
    bins: Vec<(u32, f64)>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { last: [0.0; PARTS], parts: 0, bins: vec![(0, 0.0); BINS] }
    }
}

impl Gate {
    /// Takes the power of a part of 100 ms, summed over the channels.
    pub fn push(&mut self, power: f64) {
        self.last[self.parts % PARTS] = power;
        self.parts += 1;
        if self.parts < PARTS {
            return;
        }
        let block = self.last.iter().sum::<f64>() / PARTS as f64;
        let above = lufs(block) - FLOOR_LUFS;
        if above >= 0.0 {
            let (count, sum) = &mut self.bins[((above * STEPS) as usize).min(BINS - 1)];
            *count += 1;
            *sum += block;
        }
    }

    /// Loudness of everything, in LUFS; `None` where no block is loud enough, or all is shorter
    /// than one.
    pub fn finish(&self) -> Option<f64> {
        let mean = |bins: &[(u32, f64)]| {
            let count: f64 = bins.iter().map(|(count, _)| f64::from(*count)).sum();
            (count > 0.0).then(|| bins.iter().map(|(_, sum)| sum).sum::<f64>() / count)
        };
        let gate = lufs(mean(&self.bins)?) - GATE_LU;
        let from = ((gate - FLOOR_LUFS).max(0.0) * STEPS) as usize;
        mean(&self.bins[from.min(BINS)..]).map(lufs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loudness of two seconds of a tone, sampled at a rate.
    fn loudness(hz: f64, rate_hz: u32, full_rate_hz: u32) -> f64 {
        let angle = |n: u32| 2.0 * PI * hz * f64::from(n) / f64::from(rate_hz);
        let samples: Vec<f32> = (0..rate_hz * 2).map(|n| angle(n).sin() as f32 * 0.1).collect();
        let (mut channel, mut gate) = (Channel::new(rate_hz, full_rate_hz), Gate::default());
        let mut powers = Vec::new();
        channel.push(&samples, &mut powers);
        channel.finish(&mut powers);
        powers.into_iter().for_each(|power| gate.push(power));
        gate.finish().expect("it is loud enough")
    }

    #[test]
    fn a_call_decoded_at_its_own_rate_is_as_loud_as_at_the_full_one() {
        for (rate_hz, _) in SHELVES_OF_48_KHZ {
            for hz in
                [60.0, 120.0, 300.0, 450.0, 800.0, 1000.0, 1500.0, 2000.0, 2700.0, 3400.0, 3800.0]
            {
                let apart = loudness(hz, rate_hz, 48_000) - loudness(hz, 48_000, 48_000);
                assert!(apart.abs() <= 0.08, "{hz} Hz at {rate_hz} Hz: {apart:.3} LU");
            }
        }
    }

    #[test]
    fn a_sound_of_its_own_rate_is_measured_as_the_standard_writes_it() {
        // 997 Hz at 0 dBFS on one channel is -3.01 LKFS (BS.1770-4), at 48 kHz.
        assert!((loudness(997.0, 48_000, 48_000) + 3.01 + 20.0).abs() < 0.02);
    }
}

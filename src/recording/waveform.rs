//! The waveform that a player shows.

/// Parts of a waveform at most.
const PARTS_MAX: usize = 800;

/// Greatest magnitudes of equal parts. The length is not known before the end, so parts grow as it
/// does.
#[derive(Debug)]
pub struct Waveform {
    parts: Vec<f32>,
    windows_a_part: usize,
    in_part: usize,
}

impl Default for Waveform {
    fn default() -> Self {
        Self { parts: Vec::new(), windows_a_part: 1, in_part: 0 }
    }
}

impl Waveform {
    /// Takes the greatest magnitude of the next window.
    pub fn push(&mut self, magnitude: f32) {
        if self.in_part == 0 {
            if self.parts.len() == 2 * PARTS_MAX {
                self.halve();
            }
            self.parts.push(0.0);
        }
        if let Some(part) = self.parts.last_mut() {
            *part = part.max(magnitude);
        }
        self.in_part = (self.in_part + 1) % self.windows_a_part;
    }

    fn halve(&mut self) {
        let halved = self.parts.chunks(2).map(|pair| pair.iter().copied().fold(0.0, f32::max));
        self.parts = halved.collect();
        self.windows_a_part *= 2;
    }

    /// Magnitudes from 0 to 255.
    pub fn finish(mut self) -> Vec<u8> {
        if self.parts.len() > PARTS_MAX {
            self.halve();
        }
        self.parts.iter().map(|part| (part.min(1.0) * 255.0).round() as u8).collect()
    }
}

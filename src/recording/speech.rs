//! Who speaks when: stretches that stand out from what surrounds them, as speech does and line
//! noise, hum and tones do not.

use std::collections::VecDeque;

/// Windows of 20 ms before and after, among which the quietest is the background: 2 s each way.
const AROUND: usize = 100;
/// Speech is so much stronger than the background (9 dB), as a ratio of powers.
const ABOVE: f32 = 8.0;
/// Never below this power (-50 dBFS).
pub const SILENCE: f32 = 1e-5;
/// Pauses shorter than this belong to the speech (200 ms: between syllables and words).
const PAUSE: usize = 10;

/// Tells speech window by window, some seconds late.
#[derive(Debug, Default)]
pub struct Speech {
    /// Powers of windows that wait for what comes after them.
    waiting: VecDeque<f32>,
    /// Candidates for the quietest window around, with their places; powers rise.
    quietest: VecDeque<(usize, f32)>,
    last: [f32; 2],
    seen: usize,
    told: usize,
    /// Windows without speech since the last with; not told yet.
    pause: usize,
    spoken_before: bool,
    flags: VecDeque<bool>,
}

impl Speech {
    /// Takes the power of the next window.
    pub fn push(&mut self, power: f32) {
        let smooth = (power + self.last[0] + self.last[1]) / 3.0;
        self.last = [power, self.last[0]];
        if self.seen >= 2 {
            while self.quietest.back().is_some_and(|(_, other)| *other >= smooth) {
                self.quietest.pop_back();
            }
            self.quietest.push_back((self.seen, smooth));
        }
        self.waiting.push_back(power);
        self.seen += 1;
        if self.waiting.len() > AROUND {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let Some(power) = self.waiting.pop_front() else { return };
        while self.quietest.front().is_some_and(|(at, _)| at + AROUND < self.told) {
            self.quietest.pop_front();
        }
        self.told += 1;
        let background = self.quietest.front().map_or(0.0, |(_, power)| *power);
        if power > SILENCE.max(background * ABOVE) {
            let belongs = self.spoken_before && self.pause < PAUSE;
            self.flags.extend(std::iter::repeat_n(belongs, self.pause));
            self.flags.push_back(true);
            (self.pause, self.spoken_before) = (0, true);
        } else {
            self.pause += 1;
            if self.pause > PAUSE || !self.spoken_before {
                self.flags.extend(std::iter::repeat_n(false, self.pause));
                (self.pause, self.spoken_before) = (0, false);
            }
        }
    }

    /// The next window that is told, if there is one.
    pub fn pop(&mut self) -> Option<bool> {
        self.flags.pop_front()
    }

    /// Whether a window is told and not yet taken.
    pub fn is_ready(&self) -> bool {
        !self.flags.is_empty()
    }

    /// Tells all that are left.
    pub fn finish(&mut self) {
        while !self.waiting.is_empty() {
            self.tell();
        }
        self.flags.extend(std::iter::repeat_n(false, self.pause));
        self.pause = 0;
    }
}

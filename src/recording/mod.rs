//! What was kept of the sound. Bytes are addressed by their SHA-256 and never rewritten.

mod envelope;
pub mod listen;
mod loudness;
pub mod mark;
pub mod name;
pub mod reference;
pub mod ringback;
pub mod set;
mod speech;
mod standing;
mod waveform;

use crate::call::event::{Direction, Moment};
use crate::party::PhoneNumber;
use ringback::Ring;
use serde::{Deserialize, Serialize};
use std::fmt;

pub use standing::{Standing, standing};

/// SHA-256 of a recording's bytes: its identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for ContentHash {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a SHA-256 in 64 hexadecimal digits");
        let mut bytes = [0u8; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for ContentHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What came of listening to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoundClass {
    Ok,
    /// A header and nothing else, or silence throughout. From a call that nobody answered it owes
    /// nothing.
    NoSound,
    OneSided,
    /// Ends before it says it ends.
    Truncated,
    /// The writer never finished the header; read to the true end.
    UnfinishedHeader,
    Undecodable,
}

/// What was measured by listening. Levels are in dBFS, shares between 0 and 1. What an earlier
/// version did not measure is empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    pub container: String,
    pub codec: String,
    pub channels: u16,
    pub sample_rate_hz: u32,
    pub duration_s: f64,
    /// Loudness of the whole (EBU R 128), in LUFS; `None` where all is too quiet or too short.
    #[serde(default)]
    pub loudness_lufs: Option<f64>,
    /// `None` for silence.
    pub peak_dbfs: Option<f64>,
    /// Share of the samples at the greatest value the codec can write.
    #[serde(default)]
    pub clipped_share: f64,
    /// Share of the time with speech, one value a channel.
    #[serde(default)]
    pub speech_share: Vec<f64>,
    pub longest_silence_s: f64,
    /// Share of the time in which two channels speak.
    #[serde(default)]
    pub talk_over_share: f64,
    /// Rings of the ringback tone, in order.
    #[serde(default)]
    pub rings_heard: Vec<Ring>,
    pub class: SoundClass,
    /// Why the class is not `ok`, in words.
    pub why: Option<String>,
    /// Root mean square of all samples; `None` for silence.
    pub level_dbfs: Option<f64>,
    /// Share of the time below the silence level, over all channels together.
    pub silence_share: f64,
    /// Share of the time above the silence level, one value a channel.
    pub active_share: Vec<f64>,
    /// Waveform for the player: greatest magnitude (0..=255) of each of at most 800 equal parts of
    /// the file.
    pub peaks: Vec<u8>,
    /// How loud each channel is over at most 200 equal parts, in half decibels above -80 dBFS: by
    /// these a sound is known again.
    #[serde(default)]
    pub envelopes: Vec<Vec<u8>>,
}

/// Where a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The call was answered, or the phone system announced a file.
    Expected,
    Arriving,
    /// The bytes are safe; nobody has listened yet.
    Stored,
    /// Listened to; as it should be.
    Verified,
    /// Listened to; see its class.
    Damaged,
    /// Never came within the grace time.
    Lost,
    /// Its bytes were erased; a tombstone says by whom and why.
    Erased,
}

/// What is known of a recording from outside its sound: its name, an announcement, or who sent it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hints {
    /// The name it came with; metadata, never a key.
    pub name: String,
    /// An id of the call or of one of its legs.
    pub call_id: Option<String>,
    pub caller: Option<PhoneNumber>,
    pub callee: Option<PhoneNumber>,
    pub direction: Option<Direction>,
    /// When the call or the recording began, as far as the name says (to the second).
    pub starts_at: Option<Moment>,
    /// When the writer finished the file, as far as its folder or sender says.
    pub finished_at: Option<Moment>,
    /// The file as its call announced it ([`reference::file`]), where it was fetched for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced_as: Option<String>,
}

/// A recording in a smaller form, from which the same samples come back, and how it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    pub sha256: ContentHash,
    pub bytes: u64,
    pub codec: String,
    /// The encoder with its version, and what it was told.
    pub encoder: String,
    pub settings: String,
    pub channels: u16,
    pub sample_rate_hz: u32,
    /// Bits of a sample.
    pub bits: u8,
    /// Samples of one channel.
    pub frames: u64,
    /// SHA-256 of the samples of the original and of the rendition alike: whole numbers of so many
    /// bits, little end first, channels in turn.
    pub pcm_sha256: ContentHash,
}

/// The rendition for the archive, beside its original or in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    #[serde(flatten)]
    pub rendition: Rendition,
    pub made_at: Moment,
    /// When the original went, and by what rule; nothing while it is there.
    pub original_gone_at: Option<Moment>,
    pub original_gone_why: Option<String>,
}

/// One stored audio file with its facts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    pub hash: ContentHash,
    pub bytes: u64,
    pub hints: Hints,
    pub arrived_at: Moment,
    pub state: State,
    /// When it came to this state.
    pub state_at: Moment,
    /// `None` until somebody has listened.
    pub measures: Option<Measures>,
    /// Its archive rendition, where one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<Archived>,
}

/// What is left of an erased recording, beside its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    pub sha256: ContentHash,
    pub bytes: u64,
    /// The rule, or a person's reason.
    pub why: String,
    pub who: String,
    pub at: Moment,
}

impl Recording {
    /// Whether anybody can listen to it: it has sound, and its bytes were not erased.
    pub fn is_playable(&self) -> bool {
        self.has_sound() && self.state != State::Erased
    }

    /// Its archive rendition, where the original is gone.
    pub fn in_place(&self) -> Option<&Rendition> {
        let archived = self.archived.as_ref()?;
        archived.original_gone_at.map(|_| &archived.rendition)
    }

    /// The digest of the bytes that hold its sound now: the original's, while that is there.
    pub fn sound_hash(&self) -> ContentHash {
        self.in_place().map_or(self.hash, |rendition| rendition.sha256)
    }

    /// The name of those bytes.
    pub fn sound_name(&self) -> String {
        match self.in_place() {
            Some(_) => format!("{}.flac", self.hints.name),
            None => self.hints.name.clone(),
        }
    }

    /// The digests of its bytes that are kept: the original's while it is there, the rendition's.
    pub fn objects(&self) -> Vec<ContentHash> {
        let original = self.in_place().is_none().then_some(self.hash);
        let rendition = self.archived.as_ref().map(|archived| archived.rendition.sha256);
        original.into_iter().chain(rendition).collect()
    }

    /// Bytes that it takes on the disk, original and rendition.
    pub fn stored_bytes(&self) -> u64 {
        let original = if self.in_place().is_some() { 0 } else { self.bytes };
        original + self.archived.as_ref().map_or(0, |archived| archived.rendition.bytes)
    }

    /// Whether an archive rendition is worth its room: of plain PCM alone. Every other codec is
    /// smaller already than FLAC makes its sound.
    pub fn is_archivable(&self) -> bool {
        let plain = |measures: &Measures| measures.codec == "PCM";
        self.archived.is_none() && self.is_playable() && self.measures.as_ref().is_some_and(plain)
    }

    /// Whether it is a recording of somebody: a file of a header and no sound is none, and owes
    /// nothing.
    pub fn has_sound(&self) -> bool {
        self.measures.as_ref().is_none_or(|measures| measures.class != SoundClass::NoSound)
    }
}

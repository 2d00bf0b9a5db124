//! Recordings as every browser plays them: the original where it can, else a WAV made of it once,
//! in a child process, and kept for the next time. The original stays as it is.

use crate::audio::child::{Listeners, Task};
use crate::object::{Readable, Stores};
use crate::recording::{Recording, SoundClass};
use std::io;
use std::sync::{Arc, Mutex};

/// Recordings of which one at a time is made, by the first byte of their digests.
const TURNS: usize = 16;

/// Makes and keeps renditions.
pub struct Renditions {
    listeners: Arc<Listeners>,
    turns: [Mutex<()>; TURNS],
}

/// The form in which a recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it came or as the archive keeps it, with its media type.
    Original(&'static str),
    /// A WAV made of it.
    Made,
}

impl Form {
    /// Every browser plays whole PCM in WAV, MP3, and the FLAC of the archive. The rest is made
    /// into WAV, and so is a file whose head is not true.
    pub fn of(recording: &Recording) -> Self {
        if recording.in_place().is_some() {
            return Self::Original("audio/flac");
        }
        let Some(measures) = &recording.measures else { return Self::Made };
        let whole = matches!(measures.class, SoundClass::Ok | SoundClass::OneSided);
        match (measures.container.as_str(), measures.codec.as_str()) {
            ("wav", "PCM") if whole => Self::Original("audio/wav"),
            ("mp3", "MP3") if whole => Self::Original("audio/mpeg"),
            _ => Self::Made,
        }
    }

    /// What the browser is told.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Original(media_type) => media_type,
            Self::Made => "audio/wav",
        }
    }
}

impl Renditions {
    /// Renditions are made by these.
    pub fn new(listeners: Arc<Listeners>) -> Self {
        Self { listeners, turns: Default::default() }
    }

    /// Opens a recording for playing. Blocks while a rendition is made, which players ask for in
    /// many ranges: it is made once.
    ///
    /// # Errors
    /// When it is gone or cannot be decoded, or the disk fails.
    pub fn open(&self, objects: &Stores, recording: &Recording) -> io::Result<Box<dyn Readable>> {
        let hash = recording.sound_hash();
        if Form::of(recording) != Form::Made {
            return objects.open(&hash);
        }
        let turn = &self.turns[usize::from(hash.0[0]) % TURNS];
        let _turn = turn.lock().map_err(|_| io::Error::other("a rendition died"))?;
        if let Some(kept) = objects.open_rendition(&hash) {
            return Ok(kept);
        }
        let (original, made) = (objects.on_disk(&hash)?, objects.temporary()?);
        let task = Task::render(original.path(), &recording.sound_name(), made.path());
        let rendered = self.listeners.render(&task);
        self.listeners.rest();
        rendered?;
        objects.keep_rendition(&hash, made)
    }
}

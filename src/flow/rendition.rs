//! Recordings as every browser plays them: the original where it can, else a WAV made of it once,
//! in a child process, and kept for the next time. The original stays as it is.

use crate::audio::child::{Listeners, Task};
use crate::object::{OnDisk, Readable, Stores};
use crate::recording::{Recording, SoundClass};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tempfile::NamedTempFile;

/// Makes and keeps renditions.
pub struct Renditions {
    listeners: Arc<Listeners>,
}

/// Renditions beyond this many bytes go, the oldest first: they can be made again.
const BYTES_MAX: u64 = 2 << 30;

/// The form in which a recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it came, with its media type.
    Original(&'static str),
    /// A WAV made of it.
    Made,
}

impl Form {
    /// Every browser plays whole PCM in WAV, and MP3. The rest is made into WAV, and so is a file
    /// whose head is not true.
    pub fn of(recording: &Recording) -> Self {
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
        Self { listeners }
    }

    /// Opens a recording for playing. Blocks while a rendition is made. That of an object which is
    /// sealed on the disk is not kept.
    ///
    /// # Errors
    /// When it is gone or cannot be decoded, or the disk fails.
    pub fn open(&self, objects: &Stores, recording: &Recording) -> io::Result<Box<dyn Readable>> {
        if Form::of(recording) != Form::Made {
            return objects.open(&recording.hash);
        }
        let kept = objects.rendition(&recording.hash);
        if let Ok(file) = File::open(&kept) {
            return Ok(Box::new(file));
        }
        let folder = kept.parent().unwrap_or(&kept);
        fs::create_dir_all(folder)?;
        make_room(folder)?;
        let original = objects.on_disk(&recording.hash)?;
        let made = NamedTempFile::new_in(folder)?;
        let task = Task::render(original.path(), &recording.hints.name, made.path());
        let rendered = self.listeners.render(&task);
        self.listeners.rest();
        rendered?;
        // A file that is open stays readable when its name goes.
        let file = File::open(made.path())?;
        if matches!(original, OnDisk::Own(_)) {
            made.persist(&kept).map_err(|error| error.error)?;
        }
        Ok(Box::new(file))
    }
}

fn make_room(folder: &Path) -> io::Result<()> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        kept.push((metadata.modified()?, metadata.len(), entry.path()));
    }
    kept.sort();
    let mut bytes: u64 = kept.iter().map(|(_, length, _)| length).sum();
    for (_, length, path) in kept {
        if bytes <= BYTES_MAX {
            break;
        }
        fs::remove_file(path)?;
        bytes -= length;
    }
    Ok(())
}

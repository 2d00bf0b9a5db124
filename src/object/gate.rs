//! Keeps admissions and removals apart, over all processes on the same data: between an object and
//! its row nobody may take the object for a stray.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The gate. A file whose locks the operating system gives back when a process dies.
#[derive(Debug, Clone)]
pub struct Gate {
    path: PathBuf,
}

/// Leave to go on, while it lives.
#[derive(Debug)]
pub struct Pass {
    _lock: File,
}

impl Gate {
    /// The gate of a data folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join("admission.lock") }
    }

    fn file(&self) -> io::Result<File> {
        File::options().create(true).append(true).open(&self.path)
    }

    /// Leave to admit: from before an object has its name until its row is on disk. Waits while
    /// something is being removed, so call it where blocking is allowed.
    ///
    /// # Errors
    /// When the file cannot be opened or locked.
    pub fn admit(&self) -> io::Result<Pass> {
        let file = self.file()?;
        file.lock_shared()?;
        Ok(Pass { _lock: file })
    }

    /// Leave to remove, while nothing is being admitted. Waits, as [`Gate::admit`].
    ///
    /// # Errors
    /// When the file cannot be opened or locked.
    pub fn remove(&self) -> io::Result<Pass> {
        let file = self.file()?;
        file.lock()?;
        Ok(Pass { _lock: file })
    }
}

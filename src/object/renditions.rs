//! What browsers play, kept for the next time: beside the plain objects as it is, and sealed with
//! its site's key where the object is sealed. All of it can be made again.

use super::sealed::Sealed;
use super::{ObjectStore, Readable, Stores};
use crate::recording::ContentHash;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::NamedTempFile;

/// The folder of renditions, beside those of the objects.
pub(super) const FOLDER: &str = ".renditions";
/// Renditions of a folder beyond this many bytes go, the oldest first.
const BYTES_MAX: u64 = 2 << 30;

impl Stores {
    /// The sealed store of an object's rendition; nothing where the object lies there plain.
    fn sealed_rendition(&self, hash: &ContentHash) -> Option<Sealed> {
        if self.shared().local_path(hash).is_some() {
            return None;
        }
        self.all_own().find(|own| own.holds(hash)).map(|own| own.renditions())
    }

    fn plain_rendition(&self, hash: &ContentHash) -> PathBuf {
        self.copies().join(FOLDER).join(format!("{hash}.wav"))
    }

    /// The rendition of an object, where one is kept that can be opened.
    pub fn open_rendition(&self, hash: &ContentHash) -> Option<Box<dyn Readable>> {
        match self.sealed_rendition(hash) {
            Some(sealed) => sealed.open(hash).ok(),
            None => {
                let file = File::open(self.plain_rendition(hash)).ok()?;
                Some(Box::new(file))
            }
        }
    }

    /// Keeps the rendition of an object, and opens it. It goes when the object goes. One of an
    /// object at a time.
    ///
    /// # Errors
    /// When the disk fails, or no key seals it.
    pub fn keep_rendition(
        &self,
        hash: &ContentHash,
        made: NamedTempFile,
    ) -> io::Result<Box<dyn Readable>> {
        let Some(sealed) = self.sealed_rendition(hash) else {
            let kept = self.plain_rendition(hash);
            let folder = kept.parent().unwrap_or(&kept);
            fs::create_dir_all(folder)?;
            make_room(folder)?;
            // A file that is open stays readable when its name goes.
            let file = File::open(made.path())?;
            made.persist(&kept).map_err(|error| error.error)?;
            return Ok(Box::new(file));
        };
        // What is there already no key opens any more.
        sealed.delete(hash)?;
        make_room(sealed.root())?;
        let mut sealing = sealed.begin_as(*hash)?;
        io::copy(&mut File::open(made.path())?, &mut sealing)?;
        sealing.finish()?;
        sealed.open(hash)
    }

    /// Removes the renditions of an object.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub(super) fn forget_rendition(&self, hash: &ContentHash) -> io::Result<()> {
        gone(&self.plain_rendition(hash))?;
        self.all_own().try_for_each(|own| own.renditions().delete(hash))
    }
}

fn gone(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

type Kept = (SystemTime, u64, PathBuf);

fn make_room(folder: &Path) -> io::Result<()> {
    let mut kept = Vec::new();
    gather(folder, &mut kept)?;
    kept.sort();
    let mut bytes: u64 = kept.iter().map(|(_, length, _)| length).sum();
    for (_, length, path) in kept {
        if bytes <= BYTES_MAX {
            break;
        }
        // Sealed bytes first: a key file alone opens nothing.
        let mut key = path.clone().into_os_string();
        key.push(".key");
        gone(&path)?;
        gone(Path::new(&key))?;
        bytes -= length;
    }
    Ok(())
}

/// Files with their ages and lengths; those of keys go with what they open.
fn gather(folder: &Path, kept: &mut Vec<Kept>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, metadata) = (entry.path(), entry.metadata()?);
        if metadata.is_dir() {
            gather(&path, kept)?;
        } else if path.extension().is_none_or(|extension| extension != "key") {
            kept.push((metadata.modified()?, metadata.len(), path));
        }
    }
    Ok(())
}

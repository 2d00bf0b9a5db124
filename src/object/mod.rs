//! Where recordings' bytes lie: addressed by their SHA-256, put once, never rewritten.

pub mod folder;
pub mod memory;

use crate::recording::ContentHash;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

/// Bytes on their way in. Dropped without `finish`, nothing is kept.
pub trait Incoming: Write + Send {
    /// Makes the bytes safe and gives them their name: hash and length.
    ///
    /// # Errors
    /// When the disk fails; nothing is kept then.
    fn finish(self: Box<Self>) -> io::Result<(ContentHash, u64)>;
}

/// Bytes that can be read from any place.
pub trait Readable: Read + Seek + Send {}
impl<T: Read + Seek + Send> Readable for T {}

/// A store of bytes by content. The same bytes put twice are there once.
pub trait ObjectStore: Send + Sync {
    /// Begins to take bytes.
    ///
    /// # Errors
    /// When there is no room for them.
    fn begin(&self) -> io::Result<Box<dyn Incoming>>;

    /// Opens an object.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none of this hash.
    fn open(&self, hash: &ContentHash) -> io::Result<Box<dyn Readable>>;

    /// The object as a file of this machine, where it is one.
    fn local_path(&self, hash: &ContentHash) -> Option<PathBuf>;

    /// All objects with their lengths, in order.
    ///
    /// # Errors
    /// When the store cannot be walked.
    fn list(&self) -> io::Result<Vec<(ContentHash, u64)>>;

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn delete(&self, hash: &ContentHash) -> io::Result<()>;
}

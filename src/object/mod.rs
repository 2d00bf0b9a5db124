//! Where recordings' bytes lie: addressed by their SHA-256, put once, never rewritten.

pub mod folder;
mod gate;
pub mod memory;
mod parts;
mod renditions;
pub mod sealed;
mod segments;
mod stores;

pub use gate::{Gate, Pass};
pub use parts::{Begun, Part};
pub use stores::{OnDisk, Stores};

use crate::recording::ContentHash;
use sha2::{Digest, Sha256};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

/// Bytes that are read at a time when an object is proved.
const CHUNK: usize = 64 * 1024;

/// Told the bytes read just now, so that a slow reader can rest. An error ends the reading.
pub type Pace<'a> = &'a mut dyn FnMut(usize) -> io::Result<()>;

/// What reading an object again came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proved {
    Sound,
    /// The bytes have another hash now, or cannot be what they were; in words.
    Changed {
        found: String,
    },
    Missing,
}

/// Room for objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

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

    /// Goes on to take bytes of a part of which so many are here; dropped, the part stays. Nothing
    /// where no part may lie open.
    ///
    /// # Errors
    /// When the part cannot be read, or has fewer bytes.
    fn go_on(&self, part: &Part, bytes: u64) -> io::Result<Option<Box<dyn Incoming>>> {
        let _ = (part, bytes);
        Ok(None)
    }

    /// Opens an object.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none of this hash.
    fn open(&self, hash: &ContentHash) -> io::Result<Box<dyn Readable>>;

    /// The object as a file of this machine, where it is one.
    fn local_path(&self, hash: &ContentHash) -> Option<PathBuf>;

    /// The objects whose hash begins with this byte, with their lengths, in order: so a store of
    /// any size is walked in 256 steps.
    ///
    /// # Errors
    /// When the store cannot be walked.
    fn shard(&self, first: u8) -> io::Result<Vec<(ContentHash, u64)>>;

    /// All objects with their lengths, in order.
    ///
    /// # Errors
    /// When the store cannot be walked.
    fn list(&self) -> io::Result<Vec<(ContentHash, u64)>> {
        let shards: io::Result<Vec<_>> = (0..=u8::MAX).map(|first| self.shard(first)).collect();
        Ok(shards?.concat())
    }

    /// The room there is, where the store knows a limit.
    ///
    /// # Errors
    /// When the disk does not tell.
    fn space(&self) -> io::Result<Option<Space>> {
        Ok(None)
    }

    /// Reads an object again and says whether its bytes are what they were.
    ///
    /// # Errors
    /// When the disk fails, or `pace` says to stop.
    fn prove(&self, hash: &ContentHash, pace: Pace<'_>) -> io::Result<Proved> {
        let object = match self.open(hash) {
            Ok(object) => object,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Proved::Missing),
            Err(error) => return Err(error),
        };
        let found = hashed(object, pace)?;
        let changed = || Proved::Changed { found: found.to_string() };
        Ok(if found == *hash { Proved::Sound } else { changed() })
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn delete(&self, hash: &ContentHash) -> io::Result<()>;
}

/// The hash of bytes, read at a pace.
///
/// # Errors
/// When they cannot be read, or `pace` says to stop.
pub fn hashed(bytes: impl Read, pace: Pace<'_>) -> io::Result<ContentHash> {
    let mut sum = Sha256::new();
    add(bytes, &mut sum, pace)?;
    Ok(ContentHash(sum.finalize().into()))
}

/// Adds bytes to a hash, read at a pace; how many they were.
fn add(mut bytes: impl Read, sum: &mut Sha256, pace: Pace<'_>) -> io::Result<u64> {
    let (mut buffer, mut count) = (vec![0; CHUNK], 0);
    loop {
        let read = bytes.read(&mut buffer)?;
        if read == 0 {
            return Ok(count);
        }
        sum.update(&buffer[..read]);
        count += read as u64;
        pace(read)?;
    }
}

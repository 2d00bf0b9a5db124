//! A file that is hashed while it is read, so that one pass gives both its sound and its identity.

use crate::recording::ContentHash;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use symphonia::core::io::MediaSource;

/// A file on its way through a decoder. Copies share one place in the file and one hash.
#[derive(Clone)]
pub struct Hashed {
    shared: Arc<Mutex<Shared>>,
    length: u64,
}

struct Shared {
    file: File,
    at: u64,
    hash: Sha256,
    /// Everything before this place is in the hash.
    hashed_to: u64,
}

impl Hashed {
    /// Opens a file; its length is that of this moment.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let shared = Shared { file, at: 0, hash: Sha256::new(), hashed_to: 0 };
        Ok(Self { shared: Arc::new(Mutex::new(shared)), length })
    }

    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    fn lock(&self) -> io::Result<MutexGuard<'_, Shared>> {
        self.shared.lock().map_err(|_| io::Error::other("a decoder died while reading"))
    }

    /// Hashes what no decoder wanted. Gives the hash and the length of the whole file in bytes.
    ///
    /// # Errors
    /// When the rest cannot be read.
    pub fn finish(&self) -> io::Result<(ContentHash, u64)> {
        let mut shared = self.lock()?;
        let rest = SeekFrom::Start(shared.hashed_to);
        shared.at = shared.file.seek(rest)?;
        let mut buffer = vec![0; BUFFER];
        while shared.take(&mut buffer)? > 0 {}
        Ok((ContentHash(shared.hash.clone().finalize().into()), shared.hashed_to))
    }
}

/// Bytes read at a time: small enough that the decoder finds them in the cache.
const BUFFER: usize = 64 * 1024;

impl Shared {
    fn take(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let end = self.at + read as u64;
        if self.at <= self.hashed_to && self.hashed_to < end {
            let known = (self.hashed_to - self.at) as usize;
            self.hash.update(&buffer[known..read]);
            self.hashed_to = end;
        }
        self.at = end;
        Ok(read)
    }
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock()?.take(buffer)
    }
}

impl Seek for Hashed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let mut shared = self.lock()?;
        shared.at = shared.file.seek(to)?;
        Ok(shared.at)
    }
}

impl MediaSource for Hashed {
    fn is_seekable(&self) -> bool {
        true
    }
    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}

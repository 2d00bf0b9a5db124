//! Objects in memory, for tests and trials.

use super::{Incoming, ObjectStore, Readable};
use crate::recording::ContentHash;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Objects = Arc<Mutex<BTreeMap<ContentHash, Vec<u8>>>>;

/// Objects in memory.
#[derive(Default, Clone)]
pub struct Memory {
    objects: Objects,
}

struct Writing {
    objects: Objects,
    bytes: Vec<u8>,
}

fn locked(objects: &Objects) -> MutexGuard<'_, BTreeMap<ContentHash, Vec<u8>>> {
    objects.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Write for Writing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(buffer);
        Ok(buffer.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Incoming for Writing {
    fn finish(self: Box<Self>) -> io::Result<(ContentHash, u64)> {
        let hash = ContentHash(Sha256::digest(&self.bytes).into());
        let bytes = self.bytes.len() as u64;
        locked(&self.objects).insert(hash, self.bytes);
        Ok((hash, bytes))
    }
}

impl ObjectStore for Memory {
    fn begin(&self) -> io::Result<Box<dyn Incoming>> {
        Ok(Box::new(Writing { objects: Arc::clone(&self.objects), bytes: Vec::new() }))
    }

    fn open(&self, hash: &ContentHash) -> io::Result<Box<dyn Readable>> {
        let bytes = locked(&self.objects).get(hash).cloned();
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn local_path(&self, _hash: &ContentHash) -> Option<PathBuf> {
        None
    }

    fn shard(&self, first: u8) -> io::Result<Vec<(ContentHash, u64)>> {
        let objects = locked(&self.objects);
        let inside = objects.iter().filter(|(hash, _)| hash.0[0] == first);
        Ok(inside.map(|(hash, bytes)| (*hash, bytes.len() as u64)).collect())
    }

    fn delete(&self, hash: &ContentHash) -> io::Result<()> {
        locked(&self.objects).remove(hash);
        Ok(())
    }
}

//! The objects of all sites: one folder for the sites without a key, one of its own for each site
//! that has one.

use super::folder::Folder;
use super::sealed::Sealed;
use super::{Incoming, ObjectStore, Pace, Part, Proved, Readable, Space, parts};
use crate::recording::ContentHash;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::NamedTempFile;

/// An object as a file: where it lies, or a private copy that is gone when this is dropped.
pub enum OnDisk {
    Own(PathBuf),
    Copy(NamedTempFile),
}

impl OnDisk {
    /// Where the bytes are to be read, while this lives.
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Copy(file) => file.path(),
        }
    }
}

/// All objects. Read by hash alone; put and proved at a site.
pub struct Stores {
    shared: Arc<dyn ObjectStore>,
    own: BTreeMap<String, Arc<Sealed>>,
    /// A folder for private copies.
    copies: PathBuf,
}

impl Stores {
    /// The shared store, the sealed ones by the id of their site, and the folder whose part for
    /// unfinished files takes private copies.
    pub fn new(
        shared: Arc<dyn ObjectStore>,
        own: BTreeMap<String, Arc<Sealed>>,
        copies: PathBuf,
    ) -> Self {
        Self { shared, own, copies }
    }

    /// Where the objects of sites without a key lie.
    pub fn shared(&self) -> &dyn ObjectStore {
        &*self.shared
    }

    /// The sealed store of a site that has a key.
    pub fn own(&self, site: &str) -> Option<&Arc<Sealed>> {
        self.own.get(site)
    }

    pub(super) fn all_own(&self) -> impl Iterator<Item = &Sealed> {
        self.own.values().map(|own| &**own)
    }

    pub(super) fn copies(&self) -> &Path {
        &self.copies
    }

    /// Where a site's new objects go.
    fn of(&self, site: &str) -> &dyn ObjectStore {
        self.own.get(site).map_or(&*self.shared, |own| &**own as &dyn ObjectStore)
    }

    /// Begins to take bytes of a site.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn begin(&self, site: &str) -> io::Result<Box<dyn Incoming>> {
        self.of(site).begin()
    }

    /// The part of this number, where unfinished files of a site may lie as they came: what is
    /// sealed never does.
    pub fn part(&self, site: &str, number: i64) -> Option<Part> {
        (!self.own.contains_key(site)).then(|| Part::new(&self.copies, number))
    }

    /// Forgets the parts that are wanted no more.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn sweep_parts(&self, wanted: impl Fn(i64) -> bool) -> io::Result<()> {
        let numbers = parts::all(&self.copies)?.into_iter();
        numbers.filter(|number| !wanted(*number)).for_each(|number| {
            Part::new(&self.copies, number).discard();
        });
        Ok(())
    }

    /// Goes on with a part of a site's file, of which so many bytes are here.
    ///
    /// # Errors
    /// As [`ObjectStore::go_on`].
    pub fn go_on(&self, site: &str, part: &Part, bytes: u64) -> io::Result<Box<dyn Incoming>> {
        match self.of(site).go_on(part, bytes)? {
            Some(incoming) => Ok(incoming),
            None if bytes == 0 => self.begin(site),
            None => Err(io::Error::other("a part of a file that may have none")),
        }
    }

    /// Reads an object of a site again. One from before the site had a key lies in the shared
    /// store.
    ///
    /// # Errors
    /// As [`ObjectStore::prove`].
    pub fn prove(&self, site: &str, hash: &ContentHash, pace: Pace<'_>) -> io::Result<Proved> {
        match self.of(site).prove(hash, pace)? {
            Proved::Missing if self.own.contains_key(site) => self.shared.prove(hash, pace),
            proved => Ok(proved),
        }
    }

    fn all(&self) -> impl Iterator<Item = &dyn ObjectStore> {
        let own = self.own.values().map(|own| &**own as &dyn ObjectStore);
        std::iter::once(&*self.shared).chain(own)
    }

    /// Opens an object, wherever it lies.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none of this hash; else why the one that is there
    /// cannot be opened.
    pub fn open(&self, hash: &ContentHash) -> io::Result<Box<dyn Readable>> {
        let mut told = io::Error::from(io::ErrorKind::NotFound);
        for store in self.all() {
            match store.open(hash) {
                Ok(object) => return Ok(object),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => told = error,
            }
        }
        Err(told)
    }

    /// An object as a file, for whoever can read nothing else.
    ///
    /// # Errors
    /// As [`Stores::open`]; when there is no room for a copy.
    pub fn on_disk(&self, hash: &ContentHash) -> io::Result<OnDisk> {
        if let Some(path) = self.all().find_map(|store| store.local_path(hash)) {
            return Ok(OnDisk::Own(path));
        }
        let mut copy = self.temporary()?;
        io::copy(&mut self.open(hash)?, &mut copy)?;
        Ok(OnDisk::Copy(copy))
    }

    /// A private file that is gone when this is dropped, on the disk of the recordings.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn temporary(&self) -> io::Result<NamedTempFile> {
        Folder::temporary(&self.copies)
    }

    /// The objects whose hash begins with this byte, with their lengths, in order.
    ///
    /// # Errors
    /// When a store cannot be walked.
    pub fn shard(&self, first: u8) -> io::Result<Vec<(ContentHash, u64)>> {
        let mut objects = BTreeMap::new();
        for store in self.all() {
            objects.extend(store.shard(first)?);
        }
        Ok(objects.into_iter().collect())
    }

    /// The room on the disk of the recordings, where it is a disk.
    ///
    /// # Errors
    /// When the disk does not tell.
    pub fn space(&self) -> io::Result<Option<Space>> {
        self.shared.space()
    }

    /// Removes an object of a site that is sealed; the shared ones stay.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn delete_own(&self, site: &str, hash: &ContentHash) -> io::Result<()> {
        self.forget_rendition(hash)?;
        self.own.get(site).map_or(Ok(()), |own| own.delete(hash))
    }

    /// Removes an object wherever it lies.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn delete(&self, hash: &ContentHash) -> io::Result<()> {
        self.forget_rendition(hash)?;
        self.all().try_for_each(|store| store.delete(hash))
    }
}

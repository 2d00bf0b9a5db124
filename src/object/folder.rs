//! Objects as files: `ab/cdef…`, written beside and renamed, so that a name always has all of its
//! bytes.

use super::{Incoming, ObjectStore, Part, Readable, Space, add};
use crate::recording::ContentHash;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempPath};

/// Objects in a folder.
pub struct Folder {
    root: PathBuf,
}

/// Where bytes wait until they have a name.
const INCOMING: &str = ".incoming";

impl Folder {
    /// Opens or makes a folder, and sweeps what a crash left half written.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(root: &Path) -> io::Result<Self> {
        let incoming = root.join(INCOMING);
        fs::create_dir_all(&incoming)?;
        for left in fs::read_dir(&incoming)? {
            fs::remove_file(left?.path())?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// As [`Folder::open`], beside a process that is writing: sweeps nothing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn beside(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root.join(INCOMING))?;
        Ok(Self { root: root.to_owned() })
    }

    fn path(&self, hash: &ContentHash) -> PathBuf {
        Self::path_in(&self.root, hash)
    }

    /// Where an object of a folder lies.
    pub(super) fn path_in(root: &Path, hash: &ContentHash) -> PathBuf {
        let name = hash.to_string();
        root.join(&name[..2]).join(&name[2..])
    }

    /// A file without a name yet, on the same disk, for this user alone.
    pub(super) fn temporary(root: &Path) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(root.join(INCOMING))
    }
}

/// Gives a file its name, in place of whatever has it, once its bytes are on the disk.
pub(super) fn keep(file: NamedTempFile, root: &Path, target: &Path) -> io::Result<()> {
    fs::create_dir_all(target.parent().unwrap_or(root))?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    let mut readable = fs::metadata(target)?.permissions();
    readable.set_readonly(true);
    fs::set_permissions(target, readable)?;
    sync_folders(root, target)
}

/// A name is safe only when its folder is.
fn sync_folders(root: &Path, target: &Path) -> io::Result<()> {
    File::open(target.parent().unwrap_or(root))?.sync_all()?;
    File::open(root)?.sync_all()
}

/// The room on the disk of a folder, as others than root may use it.
pub(super) fn space(folder: &Path) -> io::Result<Option<Space>> {
    let disk = rustix::fs::statvfs(folder)?;
    let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    let total_bytes = disk.f_blocks.saturating_mul(disk.f_frsize);
    Ok(Some(Space { free_bytes, total_bytes }))
}

struct Writing {
    root: PathBuf,
    file: NamedTempFile,
    hash: Sha256,
    bytes: u64,
}

impl Write for Writing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Incoming for Writing {
    fn finish(self: Box<Self>) -> io::Result<(ContentHash, u64)> {
        let hash = ContentHash(self.hash.finalize().into());
        let target = Folder::path_in(&self.root, &hash);
        if target.exists() {
            sync_folders(&self.root, &target)?;
        } else {
            keep(self.file, &self.root, &target)?;
        }
        Ok((hash, self.bytes))
    }
}

impl ObjectStore for Folder {
    fn begin(&self) -> io::Result<Box<dyn Incoming>> {
        let file = Self::temporary(&self.root)?;
        Ok(Box::new(Writing { root: self.root.clone(), file, hash: Sha256::new(), bytes: 0 }))
    }

    fn go_on(&self, part: &Part, bytes: u64) -> io::Result<Option<Box<dyn Incoming>>> {
        let mut file = part.open()?;
        file.set_len(bytes.min(file.metadata()?.len()))?;
        let mut hash = Sha256::new();
        // The place in the file is then behind what was read.
        if add(Read::by_ref(&mut file).take(bytes), &mut hash, &mut |_| Ok(()))? < bytes {
            return Err(io::Error::other("the part has fewer bytes than it had"));
        }
        let mut file = NamedTempFile::from_parts(file, TempPath::try_from_path(part.path())?);
        file.disable_cleanup(true);
        Ok(Some(Box::new(Writing { root: self.root.clone(), file, hash, bytes })))
    }

    fn open(&self, hash: &ContentHash) -> io::Result<Box<dyn Readable>> {
        Ok(Box::new(File::open(self.path(hash))?))
    }

    fn local_path(&self, hash: &ContentHash) -> Option<PathBuf> {
        Some(self.path(hash)).filter(|path| path.exists())
    }

    fn shard(&self, first: u8) -> io::Result<Vec<(ContentHash, u64)>> {
        let start = format!("{first:02x}");
        let files = match fs::read_dir(self.root.join(&start)) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut objects = Vec::new();
        for file in files {
            let file = file?;
            let name = format!("{start}{}", file.file_name().to_string_lossy());
            if let Ok(hash) = name.parse() {
                objects.push((hash, file.metadata()?.len()));
            }
        }
        objects.sort();
        Ok(objects)
    }

    fn space(&self) -> io::Result<Option<Space>> {
        space(&self.root)
    }

    fn delete(&self, hash: &ContentHash) -> io::Result<()> {
        match fs::remove_file(self.path(hash)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

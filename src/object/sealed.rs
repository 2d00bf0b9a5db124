//! Objects sealed with a key of their site, under the hash of their plain bytes.
//!
//! An object is two files: `ab/cdef…` holds its sealed segments and never changes; `ab/cdef….key`
//! holds its own key, wrapped under the site's, and the sealed bytes' digest. Another site key
//! means another small file and not another object; whoever has no key can still prove that the
//! sealed bytes are what they were.

use super::folder::{Folder, keep};
use super::renditions::FOLDER;
use super::segments::{self, KEY, SEGMENT, TAG};
use super::{Incoming, ObjectStore, Pace, Proved, Readable, Space, hashed};
use crate::recording::ContentHash;
use aws_lc_rs::aead::LessSafeKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::NamedTempFile;

/// The name of the cipher, as written beside each object.
const CIPHER: &str = "AES-256-GCM, segments of 65536";

/// A site's key, with a name that says nothing of it.
#[derive(Clone)]
pub struct SiteKey {
    pub id: String,
    key: Arc<LessSafeKey>,
}

impl SiteKey {
    /// A key as 64 hexadecimal digits.
    ///
    /// # Errors
    /// What is wrong with the text; the text itself is not told.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || "is no key of 64 hexadecimal digits, as `openssl rand -hex 32` gives".to_owned();
        let bytes = text.trim().parse::<ContentHash>().map_err(|_| wrong())?.0;
        let name =
            Sha256::new().chain_update(b"ringledger site key").chain_update(bytes).finalize();
        let id = name[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, key: Arc::new(segments::key(&bytes).map_err(|_| wrong())?) })
    }
}

impl std::fmt::Debug for SiteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SiteKey({})", self.id)
    }
}

/// The keys that open a store: the first seals, all open.
#[derive(Debug, Clone, Default)]
pub struct KeyRing(pub Vec<SiteKey>);

impl KeyRing {
    fn current(&self) -> io::Result<&SiteKey> {
        let none = || io::Error::new(io::ErrorKind::PermissionDenied, "no key to seal with");
        self.0.first().ok_or_else(none)
    }

    fn named(&self, id: &str) -> io::Result<&SiteKey> {
        let none = || {
            let text = format!("the key {id} is not among the site's keys");
            io::Error::new(io::ErrorKind::PermissionDenied, text)
        };
        self.0.iter().find(|key| key.id == id).ok_or_else(none)
    }
}

/// What lies beside the sealed bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Slip {
    cipher: String,
    /// Which site key the object's own is wrapped under.
    key: String,
    nonce: String,
    wrapped: String,
    /// Length of the plain bytes.
    bytes: u64,
    /// SHA-256 of the sealed bytes.
    sealed_sha256: ContentHash,
}

/// Objects in a folder, sealed.
pub struct Sealed {
    root: PathBuf,
    keys: KeyRing,
}

/// What a change of keys came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrapped {
    /// It is under the current key now.
    Now,
    /// It was already.
    Before,
}

impl Sealed {
    /// Opens or makes a folder, and sweeps what a crash left half written.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(root: &Path, keys: KeyRing) -> io::Result<Self> {
        Folder::open(root)?;
        Folder::open(&root.join(FOLDER))?;
        Ok(Self { root: root.to_owned(), keys })
    }

    /// As [`Sealed::open`], beside a process that is writing: sweeps nothing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn beside(root: &Path, keys: KeyRing) -> io::Result<Self> {
        Folder::beside(root)?;
        Ok(Self { root: root.to_owned(), keys })
    }

    fn path(&self, hash: &ContentHash) -> PathBuf {
        Folder::path_in(&self.root, hash)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether an object is here.
    pub fn holds(&self, hash: &ContentHash) -> bool {
        self.path(hash).exists()
    }

    /// What is made of its objects, sealed by the same keys; each under the name of its object.
    pub(super) fn renditions(&self) -> Self {
        Self { root: self.root.join(FOLDER), keys: self.keys.clone() }
    }

    /// Begins to take bytes under a name that is not their hash.
    pub(super) fn begin_as(&self, name: ContentHash) -> io::Result<Box<dyn Incoming>> {
        Folder::beside(&self.root)?;
        Ok(Box::new(self.writing(Some(name))?))
    }

    fn writing(&self, name: Option<ContentHash>) -> io::Result<Writing> {
        let own = segments::random::<KEY>()?;
        Ok(Writing {
            name,
            root: self.root.clone(),
            site_key: self.keys.current()?.clone(),
            key: segments::key(&own)?,
            own,
            file: Folder::temporary(&self.root)?,
            segment: Vec::with_capacity(SEGMENT + TAG),
            number: 0,
            plain: Sha256::new(),
            sealed: Sha256::new(),
            bytes: 0,
        })
    }

    fn slip(&self, hash: &ContentHash) -> io::Result<Slip> {
        let text = fs::read(slip_path(&self.path(hash)))?;
        let broken = |error: serde_json::Error| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("its key file cannot be read: {error}"),
            )
        };
        let slip: Slip = serde_json::from_slice(&text).map_err(broken)?;
        if slip.cipher != CIPHER {
            let text = format!("its key file names the cipher `{}`", slip.cipher);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(slip)
    }

    fn own_key(&self, hash: &ContentHash, slip: &Slip) -> io::Result<[u8; KEY]> {
        let under = &self.keys.named(&slip.key)?.key;
        let (nonce, wrapped) = (unhex(&slip.nonce)?, unhex(&slip.wrapped)?);
        segments::unwrap(under, &nonce, &wrapped, &bound(hash, slip.bytes, &slip.sealed_sha256))
    }

    /// Puts an object under the current key. Its sealed bytes stay as they are; a crash leaves the
    /// one key file or the other, and both open it.
    ///
    /// # Errors
    /// When no key opens it, or the disk fails.
    pub fn rewrap(&self, hash: &ContentHash) -> io::Result<Rewrapped> {
        // A key file alone is what a crash left before the bytes had their name.
        fs::metadata(self.path(hash))?;
        let slip = self.slip(hash)?;
        let current = self.keys.current()?;
        if slip.key == current.id {
            return Ok(Rewrapped::Before);
        }
        let own = self.own_key(hash, &slip)?;
        let slip = wrapped(current, &own, hash, slip.bytes, slip.sealed_sha256)?;
        write_slip(&self.root, hash, &slip)?;
        Ok(Rewrapped::Now)
    }

    /// The digest of an object's sealed bytes, as written when it was sealed.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    pub fn sealed_digest(&self, hash: &ContentHash) -> io::Result<ContentHash> {
        Ok(self.slip(hash)?.sealed_sha256)
    }
}

fn slip_path(object: &Path) -> PathBuf {
    let mut path = object.as_os_str().to_owned();
    path.push(".key");
    path.into()
}

/// What an object's key is bound to: its name, its length and the digest of its sealed bytes.
fn bound(hash: &ContentHash, bytes: u64, sealed_sha256: &ContentHash) -> Vec<u8> {
    [&hash.0[..], &bytes.to_be_bytes()[..], &sealed_sha256.0[..]].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> io::Result<Vec<u8>> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "its key file holds no key");
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            u8::from_str_radix(pair, 16).map_err(|_| wrong())
        })
        .collect()
}

fn wrapped(
    under: &SiteKey,
    own: &[u8; KEY],
    hash: &ContentHash,
    bytes: u64,
    sealed_sha256: ContentHash,
) -> io::Result<Slip> {
    let (nonce, wrapped) = segments::wrap(&under.key, own, &bound(hash, bytes, &sealed_sha256))?;
    Ok(Slip {
        cipher: CIPHER.to_owned(),
        key: under.id.clone(),
        nonce: hex(&nonce),
        wrapped: hex(&wrapped),
        bytes,
        sealed_sha256,
    })
}

/// Written beside and renamed over, so that there is always a whole one.
fn write_slip(root: &Path, hash: &ContentHash, slip: &Slip) -> io::Result<()> {
    let mut file = Folder::temporary(root)?;
    serde_json::to_writer_pretty(&mut file, slip)?;
    file.write_all(b"\n")?;
    keep(file, root, &slip_path(&Folder::path_in(root, hash)))
}

struct Writing {
    /// Its name, where that is not the hash of its bytes.
    name: Option<ContentHash>,
    root: PathBuf,
    site_key: SiteKey,
    own: [u8; KEY],
    key: LessSafeKey,
    file: NamedTempFile,
    /// Plain bytes of the segment that is not full yet.
    segment: Vec<u8>,
    number: u32,
    plain: Sha256,
    sealed: Sha256,
    bytes: u64,
}

impl Writing {
    fn write_segment(&mut self, last: bool) -> io::Result<()> {
        segments::seal(&self.key, self.number, last, &mut self.segment)?;
        self.sealed.update(&self.segment);
        self.file.write_all(&self.segment)?;
        self.segment.clear();
        let long = || io::Error::new(io::ErrorKind::FileTooLarge, "too long to be sealed");
        self.number = self.number.checked_add(1).ok_or_else(long)?;
        Ok(())
    }
}

impl Write for Writing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // A full segment waits for its successor: only then is it known not to be the last.
        if self.segment.len() == SEGMENT && !buffer.is_empty() {
            self.write_segment(false)?;
        }
        let taken = buffer.len().min(SEGMENT - self.segment.len());
        self.segment.extend_from_slice(&buffer[..taken]);
        self.plain.update(&buffer[..taken]);
        self.bytes += taken as u64;
        Ok(taken)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Incoming for Writing {
    fn finish(mut self: Box<Self>) -> io::Result<(ContentHash, u64)> {
        self.write_segment(true)?;
        let hash = ContentHash(self.plain.finalize().into());
        let hash = self.name.unwrap_or(hash);
        let target = Folder::path_in(&self.root, &hash);
        if target.exists() {
            return Ok((hash, self.bytes));
        }
        // The key first: bytes without one would be lost.
        let digest = ContentHash(self.sealed.finalize().into());
        let slip = wrapped(&self.site_key, &self.own, &hash, self.bytes, digest)?;
        write_slip(&self.root, &hash, &slip)?;
        keep(self.file, &self.root, &target)?;
        Ok((hash, self.bytes))
    }
}

/// Sealed bytes, opened a segment at a time.
struct Opened {
    file: File,
    key: LessSafeKey,
    bytes: u64,
    segments: u32,
    at: u64,
    /// The segment that was opened last: its number and plain bytes.
    open: Option<(u32, Vec<u8>)>,
}

impl Opened {
    fn load(&mut self, number: u32) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|(open, _)| *open == number) {
            return Ok(());
        }
        let last = number + 1 == self.segments;
        let plain =
            if last { self.bytes - u64::from(number) * SEGMENT as u64 } else { SEGMENT as u64 };
        let mut sealed = vec![0; plain as usize + TAG];
        self.file.seek(SeekFrom::Start(u64::from(number) * (SEGMENT + TAG) as u64))?;
        self.file.read_exact(&mut sealed)?;
        let plain = segments::open(&self.key, number, last, &mut sealed)?.len();
        sealed.truncate(plain);
        self.open = Some((number, sealed));
        Ok(())
    }
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.bytes || buffer.is_empty() {
            return Ok(0);
        }
        let number = u32::try_from(self.at / SEGMENT as u64).unwrap_or(u32::MAX);
        self.load(number)?;
        let Some((_, plain)) = &self.open else { return Ok(0) };
        let from = (self.at % SEGMENT as u64) as usize;
        let count = buffer.len().min(plain.len().saturating_sub(from));
        buffer[..count].copy_from_slice(&plain[from..from + count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Opened {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

impl ObjectStore for Sealed {
    fn begin(&self) -> io::Result<Box<dyn Incoming>> {
        Ok(Box::new(self.writing(None)?))
    }

    fn open(&self, hash: &ContentHash) -> io::Result<Box<dyn Readable>> {
        let file = File::open(self.path(hash))?;
        let slip = self.slip(hash).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                io::Error::new(io::ErrorKind::InvalidData, "its key file is not there")
            }
            _ => error,
        })?;
        let key = segments::key(&self.own_key(hash, &slip)?)?;
        let segments = segments::count(slip.bytes)?;
        let sealed_bytes = slip.bytes + u64::from(segments) * TAG as u64;
        if file.metadata()?.len() != sealed_bytes {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "sealed bytes are cut or added",
            ));
        }
        let bytes = slip.bytes;
        Ok(Box::new(Opened { file, key, bytes, segments, at: 0, open: None }))
    }

    fn local_path(&self, _hash: &ContentHash) -> Option<PathBuf> {
        None
    }

    fn shard(&self, first: u8) -> io::Result<Vec<(ContentHash, u64)>> {
        let objects = Folder::beside(&self.root)?.shard(first)?;
        // The length of the plain bytes, as everywhere; without its key file that of the sealed.
        let plain = |(hash, sealed)| (hash, self.slip(&hash).map_or(sealed, |slip| slip.bytes));
        Ok(objects.into_iter().map(plain).collect())
    }

    fn space(&self) -> io::Result<Option<Space>> {
        super::folder::space(&self.root)
    }

    /// Needs no key: the sealed bytes are compared with their digest. Where the key is at hand, the
    /// object's own must open too.
    fn prove(&self, hash: &ContentHash, pace: Pace<'_>) -> io::Result<Proved> {
        let changed = |error: &io::Error| Ok(Proved::Changed { found: error.to_string() });
        let file = match File::open(self.path(hash)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Proved::Missing),
            Err(error) => return Err(error),
        };
        let slip = match self.slip(hash) {
            Ok(slip) => slip,
            Err(error) => return changed(&error),
        };
        let found = hashed(file, pace)?;
        if found != slip.sealed_sha256 {
            return Ok(Proved::Changed { found: format!("sealed {found}") });
        }
        match self.own_key(hash, &slip) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => changed(&error),
            _ => Ok(Proved::Sound),
        }
    }

    fn delete(&self, hash: &ContentHash) -> io::Result<()> {
        let object = self.path(hash);
        for path in [slip_path(&object), object] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

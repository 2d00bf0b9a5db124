//! Files that came half: what is here of them, and by what their sender knows them again.
//!
//! A part is two files: the bytes, in their order from the first, and a slip. It outlives this
//! process, and not the machine's: after a crash of the machine nobody knows which bytes reached
//! the disk.

use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The folder of all parts, beside the objects.
pub const FOLDER: &str = ".parts";
/// Changes with each start of the machine.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// What lies beside the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Slip {
    /// Which file it is, by the name that stays the same.
    file: String,
    /// By what its sender tells whether it is still the same (RFC 9110 §8.8).
    validator: String,
    boot: String,
}

/// What is here of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    pub bytes: u64,
    pub validator: String,
}

/// One file that is on its way.
#[derive(Debug, Clone)]
pub struct Part {
    bytes: PathBuf,
    slip: PathBuf,
}

impl Part {
    /// The part of this number.
    pub fn new(root: &Path, number: i64) -> Self {
        let path = |ending: &str| root.join(FOLDER).join(format!("{number}{ending}"));
        Self { bytes: path(""), slip: path(".slip") }
    }

    /// What is here of a file, if it can be gone on with.
    pub fn begun(&self, file: &str) -> Option<Begun> {
        let slip: Slip = serde_json::from_slice(&fs::read(&self.slip).ok()?).ok()?;
        let same = slip.file == file && boot().is_some_and(|boot| boot == slip.boot);
        let bytes = fs::metadata(&self.bytes).ok().filter(|_| same)?.len();
        (bytes > 0).then_some(Begun { bytes, validator: slip.validator })
    }

    /// Begins anew, with no bytes. Nothing where no part would be known again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(&self, file: &str, validator: &str) -> io::Result<bool> {
        let Some(boot) = boot() else { return Ok(false) };
        fs::create_dir_all(self.bytes.parent().unwrap_or(Path::new(".")))?;
        self.discard();
        let slip = Slip { file: file.to_owned(), validator: validator.to_owned(), boot };
        fs::write(&self.slip, serde_json::to_vec(&slip)?)?;
        Ok(true)
    }

    /// Its bytes, for this user alone.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub(super) fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.open(&self.bytes)
    }

    pub(super) fn path(&self) -> &Path {
        &self.bytes
    }

    /// Forgets it. One that is not there is no error.
    pub fn discard(&self) {
        for path in [&self.slip, &self.bytes] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, path = %path.display(), "a part stays");
                }
                _ => {}
            }
        }
    }
}

/// The numbers of all parts that are here.
///
/// # Errors
/// When their folder cannot be read.
pub fn all(root: &Path) -> io::Result<Vec<i64>> {
    let files = match fs::read_dir(root.join(FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files?,
    };
    let mut numbers = Vec::new();
    for file in files {
        let name = file?.file_name().to_string_lossy().into_owned();
        numbers.extend(name.trim_end_matches(".slip").parse::<i64>());
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn boot() -> Option<String> {
    let text = fs::read_to_string(BOOT).ok()?;
    Some(text.trim().to_owned()).filter(|boot| !boot.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_gone_on_with_for_the_same_file_and_start_of_the_machine_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let part = Part::new(folder.path(), 7);
        assert!(part.begin("a", "\"v\"").expect("written"));
        assert_eq!(part.begun("a"), None, "no byte yet");
        fs::write(&part.bytes, b"RIFF").expect("written");
        let begun = Begun { bytes: 4, validator: "\"v\"".into() };
        assert_eq!((part.begun("a"), part.begun("b")), (Some(begun), None));
        assert_eq!(all(folder.path()).expect("a list"), [7]);
        let other = Slip { file: "a".into(), validator: "\"v\"".into(), boot: "another".into() };
        fs::write(&part.slip, serde_json::to_vec(&other).expect("JSON")).expect("written");
        assert_eq!(part.begun("a"), None);
        part.discard();
        assert!(all(folder.path()).expect("a list").is_empty());
    }
}

//! A file that a phone system named by its path: it is taken from the source's own folders only.

use super::Arrival;
use super::fetch::Fault;
use super::folder::{arrival, being_written};
use std::io;
use std::path::{Path, PathBuf};

/// Deepest path that is looked for.
const DEPTH_MAX: usize = 64;

/// The finished file that a path means. The phone system may see the folder under another name:
/// what stands at the end of its path is looked for in each folder, the longest end first. Blocks
/// on the disk.
///
/// # Errors
/// [`Fault`] with the cure. One that leads out of the folders, by `..` or by a link, is not taken.
pub fn locate(folders: &[PathBuf], reference: &str) -> Result<Arrival, Fault> {
    let pieces: Vec<&str> =
        reference.split('/').filter(|piece| !["", "."].contains(piece)).collect();
    if pieces.contains(&"..") || pieces.len() > DEPTH_MAX {
        return Err(Fault::lasting("not taken: the path does not lead straight to a file"));
    }
    let mut why =
        Fault::passing("no such file in the source's folders: is it there, and readable?");
    for folder in folders {
        match locate_in(folder, &pieces) {
            Ok(Some(found)) => return finished(found),
            Ok(None) => {}
            Err(fault) => why = fault,
        }
    }
    Err(why)
}

fn locate_in(folder: &Path, pieces: &[&str]) -> Result<Option<Arrival>, Fault> {
    let unread = |error: io::Error| Fault::passing(format!("{}: {error}", folder.display()));
    let root = folder.canonicalize().map_err(unread)?;
    for start in 0..pieces.len() {
        let asked: PathBuf = pieces[start..].iter().collect();
        let Ok(real) = root.join(asked).canonicalize() else { continue };
        if !real.starts_with(&root) {
            return Err(Fault::lasting("not taken: a link leads out of the source's folder"));
        }
        if let Some(found) = arrival(&real) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn finished(found: Arrival) -> Result<Arrival, Fault> {
    match being_written().contains(&found.path) {
        true => Err(Fault::passing("the file is still being written")),
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_path_is_taken_from_the_folders_and_nowhere_else() {
        let (inside, outside) =
            (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
        let (root, secret) = (inside.path(), outside.path().join("secret.wav"));
        fs::create_dir_all(root.join("2026/11")).expect("made");
        fs::write(root.join("2026/11/a.wav"), b"RIFF").expect("written");
        fs::write(&secret, b"no").expect("written");
        symlink(&secret, root.join("link.wav")).expect("linked");
        symlink(outside.path(), root.join("away")).expect("linked");
        symlink(root.join("2026/11/a.wav"), root.join("b.wav")).expect("linked");
        let folders = [root.to_owned()];
        let found = |path: &str| locate(&folders, path).map(|found| found.bytes);
        let real = root.join("2026/11/a.wav");
        for good in
            ["/mnt/pbx/2026/11/a.wav", "2026/11/a.wav", real.to_str().expect("text"), "b.wav"]
        {
            assert_eq!(found(good), Ok(4), "{good}");
        }
        for bad in ["link.wav", "away/secret.wav"] {
            let fault = found(bad).expect_err(bad);
            assert!(fault.lasting && fault.text.contains("link"), "{bad}: {fault}");
        }
        assert!(found("2026/../2026/11/a.wav").expect_err("up").lasting);
        for none in [secret.to_str().expect("text"), "/etc/passwd", "2026", "", "nothing.wav"] {
            assert!(!found(none).expect_err(none).lasting, "{none}");
        }
    }

    #[test]
    fn a_file_that_somebody_writes_waits() {
        let root = tempfile::tempdir().expect("a folder");
        let open = fs::File::create(root.path().join("a.wav")).expect("made");
        let folders = [root.path().to_owned()];
        let fault = locate(&folders, "/x/a.wav").expect_err("unfinished");
        assert!(fault.text.contains("written") && !fault.lasting);
        drop(open);
        assert!(locate(&folders, "/x/a.wav").is_ok());
    }
}

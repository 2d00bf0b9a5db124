//! Watching a recorder's folder: finished means closed or renamed into place, never standing still.

use ringledger::source::Arrival;
use ringledger::source::folder::{Folder, Sight};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

async fn finished(folder: &mut Folder) -> Arrival {
    loop {
        if let Sight::Finished(arrival) = folder.next().await.expect("a sight") {
            return arrival;
        }
    }
}

fn names(folder: &Folder) -> Vec<String> {
    let found = folder.scan().expect("looked through");
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    found.iter().map(|arrival| name(&arrival.path)).collect()
}

#[tokio::test]
async fn a_file_is_offered_when_its_writer_closes_it() {
    let root = tempfile::tempdir().expect("a folder");
    let mut folder = Folder::watch(root.path()).expect("watched");
    let mut file = File::create(root.path().join("a.wav")).expect("made");
    assert_eq!(folder.next().await, Some(Sight::Begun("a.wav".into())));
    file.write_all(b"RIFF").expect("written");
    drop(file);
    let arrival = finished(&mut folder).await;
    assert!(arrival.path.ends_with("a.wav"));
    assert_eq!(arrival.bytes, 4);
}

#[tokio::test]
async fn a_file_that_is_renamed_into_place_is_offered_under_its_new_name() {
    let (root, aside) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
    let mut folder = Folder::watch(root.path()).expect("watched");
    let from = aside.path().join("part");
    fs::write(&from, b"RIFF").expect("written");
    fs::rename(&from, root.path().join("b.wav")).expect("renamed");
    let arrival = finished(&mut folder).await;
    assert!(arrival.path.ends_with("b.wav"));
}

#[test]
fn files_there_before_the_start_are_found_and_one_still_being_written_is_not() {
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir(root.path().join("2026")).expect("made");
    fs::write(root.path().join("2026/old.wav"), b"RIFF").expect("written");
    fs::write(root.path().join(".hidden"), b"RIFF").expect("written");
    let mut open = File::create(root.path().join("open.wav")).expect("made");
    open.write_all(b"RIFF").expect("written");
    let link = root.path().join("2026/..");
    let folder = Folder::watch(&link).expect("watched by another way to the same folder");
    assert_eq!(names(&folder), ["old.wav"]);
    drop(open);
    assert_eq!(names(&folder).len(), 2);
}

//! One suite for every object store: folder and memory.

use ringledger::object::{ObjectStore, folder::Folder, memory::Memory};
use ringledger::recording::ContentHash;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

fn put(store: &dyn ObjectStore, bytes: &[u8]) -> (ContentHash, u64) {
    let mut incoming = store.begin().expect("room");
    incoming.write_all(bytes).expect("written");
    incoming.finish().expect("safe")
}

fn suite(store: &dyn ObjectStore) {
    let (hash, bytes) = put(store, b"abc");
    assert_eq!(
        hash.to_string(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(bytes, 3);
    let mut object = store.open(&hash).expect("it is there");
    object.seek(SeekFrom::Start(1)).expect("sought");
    let mut rest = String::new();
    object.read_to_string(&mut rest).expect("read");
    assert_eq!(rest, "bc");
    assert_eq!(put(store, b"abc").0, hash, "the same bytes are there once");
    drop(store.begin().expect("room").write_all(b"left behind"));
    assert_eq!(store.list().expect("a list"), [(hash, 3)], "what was not finished is not there");
    put(store, b"");
    assert_eq!(store.list().expect("a list").len(), 2, "an empty object is an object");
    store.delete(&hash).expect("gone");
    store.delete(&hash).expect("gone already is no error");
    assert_eq!(store.open(&hash).err().map(|error| error.kind()), Some(ErrorKind::NotFound));
}

#[test]
fn a_folder_keeps_bytes_by_their_hash() {
    let folder = tempfile::tempdir().expect("a folder");
    suite(&Folder::open(folder.path()).expect("opened"));
}

#[test]
fn memory_keeps_bytes_by_their_hash() {
    suite(&Memory::default());
}

#[test]
fn what_a_crash_left_half_written_is_swept_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Folder::open(folder.path()).expect("opened");
    let mut incoming = store.begin().expect("room");
    incoming.write_all(b"half").expect("written");
    std::mem::forget(incoming);
    let left = || std::fs::read_dir(folder.path().join(".incoming")).expect("it").count();
    assert_eq!(left(), 1);
    Folder::open(folder.path()).expect("opened again");
    assert_eq!(left(), 0);
}

//! One suite for every object store: folder, memory, and sealed.

use ringledger::object::sealed::{KeyRing, Rewrapped, Sealed, SiteKey};
use ringledger::object::{ObjectStore, Proved, Stores, folder::Folder, memory::Memory};
use ringledger::recording::ContentHash;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

fn key(digit: char) -> SiteKey {
    SiteKey::parse(&digit.to_string().repeat(64)).expect("a key")
}

fn sealed(folder: &Path, keys: &[char]) -> Sealed {
    Sealed::open(folder, KeyRing(keys.iter().map(|digit| key(*digit)).collect())).expect("opened")
}

/// Bytes of three segments and a bit, none like the other.
fn long() -> Vec<u8> {
    (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn read(store: &dyn ObjectStore, hash: &ContentHash) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    store.open(hash)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn path(folder: &Path, hash: &ContentHash, more: &str) -> PathBuf {
    let name = hash.to_string();
    folder.join(&name[..2]).join(format!("{}{more}", &name[2..]))
}

fn spoil(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).expect("bytes");
    change(&mut bytes);
    std::fs::remove_file(path).expect("gone");
    std::fs::write(path, bytes).expect("written");
}

fn proved(store: &dyn ObjectStore, hash: &ContentHash) -> Proved {
    store.prove(hash, &mut |_| Ok(())).expect("read")
}

#[test]
fn a_sealed_folder_keeps_bytes_by_the_hash_of_the_plain_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    suite(&sealed(folder.path(), &['1']));
}

#[test]
fn any_range_of_sealed_bytes_is_read_without_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sealed(folder.path(), &['1']);
    let bytes = long();
    let (hash, _) = put(&store, &bytes);
    let on_disk = std::fs::read(path(folder.path(), &hash, "")).expect("sealed");
    assert!(!on_disk.windows(16).any(|part| part == &bytes[1000..1016]), "nothing plain is there");
    // A segment that is spoiled is no hindrance for another.
    spoil(&path(folder.path(), &hash, ""), |sealed| sealed[10] ^= 1);
    for (from, count) in [(65_536, 1), (131_071, 2), (70_000, 100_000), (199_999, 1)] {
        let mut object = store.open(&hash).expect("opened");
        object.seek(SeekFrom::Start(from)).expect("sought");
        let mut part = vec![0; count];
        object.read_exact(&mut part).expect("read");
        assert_eq!(part, &bytes[from as usize..from as usize + count]);
    }
    assert!(read(&store, &hash).is_err(), "the spoiled one is");
}

#[test]
fn lengths_around_a_segments_edge_come_back_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sealed(folder.path(), &['1']);
    for count in [0, 1, 65_535, 65_536, 65_537, 131_072] {
        let bytes = &long()[..count];
        let (hash, length) = put(&store, bytes);
        assert_eq!(length, count as u64);
        assert_eq!(read(&store, &hash).expect("read"), bytes, "{count}");
        assert_eq!(proved(&store, &hash), Proved::Sound);
    }
}

#[test]
fn cut_added_moved_and_changed_segments_are_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sealed(folder.path(), &['1']);
    const WHOLE: usize = 65_536 + 16;
    type Spoiling = fn(&mut Vec<u8>);
    let ways: [(&str, Spoiling); 5] = [
        ("the last segment is gone", |sealed| sealed.truncate(3 * WHOLE)),
        ("a byte is gone", |sealed| sealed.truncate(sealed.len() - 1)),
        ("a byte is more", |sealed| sealed.push(0)),
        ("two are exchanged", |sealed| {
            let (one, other) = sealed.split_at_mut(WHOLE);
            one.swap_with_slice(&mut other[..WHOLE]);
        }),
        ("a bit is another", |sealed| sealed[WHOLE + 7] ^= 0x80),
    ];
    for (way, spoiling) in ways {
        let (hash, _) = put(&store, &long());
        spoil(&path(folder.path(), &hash, ""), spoiling);
        assert!(read(&store, &hash).is_err(), "{way}");
        assert!(matches!(proved(&store, &hash), Proved::Changed { .. }), "{way}");
        store.delete(&hash).expect("gone");
    }
}

#[test]
fn another_key_opens_nothing_and_still_proves_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hash, _) = put(&sealed(folder.path(), &['1']), &long());
    for keys in [&['2'][..], &[]] {
        let other = sealed(folder.path(), keys);
        let refused = other.open(&hash).err().map(|error| error.kind());
        assert_eq!(refused, Some(ErrorKind::PermissionDenied));
        assert_eq!(proved(&other, &hash), Proved::Sound, "no key is needed");
    }
    spoil(&path(folder.path(), &hash, ""), |sealed| sealed[100_000] ^= 1);
    assert!(matches!(proved(&sealed(folder.path(), &[]), &hash), Proved::Changed { .. }));
}

#[test]
fn a_key_file_that_is_gone_changed_or_another_objects_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sealed(folder.path(), &['1']);
    let ((one, _), (other, _)) = (put(&store, &long()), put(&store, b"abc"));
    let (own, foreign) = (path(folder.path(), &one, ".key"), path(folder.path(), &other, ".key"));
    let kept = std::fs::read(&own).expect("a key file");
    spoil(&own, |slip| *slip = std::fs::read(&foreign).expect("a key file"));
    assert!(read(&store, &one).is_err());
    assert!(matches!(proved(&store, &one), Proved::Changed { .. }));
    spoil(&own, |slip| {
        *slip = String::from_utf8(kept).expect("text").replace("200000", "199999").into_bytes();
    });
    assert!(read(&store, &one).is_err(), "the length is bound to the key");
    assert!(matches!(proved(&store, &one), Proved::Changed { .. }));
    std::fs::remove_file(&own).expect("gone");
    assert!(read(&store, &one).is_err());
    assert!(matches!(proved(&store, &one), Proved::Changed { .. }));
}

#[test]
fn whoever_rewrites_bytes_and_digest_together_is_seen_with_the_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sealed(folder.path(), &['1']);
    let (hash, _) = put(&store, &long());
    let before = store.sealed_digest(&hash).expect("a digest").to_string();
    spoil(&path(folder.path(), &hash, ""), |sealed| sealed[5] ^= 1);
    let bytes = std::fs::read(path(folder.path(), &hash, "")).expect("bytes");
    let after =
        ringledger::object::hashed(&bytes[..], &mut |_| Ok(())).expect("a hash").to_string();
    spoil(&path(folder.path(), &hash, ".key"), |slip| {
        *slip =
            String::from_utf8(slip.clone()).expect("text").replace(&before, &after).into_bytes();
    });
    assert!(matches!(proved(&store, &hash), Proved::Changed { .. }));
    assert!(read(&store, &hash).is_err());
}

#[test]
fn a_change_of_keys_that_was_killed_half_way_is_finished_and_never_changes_the_sealed_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = sealed(folder.path(), &['1']);
    let hashes: Vec<ContentHash> = (0..6u8).map(|n| put(&old, &[n; 1000]).0).collect();
    let bodies =
        || hashes.iter().map(|hash| std::fs::read(path(folder.path(), hash, "")).expect("it"));
    let before: Vec<Vec<u8>> = bodies().collect();
    let both = sealed(folder.path(), &['2', '1']);
    for hash in &hashes[..3] {
        assert_eq!(both.rewrap(hash).expect("wrapped"), Rewrapped::Now);
    }
    // Killed here: some are under the one key, some under the other, and a half-written file is left.
    std::fs::write(folder.path().join(".incoming/left"), b"{").expect("written");
    let both = sealed(folder.path(), &['2', '1']);
    for (n, hash) in hashes.iter().enumerate() {
        assert_eq!(read(&both, hash).expect("both keys open"), vec![n as u8; 1000]);
    }
    let again: Vec<Rewrapped> =
        hashes.iter().map(|hash| both.rewrap(hash).expect("wrapped")).collect();
    assert_eq!(again[..3], [Rewrapped::Before; 3]);
    assert_eq!(again[3..], [Rewrapped::Now; 3]);
    let new = sealed(folder.path(), &['2']);
    assert!(
        hashes.iter().all(|hash| read(&new, hash).is_ok()),
        "the old key is not needed any more"
    );
    assert!(hashes.iter().all(|hash| read(&old, hash).is_err()));
    assert_eq!(bodies().collect::<Vec<_>>(), before);
}

#[test]
fn a_key_file_left_by_a_crash_before_its_bytes_is_no_object() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = sealed(folder.path(), &['1']);
    let (hash, _) = put(&store, b"abc");
    std::fs::remove_file(path(folder.path(), &hash, "")).expect("gone");
    assert_eq!(store.list().expect("a list"), []);
    assert_eq!(proved(&store, &hash), Proved::Missing);
    assert_eq!(store.rewrap(&hash).err().map(|error| error.kind()), Some(ErrorKind::NotFound));
    put(&store, b"abc");
    assert_eq!(read(&store, &hash).expect("read"), b"abc");
}

#[test]
fn the_same_bytes_at_two_sites_lie_under_two_keys_and_go_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = |name: &str| folder.path().join(name);
    let own = [("one", '1'), ("two", '2')];
    let own = own.map(|(site, digit)| (site.to_owned(), Arc::new(sealed(&root(site), &[digit]))));
    let shared = Arc::new(Folder::open(&root("shared")).expect("opened"));
    let stores = Stores::new(shared, own.into(), root("shared"));
    let put_at = |site: &str| {
        let mut incoming = stores.begin(site).expect("room");
        incoming.write_all(b"abc").expect("written");
        incoming.finish().expect("safe").0
    };
    let hash = put_at("one");
    assert_eq!((put_at("two"), put_at("three")), (hash, hash));
    let bytes = |root: &Path| std::fs::read(path(root, &hash, "")).expect("bytes");
    assert_eq!(bytes(&root("shared")), b"abc", "a site without a key");
    assert_ne!(bytes(&root("one")), bytes(&root("two")));
    assert_eq!(
        stores.shard(hash.0[0]).expect("a list"),
        [(hash, 3)],
        "one object, wherever it lies"
    );
    stores.delete_own("one", &hash).expect("gone");
    stores.shared().delete(&hash).expect("gone");
    let proved = |site: &str| stores.prove(site, &hash, &mut |_| Ok(())).expect("read");
    assert_eq!((proved("one"), proved("two")), (Proved::Missing, Proved::Sound));
    let mut rest = String::new();
    stores.open(&hash).expect("the other's").read_to_string(&mut rest).expect("read");
    assert_eq!(rest, "abc");
    let copy = stores.on_disk(&hash).expect("a private copy");
    let at = copy.path().to_owned();
    assert_eq!(std::fs::read(&at).expect("bytes"), b"abc");
    drop(copy);
    assert!(!at.exists(), "it is gone with whoever wanted it");
    stores.delete(&hash).expect("gone");
    assert_eq!(stores.open(&hash).err().map(|error| error.kind()), Some(ErrorKind::NotFound));
}

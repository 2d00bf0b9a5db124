//! Tells the linker how to keep the program small in memory.

use std::process::Command;

/// The first version of glibc that reads packed relocations.
const PACKED_SINCE: (u32, u32) = (2, 36);

/// Addresses to be set right at the start are a megabyte of table that stays in memory; packed, a
/// tenth of it. Only where this very machine's loader can read that.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let own = std::env::var("HOST").ok() == std::env::var("TARGET").ok();
    if own && glibc().is_some_and(|version| version >= PACKED_SINCE) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's glibc, as in `glibc 2.36`; nothing where there is another library.
fn glibc() -> Option<(u32, u32)> {
    let told = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    let (major, minor) = told.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

//! `ringledger verify`: walks the chain of facts and hashes every recording again.

use super::data::Place;
use super::{Failure, Outcome, progress};
use crate::app::Data;
use crate::object::ObjectStore;
use crate::recording::ContentHash;
use crate::store::sqlite::{recordings, verify};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::{self, Read};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
}

/// Runs the command: the first thing that is wrong is a finding.
///
/// # Errors
/// [`Failure`] when the data cannot be read.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (_, data) = args.place.open()?;
    let bar = progress(0, "facts");
    let walked =
        data.store.read(|connection| verify::walk(connection, |done| bar.set_position(done)))?;
    bar.finish_and_clear();
    let (facts, mut wrong) = match walked {
        Ok(facts) => (facts, None),
        Err(broken) => (0, Some(broken.to_string())),
    };
    let mut count = 0;
    if wrong.is_none() {
        (count, wrong) = objects(&data)?;
    }
    data.store.close();
    let text = wrong
        .clone()
        .unwrap_or_else(|| format!("{facts} facts and {count} recordings are as they were"));
    if json {
        println!("{}", json!({ "facts": facts, "recordings": count, "wrong": wrong }));
    } else {
        println!("{text}");
    }
    Ok(if wrong.is_some() { Outcome::Findings } else { Outcome::Clean })
}

/// Compares rows and objects, and hashes every object again.
fn objects(data: &Data) -> Result<(usize, Option<String>), Failure> {
    let unreadable = |error: io::Error| Failure::CouldNotRun(format!("recordings: {error}"));
    let store = &data.archive.objects;
    let there: BTreeSet<ContentHash> =
        store.list().map_err(unreadable)?.into_iter().map(|(hash, _)| hash).collect();
    let known = data.store.read(recordings::all_hashes)?;
    let bar = progress(known.len() as u64, "recordings");
    for (key, hash) in &known {
        bar.inc(1);
        if !there.contains(hash) {
            return Ok((known.len(), Some(format!("recording {key}: its file {hash} is missing"))));
        }
        let found = hashed(&**store, hash).map_err(unreadable)?;
        if found != *hash {
            let text = format!("recording {key}: hash_changed: its file {hash} now has {found}");
            return Ok((known.len(), Some(text)));
        }
    }
    bar.finish_and_clear();
    let rows: BTreeSet<ContentHash> = known.iter().map(|(_, hash)| *hash).collect();
    let stray = there.difference(&rows).next();
    Ok((known.len(), stray.map(|hash| format!("file {hash} belongs to no recording"))))
}

fn hashed(store: &dyn ObjectStore, hash: &ContentHash) -> io::Result<ContentHash> {
    let mut object = store.open(hash)?;
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = object.read(&mut buffer)?;
        if read == 0 {
            return Ok(ContentHash(sum.finalize().into()));
        }
        sum.update(&buffer[..read]);
    }
}

//! `ringledger verify`: walks the chain of facts and hashes every recording again.

use super::data::Place;
use super::{Failure, Outcome, progress};
use crate::app::Data;
use crate::flow::case;
use crate::object::Proved;
use crate::store::sqlite::objects::{self, Kept, Owner};
use crate::store::sqlite::verify;
use crate::vcon::jws::Signature;
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};

/// Recordings looked up at a time.
const BATCH: usize = 256;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// Check a case folder instead, by its manifest.
    #[arg(long)]
    pub case: Option<PathBuf>,
}

/// Runs the command: the first thing that is wrong is a finding.
///
/// # Errors
/// [`Failure`] when the data cannot be read.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    if let Some(folder) = &args.case {
        return case(args, folder, json);
    }
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
        (count, wrong) = prove(&data)?;
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

/// Compares a case folder with its manifest, and the manifest with its signature.
fn case(args: &Args, folder: &Path, json: bool) -> Result<Outcome, Failure> {
    let config = args.place.config()?;
    let trusted = config.exchange.trusted();
    let trusted =
        trusted.map_err(|(name, why)| Failure::Usage(format!("exchange.{name}: {why}")))?;
    let (files, mut wrong) = case::check(folder).map_err(Failure::CouldNotRun)?;
    let signature = match case::signature(folder, &trusted) {
        Ok(Signature::None) => "not signed".to_owned(),
        Ok(Signature::Unknown) => "signed; no trusted key to check it with".to_owned(),
        Ok(Signature::Verified(name)) => format!("signed by {name}"),
        Ok(Signature::Wrong) => {
            wrong.push(format!("{}: no trusted key signed it", case::MANIFEST));
            "wrong".to_owned()
        }
        Err(why) => {
            wrong.push(why);
            "wrong".to_owned()
        }
    };
    if json {
        println!("{}", json!({ "files": files, "signature": signature, "wrong": wrong }));
    } else if wrong.is_empty() {
        println!("{files} files are as they were; {signature}");
    } else {
        wrong.iter().for_each(|text| println!("{text}"));
    }
    Ok(if wrong.is_empty() { Outcome::Clean } else { Outcome::Findings })
}

/// Compares rows and objects, and hashes every object again. Erased recordings owe no object.
fn prove(data: &Data) -> Result<(usize, Option<String>), Failure> {
    let unreadable = |error: io::Error| Failure::CouldNotRun(format!("recordings: {error}"));
    let (store, names) = (&data.archive.objects, data.store.names());
    let (bar, mut after, mut before, mut count) = (progress(0, "recordings"), 0, 0, 0);
    loop {
        let batch = data.store.read(|rows| objects::kept_after(rows, after, BATCH))?;
        let Some(last) = batch.last().map(|kept| kept.key) else { break };
        for Kept { key, hash, site } in batch {
            // A recording may have an original and an archive rendition.
            count += usize::from(key != before);
            bar.inc(u64::from(key != before));
            before = key;
            let site = names.sites.get(&site).map_or("", String::as_str);
            let wrong = match store.prove(site, &hash, &mut |_| Ok(())).map_err(unreadable)? {
                Proved::Sound => continue,
                Proved::Missing => format!("recording {key}: its file {hash} is missing"),
                Proved::Changed { found } => {
                    format!("recording {key}: hash_changed: its file {hash} now has {found}")
                }
            };
            return Ok((count, Some(wrong)));
        }
        after = last;
    }
    bar.finish_and_clear();
    let sites = data.store.read(objects::sites)?;
    for shard in 0..=u8::MAX {
        for (hash, _) in store.shard(shard).map_err(unreadable)? {
            if data.store.read(|rows| objects::owner(rows, &sites, &hash))? != Owner::Recording {
                return Ok((count, Some(format!("file {hash} belongs to no recording"))));
            }
        }
    }
    Ok((count, None))
}

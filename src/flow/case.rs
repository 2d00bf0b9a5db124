//! A case folder (R73): an entry with its versions, its call, its recordings and what was found,
//! and a manifest with checksums that any machine can check.

use super::answer::{CallAnswer, EntryAnswer};
use super::error::{Error, Kind, Result};
use super::export::{Exchange, Taking};
use crate::audit::RecordingFact;
use crate::party::masked_numbers;
use crate::recording::{ContentHash, State};
use crate::vcon;
use crate::vcon::jws::{self, Signature, Trusted};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The name of the manifest: as `sha256sum --check` reads it.
pub const MANIFEST: &str = "SHA256SUMS";
/// … and of its signature, where a key is set.
pub const SIGNATURE: &str = "SHA256SUMS.jws";

/// Writes the case folder of an entry. Gives the names of its files.
///
/// # Errors
/// [`Kind::Conflict`] when the folder holds something; [`Kind::Unavailable`] when the disk fails.
pub async fn write(
    exchange: &Exchange,
    entry: &EntryAnswer,
    folder: &Path,
    taking: &Taking<'_>,
) -> Result<Vec<String>> {
    let failed =
        |error: io::Error| Error::new(Kind::Unavailable, format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder.join("recordings")).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.count() > 1 {
        let text = format!("{} holds something already; name an empty folder", folder.display());
        return Err(Error::new(Kind::Conflict, text));
    }
    let of = format!("entry {}", entry.fact.entry.entry_id);
    exchange.note(&entry.site.id, of, "export case", taking).await?;
    let call = match entry.call {
        Some(call) => Some(exchange.answers.call(call).await?),
        None => None,
    };
    let mut names = Vec::new();
    let mut recordings = Vec::new();
    for fact in call.iter().flat_map(|call| &call.recordings).chain(&entry.recording) {
        let name = sound(exchange, fact, folder).await?;
        recordings.push(described(exchange, fact, name.as_deref(), taking).await?);
        names.extend(name);
    }
    let case = case(exchange, entry, call.as_ref(), recordings, taking).await?;
    let text = serde_json::to_string_pretty(&case).unwrap_or_default();
    fs::write(folder.join("case.json"), text + "\n").map_err(failed)?;
    names.push("case.json".to_owned());
    names.sort();
    let manifest = manifest(folder, &names).map_err(failed)?;
    fs::write(folder.join(MANIFEST), &manifest).map_err(failed)?;
    if let Some(signer) = &exchange.signer {
        let document = json!({ "manifest": manifest });
        let id = vcon::uuid(taking.at, &exchange.domain, &entry.fact.entry.entry_id);
        let signed = signer.sign(&document, &id);
        let signed = signed.map_err(|why| Error::new(Kind::Internal, why))?;
        fs::write(folder.join(SIGNATURE), signed.to_string() + "\n").map_err(failed)?;
    }
    Ok(names)
}

/// Writes a recording's bytes as they came, or as the archive keeps them. None where it was erased.
async fn sound(exchange: &Exchange, fact: &RecordingFact, folder: &Path) -> Result<Option<String>> {
    let Some(bytes) = exchange.bytes(fact).await? else { return Ok(None) };
    let name = fact.recording.sound_name();
    let extension = Path::new(&name).extension().map(|text| text.to_string_lossy());
    let extension = extension.filter(|text| text.chars().all(|c| c.is_ascii_alphanumeric()));
    // The name it came with may hold a number; its hash never does.
    let stem = fact.recording.sound_hash().to_string();
    let name = format!("recordings/{stem}.{}", extension.as_deref().unwrap_or("bin"));
    let path = folder.join(&name);
    let written = tokio::task::spawn_blocking(move || fs::write(path, bytes)).await;
    let written = written.map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
    written.map_err(|error| Error::new(Kind::Unavailable, format!("{name}: {error}")))?;
    Ok(Some(name))
}

async fn described(
    exchange: &Exchange,
    fact: &RecordingFact,
    file: Option<&str>,
    taking: &Taking<'_>,
) -> Result<Value> {
    let recording = &fact.recording;
    let name = &recording.hints.name;
    let name = if taking.masked { masked_numbers(name) } else { name.clone() };
    let tombstone = match recording.state {
        State::Erased => exchange.answers.tombstone(fact.key).await?,
        _ => None,
    };
    Ok(json!({
        "file": file, "name": name, "sha256": recording.hash, "bytes": recording.bytes,
        "arrived_at": recording.arrived_at, "starts_at": recording.hints.starts_at,
        "state": recording.state, "measures": recording.measures, "tombstone": tombstone,
        "archived": recording.archived,
    }))
}

async fn case(
    exchange: &Exchange,
    entry: &EntryAnswer,
    call: Option<&CallAnswer>,
    recordings: Vec<Value>,
    taking: &Taking<'_>,
) -> Result<Value> {
    let versions: Vec<Value> = entry
        .written
        .iter()
        .map(|version| {
            let mut body = serde_json::to_value(&version.entry).unwrap_or_default();
            if taking.masked {
                vcon::mask(&mut body, &version.entry);
            }
            json!({ "version": version.version, "who": version.who, "at": version.at, "entry": body })
        })
        .collect();
    let call = call.map(|call| {
        let told = &call.fact.call;
        let party = told.outside_party().map(|number| {
            if taking.masked { number.masked() } else { number.exposed().to_owned() }
        });
        json!({
            "call_id": told.call_id, "direction": told.direction, "party": party,
            "offered_at": told.offered_at, "alerting": told.alerting, "answered": told.answered,
            "joined": told.joined, "ended_at": told.ended_at, "answered_by": told.answered_by,
            "verdict": told.verdict, "cause": told.cause, "timeline": told.timeline,
            "findings": call.findings,
        })
    });
    Ok(json!({
        "format": "ringledger case 1",
        "site": entry.site.id,
        "exported_at": taking.at,
        "exported_by": taking.who,
        "why": taking.why,
        "numbers": if taking.masked { "masked" } else { "whole" },
        "entry": { "entry_id": entry.fact.entry.entry_id, "versions": versions },
        "link": entry.link,
        "findings": entry.findings,
        "call": call,
        "recordings": recordings,
        // Where the chain of facts stood: who keeps this can show later that nothing was rewritten.
        "chain": exchange.answers.chain(&entry.site.id).await?,
    }))
}

fn manifest(folder: &Path, names: &[String]) -> io::Result<String> {
    let mut manifest = String::new();
    for name in names {
        let digest = ContentHash(Sha256::digest(fs::read(folder.join(name))?).into());
        manifest.push_str(&format!("{digest}  {name}\n"));
    }
    Ok(manifest)
}

/// What is wrong with a case folder, file by file; nothing when all is as it was.
///
/// # Errors
/// When there is no manifest, or it cannot be read.
pub fn check(folder: &Path) -> std::result::Result<(usize, Vec<String>), String> {
    let path = folder.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut known = BTreeSet::new();
    let mut wrong = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{MANIFEST}, line {}", number + 1);
        let Some((digest, name)) = line.split_once("  ") else {
            return Err(format!("{place}: is no checksum and name"));
        };
        let digest: ContentHash = digest.parse().map_err(|why| format!("{place}: {why}"))?;
        if name.starts_with('/') || name.split('/').any(|part| part == "..") {
            return Err(format!("{place}: `{name}` lies outside of the folder"));
        }
        known.insert(PathBuf::from(name));
        match fs::read(folder.join(name)) {
            Ok(bytes) if ContentHash(Sha256::digest(&bytes).into()) == digest => {}
            Ok(_) => wrong.push(format!("{name}: was changed")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                wrong.push(format!("{name}: is missing"));
            }
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    let mut there = Vec::new();
    files(folder, Path::new(""), &mut there).map_err(|error| error.to_string())?;
    let own = |name: &PathBuf| name.as_os_str() == MANIFEST || name.as_os_str() == SIGNATURE;
    for name in there.into_iter().filter(|name| !own(name) && !known.contains(name)) {
        wrong.push(format!("{}: is not in the manifest", name.display()));
    }
    Ok((known.len(), wrong))
}

/// What is known of the manifest's signature.
///
/// # Errors
/// When the signed form cannot be read, or speaks of another manifest.
pub fn signature(folder: &Path, trusted: &[Trusted]) -> std::result::Result<Signature, String> {
    let text = match fs::read_to_string(folder.join(SIGNATURE)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Signature::None),
        Err(error) => return Err(format!("{SIGNATURE}: {error}")),
    };
    let broken = |why: String| format!("{SIGNATURE}: {why}");
    let document = serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
    let (document, signature) = jws::opened(document, trusted).map_err(broken)?;
    let manifest = fs::read_to_string(folder.join(MANIFEST)).map_err(|e| broken(e.to_string()))?;
    if document["manifest"] != manifest.as_str() {
        return Err(format!("{MANIFEST}: was changed after it was signed"));
    }
    Ok(signature)
}

fn files(root: &Path, inside: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(inside))? {
        let entry = entry?;
        let name = inside.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            files(root, &name, found)?;
        } else {
            found.push(name);
        }
    }
    found.sort();
    Ok(())
}

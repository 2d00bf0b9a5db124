//! `ringledger repair`: copies of WAV files with heads that are true.

use super::{Failure, Outcome};
use crate::audio::repair::{self, Repair, repair};
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Arguments of `repair`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 every file is whole, or has a repaired copy now; 1 one is neither; \
                  2 usage; 3 a file cannot be read, or a copy cannot be written."
)]
pub struct Args {
    /// Files, or folders of files.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The folder for the copies, under the names of the originals. What is there is never written
    /// over.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// One file as it is printed.
#[derive(Serialize)]
struct Row {
    file: String,
    /// The copy, where one was written.
    copy: Option<String>,
    #[serde(flatten)]
    repair: Repair,
}

/// Runs the command. A file that no copy can be made of is a finding.
///
/// # Errors
/// [`Failure::Usage`] without a folder for the copies; [`Failure::CouldNotRun`] when a file cannot
/// be read or a copy cannot be written; the others are repaired all the same.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    if !args.out.is_dir() {
        let out = args.out.display();
        return Err(Failure::Usage(format!("--out {out}: is no folder; make it first")));
    }
    let (mut files, mut failed, mut outcome) = (Vec::new(), Vec::new(), Outcome::Clean);
    for path in &args.files {
        if let Err(error) = super::listen::gather(path, &mut files) {
            failed.push(format!("{}: {error}", path.display()));
        }
    }
    for file in files {
        match one(&file, &args.out) {
            Ok(row) => {
                if matches!(row.repair.outcome, repair::Outcome::NotRepairable { .. }) {
                    outcome = Outcome::Findings;
                }
                print(&row, json).map_err(|error| Failure::CouldNotRun(error.to_string()))?;
            }
            Err(error) => failed.push(format!("{}: {error}", file.display())),
        }
    }
    if failed.is_empty() { Ok(outcome) } else { Err(Failure::CouldNotRun(failed.join("\n"))) }
}

/// A copy has its name once all of it is on the disk.
fn one(file: &Path, out: &Path) -> io::Result<Row> {
    let name = file.file_name().ok_or_else(|| io::Error::other("has no name"))?;
    let target = out.join(name);
    let mut copy = tempfile::NamedTempFile::new_in(out)?;
    let mut buffered = io::BufWriter::new(copy.as_file_mut());
    let repair = repair(file, &mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    let repaired = matches!(repair.outcome, repair::Outcome::Repaired { .. });
    if repaired {
        copy.as_file().sync_all()?;
        copy.persist_noclobber(&target).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => {
                let text = format!("{} is there already; name another folder", target.display());
                io::Error::new(io::ErrorKind::AlreadyExists, text)
            }
            _ => error.error,
        })?;
    }
    let copy = repaired.then(|| target.display().to_string());
    Ok(Row { file: file.display().to_string(), copy, repair })
}

fn print(row: &Row, json: bool) -> io::Result<()> {
    let mut out = io::stdout();
    if json {
        return writeln!(out, "{}", serde_json::to_string(row)?);
    }
    let file = &row.file;
    match &row.repair.outcome {
        repair::Outcome::Whole => writeln!(out, "{file}  whole"),
        repair::Outcome::NotRepairable { why } => writeln!(out, "{file}  not repairable ({why})"),
        repair::Outcome::Repaired { why, sound_bytes, cut_bytes, .. } => {
            let copy = row.copy.as_deref().unwrap_or_default();
            let cut = match cut_bytes {
                0 => String::new(),
                count => format!(", {count} bytes of a broken last sample left out"),
            };
            writeln!(out, "{file}  -> {copy}  {sound_bytes} bytes of sound{cut} ({why})")
        }
    }
}

//! `ringledger listen`: measures audio files.

use super::{Failure, Outcome, progress};
use crate::audio;
use crate::audio::child::{self, Limits};
use crate::recording::{Measures, SoundClass};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Arguments of `listen`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, or folders of files.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Decode here, and print nothing but the measures: what the daemon's children do.
    #[arg(long, hide = true)]
    pub in_process: bool,
    /// Memory that decoding one file may use.
    #[arg(long, default_value_t = 256)]
    pub memory_mib: u64,
    /// The name it came with, whose ending tells what it is.
    #[arg(long, hide = true, default_value = "")]
    pub name: String,
    /// Time that decoding one file may take.
    #[arg(long, default_value_t = 300)]
    pub time_s: u64,
}

/// Runs the command. Files that are not as they should be are findings.
///
/// # Errors
/// [`Failure::CouldNotRun`] when a file cannot be read.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    if args.in_process {
        return alone(args);
    }
    let program = std::env::current_exe()
        .map_err(|error| Failure::CouldNotRun(format!("own program not found: {error}")))?;
    let limits = Limits { program, memory_mib_max: args.memory_mib, time_s_max: args.time_s };
    let mut files = Vec::new();
    for path in &args.files {
        gather(path, &mut files).map_err(|error| unreadable(path, &error))?;
    }
    let bar = progress(files.len() as u64, "listening");
    let mut outcome = Outcome::Clean;
    for path in &files {
        let measures = child::listen(path, &limits).map_err(|error| unreadable(path, &error))?;
        let (digest, bytes) = digest(path).map_err(|error| unreadable(path, &error))?;
        if measures.class != SoundClass::Ok {
            outcome = Outcome::Findings;
        }
        bar.suspend(|| {
            if json {
                println!("{}", as_json(path, &digest, bytes, &measures));
            } else {
                println!("{}", as_text(path, &measures));
            }
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(outcome)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::CouldNotRun(format!("{} cannot be read: {error}", path.display()))
}

/// One file in this process, with limits that the process cannot lift again.
fn alone(args: &Args) -> Result<Outcome, Failure> {
    let failed = |error: std::io::Error| Failure::CouldNotRun(format!("no limits: {error}"));
    let memory = args.memory_mib.saturating_mul(1 << 20);
    rlimit::Resource::AS.set(memory, memory).map_err(failed)?;
    rlimit::Resource::CPU.set(args.time_s, args.time_s).map_err(failed)?;
    let path = &args.files[0];
    let name = if args.name.is_empty() { path.as_path() } else { Path::new(&args.name) };
    let measures = audio::listen(path, name).map_err(|error| unreadable(path, &error))?;
    let text = serde_json::to_string(&measures)
        .map_err(|error| Failure::CouldNotRun(error.to_string()))?;
    println!("{text}");
    Ok(Outcome::Clean)
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !std::fs::metadata(path)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut inside: Vec<PathBuf> =
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    inside.sort();
    inside.iter().try_for_each(|path| gather(path, files))
}

fn digest(path: &Path) -> std::io::Result<(String, u64)> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            let hex = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok((hex, bytes));
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}

fn as_json(path: &Path, digest: &str, bytes: u64, measures: &Measures) -> Value {
    let mut all = json!({ "file": path.display().to_string(), "sha256": digest, "bytes": bytes });
    if let (Some(all), Ok(Value::Object(fields))) =
        (all.as_object_mut(), serde_json::to_value(measures))
    {
        all.extend(fields);
    }
    all
}

fn as_text(path: &Path, measures: &Measures) -> String {
    let class = serde_json::to_value(measures.class).unwrap_or_default();
    let why = measures.why.as_ref().map_or(String::new(), |why| format!(" ({why})"));
    format!(
        "{}  {:.2} s  {} Hz x{}  {:.1} dBFS  silence {:.0} %  {}{why}",
        path.display(),
        measures.duration_s,
        measures.sample_rate_hz,
        measures.channels,
        measures.level_dbfs,
        measures.silence_share * 100.0,
        class.as_str().unwrap_or_default(),
    )
}

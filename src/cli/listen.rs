//! `ringledger listen`: measures audio files.

use super::{Failure, Outcome, progress};
use crate::audio::Heard;
use crate::audio::child::{self, Limits, Listeners, Task};
use crate::call::{Cadence, Ringback};
use crate::recording::{Measures, SoundClass};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Arguments of `listen`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, or folders of files.
    #[arg(required_unless_present = "in_process")]
    pub files: Vec<PathBuf>,
    /// Country whose ringback tone is listened for, as in config/cadences.toml.
    #[arg(long, default_value = "cn")]
    pub cadence: String,
    /// Print a table of comma-separated values.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Files listened to at a time; 0 for as many as there are processors.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Memory that decoding one file may use.
    #[arg(long, default_value_t = 256)]
    pub memory_mib: u64,
    /// Time that decoding one file may take.
    #[arg(long, default_value_t = 300)]
    pub time_s: u64,
    /// Take tasks from the standard input: what the children do.
    #[arg(long, hide = true)]
    pub in_process: bool,
}

/// Runs the command. Files that are not as they should be are findings.
///
/// # Errors
/// [`Failure::CouldNotRun`] when a file cannot be read; the others are measured all the same.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    if args.in_process {
        return serve(args);
    }
    known(&args.cadence)?;
    let mut files = Vec::new();
    let mut unread = Vec::new();
    for path in &args.files {
        if let Err(error) = gather(path, &mut files) {
            unread.push(unreadable(path, &error));
        }
    }
    let mut printer = Printer::new(args, json);
    listen(args, &files, &mut |path, heard| match heard {
        Ok(heard) => printer.print(path, &heard),
        Err(error) => {
            unread.push(unreadable(path, &error));
            Ok(())
        }
    })?;
    printer.finish()?;
    match unread.is_empty() {
        true if printer.findings => Ok(Outcome::Findings),
        true => Ok(Outcome::Clean),
        false => Err(Failure::CouldNotRun(unread.join("\n"))),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}

fn known(cadence: &str) -> Result<(), Failure> {
    if Ringback::of(cadence).is_some() {
        return Ok(());
    }
    let known: Vec<_> = Cadence::countries().filter(|key| Ringback::of(key).is_some()).collect();
    let known = known.join(" ");
    Err(Failure::Usage(format!("no ringback tone is known for `{cadence}`; there are {known}")))
}

/// Tasks in this process, within limits that it cannot lift again.
fn serve(args: &Args) -> Result<Outcome, Failure> {
    let failed = |error: io::Error| Failure::CouldNotRun(error.to_string());
    let memory = args.memory_mib.saturating_mul(1 << 20);
    rlimit::Resource::AS.set(memory, memory).map_err(failed)?;
    child::serve(io::stdin().lock(), io::stdout().lock(), args.time_s).map_err(failed)?;
    Ok(Outcome::Clean)
}

/// The files of a folder and of those inside it, by name.
pub(super) fn gather(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !std::fs::metadata(path)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut inside: Vec<PathBuf> =
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    inside.sort();
    inside.iter().try_for_each(|path| gather(path, files))
}

type Hearing = (usize, io::Result<Heard>);

/// Listens to files, several at a time, and hands them on in their order.
fn listen(
    args: &Args,
    files: &[PathBuf],
    each: &mut dyn FnMut(&Path, io::Result<Heard>) -> io::Result<()>,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::CouldNotRun(error.to_string());
    let program = std::env::current_exe().map_err(failed)?;
    let limits = Limits { program, memory_mib_max: args.memory_mib, time_s_max: args.time_s };
    let listeners = Listeners::new(limits);
    let threads = match args.threads {
        0 => std::thread::available_parallelism().map_or(1, |count| count.get()),
        count => count,
    };
    let next = AtomicUsize::new(0);
    let bar = progress(files.len() as u64, "listening");
    let (sender, heard) = mpsc::channel::<Hearing>();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(files.len()) {
            let (sender, listeners, next) = (sender.clone(), &listeners, &next);
            scope.spawn(move || {
                while let at = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(path) = files.get(at)
                {
                    let name = path.to_string_lossy();
                    let heard = listeners.listen(&Task::listen(path, &name, &args.cadence));
                    if sender.send((at, heard)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let printed = in_order(heard, |at, heard| {
            bar.inc(1);
            bar.suspend(|| each(&files[at], heard))
        });
        // Nobody listens any more: those at work finish their file and end.
        next.fetch_max(files.len(), Ordering::Relaxed);
        printed
    })
    .map_err(failed)?;
    bar.finish_and_clear();
    Ok(())
}

/// Hands on what comes in any order by its place.
fn in_order(
    heard: mpsc::Receiver<Hearing>,
    mut each: impl FnMut(usize, io::Result<Heard>) -> io::Result<()>,
) -> io::Result<()> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (at, one) in heard {
        early.insert(at, one);
        while let Some(one) = early.remove(&next) {
            each(next, one)?;
            next += 1;
        }
    }
    Ok(())
}

/// One file as it is printed.
#[derive(Serialize)]
struct Row<'a> {
    file: String,
    #[serde(flatten)]
    heard: &'a Heard,
}

enum Form {
    Text,
    Json,
    Csv(Box<csv::Writer<io::Stdout>>),
}

struct Printer {
    form: Form,
    findings: bool,
}

impl Printer {
    fn new(args: &Args, json: bool) -> Self {
        let form = match (json, args.csv) {
            (true, _) => Form::Json,
            (_, true) => Form::Csv(Box::new(csv::Writer::from_writer(io::stdout()))),
            _ => Form::Text,
        };
        Self { form, findings: false }
    }

    fn print(&mut self, path: &Path, heard: &Heard) -> io::Result<()> {
        self.findings |= heard.measures.class != SoundClass::Ok;
        let file = path.display().to_string();
        match &mut self.form {
            Form::Text => writeln!(io::stdout(), "{}", as_text(&file, &heard.measures)),
            Form::Json => {
                let row = serde_json::to_string(&Row { file, heard })?;
                writeln!(io::stdout(), "{row}")
            }
            Form::Csv(writer) => {
                writer.serialize(table_row(file, heard)).map_err(io::Error::other)?;
                writer.flush()
            }
        }
    }

    fn finish(&mut self) -> Result<(), Failure> {
        match &mut self.form {
            Form::Csv(writer) => {
                writer.flush().map_err(|error| Failure::CouldNotRun(error.to_string()))
            }
            _ => Ok(()),
        }
    }
}

/// The columns of a table; lists are joined by semicolons, rings as start+length.
#[derive(Serialize)]
struct TableRow {
    file: String,
    sha256: String,
    bytes: u64,
    container: String,
    codec: String,
    channels: u16,
    sample_rate_hz: u32,
    duration_s: f64,
    loudness_lufs: Option<f64>,
    peak_dbfs: Option<f64>,
    clipped_share: f64,
    speech_share: String,
    longest_silence_s: f64,
    talk_over_share: f64,
    rings_heard: String,
    class: SoundClass,
    why: Option<String>,
}

fn table_row(file: String, heard: &Heard) -> TableRow {
    let measures = heard.measures.clone();
    let joined = |parts: Vec<String>| parts.join(";");
    let rings = measures.rings_heard.iter();
    TableRow {
        file,
        sha256: heard.sha256.to_string(),
        bytes: heard.bytes,
        container: measures.container,
        codec: measures.codec,
        channels: measures.channels,
        sample_rate_hz: measures.sample_rate_hz,
        duration_s: measures.duration_s,
        loudness_lufs: measures.loudness_lufs,
        peak_dbfs: measures.peak_dbfs,
        clipped_share: measures.clipped_share,
        speech_share: joined(measures.speech_share.iter().map(f64::to_string).collect()),
        longest_silence_s: measures.longest_silence_s,
        talk_over_share: measures.talk_over_share,
        rings_heard: joined(rings.map(|r| format!("{}+{}", r.start_s, r.length_s)).collect()),
        class: measures.class,
        why: measures.why,
    }
}

fn as_text(file: &str, measures: &Measures) -> String {
    let class = serde_json::to_value(measures.class).unwrap_or_default();
    let why = measures.why.as_ref().map_or(String::new(), |why| format!(" ({why})"));
    let level = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.1}"));
    let speech = measures.speech_share.iter().map(|share| format!("{:.0}", share * 100.0));
    format!(
        "{file}  {} {}  {:.2} s  {} Hz x{}  {} LUFS  peak {} dBFS  speech {} %  rings {}  {}{why}",
        measures.container,
        measures.codec,
        measures.duration_s,
        measures.sample_rate_hz,
        measures.channels,
        level(measures.loudness_lufs),
        level(measures.peak_dbfs),
        speech.collect::<Vec<_>>().join("/"),
        measures.rings_heard.len(),
        class.as_str().unwrap_or_default(),
    )
}

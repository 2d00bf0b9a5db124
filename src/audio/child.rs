//! Listening in child processes with limits: a hostile or broken file ends a child, never the
//! daemon, and costs no other file its turn.
//!
//! A child reads tasks as lines of JSON and answers each with one. It serves many files, so that
//! short ones are not outweighed by the start of a process.

use super::Heard;
use super::flac::{self, Made};
use super::hashed::Hashed;
use crate::call::Ringback;
use crate::recording::listen::{Listener, Shape};
use crate::recording::{ContentHash, SoundClass};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// What a child may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The program that listens: our own.
    pub program: PathBuf,
    pub memory_mib_max: u64,
    /// For one file.
    pub time_s_max: u64,
}

/// What a child is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// Bytes of the path: not every path is text.
    path: Vec<u8>,
    /// The name it came with, whose ending tells what it is.
    name: String,
    work: Work,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Work {
    /// Country whose rings are listened for.
    Listen { cadence: String },
    /// Where to write what browsers play.
    Render { target: Vec<u8> },
    /// Where to write what the archive keeps, and the digest of the original.
    Archive { target: Vec<u8>, original: ContentHash },
}

fn bytes_of(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_owned()
}

fn path_of(bytes: &[u8]) -> PathBuf {
    std::ffi::OsString::from_vec(bytes.to_owned()).into()
}

impl Task {
    fn new(path: &Path, name: &str, work: Work) -> Self {
        Self { path: bytes_of(path), name: name.to_owned(), work }
    }

    /// To hash and measure a file that came under a name, and to listen for the rings of a country.
    pub fn listen(path: &Path, name: &str, cadence: &str) -> Self {
        Self::new(path, name, Work::Listen { cadence: cadence.to_owned() })
    }

    /// To write a file as one that every browser plays.
    pub fn render(path: &Path, name: &str, target: &Path) -> Self {
        Self::new(path, name, Work::Render { target: bytes_of(target) })
    }

    /// To write a file as the archive keeps it; `original` is its digest.
    pub fn archive(path: &Path, name: &str, original: ContentHash, target: &Path) -> Self {
        Self::new(path, name, Work::Archive { target: bytes_of(target), original })
    }

    /// Does it, in this process.
    fn run(&self) -> io::Result<Done> {
        let (path, name) = (path_of(&self.path), Path::new(&self.name));
        match &self.work {
            Work::Listen { cadence } => {
                let ringback = Ringback::of(cadence);
                super::listen(&path, name, ringback.as_ref()).map(Done::Heard)
            }
            Work::Render { target } => {
                super::rendition(&path, name, File::create(path_of(target))?)?;
                Ok(Done::Rendered)
            }
            Work::Archive { target, original } => {
                flac::write(&path, name, original, &path_of(target)).map(Done::Archived)
            }
        }
    }
}

/// What came of a task.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Done {
    Heard(Heard),
    Rendered,
    Archived(Made),
}

/// What a child says: what came of it, or why it could not read or write.
type Answer = Result<Done, String>;

/// Longest line of a child, in bytes.
const LINE_MAX: u64 = 1 << 20;
/// How much longer than a child's own clock its parent waits.
const GRACE: Duration = Duration::from_secs(5);

/// Serves tasks in this process until there are none left: what a child does. A task that takes too
/// long ends the process.
///
/// # Errors
/// When the pipes break.
pub fn serve(input: impl BufRead, mut output: impl Write, time_s_max: u64) -> io::Result<()> {
    let (ticks, watched) = mpsc::channel::<()>();
    std::thread::spawn(move || watch(&watched, Duration::from_secs(time_s_max)));
    let closed = |_| io::Error::other("the clock stopped");
    for line in input.lines() {
        let task: Task = serde_json::from_str(&line?)?;
        ticks.send(()).map_err(closed)?;
        let answer: Answer = task.run().map_err(|error| error.to_string());
        ticks.send(()).map_err(closed)?;
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
    Ok(())
}

/// One tick begins a task, the next ends it.
fn watch(ticks: &Receiver<()>, time_max: Duration) {
    while ticks.recv().is_ok() {
        if ticks.recv_timeout(time_max) == Err(RecvTimeoutError::Timeout) {
            std::process::exit(1);
        }
    }
}

/// Children that listen, as many as there are callers at a time.
#[derive(Debug)]
pub struct Listeners {
    limits: Limits,
    idle: Mutex<Vec<Worker>>,
}

impl Listeners {
    /// No child is started before it is needed.
    pub fn new(limits: Limits) -> Self {
        Self { limits, idle: Mutex::default() }
    }

    /// Hashes and measures a file. A child that dies or takes too long says that the file cannot be
    /// decoded.
    ///
    /// # Errors
    /// When the file cannot be read, or no child can be started.
    pub fn listen(&self, task: &Task) -> io::Result<Heard> {
        match self.ask(task)? {
            Ok(Ok(Done::Heard(heard))) => Ok(heard),
            Ok(Ok(_)) => Err(io::Error::other("the child measured nothing")),
            Ok(Err(why)) => Err(io::Error::other(why)),
            Err(why) => gave_up(&path_of(&task.path), why),
        }
    }

    /// Writes what browsers play.
    ///
    /// # Errors
    /// When the file cannot be decoded or written.
    pub fn render(&self, task: &Task) -> io::Result<()> {
        self.written(task).map(drop)
    }

    /// Writes what the archive keeps. Gives the digest of what was read, and how it was made.
    ///
    /// # Errors
    /// When the file cannot be decoded or written, or does not come back the same.
    pub fn archive(&self, task: &Task) -> io::Result<Made> {
        match self.written(task)? {
            Done::Archived(made) => Ok(made),
            _ => Err(io::Error::other("the child archived nothing")),
        }
    }

    fn written(&self, task: &Task) -> io::Result<Done> {
        self.ask(task)?.map_err(io::Error::other)?.map_err(io::Error::other)
    }

    /// Ends the children that have nothing to do.
    pub fn rest(&self) {
        if let Ok(mut idle) = self.idle.lock() {
            idle.clear();
        }
    }

    /// Asks a child; a fresh one where one that has served before fails, so that no file pays for
    /// those before it.
    fn ask(&self, task: &Task) -> io::Result<Result<Answer, &'static str>> {
        let known = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let used = known.is_some();
        let mut worker = known.map_or_else(|| Worker::start(&self.limits), Ok)?;
        let mut answer = worker.ask(task, self.limits.time_s_max);
        if answer == Err(DIED) && used {
            worker = Worker::start(&self.limits)?;
            answer = worker.ask(task, self.limits.time_s_max);
        }
        if answer.is_ok()
            && let Ok(mut idle) = self.idle.lock()
        {
            idle.push(worker);
        }
        Ok(answer)
    }
}

const DIED: &str = "the decoder died";
const TOO_LONG: &str = "decoding took too long";

/// One child. Dropped, it is ended.
#[derive(Debug)]
struct Worker {
    child: Child,
    tasks: ChildStdin,
    answers: Receiver<Vec<u8>>,
}

impl Worker {
    fn start(limits: &Limits) -> io::Result<Self> {
        let mut child = Command::new(&limits.program)
            .args(["listen", "--in-process"])
            .args(["--memory-mib", &limits.memory_mib_max.to_string()])
            .args(["--time-s", &limits.time_s_max.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (tasks, output) = pipes.ok_or_else(|| io::Error::other("a child without pipes"))?;
        let (sender, answers) = mpsc::channel();
        // In a thread of its own, so that a child that never answers cannot hold us.
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut line = Vec::new();
                let read = output.by_ref().take(LINE_MAX).read_until(b'\n', &mut line);
                if read.is_err() || line.last() != Some(&b'\n') || sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, tasks, answers })
    }

    fn ask(&mut self, task: &Task, time_s_max: u64) -> Result<Answer, &'static str> {
        let mut line = serde_json::to_vec(task).map_err(|_| DIED)?;
        line.push(b'\n');
        self.tasks.write_all(&line).map_err(|_| DIED)?;
        match self.answers.recv_timeout(Duration::from_secs(time_s_max) + GRACE) {
            Ok(line) => serde_json::from_slice(&line).map_err(|_| DIED),
            Err(RecvTimeoutError::Timeout) => Err(TOO_LONG),
            Err(RecvTimeoutError::Disconnected) => match self.child.wait() {
                Ok(status) if status.code() == Some(1) => Err(TOO_LONG),
                _ => Err(DIED),
            },
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            tracing::debug!(%error, "a listening child");
        }
    }
}

/// What is said of a file that no child came through with.
fn gave_up(path: &Path, why: &str) -> io::Result<Heard> {
    let (sha256, bytes) = Hashed::open(path)?.finish()?;
    let mut measures = Listener::new(Shape::new(1, 8000), None).finish();
    (measures.channels, measures.sample_rate_hz) = (0, 0);
    (measures.class, measures.why) = (SoundClass::Undecodable, Some(why.to_owned()));
    Ok(Heard { sha256, bytes, measures })
}

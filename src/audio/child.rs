//! Listening in a child process with limits: a hostile or broken file ends the child, never the
//! daemon.

use crate::recording::listen::Listener;
use crate::recording::{Measures, SoundClass};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What a child may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The program that listens: our own.
    pub program: PathBuf,
    pub memory_mib_max: u64,
    pub time_s_max: u64,
}

/// Longest answer of a child, in bytes.
const ANSWER_MAX: u64 = 1 << 20;
/// How often a child is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Measures a file in a child process. A child that dies or takes too long says that the file
/// cannot be decoded.
///
/// # Errors
/// When no child can be started.
pub fn listen(path: &Path, limits: &Limits) -> io::Result<Measures> {
    listen_as(path, "", limits)
}

/// As [`listen`], for a file that is kept under another name than the one it came with.
///
/// # Errors
/// As [`listen`].
pub fn listen_as(path: &Path, name: &str, limits: &Limits) -> io::Result<Measures> {
    let mut child = Command::new(&limits.program)
        .args(["listen", "--json", "--in-process"])
        .args(["--memory-mib", &limits.memory_mib_max.to_string()])
        .args(["--time-s", &limits.time_s_max.to_string()])
        .arg(format!("--name={name}"))
        .arg("--")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let answer = read_answer(&mut child);
    let ended = wait(&mut child, limits.time_s_max)?;
    let answer = answer.join().unwrap_or_default();
    match serde_json::from_slice(&answer) {
        Ok(measures) if ended => Ok(measures),
        _ => Ok(gave_up(if ended { "the decoder died" } else { "decoding took too long" })),
    }
}

/// Reads in a thread of its own, so that a child that never ends cannot hold us.
fn read_answer(child: &mut Child) -> std::thread::JoinHandle<Vec<u8>> {
    let output = child.stdout.take();
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        if let Some(output) = output
            && let Err(error) = output.take(ANSWER_MAX).read_to_end(&mut answer)
        {
            tracing::debug!(%error, "a listening child's answer");
        }
        answer
    })
}

/// Waits for a child; one that takes too long is killed. Says whether it ended by itself.
fn wait(child: &mut Child, time_s_max: u64) -> io::Result<bool> {
    let looks = Duration::from_secs(time_s_max).as_millis() / LOOK_EVERY.as_millis();
    for _ in 0..looks {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

fn gave_up(why: &str) -> Measures {
    let mut measures = Listener::new(1, 8000).finish("", "");
    (measures.class, measures.why) = (SoundClass::Undecodable, Some(why.to_owned()));
    measures
}

//! One daemon as people run it: the real program, on a free port, with a folder of its own; gone at the end.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_ringledger");

/// A running daemon.
pub struct House {
    pub child: Child,
    pub address: String,
}

impl House {
    /// Starts a daemon on the data of a folder.
    pub fn start(folder: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(folder.join("data"))
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("its first line");
        let address = line.trim().strip_prefix("ringledger ready on http://").map(str::to_owned);
        Self { child, address: address.unwrap_or_else(|| panic!("not ready: {line:?}")) }
    }

    /// One request; status and body.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        head: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, Vec<u8>) {
        ask(&self.address, method, path, head, body).expect("an answer")
    }

    /// Posts a delivery of the generic source; its status.
    pub fn deliver(&self, body: &str) -> u16 {
        self.ask("POST", "/hook/generic", &[("content-type", "application/json")], body.as_bytes())
            .0
    }

    /// Tells it to stop and waits until it has.
    pub fn stop(mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().expect("a signal");
        self.child.wait().expect("an end")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One request on a connection of its own.
pub fn ask(
    address: &str,
    method: &str,
    path: &str,
    head: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in head {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(request.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(|| std::io::Error::other("no answer"))?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer[end + 4..].to_vec();
    let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunked(&body) } else { body };
    Ok((status.ok_or_else(|| std::io::Error::other("no status"))?, body))
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    body
}

/// Runs a command; exit code and output.
pub fn run(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(PROGRAM).args(arguments).output().expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), text + &wrong)
}

/// Waits until something is so; fails with what it waited for when it never is.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

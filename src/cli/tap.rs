//! `ringledger tap`: deliveries as they come, each field with what it became.

use super::daemon::Daemon;
use super::data::Place;
use super::{Failure, Outcome};
use http_body_util::BodyExt;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};

/// Arguments of `tap`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// Only those of this source.
    #[arg(long)]
    pub source: Option<String>,
    /// Begin with so many of the newest.
    #[arg(long, default_value_t = 0)]
    pub last: usize,
    /// End after the newest instead of waiting for more.
    #[arg(long)]
    pub once: bool,
    /// Show the fields too that became nothing.
    #[arg(long)]
    pub all: bool,
}

/// Runs the command until the daemon stops or nobody reads any more.
///
/// # Errors
/// [`Failure::CouldNotRun`] when no daemon answers.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let config = args.place.config()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::CouldNotRun(error.to_string()))?;
    runtime.block_on(async {
        let daemon = Daemon::of(&config);
        let mut path = format!("/api/v1/tap?last={}&follow={}", args.last, !args.once);
        if let Some(source) = &args.source {
            let source =
                percent_encoding::utf8_percent_encode(source, percent_encoding::NON_ALPHANUMERIC);
            let _ = write!(path, "&source={source}");
        }
        let response = daemon.ask("GET", &path, &[], Vec::new()).await?;
        if !json && !args.once {
            eprintln!("waiting for deliveries; numbers and names are masked; Ctrl-C ends");
        }
        let mut body = response.into_body();
        let mut pending = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|error| Failure::CouldNotRun(format!("the daemon is gone: {error}")))?;
            pending.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = pending.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                if !line.trim().is_empty() && !print(line.trim(), json, args.all)? {
                    return Ok(Outcome::Clean);
                }
            }
        }
        Ok(Outcome::Clean)
    })
}

/// False when nobody reads any more.
fn print(line: &str, json: bool, all: bool) -> Result<bool, Failure> {
    let text = match serde_json::from_str(line) {
        Ok(shown) if !json => text(&shown, all),
        _ => format!("{line}\n"),
    };
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::CouldNotRun(format!("not written: {error}"))),
    }
}

/// One delivery for a person's eyes.
pub fn text(shown: &Value, all: bool) -> String {
    let word = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
    let mut text = String::new();
    match shown["seen"].as_str() {
        Some("missed") => {
            let _ = writeln!(text, "… {} came faster than they could be shown", shown["count"]);
        }
        Some("refused") => {
            let (at, source) = (word("at"), word("source"));
            let _ =
                writeln!(text, "{at}  {source}  REFUSED  from {}: {}", word("from"), word("why"));
        }
        _ => kept(shown, all, &mut text),
    }
    text
}

fn kept(shown: &Value, all: bool, text: &mut String) {
    let word = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
    let standing = match (shown["understood"] == true, shown["repeated"] == true) {
        (false, _) => format!("NOT UNDERSTOOD: {}", word("why_not")),
        (true, true) => "repeated".to_owned(),
        (true, false) => "understood".to_owned(),
    };
    let (at, source, how) = (word("received_at"), word("source"), word("how"));
    let _ = writeln!(text, "{at}  {source}  #{}  {how}  {standing}", shown["id"]);
    for warning in list(&shown["warnings"]) {
        let _ = writeln!(text, "    warning: {}", warning.as_str().unwrap_or_default());
    }
    for event in list(&shown["events"]) {
        let part = |name: &str| event[name].as_str().unwrap_or_default();
        let extension = event["extension"].as_str().map(|extension| format!(" · {extension}"));
        let (kind, at, id) = (part("kind"), part("at"), part("id"));
        let _ = writeln!(text, "    {kind} at {at}{} · {id}", extension.unwrap_or_default());
    }
    let mut unused = Vec::new();
    for field in list(&shown["fields"]) {
        let part = |name: &str| field[name].as_str().unwrap_or_default();
        let became: Vec<String> = list(&field["became"]).iter().map(became).collect();
        let needed = field["needed"].as_str().map(|why| format!("needed: {why}"));
        if became.is_empty() && needed.is_none() && !all {
            unused.push(part("field").to_owned());
            continue;
        }
        let what = needed.into_iter().chain(became).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "    {:<28} {:<32} → {what}", part("field"), part("value"));
    }
    if !unused.is_empty() {
        let _ = writeln!(text, "    not used: {}", unused.join(", "));
    }
}

fn became(part: &Value) -> String {
    let word = |name: &str| part[name].as_str().unwrap_or_default();
    match word("value") {
        "" => word("part").to_owned(),
        value => format!("{} = {value}", word("part")),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

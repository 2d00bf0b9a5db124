//! The command line: one file a command, each with its arguments and a `run`.
//!
//! Exit codes: 0 clean, 1 findings where a script wants to know, 2 usage, 3 could not run.

mod archive;
mod audit;
mod backfill;
mod check;
mod config;
mod daemon;
mod data;
mod deliveries;
mod demo;
mod erase;
mod export;
pub mod fold;
mod habits;
mod hold;
mod import;
mod link;
pub mod listen;
mod repair;
mod replay;
mod retain;
mod sample;
mod seal;
mod serve;
mod tap;
mod test_event;
mod verify;
mod why;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Counts rings, keeps recordings, and links every recording to exactly one ledger entry.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    after_help = "Exit codes: 0 clean, 1 findings, 2 usage, 3 could not run."
)]
pub struct Cli {
    /// Print JSON instead of text for people.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can be told to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take deliveries, keep recordings, link, audit: the daemon.
    Serve(serve::Args),
    /// Play a day of a front desk through the daemon, from real traces and recordings.
    Demo(demo::Args),
    /// Take in a ledger, a directory of units, or recordings.
    Import(import::Args),
    /// Take in a phone system's own call records and logs, after an outage.
    Backfill(backfill::Args),
    /// Print the report of some days: balance, three-ring rule, findings.
    Audit(audit::Args),
    /// Draw sample calls for trainers.
    Sample(sample::Args),
    /// List stored deliveries.
    Deliveries(deliveries::Args),
    /// Show deliveries as they come, and what each of their fields became.
    Tap(tap::Args),
    /// Send a sample call of a phone system to the running daemon, and show its whole way.
    TestEvent(test_event::Args),
    /// Build everything derived again from the facts, and compare.
    Replay(replay::Args),
    /// Walk the chain of facts and hash every recording again.
    Verify(verify::Args),
    /// Show which recordings go and why, or erase them; say when the disk will be full.
    Retain(retain::Args),
    /// Place, lift or list legal holds.
    Hold(hold::Args),
    /// Erase the bytes of one recording; its row and a tombstone stay.
    Erase(erase::Args),
    /// Put everything a site keeps under its current key.
    Seal(seal::Args),
    /// Write a call as a vCon, or an entry as a case folder.
    Export(export::Args),
    /// Look whether everything is there that the daemon needs.
    Check(check::Args),
    /// Show or check settings.
    Config(config::Args),
    /// Turn stored deliveries (JSON lines) into calls; reads no store.
    Fold(fold::Args),
    /// Link recordings and ledger from files alone, by the same rules as the daemon.
    Link(link::Args),
    /// Tell what was learned of a site's way of writing.
    Habits(habits::Args),
    /// Tell why an entry, call or recording is linked as it is.
    Why(why::Args),
    /// Measure audio files: length, level, silence, waveform, class.
    Listen(listen::Args),
    /// Write copies of WAV files whose heads were never finished or are not true.
    Repair(repair::Args),
    /// Make the archive renditions that are due.
    Archive(archive::Args),
}

/// How a command that ran came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0.
    Clean,
    /// Exit code 1: there is something a script wants to know of.
    Findings,
}

/// Why a command did not run. The text names what was wrong, where, and the cure.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Exit code 3.
    #[error("{0}")]
    CouldNotRun(String),
}

/// A progress bar on a terminal; nothing in a pipe.
pub fn progress(steps: u64, what: &str) -> indicatif::ProgressBar {
    use std::io::IsTerminal;
    if !std::io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    let bar = indicatif::ProgressBar::new(steps).with_message(what.to_owned());
    let style = indicatif::ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} {eta}");
    bar.with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
}

/// `ringledger … | head` is no fault: who reads no more has seen enough. The standard library's
/// printing knows no other way than to panic.
fn end_when_nobody_reads() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        if text.starts_with("failed printing to stdout") && text.contains("os error 32") {
            std::process::exit(0);
        }
        others(panic);
    }));
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    end_when_nobody_reads();
    let cli = Cli::parse();
    let outcome = match &cli.command {
        Command::Serve(args) => serve::run(args, cli.json),
        Command::Demo(args) => demo::run(args, cli.json),
        Command::Import(args) => import::run(args, cli.json),
        Command::Backfill(args) => backfill::run(args, cli.json),
        Command::Audit(args) => audit::run(args, cli.json),
        Command::Sample(args) => sample::run(args, cli.json),
        Command::Deliveries(args) => deliveries::run(args, cli.json),
        Command::Tap(args) => tap::run(args, cli.json),
        Command::TestEvent(args) => test_event::run(args, cli.json),
        Command::Replay(args) => replay::run(args, cli.json),
        Command::Verify(args) => verify::run(args, cli.json),
        Command::Retain(args) => retain::run(args, cli.json),
        Command::Hold(args) => hold::run(args, cli.json),
        Command::Erase(args) => erase::run(args, cli.json),
        Command::Seal(args) => seal::run(args, cli.json),
        Command::Export(args) => export::run(args, cli.json),
        Command::Check(args) => check::run(args, cli.json),
        Command::Config(args) => config::run(args, cli.json),
        Command::Fold(args) => fold::run(args, cli.json),
        Command::Link(args) => link::run(args, cli.json),
        Command::Habits(args) => habits::run(args, cli.json),
        Command::Why(args) => why::run(args, cli.json),
        Command::Listen(args) => listen::run(args, cli.json),
        Command::Repair(args) => repair::run(args, cli.json),
        Command::Archive(args) => archive::run(args, cli.json),
    };
    match outcome {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("ringledger: {failure}");
            ExitCode::from(if matches!(failure, Failure::Usage(_)) { 2 } else { 3 })
        }
    }
}

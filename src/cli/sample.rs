//! `ringledger sample`: calls for trainers, drawn so that anybody can draw them again.

use super::audit::question;
use super::data::{Days, Place, block_on};
use super::{Failure, Outcome};
use crate::app::{self, Data};
use crate::audit::{Facts, Question};
use crate::clock;
use crate::flow::desk::Desk;
use crate::flow::rendition::Renditions;
use crate::render::page::html;
use crate::render::sample::SamplePage;
use crate::render::words::Language;
use crate::review::{Draw, DrawQuestion, draw, frame};
use crate::store::sqlite::people::Access;
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Arguments of `sample`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub days: Days,
    /// Calls of each agent at most.
    #[arg(long, default_value_t = 3)]
    pub per_agent: usize,
    /// Shorter talks are not drawn: `60s`, `2m`.
    #[arg(long, default_value = "60s", value_parser = seconds)]
    pub min_talk: i64,
    /// The same seed draws the same calls.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write a folder with sound, facts and a page that needs no server.
    #[arg(long)]
    pub export: Option<PathBuf>,
    /// zh or en.
    #[arg(long, default_value = "zh")]
    pub lang: String,
}

/// `60s`, `2m` or `60` as seconds.
fn seconds(text: &str) -> Result<i64, String> {
    let (digits, factor) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let count: i64 =
        digits.parse().map_err(|_| format!("`{text}` is no time such as 60s or 2m"))?;
    Ok(count * factor)
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] when the data cannot be read or the folder cannot be written.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (config, data) = args.place.open()?;
    let answers = app::answers(&data);
    let asked = question(&answers, &args.days)?;
    let facts = block_on(answers.facts(&asked))??;
    let talk_ms_min = args.min_talk * 1000;
    let wanted = DrawQuestion { per_agent: args.per_agent, talk_ms_min, seed: args.seed };
    let drawn = draw(&frame(&asked, &facts, talk_ms_min), wanted);
    if let Some(folder) = &args.export {
        let renditions = Renditions::new(app::listening(&config)?);
        let files = export(args, (&data, &renditions), &asked, &facts, &drawn, folder)?;
        // A script reads standard output as one JSON value.
        if !json {
            println!("{files} recordings in {}", folder.display());
        }
    }
    if json {
        println!("{}", serde_json::to_string(&drawn).unwrap_or_default());
    } else {
        println!(
            "seed {} over {} calls, frame {}",
            args.seed,
            drawn.frame.values().sum::<usize>(),
            drawn.frame_digest
        );
        for one in &drawn.calls {
            let call = &one.candidate;
            println!(
                "{}  {}  {}  {} s  {}",
                call.call_id,
                call.agent,
                call.party,
                call.talk_ms / 1000,
                one.why
            );
        }
    }
    data.store.close();
    Ok(Outcome::Clean)
}

fn export(
    args: &Args,
    (data, renditions): (&Data, &Renditions),
    asked: &Question,
    facts: &Facts,
    drawn: &Draw,
    folder: &Path,
) -> Result<usize, Failure> {
    // The export is noted before the sound leaves the house.
    let calls: Vec<&str> = drawn.calls.iter().map(|one| one.candidate.call_id.as_str()).collect();
    let access = Access {
        what: "export".into(),
        of: calls.join(" "),
        why: format!("sample, seed {}", args.seed),
    };
    let desk =
        Desk { store: data.store.clone(), rules: data.rules.clone(), columns: Default::default() };
    let who = std::env::var("USER").unwrap_or_else(|_| "command line".into());
    block_on(desk.note_access(&asked.site, access, clock::now(), &who))??;
    let failed = |error: io::Error| Failure::CouldNotRun(format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder.join("sound")).map_err(failed)?;
    let mut files = Vec::new();
    let mut manifest = String::new();
    for one in &drawn.calls {
        for key in &one.candidate.recordings {
            let Some(fact) = facts.recordings.iter().find(|fact| fact.key == *key) else {
                continue;
            };
            let name = format!("sound/{}.wav", fact.recording.hash);
            copy(data, renditions, fact, &folder.join(&name)).map_err(failed)?;
            files.push((one.candidate.call, name));
        }
    }
    let zone = facts.settings(asked.as_of).zone();
    let page = html(&SamplePage::of(drawn, Language::of(&args.lang), zone, files.clone()));
    let facts = serde_json::to_string_pretty(drawn).unwrap_or_default();
    fs::write(folder.join("index.html"), page).map_err(failed)?;
    fs::write(folder.join("facts.json"), facts).map_err(failed)?;
    let names = files.iter().map(|(_, name)| name.as_str()).chain(["index.html", "facts.json"]);
    for name in names {
        let bytes = fs::read(folder.join(name)).map_err(failed)?;
        let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        manifest.push_str(&format!("{digest}  {name}\n"));
    }
    fs::write(folder.join("SHA256SUMS"), manifest).map_err(failed)?;
    Ok(files.len())
}

/// The original where every browser plays it, else a WAV made of it. Names with numbers in them are
/// left behind.
fn copy(
    data: &Data,
    renditions: &Renditions,
    fact: &crate::audit::RecordingFact,
    target: &Path,
) -> io::Result<()> {
    let mut from = renditions.open(&data.archive.objects, &fact.recording)?;
    io::copy(&mut from, &mut fs::File::create(target)?)?;
    Ok(())
}

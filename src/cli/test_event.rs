//! `ringledger test-event VENDOR`: a sample call of a phone system, sent to the running daemon, and
//! its whole way: deliveries, fields, events, call, verdict, page.

use super::daemon::{Daemon, text};
use super::data::Place;
use super::fold::{as_json, read};
use super::{Failure, Outcome, tap};
use crate::app;
use crate::call::Tie;
use crate::clock;
use crate::config::Config;
use crate::flow::interpret::{Rules, Source};
use crate::flow::tap::{Kept, Shown, taken_apart};
use crate::pbx::records::Records;
use crate::pbx::sample::{Anew, anew, phone};
use crate::pbx::{self, Delivery};
use crate::store::sqlite::{calls, database_in, folded_to, names, readable};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the daemon may take to make a call of its deliveries.
const FOLDED_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Arguments of `test-event`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The adapter: asterisk, freeswitch, yeastar …
    pub vendor: String,
    /// The source that is to get it; the first one with this adapter where none is named.
    #[arg(long)]
    pub source: Option<String>,
    /// Send these recorded deliveries instead of the adapter's own sample, for a source with a
    /// field map.
    #[arg(long)]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub place: Place,
}

/// Runs the command. A delivery that is not understood, or a call that does not come of them, is a
/// finding.
///
/// # Errors
/// [`Failure`] when no such adapter or source is there, or no daemon answers.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let config = args.place.config()?;
    let rules = app::rules(&config).map_err(|error| Failure::Usage(error.to_string()))?;
    let source = source(args, &rules)?;
    let sample = sample(args, &rules, source)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::CouldNotRun(error.to_string()))?;
    runtime.block_on(sent(&config, source, &sample, json))
}

/// Sends the sample and shows what becomes of it.
async fn sent(
    config: &Config,
    source: &Source,
    sample: &[Delivery],
    json: bool,
) -> Result<Outcome, Failure> {
    let daemon = Daemon::of(config);
    let lines: Vec<String> = sample.iter().map(line).collect();
    let path = format!("/api/v1/sources/{}/records", source.name);
    let response = daemon.ask("POST", &path, &[], lines.join("\n")).await?;
    let told: Value = serde_json::from_str(&text(response).await?)
        .map_err(|error| Failure::CouldNotRun(format!("the daemon's answer: {error}")))?;
    let (mut good, mut newest) = (true, 0);
    for (delivery, told) in sample.iter().zip(told.as_array().into_iter().flatten()) {
        let (id, repeated) = (told["id"].as_i64().unwrap_or(0), told["repeated"] == true);
        newest = newest.max(id);
        let (kept, _) = taken_apart(source, delivery);
        // Within one second what says nothing of a call is the same again.
        good &= kept.understood && (!repeated || kept.events.is_empty());
        show(Shown::Kept(Box::new(Kept { id, repeated, ..kept })), json)?;
    }
    match call(config, source, sample, newest).await? {
        Some((key, call)) => {
            let page = daemon.address(&format!("/calls/{key}"));
            show_call(&call, &page, source, json);
        }
        None => {
            good = false;
            eprintln!("no call came of it: see `ringledger tap`, and the daemon's log");
        }
    }
    Ok(if good { Outcome::Clean } else { Outcome::Findings })
}

fn source<'a>(args: &Args, rules: &'a Rules) -> Result<&'a Source, Failure> {
    let pbx = pbx::named(&args.vendor).ok_or_else(|| {
        let known: Vec<&str> = pbx::ALL.iter().map(|pbx| pbx.name()).collect();
        Failure::Usage(format!("no adapter `{}`; there are {}", args.vendor, known.join(", ")))
    })?;
    let own = |source: &&Source| {
        source.pbx.name() == pbx.name()
            && args.source.as_ref().is_none_or(|name| *name == source.name)
    };
    let found = rules.sources.values().find(own).ok_or_else(|| {
        let of = args.source.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
        let text = format!(
            "no source{of} with the adapter `{}` is configured; see [[sources]] in the settings",
            args.vendor
        );
        Failure::Usage(text)
    })?;
    if found.field_map.is_some() && args.file.is_none() {
        let text = format!(
            "source `{}` reads by a field map, of which there is no sample; give one of its own deliveries with --file",
            found.name
        );
        return Err(Failure::Usage(text));
    }
    Ok(found)
}

/// The sample's deliveries, made anew for this moment and this site.
fn sample(args: &Args, rules: &Rules, source: &Source) -> Result<Vec<Delivery>, Failure> {
    let now = clock::now();
    let recorded = match &args.file {
        Some(file) => read(file)?,
        None => recorded(source.pbx.sample(), &source.name)?,
    };
    let settings = rules.sites.get(&source.site).map(|site| site.settings_at(now));
    let old = phone(&recorded, source.pbx, &source.dialect());
    let desk = settings.filter(|site| args.file.is_none() && !site.is_desk(&old));
    let desk = desk.and_then(|site| site.desk_extensions.first()).map(|listed| phone_of(listed));
    let desk = desk.as_deref().map(|phone| (old.as_str(), phone));
    let how = Anew { now, nonce: now.timestamp_subsec_nanos() ^ now.timestamp() as u32, desk };
    anew(&recorded, source.pbx, &source.dialect(), &how)
        .map_err(|error| Failure::CouldNotRun(format!("the sample: {error}")))
}

/// A phone of a list's item: `80*` stands for 8001 too.
fn phone_of(listed: &str) -> String {
    listed.strip_suffix('*').map_or_else(|| listed.to_owned(), |begin| format!("{begin}01"))
}

fn recorded(lines: &str, name: &str) -> Result<Vec<Delivery>, Failure> {
    let records = Records { bytes: lines.as_bytes(), read_at: clock::now(), reads: &|_| true };
    let records = records.cut().map_err(|why| Failure::CouldNotRun(format!("sample: {why}")))?;
    let own =
        |delivery: Delivery| Delivery { target: to_source(&delivery.target, name), ..delivery };
    Ok(records.into_iter().map(|record| own(record.delivery)).collect())
}

/// The address as it would be of a delivery to this source.
fn to_source(target: &str, name: &str) -> String {
    let query = target.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    format!("{}{name}{query}", crate::web::hook::PREFIX)
}

fn line(delivery: &Delivery) -> String {
    json!({
        "received_at": delivery.received_at,
        "method": delivery.method,
        "target": delivery.target,
        "headers": delivery.headers,
        "body": String::from_utf8_lossy(&delivery.body),
    })
    .to_string()
}

fn show(shown: Shown, json: bool) -> Result<(), Failure> {
    let value = serde_json::to_value(&shown)
        .map_err(|error| Failure::CouldNotRun(format!("not shown: {error}")))?;
    match json {
        true => println!("{value}"),
        false => print!("{}", tap::text(&value, false)),
    }
    Ok(())
}

/// The call that came of the sample, as soon as it is folded.
async fn call(
    config: &Config,
    source: &Source,
    sample: &[Delivery],
    newest: i64,
) -> Result<Option<(i64, Value)>, Failure> {
    let read = |delivery| source.read(delivery).ok();
    let events: Vec<_> =
        sample.iter().filter_map(read).flat_map(|reading| reading.events).collect();
    let ids: Vec<&str> = events.iter().flat_map(|event| &event.ties).map(Tie::id).collect();
    let connection = readable(&database_in(Path::new(&config.data.dir)))?;
    let site = names(&connection)?.site(&source.site)?;
    for _ in 0..FOLDED_WITHIN.as_millis() / LOOK_EVERY.as_millis() {
        if folded_to(&connection)? >= newest {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    for id in ids {
        if let Some(key) = calls::key_of(&connection, site, id)? {
            return Ok(Some((key, as_json(&calls::call(&connection, key)?.call))));
        }
    }
    Ok(None)
}

fn show_call(call: &Value, page: &str, source: &Source, json: bool) {
    if json {
        let masked = masked(call);
        println!("{}", json!({ "seen": "call", "call": masked, "page": page }));
        return;
    }
    let word = |name: &str| call[name].as_str().unwrap_or("–").to_owned();
    let ring = call["ring"].as_u64().map(|ring| format!(", answered in ring {ring}"));
    let reason = call["reason"]["reason"].as_str().map(|reason| format!(" ({reason})"));
    println!();
    println!(
        "call {}: {}{}{}",
        word("call_id"),
        word("verdict"),
        reason.unwrap_or_default(),
        ring.unwrap_or_default()
    );
    println!("  see it: {page}");
    println!("  it stands among the real calls; close its findings with the reason `test_call`");
    let proof =
        if source.secret.0.is_empty() { "no proof is asked of" } else { "proof is asked of" };
    println!(
        "  {proof} deliveries to /hook/{}, which this did not try: watch `ringledger tap`",
        source.name
    );
}

fn masked(call: &Value) -> Value {
    let mut call = call.clone();
    for part in ["caller", "callee"] {
        let number = call[part].as_str().map(crate::party::masked_number);
        call[part] = json!(number);
    }
    call
}

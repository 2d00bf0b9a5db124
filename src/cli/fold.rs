//! `ringledger fold`: deliveries in files to calls, without a store.

use super::{Failure, Outcome};
use crate::call::event::Bounds;
use crate::call::{Cadence, Call, CallRules, Moment, Verdict};
use crate::clock;
use crate::flow::fold_files::{Folded, Reader, fold_all};
use crate::party::PhoneNumber;
use crate::pbx::records::{Record, Records};
use crate::pbx::{self, Delivery, Dialect, Secret, generic::FieldMap};
use chrono::SecondsFormat;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Arguments of `fold`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which phone system sent the deliveries.
    #[arg(long)]
    pub adapter: String,
    /// Extensions of the front desk, separated by commas; `80*` stands for all that begin with 80.
    #[arg(long, value_delimiter = ',')]
    pub desk: Vec<String>,
    /// Time zone of the site, for times that have none.
    #[arg(long, default_value = "Asia/Shanghai")]
    pub zone: String,
    /// Country whose ringing signal counts.
    #[arg(long, default_value = "cn")]
    pub cadence: String,
    /// Secret or token that each delivery must prove itself with.
    #[arg(long)]
    pub secret: Option<String>,
    /// Field map for the generic adapter (TOML).
    #[arg(long)]
    pub field_map: Option<PathBuf>,
    /// Rings within which a person must answer.
    #[arg(long, default_value_t = 3)]
    pub ring_limit: u32,
    /// Deliveries, one JSON object a line; or records that a phone system wrote.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] when an option names nothing known, or a file cannot be read.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let pbx = pbx::named(&args.adapter).ok_or_else(|| {
        let known: Vec<&str> = pbx::ALL.iter().map(|pbx| pbx.name()).collect();
        Failure::Usage(format!("no adapter `{}`; there are {}", args.adapter, known.join(", ")))
    })?;
    let zone = args.zone.parse().map_err(|_| {
        Failure::Usage(format!("`{}` is no time zone; write it like Asia/Shanghai", args.zone))
    })?;
    let field_map = args.field_map.as_deref().map(field_map).transpose()?;
    let reader = Reader {
        pbx,
        secret: Secret(args.secret.clone().unwrap_or_default()),
        dialect: Dialect { zone, field_map: field_map.as_ref() },
        rules: rules(args)?,
    };
    let mut deliveries = Vec::new();
    for file in &args.files {
        let records =
            records(file, None, &|delivery| pbx.parse(delivery, &reader.dialect).is_ok())?;
        deliveries.extend(records.into_iter().map(|record| record.delivery));
    }
    let folded = fold_all(&reader, deliveries.into_iter());
    if json {
        print_json(&folded)
    } else {
        print_text(&folded)
    }
    Ok(Outcome::Clean)
}

fn rules(args: &Args) -> Result<CallRules, Failure> {
    let cadence = Cadence::of(&args.cadence).ok_or_else(|| {
        let known: Vec<&str> = Cadence::countries().collect();
        let text = format!("no cadence `{}`; there are {}", args.cadence, known.join(" "));
        Failure::Usage(text)
    })?;
    let settings = crate::site::SiteSettings::default();
    Ok(CallRules {
        cadence,
        ring_limit: args.ring_limit,
        desk: args.desk.clone(),
        outbound_prefix: String::new(),
        ..CallRules::of(&settings)
    })
}

fn field_map(path: &Path) -> Result<FieldMap, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    FieldMap::from_toml(&text)
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::CouldNotRun(format!("{} cannot be read: {error}", path.display()))
}

/// Reads the recorded deliveries of a file.
///
/// # Errors
/// [`Failure::CouldNotRun`] with file and line.
pub fn read(path: &Path) -> Result<Vec<Delivery>, Failure> {
    let records = records(path, None, &|_| true)?;
    Ok(records.into_iter().map(|record| record.delivery).collect())
}

/// Reads the records of a file: recorded deliveries, or what a phone system itself wrote. `reads`
/// says whether its dialect can read one; `columns` is a header line that a table lacks.
///
/// # Errors
/// [`Failure::CouldNotRun`] with file and line.
pub fn records(
    path: &Path,
    columns: Option<&str>,
    reads: &dyn Fn(&Delivery) -> bool,
) -> Result<Vec<Record>, Failure> {
    let mut bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    if let Some(columns) = columns {
        bytes.splice(0..0, format!("{columns}\n").into_bytes());
    }
    let records = Records { bytes: &bytes, read_at: clock::now(), reads };
    let cut = records.cut();
    cut.map_err(|why| Failure::CouldNotRun(format!("{}: {why}", path.display())))
}

fn print_json(folded: &Folded) {
    let with_bounds = |call: &Call| {
        let mut shown = as_json(call);
        shown["waited_ms"] = json!(call.waited_ms);
        shown
    };
    let calls: Vec<Value> = folded.calls.iter().map(with_bounds).collect();
    let warnings: Vec<&String> = folded.warnings.iter().collect();
    let all = json!({
        "calls": calls,
        "not_understood": folded.not_understood.len(),
        "refused": folded.refused,
        "why_not": folded.not_understood.iter().map(|(_, why)| why).collect::<Vec<_>>(),
        "warnings": warnings,
    });
    println!("{all}");
}

fn stamp(at: Moment) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn exposed(number: Option<&PhoneNumber>) -> Option<&str> {
    number.map(PhoneNumber::exposed)
}

/// A call in the form that scripts read: times in UTC with milliseconds, numbers whole.
pub fn as_json(call: &Call) -> Value {
    let at = |bounds: Option<Bounds>| bounds.map(|at| stamp(at.earliest));
    let mut verdict = serde_json::to_value(&call.verdict).unwrap_or_default();
    let (word, ring) = match verdict.as_object_mut() {
        Some(fields) => (fields.remove("verdict"), fields.remove("ring")),
        None => (None, None),
    };
    let reason = match &call.verdict {
        Some(Verdict::Unknown { reason }) => serde_json::to_value(reason).unwrap_or_default(),
        _ => Value::Null,
    };
    json!({
        "call_id": call.call_id,
        "other_ids": call.other_ids,
        "direction": call.direction,
        "caller": exposed(call.caller.as_ref()),
        "callee": exposed(call.callee.as_ref()),
        "offered_at": stamp(call.offered_at),
        "alerting_at": at(call.alerting),
        "answered_at": at(call.answered),
        "joined_at": at(call.joined),
        "ended_at": call.ended_at.map(stamp),
        "ended_inferred": call.ended_inferred,
        "answered_by": call.answered_by,
        "ring": ring,
        "verdict": word,
        "reason": reason,
        "cause": call.cause,
        "precision": call.precision,
        "contradiction": call.contradiction,
        "recordings": call.recordings.iter().map(|one| &one.reference).collect::<Vec<_>>(),
    })
}

fn print_text(folded: &Folded) {
    for call in &folded.calls {
        let caller = call.caller.as_ref().map_or_else(|| "withheld".into(), |n| n.to_string());
        let verdict = as_json(call)["verdict"].as_str().unwrap_or("alive").to_owned();
        let ring = as_json(call)["ring"].as_u64().map_or(String::new(), |n| format!(" ring {n}"));
        println!("{}  {}  {caller}  {verdict}{ring}", stamp(call.offered_at), call.call_id);
    }
    for (index, why) in &folded.not_understood {
        println!("delivery {index} not understood: {why}");
    }
    for warning in &folded.warnings {
        println!("warning: {warning}");
    }
    let (calls, refused) = (folded.calls.len(), folded.refused);
    println!("{calls} calls, {} not understood, {refused} refused", folded.not_understood.len());
}

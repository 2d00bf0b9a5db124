//! Bytes as deliveries, and what must hold of any, however hostile. The tests here and the fuzz targets in `fuzz/` share
//! it.

use chrono::{DateTime, TimeDelta, Utc};
use ringledger::call::{CallEvent, CallRules};
use ringledger::cli::fold::as_json;
use ringledger::flow::fold_files::{Reader, fold_all};
use ringledger::pbx::generic::FieldMap;
use ringledger::pbx::{Delivery, Dialect, Pbx, Secret};
use ringledger::site::SiteSettings;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Stands between the deliveries of one input (record separator of ASCII).
const SEPARATOR: u8 = 0x1e;
/// Deliveries of one input that are looked at.
const DELIVERIES_MAX: usize = 64;

/// The deliveries of an input: in each a line `SECONDS METHOD TARGET`, lines `name: value`, an empty line, and the
/// body. Whatever is not so is as much of it as can be read.
pub fn deliveries(input: &[u8]) -> Vec<Delivery> {
    let pieces = input.split(|byte| *byte == SEPARATOR).take(DELIVERIES_MAX);
    pieces.enumerate().map(|(index, piece)| delivery(index, piece)).collect()
}

fn delivery(index: usize, piece: &[u8]) -> Delivery {
    let end = piece.windows(2).position(|two| two == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&piece[..end], &piece[end + 2..]),
        None => (piece, &[][..]),
    };
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().splitn(3, ' ');
    let seconds = words.next().and_then(|word| word.parse::<i32>().ok()).unwrap_or_default();
    let method = words.next().unwrap_or("POST").to_owned();
    let target = words.next().unwrap_or_default().to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    // Each its own moment: of two that are alike the earlier counts.
    let after = TimeDelta::seconds(seconds.into()) + TimeDelta::milliseconds(index as i64);
    Delivery {
        received_at: began() + after,
        method,
        target,
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: body.to_vec().into(),
    }
}

fn began() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_399_200, 0).expect("a moment")
}

/// Deliveries as an input.
pub fn written(deliveries: &[Delivery]) -> Vec<u8> {
    let mut input = Vec::new();
    for (index, delivery) in deliveries.iter().enumerate() {
        if index > 0 {
            input.push(SEPARATOR);
        }
        let seconds = (delivery.received_at - began()).num_seconds();
        input.extend(format!("{seconds} {} {}", delivery.method, delivery.target).bytes());
        for (name, value) in &delivery.headers {
            input.extend(format!("\n{name}: {value}").bytes());
        }
        input.extend(b"\n\n");
        input.extend(&delivery.body);
    }
    input
}

/// One proof of every kind, so that each is tried whatever the adapter wants.
const SECRETS: [&str; 5] = [
    "token",
    "user:password",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
];

/// Takes deliveries the way of `ringledger fold`.
///
/// # Panics
/// When the calls depend on the order of the deliveries, or an event is not the same after it was stored.
pub fn fold(pbx: &'static dyn Pbx, field_map: Option<&FieldMap>, deliveries: &[Delivery]) {
    let dialect = Dialect { zone: chrono_tz::Asia::Shanghai, field_map };
    for delivery in deliveries {
        for secret in SECRETS {
            let _ = pbx.authenticate(delivery, &Secret(secret.to_owned()));
        }
        let _ = (pbx.delivery_key(delivery), pbx.reply(delivery, &dialect));
        if let Ok(reading) = pbx.parse(delivery, &dialect) {
            let stored = serde_json::to_string(&reading.events).expect("events are written");
            let read: Vec<CallEvent> = serde_json::from_str(&stored).expect("events are read");
            assert_eq!(read, reading.events, "stored and read again");
        }
    }
    let reader = Reader { pbx, secret: Secret::default(), dialect, rules: rules() };
    let calls = |deliveries: &mut dyn Iterator<Item = &Delivery>| -> Vec<Value> {
        fold_all(&reader, deliveries.cloned()).calls.iter().map(as_json).collect()
    };
    let onward = calls(&mut deliveries.iter());
    assert_eq!(
        onward,
        calls(&mut deliveries.iter().rev()),
        "the order of deliveries counts for nothing"
    );
}

/// The rules of the desk that the samples speak of.
fn rules() -> CallRules {
    let desk = ["8001", "8002", "101", "102", "105"].map(str::to_owned).into();
    CallRules { desk, ..CallRules::of(&SiteSettings::default()) }
}

/// A path from the root of the project, of which the fuzz targets are a folder.
pub fn root(path: &str) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = own.ancestors().find(|folder| folder.join("tests/pbx").is_dir());
    root.unwrap_or(own).join(path)
}

/// The sample deliveries of an adapter: name and input of each.
pub fn samples(adapter: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(root("tests/pbx").join(adapter)).expect("a folder of samples");
    let files = files.map(|file| file.expect("a file").path());
    let sample = |path: PathBuf| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        if name.ends_with(".deliveries.jsonl") {
            let deliveries = ringledger::cli::fold::read(&path).ok()?;
            return Some((name, written(&deliveries)));
        }
        let request = name.ends_with(".request.json").then(|| fs::read_to_string(&path).ok())??;
        Some((name, written(&[requested(&serde_json::from_str(&request).ok()?)])))
    };
    files.filter_map(sample).collect()
}

/// A delivery as a golden pair has it.
fn requested(request: &Value) -> Delivery {
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let body = match &request["body"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let kind = request["content_type"].as_str().unwrap_or("application/json");
    Delivery {
        received_at: began(),
        method: "POST".into(),
        target: text("target"),
        headers: vec![("content-type".into(), kind.into())],
        body: body.into(),
    }
}

//! Golden pairs: every `tests/pbx/<adapter>/<case>.request.json` reads as `<case>.events.json` says, and the deliveries
//! of every `<scenario>.deliveries.jsonl` fold to `<scenario>.calls.json`, in any order and however often repeated. A
//! new case is two files. With `GOLDEN=write` in the environment the answers are written, to be looked at before they
//! are kept; the settings in a scenario's answer stay.

use ringledger::call::{Cadence, CallRules};
use ringledger::cli::fold::{as_json, read as read_deliveries};
use ringledger::flow::fold_files::{Reader, fold_all};
use ringledger::pbx::generic::FieldMap;
use ringledger::pbx::{self, Delivery, Dialect, Secret};
use ringledger::site::SiteSettings;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn delivery(request: &Value) -> Delivery {
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let body = match &request["body"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let kind = request["content_type"].as_str().unwrap_or("application/json");
    Delivery {
        received_at: "2026-11-23T02:00:00Z".parse().expect("a moment"),
        method: "POST".into(),
        target: text("target"),
        headers: vec![("content-type".into(), kind.into())],
        body: body.into(),
    }
}

fn read(adapter: &str, request: &Value) -> Value {
    let pbx = pbx::named(adapter).expect("a folder is named after its adapter");
    let dialect = Dialect { zone: chrono_tz::Asia::Shanghai, field_map: None };
    match pbx.parse(&delivery(request), &dialect) {
        Ok(reading) => {
            json!({ "events": reading.events, "feed": reading.feed, "recordings": reading.recordings })
        }
        Err(refusal) => json!({ "refused": refusal.to_string() }),
    }
}

#[test]
fn every_request_reads_as_its_golden_pair_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pbx");
    let mut cases = 0;
    for folder in fs::read_dir(&root).expect("tests/pbx") {
        let folder = folder.expect("a folder").path();
        let adapter = folder.file_name().expect("a name").to_string_lossy().into_owned();
        for file in fs::read_dir(&folder).expect("cases") {
            let path = file.expect("a case").path();
            let Some(case) =
                path.to_string_lossy().strip_suffix(".request.json").map(str::to_owned)
            else {
                continue;
            };
            let request = serde_json::from_str(&fs::read_to_string(&path).expect("a request"));
            let found = read(&adapter, &request.expect("JSON"));
            let golden = format!("{case}.events.json");
            if is_writing() {
                let text = serde_json::to_string_pretty(&found).expect("JSON");
                fs::write(&golden, text + "\n").expect("written");
            }
            let wanted: Value =
                serde_json::from_str(&fs::read_to_string(&golden).expect(&golden)).expect("JSON");
            assert_eq!(found, wanted, "{case}");
            cases += 1;
        }
    }
    assert!(cases >= 15, "only {cases} cases were found");
}

#[test]
fn every_adapter_has_cases_and_a_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for pbx in pbx::ALL {
        assert!(root.join("tests/pbx").join(pbx.name()).is_dir(), "{}: no cases", pbx.name());
        let page = root.join("docs/pbx").join(format!("{}.md", pbx.name()));
        assert!(page.exists(), "{}: no page", pbx.name());
    }
}

/// What every phone system must have been tried on.
const SCENARIOS: [&str; 13] = [
    "answered",
    "late",
    "abandoned",
    "busy",
    "ring_group",
    "ivr_first",
    "queue_retry",
    "blind_transfer",
    "outbound",
    "duplicate",
    "out_of_order",
    "missing_field",
    "wrong_time_zone",
];

/// The head of `docs/pbx/README.md`; the table follows it.
const TABLE_HEAD: &str = "# Phone systems and what each is tried on\n\n\
    The verdict of each scenario in `tests/pbx/<vendor>/<scenario>.deliveries.jsonl`, with the ring in brackets.\n\
    Written by `GOLDEN=write cargo test --test pbx`; the same test fails when it is out of date. A `-` is a call that\n\
    was still alive.\n\n";

/// How a scenario's deliveries are to be read.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Extensions, separated by commas.
    desk: String,
    zone: String,
    cadence: String,
    secret: Option<String>,
    /// A field map, from the root of the project.
    #[serde(skip_serializing_if = "Option::is_none")]
    field_map: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            desk: "8001,8002".into(),
            zone: "Asia/Shanghai".into(),
            cadence: "cn".into(),
            secret: None,
            field_map: None,
        }
    }
}

/// What `ringledger fold --json` says of these deliveries.
fn folded(vendor: &str, settings: &Settings, deliveries: &[Delivery]) -> Value {
    let field_map = settings.field_map.as_ref().map(|path| {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
        FieldMap::from_toml(&text.expect(path)).expect(path)
    });
    let reader = Reader {
        pbx: pbx::named(vendor).expect("a folder is named after its adapter"),
        secret: Secret(settings.secret.clone().unwrap_or_default()),
        dialect: Dialect {
            zone: settings.zone.parse().expect("a zone"),
            field_map: field_map.as_ref(),
        },
        rules: CallRules {
            cadence: Cadence::of(&settings.cadence).expect("a cadence"),
            desk: settings.desk.split(',').map(str::to_owned).collect(),
            outbound_prefix: String::new(),
            ..CallRules::of(&SiteSettings::default())
        },
    };
    let folded = fold_all(&reader, deliveries.iter().cloned());
    json!({
        "settings": settings,
        "not_understood": folded.not_understood.len(),
        "refused": folded.refused,
        "calls": folded.calls.iter().map(as_json).collect::<Vec<_>>(),
    })
}

/// The same deliveries in an order that only `seed` decides.
fn shuffled(deliveries: &[Delivery], seed: u32) -> Vec<Delivery> {
    let mut keyed: Vec<_> = deliveries.iter().cloned().enumerate().collect();
    keyed.sort_by_key(|(place, _)| <[u8; 32]>::from(Sha256::digest(format!("{seed} {place}"))));
    keyed.into_iter().map(|(_, delivery)| delivery).collect()
}

/// All scenarios of a folder: name and path of the deliveries.
fn scenarios(folder: &Path) -> Vec<(String, PathBuf)> {
    let files = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let named = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(".deliveries.jsonl")?.to_owned();
        Some((name, path))
    };
    let mut found: Vec<_> = files.filter_map(named).collect();
    found.sort();
    found
}

fn is_writing() -> bool {
    std::env::var("GOLDEN").is_ok_and(|word| word == "write")
}

/// Checks one scenario and gives what its golden says.
fn scenario(vendor: &str, name: &str, path: &Path) -> Value {
    let golden = path.with_file_name(format!("{name}.calls.json"));
    let wanted: Option<Value> = fs::read_to_string(&golden)
        .ok()
        .map(|text| serde_json::from_str(&text).expect("a golden is JSON"));
    let settings = wanted.as_ref().map(|wanted| wanted["settings"].clone());
    let settings: Settings = settings
        .map(|settings| serde_json::from_value(settings).expect("settings"))
        .unwrap_or_default();
    let deliveries = read_deliveries(path).expect("deliveries");
    let found = folded(vendor, &settings, &deliveries);
    if is_writing() {
        let text = serde_json::to_string_pretty(&found).expect("JSON");
        fs::write(&golden, text + "\n").expect("written");
    } else {
        let wanted = wanted.expect("GOLDEN=write makes the golden of a new scenario");
        assert_eq!(found, wanted, "{vendor}: {name}");
    }
    let counted = found["not_understood"] != 0 || found["refused"] != 0;
    for seed in 0..4 {
        let mixed = shuffled(&deliveries, seed);
        assert_eq!(folded(vendor, &settings, &mixed), found, "{vendor}: {name}, order {seed}");
        if !counted {
            let twice = [shuffled(&deliveries, seed + 100), mixed].concat();
            assert_eq!(folded(vendor, &settings, &twice), found, "{vendor}: {name}, repeated");
        }
    }
    found
}

/// What a scenario comes to, in few words: `within (2), late (4), 1 refused`.
fn in_short(found: &Value) -> String {
    let verdict = |call: &Value| {
        let Some(word) = call["verdict"].as_str() else { return "-".to_owned() };
        match (call["ring"].as_u64(), call["cause"].as_str()) {
            (Some(ring), _) => format!("{word} ({ring})"),
            (None, Some(cause)) if word == "unanswered" => format!("{word}: {cause}"),
            (None, _) => word.to_owned(),
        }
    };
    let mut words: Vec<String> =
        found["calls"].as_array().expect("calls").iter().map(verdict).collect();
    for (name, what) in [("not_understood", "not understood"), ("refused", "refused")] {
        let number = found[name].as_u64().unwrap_or_default();
        words.extend((number > 0).then(|| format!("{number} {what}")));
    }
    words.join(", ").replace('_', " ")
}

#[test]
fn every_scenario_comes_out_alike_in_any_order_and_stands_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut table = String::from(TABLE_HEAD);
    let heads: Vec<String> = SCENARIOS.iter().map(|name| name.replace('_', " ")).collect();
    table += &format!("| | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(SCENARIOS.len()));
    for pbx in pbx::ALL {
        let vendor = pbx.name();
        let found: BTreeMap<String, Value> = scenarios(&root.join("tests/pbx").join(vendor))
            .into_iter()
            .map(|(name, path)| (name.clone(), scenario(vendor, &name, &path)))
            .collect();
        let missing: Vec<_> = SCENARIOS.iter().filter(|name| !found.contains_key(**name)).collect();
        assert!(missing.is_empty(), "{vendor}: no deliveries for {missing:?}");
        let verdicts: Vec<String> = SCENARIOS.iter().map(|name| in_short(&found[*name])).collect();
        table += &format!("| [{vendor}]({vendor}.md) | {} |\n", verdicts.join(" | "));
    }
    let page = root.join("docs/pbx/README.md");
    if is_writing() {
        fs::write(&page, &table).expect("written");
    }
    let written = fs::read_to_string(&page).expect("docs/pbx/README.md");
    assert_eq!(written, table, "docs/pbx/README.md is out of date: GOLDEN=write writes it");
}

//! Golden pairs: every `tests/pbx/<adapter>/<case>.request.json` reads as `<case>.events.json` says. A new case is two
//! files. With `GOLDEN=write` in the environment missing answers are written, to be looked at before they are kept.

use ringledger::pbx::{self, Delivery, Dialect};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

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
            if std::env::var("GOLDEN").is_ok_and(|word| word == "write") {
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

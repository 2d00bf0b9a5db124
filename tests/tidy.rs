//! The house rules (docs/ARCHITECTURE.md), held by reading the source. Weaker than a crate border, but it says why.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms without clock, files, sockets, environment, randomness or logging.
const PURE: [&str; 12] = [
    "party",
    "site",
    "finding",
    "call",
    "ledger",
    "recording",
    "linkage",
    "keeping",
    "standard",
    "audit",
    "review",
    "vcon",
];
/// What pure rooms must not name.
const WORLDLY: [&str; 16] = [
    "tokio::",
    "axum::",
    "hyper::",
    "rusqlite::",
    "symphonia::",
    "hound::",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "tracing::",
    "rand::",
    "crate::store",
    "crate::web",
    "crate::flow",
];

struct Source {
    room: String,
    path: PathBuf,
    /// Without the tests at its end.
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join("src"), &mut paths);
    paths.sort();
    let source = |path: PathBuf| {
        let inner = path.strip_prefix(root().join("src")).expect("in src").to_owned();
        let first = inner.components().next().expect("a name").as_os_str().to_string_lossy();
        let whole = fs::read_to_string(&path).expect("text");
        let text = whole.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
        Source { room: first.trim_end_matches(".rs").to_owned(), path: inner, text }
    };
    paths.into_iter().map(source).collect()
}

/// Lines of code: number and text, comments left out.
fn code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.text.lines().enumerate();
    lines.filter(|(_, line)| !line.trim_start().starts_with("//")).map(|(n, line)| (n + 1, line))
}

fn complain(breaches: Vec<String>, why: &str) {
    assert!(breaches.is_empty(), "{why}:\n{}", breaches.join("\n"));
}

fn breaches(sources: &[Source], is_breach: impl Fn(&Source, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (number, line) in code(source).filter(|(_, line)| is_breach(source, line)) {
            found.push(format!("src/{}:{number}: {}", source.path.display(), line.trim()));
        }
    }
    found
}

#[test]
fn pure_rooms_name_nothing_of_the_world() {
    let worldly = |source: &Source, line: &str| {
        PURE.contains(&source.room.as_str()) && WORLDLY.iter().any(|word| line.contains(word))
    };
    complain(breaches(&sources(), worldly), "the business takes its times and facts as values");
}

#[test]
fn the_arrows_between_pure_rooms_point_one_way() {
    let order = |room: &str| match room {
        "party" => Some(0),
        "finding" | "site" => Some(1),
        "call" => Some(1),
        "ledger" | "recording" => Some(2),
        "linkage" | "keeping" => Some(3),
        "standard" => Some(4),
        "audit" => Some(5),
        "review" | "vcon" => Some(6),
        _ => None,
    };
    let upward = |source: &Source, line: &str| {
        let Some(own) = order(&source.room) else { return false };
        let other =
            line.split("crate::").nth(1).and_then(|rest| rest.split([':', ';', '{']).next());
        other.and_then(order).is_some_and(|other| other > own)
    };
    complain(breaches(&sources(), upward), "a lower room must not know a higher one");
}

#[test]
fn the_world_is_reached_only_from_its_own_room() {
    let homes: [(&str, &[&str]); 8] = [
        ("rusqlite::", &["store"]),
        ("symphonia::", &["audio"]),
        ("axum::", &["web", "app"]),
        (" notify::", &["source"]),
        ("tokio_rustls::", &["tls"]),
        ("tokio_tungstenite::", &["feed"]),
        ("tokio_util::", &["feed"]),
        ("calamine::", &["sheet"]),
    ];
    let elsewhere = |source: &Source, line: &str| {
        homes.iter().any(|(word, rooms)| {
            let use_of =
                line.trim_start().starts_with("use ") || line.contains(&format!(" {word}"));
            use_of && line.contains(word) && !rooms.contains(&source.room.as_str())
        })
    };
    complain(breaches(&sources(), elsewhere), "one technology, one room");
}

#[test]
fn pages_ask_the_routes_and_not_the_store() {
    let direct = |source: &Source, line: &str| {
        source.room == "web"
            && ["crate::store", "crate::object::folder"].iter().any(|word| line.contains(word))
    };
    complain(breaches(&sources(), direct), "web goes through flow");
}

#[test]
fn only_one_file_reads_the_clock() {
    let words = ["Utc::now", "Local::now", "SystemTime::now", "Instant::now"];
    let reads = |source: &Source, line: &str| {
        source.path != Path::new("clock.rs") && words.iter().any(|word| line.contains(word))
    };
    complain(breaches(&sources(), reads), "ask src/clock.rs, and only above the business");
}

#[test]
fn sql_stays_in_the_store() {
    let words = ["SELECT ", "INSERT ", "UPDATE ", "DELETE FROM"];
    let speaks = |source: &Source, line: &str| {
        source.room != "store" && words.iter().any(|word| line.contains(&format!("\"{word}")))
    };
    complain(breaches(&sources(), speaks), "no SQL outside of the store");
}

#[test]
fn nothing_panics_on_purpose() {
    let words = [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!("];
    let panics = |_: &Source, line: &str| words.iter().any(|word| line.contains(word));
    complain(breaches(&sources(), panics), "return an error that names what was wrong");
}

#[test]
fn no_reminder_is_left_behind() {
    let words = ["TODO", "FIXME", "XXX", "HACK"];
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| words.iter().any(|word| source.text.contains(word)))
        .map(|source| source.path.display().to_string())
        .collect();
    complain(found, "do it, or say in the docs that it is not done");
}

#[test]
fn every_file_says_what_it_is_and_keeps_within_the_walls() {
    let mut found = Vec::new();
    for source in sources() {
        let name = source.path.display();
        if !source.text.starts_with("//!") {
            found.push(format!("{name}: begins without a line that says what it is"));
        }
        let lines = source.text.lines().count();
        if lines > 500 {
            found.push(format!("{name}: {lines} lines; 500 are the wall"));
        }
        for (number, line) in source.text.lines().enumerate() {
            // Formatting holds code to 100 columns and leaves texts in one piece where that reads better.
            let wall = if line.trim_start().starts_with("//") { 100 } else { 120 };
            if line.chars().count() > wall && !line.contains("r#\"") {
                found.push(format!("{name}:{}: {} columns", number + 1, line.chars().count()));
            }
        }
    }
    complain(found, "files are read by people");
}

#[test]
fn functions_keep_within_the_wall() {
    let mut found = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_function = [" fn ", "fn "].iter().any(|word| {
                line.trim_start().starts_with(word.trim_start()) || line.contains(" fn ")
            }) && !line.trim_start().starts_with("//");
            if !is_function || !line.trim_end().ends_with(['{', '(']) {
                continue;
            }
            let close = format!("{}}}", " ".repeat(indent));
            let end = lines[start..].iter().position(|line| *line == close).unwrap_or(0);
            if end > 70 {
                found.push(format!("src/{}:{}: {end} lines", source.path.display(), start + 1));
            }
        }
    }
    complain(found, "a function of more than 70 lines does more than one thing");
}

#[test]
fn a_vendors_name_stands_in_its_own_place_only() {
    let vendors: Vec<&str> = ringledger::pbx::ALL
        .iter()
        .map(|pbx| pbx.name())
        .filter(|name| *name != "generic")
        .collect();
    let elsewhere = |source: &Source, line: &str| {
        let place = source.path.with_extension("");
        let own = |vendor: &&&str| place.starts_with(format!("pbx/{vendor}"));
        let table = source.path == Path::new("pbx/mod.rs");
        let line = line.to_lowercase();
        vendors.iter().any(|vendor| line.contains(*vendor) && !own(&vendor) && !table)
    };
    complain(breaches(&sources(), elsewhere), "name the dialect by its table entry");
}

#[test]
fn every_rule_names_its_requirement_and_every_decision_is_linked_once() {
    for rule in ringledger::standard::RULES {
        let numbered = |text: &&&str| text.starts_with('R') && text[1..].parse::<u32>().is_ok();
        assert!(!rule.requirements.is_empty(), "{}", rule.name);
        assert!(rule.requirements.iter().all(|text| numbered(&text)), "{}", rule.name);
    }
}

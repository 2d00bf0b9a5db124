//! Links a generated site: `cargo bench --bench linkage -- FOLDER` reads `recordings.csv`, `ledger.csv` and
//! `directory.csv` there and writes `links.csv` and `mismatches.csv` beside them, for a scorer.

use chrono::{DateTime, Utc};
use ringledger::call::Direction;
use ringledger::ledger::{Channel, import, unit};
use ringledger::linkage::{Contact, Directory, Links, Row, Thresholds, link};
use ringledger::party::PhoneNumber;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

type Rows = Vec<HashMap<String, String>>;

fn read(path: &Path) -> Result<Rows, Box<dyn Error>> {
    Ok(csv::Reader::from_path(path)?.deserialize().collect::<Result<_, _>>()?)
}

fn at(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

fn filled(row: &HashMap<String, String>, name: &str) -> Option<String> {
    row.get(name).filter(|text| !text.is_empty()).cloned()
}

fn contact(key: i64, row: &HashMap<String, String>) -> Option<Contact> {
    let outbound = row["direction"] == "out";
    let party = if outbound { &row["to_number"] } else { &row["from_number"] };
    Some(Contact {
        key,
        call_ids: filled(row, "call_id").into_iter().collect(),
        number: PhoneNumber::known(party).map(|number| number.folded()),
        direction: if outbound { Direction::Outbound } else { Direction::Inbound },
        started_at: at(&row["started_at"])?,
        ended_at: at(&row["ended_at"]),
        extension: filled(row, "extension"),
        agent: filled(row, "agent"),
        answered: true,
        recorded: true,
    })
}

fn entry(key: i64, row: &HashMap<String, String>, imported: bool) -> Option<Row> {
    let occurred = import::moment(&row["occurred_at"], chrono_tz::Asia::Shanghai);
    Some(Row {
        key,
        channel: import::channel(&row["kind"]).unwrap_or(Channel::Phone),
        number: PhoneNumber::known(&row["caller_number"]).map(|number| number.folded()),
        registered_at: at(&row["registered_at"])?,
        occurred_at: occurred.map(|(at, _)| at),
        occurred_day_only: occurred.is_some_and(|(_, day_only)| day_only),
        handler: filled(row, "handler"),
        unit: filled(row, "unit").and_then(|text| unit::folded(&text)),
        call_id: filled(row, "call_id"),
        imported,
    })
}

/// Rows typed in one second are a bulk import.
fn imports(rows: &Rows) -> HashMap<(String, String), usize> {
    let mut counts = HashMap::new();
    for row in rows {
        *counts.entry((row["site"].clone(), row["registered_at"].clone())).or_default() += 1;
    }
    counts
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(folder) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        println!("usage: cargo bench --bench linkage -- FOLDER [--auto 0.5]");
        return Ok(());
    };
    let auto = std::env::args().skip_while(|argument| argument != "--auto").nth(1);
    let auto = auto.map_or(Ok(0.5), |text| text.parse())?;
    let folder = Path::new(&folder);
    let recordings = read(&folder.join("recordings.csv"))?;
    let ledger = read(&folder.join("ledger.csv"))?;
    let mut directories: BTreeMap<String, Directory> = BTreeMap::new();
    for row in read(&folder.join("directory.csv"))? {
        let Some(unit) = unit::folded(&row["unit"]) else { continue };
        let known = directories.entry(row["site"].clone()).or_default().entry(unit).or_default();
        let numbers = row["known_numbers"].split(';').filter_map(PhoneNumber::known);
        known.extend(numbers.map(|number| number.folded()));
    }
    let typed = imports(&ledger);
    let mut sites: BTreeMap<String, (Vec<Contact>, Vec<Row>)> = BTreeMap::new();
    for (key, row) in recordings.iter().enumerate() {
        sites.entry(row["site"].clone()).or_default().0.extend(contact(key as i64, row));
    }
    for (key, row) in ledger.iter().enumerate() {
        let imported = typed[&(row["site"].clone(), row["registered_at"].clone())] > 3;
        sites.entry(row["site"].clone()).or_default().1.extend(entry(key as i64, row, imported));
    }
    let began = Instant::now();
    let thresholds = Thresholds { auto, suggest: 0.3 };
    let none = Directory::new();
    let outcomes: Vec<(&Vec<Contact>, &Vec<Row>, Links)> = sites
        .iter()
        .map(|(site, (contacts, rows))| {
            let directory = directories.get(site).unwrap_or(&none);
            (contacts, rows, link(contacts, rows, directory, &[], thresholds))
        })
        .collect();
    let seconds = began.elapsed().as_secs_f64();
    let mut links = csv::Writer::from_path(folder.join("links.csv"))?;
    links.write_record(["recording_id", "entry_id"])?;
    let mut mismatches = csv::Writer::from_path(folder.join("mismatches.csv"))?;
    mismatches.write_record(["kind", "recording_id", "entry_id"])?;
    for (contacts, rows, outcome) in &outcomes {
        let mut contacts_left: BTreeMap<i64, &Contact> =
            contacts.iter().map(|c| (c.key, c)).collect();
        let mut rows_left: BTreeMap<i64, &Row> = rows.iter().map(|r| (r.key, r)).collect();
        for pair in &outcome.linked {
            let (recording, entry) =
                (&recordings[pair.contact as usize], &ledger[pair.entry as usize]);
            links.write_record([&recording["recording_id"], &entry["entry_id"]])?;
            contacts_left.remove(&pair.contact);
            rows_left.remove(&pair.entry);
        }
        for pair in &outcome.second_entries {
            if rows_left.remove(&pair.entry).is_some() {
                let entry = &ledger[pair.entry as usize];
                mismatches.write_record(["duplicate", "", &entry["entry_id"]])?;
            }
        }
        for key in contacts_left.keys() {
            let recording = &recordings[*key as usize];
            mismatches.write_record(["unregistered", &recording["recording_id"], ""])?;
        }
        for row in rows_left.values().filter(|row| row.channel != Channel::WalkIn) {
            mismatches.write_record(["ghost", "", &ledger[row.key as usize]["entry_id"]])?;
        }
    }
    links.flush()?;
    mismatches.flush()?;
    println!("{} recordings, {} entries: {seconds:.2} s", recordings.len(), ledger.len());
    Ok(())
}

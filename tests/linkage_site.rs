//! A whole site through reading, learning and linking: planted faults are found, beliefs are calibrated, and neither
//! the order of rows nor their names nor a shift of all times changes the links.

use ringledger::linkage::habits::Off;
use ringledger::linkage::left_over::outcome;
use ringledger::linkage::reading::cells::{EntryCells, RecordingCells, SiteCells};
use ringledger::linkage::reading::{Reading, read};
use ringledger::linkage::{Desk, Model, World};
use std::collections::{BTreeMap, BTreeSet};

/// A desk of two weeks: calls with a number each, rows that tell of them, and which belongs to which.
struct Desk2 {
    recordings: Vec<[String; 6]>,
    entries: Vec<[String; 7]>,
    truth: BTreeMap<String, String>,
}

/// The same numbers on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn clock(second: i64) -> String {
    let at = chrono::DateTime::from_timestamp(second, 0).expect("a time");
    at.with_timezone(&chrono_tz::Asia::Shanghai).format("%Y-%m-%d %H:%M:%S").to_string()
}

const START: i64 = 1_740_960_000;
const DAY: i64 = 86_400;

/// What is written of a call: number, time, id; a fault is planted by changing it.
type Fault = fn(usize, &mut [String; 7]);

fn desk(fault: Fault) -> Desk2 {
    let mut draw = Draw(7);
    let mut desk = Desk2 { recordings: Vec::new(), entries: Vec::new(), truth: BTreeMap::new() };
    for n in 0..420_usize {
        let start =
            START + (n as i64 / 30) * DAY + (n as i64 % 30) * 1500 + draw.below(1200) as i64;
        let talk = 20 + draw.below(200) as i64;
        let number = format!("13{:09}", draw.below(400) * 2_345_671 % 1_000_000_000);
        let agent = ["ann", "bo", "cy"][draw.below(3) as usize];
        let id = format!("r{n}");
        desk.recordings.push([
            id.clone(),
            format!("{}.{n}", start),
            clock(start),
            clock(start + talk),
            number.clone(),
            agent.into(),
        ]);
        if n % 12 == 5 {
            continue;
        }
        let typed = start + talk + 20 + draw.below(300) as i64;
        let written = if draw.below(3) == 0 { start / 300 * 300 } else { start };
        let number = if draw.below(10) == 0 { String::new() } else { number };
        let call_id = if n % 4 == 0 { format!("{start}.{n}") } else { String::new() };
        let mut row = [
            format!("e{n}"),
            clock(typed),
            clock(written)[..16].into(),
            number,
            agent.into(),
            call_id,
            "来电".into(),
        ];
        fault(n, &mut row);
        desk.truth.insert(row[0].clone(), id);
        desk.entries.push(row);
    }
    desk
}

fn read_site(desk: &Desk2, off: &Off) -> Reading {
    let mut cells = SiteCells { site: "s", ..SiteCells::default() };
    for (place, row) in desk.recordings.iter().enumerate() {
        let [id, call_id, started, ended, from, agent] = row.each_ref().map(String::as_str);
        let place = place as u32;
        let one = RecordingCells {
            place,
            id,
            call_id,
            started,
            ended,
            from,
            agent,
            direction: "in",
            ..Default::default()
        };
        cells.recordings.push(one);
    }
    for (place, row) in desk.entries.iter().enumerate() {
        let [id, registered, occurred, number, handler, call_id, kind] =
            row.each_ref().map(String::as_str);
        let place = place as u32;
        let one = EntryCells {
            place,
            id,
            registered,
            occurred,
            number,
            handler,
            call_id,
            kind,
            ..Default::default()
        };
        cells.entries.push(one);
    }
    read(&cells, chrono_tz::Asia::Shanghai, off)
}

/// Entry, recording and probability of every link.
fn links(desk: &Desk2, off: &Off) -> (BTreeMap<String, (String, f64)>, Reading) {
    let reading = read_site(desk, off);
    let (contacts, rows) = (&reading.contacts, &reading.rows);
    let (directory, shipped) = (&reading.directory, Model::shipped());
    let mut world = World::of(&Desk { contacts, rows, directory, decided: &[] }, &shipped);
    let model = world.learned(&shipped, 3);
    let recording = |call: u32| reading.recordings[world.site.calls[call as usize].key as usize];
    let entry = |row: u32| reading.entries[world.site.rows[row as usize].key as usize];
    let found = outcome(&world, &model, &|_| 0.5);
    let name = |link: &ringledger::linkage::left_over::Together| {
        let entry = desk.entries[entry(link.row) as usize][0].clone();
        (entry, (desk.recordings[recording(link.call) as usize][0].clone(), link.probability))
    };
    (found.links.iter().map(name).collect(), reading)
}

/// Shares of the true links found, and of the found ones that are true.
fn score(desk: &Desk2, links: &BTreeMap<String, (String, f64)>) -> (f64, f64) {
    let right = links
        .iter()
        .filter(|(entry, (recording, _))| desk.truth.get(*entry) == Some(recording))
        .count();
    (right as f64 / desk.truth.len() as f64, right as f64 / links.len() as f64)
}

fn habits(reading: &Reading) -> BTreeSet<&'static str> {
    reading.habits.iter().map(|habit| habit.name).collect()
}

#[test]
fn a_plain_desk_is_linked_and_its_unregistered_calls_stay_alone() {
    let desk = desk(|_, _| {});
    let (links, _) = links(&desk, &Off::default());
    let (found, right) = score(&desk, &links);
    assert!(found > 0.985 && right > 0.985, "{found} {right}");
}

#[test]
fn planted_faults_are_read_told_and_can_be_left_alone() {
    let faults: [(&str, Fault); 5] = [
        ("number-affix", |_, row| {
            if !row[3].is_empty() {
                row[3] = format!("9{}", row[3])
            }
        }),
        ("number-dress", |_, row| {
            if !row[3].is_empty() {
                row[3] = format!("客户{}(本人)", row[3])
            }
        }),
        ("id-form", |_, row| {
            if !row[5].is_empty() {
                row[5] = format!("PBX-{}", row[5].replace('.', "-"))
            }
        }),
        ("clock", |n, row| {
            if (120..300).contains(&n) {
                let at = chrono::NaiveDateTime::parse_from_str(&row[2], "%Y-%m-%d %H:%M")
                    .expect("a time");
                row[2] = (at - chrono::TimeDelta::hours(8)).format("%Y-%m-%d %H:%M").to_string();
            }
        }),
        ("time-form", |_, row| {
            let at =
                chrono::NaiveDateTime::parse_from_str(&row[2], "%Y-%m-%d %H:%M").expect("a time");
            row[2] = at.format("%d/%m/%Y %I.%M %p").to_string();
        }),
    ];
    for (name, fault) in faults {
        let desk = desk(fault);
        let (found, reading) = links(&desk, &Off::default());
        let (found, right) = score(&desk, &found);
        assert!(found > 0.98 && right > 0.98, "{name}: {found} {right}");
        assert!(habits(&reading).contains(name), "{name}: {:?}", reading.habits);
        let (_, reading) = links(&desk, &Off::of(&[name.to_owned()]).expect("a habit"));
        assert!(!habits(&reading).contains(name), "{name} was switched off");
    }
}

#[test]
fn order_names_and_a_shift_of_all_times_change_no_link() {
    let plain = desk(|_, _| {});
    let (before, _) = links(&plain, &Off::default());
    let mut turned = desk(|_, _| {});
    turned.recordings.reverse();
    turned.entries.rotate_left(100);
    assert_eq!(links(&turned, &Off::default()).0, before, "rows in another order");
    let mut named = desk(|_, _| {});
    named.recordings.iter_mut().for_each(|row| row[0] = format!("{}z", row[0]));
    named.entries.iter_mut().for_each(|row| row[0] = format!("a{}", row[0]));
    let back = |(entry, (recording, belief)): (String, (String, f64))| {
        (entry[1..].to_owned(), (recording.trim_end_matches('z').to_owned(), belief))
    };
    let renamed: BTreeMap<_, _> = links(&named, &Off::default()).0.into_iter().map(back).collect();
    assert_eq!(renamed, before, "other names");
    let mut shifted = desk(|_, _| {});
    let later = |text: &str, form: &str| {
        let at = chrono::NaiveDateTime::parse_from_str(text, form).expect("a time");
        (at + chrono::TimeDelta::days(28)).format(form).to_string()
    };
    for row in &mut shifted.recordings {
        (row[2], row[3]) =
            (later(&row[2], "%Y-%m-%d %H:%M:%S"), later(&row[3], "%Y-%m-%d %H:%M:%S"));
    }
    for row in &mut shifted.entries {
        (row[1], row[2]) = (later(&row[1], "%Y-%m-%d %H:%M:%S"), later(&row[2], "%Y-%m-%d %H:%M"));
    }
    let pairs = |links: BTreeMap<String, (String, f64)>| -> BTreeMap<String, String> {
        links.into_iter().map(|(entry, (recording, _))| (entry, recording)).collect()
    };
    assert_eq!(pairs(links(&shifted, &Off::default()).0), pairs(before), "four weeks later");
}

#[test]
fn of_pairs_said_to_be_sure_so_many_are_right() {
    // Every third row has no number, and ids are withheld: beliefs must be as modest as they are right.
    let desk = desk(|n, row| {
        row[5].clear();
        if n % 3 == 0 {
            row[3].clear();
            row[2] = format!("{}0", &row[2][..15]);
        }
    });
    let (links, _) = links(&desk, &Off::default());
    let is_right = |entry: &String, recording: &String| desk.truth.get(entry) == Some(recording);
    let mut bins = [(0.0, 0.0, 0.0); 10];
    for (entry, (recording, belief)) in &links {
        let bin = &mut bins[((belief * 10.0) as usize).min(9)];
        bin.0 += 1.0;
        bin.1 += belief;
        bin.2 += f64::from(u8::from(is_right(entry, recording)));
    }
    let error: f64 = bins.iter().map(|(_, said, right)| (said - right).abs()).sum();
    assert!(error / links.len() as f64 <= 0.03, "{bins:?}");
}

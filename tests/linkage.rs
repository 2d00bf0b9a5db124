//! The linker: brute force agrees on all small worlds, one-to-one holds, order means nothing, people's words hold.

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use ringledger::call::{Direction, Moment};
use ringledger::ledger::Channel;
use ringledger::linkage::assign::assign;
use ringledger::linkage::posterior::Edge;
use ringledger::linkage::why::{Asked, Standing, why};
use ringledger::linkage::{
    Beliefs, Contact, Decided, Desk, Directory, Home, Links, Row, Thresholds, link,
};
use std::collections::BTreeSet;

const THRESHOLDS: Thresholds = Thresholds { auto: 0.95, suggest: 0.3 };

fn at(minute: i64) -> Moment {
    DateTime::from_timestamp(1_795_400_000, 0).expect("a moment") + TimeDelta::minutes(minute)
}

fn contact(key: i64, number: &str, minute: i64) -> Contact {
    Contact {
        key,
        call_ids: vec![format!("c-{key}").into()],
        number: Some(number.into()),
        direction: Direction::Inbound,
        started_at: at(minute),
        answered_at: Some(at(minute)),
        ended_at: Some(at(minute + 1)),
        extension: Some("8001".into()),
        agent: None,
        answered: true,
    }
}

fn row(key: i64, number: &str, minute: i64) -> Row {
    Row {
        key,
        channel: Channel::Phone,
        number: Some(number.into()),
        other_numbers: Vec::new(),
        mentioned: None,
        registered_at: at(minute + 2),
        occurred_at: Some(at(minute)),
        occurred_day_only: false,
        name: None,
        handler: None,
        unit: None,
        call_id: None,
        imported: false,
    }
}

fn decided(
    contacts: &[Contact],
    rows: &[Row],
    directory: &Directory,
    decided: &[Decided],
) -> Links {
    let desk = Desk { contacts, rows, directory, decided };
    link(&desk, &Beliefs::shipped(), &THRESHOLDS.into())
}

fn linked(contacts: &[Contact], rows: &[Row]) -> Links {
    decided(contacts, rows, &Directory::new(), &[])
}

fn pairs(links: &Links) -> Vec<(i64, i64)> {
    links.linked.iter().map(|link| (link.contact, link.entry)).collect()
}

/// The greatest total weight of all one-to-one choices, tried one by one.
fn brute(
    edges: &[Edge],
    from: usize,
    contacts: &mut BTreeSet<u32>,
    rows: &mut BTreeSet<u32>,
) -> f64 {
    let Some(edge) = edges.get(from) else { return 0.0 };
    let without = brute(edges, from + 1, contacts, rows);
    if contacts.contains(&edge.slot) || rows.contains(&edge.row) {
        return without;
    }
    contacts.insert(edge.slot);
    rows.insert(edge.row);
    let with = edge.weight() + brute(edges, from + 1, contacts, rows);
    contacts.remove(&edge.slot);
    rows.remove(&edge.row);
    with.max(without)
}

proptest! {
    #[test]
    fn brute_force_agrees_on_all_small_worlds(
        weights in proptest::collection::vec(proptest::option::of(1u32..40), 16),
    ) {
        let edges: Vec<Edge> = weights
            .iter()
            .enumerate()
            .filter_map(|(cell, weight)| Some(Edge {
                row: (cell / 4) as u32,
                slot: (cell % 4) as u32,
                odds: (f64::from((*weight)?) / 4.0).exp(),
            }))
            .collect();
        let chosen = assign(&edges);
        let total: f64 = chosen.iter().map(|index| edges[*index].weight()).sum();
        let best = brute(&edges, 0, &mut BTreeSet::new(), &mut BTreeSet::new());
        prop_assert!((total - best).abs() < 1e-9, "{total} against {best}");
        let contacts: BTreeSet<u32> = chosen.iter().map(|index| edges[*index].slot).collect();
        let rows: BTreeSet<u32> = chosen.iter().map(|index| edges[*index].row).collect();
        prop_assert_eq!((contacts.len(), rows.len()), (chosen.len(), chosen.len()));
    }

    #[test]
    fn a_desks_hour_is_linked_one_to_one_in_any_order(
        calls in proptest::collection::vec((0u8..4, 0i64..60), 0..12),
        written in proptest::collection::vec((0u8..4, 0i64..60), 0..12),
    ) {
        let number = |n: &u8| format!("1380013800{n}");
        let contacts: Vec<Contact> =
            calls.iter().enumerate().map(|(k, (n, m))| contact(k as i64 + 1, &number(n), *m)).collect();
        let rows: Vec<Row> =
            written.iter().enumerate().map(|(k, (n, m))| row(k as i64 + 1, &number(n), *m)).collect();
        let links = linked(&contacts, &rows);
        let mut turned = (contacts.clone(), rows.clone());
        turned.0.reverse();
        turned.1.reverse();
        prop_assert_eq!(&linked(&turned.0, &turned.1), &links);
        let sides = |side: fn(&(i64, i64)) -> i64| pairs(&links).iter().map(side).collect::<BTreeSet<_>>();
        prop_assert_eq!(sides(|pair| pair.0).len(), links.linked.len());
        prop_assert_eq!(sides(|pair| pair.1).len(), links.linked.len());
    }
}

#[test]
fn the_same_number_at_the_same_time_is_linked() {
    let links = linked(
        &[contact(1, "13800138001", 0), contact(2, "13912345678", 3)],
        &[row(1, "13912345678", 3), row(2, "13800138001", 0)],
    );
    assert_eq!(pairs(&links), [(1, 2), (2, 1)]);
    assert!(links.linked.iter().all(|link| link.probability > 0.99));
    assert!(
        links.linked[0].evidence.iter().any(|one| one.field == "number" && one.level == "same")
    );
}

#[test]
fn a_call_id_decides_between_two_calls_of_one_number() {
    let contacts = [contact(1, "13800138001", 0), contact(2, "13800138001", 2)];
    let mut told = row(1, "13800138001", 1);
    told.call_id = Some("c-2".into());
    assert_eq!(pairs(&linked(&contacts, &[told])), [(2, 1)]);
}

#[test]
fn a_stale_call_id_does_not_win_over_everything_else() {
    let contacts = [contact(1, "13800138001", 0), contact(2, "13912345678", 900)];
    let mut stale = row(1, "13800138001", 0);
    stale.call_id = Some("c-2".into());
    let links = linked(&contacts, &[stale]);
    assert!(!pairs(&links).contains(&(2, 1)), "{links:#?}");
}

#[test]
fn two_calls_that_fit_equally_well_are_left_open() {
    let contacts = [contact(1, "13800138001", 0), contact(2, "13800138001", 0)];
    let links = linked(&contacts, &[row(1, "13800138001", 0)]);
    assert!(links.linked.is_empty());
    assert_eq!(links.ambiguous.len(), 2, "{links:#?}");
}

#[test]
fn a_time_to_the_second_tells_calls_of_one_minute_apart() {
    let later = |mut call: Contact, seconds: i64| {
        let by = TimeDelta::seconds(seconds);
        call.started_at += by;
        call.answered_at = call.answered_at.map(|at| at + by);
        call.ended_at = call.ended_at.map(|at| at + by);
        call
    };
    let one = contact(1, "13800138001", 0);
    let other = later(contact(2, "13800138001", 0), 45);
    let mut written = row(1, "13800138001", 0);
    written.occurred_at = other.answered_at;
    written.registered_at = at(2) + TimeDelta::seconds(45);
    let links = linked(&[one.clone(), other.clone()], std::slice::from_ref(&written));
    assert_eq!(pairs(&links), [(2, 1)]);
    // The same moment, cut to the minute, may be either.
    written.occurred_at = Some(at(0) + TimeDelta::seconds(40));
    assert_eq!(pairs(&linked(&[one, other], &[written])), []);
}

#[test]
fn what_was_learned_with_other_tables_says_nothing() {
    let shipped = serde_json::to_value(Beliefs::shipped()).expect("JSON");
    let mut older = shipped.clone();
    let cells = older["model"]["cells"].as_array_mut().expect("cells");
    cells.truncate(cells.len() / 2);
    let read: Beliefs = serde_json::from_value(older).expect("an older program's beliefs");
    assert_eq!(serde_json::to_value(read).expect("JSON"), shipped);
}

#[test]
fn a_persons_word_holds_and_no_program_changes_it() {
    let contacts = [contact(1, "13800138001", 0), contact(2, "13912345678", 3)];
    let rows = [row(1, "13800138001", 0), row(2, "13912345678", 3)];
    let word = |contact, entry, together| Decided { contact, entry, together };
    let crossed = decided(&contacts, &rows, &Directory::new(), &[word(1, 2, true)]);
    assert!(pairs(&crossed).contains(&(1, 2)));
    let never = decided(&contacts, &rows, &Directory::new(), &[word(1, 1, false)]);
    assert!(!pairs(&never).contains(&(1, 1)));
}

#[test]
fn a_second_entry_and_a_walk_in_that_hides_a_call_are_told_apart() {
    let contacts = [contact(1, "13800138001", 0), contact(2, "13912345678", 30)];
    let mut second = row(2, "13800138001", 1);
    second.handler = Some("8005".into());
    let mut first = row(1, "13800138001", 0);
    first.handler = Some("8001".into());
    let mut walk_in = row(3, "13912345678", 30);
    walk_in.channel = Channel::WalkIn;
    let links = linked(&contacts, &[first, second, walk_in]);
    assert_eq!(pairs(&links), [(1, 1)]);
    assert_eq!(links.second_entries.iter().map(|p| p.entry).collect::<Vec<_>>(), [2]);
    assert_eq!(links.mis_filed.iter().map(|p| (p.contact, p.entry)).collect::<Vec<_>>(), [(2, 3)]);
}

#[test]
fn another_number_of_the_same_unit_is_known_from_the_directory() {
    let mut told = row(1, "13500135000", 0);
    told.unit = Some("4-2-301".into());
    told.handler = Some("8001".into());
    let directory: Directory = [(
        "4-2-301".to_owned(),
        Home { numbers: vec!["13500135000".into(), "13800138001".into()], names: Vec::new() },
    )]
    .into();
    let links = decided(&[contact(1, "13800138001", 0)], &[told], &directory, &[]);
    assert_eq!(pairs(&links), [(1, 1)]);
}

#[test]
fn why_names_the_evidence_the_rival_and_what_would_change_it() {
    let contacts = [contact(1, "13800138001", 0), contact(2, "13800138001", -10)];
    let rows = [row(1, "13800138001", 0)];
    let directory = Directory::new();
    let desk = Desk { contacts: &contacts, rows: &rows, directory: &directory, decided: &[] };
    let asked = Asked::Entry(1);
    let why = why(&desk, &Beliefs::shipped(), THRESHOLDS, asked);
    assert_eq!(why.standing, Standing::Linked);
    assert_eq!(why.candidates.iter().map(|one| one.contact).collect::<Vec<_>>(), [1, 2]);
    assert!(why.candidates[0].bits > why.candidates[1].bits);
    assert!(why.changes.iter().any(|change| change.contains("without time")), "{why:#?}");
    let sum: f64 = why.candidates[0].evidence.iter().map(|one| one.weight).sum();
    assert!((sum - why.candidates[0].bits).abs() < 0.1, "evidence adds up: {why:#?}");
}

#[test]
fn the_command_links_files_and_names_bad_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
        folder.path().join(name)
    };
    let recordings = write(
        "r.csv",
        "录音编号,开始时间,通话时长,主叫号码,分机\n\
         r1,2025-03-03 09:00:00,60,13800138001,8001\n\
         r2,2025-03-03 09:30:00,60,13912345678,8001\n\
         r3,soon,60,13912345678,8001\n",
    );
    let ledger = write(
        "l.csv",
        "登记编号,登记时间,来电时间,来电号码,天气\n\
         e1,2025-03-03 09:33:00,2025-03-03 09:30,tel:139-1234-5678,sun\n\
         e2,2025-03-03 09:03:00,2025-03-03 09:00,13800138001,sun\n",
    );
    let run = |more: &[&str]| {
        let out = folder.path().join("out");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ringledger"));
        command.arg("link").arg("--recordings").arg(&recordings).arg("--ledger").arg(&ledger);
        let done = command.arg("--out").arg(&out).args(more).output().expect("it ran");
        let links = std::fs::read_to_string(out.join("links.csv")).unwrap_or_default();
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned(), links)
    };
    let (code, told, _) = run(&["--strict"]);
    assert_eq!(code, Some(3), "{told}");
    let (code, told, links) = run(&[]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("recordings, row 4: `soon`"), "{told}");
    assert!(told.contains("columns not used: 天气"), "{told}");
    let pairs: Vec<&str> = links.lines().skip(1).map(|line| &line[..5]).collect();
    assert_eq!(pairs, ["r1,e2", "r2,e1"], "{links}");
}

/// Recordings and a ledger of five sites, as rows of files: calls every seven minutes of which some
/// come again from one number, entries of most, some without a number, some from memory.
fn five_sites() -> [Vec<String>; 2] {
    let clock = |minute: usize, second: usize| {
        format!(
            "2025-03-0{} {:02}:{:02}:{second:02}",
            3 + minute / 600,
            8 + minute % 600 / 60,
            minute % 60
        )
    };
    let (mut recordings, mut entries) = (Vec::new(), Vec::new());
    for (site, n) in (0..5).flat_map(|site| (0..120).map(move |n| (site, n))) {
        let (start, number) = (n * 7, 13_800_138_000_u64 + (n * n % 61 + site * 100) as u64);
        let (at, desk) = (clock(start, n % 60), 8001 + n % 3);
        recordings.push(format!("r{site}-{n},S{site},{at},60,{number},{desk}"));
        let told = if n % 5 == 0 { String::new() } else { number.to_string() };
        let written = clock(start + n % 4, 0);
        let typed = clock(start + 2 + n % 11, n % 60);
        if n % 13 != 0 {
            let who = ["王", "李", "张"][(n + site) % 3];
            entries.push(format!("e{site}-{n},S{site},{typed},{},{told},{who}", &written[..16]));
        }
    }
    [recordings, entries]
}

#[test]
fn neither_threads_nor_the_order_of_rows_show_in_the_outcome() {
    let folder = tempfile::tempdir().expect("a folder");
    let heads = [
        "录音编号,项目,开始时间,通话时长,主叫号码,分机",
        "登记编号,项目,登记时间,来电时间,来电号码,登记人",
    ];
    let run = |rows: &[Vec<String>; 2], threads: &str| {
        let files: Vec<_> = ["r.csv", "l.csv"].map(|name| folder.path().join(name)).into();
        for ((file, head), rows) in files.iter().zip(heads).zip(rows) {
            std::fs::write(file, format!("{head}\n{}\n", rows.join("\n"))).expect("written");
        }
        let out = folder.path().join("out");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ringledger"));
        command.arg("link").arg("--recordings").arg(&files[0]).arg("--ledger").arg(&files[1]);
        let done = command.arg("--out").arg(&out).args(["--threads", threads]).output();
        assert_eq!(done.expect("it ran").status.code(), Some(0));
        let read = |name| std::fs::read_to_string(out.join(name)).expect("a file");
        ["links.csv", "mismatches.csv", "evidence.jsonl", "habits.jsonl"].map(read)
    };
    let mut rows = five_sites();
    let one = run(&rows, "1");
    assert!(one[0].lines().count() > 400, "{}", one[0]);
    assert_eq!(one, run(&rows, "4"));
    rows.iter_mut().for_each(|rows| rows.reverse());
    assert_eq!(one, run(&rows, "3"));
}

/// The lines of a file of the outcome, below its header, by their first two cells.
fn told(out: &std::path::Path, file: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(out.join(file)).expect("it was written");
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let lines = text.lines().skip(1).map(cells);
    lines.map(|cells| (cells[0].clone(), cells[1].clone())).collect()
}

#[test]
fn confirmed_pairs_of_a_file_stand_and_parted_ones_are_never_linked() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut recordings = String::from("recording_id,started_at,caller,sha256\n");
    let mut ledger = String::from("entry_id,registered_at,occurred_at,caller_number\n");
    for n in 0..60 {
        let number = 13_800_138_000_i64 + n * 7919;
        let time = |late: i64| at(n * 25 + late).format("%Y-%m-%d %H:%M:%S+00:00").to_string();
        recordings += &format!("r{n},{},{number},d{n}\n", time(0));
        ledger += &format!("e{n},{},{},{number}\n", time(5), time(0));
    }
    // The same file once more, under another name.
    recordings += &format!("r30-again,{},13800138000,d30\n", at(30 * 25).format("%F %T+00:00"));
    let words = "recording_id,entry_id,together\n\
                 r5,e5,no\n\
                 r7,e9,yes\n\
                 r7,e7,yes\n\
                 r30-again,e31,\n\
                 r99,e1,yes\n";
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let run = |confirmed: Option<&std::path::Path>, more: &[&str]| {
        let out = folder.path().join("out");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ringledger"));
        command.arg("link").arg("--recordings").arg(file("r.csv", &recordings));
        command.arg("--ledger").arg(file("l.csv", &ledger)).arg("--out").arg(&out).args(more);
        if let Some(path) = confirmed {
            command.arg("--confirmed").arg(path);
        }
        let done = command.output().expect("it ran");
        (out, done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    let pair = |r: &str, e: &str| (r.to_owned(), e.to_owned());
    let (out, code, words_told) = run(None, &[]);
    assert_eq!(code, Some(0), "{words_told}");
    let plain = told(&out, "links.csv");
    assert!((0..60).all(|n| plain.contains(&pair(&format!("r{n}"), &format!("e{n}")))));

    let confirmed = file("c.csv", words);
    let (out, code, words_told) = run(Some(&confirmed), &[]);
    assert_eq!(code, Some(1), "{words_told}");
    assert!(words_told.contains("confirmed pairs, row 6: there is no recording `r99`"));
    let links = told(&out, "links.csv");
    let of = |r: &str| links.iter().filter(|link| link.0 == r).collect::<Vec<_>>();
    assert_eq!(of("r7"), [&pair("r7", "e9")], "the first word of two that cannot both hold");
    assert_eq!(of("r30"), [&pair("r30", "e31")], "a word on a copy is one on the recording");
    assert!(!links.contains(&pair("r5", "e5")), "parted");
    assert_eq!(of("r12"), [&pair("r12", "e12")], "nobody spoke of it");
    let mut entries: Vec<&String> = links.iter().map(|(_, entry)| entry).collect();
    entries.sort();
    entries.dedup();
    assert_eq!(entries.len(), links.len(), "one-to-one");
    let left = told(&out, "mismatches.csv");
    for (kind, recording) in [("unregistered", "r9"), ("unregistered", "r31")] {
        assert!(left.contains(&pair(kind, recording)), "its entry is another's: {left:?}");
    }
    assert_eq!(run(Some(&confirmed), &["--strict"]).1, Some(3));
}

#[test]
fn a_window_of_the_days_gives_the_same_links_as_all_of_them() {
    let mut contacts = Vec::new();
    let mut rows = Vec::new();
    for n in 0..600 {
        let minute = n * 25;
        let number = format!("138001{:05}", n * 7919 % 120);
        contacts.push(contact(n + 1, &number, minute));
        if n % 9 != 4 {
            let mut told = row(n + 1, &number, minute + n % 3);
            told.handler = Some(if n % 5 == 0 { "8002" } else { "8001" }.into());
            if n % 7 == 0 {
                told.number = None;
            }
            rows.push(told);
        }
    }
    let whole = linked(&contacts, &rows);
    let reach = TimeDelta::seconds(ringledger::linkage::reach_s());
    for middle in [2000, 6000, 9000] {
        let near = |moment: Moment, by: TimeDelta| (moment - at(middle)).abs() <= by;
        let part: Vec<Contact> =
            contacts.iter().filter(|one| near(one.started_at, reach * 2)).cloned().collect();
        let told: Vec<Row> =
            rows.iter().filter(|one| near(one.registered_at, reach * 2)).cloned().collect();
        let inner = |links: Links| -> Vec<(i64, i64)> {
            let decided =
                |pair: &&(i64, i64)| near(contacts[pair.0 as usize - 1].started_at, reach);
            pairs(&links).iter().filter(decided).copied().collect()
        };
        assert_eq!(inner(linked(&part, &told)), inner(whole.clone()), "around minute {middle}");
    }
}

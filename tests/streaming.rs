//! Events in any order, each linked at once, end in the rows that a run from scratch comes to.

mod stream;

use ringledger::audit::Explanation;
use ringledger::call::Direction;
use ringledger::finding::{About, Code, Reason};
use ringledger::ledger::{Channel, LedgerEntry};
use ringledger::party::PhoneNumber;
use ringledger::recording::Hints;
use ringledger::store::sqlite::people::Decision;
use serde_json::json;
use stream::{Stream, at};

/// The same numbers on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

const NUMBERS: [&str; 5] =
    ["13800138001", "13800138002", "13900138001", "13812345678", "057188001234"];

/// A call that will be told of, piece by piece.
#[derive(Clone, Copy)]
struct Call {
    id: u64,
    second: i64,
    number: &'static str,
    answered: bool,
}

enum Event {
    Call(Call, &'static str, i64),
    Recording(u8, Call),
    Entry(LedgerEntry),
    Word(Decision),
    Explained(u64),
    Erased(usize),
    Directory,
    Merged(Call, Call),
}

fn entry(draw: &mut Draw, id: u64, call: Call) -> LedgerEntry {
    let late = if draw.one_in(5) { 20_000 } else { 200 };
    LedgerEntry {
        entry_id: format!("JB-{id}"),
        channel: [Channel::Phone, Channel::Phone, Channel::Phone, Channel::WalkIn]
            [draw.below(4) as usize],
        registered_at: at(call.second + 40 + draw.below(late) as i64),
        occurred_at: (!draw.one_in(4))
            .then(|| at(call.second / 60 * 60 + draw.below(3) as i64 * 60)),
        occurred_day_only: false,
        number: PhoneNumber::known(if draw.one_in(4) {
            NUMBERS[draw.below(5) as usize]
        } else {
            call.number
        })
        .filter(|_| !draw.one_in(4)),
        name: None,
        unit: (!draw.one_in(3)).then(|| format!("4-2-30{}", draw.below(3))),
        category: None,
        content: Some("厨房水管漏水，要求尽快修理".into()),
        handler: Some(format!("800{}", draw.below(2))),
        call_id: draw.one_in(5).then(|| format!("c-{}", call.id)),
        parent_id: None,
    }
}

/// Some days and one far from them, with minutes in which all happens at once.
fn second(draw: &mut Draw) -> i64 {
    let within = if draw.one_in(2) { 400 } else { 30_000 };
    [0, 1, 2, 15][draw.below(4) as usize] * 86_400 + draw.below(within) as i64
}

/// A few days' events, in an order of their own.
fn events(draw: &mut Draw) -> Vec<Event> {
    let calls: Vec<Call> = (0..7 + draw.below(5))
        .map(|id| Call {
            id,
            second: second(draw),
            number: NUMBERS[draw.below(5) as usize],
            answered: !draw.one_in(4),
        })
        .collect();
    let any = |draw: &mut Draw| calls[draw.below(calls.len() as u64) as usize];
    let mut all: Vec<Event> = Vec::new();
    for call in &calls {
        let end = 60 + draw.below(100) as i64;
        all.push(Event::Call(*call, "leg.alerting", 1));
        if call.answered {
            all.push(Event::Call(*call, "leg.joined", 6));
        }
        all.push(Event::Call(*call, "call.ended", end));
        if call.answered && !draw.one_in(4) {
            all.push(Event::Recording(call.id as u8, *call));
        }
    }
    for id in 0..9 {
        let call = any(draw);
        all.push(Event::Entry(entry(draw, id, call)));
        if draw.one_in(3) {
            let call = any(draw);
            all.push(Event::Entry(entry(draw, id, call)));
        }
    }
    for _ in 0..3 {
        let together = [Some(true), Some(false), None][draw.below(3) as usize];
        let thing = format!("call:c-{}", any(draw).id);
        let entry_id = format!("JB-{}", draw.below(9));
        all.push(Event::Word(Decision { thing, entry_id, together, why: "heard".into() }));
    }
    all.push(Event::Explained(draw.below(9)));
    all.push(Event::Erased(draw.below(5) as usize));
    if draw.one_in(2) {
        all.push(Event::Directory);
    }
    if draw.one_in(2) {
        all.push(Event::Merged(any(draw), any(draw)));
    }
    for place in (1..all.len()).rev() {
        all.swap(place, draw.below(place as u64 + 1) as usize);
    }
    all
}

async fn happen(stream: &Stream, event: Event, recordings: &mut Vec<i64>) {
    let site = stream.key;
    match event {
        Event::Call(call, kind, after) => {
            let body = json!({
                "call": format!("c-{}", call.id), "leg": format!("l-{}", call.id),
                "extension": format!("800{}", call.id % 2), "from": call.number,
            });
            stream.event(kind, call.second + after, body).await;
        }
        Event::Recording(number, call) => {
            let hints = Hints {
                name: format!("in-{number}.wav"),
                call_id: number.is_multiple_of(3).then(|| format!("c-{}", call.id)),
                caller: PhoneNumber::known(call.number),
                direction: Some(Direction::Inbound),
                starts_at: Some(at(call.second + 6)),
                ..Hints::default()
            };
            recordings.push(stream.recording(number, hints, at(call.second + 200)).await);
        }
        Event::Entry(entry) => stream.entry(entry, false).await,
        Event::Word(word) => {
            // On what is not there, or against an earlier word: refused, as it should be.
            let said =
                stream.data.store.write(move |tx| tx.decide(site, &word, at(0), "supervisor"));
            drop(said.await);
        }
        Event::Explained(entry) => {
            let id = format!("JB-{entry}");
            let found = stream
                .data
                .store
                .read(move |c| ringledger::store::sqlite::entries::by_id(c, site, &id));
            let about =
                About { entry: found.expect("read").map(|fact| fact.key), ..About::default() };
            let explanation = Explanation {
                code: Code::EntryWithoutCall,
                about,
                reason: Reason::TestCall,
                text: String::new(),
                who: "supervisor".into(),
                at: at(5 * 86_400),
            };
            if about != About::default() {
                let done = stream.data.store.write(move |tx| tx.explain(site, &explanation));
                done.await.expect("explained");
            }
        }
        Event::Erased(which) => {
            if let Some(key) = recordings.get(which).copied() {
                let done = stream
                    .data
                    .store
                    .write(move |tx| tx.erase(site, key, "asked", at(0), "operator"));
                done.await.expect("an answer").expect("erased");
            }
        }
        Event::Directory => {
            let rows = (0..3).map(|n| (format!("4-2-30{n}"), NUMBERS[n].to_owned())).collect();
            let done =
                stream.data.store.write(move |tx| tx.save_directory(site, rows, at(0), "operator"));
            done.await.expect("a directory");
        }
        Event::Merged(one, other) => {
            let body = json!({ "call": format!("c-{}", one.id), "leg": format!("l-{}", other.id),
                               "extension": "8001", "from": one.number });
            stream.event("leg.ended", one.second + 70, body).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_and_findings_grow_event_by_event_into_what_a_run_from_scratch_finds() {
    let (mut links, mut proposals) = (0, 0);
    for seed in 0..24 {
        // In every other world many changes come at once, and few are linked together.
        let crowded = seed % 2 == 1;
        let mut draw = Draw(seed * 7919 + 11);
        let mut stream = Stream::open();
        if crowded {
            stream.at_most = 1 + seed as usize / 2 % 3;
        }
        let mut recordings = Vec::new();
        for event in events(&mut draw) {
            happen(&stream, event, &mut recordings).await;
            if draw.one_in(4) == crowded {
                stream.catch_up().await;
            }
        }
        let differences = stream.replayed().await;
        assert!(differences.is_empty(), "seed {seed}: {differences:#?}");
        let key = stream.key;
        let open = stream.data.store.read(|c| {
            ringledger::store::sqlite::links::open_between(c, key, at(-9_000_000), at(9_000_000))
        });
        let open = open.expect("read");
        proposals += open.suggested.len()
            + open.ambiguous.len()
            + open.second_entries.len()
            + open.mis_filed.len();
        links += linked(&stream);
        stream.data.store.close();
    }
    assert!(links > 40, "the desks have links: {links}");
    assert!(proposals > 5, "and open questions: {proposals}");
}

/// Around a call far from every entry nothing is read; what a person said of it holds all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_persons_word_on_an_entry_of_another_year_outlives_the_calls_next_event() {
    let stream = Stream::open();
    let body = || json!({"call": "c-0", "leg": "l-0", "extension": "8001", "from": NUMBERS[0]});
    stream.event("leg.alerting", 1, body()).await;
    stream.event("leg.joined", 6, body()).await;
    let call = Call { id: 0, second: 300 * 86_400, number: NUMBERS[0], answered: true };
    let entry = LedgerEntry { call_id: None, ..entry(&mut Draw(1), 0, call) };
    stream.entry(LedgerEntry { channel: Channel::Phone, ..entry }, false).await;
    stream.catch_up().await;
    assert_eq!(linked(&stream), 0);
    let (thing, entry_id) = ("call:c-0".into(), "JB-0".into());
    let word = Decision { thing, entry_id, together: Some(true), why: "the year".into() };
    let site = stream.key;
    let said = stream.data.store.write(move |tx| tx.decide(site, &word, at(0), "supervisor"));
    said.await.expect("said");
    stream.catch_up().await;
    assert_eq!(linked(&stream), 1);
    stream.event("call.ended", 90, body()).await;
    stream.catch_up().await;
    assert_eq!(linked(&stream), 1);
    let differences = stream.replayed().await;
    assert!(differences.is_empty(), "{differences:#?}");
    stream.data.store.close();
}

fn linked(stream: &Stream) -> usize {
    let site = stream.key;
    let entries = |id: u64| {
        stream.data.store.read(|c| {
            let Some(fact) =
                ringledger::store::sqlite::entries::by_id(c, site, &format!("JB-{id}"))?
            else {
                return Ok(0);
            };
            Ok(usize::from(ringledger::store::sqlite::links::of_entry(c, fact.key)?.is_some()))
        })
    };
    (0..9).map(|id| entries(id).expect("read")).sum()
}

//! How long one new event waits for its links at a site with a year of data:
//! `cargo bench --bench relink [-- CALLS [EVENTS]]`; fewer CALLS than a year's make fewer days.
//! Times are from the stored event to the stored links; findings of the day come after. A commit
//! alone, in the same run, shows what of it is the disk's.

#[path = "../tests/stream/mod.rs"]
mod stream;

use ringledger::ledger::{Channel, LedgerEntry};
use ringledger::party::PhoneNumber;
use ringledger::store::sqlite::entries::Written;
use ringledger::store::sqlite::people::Decision;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;
use stream::{Stream, at};

/// The same numbers on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

const DAY_S: i64 = 86_400;
/// A busy desk: 100 000 calls a year.
const CALLS_A_DAY: i64 = 274;

/// A call of the desk: when it rings, how long it lasts, who calls.
#[derive(Clone, Copy)]
struct Call {
    id: u64,
    ring: i64,
    talk: i64,
    caller: u64,
}

fn number(caller: u64) -> String {
    format!("13{:09}", caller * 7_654_321 % 1_000_000_000)
}

/// Calls of a day in desk hours, of some thousand homes.
fn call(draw: &mut Draw, id: u64, day: i64) -> Call {
    let ring = day * DAY_S + 8 * 3600 + draw.below(12 * 3600) as i64;
    Call { id, ring, talk: 20 + draw.below(240) as i64, caller: draw.below(3000) }
}

fn told(call: &Call) -> Vec<Value> {
    let event = |kind: &str, second: i64| {
        json!({ "type": kind, "at": at(second).to_rfc3339(), "call": format!("c-{}", call.id),
                "leg": format!("l-{}", call.id), "extension": format!("800{}", call.caller % 6),
                "from": number(call.caller) })
    };
    let joined = call.ring + 6;
    vec![
        event("leg.alerting", call.ring),
        event("leg.joined", joined),
        event("call.ended", joined + call.talk),
    ]
}

fn entry(draw: &mut Draw, call: &Call, version: u64) -> LedgerEntry {
    let end = call.ring + 6 + call.talk;
    let late = if draw.below(6) == 0 { 9000 } else { 240 };
    let registered_at = at(end + 20 + draw.below(late) as i64);
    LedgerEntry {
        entry_id: format!("JB-{}", call.id),
        channel: Channel::Phone,
        registered_at,
        occurred_at: Some(at(call.ring / 60 * 60)),
        occurred_day_only: false,
        number: PhoneNumber::known(&number(call.caller)).filter(|_| draw.below(8) != 0),
        name: None,
        unit: None,
        category: None,
        content: Some(format!("version {version}")),
        handler: Some(format!("800{}", call.caller % 6)),
        call_id: None,
        parent_id: None,
    }
}

async fn write(stream: &Stream, entries: Vec<LedgerEntry>) {
    let key = stream.key;
    let done = stream.data.store.write(move |tx| {
        for entry in entries {
            let now = entry.registered_at;
            tx.save_entry(key, &Written { entry, imported: false }, now, "desk")?;
        }
        Ok(())
    });
    done.await.expect("written");
}

/// A year as it grew.
async fn year(stream: &Stream, draw: &mut Draw, count: u64) -> Vec<Call> {
    let mut calls: Vec<Call> =
        (0..count).map(|id| call(draw, id, id as i64 / CALLS_A_DAY)).collect();
    calls.sort_by_key(|call| call.ring);
    for some in calls.chunks(30) {
        stream
            .deliver(Value::from(some.iter().flat_map(told).collect::<Vec<_>>()), some[0].ring)
            .await;
    }
    for some in calls.chunks(500) {
        let registered = some.iter().filter(|call| call.id % 11 != 0);
        let entries = registered.map(|call| entry(draw, call, 0)).collect();
        write(stream, entries).await;
    }
    calls
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let count = numbers.first().copied().unwrap_or(100_000);
    let events = numbers.get(1).copied().unwrap_or(2000);
    let (stream, mut draw) = (Stream::open(), Draw(5));
    let began = Instant::now();
    let mut calls = year(&stream, &mut draw, count).await;
    println!("{count} calls and their entries stored in {:.1} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    stream.catch_up().await;
    println!("linked, learned and judged as a whole in {:.1} s", began.elapsed().as_secs_f64());
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    // What the disk takes of it: one small transaction, synchronised.
    let mut commits: Vec<f64> = Vec::new();
    for n in 0..events {
        let kind = match draw.below(200) {
            0..96 => "a call",
            96..192 => "an entry",
            192..198 => "a correction of the week",
            198 => "a correction of any day",
            _ => "a person's word",
        };
        happen(&stream, &mut draw, kind, &mut calls, n).await;
        let began = Instant::now();
        stream.link().await;
        times.entry(kind).or_default().push(began.elapsed().as_secs_f64() * 1000.0);
        let began = Instant::now();
        let key = stream.key;
        let written = stream.data.store.write(move |tx| tx.mark_day(key, "2000-01-01", at(0)));
        written.await.expect("written");
        commits.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    println!("| event | count | p50 ms | p99 ms | most ms |\n|---|---|---|---|---|");
    let all: Vec<f64> = times.values().flatten().copied().collect();
    for (kind, times) in times.into_iter().chain([("all", all), ("a commit alone", commits)]) {
        report(kind, times);
    }
}

async fn happen(stream: &Stream, draw: &mut Draw, kind: &str, calls: &mut Vec<Call>, n: u64) {
    // The desk's day goes on, a call every two minutes.
    let first = calls.iter().map(|call| call.id).filter(|id| *id < 10_000_000).count() as i64;
    let now = (first / CALLS_A_DAY + 1) * DAY_S
        + 8 * 3600
        + n as i64 * 120 % (12 * 3600)
        + n as i64 / 360 * DAY_S;
    match kind {
        "a call" => {
            let call = Call { ring: now, ..call(draw, 10_000_000 + n, 0) };
            stream.deliver(Value::from(told(&call)), now).await;
            stream.data.store.folded().await;
            calls.push(call);
        }
        "an entry" => {
            let call = calls[calls.len() - 1 - draw.below(3) as usize];
            write(stream, vec![entry(draw, &call, n)]).await;
        }
        "a correction of the week" => {
            let call = calls[calls.len() - 1 - draw.below(2000.min(calls.len() as u64)) as usize];
            write(stream, vec![entry(draw, &call, n)]).await;
        }
        "a correction of any day" => {
            let call = calls[draw.below(calls.len() as u64) as usize];
            write(stream, vec![entry(draw, &call, n)]).await;
        }
        _ => {
            let call = calls[calls.len() - 1 - draw.below(200.min(calls.len() as u64)) as usize];
            let (thing, entry_id) = (format!("call:c-{}", call.id), format!("JB-{}", call.id));
            let word = Decision { thing, entry_id, together: Some(false), why: "heard".into() };
            let key = stream.key;
            // Refused where nobody registered the call.
            drop(
                stream
                    .data
                    .store
                    .write(move |tx| tx.decide(key, &word, at(now), "supervisor"))
                    .await,
            );
        }
    }
}

fn report(kind: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)];
    println!("| {kind} | {} | {:.2} | {:.2} | {:.2} |", times.len(), at(0.5), at(0.99), at(1.0));
}

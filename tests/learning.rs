//! What the daemon learns of a site: from its own rows, told in sentences, kept as a fact, switched off by name.

mod stream;

use ringledger::ledger::{Channel, LedgerEntry};
use ringledger::linkage::Beliefs;
use ringledger::linkage::beliefs::Site;
use ringledger::linkage::habits::Off;
use ringledger::linkage::model;
use ringledger::party::PhoneNumber;
use ringledger::store::sqlite::people::Decision;
use ringledger::store::sqlite::{beliefs, links};
use serde_json::json;
use stream::{Stream, at};

const CALLS: i64 = 150;

fn ring(n: i64) -> i64 {
    n / 30 * 86_400 + n % 30 * 1100 + n * 7919 % 500
}

fn number(n: i64) -> String {
    format!("138{:08}", n * 7_654_321 % 100_000_000)
}

/// A desk that writes an extension after every number, and nothing else that would tell calls of one hour apart.
async fn desk() -> Stream {
    let stream = Stream::open();
    for n in 0..CALLS {
        let event = |kind: &str, second: i64| {
            json!({ "type": kind, "at": at(second).to_rfc3339(), "call": format!("c-{n}"), "leg": format!("l-{n}"),
                    "extension": "8001", "from": number(n) })
        };
        let told = [("leg.alerting", 0), ("leg.joined", 5), ("call.ended", 65)];
        let told: Vec<_> = told.iter().map(|(kind, after)| event(kind, ring(n) + after)).collect();
        stream.deliver(json!(told), ring(n)).await;
        let entry = LedgerEntry {
            entry_id: format!("JB-{n}"),
            channel: Channel::Phone,
            registered_at: at(ring(n) + 4000 + n * 977 % 3000),
            occurred_at: None,
            occurred_day_only: false,
            number: PhoneNumber::known(&format!("{}801", number(n))),
            name: None,
            unit: None,
            category: None,
            content: None,
            handler: None,
            call_id: None,
            parent_id: None,
        };
        stream.entry(entry, false).await;
    }
    stream
}

fn linked(stream: &Stream) -> usize {
    let key = stream.key;
    let found = stream.data.store.read(|connection| {
        let mut linked = 0;
        for n in 0..CALLS {
            let id = format!("JB-{n}");
            if let Some(fact) = ringledger::store::sqlite::entries::by_id(connection, key, &id)? {
                linked += usize::from(links::of_entry(connection, fact.key)?.is_some());
            }
        }
        Ok(linked)
    });
    found.expect("read")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_learned_told_and_rebuilt_the_same_and_a_habit_can_be_switched_off() {
    let mut stream = desk().await;
    let key = stream.key;
    stream.link().await;
    let before = linked(&stream);
    stream.catch_up().await;
    let learned =
        stream.data.store.read(|connection| beliefs::learned(connection, key)).expect("read");
    let (_, learned) = learned.expect("it was learned");
    let told = learned.habits.iter().find(|habit| habit.name == "number-affix").expect("a habit");
    assert!(told.sentence.starts_with("the ledger writes 801 after numbers: 1"), "{told:?}");
    let after = linked(&stream);
    assert!(after > 140 && after > before, "{before} links before it was learned, {after} after");
    assert_eq!(stream.replayed().await, []);
    stream.site.versions[0].habits_off = vec!["number-affix".into()];
    stream.catch_up().await;
    let learned =
        stream.data.store.read(|connection| beliefs::learned(connection, key)).expect("read");
    let (_, learned) = learned.expect("it was learned again");
    assert!(
        learned.habits.iter().all(|habit| habit.name != "number-affix"),
        "{:?}",
        learned.habits
    );
    assert!(linked(&stream) < after, "what is not taken off hides the number");
    stream.data.store.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_after_learning_is_linked_by_what_was_learned_and_so_is_a_replay() {
    let stream = desk().await;
    stream.catch_up().await;
    let key = stream.key;
    for n in [3, 70, 149] {
        let thing = format!("call:c-{n}");
        let word = Decision {
            thing,
            entry_id: format!("JB-{n}"),
            together: Some(false),
            why: "heard".into(),
        };
        stream
            .data
            .store
            .write(move |tx| tx.decide(key, &word, at(0), "supervisor"))
            .await
            .expect("decided");
        stream.link().await;
    }
    assert_eq!(stream.replayed().await, []);
    stream.data.store.close();
}

#[test]
fn what_people_said_counts_as_labels() {
    let at = |minute: i64| stream::at(minute * 60);
    let mut site = Site { name: "s", ..Site::default() };
    for n in 0..60 {
        let mut contact = contact(n, at(n * 90));
        contact.number = None;
        site.contacts.push(contact);
        // Typed three hours later without number or time: nothing but a person can tell.
        site.rows.push(row(n, at(n * 90 + 180)));
    }
    let (plain, _) = Beliefs::learned(site.clone(), &Off::default());
    for n in 0..60 {
        site.decided.push(ringledger::linkage::Decided { contact: n, entry: n, together: true });
    }
    let (labelled, _) = Beliefs::learned(site.clone(), &Off::default());
    let late = |beliefs: &Beliefs| {
        let table = beliefs.model.table(model::LAG);
        table[27..31].iter().sum::<f64>()
    };
    assert!(late(&labelled) > late(&plain) + 0.1, "{} {}", late(&plain), late(&labelled));
    assert_eq!(
        Beliefs::learned(site.clone(), &Off::default()).0,
        labelled,
        "the same rows, the same beliefs"
    );
}

fn contact(key: i64, started_at: ringledger::call::Moment) -> ringledger::linkage::Contact {
    ringledger::linkage::Contact {
        key,
        call_ids: Vec::new(),
        number: None,
        direction: ringledger::call::Direction::Inbound,
        started_at,
        answered_at: Some(started_at),
        ended_at: Some(started_at + chrono::TimeDelta::minutes(1)),
        extension: Some("8001".into()),
        agent: None,
        answered: true,
    }
}

fn row(key: i64, registered_at: ringledger::call::Moment) -> ringledger::linkage::Row {
    ringledger::linkage::Row {
        key,
        channel: Channel::Phone,
        number: None,
        other_numbers: Vec::new(),
        mentioned: None,
        registered_at,
        occurred_at: None,
        occurred_day_only: false,
        name: None,
        handler: None,
        unit: None,
        call_id: None,
        imported: false,
    }
}

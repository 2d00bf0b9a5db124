//! Linking what a change reaches comes to the same as linking the whole site again.

use chrono::{DateTime, TimeDelta};
use ringledger::call::{Direction, Moment};
use ringledger::ledger::Channel;
use ringledger::linkage::{
    Bars, Beliefs, Change, Contact, Decided, Desk, Directory, Home, Links, More, Proposal, Row,
    Thresholds, link, reach_s, relink,
};
use std::collections::BTreeSet;

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

/// Alike enough to be mistaken: one digit wrong, the same tail, the same head, four digits only.
const NUMBERS: [&str; 8] = [
    "13800138001",
    "13800138002",
    "13900138001",
    "13812345678",
    "57180138001",
    "13800131234",
    "8001",
    "1234",
];

fn at(second: i64) -> Moment {
    DateTime::from_timestamp(1_795_400_000, 0).expect("a moment") + TimeDelta::seconds(second)
}

#[derive(Clone, Default)]
struct World {
    contacts: Vec<Contact>,
    rows: Vec<Row>,
    decided: Vec<Decided>,
    directory: Directory,
}

/// Some days, with an hour in which all happens at once.
fn second(draw: &mut Draw) -> i64 {
    let day = draw.below(20) as i64 * 86_400;
    if draw.one_in(2) { day + draw.below(900) as i64 } else { day + draw.below(36_000) as i64 }
}

fn contact(draw: &mut Draw, key: i64, others: &[Contact]) -> Contact {
    let mut start = second(draw);
    let mut number: ringledger::linkage::Text = NUMBERS[draw.below(8) as usize].into();
    if let Some(before) = others.get(draw.below(12) as usize) {
        // A leg of a transferred call.
        start =
            before.ended_at.map_or(start, |end| (end - at(0)).num_seconds() + draw.below(9) as i64);
        number = before.number.clone().unwrap_or(number);
    }
    let answered = !draw.one_in(6);
    Contact {
        key,
        call_ids: vec![format!("c-{}", if draw.one_in(9) { 1 } else { key }).into()],
        number: (!draw.one_in(6)).then_some(number),
        direction: if draw.one_in(5) { Direction::Outbound } else { Direction::Inbound },
        started_at: at(start),
        answered_at: answered.then(|| at(start + 8)),
        ended_at: Some(at(start + 10 + draw.below(240) as i64)),
        extension: answered.then(|| format!("800{}", draw.below(3)).into()),
        agent: None,
        answered,
    }
}

fn row(draw: &mut Draw, key: i64, contacts: &[Contact]) -> Row {
    let of = &contacts[draw.below(contacts.len() as u64) as usize];
    let start = (of.started_at - at(0)).num_seconds();
    let day_only = draw.one_in(9);
    let written = match draw.below(5) {
        0 => start / 300 * 300,
        1 => start + draw.below(3600) as i64 - 1800,
        _ => start / 60 * 60,
    };
    let late = if draw.one_in(4) { 90_000 } else { 400 };
    let registered = start + 60 + draw.below(late) as i64;
    let occurred =
        if day_only { Some(at(written.div_euclid(86_400) * 86_400)) } else { Some(at(written)) };
    let number = of.number.clone().filter(|_| !draw.one_in(3));
    Row {
        key,
        channel: [
            Channel::Phone,
            Channel::Phone,
            Channel::Phone,
            Channel::FollowUp,
            Channel::WalkIn,
        ][draw.below(5) as usize],
        number: if draw.one_in(5) { Some(NUMBERS[draw.below(8) as usize].into()) } else { number },
        other_numbers: if draw.one_in(9) {
            vec![NUMBERS[draw.below(8) as usize].into()]
        } else {
            Vec::new()
        },
        mentioned: draw.one_in(7).then(|| NUMBERS[draw.below(8) as usize].into()),
        registered_at: at(registered),
        occurred_at: occurred.filter(|_| !draw.one_in(5)),
        occurred_day_only: day_only,
        name: None,
        handler: Some(format!("800{}", draw.below(3)).into()),
        unit: (!draw.one_in(3)).then(|| format!("1-1-{}", draw.below(3)).into()),
        call_id: draw
            .one_in(4)
            .then(|| format!("c-{}", if draw.one_in(4) { 999 } else { of.key }).into()),
        imported: draw.one_in(12),
    }
}

fn world(draw: &mut Draw) -> World {
    let mut world = World::default();
    for unit in 0..3 {
        let numbers = vec![NUMBERS[unit].into(), NUMBERS[unit + 3].into()];
        world.directory.insert(format!("1-1-{unit}"), Home { numbers, names: Vec::new() });
    }
    for key in 1..=12 + draw.below(24) as i64 {
        let new = contact(draw, key, &world.contacts);
        world.contacts.push(new);
    }
    for key in 1..=10 + draw.below(24) as i64 {
        let new = row(draw, key, &world.contacts);
        world.rows.push(new);
    }
    for _ in 0..draw.below(3) {
        let word = word(draw);
        world.decided.push(word);
    }
    world
}

fn word(draw: &mut Draw) -> Decided {
    Decided {
        contact: draw.below(14) as i64 + 1,
        entry: draw.below(12) as i64 + 1,
        together: !draw.one_in(3),
    }
}

/// Changes a few things and says which, as they were.
fn change(draw: &mut Draw, world: &mut World) -> Change {
    let mut change = Change::default();
    for _ in 0..1 + draw.below(3) {
        match draw.below(7) {
            0 | 1 => {
                let key = 100 + draw.below(900) as i64;
                let new = contact(draw, key, &world.contacts);
                if change.contacts.insert(key) {
                    world.contacts.push(new);
                }
            }
            2 => {
                let key = 100 + draw.below(900) as i64;
                let new = row(draw, key, &world.contacts);
                if change.rows.insert(key) {
                    world.rows.push(new);
                }
            }
            3 => {
                let place = draw.below(world.contacts.len() as u64) as usize;
                let key = world.contacts[place].key;
                if change.contacts.insert(key) {
                    change.contacts_before.push(world.contacts[place].clone());
                    let others = world.contacts.clone();
                    if draw.one_in(4) {
                        world.contacts.remove(place);
                    } else if draw.one_in(2) {
                        world.contacts[place] = contact(draw, key, &others);
                    } else {
                        world.contacts[place].answered = !world.contacts[place].answered;
                        world.contacts[place].ended_at =
                            Some(world.contacts[place].started_at + TimeDelta::minutes(4));
                    }
                }
            }
            4 | 5 => {
                let place = draw.below(world.rows.len() as u64) as usize;
                let key = world.rows[place].key;
                if change.rows.insert(key) {
                    change.rows_before.push(world.rows[place].clone());
                    world.rows[place] = row(draw, key, &world.contacts);
                }
            }
            _ => {
                let word = if draw.one_in(2) { world.decided.pop() } else { None };
                let word = word.unwrap_or_else(|| {
                    let word = word_of(draw);
                    world.decided.push(word);
                    word
                });
                // What people said before may hold now, or not any more.
                for word in world.decided.iter().chain([&word]) {
                    touch(world, word, &mut change);
                }
            }
        }
    }
    change
}

fn word_of(draw: &mut Draw) -> Decided {
    word(draw)
}

fn touch(world: &World, word: &Decided, change: &mut Change) {
    if change.contacts.insert(word.contact) {
        change
            .contacts_before
            .extend(world.contacts.iter().find(|one| one.key == word.contact).cloned());
    }
    if change.rows.insert(word.entry) {
        change.rows_before.extend(world.rows.iter().find(|one| one.key == word.entry).cloned());
    }
}

fn desk(world: &World) -> Desk<'_> {
    Desk {
        contacts: &world.contacts,
        rows: &world.rows,
        directory: &world.directory,
        decided: &world.decided,
    }
}

fn bars() -> Bars {
    Thresholds { auto: 0.9, suggest: 0.2 }.into()
}

/// All that is said of some contacts.
fn about(links: &Links, is_asked: impl Fn(i64) -> bool) -> Vec<Vec<Proposal>> {
    let lists = [
        &links.linked,
        &links.suggested,
        &links.ambiguous,
        &links.second_entries,
        &links.mis_filed,
    ];
    let kept =
        |list: &Vec<Proposal>| list.iter().filter(|one| is_asked(one.contact)).cloned().collect();
    lists.into_iter().map(kept).collect()
}

#[test]
fn a_part_is_linked_as_the_whole_and_nothing_else_changes() {
    let beliefs = Beliefs::shipped();
    let (mut said, mut parts, mut all) = (0, 0, 0);
    for seed in 0..1200 {
        let mut draw = Draw(seed * 977 + 5);
        let mut world = world(&mut draw);
        let before = link(&desk(&world), &beliefs, &bars());
        let change = change(&mut draw, &mut world);
        let after = link(&desk(&world), &beliefs, &bars());
        let part = relink(&desk(&world), (i64::MIN, i64::MAX), &change, &beliefs, &bars())
            .expect("all is there");
        let is_in = |contact| part.contacts.contains(&contact);
        assert_eq!(
            about(&part.links, |_| true),
            about(&after, is_in),
            "seed {seed}: within the part"
        );
        assert_eq!(
            about(&before, |c| !is_in(c)),
            about(&after, |c| !is_in(c)),
            "seed {seed}: beyond the part"
        );
        said += after.linked.len();
        parts += part.contacts.len();
        all += world.contacts.len();
    }
    assert!(said > 5000, "the worlds hold links: {said}");
    assert!(parts * 4 < all * 3, "a part is less than the whole: {parts} of {all}");
}

#[test]
fn a_part_that_reaches_beyond_what_is_there_asks_for_more() {
    let mut draw = Draw(3);
    let mut world = world(&mut draw);
    let change = change(&mut draw, &mut world);
    let middle = at(0).timestamp() + 10 * 86_400;
    let more = relink(&desk(&world), (middle, middle), &change, &Beliefs::shipped(), &bars());
    let More { from, to } = more.expect_err("it reaches further");
    assert!(to - from >= 2 * reach_s(), "{from} {to}");
    assert_eq!(BTreeSet::from([from <= middle, to >= middle]), BTreeSet::from([true]));
}

//! Samples for trainers: anybody draws them again, every agent is heard, and no number leaves the house.

mod desk;

use chrono::TimeDelta;
use desk::{Day, call, day, measures, moment, recording};
use proptest::prelude::*;
use ringledger::call::{Direction, Verdict};
use ringledger::party::PhoneNumber;
use ringledger::recording::SoundClass;
use ringledger::render::page::html;
use ringledger::render::sample::SamplePage;
use ringledger::render::words::Language;
use ringledger::review::{Candidate, DrawQuestion, draw, frame};
use std::collections::{BTreeMap, BTreeSet};

const NUMBER: &str = "13800138001";

fn question(per_agent: usize, seed: u64) -> DrawQuestion {
    DrawQuestion { per_agent, talk_ms_min: 0, seed }
}

/// A frame of so many calls for each agent, every fifth answered late.
fn calls_of(sizes: &[usize]) -> Vec<Candidate> {
    let agents = sizes.iter().enumerate();
    let calls = agents.flat_map(|(agent, size)| (0..*size).map(move |n| (agent, n)));
    calls
        .map(|(agent, n)| Candidate {
            call: (agent * 1000 + n) as i64,
            call_id: format!("{agent}-{n}"),
            agent: format!("800{agent}"),
            offered_at: moment(9, 0, 0) + TimeDelta::seconds(n as i64),
            talk_ms: 60_000,
            verdict: if n % 5 == 4 { "late" } else { "within" }.to_owned(),
            party: "-".to_owned(),
            recordings: vec![n as i64],
        })
        .collect()
}

/// The right day with a call that the desk made, a voice message and a call without sound besides.
fn mixed_day() -> Day {
    let mut day = day();
    let mut outbound = call(4, moment(11, 0, 0));
    outbound.call.direction = Direction::Outbound;
    outbound.call.verdict = Some(Verdict::NotApplicable);
    outbound.call.answered_by = None;
    outbound.call.caller = PhoneNumber::known("8002");
    outbound.call.callee = PhoneNumber::known(NUMBER);
    let mut message = call(5, moment(12, 0, 0));
    (message.call.joined, message.call.answered) = (None, None);
    message.call.verdict = Some(Verdict::Unanswered);
    message.call.answered_by = None;
    let silent = call(6, moment(13, 0, 0));
    let mut empty = recording(6, Some(6), moment(13, 0, 0));
    empty.recording.measures = Some(measures(0.0, SoundClass::NoSound));
    day.facts.calls.extend([outbound, message, silent]);
    day.facts.recordings.extend([
        recording(4, Some(4), moment(11, 0, 0)),
        recording(5, Some(5), moment(12, 0, 0)),
        empty,
    ]);
    day
}

#[test]
fn only_talks_with_sound_can_be_drawn_and_follow_up_calls_are_their_callers() {
    let day = mixed_day();
    let frame = frame(&day.question, &day.facts, 0);
    let agents: Vec<(&str, &str, &str)> = frame
        .iter()
        .map(|one| (one.call_id.as_str(), one.agent.as_str(), one.verdict.as_str()))
        .collect();
    let expected = [
        ("call-1", "8001", "within"),
        ("call-2", "8001", "within"),
        ("call-4", "8002", "outbound"),
    ];
    assert_eq!(agents, expected);
}

#[test]
fn a_talk_of_exactly_the_least_length_is_in_and_a_shorter_one_is_not() {
    let day = day();
    let talk_ms = day.facts.calls[0].call.talk_ms().expect("a talk");
    assert_eq!(frame(&day.question, &day.facts, talk_ms).len(), 2);
    assert_eq!(frame(&day.question, &day.facts, talk_ms + 1).len(), 0);
}

#[test]
fn every_drawn_call_says_its_rank_and_the_size_of_its_stratum() {
    let frame = calls_of(&[20, 3]);
    let draw = draw(&frame, question(4, 11));
    assert_eq!(draw.frame, BTreeMap::from([("8000".to_owned(), 20), ("8001".to_owned(), 3)]));
    for one in &draw.calls {
        let own = &one.candidate;
        let same = |other: &&Candidate| other.agent == own.agent && other.verdict == own.verdict;
        assert_eq!(one.of, frame.iter().filter(same).count());
        assert!((1..=one.of).contains(&one.rank));
        assert_eq!(
            one.why,
            format!("agent {}, {}: rank {} of {}", own.agent, own.verdict, one.rank, one.of)
        );
    }
}

#[test]
fn a_longer_talk_or_a_later_call_makes_another_frame() {
    let frame = calls_of(&[5]);
    let digest = |frame: &[Candidate]| draw(frame, question(1, 1)).frame_digest;
    let (mut longer, mut later) = (frame.clone(), frame.clone());
    longer[2].talk_ms += 1;
    later[2].offered_at += TimeDelta::milliseconds(1);
    assert_eq!(digest(&frame).len(), 64);
    assert_ne!(digest(&frame), digest(&longer));
    assert_ne!(digest(&frame), digest(&later));
}

#[test]
fn over_many_seeds_every_call_of_a_stratum_is_drawn_about_as_often() {
    let frame = calls_of(&[4]);
    let mut drawn: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..4000 {
        for one in draw(&frame, question(1, seed)).calls {
            *drawn.entry(one.candidate.call_id).or_default() += 1;
        }
    }
    // 4 calls, 4000 draws of one: 1000 each, standard deviation 27.
    assert_eq!(drawn.len(), 4);
    assert!(drawn.values().all(|count| (850..=1150).contains(count)), "{drawn:?}");
}

#[test]
fn the_page_and_the_facts_hold_no_whole_number_and_need_no_server() {
    let day = mixed_day();
    let draw = draw(&frame(&day.question, &day.facts, 0), question(3, 1));
    let zone = day.facts.settings(day.question.as_of).zone();
    let files: Vec<(i64, String)> = draw
        .calls
        .iter()
        .map(|one| (one.candidate.call, format!("sound/{}.wav", one.candidate.call)))
        .collect();
    let facts = serde_json::to_string(&draw).expect("facts");
    assert!(facts.contains("138****8001") && !facts.contains(NUMBER));
    for (language, words) in [(Language::Zh, "分机 8002"), (Language::En, "Extension 8002")] {
        let page = html(&SamplePage::of(&draw, language, zone, files.clone()));
        assert!(page.contains("138****8001") && !page.contains(NUMBER));
        assert!(page.contains(words), "{page}");
        assert!(page.contains(&draw.frame_digest));
        assert!(files.iter().all(|(_, name)| page.contains(&format!("src=\"{name}\""))));
        assert!(!page.contains("http://") && !page.contains("https://"));
    }
}

proptest! {
    #[test]
    fn a_draw_takes_each_call_once_and_as_many_of_each_agent_as_there_are(
        sizes in prop::collection::vec(0usize..30, 1..5),
        per_agent in 0usize..6,
        seed in any::<u64>(),
    ) {
        let frame = calls_of(&sizes);
        let first = draw(&frame, question(per_agent, seed));
        prop_assert_eq!(&first, &draw(&frame, question(per_agent, seed)));
        let ids: BTreeSet<&str> =
            first.calls.iter().map(|one| one.candidate.call_id.as_str()).collect();
        prop_assert_eq!(ids.len(), first.calls.len());
        for (agent, size) in sizes.iter().enumerate() {
            let own = first.calls.iter().filter(|one| one.candidate.agent == format!("800{agent}"));
            prop_assert_eq!(own.count(), per_agent.min(*size));
        }
    }

    #[test]
    fn the_order_of_the_frame_does_not_change_who_is_drawn(
        shuffled in Just(calls_of(&[12, 7])).prop_shuffle(),
        seed in any::<u64>(),
    ) {
        let ids = |frame: &[Candidate]| {
            let calls = draw(frame, question(3, seed)).calls;
            calls.into_iter().map(|one| one.candidate.call_id).collect::<Vec<_>>()
        };
        prop_assert_eq!(ids(&shuffled), ids(&calls_of(&[12, 7])));
    }
}

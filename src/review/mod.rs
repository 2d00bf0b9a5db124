//! For trainers: sample calls, drawn so that anybody can draw them again.

use crate::audit::{CallFact, Facts, Question, RecordingFact};
use crate::call::event::Moment;
use crate::call::{Call, Direction, Verdict};
use crate::standard::World;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DrawQuestion {
    /// Calls of each agent at most.
    pub per_agent: usize,
    /// Shorter talks are not drawn, in milliseconds.
    pub talk_ms_min: i64,
    pub seed: u64,
}

/// A call that may be drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    pub call: i64,
    pub call_id: String,
    /// The extension that answered, or from which the desk called.
    pub agent: String,
    pub offered_at: Moment,
    pub talk_ms: i64,
    /// `within` or `late`; `outbound` for calls of the desk; `other` where no verdict could be
    /// given.
    pub verdict: String,
    /// The caller's number, masked.
    pub party: String,
    /// Keys of its recordings with sound, in order.
    pub recordings: Vec<i64>,
}

/// A call that was drawn, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drawn {
    #[serde(flatten)]
    pub candidate: Candidate,
    /// Its place in its stratum, the calls of one agent and verdict, counted from 1.
    pub rank: usize,
    /// Calls of its stratum.
    pub of: usize,
    pub why: String,
}

/// A draw: the same question over the same frame gives the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Draw {
    pub question: DrawQuestion,
    /// SHA-256 over the frame: what the draw was made from.
    pub frame_digest: String,
    /// Calls in the frame by agent.
    pub frame: BTreeMap<String, usize>,
    pub calls: Vec<Drawn>,
}

/// Calls of a question that a trainer can listen to: answered at the desk, with sound, long enough.
pub fn frame(question: &Question, facts: &Facts, talk_ms_min: i64) -> Vec<Candidate> {
    let world = World::of(question, facts);
    let mut frame: Vec<Candidate> = world
        .calls_asked()
        .filter_map(|fact| {
            let playable = |one: &&&RecordingFact| one.recording.is_playable();
            let recordings: Vec<&RecordingFact> =
                world.sound_of(fact.key).filter(playable).copied().collect();
            candidate(fact, &recordings).filter(|one| one.talk_ms >= talk_ms_min)
        })
        .collect();
    frame.sort_by_key(|one| (one.offered_at, one.call));
    frame
}

fn candidate(fact: &CallFact, recordings: &[&RecordingFact]) -> Option<Candidate> {
    let call = &fact.call;
    let verdict = match call.verdict {
        _ if call.direction == Direction::Outbound => "outbound",
        Some(Verdict::Within { .. }) => "within",
        Some(Verdict::Late { .. }) => "late",
        _ => "other",
    };
    let party = call.outside_party().map_or_else(|| "-".to_owned(), |number| number.masked());
    // A voice message has sound and no agent.
    (call.is_answered() && !recordings.is_empty()).then(|| Candidate {
        call: fact.key,
        call_id: call.call_id.clone(),
        agent: agent(call),
        offered_at: call.offered_at,
        talk_ms: call.talk_ms().unwrap_or_default(),
        verdict: verdict.to_owned(),
        party,
        recordings: recordings.iter().map(|one| one.key).collect(),
    })
}

/// The extension that spoke for the desk.
fn agent(call: &Call) -> String {
    let own = match call.direction {
        Direction::Outbound => call.caller.as_ref().map(|phone| phone.exposed().to_owned()),
        _ => call.answered_by.clone(),
    };
    own.unwrap_or_else(|| "-".to_owned())
}

/// Ranked candidates by agent and verdict.
type Strata<'a> = BTreeMap<(&'a str, &'a str), Vec<(&'a Candidate, [u8; 32])>>;

/// Draws from a frame: for each agent, the verdicts in turn, so that late answers are heard too;
/// within a stratum by a rank that only seed and call decide.
pub fn draw(frame: &[Candidate], question: DrawQuestion) -> Draw {
    let mut strata = Strata::new();
    for one in frame {
        let rank = rank(question.seed, &one.call_id);
        strata.entry((&one.agent, &one.verdict)).or_default().push((one, rank));
    }
    strata.values_mut().for_each(|list| list.sort_by_key(|(_, rank)| *rank));
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    frame.iter().for_each(|one| *sizes.entry(one.agent.clone()).or_default() += 1);
    let mut calls = Vec::new();
    for agent in sizes.keys() {
        calls.extend(of_agent(agent, &strata, &question));
    }
    Draw { question, frame_digest: digest(frame), frame: sizes, calls }
}

fn of_agent(agent: &str, strata: &Strata<'_>, question: &DrawQuestion) -> Vec<Drawn> {
    let own: Vec<_> = strata.iter().filter(|((of, _), _)| *of == agent).collect();
    let deepest = own.iter().map(|(_, list)| list.len()).max().unwrap_or(0);
    let mut drawn = Vec::new();
    for depth in 0..deepest {
        for ((_, verdict), list) in &own {
            if let Some((one, _)) = list.get(depth).filter(|_| drawn.len() < question.per_agent) {
                let (rank, of) = (depth + 1, list.len());
                let why = format!("agent {agent}, {verdict}: rank {rank} of {of}");
                drawn.push(Drawn { candidate: (*one).clone(), rank, of, why });
            }
        }
    }
    drawn
}

fn rank(seed: u64, call_id: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(call_id);
    hash.finalize().into()
}

fn digest(frame: &[Candidate]) -> String {
    let mut hash = Sha256::new();
    for one in frame {
        for text in [&one.call_id, &one.agent, &one.verdict] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.update(one.offered_at.timestamp_millis().to_be_bytes());
        hash.update(one.talk_ms.to_be_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk(calls: usize) -> Vec<Candidate> {
        (0..calls)
            .map(|n| Candidate {
                call: n as i64,
                call_id: format!("c-{n}"),
                agent: ["8001", "8002"][n % 2].to_owned(),
                offered_at: Moment::default(),
                talk_ms: 60_000,
                verdict: if n % 7 == 0 { "late" } else { "within" }.to_owned(),
                party: "-".into(),
                recordings: vec![n as i64],
            })
            .collect()
    }

    fn question(seed: u64) -> DrawQuestion {
        DrawQuestion { per_agent: 3, talk_ms_min: 0, seed }
    }

    #[test]
    fn the_same_seed_draws_the_same_calls_and_another_seed_others() {
        let frame = desk(100);
        assert_eq!(draw(&frame, question(7)), draw(&frame, question(7)));
        let ids = |draw: Draw| {
            draw.calls.into_iter().map(|one| one.candidate.call_id).collect::<Vec<_>>()
        };
        assert_ne!(ids(draw(&frame, question(7))), ids(draw(&frame, question(8))));
    }

    #[test]
    fn every_agent_is_heard_and_late_answers_too() {
        let draw = draw(&desk(100), question(1));
        for agent in ["8001", "8002"] {
            let own: Vec<_> =
                draw.calls.iter().filter(|one| one.candidate.agent == agent).collect();
            assert_eq!(own.len(), 3);
            assert!(own.iter().any(|one| one.candidate.verdict == "late"), "{own:?}");
        }
    }

    #[test]
    fn a_changed_frame_has_another_digest() {
        assert_ne!(
            draw(&desk(10), question(1)).frame_digest,
            draw(&desk(11), question(1)).frame_digest
        );
    }
}

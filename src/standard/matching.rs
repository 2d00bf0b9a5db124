//! One-to-one: every recording belongs to one entry, every entry to one recording (R2, R4, R39,
//! R69). One fault gives one finding.

use super::facts::{CallFact, EntryFact};
use super::world::{World, about_call, about_entry, about_pair, about_recording, said, said_at};
use crate::call::rings::UnknownReason;
use crate::call::{Direction, Verdict};
use crate::finding::{Code, Finding};
use crate::ledger::Channel;
use crate::recording::set::arrange;
use chrono::TimeDelta;

/// How far a written time may lie from the call before it is a finding, in minutes.
const TIME_MIN_MAX: i64 = 30;
/// How much shorter than the talk a recording may be: for the frames at both ends.
const LENGTH_SLACK_S: f64 = 3.0;
/// … and of the talk itself, for parts that a transfer leaves out.
const LENGTH_SLACK_SHARE: f64 = 0.1;

/// R2: an answered call without its recording, once its grace has run out.
pub fn recordings_owed(world: &World<'_>, findings: &mut Vec<Finding>) {
    for fact in world.calls_asked() {
        let Some(ended_at) = fact.call.ended_at else { continue };
        let grace_s = world.facts.settings(fact.call.offered_at).recording_grace_s;
        let missing = fact.call.is_answered() && !world.sets.contains_key(&fact.key);
        if missing && world.question.is_over(ended_at, grace_s) {
            let since = ended_at + TimeDelta::seconds(grace_s);
            let talk = said("talk_ms", fact.call.talk_ms().unwrap_or_default());
            let why = world.facts.unfetched.get(&fact.key).map(|why| said("fetch", why));
            let evidence = [talk].into_iter().chain(why).collect();
            findings.push(about_call(Code::CallWithoutRecording, fact, since, evidence));
        }
    }
}

/// R4, R69: a call that reached the desk and is not in the ledger; or is hidden behind a walk-in;
/// or fits several.
pub fn entries_owed(world: &World<'_>, findings: &mut Vec<Finding>) {
    for fact in world.calls_asked() {
        let Some(ended_at) = fact.call.ended_at else { continue };
        let grace_s = world.facts.settings(fact.call.offered_at).entry_grace_s;
        let since = ended_at + TimeDelta::seconds(grace_s);
        let unlinked = !world.by_call.contains_key(&fact.key);
        if !unlinked || !world.question.is_over(ended_at, grace_s) {
            continue;
        }
        let hidden = world.mis_filed.get(&fact.key).and_then(|entry| world.entries.get(entry));
        let claimed = world.claim_of(fact).filter(|_| world.is_owed_an_entry(fact));
        if let Some(entry) = hidden.filter(|_| world.owes_entry(fact)) {
            findings.push(about_pair(Code::MisFiledWalkIn, fact, entry, since, Vec::new()));
        } else if world.ambiguous_contacts.contains(&fact.key) {
            findings.push(about_call(Code::Ambiguous, fact, since, rivals(world, fact.key)));
        } else if let Some(entry) = claimed {
            let other =
                world.by_entry.get(&entry.key).and_then(|link| world.calls.get(&link.call?));
            let other = other.map(|call| said("other_call", &call.call.call_id));
            let evidence = other.into_iter().collect();
            findings.push(about_pair(Code::TwoRecordingsOneEntry, fact, entry, since, evidence));
        } else if world.owes_entry(fact) {
            let likely = suggestions(world, fact.key);
            findings.push(about_call(Code::CallWithoutEntry, fact, since, likely));
        } else if let Some(recording) = world.sound_of(fact.key).next() {
            findings.push(about_recording(
                Code::RecordingWithoutEntry,
                recording,
                since,
                Vec::new(),
            ));
        }
    }
}

fn rivals(world: &World<'_>, contact: i64) -> Vec<String> {
    let pairs = world.rivals.get(&contact).into_iter().flatten();
    pairs
        .filter_map(|pair| Some(said("fits", &world.entries.get(&pair.entry)?.entry.entry_id)))
        .collect()
}

fn suggestions(world: &World<'_>, contact: i64) -> Vec<String> {
    let pairs = world.likely.get(&contact).into_iter().flatten();
    pairs
        .filter_map(|pair| {
            let entry = world.entries.get(&pair.entry)?;
            Some(said("perhaps", format!("{} ({:.2})", entry.entry.entry_id, pair.probability)))
        })
        .collect()
}

/// A recording that belongs to no call.
pub fn calls_of_recordings(world: &World<'_>, findings: &mut Vec<Finding>) {
    for fact in world.recordings_asked() {
        let grace_s = world.facts.settings(fact.at()).recording_grace_s;
        let arrived_at = fact.recording.arrived_at;
        let alone = fact.call.is_none() && fact.recording.has_sound();
        if alone && world.question.is_over(arrived_at, grace_s) {
            let since = arrived_at + TimeDelta::seconds(grace_s);
            findings.push(about_recording(Code::RecordingWithoutCall, fact, since, Vec::new()));
        }
    }
}

/// R39: a phone entry without a call, or a second entry of one call.
pub fn calls_owed(world: &World<'_>, findings: &mut Vec<Finding>) {
    for fact in world.entries_asked().filter(|fact| world.owes_call(fact)) {
        if world.by_entry.contains_key(&fact.key) {
            continue;
        }
        let grace_s = world.facts.settings(fact.at()).entry_grace_s;
        if !world.question.is_over(fact.at(), grace_s) {
            continue;
        }
        let since = fact.at() + TimeDelta::seconds(grace_s);
        let told = world.second.get(&fact.key).and_then(|call| world.calls.get(call));
        if let Some(call) = told {
            let first =
                world.by_call.get(&call.key).and_then(|link| world.entries.get(&link.entry));
            let first = first.map(|entry| said("first_entry", &entry.entry.entry_id));
            let evidence = first.into_iter().collect();
            findings.push(about_pair(Code::TwoEntriesOneRecording, call, fact, since, evidence));
        } else if !world.ambiguous_entries.contains(&fact.key) {
            findings.push(about_entry(Code::EntryWithoutCall, fact, since, Vec::new()));
        }
    }
}

/// R39: an entry whose call was taken by somebody else than the desk, and left no sound.
pub fn recordings_of_entries(world: &World<'_>, findings: &mut Vec<Finding>) {
    for (call, entry) in world.pairs_asked() {
        let Some(ended_at) = call.call.ended_at else { continue };
        let grace_s = world.facts.settings(call.call.offered_at).recording_grace_s;
        let elsewhere = matches!(
            call.call.verdict,
            Some(Verdict::Unknown { reason: UnknownReason::TakenElsewhere })
        );
        // What the desk itself answered is told as a call without recording: one fault, one
        // finding.
        let owed = elsewhere && !call.call.is_answered() && !world.sets.contains_key(&call.key);
        if owed && world.question.is_over(ended_at, grace_s) {
            let since = ended_at + TimeDelta::seconds(grace_s);
            findings.push(about_pair(Code::EntryWithoutRecording, call, entry, since, Vec::new()));
        }
    }
}

/// R39: what a linked pair says differently of number, time, agent and direction.
pub fn differences(world: &World<'_>, findings: &mut Vec<Finding>) {
    for (call, entry) in world.pairs_asked() {
        let since = entry.entry.registered_at;
        let mut differs = |code, evidence| {
            findings.push(about_pair(code, call, entry, since, evidence));
        };
        if let (Some(called), Some(written)) = (call.call.outside_party(), &entry.entry.number)
            && !same_line(&called.folded(), &written.folded())
        {
            differs(Code::NumberDiffers, wrong_digits(&called.folded(), &written.folded()));
        }
        if let Some(apart) = apart(world, call, entry) {
            differs(Code::TimeDiffers, vec![said("apart_min", apart.num_minutes())]);
        }
        let handler = entry.entry.handler.as_deref().map(str::trim);
        let extension = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if let (Some(handler), Some(by)) = (handler.filter(extension), &call.call.answered_by)
            && handler != by
        {
            differs(Code::AgentDiffers, vec![said("handler", handler), said("answered_by", by)]);
        }
        let outbound = call.call.direction == Direction::Outbound;
        if outbound != (entry.entry.channel == Channel::FollowUp) {
            differs(Code::DirectionDiffers, Vec::new());
        }
    }
}

/// Where one or two digits differ: both numbers masked but for these, so that the slip can be seen
/// and not the number.
fn wrong_digits(called: &str, written: &str) -> Vec<String> {
    let apart: Vec<bool> = called.chars().zip(written.chars()).map(|(a, b)| a != b).collect();
    let count = apart.iter().filter(|apart| **apart).count();
    if called.len() != written.len() || !(1..=2).contains(&count) {
        return Vec::new();
    }
    let shown = |number: &str| {
        let digits = number.chars().zip(&apart);
        digits.map(|(digit, apart)| if *apart { digit } else { '*' }).collect::<String>()
    };
    vec![said("called_digits", shown(called)), said("written_digits", shown(written))]
}

/// How far the written time lies outside the call, where that is too far; of a day, the distance of
/// the days.
fn apart(world: &World<'_>, call: &CallFact, entry: &EntryFact) -> Option<TimeDelta> {
    let at = entry.entry.occurred_at?;
    if entry.entry.occurred_day_only {
        let days = world.facts.day(at) - world.facts.day(call.call.offered_at);
        return (!days.is_zero()).then(|| days.abs());
    }
    let ended_at = call.call.ended_at.unwrap_or(call.call.offered_at);
    let apart = (call.call.offered_at - at).max(at - ended_at);
    (apart > TimeDelta::minutes(TIME_MIN_MAX)).then_some(apart)
}

/// Two ways of writing one line: with or without area code, masked in the middle, or only its last
/// digits.
fn same_line(called: &str, written: &str) -> bool {
    let (called, written) = (called.trim_start_matches('0'), written.trim_start_matches('0'));
    let tail = (3..=6).contains(&written.len()) && called.ends_with(written);
    let area = written.len() >= 7 && (called.ends_with(written) || written.ends_with(called));
    let masked = written.len() == 7
        && called.len() == 11
        && called.starts_with(&written[..3])
        && called.ends_with(&written[3..]);
    written.is_empty() || called.is_empty() || called == written || tail || area || masked
}

/// R2: recordings that are shorter than the talk together, or one that is longer than the whole
/// call.
pub fn lengths(world: &World<'_>, findings: &mut Vec<Finding>) {
    for fact in world.calls_asked() {
        let Some(talk_ms) = fact.call.talk_ms().filter(|_| fact.call.is_answered()) else {
            continue;
        };
        let talk_s = talk_ms as f64 / 1000.0;
        let heard = world.sound_of(fact.key).map(|one| one.recording.measures.as_ref());
        let Some(heard) = heard.collect::<Option<Vec<_>>>().filter(|heard| !heard.is_empty())
        else {
            continue;
        };
        let broken = heard.iter().any(|one| one.class != crate::recording::SoundClass::Ok);
        // Parts of one call lie in several files: together they hold the talk. Copies add nothing.
        let set: Vec<_> = world.sound_of(fact.key).map(|one| &one.recording).collect();
        let parts = arrange(&set).into_iter().filter(|piece| piece.copy_of.is_none());
        let together = parts.map(|piece| piece.length_s).sum::<f64>();
        let longest = heard.iter().map(|one| one.duration_s).fold(0.0, f64::max);
        let ended_at = fact.call.ended_at.unwrap_or(fact.call.offered_at);
        let whole_s = (ended_at - fact.call.offered_at).num_milliseconds() as f64 / 1000.0;
        let slack_s = LENGTH_SLACK_S.max(talk_s * LENGTH_SLACK_SHARE);
        // A transfer's ringing is left out of the file, and belongs to the talk.
        let short = !fact.call.transferred && together < talk_s - slack_s;
        let recorded_s = if short { together } else { longest };
        let grace_s = world.facts.settings(fact.call.offered_at).recording_grace_s;
        let complete = world.question.is_over(ended_at, grace_s);
        if !broken && complete && (short || longest > whole_s + slack_s) {
            let evidence = vec![
                said("talk_s", format!("{talk_s:.1}")),
                said("recorded_s", format!("{recorded_s:.1}")),
            ];
            findings.push(about_call(Code::LengthDiffers, fact, ended_at, evidence));
        }
    }
}

/// R23: registered later than the limit after the call's end.
pub fn late_registration(world: &World<'_>, findings: &mut Vec<Finding>) {
    for (call, entry) in world.pairs_asked() {
        let Some(ended_at) = call.call.ended_at else { continue };
        let limit_s = world.facts.settings(call.call.offered_at).registration_limit_s;
        let took = entry.entry.registered_at - ended_at;
        if took > TimeDelta::seconds(limit_s) {
            let took_s = took.num_milliseconds() as f64 / 1000.0;
            let since = ended_at + TimeDelta::seconds(limit_s);
            let evidence = vec![
                said_at("ended_at", ended_at),
                said_at("registered_at", entry.entry.registered_at),
                said("took_s", took_s),
            ];
            findings.push(about_pair(Code::LateRegistration, call, entry, since, evidence));
        }
    }
}

/// R7, R20, R37, R47: fields that every entry of a call must have, or of a matter under it.
pub fn fields(world: &World<'_>, findings: &mut Vec<Finding>) {
    for fact in world.entries_asked().filter(|fact| fact.entry.channel == Channel::Phone) {
        let entry = &fact.entry;
        let blank = |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
        let own = !world.is_child(fact);
        let withheld = world.call_of(fact).is_some_and(|call| call.call.outside_party().is_none());
        let missing: Vec<String> = [
            ("content", blank(&entry.content)),
            ("handler", blank(&entry.handler)),
            ("category", entry.category.is_none()),
            ("number", own && !withheld && entry.number.is_none()),
            ("name", own && entry.name.is_none()),
            ("unit", own && blank(&entry.unit)),
        ]
        .into_iter()
        .filter(|(_, missing)| *missing)
        .map(|(name, _)| said("missing", name))
        .collect();
        if !missing.is_empty() {
            findings.push(about_entry(Code::MissingField, fact, entry.registered_at, missing));
        }
    }
}

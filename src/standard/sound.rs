//! What is wrong with the sound of recordings (R2).

use super::facts::{CallFact, RecordingFact};
use super::world::{World, about_recording, said, said_at};
use crate::call::event::Bounds;
use crate::call::rings::{elapsed_ms, ring_number};
use crate::call::{CallRules, Verdict};
use crate::finding::{Code, Finding};
use crate::recording::SoundClass;
use crate::recording::ringback::Ring;
use chrono::TimeDelta;

/// Recordings that are empty though somebody talked, one-sided, cut or unreadable.
pub fn classes(world: &World<'_>, findings: &mut Vec<Finding>) {
    for fact in world.recordings_asked() {
        let Some(measures) = &fact.recording.measures else { continue };
        let talked = fact.call.and_then(|call| world.calls.get(&call));
        let code = match measures.class {
            SoundClass::Ok => continue,
            // A header and no sound, from a call that nobody answered, owes nothing.
            SoundClass::NoSound if talked.is_some_and(|call| call.call.is_answered()) => {
                let spoken = world.sound_of(fact.call.unwrap_or_default()).next().is_some();
                if spoken {
                    continue;
                }
                Code::EmptyAudio
            }
            SoundClass::NoSound => continue,
            SoundClass::OneSided => Code::OneSidedAudio,
            SoundClass::Truncated | SoundClass::UnfinishedHeader => Code::Truncated,
            SoundClass::Undecodable => Code::Undecodable,
        };
        let why = measures.why.as_ref().map(|why| said("why", why)).into_iter().collect();
        findings.push(about_recording(code, fact, fact.recording.arrived_at, why));
    }
}

/// How exactly rings on a recording and the phone system's times can be laid side by side, in
/// milliseconds: a ring must have been there for 0.3 s, and tone and bell are not in step.
const IN_STEP_MS: i64 = 500;
/// How exactly the start of a recording is known, in milliseconds: names tell whole seconds.
const START_MS: i64 = 1500;

/// R1: the rings on a recording are not as many as the phone system's times say. A recording
/// without a ring is no evidence: not every line makes the tone, and not every recorder was on.
pub fn ring_count(world: &World<'_>, findings: &mut Vec<Finding>) {
    for call in world.calls_asked() {
        let counted = matches!(
            call.call.verdict,
            Some(Verdict::Within { .. } | Verdict::Late { .. } | Verdict::Abandoned { .. })
        );
        let times = call.call.alerting.zip(call.call.answered.or_else(|| {
            let ended_at = call.call.ended_at?;
            Some(Bounds::exact(ended_at))
        }));
        let (true, Some((alerting, end))) = (counted, times) else { continue };
        let heard = world.sound_of(call.key).map(|fact| (*fact, rings_before(fact, end)));
        let Some((fact, rings)) = heard.max_by_key(|(_, rings)| rings.len()) else { continue };
        let covers = fact
            .recording
            .begins_at()
            .is_some_and(|start| start <= alerting.latest + TimeDelta::milliseconds(START_MS));
        let period_ms = CallRules::of(world.facts.settings(call.call.offered_at)).cadence.period_ms;
        let (least, greatest) = elapsed_ms(alerting, end);
        let least = ring_number(least - IN_STEP_MS, period_ms);
        let greatest = ring_number(greatest + IN_STEP_MS, period_ms);
        let count = u32::try_from(rings.len()).unwrap_or(u32::MAX);
        if covers && count > 0 && !(least..=greatest).contains(&count) {
            let evidence = timelines(call, alerting, end, (least, greatest), &rings);
            findings.push(about_recording(Code::RingCountDiffers, fact, end.latest, evidence));
        }
    }
}

/// Rings that were heard before the answer, or the caller's end.
fn rings_before(fact: &RecordingFact, end: Bounds) -> Vec<Ring> {
    let (Some(measures), Some(start)) = (&fact.recording.measures, fact.recording.begins_at())
    else {
        return Vec::new();
    };
    let last_ms = (end.latest - start).num_milliseconds() + START_MS;
    let before = |ring: &&Ring| ring.start_s * 1000.0 <= last_ms as f64;
    measures.rings_heard.iter().filter(before).copied().collect()
}

/// Both stories of the ringing, for people to compare.
fn timelines(
    call: &CallFact,
    alerting: Bounds,
    end: Bounds,
    (least, greatest): (u32, u32),
    rings: &[Ring],
) -> Vec<String> {
    let expected =
        if least == greatest { least.to_string() } else { format!("{least}-{greatest}") };
    let what = if call.call.is_answered() { "answered_at" } else { "ended_at" };
    let places: Vec<String> = rings.iter().map(|ring| format!("{:.2}", ring.start_s)).collect();
    vec![
        said("rings_by_events", expected),
        said_at("alerting_at", alerting.earliest),
        said_at(what, end.latest),
        said("rings_heard", rings.len()),
        said("heard_at_s", places.join(" ")),
    ]
}

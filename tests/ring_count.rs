//! The rings on a recording beside those that the phone system's times give.

mod desk;

use desk::{Day, day};
use ringledger::audit;
use ringledger::finding::{Code, Finding};
use ringledger::recording::ringback::Ring;

/// The first call was answered on ring 2, six seconds after its phone began to ring, and its
/// recording began with it.
fn with_rings(starts_s: &[f64]) -> Day {
    let mut day = day();
    let recording = &mut day.facts.recordings[0].recording;
    recording.hints.starts_at = Some(day.facts.calls[0].call.offered_at);
    let rings = starts_s.iter().map(|start_s| Ring { start_s: *start_s, length_s: 1.0 });
    recording.measures.as_mut().expect("measures").rings_heard = rings.collect();
    day
}

fn differs(day: &Day) -> Option<Finding> {
    let report = audit::answer(&day.question, &day.facts).expect("a report");
    report.findings.into_iter().find(|finding| finding.code == Code::RingCountDiffers)
}

#[test]
fn as_many_rings_as_the_phone_system_says_are_no_finding() {
    assert!(differs(&with_rings(&[0.04, 5.04])).is_none());
}

#[test]
fn a_third_ring_on_the_recording_is_found_with_both_timelines() {
    let finding = differs(&with_rings(&[0.0, 2.4, 4.9])).expect("a finding");
    let evidence = finding.evidence.join("\n");
    for part in ["rings_by_events=2", "rings_heard=3", "heard_at_s=0.00 2.40 4.90", "answered_at="]
    {
        assert!(evidence.contains(part), "{part} in\n{evidence}");
    }
    assert!(finding.about.recording.is_some() && finding.about.call.is_some());
}

#[test]
fn a_recording_without_rings_or_one_that_began_later_tells_nothing() {
    assert!(differs(&with_rings(&[])).is_none());
    let mut late = with_rings(&[0.5]);
    let starts_at = &mut late.facts.recordings[0].recording.hints.starts_at;
    *starts_at = starts_at.map(|at| at + chrono::TimeDelta::seconds(5));
    assert!(differs(&late).is_none());
}

#[test]
fn the_rings_of_a_transfer_are_not_those_before_the_answer() {
    assert!(differs(&with_rings(&[0.0, 5.0, 30.0, 35.0])).is_none());
}

#[test]
fn an_answer_on_the_edge_of_a_ring_may_be_either() {
    let mut edge = with_rings(&[0.0, 5.0]);
    let at = edge.facts.calls[0].call.offered_at + chrono::TimeDelta::milliseconds(10_100);
    edge.facts.calls[0].call.answered = Some(ringledger::call::Bounds::exact(at));
    edge.facts.calls[0].call.joined = edge.facts.calls[0].call.answered;
    assert!(differs(&edge).is_none(), "the third ring had no time to sound");
}

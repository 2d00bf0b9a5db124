//! Where the recording of a call stands: expected, arriving, stored, verified, damaged or lost.

mod desk;

use chrono::TimeDelta;
use desk::{call, moment, recording};
use ringledger::call::Moment;
use ringledger::flow::arriving::Arriving;
use ringledger::recording::{Hints, Recording, Standing, State, standing};

const GRACE_S: i64 = 600;

fn state(set: &[Recording], arriving: Option<Moment>, as_of: Moment) -> Option<(State, Moment)> {
    let call = call(1, moment(9, 0, 0)).call;
    let found = standing(&call, set, arriving, as_of, GRACE_S);
    found.map(|Standing { state, since }| (state, since))
}

#[test]
fn a_recording_is_expected_from_the_answer_until_its_grace_has_run_out() {
    let call = call(1, moment(9, 0, 0)).call;
    let joined = call.joined.expect("answered").earliest;
    let lost_at = call.ended_at.expect("ended") + TimeDelta::seconds(GRACE_S);
    let just_before = lost_at - TimeDelta::milliseconds(1);
    assert_eq!(state(&[], None, just_before), Some((State::Expected, joined)));
    assert_eq!(state(&[], None, lost_at), Some((State::Lost, lost_at)));
}

#[test]
fn a_file_on_its_way_is_arriving_even_after_the_grace() {
    let begun = moment(9, 0, 1);
    assert_eq!(state(&[], Some(begun), moment(23, 0, 0)), Some((State::Arriving, begun)));
}

#[test]
fn of_a_set_the_worst_speaks() {
    let good = recording(1, Some(1), moment(9, 0, 5)).recording;
    let at = good.state_at;
    let bad = Recording { state: State::Damaged, ..good.clone() };
    assert_eq!(state(std::slice::from_ref(&good), None, at), Some((State::Verified, at)));
    assert_eq!(state(&[bad, good], None, at), Some((State::Damaged, at)));
}

#[test]
fn a_call_that_nobody_answered_owes_no_recording() {
    let mut call = call(1, moment(9, 0, 0)).call;
    (call.answered, call.joined) = (None, None);
    assert_eq!(standing(&call, &[], None, moment(23, 0, 0), GRACE_S), None);
}

#[test]
fn a_file_being_written_is_known_by_its_calls_id_or_its_announced_name() {
    let arriving = Arriving::default();
    let call = call(1, moment(9, 0, 0)).call;
    let since = moment(9, 0, 2);
    let of =
        |id: &str| Hints { name: "a.wav".into(), call_id: Some(id.into()), ..Hints::default() };
    arriving.begin(&of("another"), since);
    assert_eq!(arriving.since(&call), None);
    arriving.end("a.wav");
    arriving.begin(&of(&call.call_id), since);
    assert_eq!(arriving.since(&call), Some(since));
    arriving.end("a.wav");
    assert_eq!((arriving.since(&call), arriving.count()), (None, 0));
}

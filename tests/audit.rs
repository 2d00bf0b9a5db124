//! The audit: one table a rule at its limit, one fault one finding, and books that must balance.

mod desk;

use chrono::TimeDelta;
use desk::{Day, call, day, entry, measures, moment, recording};
use ringledger::audit::{self, FeedFact};
use ringledger::call::rings::UnknownReason;
use ringledger::call::{Bounds, Direction, Verdict};
use ringledger::finding::{About, Code, Reason, State};
use ringledger::ledger::Channel;
use ringledger::party::PhoneNumber;
use ringledger::recording::SoundClass;

fn codes(day: &Day) -> Vec<&'static str> {
    let report = audit::answer(&day.question, &day.facts).expect("the books balance");
    report.findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn a_day_on_which_all_was_done_right_has_no_finding_and_balances() {
    let report = audit::answer(&day().question, &day().facts).expect("balance");
    assert_eq!(report.findings, []);
    let balance = report.balance;
    for (sheet, total, linked, exempt) in
        [(balance.calls, 2, 2, 0), (balance.recordings, 2, 2, 0), (balance.entries, 3, 2, 1)]
    {
        assert_eq!((sheet.total, sheet.linked, sheet.exempt), (total, linked, exempt));
        assert_eq!(sheet.sum(), sheet.total);
    }
    assert_eq!(report.compliance.within, 2);
    assert_eq!(report.compliance.rate(), Some(1.0));
}

/// One change of a right day, and the one finding it must give.
#[test]
fn one_fault_gives_exactly_one_finding() {
    type Fault = fn(&mut Day);
    let faults: &[(&str, Fault)] = &[
        ("call_without_recording", |day| day.facts.recordings.retain(|one| one.key != 1)),
        ("call_without_entry", |day| {
            day.facts.entries.retain(|one| one.key != 1);
            day.facts.links.retain(|one| one.entry != 1);
        }),
        ("entry_without_call", |day| day.facts.entries.push(entry(9, "JB-9", moment(11, 0, 0)))),
        ("recording_without_call", |day| {
            day.facts.recordings.push(recording(9, None, moment(11, 0, 0)));
        }),
        ("recording_without_entry", |day| {
            let mut talk = call(9, moment(11, 0, 0));
            (talk.call.direction, talk.call.reached_desk) = (Direction::Outbound, false);
            talk.call.verdict = Some(Verdict::NotApplicable);
            day.facts.calls.push(talk);
            day.facts.recordings.push(recording(9, Some(9), moment(11, 0, 0)));
        }),
        ("entry_without_recording", |day| {
            day.facts.recordings.retain(|one| one.key != 1);
            let call = &mut day.facts.calls[0].call;
            (call.answered, call.joined, call.answered_by) = (None, None, None);
            call.verdict = Some(Verdict::Unknown { reason: UnknownReason::TakenElsewhere });
        }),
        ("two_entries_one_recording", |day| {
            day.facts.entries.push(entry(9, "JB-9", moment(9, 1, 0)));
            day.facts.open.second_entries.push(desk::proposal(1, 9));
        }),
        ("two_recordings_one_entry", |day| {
            day.facts.calls.push(call(9, moment(9, 20, 0)));
            day.facts.recordings.push(recording(9, Some(9), moment(9, 20, 0)));
            day.facts.entries[0].entry.call_id = Some("call-9".into());
        }),
        ("mis_filed_walk_in", |day| {
            day.facts.links.retain(|one| one.entry != 1);
            day.facts.entries[0].entry.channel = Channel::WalkIn;
            day.facts.open.mis_filed.push(desk::proposal(1, 1));
        }),
        ("ambiguous", |day| {
            day.facts.links.retain(|one| one.entry != 1);
            day.facts.open.ambiguous.push(desk::proposal(1, 1));
        }),
        ("number_differs", |day| {
            day.facts.entries[0].entry.number = PhoneNumber::known("13800198001");
        }),
        ("agent_differs", |day| day.facts.entries[0].entry.handler = Some("8009".into())),
        ("time_differs", |day| {
            day.facts.entries[0].entry.occurred_at = Some(moment(7, 0, 0));
        }),
        ("direction_differs", |day| day.facts.entries[0].entry.channel = Channel::FollowUp),
        ("length_differs", |day| {
            day.facts.recordings[0].recording.measures = Some(measures(20.0, SoundClass::Ok));
        }),
        ("late_registration", |day| {
            day.facts.entries[0].entry.registered_at = moment(9, 30, 0);
        }),
        ("missing_field", |day| day.facts.entries[0].entry.unit = None),
        ("abandoned_call", |day| {
            day.facts.recordings.retain(|one| one.key != 1);
            let call = &mut day.facts.calls[0].call;
            (call.answered, call.joined, call.answered_by) = (None, None, None);
            call.verdict = Some(Verdict::Abandoned { ring: Some(2) });
        }),
        ("late_answer", |day| {
            day.facts.calls[0].call.verdict = Some(Verdict::Late { ring: Some(4), over_ms: 1 });
        }),
        ("empty_audio", |day| sound(day, SoundClass::NoSound)),
        ("one_sided_audio", |day| sound(day, SoundClass::OneSided)),
        ("truncated", |day| sound(day, SoundClass::Truncated)),
        ("undecodable", |day| sound(day, SoundClass::Undecodable)),
        ("not_understood", |day| feed(day, Code::NotUnderstood)),
        ("feed_gap", |day| feed(day, Code::FeedGap)),
    ];
    for (code, fault) in faults {
        let mut day = day();
        fault(&mut day);
        assert_eq!(codes(&day), [*code]);
    }
}

fn sound(day: &mut Day, class: SoundClass) {
    day.facts.recordings[0].recording.measures = Some(measures(1.0, class));
}

fn feed(day: &mut Day, code: Code) {
    let at = moment(12, 0, 0);
    let what = "no such event".into();
    day.facts.feed.push(FeedFact { code, delivery: Some(77), at, until: None, what });
}

#[test]
fn every_field_of_an_entry_is_asked_for_once() {
    type Fault = fn(&mut ringledger::ledger::LedgerEntry);
    let faults: [(&str, Fault); 6] = [
        ("number", |entry| entry.number = None),
        ("name", |entry| entry.name = None),
        ("unit", |entry| entry.unit = Some("  ".into())),
        ("category", |entry| entry.category = None),
        ("content", |entry| entry.content = None),
        ("handler", |entry| entry.handler = None),
    ];
    for (field, fault) in faults {
        let mut day = day();
        fault(&mut day.facts.entries[0].entry);
        let findings = audit::findings(&day.question, &day.facts);
        assert_eq!(findings.len(), 1, "{field}");
        assert_eq!(findings[0].code, Code::MissingField);
        assert!(findings[0].evidence.contains(&format!("missing={field}")), "{field}");
    }
}

#[test]
fn a_withheld_number_cannot_be_missing_from_the_ledger() {
    let mut day = day();
    day.facts.calls[0].call.caller = None;
    day.facts.entries[0].entry.number = None;
    assert_eq!(codes(&day), [""; 0]);
}

/// R23: one minute after the end of the call, to the millisecond.
#[test]
fn an_entry_is_late_only_after_its_minute() {
    let ended_at = moment(9, 1, 0);
    for (after_ms, late) in [(-1000, false), (59_900, false), (60_000, false), (60_001, true)] {
        let mut day = day();
        day.facts.entries[0].entry.registered_at = ended_at + TimeDelta::milliseconds(after_ms);
        let expected: &[&str] = if late { &["late_registration"] } else { &[] };
        assert_eq!(codes(&day), expected, "{after_ms} ms");
    }
}

#[test]
fn a_join_is_slow_after_a_second() {
    for (apart_ms, slow) in [(999, false), (1000, false), (1001, true)] {
        let mut day = day();
        let call = &mut day.facts.calls[0].call;
        let answered = call.answered.expect("answered").earliest;
        call.joined = Some(Bounds::exact(answered + TimeDelta::milliseconds(apart_ms)));
        let expected: &[&str] = if slow { &["slow_join"] } else { &[] };
        assert_eq!(codes(&day), expected, "{apart_ms} ms");
    }
}

/// What has its grace left waits in the books and is no finding; the next question is due when the grace ends.
#[test]
fn an_absence_counts_when_its_grace_has_run_out() {
    let ended_at = moment(9, 1, 0);
    for (after_s, missing) in [(599, false), (600, true), (601, true)] {
        let mut day = day();
        day.facts.recordings.retain(|one| one.key != 1);
        day.question.as_of = ended_at + TimeDelta::seconds(after_s);
        let codes = codes(&day);
        assert_eq!(codes.contains(&"call_without_recording"), missing, "{after_s} s");
    }
    for (after_s, waiting, open) in [(3599, 1, 0), (3600, 0, 1)] {
        let mut day = day();
        day.facts.entries.retain(|one| one.key != 1);
        day.facts.links.retain(|one| one.entry != 1);
        day.question.as_of = ended_at + TimeDelta::seconds(after_s);
        let report = audit::answer(&day.question, &day.facts).expect("balance");
        let sheet = report.balance.calls;
        assert_eq!((sheet.waiting, sheet.open), (waiting, open), "{after_s} s");
        let recordings = report.balance.recordings;
        assert_eq!((recordings.waiting, recordings.open), (waiting, open), "{after_s} s");
        let due = ended_at + TimeDelta::seconds(3600);
        assert_eq!(audit::next_due(&day.question, &day.facts) == Some(due), waiting == 1);
    }
}

#[test]
fn a_missed_call_owes_an_entry_unless_the_site_says_not() {
    for (owed, expected) in [(true, &["call_without_entry"][..]), (false, &[])] {
        let mut day = day();
        day.facts.site.versions[0].missed_calls_owe_entry = owed;
        let mut missed = call(9, moment(11, 0, 0));
        (missed.call.answered, missed.call.joined) = (None, None);
        missed.call.verdict = Some(Verdict::Unanswered);
        day.facts.calls.push(missed);
        assert_eq!(codes(&day), expected);
    }
}

#[test]
fn parts_of_one_call_hold_the_talk_together() {
    let mut day = day();
    day.facts.recordings[0].recording.measures = Some(measures(30.0, SoundClass::Ok));
    let mut second = recording(9, Some(1), moment(9, 0, 30));
    second.recording.measures = Some(measures(24.0, SoundClass::Ok));
    day.facts.recordings.push(second);
    assert_eq!(codes(&day), [""; 0]);
}

#[test]
fn a_recording_longer_than_its_call_is_not_its_own() {
    let mut day = day();
    day.facts.recordings[0].recording.measures = Some(measures(80.0, SoundClass::Ok));
    assert_eq!(codes(&day), ["length_differs"]);
}

#[test]
fn two_matters_of_one_call_are_one_entry_with_a_child() {
    let mut day = day();
    let mut child = entry(9, "JB-9", moment(9, 1, 5));
    child.entry.parent_id = Some("JB-1".into());
    (child.entry.number, child.entry.name, child.entry.unit) = (None, None, None);
    day.facts.entries.push(child.clone());
    assert_eq!(codes(&day), [""; 0]);
    // A parent that is not there hides nothing.
    child.entry.parent_id = Some("JB-404".into());
    *day.facts.entries.last_mut().expect("the child") = child;
    assert!(codes(&day).contains(&"entry_without_call"));
}

#[test]
fn a_written_number_may_lack_its_country_or_area() {
    for written in ["+86 138 0013 8001", "8001", "０１３８００１３８００１"] {
        let mut day = day();
        day.facts.entries[0].entry.number = PhoneNumber::known(written);
        assert_eq!(codes(&day), [""; 0], "{written}");
    }
}

#[test]
fn a_wrong_digit_is_shown_and_the_number_is_not() {
    let mut day = day();
    day.facts.entries[0].entry.number = PhoneNumber::known("13800198001");
    let finding = audit::findings(&day.question, &day.facts).remove(0);
    assert!(finding.evidence.contains(&"written_digits=******9****".to_owned()));
    assert!(!finding.evidence.iter().any(|item| item.contains("13800")), "{:?}", finding.evidence);
}

#[test]
fn an_explanation_closes_its_finding_and_moves_the_books() {
    let mut day = day();
    day.facts.entries.retain(|one| one.key != 1);
    day.facts.links.retain(|one| one.entry != 1);
    let about = About { call: Some(1), ..About::default() };
    let explanation = desk::explanation(Code::CallWithoutEntry, about, Reason::TestCall);
    day.facts.explanations.push(explanation);
    let report = audit::answer(&day.question, &day.facts).expect("balance");
    assert_eq!(report.findings[0].state, State::Explained);
    assert_eq!((report.balance.calls.explained, report.balance.calls.open), (1, 0));
    assert_eq!(report.balance.recordings.explained, 1);
    // An explanation of another matter closes nothing.
    day.facts.explanations[0].about.call = Some(2);
    assert_eq!(audit::findings(&day.question, &day.facts)[0].state, State::Open);
}

#[test]
fn a_late_answer_is_no_matter_of_the_books() {
    let mut day = day();
    day.facts.entries.retain(|one| one.key != 1);
    day.facts.links.retain(|one| one.entry != 1);
    day.facts.calls[0].call.verdict = Some(Verdict::Late { ring: Some(4), over_ms: 1 });
    let about = About { call: Some(1), ..About::default() };
    let explained = desk::explanation(Code::CallWithoutEntry, about, Reason::TestCall);
    day.facts.explanations.push(explained);
    let balance = audit::answer(&day.question, &day.facts).expect("balance").balance;
    assert_eq!((balance.calls.explained, balance.calls.open), (1, 0));
}

#[test]
fn both_sides_of_an_ambiguous_pair_stand_open() {
    let mut day = day();
    day.facts.links.clear();
    for (call, entry) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        day.facts.open.ambiguous.push(desk::proposal(call, entry));
    }
    let report = audit::answer(&day.question, &day.facts).expect("balance");
    assert!(report.findings.iter().all(|finding| finding.code == Code::Ambiguous));
    let balance = report.balance;
    assert_eq!((balance.calls.open, balance.entries.open, balance.recordings.open), (2, 2, 2));
}

#[test]
fn books_that_lie_give_no_report() {
    type Lie = fn(&mut Day);
    let lies: &[(&str, Lie)] = &[
        ("there is no such entry", |day| day.facts.links[0].entry = 404),
        ("the entry has two links", |day| day.facts.links[1].entry = 1),
        ("the other side has two links", |day| day.facts.links[1].call = Some(1)),
        ("there is no such call", |day| day.facts.links[0].call = Some(404)),
        ("there is no such recording", |day| {
            (day.facts.links[0].call, day.facts.links[0].recording) = (None, Some(404));
        }),
    ];
    for (why, lie) in lies {
        let mut day = day();
        lie(&mut day);
        let error = audit::answer(&day.question, &day.facts).expect_err("no report").to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn findings_come_oldest_first_and_the_same_however_the_facts_are_ordered() {
    let mut day = day();
    day.facts.links.clear();
    let forward = audit::findings(&day.question, &day.facts);
    assert!(forward.windows(2).all(|two| two[0].since <= two[1].since));
    day.facts.calls.reverse();
    day.facts.entries.reverse();
    day.facts.recordings.reverse();
    assert_eq!(audit::findings(&day.question, &day.facts), forward);
}

#[test]
fn a_report_names_the_settings_of_its_days_alone() {
    let mut day = day();
    let mut next = day.facts.site.versions[0].clone();
    next.valid_from = day.question.to.succ_opt();
    next.ring_limit = 2;
    day.facts.site.versions.push(next);
    let report = audit::answer(&day.question, &day.facts).expect("balance");
    let limits: Vec<u32> = report.settings.iter().map(|settings| settings.ring_limit).collect();
    assert_eq!(limits, [3]);
}

#[test]
fn the_compliance_counts_each_verdict_once_and_the_unknown_by_reason() {
    let mut day = day();
    for (key, verdict) in [
        (11, Some(Verdict::Late { ring: Some(4), over_ms: 5 })),
        (12, Some(Verdict::Unknown { reason: UnknownReason::RingStartMissing })),
        (13, Some(Verdict::NotApplicable)),
        (14, Some(Verdict::Unanswered)),
        (15, None),
    ] {
        let mut one = call(key, moment(13, 0, 0));
        one.call.verdict = verdict;
        day.facts.calls.push(one);
    }
    let compliance = audit::answer(&day.question, &day.facts).expect("balance").compliance;
    assert_eq!((compliance.within, compliance.late, compliance.unanswered), (2, 1, 1));
    assert_eq!(compliance.unknown.get("ring_start_missing"), Some(&1));
    assert_eq!((compliance.not_applicable, compliance.alive), (1, 1));
    assert_eq!(compliance.rate(), Some(0.5));
    assert_eq!(compliance.rings.values().sum::<u64>(), 3);
}

/// Answering must stay near linear: forty thousand calls of one day with nothing linked and much left open.
#[test]
fn forty_thousand_open_pairs_are_answered_without_comparing_all_with_all() {
    let mut day = day();
    let key = |n: i64| n + 100;
    for n in 0..40_000 {
        let at = moment(8, 0, 0) + TimeDelta::milliseconds(n * 1000);
        let mut open = call(key(n), at);
        (open.call.answered, open.call.joined) = (None, None);
        open.call.verdict = Some(Verdict::Unanswered);
        day.facts.calls.push(open);
        day.facts.entries.push(entry(key(n), &format!("X-{n}"), at));
        day.facts.open.ambiguous.push(desk::proposal(key(n), key(n)));
        let about = About { call: Some(key(n)), ..About::default() };
        day.facts.explanations.push(desk::explanation(Code::Ambiguous, about, Reason::TestCall));
    }
    let report = audit::answer(&day.question, &day.facts).expect("balance");
    assert_eq!(report.balance.calls.explained, 40_000);
    assert_eq!(report.balance.entries.explained, 40_000);
}

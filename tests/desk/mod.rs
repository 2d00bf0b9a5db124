//! A day at a front desk on which all was done right: two calls, each recorded and registered, and one visitor.
#![allow(dead_code, reason = "each test crate takes what it needs")]

use chrono::{NaiveDate, TimeDelta, TimeZone, Utc};
use ringledger::audit::{
    CallFact, EntryFact, Explanation, Facts, LinkFact, Question, RecordingFact,
};
use ringledger::call::event::Moment;
use ringledger::call::{Bounds, Call, Clock, Direction, Verdict};
use ringledger::finding::{About, Code, Reason};
use ringledger::ledger::{Category, Channel, LedgerEntry};
use ringledger::linkage::{LinkedBy, Links, Proposal};
use ringledger::party::{PersonName, PhoneNumber};
use ringledger::recording::{self, ContentHash, Hints, Measures, Recording, SoundClass};
use ringledger::site::{Site, SiteSettings};
use std::collections::BTreeMap;

/// A question and the facts that answer it.
pub struct Day {
    pub question: Question,
    pub facts: Facts,
}

/// A moment of the day, in the site's zone.
pub fn moment(hour: u32, minute: u32, second: u32) -> Moment {
    chrono_tz::Asia::Shanghai
        .with_ymd_and_hms(2026, 11, 23, hour, minute, second)
        .single()
        .expect("a moment of the day")
        .with_timezone(&Utc)
}

/// The right day, asked on the next one.
pub fn day() -> Day {
    let date = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a day");
    let as_of = moment(9, 0, 0) + TimeDelta::days(1);
    let mut visitor = entry(3, "JB-3", moment(10, 30, 0));
    visitor.entry.channel = Channel::WalkIn;
    let link = |key| LinkFact {
        entry: key,
        call: Some(key),
        recording: None,
        by: LinkedBy::Evidence,
        probability: 0.99,
    };
    Day {
        question: Question { site: "default".into(), from: date, to: date, as_of },
        facts: Facts {
            site: Site::new("default", SiteSettings::default()),
            calls: vec![call(1, moment(9, 0, 0)), call(2, moment(10, 0, 0))],
            recordings: vec![
                recording(1, Some(1), moment(9, 0, 0)),
                recording(2, Some(2), moment(10, 0, 0)),
            ],
            entries: vec![
                entry(1, "JB-1", moment(9, 1, 20)),
                entry(2, "JB-2", moment(10, 1, 20)),
                visitor,
            ],
            links: vec![link(1), link(2)],
            open: Links::default(),
            explanations: Vec::new(),
            feed: Vec::new(),
            unfetched: BTreeMap::new(),
            objects: Vec::new(),
            beats: Vec::new(),
        },
    }
}

/// A call of one minute, answered by 8001 on ring 2, six seconds after it was offered.
pub fn call(key: i64, offered_at: Moment) -> CallFact {
    let answered = Bounds::exact(offered_at + TimeDelta::seconds(6));
    let call = Call {
        call_id: format!("call-{key}"),
        other_ids: Vec::new(),
        direction: Direction::Inbound,
        caller: PhoneNumber::known("13800138001"),
        caller_name: None,
        callee: PhoneNumber::known("8000"),
        offered_at,
        alerting: Some(Bounds::exact(offered_at)),
        answered: Some(answered),
        joined: Some(answered),
        waited_ms: None,
        ended_at: Some(offered_at + TimeDelta::seconds(60)),
        ended_inferred: false,
        answered_by: Some("8001".into()),
        transferred: false,
        reached_desk: true,
        cause: None,
        verdict: Some(Verdict::Within { ring: Some(2), margin_ms: 9000 }),
        precision: Clock::Pbx,
        contradiction: false,
        legs: Vec::new(),
        recordings: Vec::new(),
        timeline: Vec::new(),
    };
    CallFact { key, call }
}

/// A recording of 54 seconds that came when its call ended.
pub fn recording(key: i64, call: Option<i64>, starts_at: Moment) -> RecordingFact {
    let name = format!("in-8001-13800138001-{key}.wav");
    let recording = Recording {
        hash: ContentHash([u8::try_from(key).expect("a small key"); 32]),
        bytes: 864_044,
        hints: Hints { name, starts_at: Some(starts_at), ..Hints::default() },
        arrived_at: starts_at + TimeDelta::seconds(61),
        state: recording::State::Verified,
        state_at: starts_at + TimeDelta::seconds(62),
        measures: Some(measures(54.0, SoundClass::Ok)),
        archived: None,
    };
    RecordingFact { key, call, recording }
}

/// Measures of a file of this length and class.
pub fn measures(duration_s: f64, class: SoundClass) -> Measures {
    Measures {
        container: "wav".into(),
        codec: "pcm".into(),
        channels: 1,
        sample_rate_hz: 8000,
        duration_s,
        loudness_lufs: Some(-21.0),
        level_dbfs: Some(-22.0),
        peak_dbfs: Some(-3.0),
        clipped_share: 0.0,
        speech_share: vec![0.6],
        talk_over_share: 0.0,
        rings_heard: vec![],
        silence_share: 0.3,
        active_share: vec![0.7],
        longest_silence_s: 2.0,
        peaks: vec![0, 128, 255, 64],
        envelopes: vec![],
        class,
        why: None,
    }
}

/// A complete phone entry, written when it was registered.
pub fn entry(key: i64, entry_id: &str, registered_at: Moment) -> EntryFact {
    let entry = LedgerEntry {
        entry_id: entry_id.to_owned(),
        channel: Channel::Phone,
        registered_at,
        occurred_at: Some(registered_at - TimeDelta::seconds(80)),
        occurred_day_only: false,
        number: PhoneNumber::known("13800138001"),
        name: PersonName::known("王女士"),
        unit: Some("4-2-301".into()),
        category: Some(Category::Repair),
        content: Some("厨房水管漏水，要求尽快修理".into()),
        handler: Some("8001".into()),
        call_id: None,
        parent_id: None,
    };
    EntryFact { key, version: 1, imported: false, entry }
}

/// A pair that linking left open.
pub fn proposal(contact: i64, entry: i64) -> Proposal {
    Proposal { contact, entry, probability: 0.6, by: LinkedBy::Evidence, evidence: Vec::new() }
}

/// A supervisor's closing of a finding.
pub fn explanation(code: Code, about: About, reason: Reason) -> Explanation {
    let at = moment(17, 0, 0);
    Explanation { code, about, reason, text: "checked".into(), who: "supervisor".into(), at }
}

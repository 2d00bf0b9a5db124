//! What goes and what stays, and the day on which the disk is full: both sides of every limit.

use chrono::{NaiveDate, TimeDelta};
use ringledger::call::event::Moment;
use ringledger::finding::Code;
use ringledger::keeping::{
    Candidate, Class, Original, Part, Room, Sparing, Stock, Why, forecast, plan,
};
use ringledger::recording::ContentHash;
use ringledger::site::SiteSettings;

fn now() -> Moment {
    "2026-11-23T04:00:00Z".parse().expect("a moment")
}

fn candidate(recording: i64, days_old: i64, class: Class) -> Candidate {
    let settings = SiteSettings { keep_days: Some(90), ..SiteSettings::default() };
    Candidate {
        site: 1,
        recording,
        hash: ContentHash([recording as u8; 32]),
        bytes: 1000,
        begins_at: now() - TimeDelta::days(days_old),
        class,
        keep_days: class.keep_days(&settings),
        original: None,
        held: None,
        open: Vec::new(),
    }
}

fn going(candidates: &[Candidate], room: Option<Room>) -> Vec<i64> {
    plan(candidates, now(), room).going.iter().map(|one| one.recording).collect()
}

fn room(free_bytes: u64, floor_bytes: u64) -> Option<Room> {
    Some(Room { free_bytes, floor_bytes, keep_days_min: 30 })
}

#[test]
fn without_ages_everything_is_kept() {
    let default = SiteSettings::default();
    assert!(Class::ALL.iter().all(|class| class.keep_days(&default).is_none()));
}

#[test]
fn a_recording_goes_on_the_day_its_time_is_over_and_not_before() {
    let mut just = candidate(1, 90, Class::Repair);
    assert_eq!(going(&[just.clone()], None), [1]);
    just.begins_at += TimeDelta::milliseconds(1);
    assert_eq!(going(&[just], None), Vec::<i64>::new());
}

#[test]
fn a_class_has_its_own_age_and_what_belongs_to_nothing_needs_one() {
    let of = [("complaint".to_owned(), 1000), ("help".to_owned(), 10)].into();
    let settings =
        SiteSettings { keep_days: Some(90), keep_days_of: of, ..SiteSettings::default() };
    assert_eq!(Class::Complaint.keep_days(&settings), Some(1000));
    assert_eq!(Class::Help.keep_days(&settings), Some(10));
    assert_eq!(Class::Repair.keep_days(&settings), Some(90));
    assert_eq!(Class::Unmatched.keep_days(&settings), None);
    let of = [("unmatched".to_owned(), 400)].into();
    let settings = SiteSettings { keep_days_of: of, ..settings };
    assert_eq!(Class::Unmatched.keep_days(&settings), Some(400));
}

#[test]
fn a_hold_wins_over_age_and_over_a_full_disk() {
    let held = Candidate { held: Some("call:c-1".into()), ..candidate(1, 500, Class::Repair) };
    let plan = plan(&[held], now(), room(0, 5000));
    assert!(plan.going.is_empty());
    assert_eq!(plan.spared[0].why, Sparing::Held { thing: "call:c-1".into() });
    assert_eq!(plan.lacking_bytes, 5000, "and the plan says that the floor is not kept");
}

#[test]
fn what_is_evidence_for_an_open_finding_outlives_its_age() {
    let open = Candidate { open: vec![Code::NumberDiffers], ..candidate(1, 500, Class::Repair) };
    let plan = plan(&[open], now(), None);
    assert!(plan.going.is_empty());
    assert_eq!(plan.spared[0].why, Sparing::OpenFinding { codes: vec![Code::NumberDiffers] });
    assert!(!Code::LateAnswer.needs_sound(), "a late answer is told by the call alone");
    assert!(Code::RecordingWithoutEntry.needs_sound());
}

#[test]
fn for_room_the_settled_go_first_the_open_later_the_unmatched_last_and_the_young_never() {
    let open = Candidate { open: vec![Code::UnitDiffers], ..candidate(2, 80, Class::Help) };
    let all = [
        candidate(1, 85, Class::Unmatched),
        open,
        candidate(3, 40, Class::Enquiry),
        candidate(4, 60, Class::Explained),
        candidate(5, 29, Class::Enquiry),
        Candidate { held: Some("x".into()), ..candidate(6, 89, Class::Enquiry) },
    ];
    assert_eq!(going(&all, room(0, 1)), [4]);
    assert_eq!(going(&all, room(0, 2000)), [4, 3]);
    assert_eq!(going(&all, room(0, 3000)), [4, 3, 2]);
    assert_eq!(going(&all, room(0, 1_000_000)), [4, 3, 2, 1]);
    assert_eq!(going(&all, room(2000, 2000)), Vec::<i64>::new(), "at the floor nothing goes");
}

#[test]
fn what_goes_by_age_counts_for_the_room_too() {
    let all = [candidate(1, 100, Class::Repair), candidate(2, 50, Class::Repair)];
    let plan = plan(&all, now(), room(0, 1000));
    assert_eq!(plan.going.len(), 1);
    assert_eq!(plan.going[0].why, Why::Age { keep_days: 90 });
    assert_eq!(plan.bytes(), 1000);
}

/// A recording of 1000 bytes, of which 600 are an original that may go at an age.
fn archived(recording: i64, days_old: i64, keep_days: u32) -> Candidate {
    let original = Some(Original { keep_days, bytes: 600 });
    Candidate { original, ..candidate(recording, days_old, Class::Repair) }
}

#[test]
fn an_original_goes_at_its_own_age_and_only_beside_its_rendition() {
    let plan = plan(&[archived(1, 40, 40), archived(2, 39, 40)], now(), None);
    assert_eq!(plan.going.len(), 1);
    assert_eq!((plan.going[0].recording, plan.going[0].part), (1, Part::Original));
    assert_eq!(plan.going[0].why, Why::Archived { original_days: 40 });
    assert_eq!(plan.bytes(), 600);
    assert!(going(&[candidate(3, 80, Class::Repair)], None).is_empty());
}

#[test]
fn a_recording_that_goes_whole_goes_once_and_a_hold_keeps_its_original() {
    let plan_of = |one: Candidate, room| plan(&[one], now(), room);
    let whole = plan_of(archived(1, 90, 40), None);
    assert_eq!((whole.going.len(), whole.going[0].part), (1, Part::Whole));
    let held = Candidate { held: Some("call:c-1".into()), ..archived(1, 50, 40) };
    assert!(plan_of(held, None).going.is_empty());
    let open = Candidate { open: vec![Code::UnitDiffers], ..archived(1, 50, 40) };
    assert!(plan_of(open, None).going.is_empty());
    // Its original alone is not room enough.
    let for_room = plan_of(archived(1, 50, 40), room(0, 700));
    assert_eq!((for_room.going.len(), for_room.going[0].part), (1, Part::Whole));
    assert_eq!((for_room.bytes(), for_room.lacking_bytes), (1000, 0));
    let enough = plan_of(archived(1, 50, 40), room(0, 600));
    assert_eq!((enough.going.len(), enough.going[0].part), (1, Part::Original));
}

#[test]
fn archive_and_original_days_are_told_by_class() {
    let of = |days| [("complaint".to_owned(), days)].into();
    let settings = SiteSettings {
        archive_days: Some(30),
        archive_days_of: of(7),
        original_days: Some(400),
        original_days_of: of(900),
        ..SiteSettings::default()
    };
    let days = |class: Class| (class.archive_days(&settings), class.original_days(&settings));
    assert_eq!(days(Class::Complaint), (Some(7), Some(900)));
    assert_eq!(days(Class::Repair), (Some(30), Some(400)));
    assert_eq!(days(Class::Unmatched), (Some(30), None), "nobody said that it may go");
    assert_eq!(Class::Repair.archive_days(&SiteSettings::default()), None);
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn stock(bytes_a_day: u64, days: i64, free_bytes: u64) -> Stock {
    let today = day("2026-11-23");
    let daily = (1..=days).map(|ago| (today - TimeDelta::days(ago), bytes_a_day)).collect();
    Stock { daily, free_bytes, alarm_bytes: 200, floor_bytes: 100, ..Stock::default() }
}

#[test]
fn the_disk_is_full_on_the_day_its_room_is_used_up() {
    let seen = forecast(&stock(100, 28, 1000), day("2026-11-23"));
    assert_eq!((seen.bytes_per_day, seen.days_seen), (100, 28));
    assert_eq!(seen.days_left, Some(10));
    assert_eq!(seen.full_on, Some(day("2026-12-03")));
    assert_eq!(
        seen.floor_on,
        Some(day("2026-12-03")),
        "100 are left on the day before: at it, not below"
    );
    assert_eq!(seen.alarm_on, Some(day("2026-12-02")));
}

#[test]
fn days_without_recordings_count_and_today_does_not() {
    let mut stock = stock(280, 28, 10_000);
    stock.daily.retain(|day, _| day.to_string().as_str() < "2026-11-09");
    stock.daily.insert(day("2026-11-23"), 1_000_000);
    let seen = forecast(&stock, day("2026-11-23"));
    assert_eq!((seen.bytes_per_day, seen.days_seen), (140, 28));
}

#[test]
fn a_store_of_a_few_days_is_judged_by_these_and_an_empty_one_not_at_all() {
    assert_eq!(forecast(&stock(70, 2, 700), day("2026-11-23")).days_left, Some(10));
    let empty = forecast(&stock(0, 0, 700), day("2026-11-23"));
    assert_eq!((empty.days_seen, empty.full_on), (0, None));
}

#[test]
fn what_goes_by_age_makes_room_so_that_a_large_enough_disk_never_fills() {
    let kept = Stock { keep_days: Some(28), ..stock(100, 28, 1000) };
    assert_eq!(forecast(&kept, day("2026-11-23")).full_on, None);
    let longer = Stock { keep_days: Some(60), ..stock(100, 28, 1000) };
    assert_eq!(forecast(&longer, day("2026-11-23")).days_left, Some(10));
}

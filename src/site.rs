//! One estate and its dated settings. A call is judged by the settings valid when it was offered.

use crate::call::fold::Timed;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Settings of one site as of a day.
///
/// Every field has a default, so that a daemon without a configuration has one working site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteSettings {
    /// First local day on which these settings hold; absent in the first version.
    pub valid_from: Option<NaiveDate>,
    /// IANA time zone of the site.
    pub time_zone: String,
    /// Country key of `config/cadences.toml`.
    pub cadence: String,
    /// The site's own ring period in milliseconds, where it differs from its country's.
    pub ring_period_ms: Option<i64>,
    /// Rings within which a person must answer (R1).
    pub ring_limit: u32,
    /// `desk`: from the first desk phone's ringing. `phone`: only the phone that answered.
    pub ring_timed: Timed,
    /// Front-desk extensions; `80*` stands for all that begin with 80.
    pub desk_extensions: Vec<String>,
    /// What the desk dials first for an outside line; taken off before numbers are compared.
    pub outbound_prefix: String,
    /// The site's way of writing a unit: `building-entrance-room` or `building-room`.
    pub unit_pattern: UnitPattern,
    /// How long after the end of a call its recording may come before it is missed, in seconds.
    pub recording_grace_s: i64,
    /// How long after the end of a call its entry may come before it is missed, in seconds.
    pub entry_grace_s: i64,
    /// How long after the end of a call its entry counts as in time, in seconds (R23).
    pub registration_limit_s: i64,
    /// Whether a missed call owes an entry (R4; the standard says yes).
    pub missed_calls_owe_entry: bool,
    /// A call that is silent for so long is closed by rule, in seconds.
    pub call_silence_limit_s: i64,
    /// When the desk is at work, local time: `08:00-20:00`; `20:00-08:00` crosses midnight.
    pub desk_hours: DeskHours,
    /// Within desk hours, silence of every source beyond this is a finding, in seconds; 0 for
    /// never.
    pub silence_limit_s: i64,
    /// A clock that lies further from ours, or jumps by more, is told of, in seconds.
    pub clock_limit_s: i64,
    /// From this probability on, a pair is linked without asking.
    pub link_auto: f64,
    /// From this probability on, a pair is proposed to the supervisor.
    pub link_suggest: f64,
    /// Habits of the site's way of writing that are not to be found and applied, by their names.
    pub habits_off: Vec<String>,
    /// For how many days recordings are kept; absent: for ever. Those that belong to no entry and
    /// that nobody explained are not meant.
    pub keep_days: Option<u32>,
    /// After how many days recordings of plain samples get a rendition for the archive (FLAC);
    /// absent: never.
    pub archive_days: Option<u32>,
    /// For how many days an original is kept beside its archive rendition; absent: for ever. Those
    /// that belong to no entry and that nobody explained are not meant.
    pub original_days: Option<u32>,
    /// For how many days recordings of a class are kept, where that differs: `complaint`, `repair`
    /// …, `unmatched` (the classes of the room `keeping`).
    pub keep_days_of: BTreeMap<String, u32>,
    /// … and where a class differs from `archive_days` and `original_days`.
    pub archive_days_of: BTreeMap<String, u32>,
    pub original_days_of: BTreeMap<String, u32>,
}

/// How a site writes its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitPattern {
    /// `4-2-301`
    #[default]
    BuildingEntranceRoom,
    /// `4-301`
    BuildingRoom,
}

/// When the desk is at work, as minutes of the local day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeskHours {
    opens_min: i64,
    closes_min: i64,
}

impl Default for DeskHours {
    fn default() -> Self {
        Self { opens_min: 8 * 60, closes_min: 20 * 60 }
    }
}

impl TryFrom<String> for DeskHours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let minutes = |time: &str| -> Option<i64> {
            let (hour, minute) = time.trim().split_once(':')?;
            let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
            let of_day = (0..=24).contains(&hour) && (0..60).contains(&minute);
            of_day.then(|| hour * 60 + minute).filter(|all| *all <= 24 * 60)
        };
        let ends = text.split_once('-').and_then(|(o, c)| Some((minutes(o)?, minutes(c)?)));
        let (opens_min, closes_min) = ends
            .filter(|(opens, closes)| opens != closes)
            .ok_or_else(|| format!("`{text}` is no span of hours such as 08:00-20:00"))?;
        Ok(Self { opens_min, closes_min })
    }
}

impl From<DeskHours> for String {
    fn from(hours: DeskHours) -> Self {
        let DeskHours { opens_min: o, closes_min: c } = hours;
        format!("{:02}:{:02}-{:02}:{:02}", o / 60, o % 60, c / 60, c % 60)
    }
}

impl Default for SiteSettings {
    fn default() -> Self {
        Self {
            valid_from: None,
            time_zone: "Asia/Shanghai".into(),
            cadence: "cn".into(),
            ring_period_ms: None,
            ring_limit: 3,
            ring_timed: Timed::Desk,
            desk_extensions: vec!["8*".into()],
            outbound_prefix: "9".into(),
            unit_pattern: UnitPattern::default(),
            recording_grace_s: 600,
            entry_grace_s: 3600,
            registration_limit_s: 60,
            missed_calls_owe_entry: true,
            call_silence_limit_s: 4 * 3600,
            desk_hours: DeskHours::default(),
            silence_limit_s: 0,
            clock_limit_s: 5,
            link_auto: 0.95,
            link_suggest: 0.30,
            habits_off: Vec::new(),
            keep_days: None,
            archive_days: None,
            original_days: None,
            keep_days_of: BTreeMap::new(),
            archive_days_of: BTreeMap::new(),
            original_days_of: BTreeMap::new(),
        }
    }
}

/// One estate. `versions` is never empty and ordered by `valid_from`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Short name used in addresses and files: `default`, `jinbi-1`.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    pub versions: Vec<SiteSettings>,
}

impl Site {
    /// A site with one version of settings.
    pub fn new(id: &str, settings: SiteSettings) -> Self {
        Self { id: id.to_owned(), name: id.to_owned(), versions: vec![settings] }
    }

    /// The settings valid at a moment: the last version whose first day, in that version's zone,
    /// has begun.
    pub fn settings_at(&self, at: DateTime<Utc>) -> &SiteSettings {
        self.versions
            .iter()
            .rev()
            .find(|version| version.valid_from.is_none_or(|day| day <= version.local_day(at)))
            .unwrap_or(&self.versions[0])
    }
}

impl SiteSettings {
    /// The time zone; UTC when the name is not one (configuration refuses such a name before).
    pub fn zone(&self) -> chrono_tz::Tz {
        self.time_zone.parse().unwrap_or(chrono_tz::UTC)
    }

    /// The calendar day of a moment at the site.
    pub fn local_day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone()).date_naive()
    }

    /// The parts of a span of time that lie in desk hours, in order.
    pub fn in_desk_hours(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let DeskHours { opens_min, closes_min } = self.desk_hours;
        let overnight = if closes_min < opens_min { 24 * 60 } else { 0 };
        let days = self.local_day(from).pred_opt().unwrap_or_default().iter_days();
        let days = days.take_while(|day| *day <= self.local_day(to));
        let window = |day: NaiveDate| {
            let open = self.local_time(day, opens_min)?.max(from);
            let close = self.local_time(day, closes_min + overnight)?.min(to);
            (open < close).then_some((open, close))
        };
        days.filter_map(window).collect()
    }

    /// The moment so many minutes after a local midnight, as clocks on the wall show it; where they
    /// skip it, the next one there is.
    fn local_time(&self, day: NaiveDate, minutes: i64) -> Option<DateTime<Utc>> {
        let wall = day.and_time(NaiveTime::MIN).checked_add_signed(TimeDelta::minutes(minutes))?;
        let after = |hours| {
            let wall = wall.checked_add_signed(TimeDelta::hours(hours))?;
            self.zone().from_local_datetime(&wall).earliest()
        };
        (0..=3).find_map(after).map(|local| local.to_utc())
    }

    /// Whether a number is one of the front desk's phones.
    pub fn is_desk(&self, extension: &str) -> bool {
        is_listed(&self.desk_extensions, extension)
    }
}

/// Whether `extension` is in a list of exact extensions and `prefix*` patterns.
pub fn is_listed(list: &[String], extension: &str) -> bool {
    list.iter().any(|item| match item.strip_suffix('*') {
        Some(prefix) => extension.starts_with(prefix) && !extension.is_empty(),
        None => item == extension,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(hours: &str) -> SiteSettings {
        let desk_hours = hours.to_owned().try_into().expect("hours");
        SiteSettings { desk_hours, ..SiteSettings::default() }
    }

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}+08:00").parse::<DateTime<chrono::FixedOffset>>().expect("a time").to_utc()
    }

    #[test]
    fn a_span_is_cut_to_desk_hours_also_across_midnight() {
        let (from, to) = (at("2026-11-23T19:00:00"), at("2026-11-24T09:00:00"));
        let day = settings("08:00-20:00").in_desk_hours(from, to);
        assert_eq!(day, [(from, at("2026-11-23T20:00:00")), (at("2026-11-24T08:00:00"), to)]);
        let night = settings("20:00-08:00").in_desk_hours(from, to);
        assert_eq!(night, [(at("2026-11-23T20:00:00"), at("2026-11-24T08:00:00"))]);
        let always = settings("00:00-24:00").in_desk_hours(from, to);
        let midnight = at("2026-11-24T00:00:00");
        assert_eq!(always, [(from, midnight), (midnight, to)]);
    }

    #[test]
    fn hours_are_written_as_they_are_read_and_wrong_ones_are_refused() {
        assert_eq!(String::from(settings("07:30-24:00").desk_hours), "07:30-24:00");
        let hours = "307445734561825861:00-20:00";
        for wrong in ["", "8-20", "08:00", "08:60-20:00", "08:00-24:01", "08:00-08:00", hours] {
            assert!(DeskHours::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}

//! Times as phone systems write them. A time in whole seconds is a bound: the event lies within
//! that second.

use super::Refusal;
use crate::call::{Bounds, Moment};
use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// Times before this year or from this one on are nobody's call.
pub const YEARS: std::ops::Range<i32> = 1990..2100;

/// `2026-11-23T02:00:05.104Z`, any offset, also with a blank for the `T` (RFC 3339). Exact with a
/// fraction, a whole second without one.
pub fn iso(text: &str) -> Option<Bounds> {
    let at = DateTime::parse_from_rfc3339(text.trim()).ok()?.to_utc();
    bounds(at, text.contains('.'))
}

/// `Mon, 23 Nov 2026 02:00:05 +0000` (RFC 2822): a whole second.
pub fn rfc2822(text: &str) -> Option<Bounds> {
    let at = DateTime::parse_from_rfc2822(text.trim()).ok()?.to_utc();
    bounds(at, false)
}

/// `2026-11-23 10:00:05` in a zone, also with `T`, slashes or a fraction. Of a time that is there
/// twice, when clocks are set back, the first; nothing for one that is never there.
pub fn local(text: &str, zone: Tz) -> Option<Bounds> {
    const FORMS: [&str; 3] =
        ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f"];
    let text = text.trim();
    let local = FORMS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    bounds(zone.from_local_datetime(&local).earliest()?.to_utc(), text.contains('.'))
}

/// Seconds since 1970: a whole second.
pub fn epoch_s(seconds: i64) -> Option<Bounds> {
    bounds(DateTime::from_timestamp(seconds, 0)?, false)
}

/// Milliseconds since 1970: exact.
pub fn epoch_ms(millis: i64) -> Option<Bounds> {
    bounds(DateTime::from_timestamp_millis(millis)?, true)
}

/// The second in which a time lies that is told without a fraction.
pub fn whole_second(at: Moment) -> Bounds {
    Bounds { earliest: at, latest: at + TimeDelta::milliseconds(999) }
}

/// A time as it stands, or the second in which it lies; nothing for one that is nobody's call.
pub fn bounds(at: Moment, exact: bool) -> Option<Bounds> {
    is_of_a_call(at).then(|| if exact { Bounds::exact(at) } else { whole_second(at) })
}

/// Whether a call can have been at this time: it lies in [`YEARS`].
pub fn is_of_a_call(at: Moment) -> bool {
    YEARS.contains(&at.year())
}

/// The time of a field that an event cannot do without.
///
/// # Errors
/// [`Refusal::NotUnderstood`] that names the field, where it is none or nobody's call.
pub fn required(at: Option<Moment>, name: &str, written: &str) -> Result<Moment, Refusal> {
    let why = || {
        let (first, last) = (YEARS.start, YEARS.end - 1);
        format!("`{name}` is `{written}`, which is no time of the years {first} to {last}")
    };
    at.filter(|at| is_of_a_call(*at)).ok_or_else(|| Refusal::NotUnderstood(why()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        text.parse().expect("a moment")
    }

    #[test]
    fn a_fraction_makes_a_time_exact_and_its_absence_a_second() {
        let second = whole_second(moment("2026-11-23T02:00:05Z"));
        assert_eq!(iso("2026-11-23T10:00:05+08:00"), Some(second));
        assert_eq!(iso("2026-11-23 02:00:05Z"), Some(second));
        assert_eq!(rfc2822("Mon, 23 Nov 2026 02:00:05 +0000"), Some(second));
        assert_eq!(local("2026-11-23 10:00:05", chrono_tz::Asia::Shanghai), Some(second));
        assert_eq!(epoch_s(1_795_399_205), Some(second));
        let exact = Bounds::exact(moment("2026-11-23T02:00:05.104Z"));
        assert_eq!(iso("2026-11-23T02:00:05.104Z"), Some(exact));
        assert_eq!(epoch_ms(1_795_399_205_104), Some(exact));
    }

    #[test]
    fn absurd_times_are_none() {
        assert_eq!(iso("9999-12-31T23:59:59Z"), None);
        assert_eq!(epoch_s(-1), None);
        assert_eq!(epoch_ms(i64::MAX), None);
        assert_eq!(rfc2822("soon"), None);
        assert_eq!(local("2026-13-40 10:00:05", chrono_tz::Asia::Shanghai), None);
    }
}

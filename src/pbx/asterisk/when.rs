//! Times as this family writes them: epoch seconds with microseconds where somebody asked for them,
//! else local time without a zone, cut to its second.

use crate::call::Bounds;
use crate::pbx::time;
use chrono::DateTime;
use chrono_tz::Tz;

/// `1795430326.066983`, without passing through a floating-point number; without a fraction a whole
/// second.
pub fn epoch(text: &str) -> Option<Bounds> {
    let Some((seconds, fraction)) = text.split_once('.') else {
        return time::epoch_s(text.parse().ok()?);
    };
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let micros = seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?;
    let at = DateTime::from_timestamp_micros(micros.checked_add(digits.parse().ok()?)?)?;
    time::bounds(at, true)
}

/// A time in a record: epoch, local, or with an offset, also one without a colon.
pub fn written(text: &str, zone: Tz) -> Option<Bounds> {
    let without_colon = || {
        let at = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok()?.to_utc();
        time::bounds(at, text.contains('.'))
    };
    let known = epoch(text).or_else(|| time::iso(text)).or_else(without_colon);
    known.or_else(|| time::local(text, zone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Asia::Shanghai;

    #[test]
    fn a_second_that_was_cut_is_bounds_and_a_fraction_is_exact() {
        let at = written("2026-11-23 18:37:02", Shanghai).expect("a time");
        assert_eq!((at.latest - at.earliest).num_milliseconds(), 999);
        assert_eq!(written("1795430222.000000", Shanghai), Some(Bounds::exact(at.earliest)));
        assert_eq!(written("1795430222", Shanghai), Some(at));
        assert!(written("2026-11-23T18:37:02.5+0800", Shanghai).is_some_and(|at| at.is_exact()));
        for none in ["yesterday", "-1.000000", "99999999999999.5", "0001-01-01T00:00:00+0000"] {
            assert_eq!(written(none, Shanghai), None, "{none}");
        }
    }
}

//! The ways of writing a time that need no guessing, read at once.

use chrono::{NaiveDate, NaiveDateTime};

/// The usual ways, read without further ado: `2026-11-23T10:05:00+08:00`, `2026-11-23 10:05` and
/// `2026/11/3 9:05`; with the offset in seconds where told.
pub(super) fn usual(cell: &str) -> Option<(NaiveDateTime, Option<i64>)> {
    full(cell.as_bytes()).or_else(|| any(cell))
}

/// `2026-11-23T10:05:00+08:00` or its beginning up to the minute or the second, every part in its
/// place: by far most cells.
fn full(cell: &[u8]) -> Option<(NaiveDateTime, Option<i64>)> {
    let (minute, rest) = cell.split_first_chunk::<16>()?;
    let [c, e, n, y, b'-', m, o, b'-', d, a, b'T' | b' ', h, r, b':', i, u] = *minute else {
        return None;
    };
    let year = i32::try_from(two(c, e)? * 100 + two(n, y)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, two(m, o)?, two(d, a)?)?;
    let (second, rest) = match rest {
        [b':', s, e, rest @ ..] => (two(*s, *e)?, rest),
        rest => (0, rest),
    };
    let local = date.and_hms_opt(two(h, r)?, two(i, u)?, second)?;
    let ahead = match rest {
        [] => None,
        [side @ (b'+' | b'-'), h, r, b':', i, u] => {
            let ahead = i64::from(two(*h, *r)? * 3600 + two(*i, *u)? * 60);
            Some(if *side == b'-' { -ahead } else { ahead })
        }
        _ => return None,
    };
    Some((local, ahead))
}

/// The number of two digits.
fn two(tens: u8, ones: u8) -> Option<u32> {
    let [tens, ones] = [tens, ones].map(|digit| u32::from(digit.wrapping_sub(b'0')));
    (tens < 10 && ones < 10).then_some(tens * 10 + ones)
}

/// The same with shorter parts too.
fn any(cell: &str) -> Option<(NaiveDateTime, Option<i64>)> {
    let mut rest = cell.as_bytes();
    let year = digits(&mut rest, 4, 4)?;
    let between = sign(&mut rest, b"-/")?;
    let month = digits(&mut rest, 1, 2)?;
    sign(&mut rest, &[between])?;
    let day = digits(&mut rest, 1, 2)?;
    sign(&mut rest, b"T ")?;
    let hour = digits(&mut rest, 1, 2)?;
    sign(&mut rest, b":")?;
    let minute = digits(&mut rest, 2, 2)?;
    let second = match sign(&mut rest, b":") {
        Some(_) => digits(&mut rest, 2, 2)?,
        None => 0,
    };
    let date = NaiveDate::from_ymd_opt(year as i32, month, day)?;
    let local = date.and_hms_opt(hour, minute, second)?;
    let offset = match sign(&mut rest, b"Z+-") {
        None => None,
        Some(b'Z') => Some(0),
        Some(side) => {
            let hours = digits(&mut rest, 2, 2)?;
            sign(&mut rest, b":")?;
            let seconds = i64::from(hours * 3600 + digits(&mut rest, 2, 2)? * 60);
            Some(if side == b'-' { -seconds } else { seconds })
        }
    };
    rest.is_empty().then_some((local, offset))
}

/// The number at the beginning, of so many digits.
fn digits(rest: &mut &[u8], least: usize, most: usize) -> Option<u32> {
    let count = rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, after) = rest.split_at(count);
    *rest = after;
    let add = |sum, byte: &u8| sum * 10 + u32::from(byte - b'0');
    (count >= least).then(|| number.iter().fold(0, add))
}

/// The sign at the beginning, if it is one of these.
fn sign(rest: &mut &[u8], of: &[u8]) -> Option<u8> {
    let first = rest.first().copied().filter(|byte| of.contains(byte))?;
    *rest = &rest[1..];
    Some(first)
}

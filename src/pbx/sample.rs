//! A recorded call of a phone system made to look as if it had just ended: its times are moved, its
//! ids are new. So an installer sees a whole call of his phone system go through, and a second one
//! is not taken for a repeat of the first.

use super::{Delivery, Dialect, Pbx};
use crate::call::{CallEvent, Moment, Tie};
use chrono::{NaiveDateTime, TimeDelta};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use regex_lite::{Captures, Regex};
use std::collections::BTreeSet;

/// Times further than this from the sample's own are none of its times.
const NEAR: TimeDelta = TimeDelta::days(2);

/// What an address or a header escapes (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a sample is to be made anew.
pub struct Anew<'a> {
    /// When its last delivery is to have come.
    pub now: Moment,
    /// Makes its ids differ from those of every other time.
    pub nonce: u32,
    /// The sample's desk phone, and the one that is to stand in its place.
    pub desk: Option<(&'a str, &'a str)>,
}

/// The deliveries of a sample, made anew. All their times keep their distances, in whole seconds
/// from the old ones.
///
/// # Errors
/// When a pattern for times is none.
pub fn anew(
    sample: &[Delivery],
    pbx: &dyn Pbx,
    dialect: &Dialect<'_>,
    how: &Anew<'_>,
) -> Result<Vec<Delivery>, regex_lite::Error> {
    let Some(last) = sample.iter().map(|delivery| delivery.received_at).max() else {
        return Ok(Vec::new());
    };
    let times = Times::new(last, TimeDelta::seconds((how.now - last).num_seconds()))?;
    let ids = ids(sample, pbx, dialect, &times);
    let renewed: Vec<(String, String)> = ids
        .into_iter()
        .map(|id| (another(&id, how.nonce, &times), id))
        .flat_map(|(new, old)| {
            let apart = (escaped(&old), escaped(&new));
            let apart = Some(apart).filter(|(escaped, _)| *escaped != old);
            apart.into_iter().chain([(old, new)])
        })
        .collect();
    let text = |text: &str| {
        let put = |text: String, (old, new): &(String, String)| replaced(&text, old, new);
        let text = times.moved(&renewed.iter().fold(text.to_owned(), put));
        how.desk.map_or(text.clone(), |(old, new)| replaced(&text, old, new))
    };
    let one = |delivery: &Delivery| Delivery {
        received_at: delivery.received_at + times.by,
        method: delivery.method.clone(),
        target: text(&delivery.target),
        headers: delivery.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        body: text(&String::from_utf8_lossy(&delivery.body)).into(),
    };
    Ok(sample.iter().map(one).collect())
}

/// The phone that most samples ring at.
const USUAL_PHONE: &str = "8001";

/// The desk phone of a sample.
pub fn phone(sample: &[Delivery], pbx: &dyn Pbx, dialect: &Dialect<'_>) -> String {
    let events = events(sample, pbx, dialect);
    let told = events.iter().find_map(|event| event.leg.as_ref()?.extension.clone());
    told.unwrap_or_else(|| USUAL_PHONE.to_owned())
}

fn events(sample: &[Delivery], pbx: &dyn Pbx, dialect: &Dialect<'_>) -> Vec<CallEvent> {
    let readings = sample.iter().filter_map(|delivery| pbx.parse(delivery, dialect).ok());
    readings.flat_map(|reading| reading.events).collect()
}

/// The ids of calls and legs that do not wholly renew themselves with the times in them; the
/// longest first, so that none is cut out of another.
fn ids(sample: &[Delivery], pbx: &dyn Pbx, dialect: &Dialect<'_>, times: &Times) -> Vec<String> {
    let events = events(sample, pbx, dialect);
    let phones: BTreeSet<&str> =
        events.iter().filter_map(|event| event.leg.as_ref()?.extension.as_deref()).collect();
    let told = |id: &str| {
        let texts = sample.iter().map(|delivery| String::from_utf8_lossy(&delivery.body));
        let heads = sample.iter().flat_map(|delivery| &delivery.headers).map(|(_, value)| value);
        texts.into_iter().any(|text| text.contains(id))
            || sample.iter().any(|delivery| delivery.target.contains(id))
            || heads.into_iter().any(|value| value.contains(&*escaped(id)))
    };
    // An id that the adapter put together is no word of the phone system's: its numbers are.
    let words = |id: &str| -> Vec<String> {
        let number = |word: &&str| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_digit());
        match told(id) {
            true => vec![id.to_owned()],
            false => {
                let words = id.split(|c: char| !c.is_ascii_alphanumeric());
                words.filter(number).map(str::to_owned).collect()
            }
        }
    };
    let is_id = |word: &String| {
        let phone = phones.contains(word.as_str()) || word == USUAL_PHONE;
        word.len() > 2 && !phone && (times.moved(word) == *word || counted(word).is_some())
    };
    let ties = events.iter().flat_map(|event| &event.ties).map(Tie::id).flat_map(words);
    let mut ids: Vec<String> = ties.filter(is_id).collect::<BTreeSet<_>>().into_iter().collect();
    ids.sort_by_key(|id| std::cmp::Reverse(id.len()));
    ids
}

/// Where the count begins in an id that is a time and a count: `1795430222.17`. The time moves with
/// all others; within one second only another count makes another id.
fn counted(id: &str) -> Option<usize> {
    let (_, count) = id.rsplit_once('.')?;
    let short = (1..7).contains(&count.len()) && count.bytes().all(|byte| byte.is_ascii_digit());
    short.then(|| id.len() - count.len())
}

/// An id of the same shape: its last digits, decimal or hexadecimal, are others; or it grows.
fn another(id: &str, nonce: u32, times: &Times) -> String {
    if let Some(place) = counted(id).filter(|_| times.moved(id) != id) {
        return format!("{}{}{}", &id[..place], 1000 + nonce % 9000, &id[place..]);
    }
    let tail = |is: fn(&char) -> bool| id.chars().rev().take_while(is).count().min(8);
    let decimal = tail(char::is_ascii_digit);
    let hexadecimal = tail(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let keep = |digits: usize| &id[..id.len() - digits];
    match (decimal, hexadecimal) {
        (_, 8) => format!("{}{nonce:08x}", keep(8)),
        (digits @ 4.., _) => {
            let digits = digits.min(7);
            let first = 10u32.pow(digits as u32 - 1);
            format!("{}{}", keep(digits), first + nonce % (9 * first))
        }
        _ => format!("{id}-{nonce:08x}"),
    }
}

/// As it stands in a header or an address.
fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, ESCAPED).to_string()
}

/// A text with a word replaced wherever it stands alone.
fn replaced(text: &str, old: &str, new: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(old) {
        let before = rest[..at].chars().next_back().or(out.chars().next_back());
        let after = rest[at + old.len()..].chars().next();
        // What stands before may be an escape: `sip%3A8001`.
        let escape = rest[..at].get(at.saturating_sub(3)..).is_some_and(|own| own.starts_with('%'));
        let alone = !after.is_some_and(char::is_alphanumeric)
            && (escape || !before.is_some_and(char::is_alphanumeric));
        out.push_str(&rest[..at]);
        out.push_str(if alone { new } else { old });
        rest = &rest[at + old.len()..];
    }
    out + rest
}

/// The times in a text, whatever form they have.
struct Times {
    around: Moment,
    by: TimeDelta,
    /// `2026-11-23 10:00:00`, also as in an address: `2026-11-23%2010%3A00%3A00`.
    stamp: Regex,
    /// `Mon, 23 Nov 2026 02:00:01` (RFC 5322), also as in a form.
    dated: Regex,
    /// Seconds, milliseconds or microseconds since 1970.
    epoch: Regex,
}

impl Times {
    fn new(around: Moment, by: TimeDelta) -> Result<Self, regex_lite::Error> {
        let stamp = r"(\d{4}-\d\d-\d\d)(T| |\+|%20)(\d\d)(:|%3A)(\d\d)(:|%3A)(\d\d)";
        let dated = concat!(
            r"[A-Z][a-z]{2}(,|%2C)( |\+|%20)(\d\d)( |\+|%20)([A-Z][a-z]{2})( |\+|%20)",
            r"(\d{4})( |\+|%20)(\d\d)(:|%3A)(\d\d)(:|%3A)(\d\d)",
        );
        Ok(Self {
            around,
            by,
            stamp: Regex::new(stamp)?,
            dated: Regex::new(dated)?,
            epoch: Regex::new(r"\d{10,16}")?,
        })
    }

    fn moved(&self, text: &str) -> String {
        let text = self.stamp.replace_all(text, |found: &Captures<'_>| self.stamp(found));
        let text = self.dated.replace_all(&text, |found: &Captures<'_>| self.dated(found));
        self.epoch.replace_all(&text, |found: &Captures<'_>| self.epoch(&found[0])).into_owned()
    }

    /// Of a time without a zone it is not known how far it is from here: a day, at most.
    fn later(&self, at: NaiveDateTime) -> Option<NaiveDateTime> {
        ((at - self.around.naive_utc()).abs() < NEAR).then_some(at + self.by)
    }

    fn stamp(&self, found: &Captures<'_>) -> String {
        let written = format!("{} {}:{}:{}", &found[1], &found[3], &found[5], &found[7]);
        let at = NaiveDateTime::parse_from_str(&written, "%Y-%m-%d %H:%M:%S").ok();
        at.and_then(|at| self.later(at)).map_or_else(
            || found[0].to_owned(),
            |at| {
                at.format("%Y-%m-%d\0%H\x01%M\x01%S")
                    .to_string()
                    .replace('\0', &found[2])
                    .replace('\x01', &found[4])
            },
        )
    }

    fn dated(&self, found: &Captures<'_>) -> String {
        let (space, colon) = (&found[2], &found[10]);
        let (day, month, year) = (&found[3], &found[5], &found[7]);
        let clock = format!("{}:{}:{}", &found[9], &found[11], &found[13]);
        let written = format!("{day} {month} {year} {clock}");
        let at = NaiveDateTime::parse_from_str(&written, "%d %b %Y %H:%M:%S").ok();
        at.and_then(|at| self.later(at)).map_or_else(
            || found[0].to_owned(),
            |at| {
                let told = at.format("%a\x02\0%d\0%b\0%Y\0%H\x01%M\x01%S").to_string();
                told.replace('\0', space).replace('\x01', colon).replace('\x02', &found[1])
            },
        )
    }

    fn epoch(&self, digits: &str) -> String {
        let moved = || {
            let number: i64 = digits.parse().ok()?;
            let (at, by) = match digits.len() {
                10 => (Moment::from_timestamp(number, 0)?, self.by.num_seconds()),
                13 => (Moment::from_timestamp_millis(number)?, self.by.num_milliseconds()),
                16 => (Moment::from_timestamp_micros(number)?, self.by.num_microseconds()?),
                _ => return None,
            };
            ((at - self.around).abs() < NEAR).then(|| (number + by).to_string())
        };
        moved().unwrap_or_else(|| digits.to_owned())
    }
}

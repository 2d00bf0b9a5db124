//! Call detail records: one row a dialled phone, written when it is all over. They tell who called
//! whom, direction, length and file. Their `answer` is the first answer by anything, a menu or
//! queue included, and nothing tells when a phone rang: of an answer by the desk they are bounds.

use super::channel::{is_from_outside, leg, takes_message};
use super::{Object, base_name, text, when};
use crate::call::{
    Bounds, CallEvent, CallFacts, Cause, Clock, EventKind, JoinSight, LegFacts, Tie,
};
use crate::party::{PersonName, PhoneNumber};
use crate::pbx::{Dialect, Reading, Refusal, number};
use chrono::TimeDelta;

/// Columns of `Master.csv` with everything switched on, in their order.
pub const COLUMNS: [&str; 21] = [
    "accountcode",
    "src",
    "dst",
    "dcontext",
    "clid",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "amaflags",
    "uniqueid",
    "userfield",
    "peeraccount",
    "linkedid",
    "sequence",
];

/// The longest call, in seconds: a year.
const LENGTH_MAX_S: i64 = 31_536_000;

/// Place of the disposition among them.
pub const DISPOSITION: usize = 14;

/// Whether a word is a disposition.
pub fn is_disposition(word: &str) -> bool {
    ["ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION"].contains(&word)
}

/// One record.
pub fn record(object: &Object, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
    let row = Row { object };
    let Some(id) = row.text("uniqueid") else {
        let why = "`uniqueid` is missing: set loguniqueid = yes in cdr.conf, or export the column";
        return Err(Refusal::NotUnderstood(why.into()));
    };
    let times = row.times(dialect)?;
    let caller = row.caller(id);
    let dialled = row.dialled();
    let mut told = vec![
        (
            times.start,
            Some(caller.clone()),
            match caller.originator {
                true => EventKind::Offered,
                false => EventKind::LegCreated,
            },
        ),
        (times.end, None, EventKind::Ended { cause: None }),
    ];
    told.extend(dialled.iter().flat_map(|leg| row.told_of(leg, &times)));
    if row.text("lastapp").is_some_and(takes_message) {
        let kind = EventKind::LegEnded { cause: Some(Cause::Message) };
        told.push((times.end, Some(caller), kind));
    }
    told.extend(row.text("recordingfile").map(|file| {
        let reference = base_name(file).to_owned();
        (times.end, None, EventKind::RecordingAnnounced { reference, starts_at: None })
    }));
    let mut ties = vec![Tie::Leg(id.to_owned())];
    ties.push(Tie::Call(row.text("linkedid").unwrap_or(id).to_owned()));
    let events = told.into_iter().map(|(at, leg, kind)| {
        // What a record says of the call is how it stood at its end, after every transfer.
        let last = matches!(kind, EventKind::Ended { .. });
        let call = if last { row.call() } else { CallFacts::default() };
        CallEvent { at, clock: Clock::Pbx, id: None, ties: ties.clone(), leg, call, kind }
    });
    Ok(Reading { events: events.collect(), ..Reading::default() })
}

type Told = (Bounds, Option<LegFacts>, EventKind);

struct Row<'a> {
    object: &'a Object,
}

struct Times {
    start: Bounds,
    answer: Option<Bounds>,
    end: Bounds,
}

impl Row<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        text(self.object, name)
    }

    /// Seconds of a field, cut.
    fn seconds(&self, name: &str) -> Result<Option<TimeDelta>, Refusal> {
        let written = self.text(name).unwrap_or_default();
        let Some(Ok(seconds)) = written.split('.').next().map(str::parse) else { return Ok(None) };
        if !(0..=LENGTH_MAX_S).contains(&seconds) {
            let why = format!("`{name}` is `{written}`, and no call lasts so many seconds");
            return Err(Refusal::NotUnderstood(why));
        }
        Ok(Some(TimeDelta::seconds(seconds)))
    }

    fn time(&self, name: &str, dialect: &Dialect<'_>) -> Result<Option<Bounds>, Refusal> {
        // An epoch of nothing but zeros stands for a time that never came.
        let never = |text: &&str| !text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
        let Some(written) = self.text(name).filter(never) else { return Ok(None) };
        let why = || Refusal::NotUnderstood(format!("`{name}` is `{written}`, no time"));
        when::written(written, dialect.zone).map(Some).ok_or_else(why)
    }

    /// Start and end, and the answer by anything; where the table keeps lengths instead of times,
    /// they are added, each cut to its second.
    fn times(&self, dialect: &Dialect<'_>) -> Result<Times, Refusal> {
        let missing = |name: &str| Refusal::NotUnderstood(format!("`{name}` is missing"));
        let start = match self.time("start", dialect)? {
            Some(start) => start,
            None => self.time("calldate", dialect)?.ok_or_else(|| missing("start"))?,
        };
        let after = |length: TimeDelta| Bounds {
            earliest: start.earliest + length,
            latest: start.latest + length + TimeDelta::seconds(1),
        };
        let duration = self.seconds("duration")?;
        let end = match self.time("end", dialect)? {
            Some(end) => end,
            None => duration.map(after).ok_or_else(|| missing("end` or `duration"))?,
        };
        let talk = self.seconds("billsec")?.filter(|talk| !talk.is_zero());
        let answer = match self.object.contains_key("answer") {
            true => self.time("answer", dialect)?,
            false => talk.zip(duration).map(|(talk, duration)| Bounds {
                earliest: start.earliest + (duration - talk - TimeDelta::seconds(1)),
                latest: start.latest + (duration - talk + TimeDelta::seconds(1)),
            }),
        };
        Ok(Times { start, answer, end })
    }

    /// The record's own channel. It began the call unless another id names the call, or it is the
    /// phone system with itself.
    fn caller(&self, id: &str) -> LegFacts {
        let mut leg = leg(id, self.text("channel").unwrap_or_default());
        leg.joins = JoinSight::Unsaid;
        leg.originator = self.text("linkedid").is_none_or(|linked| linked == id);
        leg.originator &= !leg.internal_helper;
        if leg.originator && self.text("dcontext").is_some_and(is_from_outside) {
            leg.outside = Some(true);
        }
        leg
    }

    /// The phone that was dialled: the record knows its name and not its id.
    fn dialled(&self) -> Option<LegFacts> {
        let channel = self.text("dstchannel")?;
        let leg = leg(channel, channel);
        Some(LegFacts { joins: JoinSight::Unsaid, ..leg })
    }

    /// An answer with a time and a dialled phone is a join, some time between that answer and the
    /// end; one without a time met a caller who was gone. The pick-up came before it, and the leg
    /// before that.
    fn told_of(&self, leg: &LegFacts, times: &Times) -> Vec<Told> {
        let whole = Bounds { earliest: times.start.earliest, latest: times.end.latest };
        let told = |at, kind| (at, Some(leg.clone()), kind);
        let mut all = vec![told(whole, EventKind::LegCreated)];
        let disposition = self.text("disposition").unwrap_or_default();
        match (disposition, times.answer) {
            ("ANSWERED", Some(answer)) => {
                let joined = Bounds { earliest: answer.earliest, ..whole };
                all.push(told(whole, EventKind::PickedUp));
                all.push(told(joined, EventKind::Joined));
            }
            ("ANSWERED", None) => {}
            _ => all.push(told(times.end, EventKind::LegEnded { cause: cause(disposition) })),
        }
        all
    }

    fn call(&self) -> CallFacts {
        let name = self.text("clid").and_then(|clid| clid.split('"').nth(1));
        CallFacts {
            direction: None,
            caller: self.text("cnum").or(self.text("src")).and_then(number),
            caller_name: self.text("cnam").or(name).and_then(PersonName::known),
            callee: self.text("did").or(self.text("dst")).and_then(PhoneNumber::known),
        }
    }
}

/// `NO ANSWER` is a time that ran out, a caller who gave up, or a phone that declined: it says
/// nothing.
fn cause(disposition: &str) -> Option<Cause> {
    Some(match disposition {
        "BUSY" => Cause::Busy,
        "FAILED" | "CONGESTION" => Cause::Failed,
        _ => return None,
    })
}

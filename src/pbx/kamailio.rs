//! Kamailio and OpenSIPS: a proxy sees dialogs and their branches, and our snippet in its routing
//! script tells of them (`docs/pbx/`). Which dialog is the caller's, and why nobody answered,
//! shows only when all lies together.

use super::settle::{Desk, Noted, Telling, note, words};
use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, number, signature};
use crate::call::{
    Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, LegFacts, Moment, Tie,
};
use crate::party::PersonName;
use chrono::{DateTime, TimeDelta};
use serde::{Deserialize, Serialize};

/// The dialect of SIP proxies.
pub struct Kamailio;

const NAME: &str = "kamailio";
/// Digits after the dot of a time; fewer come from a script that glues microseconds on.
const FRACTION_DIGITS: usize = 6;
/// A branch that was cancelled so shortly before the caller hung up was cancelled by him.
const CANCEL_SLACK: TimeDelta = TimeDelta::seconds(1);
/// Request Terminated (RFC 3261 section 21.4.25).
const TERMINATED: i64 = 487;

/// What happened, in the script's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Offered,
    Ringing,
    /// Sound before the answer.
    Early,
    Answered,
    Failed,
    Ended,
}

/// One delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Seen {
    word: Word,
    /// The SIP Call-ID of the dialog.
    dialog: String,
    /// The Call-ID of the caller's own dialog.
    call: String,
    /// Empty for the dialog as a whole.
    branch: String,
    from: Option<String>,
    from_name: Option<String>,
    to: Option<String>,
    extension: Option<String>,
    peer: Option<String>,
    code: Option<i64>,
    by: Option<String>,
}

impl Pbx for Kamailio {
    fn name(&self) -> &'static str {
        NAME
    }

    fn sample(&self) -> &'static str {
        include_str!("../../tests/pbx/kamailio/answered.deliveries.jsonl")
    }

    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        signature::token(delivery, secret)
    }

    /// It gives none: a repeat is known by its body.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, _: &Dialect<'_>) -> Result<Reading, Refusal> {
        let object = body::asked_or_json(delivery)?;
        if body::integer(&object, "v") != Some(1) {
            return Err(Refusal::NotUnderstood("`v` is not 1".into()));
        }
        let event = body::required(&object, "event")?;
        let dialog = body::required(&object, "call")?;
        let at = time(body::required(&object, "at")?)?;
        let Ok(word) = Word::deserialize(serde_json::Value::from(event)) else {
            return Ok(Reading::default());
        };
        let text = |name| body::text(&object, name).map(str::to_owned);
        let call = text("corr").unwrap_or_else(|| dialog.to_owned());
        let seen = Seen {
            word,
            dialog: dialog.to_owned(),
            call: call.clone(),
            branch: text("leg").unwrap_or_default(),
            from: text("from"),
            from_name: text("from_name"),
            to: text("to"),
            extension: text("ext"),
            peer: text("peer"),
            code: body::integer(&object, "code"),
            by: text("by"),
        };
        let event = CallEvent {
            at: Bounds::exact(at),
            clock: Clock::Pbx,
            id: None,
            ties: vec![Tie::Call(call)],
            leg: None,
            call: CallFacts::default(),
            kind: note(NAME, &seen),
        };
        Ok(Reading { events: vec![event], ..Reading::default() })
    }

    fn settle(&self, notes: &[&CallEvent], desk: Desk<'_>) -> Vec<CallEvent> {
        let notes: Vec<Noted<Seen>> = words(notes);
        let Some(first) = notes.first() else { return Vec::new() };
        Dialogs { notes: &notes, desk }.tell(Telling::of(&first.said.call, Clock::Pbx))
    }
}

/// Epoch seconds, a dot and six digits; cut to milliseconds.
fn time(written: &str) -> Result<Moment, Refusal> {
    let wrong = || {
        let why = format!("`at` is `{written}`; epoch seconds, a dot and six digits are wanted");
        Refusal::NotUnderstood(why)
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (seconds, fraction) = written.split_once('.').ok_or_else(wrong)?;
    if fraction.len() != FRACTION_DIGITS || !digits(fraction) || !digits(seconds) {
        return Err(wrong());
    }
    let seconds: i64 = seconds.parse().map_err(|_| wrong())?;
    let millis: u32 = fraction[..3].parse().map_err(|_| wrong())?;
    let at = DateTime::from_timestamp(seconds, millis * 1_000_000);
    at.filter(|at| super::time::is_of_a_call(*at)).ok_or_else(wrong)
}

impl Seen {
    fn is_root(&self) -> bool {
        self.dialog == self.call
    }

    fn is_whole(&self) -> bool {
        self.branch.is_empty()
    }

    fn is_phone(&self) -> bool {
        self.peer.as_deref() == Some("phone")
    }

    /// The number of the branch's target.
    fn target(&self) -> Option<&str> {
        self.extension.as_deref().or(self.to.as_deref())
    }

    fn leg(&self) -> LegFacts {
        let extension = self.target().filter(|_| self.is_phone()).map(str::to_owned);
        let outside = (self.peer.as_deref() == Some("trunk")).then_some(true);
        let id = format!("{} {}", self.dialog, self.branch);
        LegFacts { id, extension, outside, ..LegFacts::default() }
    }

    /// A phone was reached, or somebody behind a line to the outside; not another phone system.
    fn is_person(&self) -> bool {
        self.is_phone() || self.peer.as_deref() == Some("trunk")
    }
}

/// Why a dialog or branch failed, by its SIP status.
fn cause(code: i64) -> Cause {
    match code {
        486 | 600 => Cause::Busy,
        603 => Cause::Declined,
        408 | TERMINATED => Cause::NoAnswer,
        404 | 410 => Cause::NoPhone,
        480 => Cause::Unavailable,
        _ => Cause::Failed,
    }
}

/// The display name of a header: without one pair of quotes, quoted pairs resolved (RFC 3261
/// section 25.1).
fn display_name(written: &str) -> Option<PersonName> {
    let inner = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let mut name = String::new();
    let mut chars = inner.unwrap_or(written).chars();
    while let Some(c) = chars.next() {
        name.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    PersonName::known(&name)
}

/// All that was seen of one call.
struct Dialogs<'a> {
    notes: &'a [Noted<Seen>],
    desk: Desk<'a>,
}

impl<'a> Dialogs<'a> {
    fn tell(&self, mut telling: Telling) -> Vec<CallEvent> {
        if let Some(first) = self.notes.first() {
            telling.facts(first.at, self.facts());
        }
        let end = self.end();
        let before_end = |at: Bounds| end.is_none_or(|end| at.earliest < end.at.earliest);
        let mut taken = false;
        for seen in self.notes {
            let leg = seen.said.leg();
            match seen.said.word {
                Word::Ringing | Word::Early if seen.said.is_phone() => {
                    telling.leg(seen.at, &leg, EventKind::Alerting);
                }
                // What is answered is heard: a proxy passes the answer on at once.
                Word::Answered if seen.said.is_person() && before_end(seen.at) => {
                    telling.leg(seen.at, &leg, EventKind::PickedUp);
                    telling.leg(seen.at, &leg, EventKind::Joined);
                    taken = true;
                }
                Word::Answered if seen.said.is_person() => {
                    telling.leg(seen.at, &leg, EventKind::PickedUp);
                }
                Word::Failed if !seen.said.is_whole() => {
                    telling.leg(seen.at, &leg, EventKind::LegEnded { cause: None });
                }
                _ => {}
            }
        }
        if let Some(end) = end {
            let cause = if taken { None } else { self.cause(end) };
            telling.call(end.at, EventKind::Ended { cause });
        }
        telling.events
    }

    fn all(&self) -> impl Iterator<Item = &'a Noted<Seen>> {
        self.notes.iter()
    }

    /// A phone of the desk, or a dialog to one.
    fn is_desk(&self, seen: &Seen) -> bool {
        seen.is_phone() && seen.target().is_some_and(|target| self.desk.has(target))
    }

    fn facts(&self) -> CallFacts {
        let of = |text: Option<&String>| text.and_then(|text| number(text));
        let Some(root) = self.all().find(|seen| seen.said.is_root()).map(|seen| &seen.said) else {
            let told = self.all().find_map(|seen| seen.said.from.as_ref());
            let reached = self.all().any(|seen| self.is_desk(&seen.said));
            let direction = reached.then_some(Direction::Inbound);
            return CallFacts { direction, caller: of(told), ..CallFacts::default() };
        };
        let desk = |text: &Option<String>| text.as_ref().is_some_and(|text| self.desk.has(text));
        let direction = match (desk(&root.from), desk(&root.to)) {
            (true, true) => Direction::Internal,
            (true, false) => Direction::Outbound,
            (false, _) => Direction::Inbound,
        };
        CallFacts {
            direction: Some(direction),
            caller: of(root.from.as_ref()),
            caller_name: root.from_name.as_deref().and_then(display_name),
            callee: of(root.to.as_ref()),
        }
    }

    /// The end of the caller's dialog.
    fn end(&self) -> Option<&'a Noted<Seen>> {
        self.all().find(|seen| {
            let over = matches!(seen.said.word, Word::Ended | Word::Failed);
            over && seen.said.is_root() && seen.said.is_whole()
        })
    }

    /// Why nobody answered. A branch's 487 means that the proxy cancelled it; only that of the
    /// caller's dialog as a whole, that he gave up.
    fn cause(&self, end: &Noted<Seen>) -> Option<Cause> {
        if end.said.word == Word::Failed && end.said.code == Some(TERMINATED) {
            return Some(Cause::Abandoned);
        }
        if end.said.is_phone() {
            return end.said.code.map(cause);
        }
        let failed =
            |seen: &&Noted<Seen>| seen.said.word == Word::Failed && self.is_desk(&seen.said);
        let failures: Vec<&Noted<Seen>> = self.all().filter(failed).collect();
        let last = failures.last().copied();
        let failed = |dialog: &str| failures.iter().any(|seen| seen.said.dialog == dialog);
        let still_rang = self.all().any(|seen| {
            let rang = matches!(seen.said.word, Word::Ringing | Word::Early);
            rang && self.is_desk(&seen.said) && !failed(&seen.said.dialog)
        });
        let just_cancelled = last.is_some_and(|last| {
            let cancelled = last.said.code == Some(TERMINATED);
            cancelled && last.at.earliest >= end.at.earliest - CANCEL_SLACK
        });
        let hung_up = end.said.word == Word::Ended && end.said.by.as_deref() == Some("caller");
        if hung_up && (still_rang || just_cancelled) {
            return Some(Cause::Abandoned);
        }
        last.unwrap_or(end).said.code.map(cause)
    }
}

//! The events of a call, ordered and sorted by leg: what the rules look at.

use super::event::{Bounds, CallEvent, Cause, Clock, EventKind, JoinSight, LegFacts, Moment};
use crate::party::PhoneNumber;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// All that was told of one leg.
#[derive(Debug, Clone, Default)]
pub struct LegStory {
    pub id: String,
    pub extension: Option<String>,
    pub number: Option<PhoneNumber>,
    pub outside: Option<bool>,
    pub originator: bool,
    pub helper: bool,
    pub joins: JoinSight,
    pub rang_before: bool,
    pub parent: Option<String>,
    pub dialled: Option<bool>,
    pub known_as: Vec<String>,
    pub from: Option<PhoneNumber>,
    pub to: Option<PhoneNumber>,
    /// It told something of its own: not only others spoke of it.
    pub spoke: bool,
    pub first: Option<Bounds>,
    pub created: Option<Bounds>,
    pub alerting: Vec<Bounds>,
    pub picked_up: Vec<Bounds>,
    pub joined: Vec<Bounds>,
    /// Answered at a time nobody told.
    pub answered: bool,
    /// Joins that only the caller's leg told of.
    pub reached: Vec<Bounds>,
    pub ended: Option<Bounds>,
    pub causes: Vec<Cause>,
}

/// A call's events in their one order, and its legs by id.
pub struct Story<'a> {
    /// Ordered and each once.
    pub events: Vec<&'a CallEvent>,
    pub legs: BTreeMap<&'a str, LegStory>,
    names: Names<'a>,
    /// The leg that began the call: of several, because calls were merged, the oldest. It may be
    /// one of which nothing came but its name.
    pub caller_id: Option<&'a str>,
    /// The clock whose times are compared.
    pub clock: Clock,
}

impl<'a> Story<'a> {
    /// Orders events and sorts them by leg. The outcome depends on the set of events alone.
    pub fn of(events: &'a [CallEvent]) -> Self {
        let mut ordered: Vec<&CallEvent> = events.iter().collect();
        ordered.sort_by(|one, other| order(one, other));
        ordered.dedup();
        let mut legs: BTreeMap<&'a str, LegStory> = BTreeMap::new();
        let clock = clock_of(&ordered);
        let names = Names::of(&ordered);
        for event in &ordered {
            if let Some(facts) = event.leg.as_ref().filter(|leg| !leg.id.is_empty()) {
                let id = names.now(&facts.id);
                let leg = legs.entry(id).or_insert_with(|| LegStory::named(id));
                leg.learn(event, facts, clock);
            }
        }
        for leg in legs.values_mut() {
            leg.parent = leg.parent.take().map(|parent| names.now(&parent).to_owned());
        }
        let caller_id = caller_id(&ordered, &legs).map(|id| names.now(id));
        Self { events: ordered, legs, caller_id, clock, names }
    }

    /// The leg that an event speaks of, by id or by name.
    pub fn leg_of(&self, event: &CallEvent) -> Option<&LegStory> {
        let id = event.leg.as_ref()?.id.as_str();
        self.legs.get(self.names.now(id))
    }

    /// Whether the phone system's own log of the call was read.
    pub fn is_logged(&self) -> bool {
        self.events.iter().any(|event| event.kind == EventKind::Logged)
    }

    /// Events whose times may be compared with each other.
    pub fn timed(&self) -> impl Iterator<Item = &&'a CallEvent> {
        self.events.iter().filter(|event| event.clock == self.clock)
    }

    /// The earliest time of any event of the call.
    pub fn first(&self) -> Option<Bounds> {
        self.timed().map(|event| event.at).min_by_key(|at| (at.earliest, at.latest))
    }

    /// The leg that began the call, unless others only spoke of it.
    pub fn caller(&self) -> Option<&LegStory> {
        self.legs.get(self.caller_id?).filter(|leg| leg.spoke)
    }
}

/// Legs by the other ids or names they had: each with its last.
struct Names<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Names<'a> {
    fn of(events: &[&'a CallEvent]) -> Self {
        let legs = events.iter().filter_map(|event| event.leg.as_ref());
        let renamed = legs.filter_map(|leg| Some((leg.was.as_deref()?, leg.id.as_str())));
        let mut now: BTreeMap<&str, &str> = renamed.collect();
        // Each round doubles the steps, so that few lead to the end of the longest way.
        for _ in 0..usize::BITS - now.len().leading_zeros() {
            let end = |to: &'a str| now.get(to).copied().unwrap_or(to);
            now = now.iter().map(|(id, to)| (*id, end(to))).collect();
        }
        Self(now)
    }

    /// The id by which a leg is known in the end.
    fn now<'b>(&self, id: &'b str) -> &'b str
    where
        'a: 'b,
    {
        self.0.get(id).copied().unwrap_or(id)
    }
}

fn caller_id<'a>(events: &[&'a CallEvent], legs: &BTreeMap<&'a str, LegStory>) -> Option<&'a str> {
    let began =
        legs.iter().filter(|(_, leg)| leg.originator && !leg.helper && leg.parent.is_none());
    let oldest = began.min_by_key(|(id, leg)| (leg.first.map(|first| first.earliest), **id));
    let silent = || {
        let parents = events.iter().filter_map(|event| event.leg.as_ref()?.parent.as_deref());
        parents.into_iter().find(|parent| !legs.get(parent).is_some_and(|leg| leg.spoke))
    };
    oldest.map(|(id, _)| *id).or_else(silent)
}

/// The phone system's own clock where it gives one; else receive times, unless they tell of nothing
/// but the end and a record tells more.
fn clock_of(events: &[&CallEvent]) -> Clock {
    let of = |clock: Clock| events.iter().filter(move |event| event.clock == clock);
    let live = of(Clock::Receiver).any(|event| {
        let after = matches!(
            event.kind,
            EventKind::Ended { .. } | EventKind::Unanswered { .. } | EventKind::Unknown { .. }
        );
        !after && !matches!(event.kind, EventKind::RecordingAnnounced { .. })
    });
    // The end alone may be told by the phone system of a call that is else known by receive times.
    let told = of(Clock::Pbx).any(|event| !matches!(event.kind, EventKind::Ended { .. }));
    if told || !live && of(Clock::Pbx).next().is_some() {
        Clock::Pbx
    } else if live || of(Clock::Record).next().is_none() {
        Clock::Receiver
    } else {
        Clock::Record
    }
}

/// One order for any set of events: by time, then by the sender's id, then by all the rest.
fn order(one: &CallEvent, other: &CallEvent) -> Ordering {
    fn leg(event: &CallEvent) -> Option<&str> {
        event.leg.as_ref().map(|leg| leg.id.as_str())
    }
    let rest = |event: &CallEvent| serde_json::to_string(event).unwrap_or_default();
    (one.at.earliest, one.at.latest, one.clock)
        .cmp(&(other.at.earliest, other.at.latest, other.clock))
        .then_with(|| one.id.cmp(&other.id))
        .then_with(|| leg(one).cmp(&leg(other)))
        .then_with(|| if one == other { Ordering::Equal } else { rest(one).cmp(&rest(other)) })
}

impl LegStory {
    fn named(id: &str) -> Self {
        Self { id: id.to_owned(), ..Self::default() }
    }

    fn learn(&mut self, event: &CallEvent, facts: &LegFacts, clock: Clock) {
        let first_wins = |known: &mut Option<String>, told: &Option<String>| {
            if known.is_none() {
                known.clone_from(told);
            }
        };
        first_wins(&mut self.extension, &facts.extension);
        self.number = self.number.take().or_else(|| facts.number.clone());
        self.outside = self.outside.or(facts.outside);
        self.originator |= facts.originator;
        self.helper |= facts.internal_helper;
        self.joins = self.joins.max(facts.joins);
        self.rang_before |= facts.rang_before;
        first_wins(&mut self.parent, &facts.parent);
        self.dialled = self.dialled.or(facts.dialled);
        self.from = self.from.take().or_else(|| facts.from.clone());
        self.to = self.to.take().or_else(|| facts.to.clone());
        for number in &facts.known_as {
            if !self.known_as.contains(number) {
                self.known_as.push(number.clone());
            }
        }
        self.spoke |= !matches!(event.kind, EventKind::Joined | EventKind::Reached);
        self.answered |= event.kind == EventKind::Answered;
        if let EventKind::LegEnded { cause: Some(cause) } = event.kind {
            self.causes.push(cause);
        }
        if event.clock != clock {
            return;
        }
        self.first = self.first.or(Some(event.at));
        match event.kind {
            EventKind::LegCreated => {
                let both = |known: Bounds| known.intersection(event.at).unwrap_or(known);
                self.created = Some(self.created.map_or(event.at, both));
            }
            EventKind::Alerting => self.alerting.push(event.at),
            EventKind::PickedUp => self.picked_up.push(event.at),
            EventKind::Joined => self.joined.push(event.at),
            EventKind::Reached => self.reached.push(event.at),
            EventKind::LegEnded { .. } => self.ended = Some(event.at),
            _ => {}
        }
    }

    /// Why nobody took this leg. What the phone itself said outweighs what was concluded from its
    /// silence; of one kind the first told stands, since clearing-up follows. `joined`: whether
    /// anybody heard it.
    pub fn cause(&self, joined: bool) -> Option<Cause> {
        if self.causes.contains(&Cause::Failed) {
            return Some(Cause::Failed);
        }
        // Once the caller has given up, whatever clears the leg says nothing of the phone.
        let cancelled = self.causes.first() == Some(&Cause::Abandoned);
        let said = |cause: &&Cause| !matches!(cause, Cause::NoAnswer | Cause::Abandoned);
        if let Some(cause) = self.causes.iter().find(said).filter(|_| !cancelled) {
            return Some(*cause);
        }
        let dialled = !self.originator && self.joins == JoinSight::Always;
        let met_nobody = dialled && !self.picked_up.is_empty() && !joined;
        if met_nobody { Some(Cause::Abandoned) } else { self.causes.first().copied() }
    }

    /// First time the leg is known to have existed: its phone cannot have rung before.
    pub fn existed_at(&self) -> Option<Moment> {
        self.created.or(self.first).map(|at| at.earliest)
    }
}

//! The legs of a call, gathered from its notes.

use super::said::{PickUp, Role, Said, What};
use crate::call::{Bounds, Cause, Clock};
use crate::pbx::address::party;
use crate::pbx::settle::{Desk, Noted};
use std::collections::BTreeMap;

/// All that was said of one leg, in order of time.
#[derive(Debug, Clone, Default)]
pub struct Leg {
    pub id: String,
    pub role: Role,
    pub from: Option<String>,
    pub to: Option<String>,
    pub first: Option<Bounds>,
    pub created: Option<Bounds>,
    pub alerting: Vec<Bounds>,
    pub picked_up: Vec<Bounds>,
    pub joined: Vec<Bounds>,
    pub over: Option<Bounds>,
    pub causes: Vec<Cause>,
    pub settled: Vec<PickUp>,
    pub queued: bool,
}

/// A call's notes, and its legs by id.
pub struct Legs<'a> {
    pub notes: &'a [Noted<Said>],
    /// The clock whose times are compared: the carrier's, unless it tells no more than ends.
    pub clock: Clock,
    pub by_id: BTreeMap<String, Leg>,
    /// The leg that began the call.
    pub began: Option<String>,
    pub desk: Desk<'a>,
}

impl Leg {
    /// The phone or number that the leg goes to.
    pub fn party(&self) -> Option<&str> {
        party(self.to.as_deref()?)
    }

    /// Picked up by a person as far as anybody said.
    pub fn counts(&self) -> bool {
        self.settled.iter().all(|pick_up| *pick_up == PickUp::Connected)
    }

    fn learn(&mut self, note: &Noted<Said>, clock: Clock) {
        self.role = self.role.max(note.said.role);
        for (known, told) in [(&mut self.from, &note.said.from), (&mut self.to, &note.said.to)] {
            if known.is_none() {
                known.clone_from(told);
            }
        }
        match &note.said.what {
            What::Over { cause: Some(cause) } | What::HungUp { cause: Some(cause) } => {
                self.causes.push(*cause);
            }
            What::Settled { pick_up } => self.settled.push(*pick_up),
            What::Queued => self.queued = true,
            _ => {}
        }
        if note.clock == clock {
            self.learn_time(note.at, &note.said.what);
        }
    }

    fn learn_time(&mut self, at: Bounds, what: &What) {
        self.first = self.first.or(Some(at));
        match what {
            What::Created => self.created = self.created.or(Some(at)),
            What::Alerting => self.alerting.push(at),
            What::PickedUp => self.picked_up.push(at),
            What::Joined => self.joined.push(at),
            What::Over { .. } | What::HungUp { .. } => self.over = self.over.or(Some(at)),
            _ => {}
        }
    }
}

impl<'a> Legs<'a> {
    /// Gathers the notes of a call; they come in order of time.
    pub fn of(notes: &'a [Noted<Said>], desk: Desk<'a>) -> Self {
        let clock = clock_of(notes);
        let mut by_id: BTreeMap<String, Leg> = BTreeMap::new();
        for note in notes {
            let Some(id) = &note.said.leg else { continue };
            let leg = by_id.entry(id.clone()).or_default();
            leg.id.clone_from(id);
            leg.learn(note, clock);
        }
        let began = began(&by_id);
        Self { notes, clock, by_id, began, desk }
    }

    pub fn caller(&self) -> Option<&Leg> {
        self.by_id.get(self.began.as_ref()?)
    }

    pub fn is_caller(&self, leg: &Leg) -> bool {
        self.began.as_ref() == Some(&leg.id)
    }

    /// Whether a leg goes to a phone of the desk. The leg that began the call does not.
    pub fn is_desk(&self, leg: &Leg) -> bool {
        !self.is_caller(leg) && leg.party().is_some_and(|party| self.desk.has(party))
    }

    pub fn desk_legs(&self) -> impl Iterator<Item = &Leg> {
        self.by_id.values().filter(|leg| self.is_desk(leg))
    }

    /// Notes about the leg that began the call, then all others; each in order of time.
    pub fn caller_first(&self) -> impl Iterator<Item = &Said> {
        let own = |said: &&Said| self.began.is_some() && said.leg == self.began;
        let said = || self.notes.iter().map(|note| &note.said);
        said().filter(own).chain(said().filter(move |said| !own(said)))
    }

    /// What was said of the leg that began the call, or of none.
    pub fn of_caller(&self, wanted: fn(&What) -> bool) -> impl Iterator<Item = &Noted<Said>> {
        self.notes.iter().filter(move |note| {
            let own = note.said.leg.is_none() || note.said.leg == self.began;
            own && wanted(&note.said.what)
        })
    }

    /// When each leg and the caller could first hear each other.
    pub fn joins(&self) -> BTreeMap<&str, Bounds> {
        let met = self.met();
        let with_caller = self.caller().map(|leg| leg.joined.as_slice()).unwrap_or_default();
        let mut joins = BTreeMap::new();
        for leg in self.by_id.values().filter(|leg| !self.is_caller(leg) && leg.counts()) {
            let up = |at: &&Bounds| {
                let picked_up = leg.picked_up.iter().any(|up| up.earliest <= at.latest);
                picked_up && leg.over.is_none_or(|over| at.earliest <= over.latest)
            };
            let told = leg.joined.first().or(met.get(leg.id.as_str()));
            let told = told.or_else(|| with_caller.iter().find(up));
            let connected = leg.settled.contains(&PickUp::Connected);
            let told = told.or_else(|| leg.picked_up.first().filter(|_| connected));
            joins.extend(told.map(|at| (leg.id.as_str(), *at)));
        }
        joins
    }

    /// When each picked-up leg first was in one room with the caller.
    fn met(&self) -> BTreeMap<&str, Bounds> {
        let mut rooms: BTreeMap<&str, &str> = BTreeMap::new();
        let mut met: BTreeMap<&str, Bounds> = BTreeMap::new();
        let caller = self.began.as_deref();
        for note in self.notes.iter().filter(|note| note.clock == self.clock) {
            let Some(id) = note.said.leg.as_deref() else { continue };
            match &note.said.what {
                What::Entered { room } => drop(rooms.insert(id, room)),
                What::HungUp { .. } => drop(rooms.remove(id)),
                _ => continue,
            }
            let Some(room) = caller.and_then(|caller| rooms.get(caller)) else { continue };
            for (leg, other) in &rooms {
                if other == room && Some(*leg) != caller {
                    met.entry(leg).or_insert(note.at);
                }
            }
        }
        met
    }
}

fn clock_of(notes: &[Noted<Said>]) -> Clock {
    let after = |what: &What| matches!(what, What::Ended | What::Recording { .. });
    let pbx = |note: &&Noted<Said>| note.clock == Clock::Pbx;
    let live: Vec<_> = notes.iter().filter(|note| !after(&note.said.what)).collect();
    let told = live.iter().any(&pbx) || live.is_empty() && notes.iter().any(|n| pbx(&n));
    if told { Clock::Pbx } else { Clock::Receiver }
}

/// The leg that began the call: the caller's, of several one that waits in a queue, else the
/// oldest. Without one it is the oldest that a program placed.
fn began(legs: &BTreeMap<String, Leg>) -> Option<String> {
    let oldest = |wanted: fn(&Leg) -> bool| {
        let legs = legs.values().filter(|leg| wanted(leg));
        let first = |leg: &&Leg| {
            let first = leg.first.map(|at| at.earliest);
            (!leg.queued, first.is_none(), first, leg.id.clone())
        };
        legs.min_by_key(first).map(|leg| leg.id.clone())
    };
    let part_unknown = legs.values().any(|leg| leg.role == Role::Unsaid);
    oldest(|leg| matches!(leg.role, Role::Caller | Role::Began))
        .or_else(|| oldest(|leg| leg.role == Role::Placed).filter(|_| !part_unknown))
}

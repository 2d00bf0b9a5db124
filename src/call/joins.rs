//! Who could hear whom: bridges, entered and left, in order of time.

use super::event::{Bounds, EventKind, JoinSight};
use super::statement::first_told;
use super::story::{LegStory, Story};
use std::collections::{BTreeMap, BTreeSet};

/// The first time each leg could be heard by one of `callers`, as far as joins were told or bridges
/// show it.
pub fn first_joins<'a>(
    story: &Story<'a>,
    callers: &BTreeSet<&'a str>,
) -> BTreeMap<&'a str, Bounds> {
    let mut rooms = Rooms { story, callers, bridges: BTreeMap::new(), joins: BTreeMap::new() };
    for event in story.timed() {
        let Some(leg) = &event.leg else { continue };
        match &event.kind {
            EventKind::BridgeEntered { bridge } => rooms.enter(bridge, &leg.id, event.at),
            EventKind::BridgeLeft { bridge } => rooms.leave(bridge, &leg.id),
            EventKind::LegEnded { .. } | EventKind::Ended { .. } => rooms.leave_all(&leg.id),
            _ => {}
        }
    }
    let mut joins = rooms.joins;
    for (id, leg) in &story.legs {
        let told = leg.joined.iter().chain(joins.get(id)).copied().collect::<Vec<_>>();
        joins.extend(first_told(&told).map(|at| (*id, at)));
    }
    let with_sound = |leg: &LegStory| leg.joins == JoinSight::Sound && leg.dialled != Some(false);
    for (id, leg) in story.legs.iter().filter(|(_, leg)| with_sound(leg)) {
        let sound = joins.remove(id);
        joins.extend(both(first_told(&leg.picked_up), sound).map(|at| (*id, at)));
    }
    joins
}

/// The moment from which two things are true.
fn both(one: Option<Bounds>, other: Option<Bounds>) -> Option<Bounds> {
    let (one, other) = (one?, other?);
    let earliest = one.earliest.max(other.earliest);
    Some(Bounds { earliest, latest: one.latest.max(other.latest) })
}

/// Who is in which bridge now.
struct Rooms<'a, 's> {
    story: &'s Story<'a>,
    callers: &'s BTreeSet<&'a str>,
    bridges: BTreeMap<&'a str, Room<'a>>,
    joins: BTreeMap<&'a str, Bounds>,
}

#[derive(Default)]
struct Room<'a> {
    /// Callers, and legs of the phone system with itself, which carry sound from one bridge to
    /// another.
    carriers: BTreeSet<&'a str>,
    others: BTreeSet<&'a str>,
    /// A caller can be heard here.
    connected: bool,
}

impl<'a> Rooms<'a, '_> {
    fn is_helper(&self, leg: &str) -> bool {
        self.story.legs.get(leg).is_some_and(|leg| leg.helper)
    }

    fn enter(&mut self, bridge: &'a str, leg: &'a str, at: Bounds) {
        let carrier = self.callers.contains(leg) || self.is_helper(leg);
        let room = self.bridges.entry(bridge).or_default();
        if !carrier {
            room.others.insert(leg);
            if room.connected {
                self.joins.entry(leg).or_insert(at);
            }
            return;
        }
        room.carriers.insert(leg);
        for connected in self.connect() {
            let Some(room) = self.bridges.get(connected) else { continue };
            let heard = room.carriers.iter().filter(|leg| !self.callers.contains(*leg));
            for leg in heard.chain(&room.others) {
                self.joins.entry(leg).or_insert(at);
            }
        }
        let here = self.bridges.get(bridge).is_some_and(|room| room.connected);
        if here && !self.callers.contains(leg) {
            self.joins.entry(leg).or_insert(at);
        }
    }

    fn leave(&mut self, bridge: &str, leg: &str) {
        let Some(room) = self.bridges.get_mut(bridge) else { return };
        room.others.remove(leg);
        let carried = room.carriers.remove(leg);
        if room.others.is_empty() && room.carriers.is_empty() {
            self.bridges.remove(bridge);
        }
        if carried {
            self.connect();
        }
    }

    fn leave_all(&mut self, leg: &str) {
        let holds = |room: &Room<'_>| room.others.contains(leg) || room.carriers.contains(leg);
        let within = self.bridges.iter().filter(|(_, room)| holds(room));
        let within: Vec<&str> = within.map(|(bridge, _)| *bridge).collect();
        within.into_iter().for_each(|bridge| self.leave(bridge, leg));
    }

    /// Finds the bridges in which a caller can be heard, also across legs of the phone system with
    /// itself, and tells which of them are so since now.
    fn connect(&mut self) -> Vec<&'a str> {
        let mut entered: BTreeMap<&str, Vec<&'a str>> = BTreeMap::new();
        for (bridge, room) in &self.bridges {
            for leg in &room.carriers {
                entered.entry(leg).or_default().push(bridge);
            }
        }
        // Each leg and each bridge is looked at once, however long the way from the caller is.
        let mut reached: BTreeSet<&'a str> = BTreeSet::new();
        let mut heard: Vec<&str> = self.callers.iter().copied().collect();
        while let Some(leg) = heard.pop() {
            for bridge in entered.remove(leg).unwrap_or_default() {
                if reached.insert(bridge) {
                    let room = self.bridges.get(bridge);
                    heard.extend(room.iter().flat_map(|room| &room.carriers));
                }
            }
        }
        let mut newly = Vec::new();
        for (bridge, room) in &mut self.bridges {
            let connected = reached.contains(bridge);
            if connected && !room.connected {
                newly.push(*bridge);
            }
            room.connected = connected;
        }
        newly
    }
}

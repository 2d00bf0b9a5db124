//! Who could hear whom: bridges, entered and left, in order of time.

use super::event::{Bounds, EventKind};
use super::story::Story;
use std::collections::{BTreeMap, BTreeSet};

/// The first time each leg could be heard by one of `callers`, as far as joins were told or bridges
/// show it.
pub fn first_joins(story: &Story<'_>, callers: &BTreeSet<&str>) -> BTreeMap<String, Bounds> {
    let mut joins: BTreeMap<String, Bounds> = BTreeMap::new();
    let mut bridges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for event in story.timed() {
        let Some(leg) = &event.leg else { continue };
        match &event.kind {
            EventKind::Joined => {
                joins.entry(leg.id.clone()).or_insert(event.at);
            }
            EventKind::BridgeEntered { bridge } => {
                bridges.entry(bridge).or_default().insert(&leg.id);
                for heard in heard_by(story, &bridges, callers) {
                    joins.entry(heard.to_owned()).or_insert(event.at);
                }
            }
            EventKind::BridgeLeft { bridge } => {
                if let Some(members) = bridges.get_mut(bridge.as_str()) {
                    members.remove(leg.id.as_str());
                }
            }
            EventKind::LegEnded { .. } | EventKind::Ended { .. } => {
                for members in bridges.values_mut() {
                    members.remove(leg.id.as_str());
                }
            }
            _ => {}
        }
    }
    joins
}

/// Legs that share a bridge with a caller, also across legs of the phone system with itself.
fn heard_by<'a>(
    story: &Story<'_>,
    bridges: &BTreeMap<&str, BTreeSet<&'a str>>,
    callers: &BTreeSet<&str>,
) -> BTreeSet<&'a str> {
    let is_helper = |leg: &str| story.legs.get(leg).is_some_and(|leg| leg.helper);
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut heard: BTreeSet<&'a str> = BTreeSet::new();
    loop {
        let before = reached.len();
        for (bridge, members) in bridges {
            let connected = members
                .iter()
                .any(|leg| callers.contains(leg) || heard.contains(leg) && is_helper(leg));
            if connected && reached.insert(bridge) {
                heard.extend(members.iter().filter(|leg| !callers.contains(*leg)));
            }
        }
        if reached.len() == before {
            return heard;
        }
    }
}

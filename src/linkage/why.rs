//! Why a contact or an entry is linked as it is: its candidates side by side, and what would change
//! the decision.

use super::beliefs::Beliefs;
use super::decide::Bars;
use super::explain::Explainer;
use super::part::{Change, relink};
use super::verdict::{Evidence, LinkedBy, Links, Proposal};
use super::weigh::Scales;
use super::world::World;
use super::{Desk, Thresholds};
use serde::Serialize;

/// Candidates shown beside the chosen one.
const RIVALS_MAX: usize = 3;

/// Whose link is asked for, by key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Contact(i64),
    Entry(i64),
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Linked,
    Suggested,
    Ambiguous,
    /// The entry tells once more of a call that is linked to another.
    SecondEntry,
    /// A walk-in that fits a call nobody registered.
    MisFiled,
    /// Nothing fits well enough.
    Alone,
}

/// A candidate with its whole weight.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    pub contact: i64,
    pub entry: i64,
    /// Logarithm (base 2) of its odds by itself: prior and all evidence together.
    pub bits: f64,
    pub evidence: Vec<Evidence>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    pub standing: Standing,
    pub chosen: Option<Proposal>,
    /// Every candidate, the likeliest first; the chosen one is among them.
    pub candidates: Vec<Candidate>,
    /// What would change the decision, in sentences.
    pub changes: Vec<String>,
}

/// Explains the link of one contact or entry. `desk` holds all of its neighbourhood.
pub fn why(desk: &Desk<'_>, beliefs: &Beliefs, thresholds: Thresholds, asked: Asked) -> Why {
    let mut change = Change::default();
    match asked {
        Asked::Contact(key) => change.contacts.insert(key),
        Asked::Entry(key) => change.rows.insert(key),
    };
    let everything = (i64::MIN, i64::MAX);
    let part = relink(desk, everything, &change, beliefs, &Bars::from(thresholds));
    let (standing, chosen) = found(&part.unwrap_or_default().links, asked);
    let candidates = candidates(desk, beliefs, asked);
    let changes = changes(standing, chosen.as_ref(), &candidates, thresholds);
    Why { standing, chosen, candidates, changes }
}

fn found(links: &Links, asked: Asked) -> (Standing, Option<Proposal>) {
    let is_asked = |one: &&Proposal| match asked {
        Asked::Contact(key) => one.contact == key,
        Asked::Entry(key) => one.entry == key,
    };
    let lists = [
        (Standing::Linked, &links.linked),
        (Standing::Ambiguous, &links.ambiguous),
        (Standing::Suggested, &links.suggested),
        (Standing::SecondEntry, &links.second_entries),
        (Standing::MisFiled, &links.mis_filed),
    ];
    for (standing, list) in lists {
        if let Some(one) = list.iter().find(is_asked) {
            return (standing, Some(one.clone()));
        }
    }
    (Standing::Alone, None)
}

fn candidates(desk: &Desk<'_>, beliefs: &Beliefs, asked: Asked) -> Vec<Candidate> {
    let world = World::within(desk, beliefs);
    let scales = Scales::of(&world.site, &world.ground, &beliefs.model);
    let explainer = Explainer::of(&world, &beliefs.model);
    let mut all = Vec::new();
    for pair in &world.pairs {
        let contact = world.site.calls[pair.call as usize].key;
        let entry = world.site.rows[pair.row as usize].key;
        let (Asked::Contact(key) | Asked::Entry(key)) = asked;
        let own = if matches!(asked, Asked::Contact(_)) { contact } else { entry };
        if own == key {
            let odds = scales.odds(pair, &world.handlers, world.on_duty[pair.row as usize]);
            let bits = (odds.log2() * 100.0).round() / 100.0;
            all.push(Candidate { contact, entry, bits, evidence: explainer.evidence(pair) });
        }
    }
    all.sort_by(|one, other| {
        let keys = |one: &Candidate| (one.contact, one.entry);
        other.bits.total_cmp(&one.bits).then(keys(one).cmp(&keys(other)))
    });
    all.truncate(RIVALS_MAX + 1);
    all
}

fn changes(
    standing: Standing,
    chosen: Option<&Proposal>,
    candidates: &[Candidate],
    thresholds: Thresholds,
) -> Vec<String> {
    let mut changes = Vec::new();
    let Some(chosen) = chosen else {
        match candidates.first() {
            Some(best) if best.bits > 0.0 => changes.push(
                "the likeliest pair is another one's: freed there, it would be linked here".into(),
            ),
            Some(best) => changes.push(format!(
                "the likeliest pair lacks {:.1} bits of evidence to be worth a look",
                -best.bits
            )),
            None => changes.push("nothing lies near enough to be compared".into()),
        }
        return changes;
    };
    if chosen.by == LinkedBy::Person {
        return vec!["a person decided; only a person's word changes it".into()];
    }
    let is_chosen = |one: &&Candidate| (one.contact, one.entry) == (chosen.contact, chosen.entry);
    let own = candidates.iter().find(is_chosen).map_or(0.0, |one| one.bits);
    let rival = candidates.iter().find(|one| !is_chosen(one));
    let gap = own - rival.map_or(0.0, |one| one.bits.max(0.0));
    changes.push(format!("it is {gap:.1} bits likelier than the next choice"));
    for one in chosen.evidence.iter().filter(|one| one.field != "prior") {
        let same_field = |other: &&Evidence| other.field == one.field;
        let other = rival.filter(|rival| rival.bits > 0.0);
        let other = other.and_then(|rival| rival.evidence.iter().find(same_field));
        let ahead = one.weight - other.map_or(0.0, |other| other.weight);
        if ahead >= gap {
            changes.push(format!("without {} ({ahead:+.1} bits) the next would win", one.field));
        }
    }
    if standing != Standing::Linked {
        changes.push(format!(
            "it is linked by itself from a probability of {} on; a person's word links it at once",
            thresholds.auto
        ));
    }
    changes
}

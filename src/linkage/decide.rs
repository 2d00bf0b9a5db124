//! Links, suggestions and what is left over, as a desk keeps them: people's words first.

use super::explain::Explainer;
use super::ground::Ground;
use super::learn::World;
use super::left_over::{self, Together};
use super::model::Model;
use super::verdict::{Evidence, LinkedBy, Links, Proposal};
use super::{Contact, Desk, Row, Thresholds};
use std::collections::BTreeSet;

/// A pair beats its rival clearly when it is likelier by this much (logarithm of the odds).
const CLEAR: f64 = std::f64::consts::LN_2;

/// Links contacts and rows of one site by a model. The outcome depends on the sets alone, not on
/// their order.
pub fn link(desk: &Desk<'_>, model: &Model, ground: &Ground, thresholds: Thresholds) -> Links {
    let mut links = decided(desk);
    let contacts: BTreeSet<i64> = links.linked.iter().map(|link| link.contact).collect();
    let entries: BTreeSet<i64> = links.linked.iter().map(|link| link.entry).collect();
    let is_free = |contact: &&Contact| !contacts.contains(&contact.key);
    let free: Vec<Contact> = desk.contacts.iter().filter(is_free).cloned().collect();
    let open = |row: &&Row| !entries.contains(&row.key);
    let rows: Vec<Row> = desk.rows.iter().filter(open).cloned().collect();
    let world = World::within(&Desk { contacts: &free, rows: &rows, ..*desk }, ground);
    let outcome = left_over::outcome(&world, model, thresholds.auto);
    let speaker = Speaker { world: &world, explainer: Explainer::of(&world, model) };
    links.linked.extend(outcome.links.iter().map(|link| speaker.proposal(link)));
    for pair in &outcome.open {
        speaker.open(pair, thresholds, &mut links);
    }
    links.second_entries = outcome.seconds.iter().map(|pair| speaker.proposal(pair)).collect();
    links.mis_filed = outcome.hiding.iter().map(|pair| speaker.proposal(pair)).collect();
    in_order(&mut links);
    links
}

/// What people decided holds, whatever the evidence says.
fn decided(desk: &Desk<'_>) -> Links {
    let contacts: BTreeSet<i64> = desk.contacts.iter().map(|contact| contact.key).collect();
    let rows: BTreeSet<i64> = desk.rows.iter().map(|row| row.key).collect();
    let mut links = Links::default();
    let (mut taken, mut told) = (BTreeSet::new(), BTreeSet::new());
    for word in desk.decided.iter().filter(|word| word.together) {
        let here = contacts.contains(&word.contact) && rows.contains(&word.entry);
        if here && !taken.contains(&word.contact) && told.insert(word.entry) {
            taken.insert(word.contact);
            links.linked.push(Proposal {
                contact: word.contact,
                entry: word.entry,
                probability: 1.0,
                by: LinkedBy::Person,
                evidence: Vec::new(),
            });
        }
    }
    links
}

struct Speaker<'a> {
    world: &'a World,
    explainer: Explainer<'a>,
}

impl Speaker<'_> {
    fn proposal(&self, pair: &Together) -> Proposal {
        self.of_pair(pair.pair, pair.probability)
    }

    fn of_pair(&self, place: u32, probability: f64) -> Proposal {
        let pair = &self.world.pairs[place as usize];
        let evidence = self.explainer.evidence(pair);
        let is_id = |one: &Evidence| one.field == "call_id" && one.level == "same";
        Proposal {
            contact: self.world.site.calls[pair.call as usize].key,
            entry: self.world.site.rows[pair.row as usize].key,
            probability,
            by: if evidence.iter().any(is_id) { LinkedBy::CallId } else { LinkedBy::Evidence },
            evidence,
        }
    }

    /// A pair that is not sure enough: with its rival where the two are nearly alike.
    fn open(&self, pair: &Together, thresholds: Thresholds, links: &mut Links) {
        let rival = pair.runner_up.filter(|(_, _, weight)| pair.weight - weight < CLEAR);
        if let Some((place, probability, _)) = rival {
            links.ambiguous.push(self.proposal(pair));
            links.ambiguous.push(self.of_pair(place, probability));
        } else if pair.probability >= thresholds.suggest {
            links.suggested.push(self.proposal(pair));
        }
    }
}

fn in_order(links: &mut Links) {
    let lists =
        [&mut links.linked, &mut links.ambiguous, &mut links.second_entries, &mut links.mis_filed];
    for list in lists {
        list.sort_by_key(|proposal| (proposal.contact, proposal.entry));
        list.dedup_by_key(|proposal| (proposal.contact, proposal.entry));
    }
    links.suggested.sort_by(|one, other| {
        one.entry.cmp(&other.entry).then(other.probability.total_cmp(&one.probability))
    });
}

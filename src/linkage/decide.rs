//! Links, suggestions and what is left over, as a desk keeps them: people's words first.

use super::beliefs::Beliefs;
use super::compact::Call;
use super::explain::Explainer;
use super::left_over::{self, Together};
use super::model::Model;
use super::verdict::{Evidence, LinkedBy, Links, Proposal};
use super::world::World;
use super::{Desk, Thresholds};

/// A pair beats its rival clearly when it is likelier by this much (logarithm of the odds).
const CLEAR: f64 = std::f64::consts::LN_2;

/// Probabilities from which a pair is linked or proposed, as dated settings have them.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// By the second of the epoch from which on they hold, in order; the first hold before too.
    dated: Vec<(i64, Thresholds)>,
}

impl From<Thresholds> for Bars {
    fn from(always: Thresholds) -> Self {
        Self { dated: vec![(i64::MIN, always)] }
    }
}

impl Bars {
    /// Thresholds in order of the seconds from which on they hold; `None` where there are none.
    pub fn dated(dated: Vec<(i64, Thresholds)>) -> Option<Self> {
        (!dated.is_empty()).then_some(Self { dated })
    }

    fn at(&self, second: i64) -> Thresholds {
        let after = self.dated.partition_point(|(from, _)| *from <= second);
        self.dated[after.saturating_sub(1)].1
    }
}

/// Links contacts and rows of one site by what is believed of it. The outcome depends on the sets
/// alone, not on their order.
pub fn link(desk: &Desk<'_>, beliefs: &Beliefs, bars: &Bars) -> Links {
    said(desk, &World::within(desk, beliefs), &beliefs.model, bars)
}

/// What a world and people's words come to.
pub(super) fn said(desk: &Desk<'_>, world: &World, model: &Model, bars: &Bars) -> Links {
    let mut links = decided(desk);
    let outcome = left_over::outcome(world, model, &|call: &Call| bars.at(call.ring).auto);
    let speaker = Speaker { world, explainer: Explainer::of(world, model) };
    links.linked.extend(outcome.links.iter().map(|link| speaker.proposal(link)));
    for pair in &outcome.open {
        speaker.open(pair, bars, &mut links);
    }
    links.second_entries = outcome.seconds.iter().map(|pair| speaker.proposal(pair)).collect();
    links.mis_filed = outcome.hiding.iter().map(|pair| speaker.proposal(pair)).collect();
    in_order(&mut links);
    links
}

/// What people decided holds, whatever the evidence says.
fn decided(desk: &Desk<'_>) -> Links {
    let said = |(contact, entry)| Proposal {
        contact,
        entry,
        probability: 1.0,
        by: LinkedBy::Person,
        evidence: Vec::new(),
    };
    Links { linked: desk.together().into_iter().map(said).collect(), ..Links::default() }
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
    fn open(&self, pair: &Together, bars: &Bars, links: &mut Links) {
        let rival = pair.runner_up.filter(|(_, _, weight)| pair.weight - weight < CLEAR);
        if let Some((place, probability, _)) = rival {
            links.ambiguous.push(self.proposal(pair));
            links.ambiguous.push(self.of_pair(place, probability));
        } else if pair.probability
            >= bars.at(self.world.site.calls[pair.call as usize].ring).suggest
        {
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

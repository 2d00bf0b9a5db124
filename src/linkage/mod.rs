//! Which call with its recording set belongs to which ledger entry: optimal, one-to-one, explained.
//!
//! Pure. The weight of a pair depends on nothing but the pair and the directory, so a window of the
//! data gives the same links as the whole.

pub mod assign;
pub mod candidate;
pub mod evidence;
mod odds;
pub mod verdict;

pub use candidate::reach_s;
pub use evidence::Evidence;
pub use verdict::{LinkedBy, Links, Proposal};

use crate::call::event::{Direction, Moment};
use crate::ledger::Channel;
use std::collections::{BTreeMap, BTreeSet};

/// One side of a link: a call with its recording set (which may be empty), or a recording set
/// without a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// The store's key of it; negative for a recording without a call.
    pub key: i64,
    /// All ids by which an entry may name it.
    pub call_ids: Vec<String>,
    /// Folded digits of the outside party; `None` when withheld.
    pub number: Option<String>,
    pub direction: Direction,
    /// When it began to be of interest to the desk: the first ring, else the offer.
    pub started_at: Moment,
    /// `None` while alive or not known.
    pub ended_at: Option<Moment>,
    /// The desk extension that answered.
    pub extension: Option<String>,
    /// The person at that extension, where the phone system says it.
    pub agent: Option<String>,
    pub answered: bool,
    /// It has at least one recording with sound.
    pub recorded: bool,
}

/// The other side: a ledger entry, as far as linking needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The store's key of the entry.
    pub key: i64,
    pub channel: Channel,
    /// Folded digits of the number as written.
    pub number: Option<String>,
    pub registered_at: Moment,
    pub occurred_at: Option<Moment>,
    pub occurred_day_only: bool,
    pub handler: Option<String>,
    /// Folded form of the unit.
    pub unit: Option<String>,
    pub call_id: Option<String>,
    /// It came with a bulk import, so `registered_at` says nothing of the call's time.
    pub imported: bool,
}

/// Numbers known of each unit, for evidence: folded unit → folded numbers. Ordered, so that nothing
/// depends on hashing.
pub type Directory = std::collections::BTreeMap<String, Vec<String>>;

/// A pair that a person has decided; no program changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    pub contact: i64,
    pub entry: i64,
    /// True: they belong together. False: they never do.
    pub together: bool,
}

/// Probabilities from which a pair is linked, or proposed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    pub auto: f64,
    pub suggest: f64,
}

/// A pair beats its rival clearly when it is likelier by this many bits.
const CLEAR_BITS: f64 = 1.0;
/// Against an entry being written twice stand odds of about 1 to 70, as a logarithm.
const TWICE_BITS: f64 = 6.1;
/// An entry tells of a contact that is linked to another entry, or a walk-in of an unregistered
/// call, from these odds on (logarithm): well beyond what chance gives.
const TELLS_BITS: f64 = 5.0;

/// Links contacts and rows of one site. The outcome depends on the sets alone, not on their order.
pub fn link(
    contacts: &[Contact],
    rows: &[Row],
    directory: &Directory,
    decided: &[Decided],
    thresholds: Thresholds,
) -> Links {
    let (mut contacts, mut rows) = (contacts.to_vec(), rows.to_vec());
    contacts.sort_by_key(|contact| contact.key);
    rows.sort_by_key(|row| row.key);
    let world = World::of(&contacts, &rows, directory, decided);
    let mut links = world.decided();
    let free = world.free(&links);
    world.weigh(&free, thresholds, &mut links);
    world.left_over(&mut links);
    for list in [&mut links.linked, &mut links.ambiguous] {
        list.sort_by_key(|proposal| (proposal.contact, proposal.entry));
    }
    links.suggested.sort_by(|one, other| {
        (one.entry, other.probability)
            .partial_cmp(&(other.entry, one.probability))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    links
}

/// All that is compared, with every pair worth a look.
struct World<'a> {
    contacts: &'a [Contact],
    rows: &'a [Row],
    pairs: Vec<Pair>,
    decided: &'a [Decided],
}

struct Pair {
    contact: usize,
    row: usize,
    weight: f64,
    evidence: Vec<Evidence>,
}

impl<'a> World<'a> {
    fn of(
        contacts: &'a [Contact],
        rows: &'a [Row],
        directory: &Directory,
        decided: &'a [Decided],
    ) -> Self {
        let index = candidate::Index::of(contacts);
        let never: BTreeSet<(i64, i64)> = decided
            .iter()
            .filter(|word| !word.together)
            .map(|word| (word.contact, word.entry))
            .collect();
        let mut pairs = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let known = row.call_id.as_ref().is_some_and(|id| index.knows_call(id));
            for contact in index.candidates(row, directory) {
                if never.contains(&(contacts[contact].key, row.key)) {
                    continue;
                }
                let evidence = evidence::compare(&contacts[contact], row, directory, known);
                let weight = evidence::total(&evidence);
                if weight > 0.0 {
                    pairs.push(Pair { contact, row: place, weight, evidence });
                }
            }
        }
        pairs.sort_by_key(|pair| (pair.contact, pair.row));
        Self { contacts, rows, pairs, decided }
    }

    fn proposal(&self, pair: &Pair, probability: f64) -> Proposal {
        let by_id = |one: &Evidence| one.field == "call_id" && one.level == "same";
        let by =
            if pair.evidence.iter().any(by_id) { LinkedBy::CallId } else { LinkedBy::Evidence };
        Proposal {
            contact: self.contacts[pair.contact].key,
            entry: self.rows[pair.row].key,
            probability,
            by,
            evidence: pair.evidence.clone(),
        }
    }

    /// What people decided holds, whatever the evidence says.
    fn decided(&self) -> Links {
        let here = |word: &&Decided| {
            word.together
                && self.contacts.binary_search_by_key(&word.contact, |c| c.key).is_ok()
                && self.rows.binary_search_by_key(&word.entry, |r| r.key).is_ok()
        };
        let mut links = Links::default();
        let (mut contacts, mut entries) = (BTreeSet::new(), BTreeSet::new());
        for word in self.decided.iter().filter(here) {
            if contacts.insert(word.contact) & entries.insert(word.entry) {
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

    /// Pairs of which neither side is decided, and whose row owes a contact.
    fn free(&self, links: &Links) -> Vec<&Pair> {
        let contacts: BTreeSet<i64> = links.linked.iter().map(|link| link.contact).collect();
        let entries: BTreeSet<i64> = links.linked.iter().map(|link| link.entry).collect();
        let is_free = |pair: &&Pair| {
            !contacts.contains(&self.contacts[pair.contact].key)
                && !entries.contains(&self.rows[pair.row].key)
                && self.rows[pair.row].channel != Channel::WalkIn
        };
        self.pairs.iter().filter(is_free).collect()
    }

    fn weigh(&self, free: &[&Pair], thresholds: Thresholds, links: &mut Links) {
        let edges: Vec<assign::Edge> = free
            .iter()
            .map(|pair| assign::Edge { contact: pair.contact, row: pair.row, weight: pair.weight })
            .collect();
        let candidates: Vec<odds::Candidate> = free
            .iter()
            .map(|pair| odds::Candidate {
                contact: pair.contact,
                row: pair.row,
                weight: pair.weight,
            })
            .collect();
        let probabilities = odds::probabilities(&candidates);
        let rivals = Rivals::of(free);
        let chosen: BTreeSet<usize> = assign::assign(&edges).into_iter().collect();
        let by_contact: BTreeMap<usize, usize> =
            chosen.iter().map(|index| (free[*index].contact, *index)).collect();
        for index in &chosen {
            let pair = free[*index];
            let probability = probabilities[*index];
            if rivals.is_second(free, *index, &by_contact) {
                continue;
            }
            let proposal = self.proposal(pair, probability);
            let rival = rivals.best(free, *index);
            if probability >= thresholds.auto {
                links.linked.push(proposal);
            } else if rival.is_some_and(|rival| pair.weight - free[rival].weight < CLEAR_BITS) {
                links.ambiguous.push(proposal);
                let other = rival.filter(|rival| !chosen.contains(rival));
                let other = other.map(|rival| self.proposal(free[rival], probabilities[rival]));
                links.ambiguous.extend(other);
            } else if probability >= thresholds.suggest {
                links.suggested.push(proposal);
            }
        }
        links.ambiguous.sort_by_key(|proposal| (proposal.contact, proposal.entry));
        links.ambiguous.dedup_by_key(|proposal| (proposal.contact, proposal.entry));
    }

    /// What is left: entries that tell of a linked contact, and walk-ins that fit a call nobody
    /// registered.
    fn left_over(&self, links: &mut Links) {
        let linked: BTreeSet<i64> = links.linked.iter().map(|link| link.contact).collect();
        let mut used: BTreeSet<i64> = links.linked.iter().map(|link| link.entry).collect();
        let open = [&links.ambiguous, &links.suggested].into_iter().flatten();
        let mut taken: BTreeSet<i64> = linked.clone();
        taken.extend(open.clone().map(|proposal| proposal.contact));
        used.extend(open.map(|proposal| proposal.entry));
        let mut by_weight: Vec<&Pair> =
            self.pairs.iter().filter(|pair| pair.weight >= TELLS_BITS).collect();
        by_weight.sort_by(|one, other| other.weight.total_cmp(&one.weight));
        for pair in by_weight {
            let (contact, row) = (&self.contacts[pair.contact], &self.rows[pair.row]);
            if used.contains(&row.key) {
                continue;
            }
            let probability = certainty(pair.weight);
            if row.channel == Channel::WalkIn {
                if taken.insert(contact.key) {
                    used.insert(row.key);
                    links.mis_filed.push(self.proposal(pair, probability));
                }
            } else if linked.contains(&contact.key) {
                used.insert(row.key);
                links.second_entries.push(self.proposal(pair, probability));
            }
        }
        for list in [&mut links.second_entries, &mut links.mis_filed] {
            list.sort_by_key(|proposal| (proposal.contact, proposal.entry));
        }
    }
}

/// A probability from the logarithm of its odds.
fn certainty(bits: f64) -> f64 {
    1.0 - 1.0 / (1.0 + bits.exp2())
}

/// The pairs of each side, as places in the list.
struct Rivals {
    contacts: BTreeMap<usize, Vec<usize>>,
    rows: BTreeMap<usize, Vec<usize>>,
}

impl Rivals {
    fn of(pairs: &[&Pair]) -> Self {
        let mut rivals = Self { contacts: BTreeMap::new(), rows: BTreeMap::new() };
        for (place, pair) in pairs.iter().enumerate() {
            rivals.contacts.entry(pair.contact).or_default().push(place);
            rivals.rows.entry(pair.row).or_default().push(place);
        }
        rivals
    }

    /// Whether a pair's row tells so much more clearly of a contact that has a better row that it
    /// is a second entry of that, and no entry of this.
    fn is_second(&self, pairs: &[&Pair], place: usize, chosen: &BTreeMap<usize, usize>) -> bool {
        let own = pairs[place];
        let of_row = self.rows.get(&own.row).into_iter().flatten().map(|other| pairs[*other]);
        let mut clearer = of_row.filter(|other| other.weight >= own.weight + TWICE_BITS);
        clearer.any(|other| {
            let first = chosen.get(&other.contact).map(|first| pairs[*first]);
            first.is_some_and(|first| first.row != own.row && first.weight >= other.weight)
        })
    }

    /// The likeliest other pair of one of the two sides.
    fn best(&self, pairs: &[&Pair], place: usize) -> Option<usize> {
        let of_contact = self.contacts.get(&pairs[place].contact).into_iter().flatten();
        let of_row = self.rows.get(&pairs[place].row).into_iter().flatten();
        let others = of_contact.chain(of_row).copied().filter(|other| *other != place);
        others.max_by(|one, other| pairs[*one].weight.total_cmp(&pairs[*other].weight))
    }
}

//! Facts by key and by link, so that each rule reads like its sentence.

use super::facts::{CallFact, EntryFact, Facts, LinkFact, Question, RecordingFact};
use crate::call::Direction;
use crate::call::event::Moment;
use crate::finding::{About, Code, Finding};
use crate::ledger::Channel;
use crate::linkage::Proposal;
use crate::party::masked_numbers;
use std::collections::{BTreeMap, BTreeSet};

/// The facts of a question, indexed.
pub struct World<'a> {
    pub question: &'a Question,
    pub facts: &'a Facts,
    pub calls: BTreeMap<i64, &'a CallFact>,
    pub entries: BTreeMap<i64, &'a EntryFact>,
    /// Recording sets by call, in order.
    pub sets: BTreeMap<i64, Vec<&'a RecordingFact>>,
    pub by_call: BTreeMap<i64, &'a LinkFact>,
    pub by_recording: BTreeMap<i64, &'a LinkFact>,
    pub by_entry: BTreeMap<i64, &'a LinkFact>,
    /// Contacts and entries that linking left open between several.
    pub ambiguous_contacts: BTreeSet<i64>,
    pub ambiguous_entries: BTreeSet<i64>,
    pub mis_filed: BTreeMap<i64, i64>,
    pub second: BTreeMap<i64, i64>,
    /// Open pairs of a contact: too close to call, and merely likely.
    pub rivals: BTreeMap<i64, Vec<&'a Proposal>>,
    pub likely: BTreeMap<i64, Vec<&'a Proposal>>,
    /// Contacts that an ambiguous entry fits.
    pub rivals_of_entry: BTreeMap<i64, Vec<i64>>,
    /// Entries by the desk's number of them.
    pub entry_ids: BTreeMap<&'a str, &'a EntryFact>,
    /// Entries by the call id they name.
    pub claims: BTreeMap<&'a str, &'a EntryFact>,
}

impl<'a> World<'a> {
    /// Indexes facts.
    pub fn of(question: &'a Question, facts: &'a Facts) -> Self {
        let mut sets: BTreeMap<i64, Vec<&RecordingFact>> = BTreeMap::new();
        for fact in &facts.recordings {
            if let Some(call) = fact.call {
                sets.entry(call).or_default().push(fact);
            }
        }
        sets.values_mut().for_each(|set| set.sort_by_key(|fact| (fact.at(), fact.key)));
        let links = || facts.links.iter();
        let entries = || facts.entries.iter();
        let open = &facts.open;
        Self {
            question,
            facts,
            calls: facts.calls.iter().map(|fact| (fact.key, fact)).collect(),
            entries: facts.entries.iter().map(|fact| (fact.key, fact)).collect(),
            sets,
            by_call: links().filter_map(|link| Some((link.call?, link))).collect(),
            by_recording: links().filter_map(|link| Some((link.recording?, link))).collect(),
            by_entry: links().map(|link| (link.entry, link)).collect(),
            ambiguous_contacts: open.ambiguous.iter().map(|pair| pair.contact).collect(),
            ambiguous_entries: open.ambiguous.iter().map(|pair| pair.entry).collect(),
            mis_filed: open.mis_filed.iter().map(|pair| (pair.contact, pair.entry)).collect(),
            second: open.second_entries.iter().map(|pair| (pair.entry, pair.contact)).collect(),
            rivals: by_contact(&open.ambiguous),
            likely: by_contact(&open.suggested),
            rivals_of_entry: grouped(open.ambiguous.iter().map(|pair| (pair.entry, pair.contact))),
            entry_ids: entries().map(|fact| (fact.entry.entry_id.as_str(), fact)).collect(),
            claims: entries()
                .filter_map(|fact| Some((fact.entry.call_id.as_deref()?, fact)))
                .collect(),
        }
    }

    /// Calls of the days asked for.
    pub fn calls_asked(&self) -> impl Iterator<Item = &'a CallFact> {
        let asked = |fact: &&CallFact| self.is_asked(fact.call.offered_at);
        self.facts.calls.iter().filter(asked)
    }

    /// Entries of the days asked for.
    pub fn entries_asked(&self) -> impl Iterator<Item = &'a EntryFact> {
        self.facts.entries.iter().filter(|fact| self.is_asked(fact.at()))
    }

    /// Recordings of the days asked for.
    pub fn recordings_asked(&self) -> impl Iterator<Item = &'a RecordingFact> {
        self.facts.recordings.iter().filter(|fact| self.is_asked(self.day_of(fact)))
    }

    /// The moment whose day a recording belongs to: its call's, so that both stand in the same
    /// books.
    fn day_of(&self, fact: &RecordingFact) -> Moment {
        let call = fact.call.and_then(|call| self.calls.get(&call));
        call.map_or_else(|| fact.at(), |call| call.call.offered_at)
    }

    /// Calls of the days asked for with the entry that each is linked to.
    pub fn pairs_asked(&self) -> impl Iterator<Item = (&'a CallFact, &'a EntryFact)> {
        self.calls_asked().filter_map(|call| {
            let link = self.by_call.get(&call.key)?;
            Some((call, *self.entries.get(&link.entry)?))
        })
    }

    /// Whether a moment lies in the days asked for.
    pub fn is_asked(&self, at: Moment) -> bool {
        self.question.covers(self.facts.day(at))
    }

    /// The recordings of a call that hold sound.
    pub fn sound_of(&self, call: i64) -> impl Iterator<Item = &&'a RecordingFact> {
        self.sets.get(&call).into_iter().flatten().filter(|fact| fact.recording.has_sound())
    }

    /// Whether a call owes a ledger entry (R4): it reached the desk, and was answered or the site
    /// counts missed calls.
    pub fn owes_entry(&self, fact: &CallFact) -> bool {
        let call = &fact.call;
        let settings = self.facts.settings(call.offered_at);
        let missed = settings.missed_calls_owe_entry && call.reached_desk;
        call.direction == Direction::Inbound && (call.is_answered() || missed)
    }

    /// Whether an entry must be found for a call: it owes one, or it left sound that belongs to one
    /// (R39).
    pub fn is_owed_an_entry(&self, fact: &CallFact) -> bool {
        self.owes_entry(fact) || self.sound_of(fact.key).next().is_some()
    }

    /// Whether an entry owes a call: it tells of one. A matter under the entry of a call owes none
    /// of its own.
    pub fn owes_call(&self, fact: &EntryFact) -> bool {
        fact.entry.channel != Channel::WalkIn && !self.is_child(fact)
    }

    /// Whether an entry is a further matter of a call that has its entry.
    pub fn is_child(&self, fact: &EntryFact) -> bool {
        let parent = fact.entry.parent_id.as_ref().and_then(|id| self.entry_ids.get(id.as_str()));
        let of_call = |parent: &&EntryFact| parent.entry.channel == Channel::Phone;
        fact.entry.channel == Channel::Phone && parent.is_some_and(of_call)
    }

    /// The call that an entry is linked to.
    pub fn call_of(&self, fact: &EntryFact) -> Option<&'a CallFact> {
        self.calls.get(&self.by_entry.get(&fact.key)?.call?).copied()
    }

    /// An entry that names this call by its id and is linked to another.
    pub fn claim_of(&self, fact: &CallFact) -> Option<&'a EntryFact> {
        let ids = std::iter::once(&fact.call.call_id).chain(&fact.call.other_ids);
        let mut named = ids.filter_map(|id| self.claims.get(id.as_str()).copied());
        named.find(|entry| self.call_of(entry).is_some_and(|call| call.key != fact.key))
    }
}

fn grouped<T>(pairs: impl Iterator<Item = (i64, T)>) -> BTreeMap<i64, Vec<T>> {
    let mut groups: BTreeMap<i64, Vec<T>> = BTreeMap::new();
    pairs.for_each(|(key, value)| groups.entry(key).or_default().push(value));
    groups
}

fn by_contact(pairs: &[Proposal]) -> BTreeMap<i64, Vec<&Proposal>> {
    grouped(pairs.iter().map(|pair| (pair.contact, pair)))
}

/// A finding about a call.
pub fn about_call(code: Code, fact: &CallFact, since: Moment, evidence: Vec<String>) -> Finding {
    let about = About { call: Some(fact.key), ..About::default() };
    Finding::open(code, about, since, [of_call(fact), evidence].concat())
}

/// A finding about an entry.
pub fn about_entry(code: Code, fact: &EntryFact, since: Moment, evidence: Vec<String>) -> Finding {
    let about = About { entry: Some(fact.key), ..About::default() };
    Finding::open(code, about, since, [of_entry(fact), evidence].concat())
}

/// A finding about a call and an entry.
pub fn about_pair(
    code: Code,
    call: &CallFact,
    entry: &EntryFact,
    since: Moment,
    evidence: Vec<String>,
) -> Finding {
    let about = About { call: Some(call.key), entry: Some(entry.key), ..About::default() };
    Finding::open(code, about, since, [of_call(call), of_entry(entry), evidence].concat())
}

/// A finding about a recording.
pub fn about_recording(
    code: Code,
    fact: &RecordingFact,
    since: Moment,
    evidence: Vec<String>,
) -> Finding {
    let about = About { call: fact.call, recording: Some(fact.key), ..About::default() };
    let name = said("recording", masked_numbers(&fact.recording.hints.name));
    Finding::open(code, about, since, [vec![name], evidence].concat())
}

/// One piece of evidence: its name, which pages translate, and its value.
pub fn said(name: &str, value: impl std::fmt::Display) -> String {
    format!("{name}={value}")
}

/// A moment as evidence: pages show it in the site's zone.
pub fn said_at(name: &str, at: Moment) -> String {
    said(name, at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

fn of_call(fact: &CallFact) -> Vec<String> {
    let call = &fact.call;
    let party = call.outside_party().map_or_else(|| "-".to_owned(), |number| number.masked());
    vec![said("call", &call.call_id), said_at("offered_at", call.offered_at), said("party", party)]
}

fn of_entry(fact: &EntryFact) -> Vec<String> {
    let number = fact.entry.number.as_ref().map_or_else(|| "-".to_owned(), |n| n.masked());
    vec![
        said("entry", &fact.entry.entry_id),
        said_at("written_at", fact.at()),
        said("written_number", number),
    ]
}

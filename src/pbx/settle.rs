//! From notes to events: some phone systems can only be understood when all they said of a call
//! lies together. Their adapters note what came, and settle it here before the call is folded.

use super::named;
use crate::call::event::Note;
use crate::call::{Bounds, CallEvent, CallFacts, CallRules, Clock, EventKind, LegFacts, Tie};
use crate::site::is_listed;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The phones of the front desk.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a>(pub &'a [String]);

impl Desk<'_> {
    /// Whether a number is one of them.
    pub fn has(self, number: &str) -> bool {
        is_listed(self.0, number)
    }
}

/// A note with the time for which it was made.
#[derive(Debug, Clone)]
pub struct Noted<T> {
    pub at: Bounds,
    pub clock: Clock,
    pub said: T,
}

/// A note in an adapter's own words.
pub fn note(adapter: &str, said: &impl Serialize) -> EventKind {
    let note = Note(serde_json::to_value(said).unwrap_or_default());
    EventKind::Noted { adapter: adapter.to_owned(), note }
}

/// The words of notes. What an older release noted otherwise is left out.
pub fn words<T: DeserializeOwned>(notes: &[&CallEvent]) -> Vec<Noted<T>> {
    let said = |event: &&CallEvent| {
        let EventKind::Noted { note, .. } = &event.kind else { return None };
        let said = T::deserialize(&note.0).ok()?;
        Some(Noted { at: event.at, clock: event.clock, said })
    };
    notes.iter().filter_map(said).collect()
}

/// The events of one call as the rules look at them: notes are replaced by what their adapters make
/// of them.
pub fn settled<'a>(events: &'a [CallEvent], rules: &CallRules) -> Cow<'a, [CallEvent]> {
    let mut noted: BTreeMap<&str, Vec<&CallEvent>> = BTreeMap::new();
    for event in events {
        if let EventKind::Noted { adapter, .. } = &event.kind {
            noted.entry(adapter).or_default().push(event);
        }
    }
    if noted.is_empty() {
        return Cow::Borrowed(events);
    }
    let plain = events.iter().filter(|event| !matches!(event.kind, EventKind::Noted { .. }));
    let mut settled: Vec<CallEvent> = plain.cloned().collect();
    for (adapter, mut notes) in noted {
        notes.sort_by_cached_key(|event| (event.at.earliest, event.at.latest, order(event)));
        notes.dedup();
        let pbx = named(adapter);
        settled.extend(pbx.map(|pbx| pbx.settle(&notes, Desk(&rules.desk))).unwrap_or_default());
    }
    Cow::Owned(settled)
}

fn order(event: &CallEvent) -> String {
    serde_json::to_string(event).unwrap_or_default()
}

/// Events of one call in the making.
pub struct Telling {
    call_id: String,
    clock: Clock,
    /// What was told so far.
    pub events: Vec<CallEvent>,
}

impl Telling {
    /// Begins a call of this id by a clock.
    pub fn of(call_id: &str, clock: Clock) -> Self {
        Self { call_id: call_id.to_owned(), clock, events: Vec::new() }
    }

    /// Tells what happened to a leg.
    pub fn leg(&mut self, at: Bounds, leg: &LegFacts, kind: EventKind) {
        self.tell(at, Some(leg.clone()), CallFacts::default(), kind);
    }

    /// Tells what happened to the whole call.
    pub fn call(&mut self, at: Bounds, kind: EventKind) {
        self.tell(at, None, CallFacts::default(), kind);
    }

    /// Tells what is known of the whole call since its beginning.
    pub fn facts(&mut self, at: Bounds, call: CallFacts) {
        self.tell(at, None, call, EventKind::Offered);
    }

    fn tell(&mut self, at: Bounds, leg: Option<LegFacts>, call: CallFacts, kind: EventKind) {
        let ties = vec![Tie::Call(self.call_id.clone())];
        self.events.push(CallEvent { at, clock: self.clock, id: None, ties, leg, call, kind });
    }
}

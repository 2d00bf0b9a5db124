//! Both sides of linking as the store has them: calls and recordings as contacts, entries as rows.

use crate::audit::{CallFact, EntryFact, RecordingFact};
use crate::call::Direction;
use crate::ledger::unit;
use crate::linkage::reading::{mention, number};
use crate::linkage::{Contact, Row, Text};
use crate::recording::{name, reference};

/// Calls that may have an entry: those that reached the desk, and those the desk made.
pub fn matters(fact: &CallFact) -> bool {
    fact.call.reached_desk || fact.call.direction == Direction::Outbound || fact.call.is_answered()
}

/// A call as one side of a link. `ids`: all ids from outside that name it or its legs.
pub fn call_contact(fact: &CallFact, ids: Vec<impl Into<Text>>) -> Contact {
    let call = &fact.call;
    let mut ids: Vec<Text> = ids.into_iter().map(Into::into).collect();
    ids.push(call.call_id.as_str().into());
    ids.extend(call.other_ids.iter().map(Text::from));
    ids.sort();
    ids.dedup();
    Contact {
        key: fact.key,
        call_ids: ids,
        number: call.outside_party().map(|number| number.folded().into()),
        direction: call.direction,
        started_at: call.alerting.map_or(call.offered_at, |alerting| alerting.earliest),
        answered_at: call.answered.map(|answered| answered.earliest),
        ended_at: call.ended_at,
        extension: call.answered_by.as_ref().map(Text::from),
        agent: None,
        answered: call.is_answered(),
    }
}

/// A recording without a call as one side of a link.
pub fn recording_contact(fact: &RecordingFact) -> Contact {
    let hints = &fact.recording.hints;
    let direction = hints.direction.unwrap_or(Direction::Inbound);
    let party = if direction == Direction::Outbound { &hints.callee } else { &hints.caller };
    Contact {
        key: -fact.key,
        call_ids: hints.call_id.iter().map(Text::from).collect(),
        number: party.as_ref().map(|number| number.folded().into()),
        direction,
        started_at: fact.at(),
        answered_at: None,
        ended_at: hints.finished_at,
        extension: None,
        agent: None,
        answered: true,
    }
}

/// A call as recordings look for it. `known`: as for [`call_contact`].
pub fn candidate(fact: &CallFact, known: &[String]) -> name::Candidate {
    let call = &fact.call;
    let mut ids = call.other_ids.clone();
    ids.push(call.call_id.clone());
    ids.extend(known.iter().cloned());
    let told = call.recordings.iter().map(|one| one.reference.as_str());
    let names = told.clone().map(|one| reference::base(one).to_owned());
    name::Candidate {
        key: fact.key,
        ids,
        announced: names.chain(told.map(reference::file)).collect(),
        number: call.outside_party().map(|number| number.folded()),
        offered_at: call.offered_at,
        ended_at: call.ended_at,
    }
}

/// An entry as the other side of a link.
pub fn row(fact: &EntryFact) -> Row {
    let entry = &fact.entry;
    let unit = entry.unit.as_deref().and_then(unit::folded);
    let written = entry.number.as_ref().map_or("", |number| number.exposed());
    let mut numbers = number::numbers(written).0.into_iter();
    let number = numbers.next();
    let content = entry.content.as_deref().unwrap_or("");
    let mentioned = if number.is_none() { mention::number(content).map(Text::from) } else { None };
    // A row whose registration time is the matter's own time says nothing of when it was typed.
    let untyped = entry.occurred_at == Some(entry.registered_at) || entry.occurred_day_only;
    Row {
        key: fact.key,
        channel: entry.channel,
        number,
        other_numbers: numbers.collect(),
        mentioned,
        registered_at: entry.registered_at,
        occurred_at: entry.occurred_at,
        occurred_day_only: entry.occurred_day_only,
        name: entry.name.as_ref().map(|name| name.exposed().into()),
        handler: entry.handler.as_ref().map(Text::from),
        unit: unit.or_else(|| mention::home(content)).map(Text::from),
        call_id: entry.call_id.as_ref().map(Text::from),
        imported: fact.imported && untyped,
    }
}

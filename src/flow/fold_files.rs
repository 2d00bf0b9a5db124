//! The pure way from deliveries to calls, over files: authenticate, drop repeats, read, gather,
//! fold. Reads no store.

use crate::call::{Call, CallEvent, CallRules, Moment, fold, gather};
use crate::pbx::{self, Delivery, Dialect, FeedNotice, Pbx, Secret};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What came of a file's deliveries.
#[derive(Debug, Default)]
pub struct Folded {
    pub calls: Vec<Call>,
    /// Kept, but no adapter could read them: number and reason.
    pub not_understood: Vec<(usize, String)>,
    /// Turned away for want of proof.
    pub refused: usize,
    /// What an installer should know, each once.
    pub warnings: BTreeSet<String>,
}

/// How deliveries are to be read and calls to be judged.
pub struct Reader<'a> {
    pub pbx: &'static dyn Pbx,
    pub secret: Secret,
    pub dialect: Dialect<'a>,
    pub rules: CallRules,
}

/// What tells a delivery from others: its own identity, if it has one, and its body.
type Identity = (Option<String>, [u8; 32]);

/// Folds deliveries, in whatever order the files have them.
pub fn fold_all(reader: &Reader<'_>, deliveries: impl Iterator<Item = Delivery>) -> Folded {
    let mut folded = Folded::default();
    let mut events: Vec<CallEvent> = Vec::new();
    let mut notices: Vec<FeedNotice> = Vec::new();
    let mut last: Option<Moment> = None;
    // Of a delivery that came repeatedly the earliest counts, as it does where it is stored.
    let mut earliest: BTreeMap<Identity, (Moment, usize)> = BTreeMap::new();
    let mut authentic: Vec<(usize, Delivery)> = Vec::new();
    for (index, delivery) in deliveries.enumerate() {
        last = last.max(Some(delivery.received_at));
        if reader.pbx.authenticate(&delivery, &reader.secret).is_err() {
            folded.refused += 1;
            continue;
        }
        let digest = Sha256::digest(&delivery.body).into();
        let identity = (pbx::identity(reader.pbx, &delivery), digest);
        let came = (delivery.received_at, index);
        let first = earliest.entry(identity).or_insert(came);
        *first = came.min(*first);
        authentic.push((index, delivery));
    }
    let firsts: BTreeSet<usize> = earliest.into_values().map(|(_, index)| index).collect();
    for (index, delivery) in authentic.into_iter().filter(|(index, _)| firsts.contains(index)) {
        match reader.pbx.parse(&delivery, &reader.dialect) {
            Ok(reading) => {
                events.extend(reading.events);
                notices.extend(reading.feed);
                folded.warnings.extend(reading.warnings);
            }
            Err(refusal) => folded.not_understood.push((index + 1, refusal.why().to_owned())),
        }
    }
    let gaps = pbx::gaps(&notices);
    let rules = &reader.rules;
    let calls = gather(events).into_iter();
    let call = |events: Vec<CallEvent>| fold(&pbx::settled(&events, rules), &gaps, rules, last);
    folded.calls = calls.filter_map(call).collect();
    folded.calls.sort_by(|one, other| {
        (one.offered_at, &one.call_id).cmp(&(other.offered_at, &other.call_id))
    });
    folded
}

//! The pure way from deliveries to calls, over files: authenticate, drop repeats, read, gather,
//! fold. Reads no store.

use crate::call::{Call, CallEvent, CallRules, Moment, fold, gather};
use crate::pbx::{self, Delivery, Dialect, FeedNotice, Pbx, Refusal, Secret};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

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

/// Folds deliveries in the order in which they came.
pub fn fold_all(reader: &Reader<'_>, deliveries: impl Iterator<Item = Delivery>) -> Folded {
    let mut folded = Folded::default();
    let mut seen = BTreeSet::new();
    let mut events: Vec<CallEvent> = Vec::new();
    let mut notices: Vec<FeedNotice> = Vec::new();
    let mut last: Option<Moment> = None;
    for (index, delivery) in deliveries.enumerate() {
        last = last.max(Some(delivery.received_at));
        if reader.pbx.authenticate(&delivery, &reader.secret).is_err() {
            folded.refused += 1;
            continue;
        }
        let key = reader.pbx.delivery_key(&delivery);
        if !seen.insert((key, <[u8; 32]>::from(Sha256::digest(&delivery.body)))) {
            continue;
        }
        match reader.pbx.parse(&delivery, &reader.dialect) {
            Ok(reading) => {
                events.extend(reading.events);
                notices.extend(reading.feed);
                folded.warnings.extend(reading.warnings);
            }
            Err(Refusal::NotUnderstood(why) | Refusal::NotAuthentic(why)) => {
                folded.not_understood.push((index + 1, why));
            }
        }
    }
    let gaps = pbx::gaps(&notices);
    let calls = gather(events).into_iter();
    folded.calls = calls.filter_map(|events| fold(&events, &gaps, &reader.rules, last)).collect();
    folded.calls.sort_by(|one, other| {
        (one.offered_at, &one.call_id).cmp(&(other.offered_at, &other.call_id))
    });
    folded
}

//! Whether recordings are kept as they came (R2): their bytes unchanged, all there, and none
//! without a recording.

use super::facts::ObjectFact;
use super::world::{World, about_recording};
use crate::finding::{About, Finding};
use std::collections::BTreeMap;

/// Bytes that changed, that are missing, or that belong to no recording.
pub fn objects(world: &World<'_>, findings: &mut Vec<Finding>) {
    let faults = || world.facts.objects.iter();
    for fact in faults().filter(|fact| fact.recording.is_none() && world.is_asked(fact.at)) {
        let about = About { delivery: Some(fact.fact), ..About::default() };
        findings.push(Finding::open(fact.code, about, fact.at, fact.evidence.clone()));
    }
    let of_recordings: BTreeMap<i64, &ObjectFact> =
        faults().filter_map(|fact| Some((fact.recording?, fact))).collect();
    if of_recordings.is_empty() {
        return;
    }
    for recording in world.recordings_asked() {
        if let Some(fact) = of_recordings.get(&recording.key) {
            findings.push(about_recording(fact.code, recording, fact.at, fact.evidence.clone()));
        }
    }
}

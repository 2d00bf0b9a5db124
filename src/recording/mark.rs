//! Where on a recording things happened: for the player.

use super::Recording;
use crate::call::Call;
use crate::call::event::Moment;
use chrono::TimeDelta;
use serde::Serialize;

/// A place on a recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mark {
    /// From the start of the recording, in seconds.
    pub at_s: f64,
    /// `ring_heard`, or a step of the call's timeline: `alerting`, `picked_up`, `held`, `ended`, …
    pub what: String,
    /// The extension, if it is about a phone of the house.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

impl Recording {
    /// When its sound began, as far as anybody told: by its name, else by its end and its length.
    pub fn begins_at(&self) -> Option<Moment> {
        let length = |measures: &super::Measures| {
            TimeDelta::milliseconds((measures.duration_s * 1000.0).round() as i64)
        };
        let by_end = || Some(self.hints.finished_at? - length(self.measures.as_ref()?));
        self.hints.starts_at.or_else(by_end)
    }
}

/// Marks of a recording: the rings that were heard, and the steps of its call that fall into it, in
/// order. Steps are placed by the clock, as exactly as the start of the recording is known.
pub fn marks(recording: &Recording, call: Option<&Call>) -> Vec<Mark> {
    let Some(measures) = &recording.measures else { return Vec::new() };
    let heard = measures.rings_heard.iter().map(|ring| Mark {
        at_s: ring.start_s,
        what: "ring_heard".into(),
        extension: None,
    });
    let begins_at = recording.begins_at();
    let steps = call.into_iter().flat_map(|call| &call.timeline).filter_map(|step| {
        let at_s = (step.at - begins_at?).num_milliseconds() as f64 / 1000.0;
        let inside = (0.0..=measures.duration_s).contains(&at_s);
        inside.then(|| Mark { at_s, what: step.what.clone(), extension: step.extension.clone() })
    });
    let mut marks: Vec<Mark> = heard.chain(steps).collect();
    marks.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    marks
}

//! The page of one ledger entry.

use super::{FindingView, Frame};
use crate::audit::EntryFact;
use crate::ledger::version::Change;
use crate::linkage::Proposal;
use crate::party::{PersonName, masked_number};
use crate::render::Exposure;
use askama::Template;

/// An entry with all its versions.
#[derive(Template)]
#[template(path = "entry.html")]
pub struct EntryPage<'a> {
    pub frame: &'a Frame,
    pub fact: &'a EntryFact,
    /// Who wrote each version and when, and what it changed.
    pub versions: Vec<(u32, String, String, Vec<Change>)>,
    pub call: Option<i64>,
    pub link: Option<&'a Proposal>,
    pub findings: Vec<FindingView>,
}

impl EntryPage<'_> {
    /// What a version changed, for these eyes.
    fn changed(&self, change: &Change) -> String {
        let shown = |value: &str| match (change.field.as_str(), self.frame.exposure) {
            ("name", Exposure::Masked) => {
                PersonName::known(value).map(|name| name.masked()).unwrap_or_default()
            }
            ("number", Exposure::Masked) => masked_number(value),
            _ => self.frame.name_of(value),
        };
        format!("{} → {}", shown(&change.before), shown(&change.after))
    }
    fn fields(&self) -> Vec<(&'static str, String)> {
        let entry = &self.fact.entry;
        let word_of = |value: serde_json::Value| {
            value.as_str().map(|key| self.frame.t(key).to_owned()).unwrap_or_default()
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let exposure = self.frame.exposure;
        vec![
            ("channel", word_of(serde_json::to_value(entry.channel).unwrap_or_default())),
            ("registered_at", self.frame.at(&entry.registered_at)),
            ("occurred_at", entry.occurred_at.map(|at| self.frame.at(&at)).unwrap_or_default()),
            ("number", entry.number.as_ref().map(|n| exposure.number(n)).unwrap_or_default()),
            ("name", entry.name.as_ref().map(|n| exposure.name(n)).unwrap_or_default()),
            ("unit", text(&entry.unit)),
            ("category", word_of(serde_json::to_value(entry.category).unwrap_or_default())),
            ("content", exposure.text(&text(&entry.content))),
            ("handler", text(&entry.handler)),
            ("call_id", text(&entry.call_id)),
            ("parent_id", text(&entry.parent_id)),
        ]
    }
}

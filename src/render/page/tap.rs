//! The live view of deliveries.

use super::{Frame, html, shown};
use crate::pbx::trace::{Became, Kept, Shown};
use askama::Template;

/// The newest deliveries, newest first; a script puts what comes on top.
#[derive(Template)]
#[template(path = "tap.html")]
pub struct TapPage<'a> {
    pub frame: &'a Frame,
    pub newest: Vec<Shown>,
    /// All there are.
    pub sources: Vec<String>,
    /// The one that is shown; all without.
    pub source: Option<String>,
}

impl TapPage<'_> {
    fn is_asked(&self, name: &str) -> bool {
        self.source.as_deref() == Some(name)
    }

    fn item(&self, one: &Shown) -> String {
        html(&TapItem { frame: self.frame, one })
    }

    fn stream(&self) -> String {
        let source = self.source.iter().map(|source| format!("?source={source}"));
        self.frame.link(format!("/tap/stream{}", source.collect::<String>()))
    }
}

/// One delivery, taken apart.
#[derive(Template)]
#[template(path = "tap_item.html")]
pub struct TapItem<'a> {
    pub frame: &'a Frame,
    pub one: &'a Shown,
}

impl TapItem<'_> {
    fn value(&self, part: &Became) -> String {
        shown(&part.value, self.frame.zone)
    }

    fn unused(&self, kept: &Kept) -> String {
        let unused = kept.fields.iter().filter(|one| one.became.is_empty() && one.needed.is_none());
        unused.map(|one| one.field.as_str()).collect::<Vec<_>>().join(", ")
    }
}

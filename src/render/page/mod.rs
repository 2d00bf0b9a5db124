//! Pages: plain values in, HTML out. Nothing here is fetched, and no script is sent.

mod audit;
mod call;
mod entry;
mod finding;
mod tap;

pub use audit::{AuditPage, FindingsPage, report};
pub use call::{CallPage, Proposed, RecordingPage, Unfetched, verdict};
pub use entry::EntryPage;
pub use finding::FindingView;
pub use tap::{TapItem, TapPage};

use super::Exposure;
use super::words::{Language, REASONS, word};
use crate::audit::{CallFact, EntryFact};
use crate::call::event::Moment;
use askama::Template;
use chrono_tz::Tz;

/// What every page shares.
#[derive(Debug, Clone)]
pub struct Frame {
    pub language: Language,
    pub title: String,
    pub site: String,
    pub zone: Tz,
    pub exposure: Exposure,
    /// This page's address without the language.
    pub here: String,
}

impl Frame {
    fn t<'a>(&self, key: &'a str) -> &'a str {
        word(self.language, key)
    }
    fn lang(&self) -> &'static str {
        self.language.code()
    }
    fn other_language(&self) -> String {
        let other = if self.language == Language::Zh { Language::En } else { Language::Zh };
        in_language(&self.here, other)
    }
    /// An address that stays in the reader's language.
    fn link(&self, address: impl AsRef<str>) -> String {
        in_language(address.as_ref(), self.language)
    }
    fn lang_key(&self) -> &'static str {
        self.language.key()
    }
    /// A text that may hold a number: the name of a file, say.
    fn name_of(&self, text: &str) -> String {
        self.exposure.text(text)
    }
    fn style(&self) -> &'static str {
        include_str!("../../web/assets/site.css")
    }
    fn at(&self, at: &Moment) -> String {
        local(*at, self.zone)
    }
}

fn in_language(address: &str, language: Language) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}lang={}", language.key())
}

/// A moment in a zone, to the millisecond where it has any.
pub fn local(at: Moment, zone: Tz) -> String {
    let format =
        if at.timestamp_subsec_millis() == 0 { "%m-%d %H:%M:%S" } else { "%m-%d %H:%M:%S%.3f" };
    at.with_timezone(&zone).format(format).to_string()
}

/// A value of evidence: moments are shown in the site's zone.
pub fn shown(value: &str, zone: Tz) -> String {
    match chrono::DateTime::parse_from_rfc3339(value) {
        Ok(at) => local(at.to_utc(), zone),
        Err(_) => value.to_owned(),
    }
}

fn reasons() -> impl Iterator<Item = &'static str> {
    REASONS.iter().map(|(_, key)| *key)
}

/// What was found for a number or for words.
#[derive(Template)]
#[template(path = "search.html")]
pub struct SearchPage<'a> {
    pub frame: &'a Frame,
    pub asked: String,
    pub calls: &'a [CallFact],
    pub entries: &'a [EntryFact],
}

impl SearchPage<'_> {
    fn verdict(&self, fact: &CallFact) -> String {
        verdict(&fact.call.verdict, self.frame.language)
    }
    fn party(&self, fact: &CallFact) -> String {
        let number = fact.call.outside_party();
        number.map_or_else(|| self.frame.t("withheld").into(), |n| self.frame.exposure.number(n))
    }
    fn content(&self, fact: &EntryFact) -> String {
        self.frame.name_of(fact.entry.content.as_deref().unwrap_or_default())
    }
}

/// How one source stands, for a person.
pub struct SourceView {
    pub name: String,
    pub heard_at: Option<Moment>,
    /// How far its clock lies behind ours.
    pub behind_ms: Option<i64>,
    /// The word for what is wrong with its clock.
    pub warning: Option<&'static str>,
}

/// When the sources were heard, and how their clocks go.
#[derive(Template)]
#[template(path = "sources.html")]
pub struct SourcesPage<'a> {
    pub frame: &'a Frame,
    pub sources: Vec<SourceView>,
    pub limit_s: i64,
}

/// One token opens the pages.
#[derive(Template)]
#[template(path = "login.html")]
pub struct LoginPage<'a> {
    pub frame: &'a Frame,
    pub wrong: bool,
    /// Where to go afterwards.
    pub then: String,
}

/// An error for a person.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    pub frame: &'a Frame,
    pub text: String,
}

/// A page as HTML.
pub fn html(page: &impl Template) -> String {
    page.render().unwrap_or_else(|error| format!("<!doctype html><p>{error}</p>"))
}

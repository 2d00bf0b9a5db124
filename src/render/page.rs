//! Pages: plain values in, HTML out. Nothing here is fetched, and no script is sent.

use super::words::{self, Language, REASONS, word};
use super::{Exposure, svg};
use crate::audit::{CallFact, Day, EntryFact, RecordingFact, Report, Sheet};
use crate::call::Verdict;
use crate::call::event::Moment;
use crate::finding::{Code, Finding, Severity, State};
use crate::ledger::version::Change;
use crate::linkage::Proposal;
use crate::party::{PersonName, masked_number};
use askama::Template;
use chrono_tz::Tz;
use std::collections::BTreeMap;

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
        include_str!("../web/assets/site.css")
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

/// A finding as a page shows it.
#[derive(Debug, Clone)]
pub struct FindingView {
    pub title: String,
    pub code: Code,
    pub severity: &'static str,
    pub state: &'static str,
    pub since: String,
    pub evidence: Vec<(String, String)>,
    gist: Vec<String>,
    pub call: Option<i64>,
    pub recording: Option<i64>,
    pub entry: Option<i64>,
    pub delivery: Option<i64>,
}

impl FindingView {
    /// A finding in the words of a frame.
    pub fn of(finding: &Finding, frame: &Frame) -> Self {
        let pair = |item: &String| {
            let (name, value) = item.split_once('=').unwrap_or(("", item));
            (word(frame.language, name).to_owned(), shown(value, frame.zone))
        };
        Self {
            title: words::code(frame.language, finding.code),
            code: finding.code,
            severity: match finding.severity {
                Severity::Critical => "critical",
                Severity::Major => "major",
                Severity::Minor => "minor",
            },
            state: match finding.state {
                State::Open => "open",
                State::Explained => "explained",
                State::Healed => "healed",
            },
            since: local(finding.since, frame.zone),
            evidence: finding.evidence.iter().map(pair).collect(),
            gist: gist(&finding.evidence),
            call: finding.about.call,
            recording: finding.about.recording,
            entry: finding.about.entry,
            delivery: finding.about.delivery,
        }
    }

    fn about_fields(&self) -> Vec<(&'static str, i64)> {
        let all = [
            ("call", self.call),
            ("recording", self.recording),
            ("entry", self.entry),
            ("delivery", self.delivery),
        ];
        all.into_iter().filter_map(|(name, key)| Some((name, key?))).collect()
    }

    fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// What tells one finding from another at a glance: the party and the entry.
    fn gist(&self) -> String {
        let values = self.gist.iter().map(String::as_str);
        values.filter(|value| *value != "-").collect::<Vec<_>>().join(" · ")
    }
}

/// Evidence that tells one finding from another, in this order.
const GIST: [&str; 6] = ["party", "written_number", "entry", "recording", "missing", "why"];

/// The first two of the gist's evidence that a finding has; a number that is told twice is told
/// once.
fn gist(evidence: &[String]) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for name in GIST {
        let told = evidence.iter().filter_map(|item| item.split_once('='));
        for (_, value) in told.filter(|(known, _)| *known == name) {
            if !values.iter().any(|known| known == value) {
                values.push(value.to_owned());
            }
        }
    }
    values.truncate(2);
    values
}

fn reasons() -> impl Iterator<Item = &'static str> {
    REASONS.iter().map(|(_, key)| *key)
}

/// The audit page.
#[derive(Template)]
#[template(path = "audit.html")]
pub struct AuditPage<'a> {
    pub frame: &'a Frame,
    pub report: &'a Report,
    pub findings: Vec<FindingView>,
    /// With forms and links, or a file to be kept.
    pub live: bool,
}

impl AuditPage<'_> {
    fn sheets(&self) -> [(&'static str, Sheet); 3] {
        let balance = &self.report.balance;
        [("recordings", balance.recordings), ("entries", balance.entries), ("calls", balance.calls)]
    }
    fn rate(&self) -> String {
        let rate = self.report.compliance.rate();
        rate.map_or_else(|| "–".to_owned(), |rate| format!("{:.1} %", rate * 100.0))
    }
    fn rings(&self) -> String {
        let limit = self.report.settings.first().map_or(3, |settings| settings.ring_limit);
        svg::rings(&self.report.compliance.rings, limit, self.frame.t("rings"))
    }
    fn day_chart(&self) -> Option<String> {
        let days: &[Day] = &self.report.compliance.days;
        (days.len() > 1).then(|| svg::days(days, self.frame.t("compliance")))
    }
    fn unknown(&self) -> u64 {
        self.report.compliance.unknown.values().sum()
    }
    /// Of all that is due, the share that is linked: the gauge of one-to-one.
    fn linked_rate(&self) -> String {
        let sheets = self.sheets();
        let linked: u64 = sheets.iter().map(|(_, sheet)| sheet.linked).sum();
        let due: u64 = sheets.iter().map(|(_, s)| s.linked + s.explained + s.open).sum();
        if due == 0 {
            return "–".to_owned();
        }
        format!("{:.1} %", linked as f64 / due as f64 * 100.0)
    }
    fn open(&self) -> usize {
        self.findings.iter().filter(|finding| finding.is_open()).count()
    }
    /// The findings that fit on a page; a report that is kept holds all.
    fn first(&self) -> &[FindingView] {
        let count = if self.live { self.findings.len().min(FINDINGS_MAX) } else { usize::MAX };
        &self.findings[..count.min(self.findings.len())]
    }
    /// Open findings by code, the most frequent first.
    fn chips(&self) -> Vec<(Code, String, usize)> {
        let mut counts: BTreeMap<Code, usize> = BTreeMap::new();
        for finding in self.findings.iter().filter(|finding| finding.is_open()) {
            *counts.entry(finding.code).or_default() += 1;
        }
        let name = |(code, count)| (code, words::code(self.frame.language, code), count);
        let mut chips: Vec<_> = counts.into_iter().map(name).collect();
        chips.sort_by_key(|(code, _, count)| (std::cmp::Reverse(*count), *code));
        chips
    }
}

/// Findings on the audit page; the rest is one step away.
const FINDINGS_MAX: usize = 100;

/// A report as a page that can be kept: no forms.
pub fn report(report: &Report, language: Language) -> Vec<u8> {
    let zone = report.settings.first().map_or(chrono_tz::UTC, |settings| settings.zone());
    let frame = Frame {
        language,
        title: word(language, "audit").to_owned(),
        site: report.site_name.clone(),
        zone,
        exposure: Exposure::Masked,
        here: String::new(),
    };
    let findings = report.findings.iter().map(|finding| FindingView::of(finding, &frame)).collect();
    html(&AuditPage { frame: &frame, report, findings, live: false }).into_bytes()
}

/// A page of stored findings, oldest first.
#[derive(Template)]
#[template(path = "findings.html")]
pub struct FindingsPage<'a> {
    pub frame: &'a Frame,
    pub findings: Vec<FindingView>,
    pub next: Option<String>,
}

impl FindingsPage<'_> {
    fn codes(&self) -> impl Iterator<Item = (&'static str, String)> {
        let language = self.frame.language;
        Code::ALL.iter().map(move |code| (code.as_str(), words::code(language, *code)))
    }
    /// Whether the page's address asks for this.
    fn is_asked(&self, name: &str, value: &str) -> bool {
        self.frame.here.split(['?', '&']).any(|part| part == format!("{name}={value}"))
    }
}

/// A call with everything that hangs on it.
#[derive(Template)]
#[template(path = "call.html")]
pub struct CallPage<'a> {
    pub frame: &'a Frame,
    pub fact: &'a CallFact,
    pub recordings: &'a [RecordingFact],
    pub entry: Option<&'a EntryFact>,
    pub link: Option<&'a Proposal>,
    pub findings: Vec<FindingView>,
}

impl CallPage<'_> {
    fn party(&self, number: &Option<crate::party::PhoneNumber>) -> String {
        let hidden = || self.frame.t("withheld").to_owned();
        number.as_ref().map_or_else(hidden, |number| self.frame.exposure.number(number))
    }
    fn verdict(&self) -> String {
        verdict(&self.fact.call.verdict, self.frame.language)
    }
    /// How near the limit it was.
    fn margin(&self) -> Option<String> {
        let seconds = |ms: i64| format!("{:.3} s", ms as f64 / 1000.0);
        match self.fact.call.verdict {
            Some(Verdict::Within { margin_ms, .. }) => {
                Some(format!("{} {}", self.frame.t("to_spare"), seconds(margin_ms)))
            }
            Some(Verdict::Late { over_ms, .. }) => {
                Some(format!("{} {}", self.frame.t("over"), seconds(over_ms)))
            }
            _ => None,
        }
    }
    fn rang(&self) -> bool {
        self.fact.call.legs.iter().any(|leg| leg.extension.is_some())
    }
    fn maybe(&self, at: &Option<Moment>) -> String {
        at.map_or_else(|| "–".to_owned(), |at| local(at, self.frame.zone))
    }
    fn waveform(&self, fact: &RecordingFact) -> Option<String> {
        let measures = fact.recording.measures.as_ref()?;
        Some(svg::waveform(&measures.peaks, self.frame.t("recording")))
    }
    fn direction(&self) -> String {
        let value = serde_json::to_value(self.fact.call.direction).unwrap_or_default();
        self.frame.t(value.as_str().unwrap_or_default()).to_owned()
    }
    fn cause(&self) -> Option<String> {
        let value = serde_json::to_value(self.fact.call.cause?).unwrap_or_default();
        value.as_str().map(|key| self.frame.t(key).to_owned())
    }
}

/// A verdict in words: the ring, and what is missing where it is unknown.
pub fn verdict(verdict: &Option<Verdict>, language: Language) -> String {
    let t = |key| word(language, key);
    let ring = |ring: &Option<u32>| ring.map_or(String::new(), |n| format!(" · {} {n}", t("ring")));
    match verdict {
        None => t("alive").to_owned(),
        Some(Verdict::Within { ring: n, .. }) => format!("{}{}", t("within"), ring(n)),
        Some(Verdict::Late { ring: n, .. }) => format!("{}{}", t("late"), ring(n)),
        Some(Verdict::Abandoned { ring: n }) => format!("{}{}", t("abandoned"), ring(n)),
        Some(Verdict::Unanswered) => t("unanswered").to_owned(),
        Some(Verdict::NotApplicable) => t("not_applicable").to_owned(),
        Some(Verdict::Unknown { reason }) => {
            let reason = serde_json::to_value(reason).unwrap_or_default();
            let key = reason["reason"].as_str().unwrap_or_default().to_owned();
            format!("{}: {}", t("unknown"), word(language, &key))
        }
    }
}

/// A recording with its measures.
#[derive(Template)]
#[template(path = "recording.html")]
pub struct RecordingPage<'a> {
    pub frame: &'a Frame,
    pub fact: &'a RecordingFact,
    pub findings: Vec<FindingView>,
}

impl RecordingPage<'_> {
    fn waveform(&self) -> Option<String> {
        let measures = self.fact.recording.measures.as_ref()?;
        Some(svg::waveform(&measures.peaks, self.frame.t("recording")))
    }
    fn class(&self) -> String {
        let measures = self.fact.recording.measures.as_ref();
        let value = serde_json::to_value(measures.map(|m| m.class)).unwrap_or_default();
        self.frame.t(value.as_str().unwrap_or("waiting")).to_owned()
    }
}

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

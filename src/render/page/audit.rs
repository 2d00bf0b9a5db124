//! The audit page, live and as a file to be kept, and the page of stored findings.

use super::{FindingView, Frame, html};
use crate::audit::{Day, Report, Sheet};
use crate::finding::Code;
use crate::render::words::{self, Language, word};
use crate::render::{Exposure, svg};
use askama::Template;
use std::collections::BTreeMap;

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

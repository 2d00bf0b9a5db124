//! A report for a terminal.

use super::words::{Language, code, word};
use crate::audit::{Report, Sheet};
use crate::finding::State;
use chrono_tz::Tz;

/// The report as text.
pub fn text(report: &Report, language: Language) -> Vec<u8> {
    let t = |key| word(language, key);
    let question = &report.question;
    let zone: Tz = report.settings.first().map_or(chrono_tz::UTC, |settings| settings.zone());
    let mut lines = vec![
        format!("{} {}  {} – {}", t("audit"), report.site_name, question.from, question.to),
        String::new(),
        format!(
            "{:<12}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}",
            "", "total", "linked", "exempt", "expl.", "open", "waiting"
        ),
    ];
    let balance = &report.balance;
    for (name, sheet) in
        [("recordings", balance.recordings), ("entries", balance.entries), ("calls", balance.calls)]
    {
        lines.push(row(name, sheet));
    }
    lines.push(String::new());
    lines.extend(compliance(report));
    lines.push(String::new());
    let open = report.findings.iter().filter(|finding| finding.state == State::Open).count();
    lines.push(format!("{}: {} ({open} {})", t("findings"), report.findings.len(), t("open")));
    for finding in &report.findings {
        let since = finding.since.with_timezone(&zone).format("%m-%d %H:%M:%S");
        let state = if finding.state == State::Open { "" } else { " ✓" };
        lines.push(format!("  {since}  {}{state}", code(language, finding.code)));
        for item in &finding.evidence {
            let (name, value) = item.split_once('=').unwrap_or(("", item));
            lines.push(format!("      {}: {}", t(name), super::page::shown(value, zone)));
        }
    }
    lines.push(String::new());
    for settings in &report.settings {
        lines.push(format!(
            "{}: {} {}  {} {}  {}",
            t("settings"),
            settings.ring_limit,
            t("ring"),
            settings.cadence,
            settings.time_zone,
            settings.desk_extensions.join(",")
        ));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text.into_bytes()
}

fn row(name: &str, sheet: Sheet) -> String {
    format!(
        "{name:<12}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}",
        sheet.total, sheet.linked, sheet.exempt, sheet.explained, sheet.open, sheet.waiting
    )
}

fn compliance(report: &Report) -> Vec<String> {
    let all = &report.compliance;
    let rate = all.rate().map_or_else(|| "-".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
    let unknown: u64 = all.unknown.values().sum();
    let mut lines = vec![format!(
        "within {} late {} abandoned {} unanswered {} unknown {unknown}: {rate}",
        all.within, all.late, all.abandoned, all.unanswered
    )];
    for (ring, count) in &all.rings {
        let bar = "█".repeat(usize::try_from(*count).unwrap_or(60).min(60));
        lines.push(format!("  ring {ring:>2} {count:>6} {bar}"));
    }
    lines
}

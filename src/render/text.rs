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
        head(language),
    ];
    let balance = &report.balance;
    for (name, sheet) in
        [("recordings", balance.recordings), ("entries", balance.entries), ("calls", balance.calls)]
    {
        lines.push(row(t(name), sheet, language));
    }
    lines.push(String::new());
    lines.extend(compliance(report, language));
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

const COLUMNS: [&str; 6] = ["total", "linked", "open", "explained", "waiting", "exempt"];
const NAME_WIDTH: usize = 12;

/// Columns wide enough for their names, of which a Chinese character takes two places.
fn width(language: Language) -> usize {
    let widest = COLUMNS.iter().map(|key| places(word(language, key))).max();
    widest.unwrap_or_default() + 2
}

fn places(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(places(text))))
}

fn left(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(places(text))))
}

fn head(language: Language) -> String {
    let names = COLUMNS.map(|key| right(word(language, key), width(language)));
    left("", NAME_WIDTH) + &names.concat()
}

fn row(name: &str, sheet: Sheet, language: Language) -> String {
    let counts =
        [sheet.total, sheet.linked, sheet.open, sheet.explained, sheet.waiting, sheet.exempt];
    let counts = counts.map(|count| right(&count.to_string(), width(language)));
    left(name, NAME_WIDTH) + &counts.concat()
}

fn compliance(report: &Report, language: Language) -> Vec<String> {
    let t = |key| word(language, key);
    let all = &report.compliance;
    let rate = all.rate().map_or_else(|| "-".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
    let counts = [
        ("within", all.within),
        ("late", all.late),
        ("abandoned", all.abandoned),
        ("unanswered", all.unanswered),
        ("unknown", all.unknown.values().sum()),
        ("not_applicable", all.not_applicable),
        ("alive", all.alive),
    ];
    let counts = counts.map(|(key, count)| format!("{} {count}", t(key))).join(" · ");
    let mut lines = vec![format!("{}: {rate}  ({counts})", t("compliance"))];
    for (reason, count) in &all.unknown {
        lines.push(format!("  {}: {} {count}", t("unknown"), word(language, reason)));
    }
    for (ring, count) in &all.rings {
        let bar = "█".repeat(usize::try_from(*count).unwrap_or(60).min(60));
        lines.push(format!("  {} {ring:>2} {count:>6} {bar}", t("ring")));
    }
    lines
}

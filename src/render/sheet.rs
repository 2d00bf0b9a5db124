//! A report for spreadsheets and scripts.

use super::words::{Language, code};
use crate::audit::Report;
use serde_json::json;

/// Findings as CSV with a mark that makes spreadsheets read UTF-8. No cell begins like a formula.
pub fn csv(report: &Report, language: Language) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    let head =
        ["code", "name", "severity", "state", "since", "call", "recording", "entry", "evidence"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for finding in &report.findings {
        let word = |value: serde_json::Result<serde_json::Value>| {
            value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let key = |key: Option<i64>| key.map(|key| key.to_string()).unwrap_or_default();
        rows.push(vec![
            finding.code.as_str().to_owned(),
            code(language, finding.code),
            word(serde_json::to_value(finding.severity)),
            word(serde_json::to_value(finding.state)),
            finding.since.to_rfc3339(),
            key(finding.about.call),
            key(finding.about.recording),
            key(finding.about.entry),
            finding.evidence.join("; "),
        ]);
    }
    for row in rows {
        // A Vec takes every row.
        let _ = writer.write_record(row.iter().map(|cell| plain(cell)));
    }
    writer.into_inner().unwrap_or_default()
}

/// A cell that a spreadsheet takes for a formula gets a quote before it.
fn plain(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// One line with the sums, then one for each finding.
pub fn jsonl(report: &Report, _language: Language) -> Vec<u8> {
    let mut lines = vec![
        json!({
            "report": {
                "question": report.question,
                "balance": report.balance,
                "compliance": report.compliance,
                "rate": report.compliance.rate(),
                "settings": report.settings,
            }
        })
        .to_string(),
    ];
    lines.extend(report.findings.iter().map(|finding| json!({ "finding": finding }).to_string()));
    let mut text = lines.join("\n");
    text.push('\n');
    text.into_bytes()
}

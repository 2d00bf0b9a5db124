//! Charts as inline SVG: no script, readable on paper.

use crate::audit::Day;
use std::collections::BTreeMap;
use std::fmt::Write;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 150.0;
const FLOOR: f64 = 120.0;

/// Answers by ring: one bar a ring, those past the limit in another colour.
pub fn rings(rings: &BTreeMap<u32, u64>, limit: u32, title: &str) -> String {
    let last = rings.keys().max().copied().unwrap_or(limit).clamp(limit + 1, 12);
    let greatest = rings.values().max().copied().unwrap_or(0).max(1);
    let step = WIDTH / f64::from(last);
    let mut bars = String::new();
    for ring in 1..=last {
        let count: u64 = rings
            .iter()
            .filter(|(known, _)| **known == ring || (ring == last && **known > last))
            .map(|(_, count)| count)
            .sum();
        let height = count as f64 / greatest as f64 * 95.0;
        let (x, y) = (f64::from(ring - 1) * step + 6.0, FLOOR - height);
        let class = if ring <= limit { "within" } else { "late" };
        let middle = x + step / 2.0 - 6.0;
        let width = step - 12.0;
        // Writing to a String cannot fail.
        let _ = write!(
            bars,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"/><text x="{middle:.1}" y="{:.1}">{count}</text><text class="axis" x="{middle:.1}" y="138">{ring}</text>"#,
            y - 5.0
        );
    }
    framed(&bars, title)
}

/// Share of calls answered within the limit, by day.
pub fn days(days: &[Day], title: &str) -> String {
    let step = WIDTH / days.len().max(1) as f64;
    let mut bars = String::new();
    for (place, day) in days.iter().enumerate().filter(|(_, day)| day.judged > 0) {
        let share = day.within as f64 / day.judged as f64;
        let height = share * 95.0;
        let (x, y) = (place as f64 * step + 1.0, FLOOR - height);
        let width = (step - 2.0).clamp(1.0, 40.0);
        let percent = share * 100.0;
        let _ = write!(
            bars,
            r#"<rect class="within" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}"><title>{} {percent:.0} % ({}/{})</title></rect>"#,
            day.day, day.within, day.judged
        );
    }
    framed(&bars, title)
}

/// The waveform of a recording.
pub fn waveform(peaks: &[u8], title: &str) -> String {
    let step = WIDTH / peaks.len().max(1) as f64;
    let mut path = String::new();
    for (place, peak) in peaks.iter().enumerate() {
        let half = f64::from(*peak) / 255.0 * 36.0 + 0.5;
        let x = place as f64 * step;
        let _ = write!(path, "M{x:.1} {:.1}V{:.1}", 40.0 - half, 40.0 + half);
    }
    format!(
        r#"<svg class="waveform" role="img" aria-label="{title}" viewBox="0 0 {WIDTH} 80" preserveAspectRatio="none"><path d="{path}"/></svg>"#
    )
}

fn framed(inside: &str, title: &str) -> String {
    format!(
        r#"<svg class="chart" role="img" aria-label="{title}" viewBox="0 0 {WIDTH} {HEIGHT}"><line x1="0" y1="{FLOOR}" x2="{WIDTH}" y2="{FLOOR}"/>{inside}</svg>"#
    )
}

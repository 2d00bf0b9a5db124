//! Numbers and names of people: types that cannot be printed by accident.
//!
//! `Debug` and `Display` are masked, so a log line or an error text never holds a whole number.
//! Showing one is a method call (`exposed`) that can be searched for.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A telephone number or extension as a source wrote it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

/// A person's name as a source wrote it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonName(String);

/// Words by which phone systems say that the caller hides his number.
const WITHHELD: [&str; 6] =
    ["anonymous", "unknown", "restricted", "withheld", "private", "unavailable"];

impl PhoneNumber {
    /// The number as written, or `None` for an empty text and for the words that mean "withheld".
    pub fn known(text: &str) -> Option<Self> {
        let text = text.trim();
        let hidden = text.is_empty() || WITHHELD.iter().any(|word| text.eq_ignore_ascii_case(word));
        (!hidden).then(|| Self(text.to_owned()))
    }

    /// The number as written. Every caller of this shows a personal datum to somebody.
    pub fn exposed(&self) -> &str {
        &self.0
    }

    /// The digits that identify the line however it was written: full-width digits become plain
    /// ones, spaces, dashes and brackets go, and so does the country prefix of `+86` or `0086`.
    pub fn folded(&self) -> String {
        let digits = folded_digits(&self.0);
        let international = self.0.trim_start().starts_with(['+', '\u{ff0b}']);
        if let Some(rest) = digits.strip_prefix("0086").filter(|rest| rest.len() >= 7) {
            return rest.to_owned();
        }
        match digits.strip_prefix("86") {
            Some(rest) if international || rest.len() == 11 => rest.to_owned(),
            _ => digits,
        }
    }

    /// `138****1234`: enough to recognise, not enough to call.
    pub fn masked(&self) -> String {
        masked_number(&self.0)
    }
}

impl PersonName {
    /// The name, or `None` when there is nothing but blanks.
    pub fn known(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The name as written. Every caller of this shows a personal datum to somebody.
    pub fn exposed(&self) -> &str {
        &self.0
    }

    /// The first character and stars for the rest.
    pub fn masked(&self) -> String {
        let mut rest = self.0.chars();
        rest.next().map_or_else(String::new, |first| format!("{first}**"))
    }
}

/// ASCII digits of `text`, full-width digits folded to plain ones, all else dropped.
pub fn folded_digits(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '0'..='9' => Some(c),
            '\u{ff10}'..='\u{ff19}' => char::from_digit(c as u32 - 0xff10, 10),
            _ => None,
        })
        .collect()
}

/// Masks the middle of a number: three leading and four trailing characters stay of a long one, the
/// last two of a short one. Extensions (four characters and fewer) are no personal data and stay.
pub fn masked_number(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let keep = |range: &[char]| range.iter().collect::<String>();
    match chars.len() {
        0..=4 => text.to_owned(),
        5..=8 => format!("****{}", keep(&chars[chars.len() - 2..])),
        n => format!("{}****{}", keep(&chars[..3]), keep(&chars[n - 4..])),
    }
}

/// A text with every run of digits masked that is written like a telephone number: a mobile number
/// of eleven digits, or ten to twelve that begin with 0. Dates, times and serial numbers stay.
pub fn masked_numbers(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        masked.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let mobile = run.len() == 11 && run.starts_with('1');
        let abroad = run.len() == 13 && run.starts_with("861");
        let line = (10..=15).contains(&run.len()) && run.starts_with('0');
        if mobile || abroad || line {
            masked.push_str(&masked_number(run));
        } else {
            masked.push_str(run);
        }
        rest = after;
    }
    masked + rest
}

macro_rules! masked_text {
    ($type:ty) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.masked())
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.masked())
            }
        }
    };
}
masked_text!(PhoneNumber);
masked_text!(PersonName);

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::known(text).expect("a number")
    }

    #[test]
    fn one_line_folds_to_one_form_however_it_is_written() {
        for written in [
            "13800138001",
            "+86 138-0013-8001",
            "008613800138001",
            "138 0013 8001",
            "\u{ff0b}86 13800138001",
            "１3800138００１",
        ] {
            assert_eq!(number(written).folded(), "13800138001", "{written}");
        }
        assert_eq!(number("8001").folded(), "8001");
    }

    #[test]
    fn a_withheld_caller_is_nobody() {
        assert!(PhoneNumber::known("Anonymous").is_none());
        assert!(PhoneNumber::known("  ").is_none());
    }

    #[test]
    fn a_number_inside_a_file_name_is_masked_and_its_date_is_not() {
        let name = "in-8001-13800138001-20261123-183702-1795430222.0.wav";
        assert_eq!(masked_numbers(name), "in-8001-138****8001-20261123-183702-1795430222.0.wav");
        assert_eq!(masked_numbers("q 02088886666"), "q 020****6666");
        assert_eq!(masked_numbers("留言"), "留言");
    }

    #[test]
    fn printing_masks() {
        assert_eq!(format!("{:?} {}", number("13800138001"), number("8001")), "138****8001 8001");
        assert_eq!(PersonName::known("王秀英").map(|n| n.to_string()), Some("王**".to_owned()));
    }
}

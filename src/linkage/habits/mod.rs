//! What a site does all the time, found in its own data: how it dresses numbers and ids, which
//! clock it keeps. Each is a plain sentence with its count, and each can be switched off.

pub mod affix;
pub mod clock;
pub mod desk;
pub mod id;
pub mod line;

use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;

/// One of [`NAMES`].
pub type Name = &'static str;

/// A regularity of one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habit {
    pub site: String,
    /// The name by which it is switched off.
    #[serde(deserialize_with = "name")]
    pub name: Name,
    /// In plain words.
    pub sentence: String,
    /// Rows that show it, of those that could.
    pub rows: usize,
    pub of: usize,
}

fn name<'de, D: Deserializer<'de>>(text: D) -> Result<&'static str, D::Error> {
    let text = String::deserialize(text)?;
    let known = NAMES.iter().find(|(name, _)| *name == text).map(|(name, _)| *name);
    known.ok_or_else(|| serde::de::Error::custom(format!("no habit is called `{text}`")))
}

/// Every habit that is looked for, with what switching it off leaves undone.
pub const NAMES: [(&str, &str); 9] = [
    ("number-dress", "words, signs and full-width digits around numbers are read away"),
    ("number-affix", "digits that a source writes before or after every number are taken off"),
    ("time-form", "unusual ways of writing times are read"),
    ("clock", "clocks that run off, jump or drift, and imports in a wrong zone, are set right"),
    ("moment", "which moment of a call a written time names is learned"),
    ("id-form", "call ids with additions, in other case or cut short are recognised"),
    ("shared-number", "a number shown for everybody is taken as no number"),
    ("never-registered", "calls of numbers nobody ever writes down are expected to have no entry"),
    ("typing", "how late rows are typed is learned"),
];

/// Habits that are not to be applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Off {
    names: BTreeSet<String>,
}

impl Off {
    /// Switches habits off by name.
    ///
    /// # Errors
    /// A sentence with the names there are.
    pub fn of(names: &[String]) -> Result<Self, String> {
        let known = |name: &String| NAMES.iter().any(|(known, _)| known == name);
        match names.iter().find(|name| !known(name)) {
            None => Ok(Self { names: names.iter().cloned().collect() }),
            Some(name) => {
                let all: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
                Err(format!("no habit is called `{name}`; there are {}", all.join(", ")))
            }
        }
    }

    /// Whether a habit is applied.
    pub fn applies(&self, name: &str) -> bool {
        !self.names.contains(name)
    }
}

/// `1 482 of 1 510`.
pub fn share(rows: usize, of: usize) -> String {
    format!("{} of {}", grouped(rows), grouped(of))
}

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_and_unknown_switches_are_named() {
        assert_eq!(share(1482, 1_234_567), "1 482 of 1 234 567");
        assert!(Off::of(&["clock".into()]).is_ok_and(|off| !off.applies("clock")));
        assert!(Off::of(&["clok".into()]).is_err_and(|told| told.contains("number-affix")));
    }
}

//! Digits that a source writes before or after every number: a prefix for an outside line, an area
//! code, the number of an extension. Found by holding both sides' numbers against each other.

use crate::linkage::hash::{HashMap, HashSet};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// So many digits may be too much at either end.
const AFFIX_MAX: usize = 6;
/// The fewest digits that name a line by themselves.
const LINE_DIGITS: usize = 7;
/// An affix is believed in from so many numbers on that are on the other side without it.
const SEEN_MIN: usize = 4;

/// What stands too much, before and after.
pub type Affix = (String, String);

/// Affixes believed in, and numbers seen to be others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Affixes {
    #[serde(skip)]
    known: HashMap<String, String>,
    /// In order.
    believed: Vec<Believed>,
}

/// An affix with how many numbers showed it, and the lengths of what is left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Believed {
    affix: Affix,
    seen: usize,
    lens: BTreeSet<usize>,
}

impl Affixes {
    /// Learns what `own` numbers have too much beside `other` ones.
    pub fn of<'a>(own: impl Iterator<Item = &'a str>, other: &HashSet<&str>) -> Self {
        let mut found = Self::default();
        let mut affixes: BTreeMap<Affix, (usize, BTreeSet<usize>)> = BTreeMap::new();
        let mut tried: HashSet<&str> = HashSet::default();
        for number in own.filter(|number| number.len() > LINE_DIGITS && !number.contains('*')) {
            if other.contains(number) || !tried.insert(number) {
                continue;
            }
            if let Some((before, after)) = too_much(number, other) {
                let core = &number[before..number.len() - after];
                let affix =
                    (number[..before].to_owned(), number[number.len() - after..].to_owned());
                let seen = affixes.entry(affix).or_default();
                seen.0 += 1;
                seen.1.insert(core.len());
                found.known.insert(number.to_owned(), core.to_owned());
            }
        }
        affixes.retain(|_, (seen, _)| *seen >= SEEN_MIN);
        let believed = |(affix, (seen, lens))| Believed { affix, seen, lens };
        found.believed = affixes.into_iter().map(believed).collect();
        found
    }

    /// The number without what is too much.
    pub fn strip<'a>(&'a self, number: &'a str) -> &'a str {
        if let Some(core) = self.known.get(number) {
            return core;
        }
        let fits = |one: &&Believed| {
            let (before, after) = &one.affix;
            number.len() >= before.len() + after.len() + LINE_DIGITS
                && number.starts_with(before.as_str())
                && number.ends_with(after.as_str())
                && one.lens.contains(&(number.len() - before.len() - after.len()))
        };
        let best = |one: &&Believed| (one.seen, one.affix.clone());
        match self.believed.iter().filter(fits).max_by_key(best) {
            Some(Believed { affix: (before, after), .. }) => {
                &number[before.len()..number.len() - after.len()]
            }
            None => number,
        }
    }

    /// The affixes with how many numbers showed them, most first.
    pub fn told(&self) -> Vec<(&Affix, usize)> {
        let mut all: Vec<(&Affix, usize)> =
            self.believed.iter().map(|one| (&one.affix, one.seen)).collect();
        all.sort_by_key(|(affix, seen)| (usize::MAX - seen, (*affix).clone()));
        all
    }
}

/// How many digits to leave out before and after, as few as will do.
fn too_much(number: &str, other: &HashSet<&str>) -> Option<(usize, usize)> {
    let most = number.len().saturating_sub(LINE_DIGITS).min(2 * AFFIX_MAX);
    (1..=most).find_map(|total| {
        (0..=total.min(AFFIX_MAX)).map(|after| (total - after, after)).find(|(before, after)| {
            *before <= AFFIX_MAX && other.contains(&number[*before..number.len() - after])
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_learned_and_taken_off_where_it_was_not_seen_too() {
        let calls: Vec<String> = (0..20).map(|n| format!("138001380{n:02}")).collect();
        let other: HashSet<&str> = calls.iter().map(String::as_str).collect();
        let written: Vec<String> = calls.iter().take(9).map(|n| format!("9{n}")).collect();
        let affixes = Affixes::of(written.iter().map(String::as_str), &other);
        assert_eq!(affixes.strip("913900000000"), "13900000000");
        assert_eq!(affixes.strip("13900000000"), "13900000000");
        assert_eq!(affixes.told()[0].1, 9);
    }
}

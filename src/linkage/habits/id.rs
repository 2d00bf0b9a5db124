//! Call ids as a ledger writes them: with something before or after, in another case, cut short.

use std::collections::{BTreeMap, HashMap};

/// The fewest characters by which a part of an id can name it.
const PART_MIN: usize = 6;
/// So much may stand too much at either end.
const AFFIX_MAX: usize = 12;

/// How an id was found to be a call's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Exact,
    /// The same letters and digits.
    Spelling,
    /// The call's id stands inside the one written.
    Longer,
    /// The one written is the beginning or the end of the call's.
    Shorter,
}

impl Form {
    /// The form in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Exact => "as they are",
            Self::Spelling => "in another spelling",
            Self::Longer => "with something before or after",
            Self::Shorter => "cut short",
        }
    }
}

/// Ids of a site's calls, to be found by what a ledger writes.
pub struct Ids<'a> {
    exact: HashMap<&'a str, ()>,
    plain: BTreeMap<String, &'a str>,
    reversed: BTreeMap<String, &'a str>,
}

impl<'a> Ids<'a> {
    /// Looks ids up.
    pub fn of(ids: impl Iterator<Item = &'a str> + Clone) -> Self {
        let usable = ids.filter(|id| !id.is_empty());
        Self {
            exact: usable.clone().map(|id| (id, ())).collect(),
            plain: usable.clone().map(|id| (plain(id), id)).collect(),
            reversed: usable.map(|id| (plain(id).chars().rev().collect(), id)).collect(),
        }
    }

    /// The id of a call that a text names, and in which form.
    pub fn find(&self, written: &str) -> Option<(&'a str, Form)> {
        if let Some((id, ())) = self.exact.get_key_value(written) {
            return Some((id, Form::Exact));
        }
        let text = plain(written);
        if let Some(id) = self.plain.get(&text) {
            return Some((id, Form::Spelling));
        }
        if text.len() < PART_MIN {
            return None;
        }
        if let Some(id) = self.inside(&text) {
            return Some((id, Form::Longer));
        }
        let backwards: String = text.chars().rev().collect();
        let only = begins(&self.plain, &text).or_else(|| begins(&self.reversed, &backwards));
        only.map(|id| (id, Form::Shorter))
    }

    fn inside(&self, text: &str) -> Option<&'a str> {
        let most = text.len().saturating_sub(PART_MIN).min(2 * AFFIX_MAX);
        (1..=most).find_map(|total| {
            (0..=total)
                .filter(|after| *after <= AFFIX_MAX && total - after <= AFFIX_MAX)
                .find_map(|after| self.plain.get(&text[total - after..text.len() - after]).copied())
        })
    }
}

/// The one id that begins so; none where several do.
fn begins<'a>(ids: &BTreeMap<String, &'a str>, start: &str) -> Option<&'a str> {
    let mut all = ids.range(start.to_owned()..).take_while(|(id, _)| id.starts_with(start));
    let (_, first) = all.next()?;
    all.next().is_none().then_some(*first)
}

/// Letters and digits only, in one case.
fn plain(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_any_form_and_only_where_one_fits() {
        let ids = Ids::of(["1740931335.1", "1740934311.2", "1740934311.3"].into_iter());
        let found = |written| ids.find(written);
        assert_eq!(found("1740931335.1"), Some(("1740931335.1", Form::Exact)));
        assert_eq!(found("1740931335-1"), Some(("1740931335.1", Form::Spelling)));
        assert_eq!(found("PBX-1740931335.1"), Some(("1740931335.1", Form::Longer)));
        assert_eq!(found("1740931335"), Some(("1740931335.1", Form::Shorter)));
        assert_eq!(found("1740934311"), None);
    }
}

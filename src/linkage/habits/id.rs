//! Call ids as a ledger writes them: with something before or after, in another case, cut short.

use crate::linkage::hash::HashSet;
use std::cell::OnceCell;

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
    all: Vec<&'a str>,
    exact: HashSet<&'a str>,
    /// In order of the plain forms, and of these read backwards; made when first asked for, since
    /// most desks copy ids as they are.
    plain: OnceCell<Plain<'a>>,
    reversed: OnceCell<Plain<'a>>,
}

/// Plain forms of ids with the ids, in order; each form once.
type Plain<'a> = Vec<(String, &'a str)>;

impl<'a> Ids<'a> {
    /// Looks ids up. Of those with one plain form the last is found.
    pub fn of(ids: impl Iterator<Item = &'a String>) -> Self {
        let all: Vec<&str> = ids.map(String::as_str).filter(|id| !id.is_empty()).collect();
        Self {
            exact: all.iter().copied().collect(),
            all,
            plain: OnceCell::new(),
            reversed: OnceCell::new(),
        }
    }

    fn in_order(&self, form: impl Fn(&str) -> String) -> Plain<'a> {
        // Ids mostly grow with time, so they are nearly in order.
        let mut all: Plain<'a> = self.all.iter().map(|id| (form(id), *id)).collect();
        all.sort_by(|one, other| one.0.cmp(&other.0).then(other.1.cmp(one.1)));
        all.dedup_by(|one, other| one.0 == other.0);
        all
    }

    fn plain(&self) -> &Plain<'a> {
        self.plain.get_or_init(|| self.in_order(plain))
    }

    fn reversed(&self) -> &Plain<'a> {
        self.reversed.get_or_init(|| self.in_order(|id| backwards(&plain(id))))
    }

    /// The id of a call that a text names, and in which form.
    pub fn find(&self, written: &str) -> Option<(&'a str, Form)> {
        if let Some(id) = self.exact.get(written) {
            return Some((id, Form::Exact));
        }
        let text = plain(written);
        if let Some(id) = named(self.plain(), &text) {
            return Some((id, Form::Spelling));
        }
        if text.len() < PART_MIN {
            return None;
        }
        if let Some(id) = self.inside(&text) {
            return Some((id, Form::Longer));
        }
        let only = begins(self.plain(), &text);
        let only = only.or_else(|| begins(self.reversed(), &backwards(&text)));
        only.map(|id| (id, Form::Shorter))
    }

    fn inside(&self, text: &str) -> Option<&'a str> {
        let most = text.len().saturating_sub(PART_MIN).min(2 * AFFIX_MAX);
        (1..=most).find_map(|total| {
            (0..=total)
                .filter(|after| *after <= AFFIX_MAX && total - after <= AFFIX_MAX)
                .find_map(|after| named(self.plain(), &text[total - after..text.len() - after]))
        })
    }
}

/// The id of this plain form.
fn named<'a>(ids: &Plain<'a>, text: &str) -> Option<&'a str> {
    let at = ids.binary_search_by(|(id, _)| id.as_str().cmp(text)).ok()?;
    Some(ids[at].1)
}

/// The one id that begins so; none where several do.
fn begins<'a>(ids: &Plain<'a>, start: &str) -> Option<&'a str> {
    let from = ids.partition_point(|(id, _)| id.as_str() < start);
    let mut all = ids[from..].iter().take_while(|(id, _)| id.starts_with(start));
    let (_, first) = all.next()?;
    all.next().is_none().then_some(*first)
}

/// Of letters and digits only.
fn backwards(text: &str) -> String {
    text.bytes().rev().map(char::from).collect()
}

/// Letters and digits only, in one case.
fn plain(id: &str) -> String {
    let mut plain = String::with_capacity(id.len());
    let kept = id.bytes().filter(u8::is_ascii_alphanumeric);
    plain.extend(kept.map(|byte| char::from(byte.to_ascii_lowercase())));
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_any_form_and_only_where_one_fits() {
        let all = ["1740931335.1", "1740934311.2", "1740934311.3"].map(str::to_owned);
        let ids = Ids::of(all.iter());
        let found = |written| ids.find(written);
        assert_eq!(found("1740931335.1"), Some(("1740931335.1", Form::Exact)));
        assert_eq!(found("1740931335-1"), Some(("1740931335.1", Form::Spelling)));
        assert_eq!(found("PBX-1740931335.1"), Some(("1740931335.1", Form::Longer)));
        assert_eq!(found("1740931335"), Some(("1740931335.1", Form::Shorter)));
        assert_eq!(found("1740934311"), None);
    }
}

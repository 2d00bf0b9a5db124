//! Call ids as a ledger writes them: with something before or after, in another case, cut short.

use crate::linkage::Text;
use crate::linkage::hash::{HashMap, HashSet};

/// The fewest characters by which a part of an id can name it.
const PART_MIN: usize = 6;
/// So much may stand too much at either end.
const AFFIX_MAX: usize = 12;

/// Ids that were cut short have few lengths; no more are looked for, since each takes memory.
const LENGTHS_MAX: usize = 8;

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
    /// By their plain forms; made when first asked for, since most desks copy ids as they are.
    forms: Option<Forms<'a>>,
    /// Their ends, by the length of what was asked for.
    ends: HashMap<usize, Ends<'a>>,
}

/// Ids by their plain form; of those with the same form the last.
type Forms<'a> = HashMap<Text, &'a str>;

impl<'a> Ids<'a> {
    /// Looks ids up.
    pub fn of(ids: impl Iterator<Item = &'a Text>) -> Self {
        let all: Vec<&str> = ids.map(Text::as_str).filter(|id| !id.is_empty()).collect();
        Self { exact: all.iter().copied().collect(), all, forms: None, ends: HashMap::default() }
    }

    /// The id of a call that a text names, and in which form.
    pub fn find(&mut self, written: &str) -> Option<(&'a str, Form)> {
        if let Some(id) = self.exact.get(written) {
            return Some((id, Form::Exact));
        }
        let text = plain(written);
        let all = &self.all;
        let forms = self.forms.get_or_insert_with(|| by_form(all));
        if let Some(id) = forms.get(&text) {
            return Some((id, Form::Spelling));
        }
        if text.len() < PART_MIN {
            return None;
        }
        if let Some(id) = inside(&text, forms) {
            return Some((id, Form::Longer));
        }
        let length = text.len();
        if self.ends.len() == LENGTHS_MAX && !self.ends.contains_key(&length) {
            return None;
        }
        let ends = self.ends.entry(length).or_insert_with(|| Ends::of(forms, length));
        ends.only(&text).map(|id| (id, Form::Shorter))
    }
}

fn by_form<'a>(ids: &[&'a str]) -> Forms<'a> {
    let mut forms = Forms::default();
    for id in ids {
        let last = forms.entry(plain(id)).or_insert(id);
        *last = (*last).max(id);
    }
    forms
}

/// The id that stands in a text with as little besides as can be.
fn inside<'a>(text: &str, forms: &Forms<'a>) -> Option<&'a str> {
    let most = text.len().saturating_sub(PART_MIN).min(2 * AFFIX_MAX);
    (1..=most).find_map(|total| {
        (0..=total)
            .filter(|after| *after <= AFFIX_MAX && total - after <= AFFIX_MAX)
            .find_map(|after| forms.get(&text[total - after..text.len() - after]).copied())
    })
}

/// Beginnings and ends of one length, each with the one id that has it; nothing where several have.
#[derive(Default)]
struct Ends<'a> {
    first: HashMap<Text, Option<&'a str>>,
    last: HashMap<Text, Option<&'a str>>,
}

impl<'a> Ends<'a> {
    fn of(forms: &Forms<'a>, length: usize) -> Self {
        let mut ends = Self::default();
        for (form, id) in forms.iter().filter(|(form, _)| form.len() > length) {
            let (first, last) = (&form[..length], &form[form.len() - length..]);
            for (of, part) in [(&mut ends.first, first), (&mut ends.last, last)] {
                of.entry(part.into()).and_modify(|other| *other = None).or_insert(Some(id));
            }
        }
        ends
    }

    fn only(&self, text: &str) -> Option<&'a str> {
        let of = |ends: &HashMap<Text, Option<&'a str>>| ends.get(text).copied().flatten();
        of(&self.first).or_else(|| of(&self.last))
    }
}

/// Letters and digits only, in one case.
fn plain(id: &str) -> Text {
    let mut plain = Text::with_capacity(id.len());
    let kept = id.bytes().filter(u8::is_ascii_alphanumeric);
    plain.extend(kept.map(|byte| char::from(byte.to_ascii_lowercase())));
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_any_form_and_only_where_one_fits() {
        let all = ["1740931335.1", "1740934311.2", "1740934311.3"].map(Text::from);
        let mut ids = Ids::of(all.iter());
        let mut found = |written| ids.find(written);
        assert_eq!(found("1740931335.1"), Some(("1740931335.1", Form::Exact)));
        assert_eq!(found("1740931335-1"), Some(("1740931335.1", Form::Spelling)));
        assert_eq!(found("PBX-1740931335.1"), Some(("1740931335.1", Form::Longer)));
        assert_eq!(found("1740931335"), Some(("1740931335.1", Form::Shorter)));
        assert_eq!(found("1740934311"), None);
    }
}

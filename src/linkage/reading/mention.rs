//! What the words of a matter name: a number to call back, a home. They stand in for empty cells
//! only: in a sentence there may be other people's numbers and places.

use crate::ledger::plain::plain_char;
use crate::ledger::unit;

/// The lengths of a number that is written in one piece: a line with or without its area.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 7..=12;
/// Characters of which units are made, besides digits.
const UNIT_CHARS: &str = "-#栋幢座号楼单元室门房期区层";
/// Signs of a unit that no date, time or amount has.
const UNIT_SIGNS: [&str; 6] = ["栋", "幢", "座", "单元", "室", "#"];

/// Whether there is a digit in a text, however it is written: most have none.
fn has_digits(text: &str) -> bool {
    text.chars().any(|c| plain_char(c).is_ascii_digit())
}

/// The only number in a text, in digits; none where there are several.
pub fn number(text: &str) -> Option<String> {
    if !has_digits(text) {
        return None;
    }
    let plain: String = text.chars().map(plain_char).collect();
    let mut found = plain
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| NUMBER_DIGITS.contains(&digits.len()));
    let first = found.next()?;
    found.all(|other| other == first).then(|| first.to_owned())
}

/// The only home in a text, in its one form; none where there are several.
pub fn home(text: &str) -> Option<String> {
    if !has_digits(text) {
        return None;
    }
    let plain: String = text.chars().map(plain_char).collect();
    let is_part = |c: char| c.is_ascii_digit() || UNIT_CHARS.contains(c);
    let mut found = plain.split(|c: char| !is_part(c)).filter(|part| is_home(part)).filter_map(
        // 号 and 门 end words of all kinds; a unit neither begins nor ends with a dash.
        |part| unit::folded(part.trim_matches(|c: char| c == '-' || !is_part(c))),
    );
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// Three figures with dashes, or two with a word that only homes have.
fn is_home(part: &str) -> bool {
    let figures = part.split(|c: char| !c.is_ascii_digit()).filter(|one| !one.is_empty()).count();
    let signs = UNIT_SIGNS.iter().any(|sign| part.contains(sign));
    let dashes = figures == 3 && part.chars().all(|c| c.is_ascii_digit() || c == '-');
    // 2026-11-23 is a day.
    let is_day = part.split('-').next().is_some_and(|first| first.len() == 4);
    (dashes && !is_day) || (figures >= 2 && signs)
}

#[cfg(test)]
mod tests {
    use super::{home, number};

    #[test]
    fn a_number_and_a_home_are_read_where_only_one_is_named() {
        assert_eq!(number("业主漏水,请回电 13800138001 谢谢").as_deref(), Some("13800138001"));
        assert_eq!(number("回电１３８００１３８００１").as_deref(), Some("13800138001"));
        assert_eq!(number("13800138001 或 13800138002"), None);
        assert_eq!(number("费用 1200 元, 编号 20261123180000"), None);
        assert_eq!(home("反映4栋2单元301室漏水").as_deref(), Some("4-2-301"));
        assert_eq!(home("反映 4-2-301 漏水").as_deref(), Some("4-2-301"));
        assert_eq!(home("2026-11-23 起停水"), None);
        assert_eq!(home("10-20 元"), None);
        assert_eq!(home("3号楼电梯坏了"), None);
        assert_eq!(home("4-2-301 与 5-1-502 吵架"), None);
    }
}

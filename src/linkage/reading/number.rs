//! Numbers in cells: however they are dressed, as digits, with `*` for digits that are masked.

use crate::ledger::plain::plain_char;
use crate::linkage::Text;
use smallvec::{SmallVec, smallvec};

/// The fewest digits that name a line by themselves.
const LINE_DIGITS: usize = 7;
/// So many digits are a number with its area.
const WHOLE_DIGITS: usize = 10;
/// More digits than any number with prefixes has.
const DIGITS_MAX: usize = 24;
/// Characters that stand for a hidden digit.
const MASKS: [char; 8] = ['*', 'x', 'X', '•', '●', '×', '✱', '?'];

/// How a cell dresses its number, for counting habits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dress {
    /// Letters or words stand in the cell too.
    pub words: bool,
    pub separators: bool,
    pub wide: bool,
    pub chinese: bool,
    pub masked: bool,
    /// The spreadsheet made a power of ten of it.
    pub scientific: bool,
}

/// The numbers of a cell, of which most have one.
pub type Numbers = SmallVec<[Text; 1]>;

/// The numbers of a cell, the likeliest first, and how they are dressed.
pub fn numbers(cell: &str) -> (Numbers, Dress) {
    if let Some(plain) = quick(cell) {
        return (plain, Dress::default());
    }
    let mut dress = Dress::default();
    let plain = made_plain(cell, &mut dress);
    // A spreadsheet's number.
    let plain = plain.trim().strip_suffix(".0").map_or(plain.clone(), str::to_owned);
    if let Some(number) = scientific(&plain) {
        dress.scientific = true;
        return (smallvec![number.into()], dress);
    }
    let mut found: Numbers = whole(chunks(&plain, &mut dress))
        .into_iter()
        .map(|chunk| Text::from(without_country(&chunk)))
        .filter(|number| number.len() >= 3 && number.len() <= DIGITS_MAX)
        .collect();
    dress.masked = found.iter().any(|number| number.contains('*'));
    let lines = found.iter().any(|number| number.len() >= LINE_DIGITS);
    if lines {
        found.retain(|number| number.len() >= LINE_DIGITS);
    }
    // A mobile number first, then what is longest; else as they stand.
    found.sort_by_key(|number| (!is_mobile(number), usize::MAX - number.len()));
    found.dedup();
    (found, dress)
}

/// Plain digits need no reading.
fn quick(cell: &str) -> Option<Numbers> {
    let cell = cell.trim();
    if cell.is_empty() {
        return Some(Numbers::new());
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = cell.strip_prefix("+86").filter(|rest| rest.len() == 11 && digits(rest)) {
        let number = rest.trim_start_matches('0');
        return (number.len() >= LINE_DIGITS).then(|| smallvec![number.into()]);
    }
    let plain = cell.len() <= 12 && digits(cell);
    plain.then(|| smallvec![cell.trim_start_matches('0').into()])
}

fn is_mobile(number: &str) -> bool {
    number.len() == 11 && number.starts_with('1')
}

/// Full-width forms and Chinese digits made plain; what follows an `@` goes.
fn made_plain(cell: &str, dress: &mut Dress) -> String {
    let cell = cell.split('@').next().unwrap_or(cell);
    let digit = |c: char| "零一二三四五六七八九".chars().position(|digit| digit == c);
    let spoken = cell.chars().filter(|c| digit(*c).is_some() || matches!(c, '〇' | '幺')).count();
    dress.chinese = spoken >= LINE_DIGITS;
    cell.chars()
        .map(|c| match c {
            '\u{ff10}'..='\u{ff19}' | '\u{ff0b}' => {
                dress.wide = true;
                plain_char(c)
            }
            '〇' if dress.chinese => '0',
            '幺' if dress.chinese => '1',
            c if dress.chinese => digit(c)
                .and_then(|value| char::from_digit(value as u32, 10))
                .unwrap_or_else(|| plain_char(c)),
            c => plain_char(c),
        })
        .collect()
}

/// `1.3812345678E+10`; digits that the power hides are masked.
fn scientific(plain: &str) -> Option<String> {
    let plain = plain.trim().to_ascii_uppercase();
    let (mantissa, power) = plain.split_once('E')?;
    let power: usize = power.trim_start_matches('+').parse().ok()?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 1 || !digits(whole) || !digits(part) || !(6..=14).contains(&power) {
        return None;
    }
    let known = format!("{whole}{part}");
    if known.len() > power + 1 {
        return None;
    }
    Some(if known.len() == power + 1 { known } else { format!("{known}*") })
}

/// Runs of digits, with the blanks and dashes people put inside.
fn chunks(plain: &str, dress: &mut Dress) -> Vec<String> {
    let chars: Vec<char> = plain.chars().collect();
    let mut all = Vec::new();
    let mut run = String::new();
    for (at, c) in chars.iter().enumerate() {
        let beside_digit = |step: isize| {
            let next = at.checked_add_signed(step).and_then(|at| chars.get(at));
            next.is_some_and(|c| c.is_ascii_digit() || MASKS.contains(c) || matches!(c, 'O' | 'o'))
        };
        match c {
            '0'..='9' => run.push(*c),
            'O' | 'o' if beside_digit(-1) && (beside_digit(1) || run.len() >= 6) => run.push('0'),
            'l' | 'I' if beside_digit(-1) && beside_digit(1) => run.push('1'),
            c if MASKS.contains(c)
                && (beside_digit(-1) || run.ends_with('*'))
                && (beside_digit(1) || *c == '*') =>
            {
                if !run.ends_with('*') {
                    run.push('*');
                }
            }
            '+' => {
                all.push(std::mem::take(&mut run));
                run.push('+');
            }
            ' ' | '-' | '(' | ')' | '.' | '_' | '\'' | '\u{ad}' => {
                dress.separators |= !run.is_empty();
                if *c == ' ' {
                    run.push(' ');
                }
            }
            _ => {
                dress.words = true;
                all.push(std::mem::take(&mut run));
            }
        }
    }
    all.push(run);
    all.iter().flat_map(|run| groups(run)).collect()
}

/// Groups of digits between blanks are one number, unless one of them is a whole one by itself.
fn groups(run: &str) -> Vec<String> {
    let is_whole = |group: &str| group.len() >= WHOLE_DIGITS;
    let groups: Vec<&str> = run.split(' ').filter(|group| !group.is_empty()).collect();
    let groups = if groups.iter().any(|group| is_whole(group)) {
        groups.into_iter().map(str::to_owned).collect()
    } else {
        vec![groups.concat()]
    };
    let has_digit = |group: &String| group.bytes().any(|byte| byte.is_ascii_digit());
    groups.into_iter().filter(has_digit).collect()
}

/// Pieces that only together are as long as a number are one number.
fn whole(chunks: Vec<String>) -> Vec<String> {
    let long = chunks.iter().any(|chunk| chunk.len() >= LINE_DIGITS);
    let all = chunks.concat();
    if !long && chunks.len() > 1 && (10..=13).contains(&all.len()) { vec![all] } else { chunks }
}

/// Without the prefix of the country, and without zeros at the head.
fn without_country(chunk: &str) -> String {
    let abroad = chunk.starts_with('+');
    let digits = chunk.trim_start_matches('+');
    let long = |rest: &&str| rest.len() >= LINE_DIGITS;
    let rest = digits
        .strip_prefix("0086")
        .filter(long)
        .or_else(|| digits.strip_prefix("86").filter(long).filter(|r| abroad || r.len() == 11));
    rest.unwrap_or(digits).trim_start_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_in_any_dress() {
        for (cell, digits) in [
            ("13800138001", "13800138001"),
            ("+86 138-0013-8001", "13800138001"),
            ("王先生13800138001", "13800138001"),
            ("tel:13800138001(业主)", "13800138001"),
            ("sip:13800138001@10.20.30.40:5060", "13800138001"),
            ("１３８００１３８００１", "13800138001"),
            ("一三八零零一三八零零一", "13800138001"),
            ("138****8001", "138*8001"),
            ("138xxxx8001", "138*8001"),
            ("1.3800138001E+10", "13800138001"),
            ("1.38001E+10", "138001*"),
            ("'0571-88123456", "57188123456"),
            ("尾号8001", "8001"),
            ("No.12 13800138001", "13800138001"),
            ("138王0013王8001", "13800138001"),
            ("138OO138OO1", "13800138001"),
            ("13800138001.0", "13800138001"),
        ] {
            assert_eq!(numbers(cell).0.first().map(Text::as_str), Some(digits), "{cell}");
        }
        assert!(numbers("不详").0.is_empty());
        assert_eq!(numbers("13800138001/13912345678").0.len(), 2);
    }
}

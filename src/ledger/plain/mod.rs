//! Text as people type it, made plain: full-width forms, dashes, Chinese numerals.

pub mod chinese_number;

/// The plain form of one character: full-width letters, digits and signs become ASCII, every kind
/// of dash becomes `-`, the wide blank a blank. Other characters stay.
pub fn plain_char(c: char) -> char {
    match c {
        '\u{3000}' | '\u{a0}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' | '\u{30fc}' | '\u{2500}' => '-',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        other => other,
    }
}

/// A whole text by [`plain_char`], without blanks at its ends.
pub fn plain_text(text: &str) -> String {
    text.chars().map(plain_char).collect::<String>().trim().to_owned()
}

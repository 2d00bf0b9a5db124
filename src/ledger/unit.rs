//! Units (房号) however they are written, folded to one form (R20): `4号楼2单元301`, `4-2-301` and
//! `４－２－３０１` are one home.

use crate::party::folded_digits;

/// The folded form: parts separated by `-`, digits without leading zeros, letters in capitals.
/// `None` where the text names no unit.
pub fn folded(text: &str) -> Option<String> {
    let plain = plain(text);
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    for c in plain.chars() {
        if c.is_ascii_alphanumeric() {
            part.push(c.to_ascii_uppercase());
        } else {
            close(&mut part, &mut parts);
        }
    }
    close(&mut part, &mut parts);
    let has_room = parts.iter().any(|part| part.bytes().any(|byte| byte.is_ascii_digit()));
    (has_room && parts.len() >= 2).then(|| parts.join("-"))
}

fn close(part: &mut String, parts: &mut Vec<String>) {
    if !part.is_empty() {
        let trimmed = part.trim_start_matches('0');
        parts.push(if trimmed.is_empty() { "0".into() } else { trimmed.to_owned() });
        part.clear();
    }
}

/// Plain digits and letters, and a blank for everything that separates.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut numeral = String::new();
    for c in text.chars() {
        if NUMERALS.contains(c) {
            numeral.push(c);
            continue;
        }
        plain.push_str(&number(&numeral));
        numeral.clear();
        match c {
            '\u{ff10}'..='\u{ff19}' => plain.push_str(&folded_digits(&c.to_string())),
            '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => {
                plain.extend(char::from_u32(c as u32 - 0xfee0));
            }
            c if c.is_ascii_alphanumeric() => plain.push(c),
            _ => plain.push(' '),
        }
    }
    plain.push_str(&number(&numeral));
    plain
}

const NUMERALS: &str = "零〇一二三四五六七八九十百";

/// A Chinese numeral as digits: `十二` is 12, `三〇一` is 301.
fn number(numeral: &str) -> String {
    let digit = |c: char| "零一二三四五六七八九".chars().position(|known| known == c);
    let spoken = numeral.contains(['十', '百']);
    if !spoken {
        let zero = |c: char| if c == '〇' { '零' } else { c };
        return numeral.chars().filter_map(|c| digit(zero(c))).map(|d| d.to_string()).collect();
    }
    let (mut sum, mut last) = (0, None);
    for c in numeral.chars() {
        match c {
            '百' => sum += 100 * last.take().unwrap_or(1),
            '十' => sum += 10 * last.take().unwrap_or(1),
            c => last = digit(c),
        }
    }
    (sum + last.unwrap_or(0)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_home_has_one_form_however_it_is_written() {
        for written in [
            "4-2-301",
            "4号楼2单元301",
            "4栋2单元301室",
            "４－２－３０１",
            "4#2-301",
            "04-02-0301",
            "四号楼二单元301房",
            "4幢2单元三〇一室",
            " 4 - 2 - 301 ",
        ] {
            assert_eq!(folded(written).as_deref(), Some("4-2-301"), "{written}");
        }
        assert_eq!(folded("十二栋1单元1201").as_deref(), Some("12-1-1201"));
        assert_eq!(folded("b座1502").as_deref(), Some("B-1502"));
    }

    #[test]
    fn a_text_without_a_unit_has_none() {
        for text in ["", "物业前台", "301", "大门口"] {
            assert_eq!(folded(text), None, "{text}");
        }
    }
}

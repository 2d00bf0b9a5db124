//! Words for a full-text index: Chinese is cut into overlapping pairs, so that words of two
//! characters are found, which is how people search.

/// What an index holds of a text: pairs of Chinese characters, single ones, words and numbers,
/// separated by blanks.
pub fn pairs_of(text: &str) -> String {
    let mut terms = Vec::new();
    for run in runs(text) {
        match run {
            Run::Word(word) => terms.push(word),
            Run::Characters(characters) => {
                terms.extend(characters.iter().map(|c| c.to_string()));
                terms.extend(characters.windows(2).map(String::from_iter));
            }
        }
    }
    terms.join(" ")
}

/// The question for the index: everything in `text` must occur. `None` when there is nothing to
/// look for.
pub fn query_of(text: &str) -> Option<String> {
    let mut terms = Vec::new();
    for run in runs(text) {
        match run {
            Run::Word(word) => terms.push(format!("\"{word}\"*")),
            Run::Characters(characters) if characters.len() == 1 => {
                terms.push(format!("\"{}\"", characters[0]));
            }
            // The pairs of a phrase must stand beside each other only in so far as they overlap.
            Run::Characters(characters) => {
                let pairs =
                    characters.windows(2).map(|pair| format!("\"{}\"", String::from_iter(pair)));
                terms.extend(pairs);
            }
        }
    }
    (!terms.is_empty()).then(|| terms.join(" AND "))
}

enum Run {
    /// Letters and digits, in small letters.
    Word(String),
    /// Chinese characters in a row.
    Characters(Vec<char>),
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut broken = true;
    for c in text.chars().flat_map(half_width) {
        let chinese = matches!(c as u32, 0x3400..=0x9fff | 0x20000..=0x3ffff | 0xf900..=0xfaff);
        match (runs.last_mut(), chinese) {
            (Some(Run::Characters(run)), true) if !broken => run.push(c),
            (_, true) => runs.push(Run::Characters(vec![c])),
            (Some(Run::Word(run)), false) if !broken && c.is_alphanumeric() => run.push(c),
            (_, false) if c.is_alphanumeric() => runs.push(Run::Word(c.to_string())),
            _ => {
                broken = true;
                continue;
            }
        }
        broken = false;
    }
    runs
}

/// Full-width letters and digits as plain ones, all in small letters.
fn half_width(c: char) -> impl Iterator<Item = char> {
    let plain = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    };
    plain.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_cut_into_overlapping_pairs() {
        assert_eq!(pairs_of("要退款"), "要 退 款 要退 退款");
        assert_eq!(query_of("退款").as_deref(), Some("\"退款\""));
        assert_eq!(query_of("要退款").as_deref(), Some("\"要退\" AND \"退款\""));
    }

    #[test]
    fn nothing_a_person_types_is_syntax() {
        assert_eq!(query_of("\" OR *").as_deref(), Some("\"or\"*"));
        assert_eq!(query_of(" - ").as_deref(), None);
        assert_eq!(query_of("４栋A1").as_deref(), Some("\"4\"* AND \"栋\" AND \"a1\"*"));
    }
}

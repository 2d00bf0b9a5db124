//! Where in the file a key stands.

use toml::de::{DeTable, DeValue};

/// A step into a document: a name, or a place in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// The line (from 1) of the byte at `offset`.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// `sites[0].settings[1].cadence`
pub fn written(path: &[Step]) -> String {
    let mut written = String::new();
    for step in path {
        match step {
            Step::Key(key) if written.is_empty() => written.push_str(key),
            Step::Key(key) => written.extend([".", key]),
            Step::Index(index) => written.push_str(&format!("[{index}]")),
        }
    }
    written
}

/// Reads `sites[0].settings[1].cadence`.
pub fn parsed(path: &str) -> Vec<Step> {
    let pieces = path.split(['.', '[']).filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| match piece.strip_suffix(']').and_then(|index| index.parse().ok()) {
            Some(index) => Step::Index(index),
            None => Step::Key(piece.to_owned()),
        })
        .collect()
}

/// The line of a key, or of the deepest part of its path that is written; nothing when none of it
/// is.
pub fn line_of_key(text: &str, path: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut found = None;
    let mut table = Some(document.get_ref());
    let mut list: Option<&[toml::Spanned<DeValue<'_>>]> = None;
    for step in parsed(path) {
        let value = match (&step, table, list) {
            (Step::Key(key), Some(table), _) => {
                let written = table.iter().find(|(name, _)| name.get_ref() == key);
                let Some((name, value)) = written else { return found };
                found = Some(line_of(text, name.span().start));
                value
            }
            (Step::Index(index), _, Some(list)) => {
                let Some(value) = list.get(*index) else { return found };
                found = Some(line_of(text, value.span().start));
                value
            }
            _ => return found,
        };
        (table, list) = match value.get_ref() {
            DeValue::Table(table) => (Some(table), None),
            DeValue::Array(items) => (None, Some(&items[..])),
            _ => (None, None),
        };
        if table.is_none() && list.is_none() {
            return found;
        }
    }
    found
}

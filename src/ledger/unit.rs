//! Units (房号) however they are written, folded to one form (R20).
//!
//! `4-2-301`, `4号楼2单元301`, `4栋2单元301室`, `4#2-301`, `４－２－３０１` and `四号楼二单元三零一` are one unit.
//! What cannot be read with certainty folds to nothing: a wrong unit is worse evidence than none.

use super::plain::{chinese_number, plain_char};
use crate::site::UnitPattern;
use std::fmt;

/// A home in its one form. `Display` writes `4-2-301`, or `B-1203` where there is no entrance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit {
    /// `4`, `B`, or `1期4` where the estate has phases (期), quarters (区) or lanes (弄).
    pub building: String,
    /// Absent where the building has one entrance only.
    pub entrance: Option<String>,
    /// `301`, `301A`.
    pub room: String,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.building)?;
        if let Some(entrance) = &self.entrance {
            write!(f, "{entrance}-")?;
        }
        f.write_str(&self.room)
    }
}

/// What a label says about the number beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Zone,
    Building,
    Entrance,
    Floor,
    Room,
    /// 号 and #: a building when first, a room when last.
    Number,
    /// 楼: the building when none was named yet, else a floor.
    Storey,
    Bare,
}

/// Words written after a number.
const LABELS: [(&str, Part); 26] = [
    ("期", Part::Zone),
    ("区", Part::Zone),
    ("弄", Part::Zone),
    ("号楼", Part::Building),
    ("号栋", Part::Building),
    ("号幢", Part::Building),
    ("#楼", Part::Building),
    ("#栋", Part::Building),
    ("栋", Part::Building),
    ("幢", Part::Building),
    ("座", Part::Building),
    ("单元", Part::Entrance),
    ("号单元", Part::Entrance),
    ("号门", Part::Entrance),
    ("门", Part::Entrance),
    ("梯", Part::Entrance),
    ("层", Part::Floor),
    ("楼层", Part::Floor),
    ("室", Part::Room),
    ("房", Part::Room),
    ("户", Part::Room),
    ("号房", Part::Room),
    ("号室", Part::Room),
    ("房间", Part::Room),
    ("号", Part::Number),
    ("楼", Part::Storey),
];

/// English words, written before a number.
const ENGLISH: [(&str, Part); 11] = [
    ("BUILDING", Part::Building),
    ("BLDG", Part::Building),
    ("BLOCK", Part::Building),
    ("TOWER", Part::Building),
    ("ENTRANCE", Part::Entrance),
    ("UNIT", Part::Entrance),
    ("FLOOR", Part::Floor),
    ("ROOM", Part::Room),
    ("RM", Part::Room),
    ("APT", Part::Room),
    ("FLAT", Part::Room),
];

/// The unit that `text` names at a site that writes its units by `pattern`, or `None` when it names
/// none with certainty: a bare `4-301` at a site with entrances could be a building or an entrance.
pub fn fold(text: &str, pattern: UnitPattern) -> Option<Unit> {
    let parts = parts_of(&plain(text))?;
    let (zone, parts) = without_zone(parts);
    let named: Vec<(String, Part)> = without_floors(parts);
    let slots: &[Part] = match (named.len(), pattern) {
        (3, UnitPattern::BuildingEntranceRoom) => &[Part::Building, Part::Entrance, Part::Room],
        (3, UnitPattern::BuildingRoom) if named[1].1 == Part::Entrance => {
            &[Part::Building, Part::Entrance, Part::Room]
        }
        (2, UnitPattern::BuildingRoom) => &[Part::Building, Part::Room],
        (2, UnitPattern::BuildingEntranceRoom) if is_named_building(named[0].1) => {
            &[Part::Building, Part::Room]
        }
        _ => return None,
    };
    named.iter().zip(slots).all(|((_, said), slot)| agrees(*said, *slot)).then_some(())?;
    let mut values = named.into_iter().map(|(value, _)| value);
    let building = zone + &values.next()?;
    let entrance = if slots.len() == 3 { values.next() } else { None };
    Some(Unit { building, entrance, room: values.next()? })
}

/// [`fold`] where the site's way of writing is not at hand: as a site with entrances, else as one
/// without. The text is the one form.
pub fn folded(text: &str) -> Option<String> {
    if is_folded(text) {
        return Some(text.to_owned());
    }
    let patterns = [UnitPattern::BuildingEntranceRoom, UnitPattern::BuildingRoom];
    patterns.into_iter().find_map(|pattern| fold(text, pattern)).map(|unit| unit.to_string())
}

/// Three plain figures with dashes, which is the one form already.
fn is_folded(text: &str) -> bool {
    let figure = |part: &str| {
        (1..=6).contains(&part.len())
            && !part.starts_with('0')
            && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut parts = text.split('-');
    let three = [parts.next(), parts.next(), parts.next()];
    parts.next().is_none() && three.iter().all(|part| part.is_some_and(figure))
}

fn is_named_building(said: Part) -> bool {
    matches!(said, Part::Building | Part::Storey | Part::Number)
}

fn agrees(said: Part, slot: Part) -> bool {
    match said {
        Part::Bare => true,
        Part::Number => slot != Part::Entrance,
        Part::Storey => slot == Part::Building,
        other => other == slot,
    }
}

fn without_zone(mut parts: Vec<(String, Part)>) -> (String, Vec<(String, Part)>) {
    let zones = parts.iter().take_while(|(_, part)| *part == Part::Zone).count();
    let rest = parts.split_off(zones);
    // Which of the words 期, 区, 弄 it was is kept in the value by `parts_of`.
    (parts.into_iter().map(|(value, _)| value).collect(), rest)
}

fn without_floors(parts: Vec<(String, Part)>) -> Vec<(String, Part)> {
    let is_floor =
        |index: usize, part: Part| part == Part::Floor || (part == Part::Storey && index > 0);
    let kept = parts.into_iter().enumerate().filter(|(index, (_, part))| !is_floor(*index, *part));
    kept.map(|(_, part)| part).collect()
}

/// The text with full-width forms, case, dashes and Chinese numerals made plain; a remark in
/// brackets goes.
fn plain(text: &str) -> String {
    let text: String = text.trim().chars().map(plain_char).collect();
    let text = text.to_ascii_uppercase();
    let text = text.split_once('(').map_or(text.as_str(), |(before, _)| before);
    chinese_number::replace_all(text)
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '/' | '.' | ',' | '、' | '_' | '~' | '\\' | ':')
}

/// Numbers (or letters) with what their labels say, left to right; `None` for any word not
/// understood.
fn parts_of(text: &str) -> Option<Vec<(String, Part)>> {
    let mut parts: Vec<(String, Part)> = Vec::new();
    let mut announced = Part::Bare;
    for run in runs_of(text) {
        if run.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            if let Some((_, part)) = ENGLISH.iter().find(|(word, _)| *word == run) {
                announced = *part;
                continue;
            }
            parts.push((without_zeros(run)?, std::mem::replace(&mut announced, Part::Bare)));
        } else if let Some(label) = label_of(run) {
            name_last(&mut parts, &label)?;
        }
    }
    (announced == Part::Bare).then_some(parts)
}

/// Gives the number before a label what the label says.
fn name_last(parts: &mut [(String, Part)], label: &str) -> Option<()> {
    let (_, said) = LABELS.iter().find(|(word, _)| *word == label)?;
    let (value, part) = parts.last_mut()?;
    (*part == Part::Bare).then_some(())?;
    if *said == Part::Zone {
        value.push_str(label);
    }
    *part = *said;
    Some(())
}

/// The label in a run between two numbers, with `#` for 号; `None` when it only separates.
fn label_of(run: &str) -> Option<String> {
    let label: String = run.chars().filter(|c| !is_separator(*c)).collect();
    match label.as_str() {
        "" => None,
        "#" => Some("号".to_owned()),
        _ => Some(label),
    }
}

/// Splits into runs of ASCII letters and digits, and runs of everything else.
fn runs_of(text: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let mut start = 0;
    let mut before: Option<bool> = None;
    for (at, c) in text.char_indices() {
        let is_value = c.is_ascii_alphanumeric();
        if before.is_some_and(|was| was != is_value) {
            runs.push(&text[start..at]);
            start = at;
        }
        before = Some(is_value);
    }
    runs.push(&text[start..]);
    runs.retain(|run| !run.is_empty());
    runs
}

/// `0301` is `301`. Refuses what no unit is called: long words, more than six digits, nothing but
/// zeros.
fn without_zeros(value: &str) -> Option<String> {
    let short = value.trim_start_matches('0');
    let letters = value.chars().filter(char::is_ascii_alphabetic).count();
    (!short.is_empty() && short.len() <= 6 && letters <= 2).then(|| short.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use UnitPattern::{BuildingEntranceRoom, BuildingRoom};

    fn form(text: &str, pattern: UnitPattern) -> Option<String> {
        fold(text, pattern).map(|unit| unit.to_string())
    }

    #[test]
    fn every_usual_spelling_of_one_home_is_one_unit() {
        // R20
        for written in [
            "4-2-301",
            "4号楼2单元301",
            "4栋2单元301室",
            "4幢2单元301",
            "4#2-301",
            "４－２－３０１",
            "4#楼2单元301",
            "四号楼二单元三零一",
            "四栋二单元三〇一室",
            "4座2单元301房",
            " 4 - 2 - 301 ",
            "4—2—301",
            "4号楼2单元3层301",
            "4栋2单元3楼301室",
            "04-02-0301",
            "4号楼-2单元-301室",
            "4/2/301",
            "4.2.301",
            "4 2 301",
            "4、2、301",
            "4号2单元301号",
            "4楼2单元301",
            "4栋2门301",
            "4-2-301(租户)",
            "4－2－301（业主的母亲）",
            "Building 4, Unit 2, Room 301",
            "4栋2-301",
            "４号楼２单元３０１",
            "4-2单元301",
            "4-2-301室",
        ] {
            assert_eq!(
                form(written, BuildingEntranceRoom).as_deref(),
                Some("4-2-301"),
                "{written}"
            );
        }
    }

    #[test]
    fn other_homes_keep_apart() {
        for (written, one) in [
            ("十二号楼一单元一千二百零三", "12-1-1203"),
            ("12栋1单元1203室", "12-1-1203"),
            ("二十三栋两单元1502", "23-2-1502"),
            ("b座2单元301a", "B-2-301A"),
            ("Ｂ座1203", "B-1203"),
            ("10栋十单元一百零二", "10-10-102"),
            ("一期4栋2单元301", "1期4-2-301"),
            ("A区4-2-301", "A区4-2-301"),
            ("12弄4号301室", "12弄4-301"),
        ] {
            assert_eq!(form(written, BuildingEntranceRoom).as_deref(), Some(one), "{written}");
        }
    }

    #[test]
    fn a_site_without_entrances_writes_two_numbers() {
        for written in ["4-301", "4号楼301室", "4栋301", "４＃３０１", "四号楼301", "4栋3层301"]
        {
            assert_eq!(form(written, BuildingRoom).as_deref(), Some("4-301"), "{written}");
        }
        assert_eq!(form("4栋2单元301", BuildingRoom).as_deref(), Some("4-2-301"));
        assert_eq!(form("4-2-301", BuildingRoom), None);
    }

    #[test]
    fn what_is_no_home_folds_to_nothing() {
        for written in [
            "",
            "  ",
            "电梯口",
            "4号楼",
            "4-301",
            "42301",
            "2单元301",
            "4-2-301-5",
            "地下车库B2",
            "百合苑",
            "13800138001",
            "4-2-",
            "4-0-301",
            "业主4-2-301",
            "301室",
            "Building",
            "4栋2栋301",
            "(空)",
            "4-2-301和4-2-302",
        ] {
            assert_eq!(form(written, BuildingEntranceRoom), None, "{written}");
        }
    }

    #[test]
    fn without_a_pattern_both_ways_of_writing_are_read() {
        assert_eq!(super::folded("4-2-301").as_deref(), Some("4-2-301"));
        assert_eq!(super::folded("4-301").as_deref(), Some("4-301"));
        assert_eq!(super::folded("B座1203").as_deref(), Some("B-1203"));
        assert_eq!(super::folded("13800138001 8点"), None);
    }

    #[test]
    fn the_one_form_folds_to_itself() {
        for written in ["4-2-301", "1期4-2-301", "A区4-2-301"] {
            assert_eq!(form(written, BuildingEntranceRoom).as_deref(), Some(written));
        }
    }
}

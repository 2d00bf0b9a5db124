//! Whether the unit and the name in an entry belong to the number that called.

use crate::linkage::compact::{Call, Compact, Entry, NONE};
use serde::{Deserialize, Serialize};

/// What an entry's unit and name say of the caller's home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HomeLevel {
    SameUnit,
    /// One digit of the unit differs.
    NearUnit,
    OtherUnit,
    /// No unit is written, and the name is the home's.
    SameName,
    OtherName,
    NeitherWritten,
    /// Nobody knows where the caller lives, and a unit is written.
    UnknownHome,
    UnknownHomeNoUnit,
}

use HomeLevel::{
    NearUnit, NeitherWritten, OtherName, OtherUnit, SameName, SameUnit, UnknownHome,
    UnknownHomeNoUnit,
};

/// All levels, in the order of their discriminants.
pub const HOME_LEVELS: [HomeLevel; 8] = [
    SameUnit,
    NearUnit,
    OtherUnit,
    SameName,
    OtherName,
    NeitherWritten,
    UnknownHome,
    UnknownHomeNoUnit,
];

impl HomeLevel {
    /// The level in words; empty where there is nothing to tell.
    pub fn words(self) -> &'static str {
        match self {
            SameUnit => "known of the unit",
            NearUnit => "known of a unit one digit off",
            OtherUnit => "known of another unit",
            SameName => "no unit written, the name fits",
            OtherName => "no unit written, another name",
            NeitherWritten => "no unit written",
            UnknownHome | UnknownHomeNoUnit => "",
        }
    }
}

/// Compares an entry's unit, else its name, with what is known of the caller's number. `own`: the
/// entry bears that number itself, so that its own word on the unit does not count.
pub fn home(site: &Compact, call: &Call, row: &Entry, own: bool) -> HomeLevel {
    let unknown = if row.unit == NONE { UnknownHomeNoUnit } else { UnknownHome };
    if call.number == NONE {
        return unknown;
    }
    let owner = &site.owners[call.number as usize];
    let itself = u32::from(own);
    let counts = |unit: &(u32, u32)| unit.1 > if unit.0 == row.unit { itself } else { 0 };
    let mut known = owner.units.iter().filter(|unit| counts(unit)).peekable();
    if known.peek().is_none() {
        return unknown;
    }
    if row.unit == NONE {
        return name(&owner.names, row.name);
    }
    let mut level = OtherUnit;
    for (unit, _) in known {
        if *unit == row.unit {
            return SameUnit;
        }
        let texts = [*unit, row.unit].map(|unit| site.units.texts[unit as usize].as_bytes());
        if is_near(texts[0], texts[1]) {
            level = NearUnit;
        }
    }
    level
}

fn name(known: &[u32], written: u32) -> HomeLevel {
    if written == NONE || known.is_empty() {
        NeitherWritten
    } else if known.contains(&written) {
        SameName
    } else {
        OtherName
    }
}

/// One character changed, missing or extra.
fn is_near(one: &[u8], other: &[u8]) -> bool {
    let front = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[front..], &other[front..]);
    let back = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    one.len().max(other.len()) == back + 1
}

//! How a number as written compares with the number that called.

use serde::{Deserialize, Serialize};

/// What is seen when two numbers are held side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NumberLevel {
    Same,
    /// The shorter stands at the end of the longer: an area code or a prefix is left out.
    AreaCode,
    /// Three to six last digits.
    Tail,
    /// `138****1234`.
    Masked,
    Transposed,
    OneWrong,
    OneMissingOrExtra,
    TwoWrong,
    /// Another number that is known of the caller's home.
    OfTheHome,
    Other,
    NoneWritten,
    WithheldNoneWritten,
    Withheld,
}

use NumberLevel::{
    AreaCode, Masked, NoneWritten, OfTheHome, OneMissingOrExtra, OneWrong, Other, Same, Tail,
    Transposed, TwoWrong, Withheld, WithheldNoneWritten,
};

/// All levels, in the order of their discriminants.
pub const NUMBER_LEVELS: [NumberLevel; 13] = [
    Same,
    AreaCode,
    Tail,
    Masked,
    Transposed,
    OneWrong,
    OneMissingOrExtra,
    TwoWrong,
    OfTheHome,
    Other,
    NoneWritten,
    WithheldNoneWritten,
    Withheld,
];

impl NumberLevel {
    /// The level in words.
    pub fn words(self) -> &'static str {
        match self {
            Same => "same",
            AreaCode => "same but for the area code",
            Tail => "the last digits",
            Masked => "masked in the middle",
            Transposed => "two digits transposed",
            OneWrong => "one digit wrong",
            OneMissingOrExtra => "one digit missing or extra",
            TwoWrong => "two digits wrong",
            OfTheHome => "another number of the same unit",
            Other => "another number",
            NoneWritten => "none written",
            WithheldNoneWritten => "withheld, and none written",
            Withheld => "withheld",
        }
    }
}

/// The fewest digits that name a line by themselves.
const LINE_DIGITS: usize = 7;

/// Compares two numbers in digits; `*` stands for digits that were masked.
pub fn digits(calls: &str, written: &str) -> NumberLevel {
    let (calls, written) = (calls.as_bytes(), written.as_bytes());
    let short = calls.len().min(written.len());
    if calls == written {
        return Same;
    }
    if calls.contains(&b'*') || written.contains(&b'*') {
        return if is_masked(calls, written) { Masked } else { Other };
    }
    if short >= LINE_DIGITS && (calls.ends_with(written) || written.ends_with(calls)) {
        return AreaCode;
    }
    if (3..LINE_DIGITS).contains(&written.len()) {
        return if calls.ends_with(written) { Tail } else { Other };
    }
    if short < LINE_DIGITS {
        return Other;
    }
    edited(calls, written)
}

/// Same head and same tail around the stars.
fn is_masked(one: &[u8], other: &[u8]) -> bool {
    let head = |number: &[u8]| number.iter().position(|b| *b == b'*').unwrap_or(number.len());
    let tail = |number: &[u8]| number.iter().rev().position(|b| *b == b'*').unwrap_or(number.len());
    let (front, back) = (head(one).min(head(other)), tail(one).min(tail(other)));
    let room = one.len().min(other.len());
    front + back >= 4
        && front <= room
        && back <= room
        && one[..front] == other[..front]
        && one[one.len() - back..] == other[other.len() - back..]
}

/// Typing slips between two numbers of nearly the same length.
fn edited(one: &[u8], other: &[u8]) -> NumberLevel {
    let front = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[front..], &other[front..]);
    let back = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[..one.len() - back], &other[..other.len() - back]);
    match (one, other) {
        ([_], [_]) => OneWrong,
        ([a, b], [c, d]) if a == d && b == c => Transposed,
        ([_], []) | ([], [_]) => OneMissingOrExtra,
        ([_, _], [_, _]) | ([_, _], []) | ([], [_, _]) => TwoWrong,
        ([_, .., _], [_, .., _]) if two_apart(one, other) => TwoWrong,
        _ => Other,
    }
}

/// Two single slips with digits between them that agree.
fn two_apart(one: &[u8], other: &[u8]) -> bool {
    match one.len().cmp(&other.len()) {
        std::cmp::Ordering::Equal => one.iter().zip(other).filter(|(a, b)| a != b).count() == 2,
        std::cmp::Ordering::Less => one_in_two(one, other),
        std::cmp::Ordering::Greater => one_in_two(other, one),
    }
}

/// Whether one wrong digit and one extra lead from the shorter to the longer.
fn one_in_two(short: &[u8], long: &[u8]) -> bool {
    long.len() == short.len() + 1
        && (short[1..] == long[2..] || short[..short.len() - 1] == long[..short.len() - 1])
}

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

/// A number of up to sixteen digits in one word, four bits a digit, the last one lowest; of length
/// zero where it is longer or not of digits alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Packed {
    digits: u64,
    len: usize,
}

impl Packed {
    /// Packs a number.
    pub fn of(number: &str) -> Self {
        let plain = number.len() <= 16 && number.bytes().all(|byte| byte.is_ascii_digit());
        if !plain {
            return Self::default();
        }
        let add = |sum, byte: u8| sum << 4 | u64::from(byte - b'0');
        Self { digits: number.bytes().fold(0, add), len: number.len() }
    }
}

/// What [`digits`] says of two numbers of one length, which nearly all are: by counting the digits
/// that differ, without looking at each. `None` where that does not tell.
pub fn of_one_length(calls: Packed, written: Packed) -> Option<NumberLevel> {
    if calls.len != written.len || calls.len < LINE_DIGITS {
        return None;
    }
    let differ = calls.digits ^ written.digits;
    let each = (differ | differ >> 1 | differ >> 2 | differ >> 3) & 0x1111_1111_1111_1111;
    Some(match each.count_ones() {
        0 => Same,
        1 => OneWrong,
        2 if is_swapped(calls.digits, written.digits, each.trailing_zeros()) => Transposed,
        2 => TwoWrong,
        _ => Other,
    })
}

/// Whether the digit at a place and the one before it are exchanged.
fn is_swapped(one: u64, other: u64, place: u32) -> bool {
    let two = |number: u64| number >> place & 0xff;
    let (one, other) = (two(one), two(other));
    one == (other >> 4 | (other & 0xf) << 4)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_digits_says_what_looking_at_each_says() {
        let mut drawn: u64 = 7;
        let mut levels = std::collections::BTreeSet::new();
        for _ in 0..20_000 {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let calls = (drawn >> 20) % 1_000_000_000;
            let (place, by) = (10_u64.pow((drawn >> 60) as u32 % 9), (drawn >> 50) % 120);
            let [calls, written] = [calls, (calls + place * by) % 1_000_000_000];
            let [calls, written] = [calls, written].map(|number| format!("{number:09}"));
            let quick = of_one_length(Packed::of(&calls), Packed::of(&written));
            assert_eq!(quick, Some(digits(&calls, &written)), "{calls} {written}");
            levels.extend(quick);
        }
        assert!(levels.is_superset(&[Same, Transposed, OneWrong, TwoWrong, Other].into()));
        assert_eq!(of_one_length(Packed::of("138*8001"), Packed::of("138*8001")), None);
        assert_eq!(of_one_length(Packed::of("138001"), Packed::of("138002")), None);
    }
}

//! Chinese numerals: 四 is 4, 十二 is 12, 一百零二 is 102, 三零一 is 301.

/// The text with every run of Chinese numerals replaced by digits; a run that is no number stays.
pub fn replace_all(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run: Vec<char> = Vec::new();
    for c in text.chars() {
        if !c.is_ascii() && (digit_of(c).is_some() || weight_of(c).is_some()) {
            run.push(c);
        } else {
            flush(&mut run, &mut out);
            out.push(c);
        }
    }
    flush(&mut run, &mut out);
    out
}

fn flush(run: &mut Vec<char>, out: &mut String) {
    match digits_of(run) {
        Some(digits) => out.push_str(&digits),
        None => out.extend(run.iter()),
    }
    run.clear();
}

fn digit_of(c: char) -> Option<u32> {
    let at = "零一二三四五六七八九".chars().position(|digit| digit == c);
    match c {
        '〇' => Some(0),
        '两' => Some(2),
        _ => at.and_then(|digit| u32::try_from(digit).ok()),
    }
}

fn weight_of(c: char) -> Option<u32> {
    match c {
        '十' => Some(10),
        '百' => Some(100),
        '千' => Some(1000),
        _ => None,
    }
}

/// 三零一 digit by digit; as soon as 十, 百 or 千 is in it, by place.
fn digits_of(run: &[char]) -> Option<String> {
    if run.is_empty() {
        return Some(String::new());
    }
    if run.iter().all(|c| weight_of(*c).is_none()) {
        return run.iter().map(|c| digit_of(*c).and_then(|d| char::from_digit(d, 10))).collect();
    }
    by_place(run).map(|number| number.to_string())
}

fn by_place(run: &[char]) -> Option<u32> {
    let (mut sum, mut digit, mut last_weight) = (0, None, 10_000);
    for (at, c) in run.iter().enumerate() {
        match (digit_of(*c), weight_of(*c)) {
            (Some(0), _) => {}
            (Some(value), _) => {
                digit.replace(value).is_none().then_some(())?;
            }
            (None, Some(weight)) if weight < last_weight => {
                // 十二 leaves out the one before the ten, and only at the beginning.
                let count = digit.take().or((at == 0 && weight == 10).then_some(1))?;
                sum += count * weight;
                last_weight = weight;
            }
            _ => return None,
        }
    }
    Some(sum + digit.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::replace_all;

    #[test]
    fn numerals_become_digits_by_place_or_one_by_one() {
        for (written, plain) in [
            ("四号楼", "4号楼"),
            ("十", "10"),
            ("十二", "12"),
            ("二十", "20"),
            ("二十三", "23"),
            ("一百零二", "102"),
            ("一百一十", "110"),
            ("一千二百零三", "1203"),
            ("三零一", "301"),
            ("一五〇二", "1502"),
            ("两单元", "2单元"),
            ("百合苑", "百合苑"),
            ("十百", "十百"),
            ("无", "无"),
        ] {
            assert_eq!(replace_all(written), plain, "{written}");
        }
    }
}

//! Lines that tell nothing: one number shown for everybody, and numbers that nobody ever writes
//! down.

use crate::linkage::hash::HashMap;

/// Calls from which on it is worth a look that nobody writes a number.
const CALLS_MIN: usize = 12;
/// On fewer rows for each of its calls a number is as good as never written.
const WRITTEN_SHARE: f64 = 0.1;

/// A number of the calls that no row, or next to none, bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub number: String,
    pub calls: usize,
    /// It is shown for everybody: rows with numbers of nobody lie beside its calls. Otherwise it is
    /// one that nobody ever writes down.
    pub shared: bool,
}

/// Rows so long before and after the ring lie beside a call.
const BESIDE_S: (i64, i64) = (-300, 900);
/// So much oftener than beside other calls rows of nobody lie beside a shared number's.
const SHARED_RATIO: f64 = 2.0;

/// Numbers of the calls that tell nothing. `calls`: number and ring; `rows`: number and time.
pub fn lines(calls: &[(&str, i64)], rows: &[(Option<&str>, i64)]) -> Vec<Line> {
    let mut of_number: HashMap<&str, Vec<i64>> = HashMap::default();
    for (number, ring) in calls {
        of_number.entry(number).or_default().push(*ring);
    }
    let mut written: HashMap<&str, usize> = HashMap::default();
    for number in rows.iter().filter_map(|(number, _)| *number) {
        *written.entry(number).or_default() += 1;
    }
    let nobody = |number: &Option<&str>| number.is_none_or(|n| !of_number.contains_key(n));
    let mut lost: Vec<i64> =
        rows.iter().filter(|(number, _)| nobody(number)).map(|(_, at)| *at).collect();
    lost.sort_unstable();
    let beside = |ring: &i64| {
        let from = lost.partition_point(|at| *at < ring + BESIDE_S.0);
        lost.get(from).is_some_and(|at| *at <= ring + BESIDE_S.1)
    };
    let rate = |rings: &mut dyn Iterator<Item = &i64>| {
        let (mut hits, mut all) = (0.0, 0.0_f64);
        for ring in rings {
            hits += f64::from(u8::from(beside(ring)));
            all += 1.0;
        }
        hits / all.max(1.0)
    };
    let is_empty = |number: &str, count: usize| {
        let rows = written.get(number).copied().unwrap_or(0);
        count >= CALLS_MIN && (rows as f64) < WRITTEN_SHARE * count as f64
    };
    let mut empty: Vec<(&str, &Vec<i64>)> = of_number
        .iter()
        .filter(|(number, rings)| is_empty(number, rings.len()))
        .map(|(number, rings)| (*number, rings))
        .collect();
    empty.sort_unstable();
    let told = of_number.iter().filter(|(number, rings)| !is_empty(number, rings.len()));
    let usual = rate(&mut told.flat_map(|(_, rings)| rings));
    let line = |(number, rings): (&str, &Vec<i64>)| {
        let own = rate(&mut rings.iter());
        Line {
            number: number.to_owned(),
            calls: rings.len(),
            shared: own > 0.3 && own > SHARED_RATIO * usual.min(0.4),
        }
    };
    empty.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_for_everybody_is_told_from_a_test_call() {
        let others: Vec<String> = (0..40).map(|n| format!("138001380{n:02}")).collect();
        let mut calls: Vec<(&str, i64)> = Vec::new();
        let mut rows: Vec<(Option<&str>, i64)> = Vec::new();
        for n in 0..40 {
            calls.push(("88123456", n * 7200));
            rows.push((Some("139"), n * 7200 + 60));
            calls.push(("4000", n * 7200 + 3600));
            calls.push((&others[n as usize], n * 7200 + 5400));
            rows.push((Some(&others[n as usize]), n * 7200 + 5460));
        }
        let found: Vec<(String, bool)> =
            lines(&calls, &rows).into_iter().map(|line| (line.number, line.shared)).collect();
        assert_eq!(found, [("4000".to_owned(), false), ("88123456".to_owned(), true)]);
    }
}

//! Clocks that run off: how far a source's times lie from the calls', as they jump and drift.
//!
//! Every row whose number (or call id) points at calls votes for the differences to them. The true
//! difference repeats from row to row, chance differences do not; the likeliest course of the clock
//! over all votes is found exactly (Viterbi), where a jump must be worth its cost.

mod way;

use crate::linkage::hash::HashMap;
use way::likeliest;

/// A vote: where it stands in the source's order, the difference in seconds, and its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vote {
    pub at: i64,
    pub away: i64,
    pub weight: f64,
}

/// A stretch in which a clock keeps its difference, give or take a drift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    pub from: i64,
    /// Seconds that the source's times lie ahead.
    pub ahead: i64,
    /// Votes that agree.
    pub rows: usize,
}

/// Differences are told apart to this many seconds.
const STEP_S: i64 = 60;
/// Votes agree with a difference up to so many steps beside it.
const BESIDE_STEPS: i64 = 3;
/// So many differences are considered at most.
const STATES_MAX: usize = 40;
/// A clock is steady where of every so many votes this share agrees.
const STEADY_VOTES: usize = 60;
const STEADY_SHARE: f64 = 0.35;
/// A stretch that fewer rows show is part of the one before it.
const STRETCH_ROWS_MIN: usize = 12;
/// And of less than this share of its rows.
const STRETCH_SHARE_MIN: f64 = 0.3;

/// The course of a clock. `spread`: how exactly times agree with calls, in seconds. `votes` must be
/// in order of `at`.
pub fn course(votes: &[Vote], spread: f64) -> Vec<Stretch> {
    let states = states(votes, spread);
    if votes.is_empty() || states.is_empty() {
        return Vec::new();
    }
    let path = steady(votes, &states, spread)
        .map_or_else(|| likeliest(votes, &states, spread), |state| vec![state; votes.len()]);
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut members: Vec<Vec<i64>> = Vec::new();
    let mut weights: Vec<f64> = Vec::new();
    let mut last = usize::MAX;
    for (vote, state) in votes.iter().zip(&path) {
        if *state != last {
            weights.push(0.0);
            stretches.push(Stretch { from: vote.at, ahead: states[*state], rows: 0 });
            members.push(Vec::new());
            last = *state;
        }
        if let Some(weight) = weights.last_mut() {
            *weight += vote.weight;
        }
        if let Some(aways) = members.last_mut()
            && (vote.away - states[*state]).abs() <= BESIDE_STEPS * STEP_S
        {
            aways.push(vote.away);
        }
    }
    for (stretch, aways) in stretches.iter_mut().zip(&mut members) {
        aways.sort_unstable();
        stretch.rows = aways.len();
        if let Some(middle) = aways.get(aways.len() / 2) {
            stretch.ahead = *middle;
        }
    }
    believed(stretches, &weights)
}

/// Without the stretches that too few rows show; a clock that none shows is right.
fn believed(stretches: Vec<Stretch>, weights: &[f64]) -> Vec<Stretch> {
    let shown = |stretch: &Stretch, weight: f64| {
        stretch.rows >= STRETCH_ROWS_MIN && stretch.rows as f64 >= STRETCH_SHARE_MIN * weight
    };
    let mut kept: Vec<Stretch> = Vec::new();
    for (stretch, weight) in stretches.into_iter().zip(weights) {
        if shown(&stretch, *weight) {
            kept.push(stretch);
        } else if kept.is_empty() {
            kept.push(Stretch { ahead: 0, ..stretch });
        }
    }
    kept
}

/// Differences that many votes share, as far as enough of them lie there to make a stretch. Where
/// times as exact as these do not tell some apart, the one that most share.
fn states(votes: &[Vote], spread: f64) -> Vec<i64> {
    let mut by_step: HashMap<i64, (f64, usize)> = HashMap::default();
    for vote in votes {
        let (weight, count) = by_step.entry(vote.away.div_euclid(STEP_S)).or_default();
        (*weight, *count) = (*weight + vote.weight, *count + 1);
    }
    let count = |step: i64| by_step.get(&step).map_or(0, |(_, count)| *count);
    let around = |step: i64| (step - BESIDE_STEPS..=step + BESIDE_STEPS).map(count).sum::<usize>();
    let mut all: Vec<(f64, i64)> = by_step
        .iter()
        .filter(|(step, (weight, _))| *weight >= 3.0 && around(**step) >= STRETCH_ROWS_MIN)
        .map(|(step, (weight, _))| (-weight, step * STEP_S + STEP_S / 2))
        .collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let apart = spread as i64;
    let mut states: Vec<i64> = Vec::new();
    for (_, away) in all {
        if states.len() < STATES_MAX && states.iter().all(|other| (away - other).abs() >= apart) {
            states.push(away);
        }
    }
    states.sort_unstable();
    states
}

/// The one difference that many votes agree with all the way: then no clock ran off.
fn steady(votes: &[Vote], states: &[i64], spread: f64) -> Option<usize> {
    let near = (2.0 * spread) as i64;
    let agrees = |vote: &Vote, state: i64| (vote.away - state).abs() <= near;
    let weight = |votes: &mut dyn Iterator<Item = &Vote>| votes.map(|v| v.weight).sum::<f64>();
    let mut shared = vec![0.0; states.len()];
    let ends = states.first().zip(states.last())?;
    let span = ends.0 - near..=ends.1 + near;
    for vote in votes.iter().filter(|vote| span.contains(&vote.away)) {
        for (sum, state) in shared.iter_mut().zip(states) {
            *sum += if agrees(vote, *state) { vote.weight } else { 0.0 };
        }
    }
    let most = (0..states.len()).max_by(|a, b| shared[*a].total_cmp(&shared[*b]))?;
    let holds = |block: &[Vote]| {
        let near = weight(&mut block.iter().filter(|vote| agrees(vote, states[most])));
        near >= STEADY_SHARE * weight(&mut block.iter())
    };
    votes.chunks(STEADY_VOTES).all(holds).then_some(most)
}

/// The difference at a place, between the stretches of a drift in a straight line.
pub fn ahead(course: &[Stretch], at: i64) -> i64 {
    let after = course.partition_point(|stretch| stretch.from <= at);
    course.get(after.saturating_sub(1)).map_or(0, |stretch| stretch.ahead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_and_comes_back_is_seen_through_chance_votes() {
        let votes: Vec<Vote> = (0..300)
            .map(|n| {
                let true_away = if (100..200).contains(&n) { 1860 } else { -20 };
                let away = if n % 4 == 0 { n * 977 % 90_000 - 45_000 } else { true_away + n % 30 };
                Vote { at: n * 600, away, weight: 1.0 }
            })
            .collect();
        let course = course(&votes, 90.0);
        assert_eq!(course.len(), 3, "{course:?}");
        assert!((ahead(&course, 150 * 600) - 1875).abs() < 30);
        assert!((ahead(&course, 250 * 600) + 5).abs() < 30);
    }
}

//! Clocks that run off: how far a source's times lie from the calls', as they jump and drift.
//!
//! Every row whose number (or call id) points at calls votes for the differences to them. The true
//! difference repeats from row to row, chance differences do not; the likeliest course of the clock
//! over all votes is found exactly (Viterbi), where a jump must be worth its cost.

use crate::linkage::hash::HashMap;

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
/// Fits are looked up in steps of so many seconds.
const FIT_STEP_S: i64 = 15;
/// What a jump costs, and a step of drift (logarithms of odds).
const JUMP: f64 = 20.0;
const DRIFT: f64 = 5.0;
/// A clock is steady where of every so many votes this share agrees.
const STEADY_VOTES: usize = 60;
const STEADY_SHARE: f64 = 0.35;
/// A stretch that fewer rows show is part of the one before it.
const STRETCH_ROWS_MIN: usize = 12;
/// And of less than this share of its rows.
const STRETCH_SHARE_MIN: f64 = 0.3;
/// Steps up to here are drift.
const DRIFT_S: i64 = 150;
/// Votes spread so widely by chance.
const CHANCE_S: f64 = 6.0 * 86_400.0;

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

/// Differences that many votes share, as far as enough of them lie there to make a stretch. Of those
/// that times as exact as these do not tell apart, the one that most share.
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
    let apart = apart_s(spread);
    let mut states: Vec<i64> = Vec::new();
    for (_, away) in all {
        if states.len() < STATES_MAX && states.iter().all(|other| (away - other).abs() >= apart) {
            states.push(away);
        }
    }
    states.sort_unstable();
    states
}

/// How far apart two differences are that are considered, in seconds.
fn apart_s(spread: f64) -> i64 {
    (spread / 2.0) as i64
}

/// The one difference that many votes agree with all the way: then no clock ran off.
fn steady(votes: &[Vote], states: &[i64], spread: f64) -> Option<usize> {
    let near = (2.0 * spread) as i64;
    let agrees = |vote: &Vote, state: i64| (vote.away - state).abs() <= near;
    let weight = |votes: &mut dyn Iterator<Item = &Vote>| votes.map(|v| v.weight).sum::<f64>();
    let mut shared = vec![0.0; states.len()];
    for vote in votes {
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

/// How well a vote fits a difference, by how far they lie apart, in steps of [`FIT_STEP_S`].
struct Fit {
    by_step: Vec<f64>,
    chance: f64,
}

impl Fit {
    fn of(spread: f64) -> Self {
        let fit = |away: f64| {
            let bell = |spread: f64| (-away / spread).exp() / (2.0 * spread);
            let density = 0.6 * bell(spread) + 0.3 * bell(10.0 * spread) + 0.1 / CHANCE_S;
            (density * CHANCE_S).ln()
        };
        let steps = (60.0 * spread) as i64 / FIT_STEP_S;
        let by_step = (0..steps).map(|step| fit((step * FIT_STEP_S) as f64)).collect();
        Self { by_step, chance: fit(f64::INFINITY) }
    }

    fn at(&self, vote: &Vote, state: i64) -> f64 {
        let step = ((vote.away - state).abs() / FIT_STEP_S) as usize;
        vote.weight * self.by_step.get(step).copied().unwrap_or(self.chance)
    }
}

/// Differences from which a clock drifts to one.
fn drifts(states: &[i64], at: usize, spread: f64) -> Vec<usize> {
    let reach = DRIFT_S.max(2 * apart_s(spread));
    let near =
        |other: &usize| states.get(*other).is_some_and(|state| (state - states[at]).abs() <= reach);
    [at.wrapping_sub(2), at.wrapping_sub(1), at + 1, at + 2].into_iter().filter(near).collect()
}

fn likeliest(votes: &[Vote], states: &[i64], spread: f64) -> Vec<usize> {
    let fit = Fit::of(spread);
    let count = states.len();
    let mut score: Vec<f64> = states.iter().map(|state| fit.at(&votes[0], *state)).collect();
    let mut next = score.clone();
    let mut back = vec![0_u8; votes.len() * count];
    let drifts: Vec<Vec<usize>> = (0..count).map(|at| drifts(states, at, spread)).collect();
    let mut best = (0..count).max_by(|a, b| score[*a].total_cmp(&score[*b])).unwrap_or(0);
    for (place, vote) in votes.iter().enumerate().skip(1) {
        let jumped = score[best] - JUMP;
        let mut best_next = (f64::NEG_INFINITY, 0);
        for (at, state) in states.iter().enumerate() {
            let mut from = (score[at], at);
            if jumped > from.0 {
                from = (jumped, best);
            }
            for other in &drifts[at] {
                if score[*other] - DRIFT > from.0 {
                    from = (score[*other] - DRIFT, *other);
                }
            }
            back[place * count + at] = from.1 as u8;
            next[at] = from.0 + fit.at(vote, *state);
            if next[at] >= best_next.0 {
                best_next = (next[at], at);
            }
        }
        best = best_next.1;
        std::mem::swap(&mut score, &mut next);
    }
    let mut at = best;
    let mut path = vec![at; votes.len()];
    for place in (1..votes.len()).rev() {
        at = usize::from(back[place * count + at]);
        path[place - 1] = at;
    }
    path
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

//! The likeliest way of a clock through the votes on it (Viterbi): a jump and a drift have their
//! costs, and a vote fits a difference the better the nearer it lies.

use super::Vote;

/// Fits are looked up in steps of so many seconds.
const FIT_STEP_S: i64 = 15;
/// What a jump costs, and a step of drift (logarithms of odds).
const JUMP: f64 = 20.0;
const DRIFT: f64 = 5.0;
/// Steps up to here are drift, or up to twice as far as times agree with calls.
const DRIFT_S: i64 = 150;
/// Votes spread so widely by chance.
const CHANCE_S: f64 = 6.0 * 86_400.0;

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

    /// Whether a vote fits any of these differences, which are in order, better than by chance.
    fn tells_apart(&self, vote: &Vote, states: &[i64]) -> bool {
        let reach = self.by_step.len() as i64 * FIT_STEP_S;
        let ends = states.first().zip(states.last());
        ends.is_some_and(|(first, last)| (first - reach..=last + reach).contains(&vote.away))
    }

    fn at(&self, vote: &Vote, state: i64) -> f64 {
        let step = ((vote.away - state).abs() / FIT_STEP_S) as usize;
        vote.weight * self.by_step.get(step).copied().unwrap_or(self.chance)
    }
}

/// The likeliest difference at each vote. Votes that fit none of them better than another say
/// nothing: the difference stays what it was before them.
pub fn likeliest(votes: &[Vote], states: &[i64], spread: f64) -> Vec<usize> {
    let fit = Fit::of(spread);
    let says = |vote: &Vote| fit.tells_apart(vote, states);
    let told: Vec<Vote> = votes.iter().copied().filter(says).collect();
    if told.is_empty() {
        return vec![0; votes.len()];
    }
    let path = way(&told, states, &fit, spread);
    let mut at = 0;
    let mut follow = |vote: &Vote| {
        at += usize::from(says(vote));
        path[at.saturating_sub(1)]
    };
    votes.iter().map(&mut follow).collect()
}

/// The likeliest difference at each of some votes: forward the best score with each difference,
/// back the way by which the last came about.
fn way(votes: &[Vote], states: &[i64], fit: &Fit, spread: f64) -> Vec<usize> {
    let count = states.len();
    let drifts = Drifts::of(states, spread);
    let mut scores: Vec<f64> = states.iter().map(|state| fit.at(&votes[0], *state)).collect();
    scores.reserve_exact((votes.len() - 1) * count);
    let mut next = scores.clone();
    for vote in &votes[1..] {
        let here = &scores[scores.len() - count..];
        drifts.follow(here, &mut next);
        for (score, state) in next.iter_mut().zip(states) {
            *score += fit.at(vote, *state);
        }
        scores.extend_from_slice(&next);
    }
    let mut at = best(&scores[scores.len() - count..]);
    let mut path = vec![at; votes.len()];
    for place in (0..votes.len() - 1).rev() {
        at = drifts.before(&scores[place * count..][..count], at);
        path[place] = at;
    }
    path
}

/// The place of the greatest score.
fn best(scores: &[f64]) -> usize {
    (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(0)
}

fn greater(one: f64, other: f64) -> f64 {
    if one > other { one } else { other }
}

/// What it costs to drift between each difference and the next, and the one after that.
struct Drifts([Vec<f64>; 2]);

impl Drifts {
    fn of(states: &[i64], spread: f64) -> Self {
        let reach = DRIFT_S.max(2 * spread as i64);
        let cost = |apart: i64| if apart <= reach { DRIFT } else { f64::INFINITY };
        let costs = |step: usize| {
            let further = states.iter().skip(step);
            states.iter().zip(further).map(|(one, other)| cost(other - one)).collect()
        };
        Self([costs(1), costs(2)])
    }

    /// The best score with which each difference is come by: staying, jumping, drifting.
    fn follow(&self, here: &[f64], next: &mut [f64]) {
        let jumped = here.iter().copied().fold(f64::NEG_INFINITY, greater) - JUMP;
        for (next, here) in next.iter_mut().zip(here) {
            *next = greater(*here, jumped);
        }
        for (costs, step) in self.0.iter().zip(1..) {
            for ((next, here), cost) in
                next.iter_mut().zip(&here[step.min(here.len())..]).zip(costs)
            {
                *next = greater(*next, here - cost);
            }
            for ((next, here), cost) in next.iter_mut().skip(step).zip(here).zip(costs) {
                *next = greater(*next, here - cost);
            }
        }
    }

    /// By which difference one was come by.
    fn before(&self, here: &[f64], at: usize) -> usize {
        let top = best(here);
        let mut came =
            if here[top] - JUMP > here[at] { (here[top] - JUMP, top) } else { (here[at], at) };
        for (costs, step) in self.0.iter().zip(1..) {
            let up = costs.get(at).map(|cost| (here[at + step] - cost, at + step));
            let down = at.checked_sub(step).map(|below| (here[below] - costs[below], below));
            for way in up.into_iter().chain(down) {
                came = if way.0 > came.0 { way } else { came };
            }
        }
        came.1
    }
}

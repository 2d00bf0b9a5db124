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

/// The likeliest difference at each of some votes.
fn way(votes: &[Vote], states: &[i64], fit: &Fit, spread: f64) -> Vec<usize> {
    let (drifts, count) = (Drifts::of(states, spread), states.len());
    let mut here: Vec<f64> = states.iter().map(|state| fit.at(&votes[0], *state)).collect();
    let mut next = here.clone();
    // By which difference each was come by at each vote but the first.
    let mut came = vec![0_u8; (votes.len() - 1) * count];
    for (vote, came) in votes[1..].iter().zip(came.chunks_exact_mut(count)) {
        drifts.follow(&here, &mut next, came);
        for (score, state) in next.iter_mut().zip(states) {
            *score += fit.at(vote, *state);
        }
        std::mem::swap(&mut here, &mut next);
    }
    let mut at = best(&here);
    let mut path = vec![at; votes.len()];
    for (place, came) in came.chunks_exact(count).enumerate().rev() {
        at = usize::from(came[at]);
        path[place] = at;
    }
    path
}

/// The place of the greatest score.
fn best(scores: &[f64]) -> usize {
    (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(0)
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

    /// The best score with which each difference is come by, and by which: staying, jumping,
    /// drifting.
    fn follow(&self, here: &[f64], next: &mut [f64], came: &mut [u8]) {
        let top = best(here);
        let jumped = (here[top] - JUMP, top as u8);
        for (at, score) in here.iter().enumerate() {
            (next[at], came[at]) = if jumped.0 > *score { jumped } else { (*score, at as u8) };
        }
        for (costs, step) in self.0.iter().zip(1..) {
            for (at, cost) in costs.iter().enumerate() {
                for (to, from) in [(at, at + step), (at + step, at)] {
                    let score = here[from] - cost;
                    if score > next[to] {
                        (next[to], came[to]) = (score, from as u8);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPREAD: f64 = 120.0;

    /// What a way is worth: how its votes fit, without what its turns cost.
    fn worth(path: &[usize], votes: &[Vote], states: &[i64]) -> f64 {
        let fit = Fit::of(SPREAD);
        let turn = |from: usize, to: usize| match from.abs_diff(to) {
            0 => 0.0,
            1 | 2 if (states[from] - states[to]).abs() <= 240 => DRIFT,
            _ => JUMP,
        };
        let fits = path.iter().zip(votes).map(|(at, vote)| fit.at(vote, states[*at]));
        fits.sum::<f64>() - path.windows(2).map(|two| turn(two[0], two[1])).sum::<f64>()
    }

    #[test]
    fn no_other_way_through_few_votes_is_worth_more() {
        let mut drawn = 7_u64;
        let mut draw = |below: u64| {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (drawn >> 33) % below
        };
        for _ in 0..300 {
            let states: Vec<i64> = [-600, 0, 180, 1800][..=draw(4) as usize].to_vec();
            let vote = |at| Vote { at, away: draw(2600) as i64 - 700, weight: 3.0 };
            let votes: Vec<Vote> = (0..5).map(vote).collect();
            let path = likeliest(&votes, &states, SPREAD);
            let ways = states.len().pow(5);
            let way = |number: usize| -> Vec<usize> {
                (0..5).map(|at| number / states.len().pow(at) % states.len()).collect()
            };
            let best = (0..ways).map(|number| worth(&way(number), &votes, &states));
            let best = best.fold(f64::NEG_INFINITY, f64::max);
            assert!(best - worth(&path, &votes, &states) < 1e-9, "{votes:?} {path:?}");
        }
    }

    #[test]
    fn one_vote_and_votes_that_say_nothing_have_a_way_too() {
        let far = Vote { at: 0, away: 250_000, weight: 1.0 };
        assert_eq!(likeliest(&[far], &[0, 180], SPREAD), [0]);
        let near = Vote { at: 1, away: 185, weight: 1.0 };
        assert_eq!(likeliest(&[far, near, far], &[0, 180], SPREAD), [1, 1, 1]);
        assert_eq!(likeliest(&[near], &[0], SPREAD), [0]);
    }
}

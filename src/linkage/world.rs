//! A site with every pair worth a look, and what a model makes of them.

use super::Desk;
use super::beliefs::Beliefs;
use super::compact::{Compact, NONE};
use super::evidence::agent::Handlers;
use super::ground::Ground;
use super::learn::by_chance;
use super::model::Model;
use super::pairs::Finder;
use super::posterior::{Depth, Edge, probabilities};
use super::weigh::{IdLevel, Pair, Scales};

/// Pairs whose odds are below this are as good as impossible.
pub const FLOOR: f64 = 1.0 / 150.0;
/// And those below this so hopeless that nothing learned later could make them possible.
const HOPELESS: f64 = 1e-5;
/// A pair is left out where both its sides have another of so many times its odds: it decides
/// nothing, and would tie days together by everybody who calls daily.
const FAR_BEHIND: f64 = 22_000.0;
/// A pair may be a call's second where another row of the call is likelier, or one of so many parts
/// as likely.
const SECOND_SLACK: f64 = 55.0;
/// Pairs of a row, as most desks have them.
const PAIRS_USUAL: usize = 4;
/// How far beliefs are followed in the end.
const DEPTH: Depth = Depth { rounds: 24, news: 1e-5 };

/// A site with every pair worth a look.
pub struct World {
    pub site: Compact,
    /// In order of rows, then calls.
    pub pairs: Vec<Pair>,
    /// Pairs that people put together.
    pub labelled: Vec<Pair>,
    pub handlers: Handlers,
    pub ground: Ground,
    /// How likely each row's handler is at its time.
    pub on_duty: Vec<f64>,
    /// Shares of this site that need no learning.
    pub fixed: Model,
    /// Rows that are decided here, where that is not all of them.
    pub part: Option<Vec<bool>>,
}

/// Edges with their pairs; the second slot of a call stands behind all first ones.
pub struct Web {
    pub edges: Vec<Edge>,
    pub pairs: Vec<u32>,
}

impl World {
    /// Looks up and compares a site that is there as a whole, and counts all that can be counted.
    /// Pairs that are hopeless by a model are left out.
    pub fn of(desk: &Desk<'_>, model: &Model) -> Self {
        let site = Compact::of(desk, true);
        let (ground, handlers) = (Ground::of(&site), Handlers::of(&site));
        Self::on(site, desk, ground, handlers, model)
    }

    /// The same of a site or a part of it by what is believed of the site.
    pub fn within(desk: &Desk<'_>, beliefs: &Beliefs) -> Self {
        let site = Compact::of(desk, false);
        let handlers = Handlers::believed(&site, &beliefs.staff);
        Self::on(site, desk, beliefs.ground.clone(), handlers, &Model::shipped())
    }

    /// A site of which handlers are counted and the rest is believed: what is to be learned from.
    pub fn to_learn(desk: &Desk<'_>) -> Self {
        let site = Compact::of(desk, false);
        let (ground, handlers) = (Ground::of(&site).uncounted(), Handlers::at_all_times(&site));
        let fixed = by_chance(&site);
        Self { fixed, ..Self::on(site, desk, ground, handlers, &Model::shipped()) }
    }

    fn on(
        site: Compact,
        desk: &Desk<'_>,
        ground: Ground,
        handlers: Handlers,
        model: &Model,
    ) -> Self {
        let scales = Scales::of(&site, &ground, model);
        let on_duty: Vec<f64> = site.rows.iter().map(|row| handlers.on_duty(row)).collect();
        let (mut pairs, mut finder) =
            (Vec::with_capacity(PAIRS_USUAL * site.rows.len()), Finder::of(&site, desk, &handlers));
        for place in 0..site.rows.len() as u32 {
            finder.pairs(place, |pair| {
                if is_possible(&scales, &pair, &handlers, on_duty[place as usize]) {
                    pairs.push(pair);
                }
            });
        }
        let labelled = finder.labelled(desk);
        drop((scales, finder));
        let fixed = if ground.counted { by_chance(&site) } else { Model::empty() };
        Self { site, pairs, labelled, handlers, ground, on_duty, fixed, part: None }
    }

    /// Whether a row is decided here.
    pub fn decides(&self, row: u32) -> bool {
        self.part.as_ref().is_none_or(|part| part[row as usize])
    }

    /// The odds of all pairs by the scales of a model.
    pub fn odds(&self, scales: &Scales<'_>) -> Vec<f64> {
        let odds = |pair: &Pair| scales.odds(pair, &self.handlers, self.on_duty[pair.row as usize]);
        self.pairs.iter().map(odds).collect()
    }

    /// All edges worth a belief, in order of rows. `odds`: of all pairs, by these scales.
    pub fn web(&self, scales: &Scales<'_>, odds: &[f64]) -> Web {
        let mut best = vec![(0.0, NONE); self.site.calls.len()];
        let mut best_of_row = vec![0.0_f64; self.site.rows.len()];
        for (pair, odds) in self.pairs.iter().zip(odds) {
            let of_row = &mut best_of_row[pair.row as usize];
            *of_row = of_row.max(*odds);
            let best = &mut best[pair.call as usize];
            if *odds > best.0 {
                *best = (*odds, pair.row);
            }
        }
        let calls = self.site.calls.len() as u32;
        let mut web = Web { edges: Vec::new(), pairs: Vec::new() };
        for (place, (pair, odds)) in self.pairs.iter().zip(odds).enumerate() {
            let (first, row) = best[pair.call as usize];
            let owes = self.site.rows[pair.row as usize].owes();
            let kept = is_kept(*odds, first, best_of_row[pair.row as usize]);
            if !kept || !owes || !self.decides(pair.row) {
                continue;
            }
            web.push(pair.row, pair.call, *odds, place);
            if row != pair.row && first * SECOND_SLACK > *odds {
                let second =
                    odds * scales.second(pair, &self.handlers, self.on_duty[pair.row as usize]);
                if second > FLOOR {
                    web.push(pair.row, pair.call + calls, second, place);
                }
            }
        }
        web
    }

    /// Beliefs in the end.
    pub fn beliefs(&self, web: &Web) -> Vec<f64> {
        probabilities(&web.edges, DEPTH)
    }
}

impl Web {
    fn push(&mut self, row: u32, slot: u32, odds: f64, pair: usize) {
        self.edges.push(Edge { row, slot, odds });
        self.pairs.push(pair as u32);
    }
}

/// Whether anything learned later could make a pair possible, by the scales of what is believed
/// now.
pub fn is_possible(scales: &Scales<'_>, pair: &Pair, handlers: &Handlers, on_duty: f64) -> bool {
    has_hope(pair, scales.odds(pair, handlers, on_duty))
}

/// A pair that the call id names has hope whatever its odds.
fn has_hope(pair: &Pair, odds: f64) -> bool {
    pair.id == IdLevel::Same || odds > HOPELESS
}

/// Leaves out the pairs that are hopeless by what was learned, with their odds.
pub fn leave_hopeless_out(pairs: &mut Vec<Pair>, odds: &mut Vec<f64>) {
    let mut kept = 0;
    for at in 0..pairs.len() {
        if has_hope(&pairs[at], odds[at]) {
            (pairs[kept], odds[kept]) = (pairs[at], odds[at]);
            kept += 1;
        }
    }
    pairs.truncate(kept);
    odds.truncate(kept);
}

/// Whether a pair of these odds is worth a belief beside the best of its call and of its row.
pub fn is_kept(odds: f64, best_of_call: f64, best_of_row: f64) -> bool {
    odds >= FLOOR && odds * FAR_BEHIND >= best_of_call.min(best_of_row)
}

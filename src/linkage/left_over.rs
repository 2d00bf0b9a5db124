//! From beliefs to links, and what is left over on both sides.

use super::assign::assign;
use super::compact::{Call, Leg};
use super::model::Model;
use super::weigh::Scales;
use super::world::{Web, World};

/// Odds from which a walk-in is taken for a call nobody registered.
pub const HIDES: f64 = 55.0;

/// A pair that belongs together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Together {
    pub call: u32,
    pub row: u32,
    pub probability: f64,
    /// Logarithm of its odds.
    pub weight: f64,
    /// Its place among the world's pairs.
    pub pair: u32,
    /// The likeliest other pair of either side: place among the pairs, probability, weight.
    pub runner_up: Option<(u32, f64, f64)>,
}

/// What became of every call and row of a site, by places.
#[derive(Debug, Default)]
pub struct Outcome {
    pub links: Vec<Together>,
    /// Likelier together than not, but not linked: below the probability asked for.
    pub open: Vec<Together>,
    /// Rows that tell of a linked call once more.
    pub seconds: Vec<Together>,
    /// Legs of transferred calls, whose entry is another leg's.
    pub legs: Vec<u32>,
    pub unregistered: Vec<u32>,
    pub ghosts: Vec<u32>,
    /// Walk-ins that fit a call nobody registered.
    pub hiding: Vec<Together>,
}

/// Links a site by a model; pairs below what is asked of their call stay open.
pub fn outcome(world: &World, model: &Model, least: &dyn Fn(&Call) -> f64) -> Outcome {
    let scales = Scales::of(&world.site, &world.ground, model);
    let web = world.web(&scales, &world.odds(&scales));
    let beliefs = world.beliefs(&web);
    let calls = world.site.calls.len() as u32;
    let rivals = Rivals::of(&web, calls);
    let mut outcome = Outcome::default();
    for at in assign(&web.edges) {
        let edge = web.edges[at];
        let runner_up = rivals.best(&web, &beliefs, at, calls);
        let together = Together {
            call: edge.slot % calls.max(1),
            row: edge.row,
            probability: beliefs[at],
            weight: edge.weight(),
            pair: web.pairs[at],
            runner_up,
        };
        let is_sure = beliefs[at] >= least(&world.site.calls[together.call as usize]);
        match (edge.slot < calls, is_sure) {
            (true, true) => outcome.links.push(together),
            (true, false) => outcome.open.push(together),
            (false, true) => outcome.seconds.push(together),
            (false, false) => {}
        }
    }
    left_over(world, &scales, &mut outcome);
    outcome.links.sort_by_key(|link| link.call);
    outcome
}

fn left_over(world: &World, scales: &Scales<'_>, outcome: &mut Outcome) {
    let mut linked = vec![false; world.site.calls.len()];
    let mut told = vec![false; world.site.rows.len()];
    for link in &outcome.links {
        linked[link.call as usize] = true;
        told[link.row as usize] = true;
    }
    for pair in &world.labelled {
        linked[pair.call as usize] = true;
        told[pair.row as usize] = true;
    }
    outcome.seconds.retain(|second| linked[second.call as usize]);
    outcome.seconds.iter().for_each(|second| told[second.row as usize] = true);
    outcome.hiding = hiding(world, scales, &linked);
    for (place, call) in world.site.calls.iter().enumerate() {
        if linked[place] {
            continue;
        }
        let is_leg = match call.leg {
            Leg::Whole => false,
            Leg::First(next) => linked[next as usize],
            Leg::Second(_) => true,
        };
        let list = if is_leg { &mut outcome.legs } else { &mut outcome.unregistered };
        list.push(place as u32);
    }
    let rows = world.site.rows.iter().enumerate();
    outcome.ghosts = rows
        .filter(|(place, row)| row.owes() && !told[*place])
        .map(|(place, _)| place as u32)
        .collect();
}

/// Walk-ins with calls that nobody registered, the likeliest first, one-to-one.
fn hiding(world: &World, scales: &Scales<'_>, linked: &[bool]) -> Vec<Together> {
    let walk_in = |row: u32| !world.site.rows[row as usize].owes();
    let mut all: Vec<Together> = Vec::new();
    for (place, pair) in world.pairs.iter().enumerate() {
        if !walk_in(pair.row) || linked[pair.call as usize] || !world.decides(pair.row) {
            continue;
        }
        let odds = scales.odds(pair, &world.handlers, world.on_duty[pair.row as usize]);
        if odds >= HIDES && scales.identity(pair) > 0.0 {
            let (probability, weight) = (odds / (1.0 + odds), odds.ln());
            let (call, row) = (pair.call, pair.row);
            all.push(Together {
                call,
                row,
                probability,
                weight,
                pair: place as u32,
                runner_up: None,
            });
        }
    }
    all.sort_by(|one, other| other.weight.total_cmp(&one.weight).then(one.row.cmp(&other.row)));
    let (mut calls, mut rows) =
        (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    all.retain(|one| calls.insert(one.call) && rows.insert(one.row));
    all
}

/// Edges of each call, as places; those of a row lie together already.
struct Rivals {
    by_call: Vec<u32>,
    starts: Vec<u32>,
}

impl Rivals {
    fn of(web: &Web, calls: u32) -> Self {
        let mut starts = vec![0_u32; calls as usize + 1];
        for edge in web.edges.iter().filter(|edge| edge.slot < calls) {
            starts[edge.slot as usize + 1] += 1;
        }
        for call in 0..calls as usize {
            starts[call + 1] += starts[call];
        }
        let mut next = starts.clone();
        let mut by_call = vec![0; starts.last().map_or(0, |end| *end as usize)];
        for (at, edge) in web.edges.iter().enumerate().filter(|(_, edge)| edge.slot < calls) {
            by_call[next[edge.slot as usize] as usize] = at as u32;
            next[edge.slot as usize] += 1;
        }
        Self { by_call, starts }
    }

    /// The likeliest other first pair of either side.
    fn best(&self, web: &Web, beliefs: &[f64], at: usize, calls: u32) -> Option<(u32, f64, f64)> {
        let edge = web.edges[at];
        let call = (edge.slot % calls.max(1)) as usize;
        let of_call = &self.by_call[self.starts[call] as usize..self.starts[call + 1] as usize];
        let row_from = web.edges.partition_point(|other| other.row < edge.row);
        let of_row = web.edges[row_from..].iter().take_while(|other| other.row == edge.row);
        let of_row = of_row.enumerate().map(|(step, _)| row_from + step);
        let others = of_call.iter().map(|at| *at as usize).chain(of_row);
        let pair =
            |other: &usize| web.pairs[*other] != web.pairs[at] && web.edges[*other].slot < calls;
        let odds = |other: usize| web.edges[other].odds;
        let best = others
            .filter(pair)
            .max_by(|one, other| odds(*one).total_cmp(&odds(*other)).then(other.cmp(one)))?;
        Some((web.pairs[best], beliefs[best], web.edges[best].weight()))
    }
}

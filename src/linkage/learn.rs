//! Learning without labels: what pairs probably belong together is estimated from the shares, and
//! the shares again from the pairs (expectation and maximisation), one-to-one all the while.

use super::Desk;
use super::candidate::{Index, ids_in_order};
use super::compact::{Compact, NEVER, NONE};
use super::evidence::agent::{Counts, Handlers};
use super::evidence::registration;
use super::evidence::time::{LAG_EDGES, OUTSIDE, SLIPS, bin, times};
use super::ground::Ground;
use super::model::{self, HOMES, Model};
use super::posterior::{Edge, probabilities};
use super::weigh::{IdLevel, Pair, Scales, identity};
use std::collections::HashMap;

/// Pairs whose odds are below this (logarithm) are as good as impossible.
const FLOOR: f64 = -5.0;
/// And those below this before anything was learned.
const HOPELESS: f64 = -14.0;
/// A pair may be a call's second where another row of the call is likelier, or nearly so.
const SECOND_SLACK: f64 = 4.0;
/// Rounds of belief while learning, and in the end.
const ROUNDS_LEARNING: usize = 6;
const ROUNDS: usize = 24;
/// Random pairs looked at for each row.
const RANDOM_PAIRS: usize = 8;
/// As how many observations the deployment's shares count for a site's.
const SITE_PRIOR: f64 = 150.0;

/// A site with every pair worth a look.
pub struct World {
    pub site: Compact,
    /// In order of rows, then calls.
    pub pairs: Vec<Pair>,
    pub handlers: Handlers,
    pub ground: Ground,
    /// How likely each row's handler is at its time.
    pub on_duty: Vec<f64>,
    /// Shares of this site that need no learning.
    fixed: Model,
}

/// Edges with their pairs; the second slot of a call stands behind all first ones.
pub struct Web {
    pub edges: Vec<Edge>,
    pub pairs: Vec<u32>,
}

impl World {
    /// Looks up and compares a site that is there as a whole.
    pub fn of(desk: &Desk<'_>) -> Self {
        let site = Compact::of(desk, true);
        let ground = Ground::of(&site);
        Self::on(site, desk, ground)
    }

    /// The same of a part of a site, on the ground of the whole.
    pub fn within(desk: &Desk<'_>, ground: &Ground) -> Self {
        Self::on(Compact::of(desk, ground.counted), desk, ground.clone())
    }

    fn on(site: Compact, desk: &Desk<'_>, ground: Ground) -> Self {
        let handlers = Handlers::of(&site);
        let pairs = pairs(&site, desk, &handlers);
        let on_duty = site.rows.iter().map(|row| handlers.on_duty(row, &ground)).collect();
        let fixed = if ground.counted { by_chance(&site) } else { Model::empty() };
        let mut world = Self { site, pairs, handlers, ground, on_duty, fixed };
        world.drop_the_hopeless();
        world
    }

    /// Drops pairs that nothing learned could make possible.
    fn drop_the_hopeless(&mut self) {
        let model = Model::shipped();
        let scales = Scales::of(&self.site, &self.ground, &model);
        let mut pairs = std::mem::take(&mut self.pairs);
        pairs.retain(|pair| {
            let on_duty = self.on_duty[pair.row as usize];
            pair.id == IdLevel::Same || scales.weigh(pair, &self.handlers, on_duty) > HOPELESS
        });
        pairs.shrink_to_fit();
        self.pairs = pairs;
    }

    /// All edges above the floor by a model, in order of rows.
    pub fn web(&self, model: &Model) -> Web {
        let scales = Scales::of(&self.site, &self.ground, model);
        let duty = |pair: &Pair| self.on_duty[pair.row as usize];
        let weights: Vec<f64> =
            self.pairs.iter().map(|p| scales.weigh(p, &self.handlers, duty(p))).collect();
        let mut best = vec![(f64::NEG_INFINITY, NONE); self.site.calls.len()];
        for (pair, weight) in self.pairs.iter().zip(&weights) {
            let best = &mut best[pair.call as usize];
            if *weight > best.0 {
                *best = (*weight, pair.row);
            }
        }
        let calls = self.site.calls.len() as u32;
        let mut web = Web { edges: Vec::new(), pairs: Vec::new() };
        for (place, (pair, weight)) in self.pairs.iter().zip(&weights).enumerate() {
            if *weight < FLOOR || !self.site.rows[pair.row as usize].owes() {
                continue;
            }
            web.push(pair.row, pair.call, *weight, place);
            let (first, row) = best[pair.call as usize];
            if row != pair.row && first > *weight - SECOND_SLACK {
                let second = weight + scales.second(pair, &self.handlers, duty(pair));
                if second > FLOOR {
                    web.push(pair.row, pair.call + calls, second, place);
                }
            }
        }
        web
    }

    /// Counts what a model expects of this site.
    pub fn expectation(&self, model: &Model) -> (Model, Counts) {
        let web = self.web(model);
        let beliefs = probabilities(&web.edges, ROUNDS_LEARNING);
        let scales = Scales::of(&self.site, &self.ground, model);
        let calls = self.site.calls.len() as u32;
        let (mut counts, mut handled) = (Model::empty(), self.handlers.blank());
        let mut of_call = vec![0.0; self.site.calls.len()];
        for ((edge, place), share) in web.edges.iter().zip(&web.pairs).zip(&beliefs) {
            let pair = &self.pairs[*place as usize];
            let first = edge.slot < calls;
            if first {
                of_call[pair.call as usize] += share;
            }
            if *share < 1e-3 {
                continue;
            }
            counts.count(model::ROW, usize::from(!first), *share);
            self.observe(&scales, pair, *share, &mut counts);
            if first {
                self.handlers.observe(&mut handled, pair.handler, *share);
            }
        }
        let told: f64 = (0..2).map(|level| counts.share(model::ROW, level)).sum();
        let owing = self.site.rows.iter().filter(|row| row.owes()).count() as f64;
        counts.count(model::ROW, 2, (owing - told).max(0.0));
        for (call, share) in self.site.calls.iter().zip(&of_call) {
            let table = model::registered(registration::class(call));
            counts.count(table, 0, share.min(1.0));
            counts.count(table, 1, (1.0 - share).max(0.0));
        }
        counts.add(&self.fixed);
        (counts, handled)
    }

    fn observe(&self, scales: &Scales<'_>, pair: &Pair, share: f64, counts: &mut Model) {
        let (call, row) =
            (&self.site.calls[pair.call as usize], &self.site.rows[pair.row as usize]);
        counts.count(model::NUMBER, pair.identity(), share);
        let kind = if call.out { model::KIND_OUT } else { model::KIND_IN };
        let channel = usize::from(row.channel != crate::ledger::Channel::FollowUp);
        counts.count(kind, channel, share);
        match pair.id {
            IdLevel::None => {}
            id => counts.count(model::CALL_ID, id as usize - 1, share),
        }
        if row.handler != NONE && call.agent != NONE {
            counts.count(model::PERSON, usize::from(row.handler != call.agent), share);
        }
        let times = pair.times;
        if times.lag != OUTSIDE {
            counts.count(model::LAG, usize::from(times.lag), share);
        }
        if row.day != NEVER {
            counts.count(model::DAY, super::weigh::day_level(call, row), share);
        }
        if row.written == NEVER {
            return;
        }
        let (_, shares) = scales.written(pair, row);
        if row.typed != NEVER {
            counts.count(model::NOW, 0, share * shares.now);
            counts.count(model::NOW, 1, share * (1.0 - shares.now));
        }
        counts.count(model::SLIP, SLIPS.len(), share * shares.anywhere);
        if times.slip == OUTSIDE {
            return;
        }
        let table = model::beside(usize::from(times.lag_class), usize::from(times.rounding));
        for (moment, bin) in times.beside.into_iter().enumerate() {
            let part = share * shares.beside[moment];
            counts.count(model::SLIP, usize::from(times.slip), part);
            counts.count(model::MOMENT, moment, part);
            if bin != OUTSIDE {
                counts.count(table, usize::from(bin), part);
            }
        }
    }

    /// Learns this site's own shares, beginning from a deployment's; those themselves in no round.
    pub fn learned(&mut self, deployment: &Model, rounds: usize) -> Model {
        if rounds == 0 {
            return deployment.clone();
        }
        let mut model = deployment.learned(&self.fixed, SITE_PRIOR);
        for _ in 0..rounds {
            let (counts, handled) = self.expectation(&model);
            model = deployment.learned(&counts, SITE_PRIOR);
            self.handlers.learn(handled);
        }
        model
    }

    /// Beliefs in the end.
    pub fn beliefs(&self, web: &Web) -> Vec<f64> {
        probabilities(&web.edges, ROUNDS)
    }
}

impl Web {
    fn push(&mut self, row: u32, slot: u32, weight: f64, pair: usize) {
        self.edges.push(Edge { row, slot, weight });
        self.pairs.push(pair as u32);
    }
}

fn pairs(site: &Compact, desk: &Desk<'_>, handlers: &Handlers) -> Vec<Pair> {
    let ids = ids_in_order(site, desk.contacts);
    let index = Index::of(site, &ids);
    let never: Vec<(i64, i64)> = desk.never();
    let told: HashMap<i64, &str> =
        desk.rows.iter().filter_map(|row| Some((row.key, row.call_id.as_deref()?))).collect();
    let (mut pairs, mut found) = (Vec::new(), Vec::new());
    for (place, row) in site.rows.iter().enumerate() {
        let id = told.get(&row.key).copied();
        let known = id.is_some_and(|id| !index.named(id).is_empty());
        index.candidates(row, id, &mut found);
        for call in &found {
            let contact = &site.calls[*call as usize];
            if never.binary_search(&(contact.key, row.key)).is_ok() {
                continue;
            }
            let (number, home) = identity(site, contact, row);
            let id = match id {
                None => IdLevel::None,
                Some(id) if index.named(id).contains(call) => IdLevel::Same,
                Some(_) if known => IdLevel::Another,
                Some(_) => IdLevel::Unknown,
            };
            let handler = handlers.cells(contact, row);
            let times = times(contact, row);
            pairs.push(Pair { call: *call, row: place as u32, number, home, id, handler, times });
        }
    }
    pairs
}

/// Levels of random pairs of a site, and how long after the time written its rows are typed.
fn by_chance(site: &Compact) -> Model {
    let mut counts = Model::empty();
    let calls = site.calls.len() as u64;
    let mut drawn: u64 = 0x9e37_79b9_7f4a_7c15;
    for row in site.rows.iter().filter(|row| row.owes()) {
        for _ in 0..if calls == 0 { 0 } else { RANDOM_PAIRS } {
            // A linear congruence: the same draw on every machine.
            drawn = drawn
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let call = &site.calls[((drawn >> 33) % calls) as usize];
            let (number, home) = identity(site, call, row);
            counts.count(model::NUMBER_BY_CHANCE, number as usize * HOMES + home as usize, 1.0);
        }
        let both = row.typed != NEVER && row.written != NEVER;
        if let Some(bin) = bin(&LAG_EDGES, row.typed.saturating_sub(row.written)).filter(|_| both) {
            counts.count(model::LAG_OF_ROWS, bin, 1.0);
        }
    }
    counts
}

/// Learns shares over all sites of a deployment; the pairs of each are expected side by side by
/// whoever calls. `expect` gives each site's counts in the sites' order.
pub fn deployment(rounds: usize, mut expect: impl FnMut(&Model) -> Vec<Model>) -> Model {
    let shipped = Model::shipped();
    let mut model = shipped.clone();
    for _ in 0..rounds {
        let mut sum = Model::empty();
        for counts in expect(&model) {
            sum.add(&counts);
        }
        model = shipped.learned(&sum, SITE_PRIOR);
    }
    model
}

//! Learning without labels: what pairs probably belong together is estimated from the shares, and
//! the shares again from the pairs (expectation and maximisation), one-to-one all the while. Pairs
//! that people put together count as what they are; pairs they parted do not count.

use super::compact::{Compact, NEVER, NONE};
use super::evidence::agent::Counts;
use super::evidence::registration;
use super::evidence::time::{LAG_EDGES, OUTSIDE, SLIPS, bin};
use super::model::{self, HOMES, Model};
use super::posterior::{Depth, probabilities};
use super::weigh::{IdLevel, Pair, Scales, identity};
use super::world::{World, leave_hopeless_out};

/// How far beliefs are followed while learning.
const DEPTH_LEARNING: Depth = Depth { rounds: 4, news: 1e-3 };
/// Random pairs looked at for each row: fewer lose links.
const RANDOM_PAIRS: usize = 8;
/// As how many observations the deployment's shares count for a site's.
const SITE_PRIOR: f64 = 150.0;

impl World {
    /// Counts what a model expects of this site. Pairs it finds hopeless are not looked at again.
    pub fn expectation(&mut self, model: &Model) -> (Model, Counts) {
        let scales = Scales::of(&self.site, &self.ground, model);
        let mut odds = self.odds(&scales);
        leave_hopeless_out(&mut self.pairs, &mut odds);
        let web = self.web(&scales, &odds);
        let beliefs = probabilities(&web.edges, DEPTH_LEARNING);
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
        for pair in &self.labelled {
            of_call[pair.call as usize] += 1.0;
            counts.count(model::ROW, 0, 1.0);
            self.observe(&scales, pair, 1.0, &mut counts);
            self.handlers.observe(&mut handled, pair.handler, 1.0);
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
        let shares = scales.written(pair, row);
        let share = share / shares.total();
        if row.typed != NEVER {
            counts.count(model::NOW, 0, share * shares.now);
            counts.count(model::NOW, 1, share * (shares.total() - shares.now));
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
}

/// Levels of random pairs of a site, and how long after the time written its rows are typed.
pub fn by_chance(site: &Compact) -> Model {
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

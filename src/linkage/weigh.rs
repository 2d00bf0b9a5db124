//! The odds of a pair against the row telling of no call and the call having no row, from the
//! shares that a model believes in. They are multiplied, not added as logarithms: taking those
//! would be the dearest part of weighing. A weight is the logarithm, for words and adding up.

use super::compact::{Call, Compact, Entry, NEVER, NONE};
use super::evidence::agent::{Cells, Handlers};
use super::evidence::home::{self, HomeLevel};
use super::evidence::number::{self, NumberLevel};
use super::evidence::registration;
use super::evidence::time::{
    ANYWHERE_S, BESIDE_EDGES, BESIDES, LAG_CLASSES, LAG_EDGES, NOW_S, ROUNDINGS, SLIPS, Times, bin,
    width,
};
use super::ground::Ground;
use super::model::{self, HOMES, Model};
use crate::ledger::Channel;

/// What an entry's call id says of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdLevel {
    None,
    Same,
    /// It names another call.
    Another,
    /// It names no call there is.
    Unknown,
}

/// A density in place of none at all.
const NEXT_TO_NOTHING: f64 = 1e-12;

/// A pair worth weighing, compared once.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    pub call: u32,
    pub row: u32,
    pub number: NumberLevel,
    pub home: HomeLevel,
    pub id: IdLevel,
    pub handler: Cells,
    pub times: Times,
}

impl Pair {
    /// The place of number and home in their common table.
    pub fn identity(&self) -> usize {
        self.number as usize * HOMES + self.home as usize
    }
}

/// Compares the numbers and homes of a pair.
pub fn identity(site: &Compact, call: &Call, row: &Entry) -> (NumberLevel, HomeLevel) {
    // What the words name counts where it is the caller's; it may be anybody's.
    let written = row.numbers[..2].iter().filter(|number| **number != NONE);
    let own = row.numbers.contains(&call.number);
    let home = home::home(site, call, row, own);
    if call.number == NONE {
        let none = row.numbers[0] == NONE;
        let level = if none { NumberLevel::WithheldNoneWritten } else { NumberLevel::Withheld };
        return (level, home);
    }
    if own {
        return (NumberLevel::Same, home);
    }
    let digits = |written: &u32| {
        let both = [call.number, *written].map(|number| number as usize);
        let [calls, written] = both.map(|number| site.packed[number]);
        number::of_one_length(calls, written).unwrap_or_else(|| {
            let [calls, written] = both.map(|number| site.numbers.texts[number].as_str());
            number::digits(calls, written)
        })
    };
    let level = written.map(digits).min().unwrap_or(NumberLevel::NoneWritten);
    let is_weak = matches!(level, NumberLevel::Other | NumberLevel::TwoWrong);
    if is_weak && is_of_the_home(site, call, row) {
        return (NumberLevel::OfTheHome, home);
    }
    (level, home)
}

/// Whether the number written and the number calling are known of one unit.
fn is_of_the_home(site: &Compact, call: &Call, row: &Entry) -> bool {
    let calls = &site.owners[call.number as usize].units;
    row.numbers.iter().filter(|number| **number != NONE).any(|number| {
        let written = &site.owners[*number as usize].units;
        let others = |unit: u32, rows: u32| unit != row.unit || rows > 1;
        let shared = |unit: u32| calls.iter().any(|one| one.0 == unit);
        written.iter().any(|(unit, rows)| others(*unit, *rows) && shared(*unit))
    })
}

/// Densities of a time written, by what explains it.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimeShares {
    pub now: f64,
    pub anywhere: f64,
    /// By moment, at the pair's slip.
    pub beside: [f64; 3],
}

impl TimeShares {
    /// The density of the time.
    pub fn total(&self) -> f64 {
        self.now + self.anywhere + self.beside.iter().sum::<f64>()
    }
}

/// A model made ready for weighing the pairs of a site.
pub struct Scales<'a> {
    site: &'a Compact,
    ground: &'a Ground,
    model: &'a Model,
    identity: Vec<f64>,
    /// By number: how much rarer it is than numbers that agree by chance are.
    rarity: Vec<f64>,
    /// Densities of the lag of typing, and of times beside a moment.
    lag: Vec<f64>,
    beside: Vec<f64>,
    /// By row: one over how densely random rows lie there, which odds are held against.
    of_row: Vec<f64>,
    /// By call: how readily it is written down, against a row that tells of none.
    of_call: Vec<f64>,
    registered: Vec<f64>,
    /// How often the time written is that of typing, and how densely times lie that are beside
    /// nothing.
    now: f64,
    anywhere: f64,
    /// Of each slip, then moment: how often a time slips so and names it.
    slipped: Vec<[f64; 3]>,
    /// By direction, then follow-up or not.
    kind: [[f64; 2]; 2],
    id: [f64; 4],
    second: f64,
    person: f64,
}

impl<'a> Scales<'a> {
    /// Makes a model ready.
    pub fn of(site: &'a Compact, ground: &'a Ground, model: &'a Model) -> Self {
        let by_chance = model.table(model::NUMBER_BY_CHANCE);
        let together = model.table(model::NUMBER);
        let identity = together.iter().zip(by_chance).map(|(m, u)| m / u).collect();
        let same = NumberLevel::Same as usize * HOMES;
        let of_class = |class| {
            let table = model.table(model::registered(class));
            table[0] / table[1]
        };
        let registered: Vec<f64> = (0..registration::CLASSES).map(of_class).collect();
        let same: f64 = by_chance[same..same + HOMES].iter().sum();
        let rarity = (0..site.numbers.count() as u32)
            .map(|number| ground.share_of_number(site, number).map_or(1.0, |one| same / one))
            .collect();
        let tables = (0..LAG_CLASSES).flat_map(|class| (0..ROUNDINGS).map(move |by| (class, by)));
        let beside = tables
            .flat_map(|(class, by)| densities(model.table(model::beside(class, by)), &BESIDE_EDGES))
            .collect();
        let id = model.table(model::CALL_ID);
        let row = model.table(model::ROW);
        let of_call = |call: &Call| registered[registration::class(call)] / row[2];
        Self {
            site,
            ground,
            model,
            identity,
            rarity,
            lag: densities(model.table(model::LAG), &LAG_EDGES),
            beside,
            of_row: of_rows(site, ground, model),
            of_call: site.calls.iter().map(of_call).collect(),
            registered,
            now: model.share(model::NOW, 0),
            anywhere: model.share(model::SLIP, SLIPS.len()) / ANYWHERE_S,
            slipped: slips(model),
            kind: kinds(model),
            id: [1.0, id[0] * ground.calls, id[1], (id[2] / 0.02).min(1.0)],
            second: row[1] / row[0],
            person: model.share(model::PERSON, 0),
        }
    }

    fn identity_odds(&self, pair: &Pair) -> f64 {
        let odds = self.identity[pair.identity()];
        if pair.number != NumberLevel::Same {
            return odds;
        }
        odds * self.rarity[self.site.calls[pair.call as usize].number as usize]
    }

    fn kind_odds(&self, call: &Call, row: &Entry) -> f64 {
        self.kind[usize::from(call.out)][usize::from(row.channel != Channel::FollowUp)]
    }

    /// The weight of number and home together.
    pub fn identity(&self, pair: &Pair) -> f64 {
        self.identity_odds(pair).ln()
    }

    /// The weight of how readily a call is written down at all, against being left out.
    pub fn registered(&self, call: &Call) -> f64 {
        self.registered[registration::class(call)].ln()
    }

    /// The weight of what the call id says.
    pub fn id(&self, pair: &Pair) -> f64 {
        self.id[pair.id as usize].ln()
    }

    /// The weight of direction and channel.
    pub fn kind(&self, call: &Call, row: &Entry) -> f64 {
        self.kind_odds(call, row).ln()
    }

    /// The weight of both times of a row beside a call's.
    pub fn time(&self, pair: &Pair) -> f64 {
        (self.times(pair) * self.of_row[pair.row as usize]).ln()
    }

    /// The odds of a pair.
    pub fn odds(&self, pair: &Pair, handlers: &Handlers, on_duty: f64) -> f64 {
        let (call, row) =
            (&self.site.calls[pair.call as usize], &self.site.rows[pair.row as usize]);
        self.of_call[pair.call as usize]
            * self.identity_odds(pair)
            * self.kind_odds(call, row)
            * self.id[pair.id as usize]
            * self.times(pair)
            * self.of_row[pair.row as usize]
            * handlers.odds(pair.handler, call, row, self.person, on_duty)
    }

    /// What a pair's odds are multiplied with where the row is a second one of the call.
    pub fn second(&self, pair: &Pair, handlers: &Handlers, on_duty: f64) -> f64 {
        let (call, row) =
            (&self.site.calls[pair.call as usize], &self.site.rows[pair.row as usize]);
        let first = handlers.odds(pair.handler, call, row, self.person, on_duty);
        let registered = self.registered[registration::class(call)];
        self.second * Handlers::second_odds(call, row, on_duty) / (registered * first)
    }

    /// How both times of a row lie beside a call's, before they are held against those of a random
    /// row.
    fn times(&self, pair: &Pair) -> f64 {
        let row = &self.site.rows[pair.row as usize];
        let lag = usize::from(pair.times.lag);
        let typed = match self.lag.get(lag) {
            Some(density) => *density,
            None if row.typed == NEVER => 1.0,
            None => NEXT_TO_NOTHING,
        };
        if row.written == NEVER {
            let call = &self.site.calls[pair.call as usize];
            return self.unwritten(call, row, typed);
        }
        typed * self.written(pair, row).total()
    }

    /// Density of the time written, by its explanations.
    pub fn written(&self, pair: &Pair, row: &Entry) -> TimeShares {
        let now_share = if row.typed == NEVER { 0.0 } else { self.now };
        let is_now = row.typed != NEVER && (row.written - row.typed).abs() <= NOW_S;
        let mut shares = TimeShares {
            now: if is_now { now_share / (2 * NOW_S) as f64 } else { 0.0 },
            anywhere: (1.0 - now_share) * self.anywhere,
            beside: [0.0; 3],
        };
        let times = pair.times;
        if let Some(slipped) = self.slipped.get(usize::from(times.slip)) {
            let table = usize::from(times.lag_class) * ROUNDINGS + usize::from(times.rounding);
            let table = &self.beside[table * BESIDES..][..BESIDES];
            for (moment, bin) in times.beside.into_iter().enumerate() {
                let beside = table.get(usize::from(bin)).copied().unwrap_or(NEXT_TO_NOTHING);
                shares.beside[moment] = (1.0 - now_share) * slipped[moment] * beside;
            }
        }
        shares
    }

    /// The same where no time is written, or only a day.
    fn unwritten(&self, call: &Call, row: &Entry, typed: f64) -> f64 {
        if row.day != NEVER {
            let level = day_level(call, row);
            let day = self.model.share(model::DAY, level) / [1.0, 2.0, 10.0][level];
            let rows = self.ground.mean();
            let after = if row.typed == NEVER { 1.0 } else { 1.0 / 86_400.0 };
            return typed * (day / 86_400.0) / (rows * after);
        }
        if row.typed == NEVER {
            return 1.0 / self.ground.rows.max(100.0);
        }
        typed / self.ground.at(row.typed)
    }
}

/// The day written is the call's, one beside it, or another.
pub fn day_level(call: &Call, row: &Entry) -> usize {
    match (call.answer - row.day).div_euclid(86_400) {
        0 => 0,
        -1 | 1 => 1,
        _ => 2,
    }
}

/// How often a time slips so and names the moment, by slip, then moment.
fn slips(model: &Model) -> Vec<[f64; 3]> {
    let slipped = |slip| model.share(model::SLIP, slip);
    let moments = |slip| [0, 1, 2].map(|moment| slipped(slip) * model.share(model::MOMENT, moment));
    (0..SLIPS.len()).map(moments).collect()
}

/// Odds of direction and channel. Among all calls about one in twelve goes out.
fn kinds(model: &Model) -> [[f64; 2]; 2] {
    let share = |table, level| model.share(table, level);
    let any = |level| 0.92 * share(model::KIND_IN, level) + 0.08 * share(model::KIND_OUT, level);
    [model::KIND_IN, model::KIND_OUT]
        .map(|table| [0, 1].map(|level| share(table, level) / any(level)))
}

/// Densities per second of a table over borders.
fn densities(shares: &[f64], edges: &[i64]) -> Vec<f64> {
    let density = |(bin, share): (usize, &f64)| (share / width(edges, bin)).max(NEXT_TO_NOTHING);
    shares.iter().enumerate().map(density).collect()
}

/// One over how densely random rows lie where each row does.
fn of_rows(site: &Compact, ground: &Ground, model: &Model) -> Vec<f64> {
    let after = densities(model.table(model::LAG_OF_ROWS), &LAG_EDGES);
    let of_row = |row: &Entry| {
        if row.written == NEVER {
            return 1.0;
        }
        let lag = (row.typed != NEVER).then(|| row.typed - row.written);
        let typed =
            lag.map_or(1.0, |lag| bin(&LAG_EDGES, lag).map_or(NEXT_TO_NOTHING, |bin| after[bin]));
        1.0 / (ground.at(row.written) * typed)
    };
    site.rows.iter().map(of_row).collect()
}

//! The evidence for a pair in words and weights, and where its entry contradicts its call.

use super::compact::{Call, Entry, NEVER, NONE};
use super::evidence::home::HomeLevel;
use super::evidence::number::NumberLevel;
use super::evidence::registration;
use super::model::{self, Model};
use super::verdict::Evidence;
use super::weigh::{IdLevel, Pair, Scales};
use super::world::World;
use std::borrow::Cow;
use std::fmt;

/// An entry contradicts its call's time beyond this, in seconds.
const TIME_CONFLICT_S: i64 = 1800;

/// Fields that tell of a pair, at most.
const FIELDS: usize = 6;

/// Fields in which an entry contradicts the call it tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    Number,
    Time,
    Agent,
    Unit,
}

/// Explains the pairs of a site by a model.
pub struct Explainer<'a> {
    world: &'a World,
    model: &'a Model,
    scales: Scales<'a>,
}

impl<'a> Explainer<'a> {
    /// For a world and what is believed of it.
    pub fn of(world: &'a World, model: &'a Model) -> Self {
        Self { world, model, scales: Scales::of(&world.site, &world.ground, model) }
    }

    fn sides(&self, pair: &Pair) -> (&'a Call, &'a Entry) {
        let site = &self.world.site;
        (&site.calls[pair.call as usize], &site.rows[pair.row as usize])
    }

    /// Every field with its level and weight in bits; together with the prior they add up to the
    /// pair's weight.
    pub fn evidence(&self, pair: &Pair) -> Vec<Evidence> {
        let (call, row) = self.sides(pair);
        let one = |field: &'static str, level: Cow<'static, str>, nats: f64| Evidence {
            field: field.into(),
            level,
            weight: (nats / std::f64::consts::LN_2 * 100.0).round() / 100.0,
        };
        let mut all = Vec::with_capacity(FIELDS);
        all.push(one("number", number_words(pair), self.scales.identity(pair)));
        all.push(one("time", time_words(call, row).into(), self.scales.time(pair)));
        if row.handler != NONE {
            let on_duty = self.world.on_duty[pair.row as usize];
            let same = self.model.share(model::PERSON, 0);
            let weight = self.world.handlers.odds(pair.handler, call, row, same, on_duty).ln();
            all.push(one("agent", agent_words(call, row).into(), weight));
        }
        all.push(one("direction", kind_words(call, row).into(), self.scales.kind(call, row)));
        match pair.id {
            IdLevel::None => {}
            IdLevel::Same => all.push(one("call_id", "same".into(), self.scales.id(pair))),
            IdLevel::Another => {
                all.push(one("call_id", "names another call".into(), self.scales.id(pair)));
            }
            IdLevel::Unknown => {
                all.push(one("call_id", "names no call".into(), self.scales.id(pair)));
            }
        }
        let class = registration::words(registration::class(call));
        let ghost = self.model.share(model::ROW, 2).ln();
        all.push(one("prior", class.into(), self.scales.registered(call) - ghost));
        all
    }

    /// Where the entry contradicts the call.
    pub fn conflicts(&self, pair: &Pair) -> Vec<Conflict> {
        let (call, row) = self.sides(pair);
        let mut all = Vec::new();
        let mistyped = matches!(
            pair.number,
            NumberLevel::OneWrong
                | NumberLevel::OneMissingOrExtra
                | NumberLevel::Transposed
                | NumberLevel::TwoWrong
        );
        if mistyped {
            all.push(Conflict::Number);
        }
        if row.written != NEVER && (row.written - call.ring).abs() > TIME_CONFLICT_S {
            all.push(Conflict::Time);
        }
        let same = self.model.share(model::PERSON, 0);
        if self.world.handlers.is_of_another(pair.handler, call, row, same) {
            all.push(Conflict::Agent);
        }
        if matches!(pair.home, HomeLevel::NearUnit | HomeLevel::OtherUnit) {
            all.push(Conflict::Unit);
        }
        all
    }
}

fn number_words(pair: &Pair) -> Cow<'static, str> {
    match pair.home.words() {
        "" => pair.number.words().into(),
        home => format!("{}; {home}", pair.number.words()).into(),
    }
}

/// A difference of times in words.
struct Apart(i64);

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        match size {
            ..5400 => write!(f, "{} min", (size + 30) / 60)?,
            5400..129_600 => write!(f, "{:.1} h", size as f64 / 3600.0)?,
            _ => write!(f, "{:.1} days", size as f64 / 86_400.0)?,
        }
        f.write_str(if self.0 < 0 { " before" } else { " after" })
    }
}

fn time_words(call: &Call, row: &Entry) -> String {
    let away = Apart(row.written.saturating_sub(call.answer));
    let lag = Apart(row.typed.saturating_sub(call.end));
    let [only_day, none] = ["only the day written", "no time written"];
    match (row.written != NEVER, row.typed != NEVER) {
        (true, true) => format!("written {away} the answer, typed {lag} the end"),
        (true, false) => format!("written {away} the answer"),
        (false, typed) => {
            let written = if row.day == NEVER { none } else { only_day };
            if typed { format!("{written}, typed {lag} the end") } else { written.to_owned() }
        }
    }
}

fn agent_words(call: &Call, row: &Entry) -> &'static str {
    if row.handler == call.agent {
        "same"
    } else if call.agent == NONE {
        "by the extension only"
    } else {
        "another"
    }
}

fn kind_words(call: &Call, row: &Entry) -> &'static str {
    use crate::ledger::Channel;
    match (row.channel, call.out) {
        (Channel::FollowUp, false) => "follow-up, inbound",
        (Channel::FollowUp, true) => "follow-up, outbound",
        (Channel::WalkIn, false) => "walk-in, inbound",
        (Channel::WalkIn, true) => "walk-in, outbound",
        (Channel::Phone, false) => "call, inbound",
        (Channel::Phone, true) => "call, outbound",
    }
}

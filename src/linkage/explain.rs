//! The evidence for a pair in words and weights, and where its entry contradicts its call.

use super::compact::{Call, Entry, NEVER, NONE};
use super::evidence::home::HomeLevel;
use super::evidence::number::NumberLevel;
use super::evidence::registration;
use super::model::{self, Model};
use super::verdict::Evidence;
use super::weigh::{IdLevel, Pair, Scales};
use super::world::World;

/// An entry contradicts its call's time beyond this, in seconds.
const TIME_CONFLICT_S: i64 = 1800;

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
        let one = |field: &str, level: String, nats: f64| Evidence {
            field: field.to_owned(),
            level,
            weight: (nats / std::f64::consts::LN_2 * 100.0).round() / 100.0,
        };
        let mut all = vec![
            one("number", number_words(pair), self.scales.identity(pair)),
            one("time", time_words(call, row), self.scales.time(pair)),
        ];
        if row.handler != NONE {
            let on_duty = self.world.on_duty[pair.row as usize];
            let same = self.model.share(model::PERSON, 0);
            let weight = self.world.handlers.weight(pair.handler, call, row, same, on_duty);
            all.push(one("agent", agent_words(call, row), weight));
        }
        all.push(one("direction", kind_words(call, row), self.scales.kind(call, row)));
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

fn number_words(pair: &Pair) -> String {
    match pair.home.words() {
        "" => pair.number.words().to_owned(),
        home => format!("{}; {home}", pair.number.words()),
    }
}

fn apart(seconds: i64) -> String {
    let size = seconds.abs();
    match size {
        ..5400 => format!("{} min", (size + 30) / 60),
        5400..129_600 => format!("{:.1} h", size as f64 / 3600.0),
        _ => format!("{:.1} days", size as f64 / 86_400.0),
    }
}

fn time_words(call: &Call, row: &Entry) -> String {
    let side = |seconds: i64| if seconds < 0 { "before" } else { "after" };
    let written = if row.written != NEVER {
        let away = row.written - call.answer;
        format!("written {} {} the answer", apart(away), side(away))
    } else if row.day != NEVER {
        "only the day written".to_owned()
    } else {
        "no time written".to_owned()
    };
    if row.typed == NEVER {
        return written;
    }
    let lag = row.typed - call.end;
    format!("{written}, typed {} {} the end", apart(lag), side(lag))
}

fn agent_words(call: &Call, row: &Entry) -> String {
    let words = if row.handler == call.agent {
        "same"
    } else if call.agent == NONE {
        "by the extension only"
    } else {
        "another"
    };
    words.to_owned()
}

fn kind_words(call: &Call, row: &Entry) -> String {
    use crate::ledger::Channel;
    let row = match row.channel {
        Channel::FollowUp => "follow-up",
        Channel::WalkIn => "walk-in",
        Channel::Phone => "call",
    };
    format!("{row}, {}", if call.out { "outbound" } else { "inbound" })
}

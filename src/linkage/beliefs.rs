//! What is believed of one site while links come in: shares, how busy it is, who writes for whom,
//! and its ways of writing. Between two learnings it stands still, so that a link depends on its
//! neighbourhood alone.

use super::evidence::agent::Staff;
use super::ground::Ground;
use super::habits::{Habit, Off, desk};
use super::left_over::outcome;
use super::model::{self, Model};
use super::reading::Ways;
use super::world::World;
use super::{Contact, Decided, Desk, Directory, Row};
use serde::{Deserialize, Serialize};

/// Rounds of expectation and maximisation.
const ROUNDS: usize = 5;
/// Pairs from here on show a desk's ways.
const SURE: f64 = 0.95;

/// The beliefs of a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beliefs {
    pub model: Model,
    pub ground: Ground,
    pub staff: Staff,
    pub ways: Ways,
}

/// All that there is of a site, as it was written.
#[derive(Debug, Clone, Default)]
pub struct Site<'a> {
    pub name: &'a str,
    pub contacts: Vec<Contact>,
    pub rows: Vec<Row>,
    pub directory: Directory,
    pub decided: Vec<Decided>,
}

impl Beliefs {
    /// Those of a desk of which nothing is known yet.
    pub fn shipped() -> Self {
        Self {
            model: Model::shipped(),
            ground: Ground::usual(),
            staff: Staff::default(),
            ways: Ways::default(),
        }
    }

    /// Learns a site from all of its rows, without labels but for people's words; with its habits
    /// in sentences. The same rows give the same beliefs.
    pub fn learned(mut site: Site<'_>, off: &Off) -> (Self, Vec<Habit>) {
        let all = (site.contacts.clone(), site.rows.clone(), site.directory.clone());
        let (ways, mut habits) = Ways::of(site.name, off, all.0, all.1, all.2);
        site.contacts.iter_mut().for_each(|contact| ways.fit_contact(contact));
        site.rows.iter_mut().for_each(|row| ways.fit_row(row));
        ways.fit_directory(&mut site.directory);
        let desk = Desk {
            contacts: &site.contacts,
            rows: &site.rows,
            directory: &site.directory,
            decided: &site.decided,
        };
        let mut world = World::to_learn(&desk);
        let shipped = Model::shipped();
        let model = world.learned(&shipped, ROUNDS).keeping(&kept(off), &shipped);
        let outcome = outcome(&world, &model, &|_| SURE);
        habits.extend(desk::habits(site.name, &world, &outcome));
        let staff = world.handlers.staff(&world.site);
        (Self { model, ground: world.ground, staff, ways }, habits)
    }
}

/// Tables that are not learned, for habits that are switched off.
pub fn kept(off: &Off) -> Vec<model::Group> {
    let tables = [("moment", model::MOMENT), ("typing", model::LAG)];
    let is_off = |(name, _): &&(&str, model::Group)| !off.applies(name);
    tables.iter().filter(is_off).map(|(_, table)| *table).collect()
}

//! Linking again only what a change can have changed, with the outcome of linking the whole site.
//!
//! A pair weighs by its two sides, by the calls around its call (crowds, legs) and by beliefs that
//! stand still; which pairs are kept depends on the best pair of each side; kept pairs fall into
//! components that know nothing of each other. So a change reaches: what lies beside what changed,
//! as it was and as it is; what lies beside that; and the components these are in.

use super::beliefs::Beliefs;
use super::candidate::{Rows, ids_in_order, reach_s};
use super::compact::{CROWD_S, Call, Compact, Entry, LEG_GAP_S, LEG_REACH_S};
use super::decide::{Bars, said};
use super::evidence::agent::Handlers;
use super::evidence::registration::CROWD;
use super::left_over::HIDES;
use super::model::Model;
use super::pairs::Finder;
use super::verdict::Links;
use super::weigh::{Pair, Scales};
use super::world::{FLOOR, World, is_kept, is_possible};
use super::{Contact, Desk, Row, Text};
use crate::linkage::hash::HashMap;
use std::collections::BTreeSet;

/// What became of a site since it was linked. A side that is new has no earlier form; one that is
/// gone is not among the desk's any more.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub contacts: BTreeSet<i64>,
    pub rows: BTreeSet<i64>,
    /// As they were when they were linked.
    pub contacts_before: Vec<Contact>,
    pub rows_before: Vec<Row>,
    /// More has changed, and is linked later.
    pub goes_on: bool,
}

/// What was linked again: everything about these contacts and rows, by key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    pub links: Links,
    pub contacts: BTreeSet<i64>,
    pub rows: BTreeSet<i64>,
}

/// More of the site must be there: everything in this span, in seconds of the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct More {
    pub from: i64,
    pub to: i64,
}

/// How far around a thing everything must be there to weigh its pairs, in seconds.
const AROUND_S: i64 = LEG_REACH_S + CROWD_S + LEG_GAP_S;

/// Links again what a change can have changed. `desk` holds every contact that rings, and every row
/// whose time lies, within `span` (seconds of the epoch; more may be there).
///
/// # Errors
/// [`More`] where the neighbourhood reaches beyond the span.
pub fn relink(
    desk: &Desk<'_>,
    span: (i64, i64),
    change: &Change,
    beliefs: &Beliefs,
    bars: &Bars,
) -> Result<Part, More> {
    let site = Compact::after(desk, false, &change.contacts_before, &change.rows_before);
    let handlers = Handlers::believed(&site, &beliefs.staff);
    let on_duty: Vec<f64> = site.rows.iter().map(|row| handlers.on_duty(row)).collect();
    let shipped = Model::shipped();
    let mut closure =
        Closure::of(&site, desk, &handlers, &on_duty, [&shipped, &beliefs.model], &beliefs.ground);
    let seeds = closure.seeds(desk, change);
    closure.close(seeds);
    closure.within(span)?;
    let Closure { pairs, in_call, in_row, .. } = closure;
    let keys = |of: &[bool], key: &dyn Fn(usize) -> i64| -> BTreeSet<i64> {
        of.iter().enumerate().filter(|(_, is_in)| **is_in).map(|(at, _)| key(at)).collect()
    };
    let mut contacts = keys(&in_call, &|at| site.calls[at].key);
    let mut rows = keys(&in_row, &|at| site.rows[at].key);
    contacts.extend(&change.contacts);
    rows.extend(&change.rows);
    let pairs = pairs.into_iter().flatten().flatten().map(|(pair, _)| pair).collect();
    let world = World {
        site,
        pairs,
        labelled: Vec::new(),
        handlers,
        ground: beliefs.ground.clone(),
        on_duty,
        fixed: Model::empty(),
        part: Some(in_row),
    };
    let mut links = said(desk, &world, &beliefs.model, bars);
    links.linked.retain(|link| contacts.contains(&link.contact));
    Ok(Part { links, contacts, rows })
}

/// Pairs of a row with their odds.
type Weighed = Vec<(Pair, f64)>;

/// The sides that a change reaches, as they are found.
struct Closure<'a> {
    site: &'a Compact,
    handlers: &'a Handlers,
    on_duty: &'a [f64],
    finder: Finder<'a>,
    rows: Rows<'a>,
    ids: Vec<&'a [Text]>,
    /// Of the shipped shares, and of those believed.
    scales: [Scales<'a>; 2],
    /// By row, once asked for: those worth a belief.
    pairs: Vec<Option<Weighed>>,
    /// Rows beside a call, once asked for.
    beside: Vec<Option<Vec<u32>>>,
    best_of_call: Vec<f64>,
    best_of_row: Vec<f64>,
    in_call: Vec<bool>,
    in_row: Vec<bool>,
    /// The span within which everything must be there.
    needed: Option<(i64, i64)>,
}

/// A call or a row, by place.
#[derive(Clone, Copy)]
enum Side {
    Call(u32),
    Row(u32),
}

impl<'a> Closure<'a> {
    fn of(
        site: &'a Compact,
        desk: &Desk<'a>,
        handlers: &'a Handlers,
        on_duty: &'a [f64],
        models: [&'a Model; 2],
        ground: &'a super::Ground,
    ) -> Self {
        let finder = Finder::of(site, desk, handlers);
        let rows = Rows::of(site, |row| finder.told(row));
        let (calls, count) = (site.calls.len(), site.rows.len());
        Self {
            site,
            handlers,
            on_duty,
            finder,
            rows,
            ids: ids_in_order(site, desk.contacts),
            scales: models.map(|model| Scales::of(site, ground, model)),
            pairs: vec![None; count],
            beside: vec![None; calls],
            best_of_call: vec![0.0; calls],
            best_of_row: vec![0.0; count],
            in_call: vec![false; calls],
            in_row: vec![false; count],
            needed: None,
        }
    }

    /// Notes that everything within reach of a moment must be there.
    fn need(&mut self, at: i64) {
        let (from, to) = (at - reach_s() - AROUND_S, at + reach_s() + AROUND_S);
        let (first, last) = self.needed.unwrap_or((from, to));
        self.needed = Some((first.min(from), last.max(to)));
    }

    fn within(&self, span: (i64, i64)) -> Result<(), More> {
        match self.needed {
            Some((from, to)) if from < span.0 || to > span.1 => {
                Err(More { from: from.min(span.0), to: to.max(span.1) })
            }
            _ => Ok(()),
        }
    }

    /// What changed itself, and what lies beside it as it was and as it is.
    fn seeds(&mut self, desk: &Desk<'a>, change: &'a Change) -> Vec<Side> {
        let site = self.site;
        let mut ids: HashMap<i64, Vec<&'a Text>> = HashMap::default();
        for contact in &change.contacts_before {
            ids.entry(contact.key).or_default().extend(&contact.call_ids);
        }
        let changed = self.changed_calls(change);
        let keys: BTreeSet<i64> = changed.iter().map(|call| call.key).collect();
        for contact in desk.contacts.iter().filter(|contact| keys.contains(&contact.key)) {
            ids.entry(contact.key).or_default().extend(&contact.call_ids);
        }
        let (mut calls, mut rows) = (BTreeSet::new(), BTreeSet::new());
        for call in changed {
            self.need(call.ring);
            let ids = ids.get(&call.key).map_or(&[][..], Vec::as_slice);
            let beside = self.rows.candidates(&call, ids.iter().copied());
            rows.extend(beside);
            // What an id says of all other calls changes with the call it names.
            for row in self.rows.naming(&call, ids.iter().copied()) {
                let row = &site.rows[row as usize];
                self.beside_row(row, self.finder.told(row), &mut calls);
            }
        }
        calls.extend(
            (0..site.calls.len() as u32)
                .filter(|at| change.contacts.contains(&site.calls[*at as usize].key)),
        );
        let were = change.rows_before.iter().map(|row| (row.key, row.call_id.as_deref()));
        let were: HashMap<i64, Option<&str>> = were.collect();
        for row in &site.gone_rows {
            self.need(row.near());
            let id = were.get(&row.key).copied().flatten();
            self.beside_row(row, id, &mut calls);
        }
        for (place, row) in site.rows.iter().enumerate() {
            if change.rows.contains(&row.key) {
                rows.insert(place as u32);
                self.ask_row(place as u32);
                calls.extend(self.pairs[place].iter().flatten().map(|(pair, _)| pair.call));
            }
        }
        rows.into_iter().map(Side::Row).chain(calls.into_iter().map(Side::Call)).collect()
    }

    fn beside_row(&self, row: &Entry, id: Option<&str>, calls: &mut BTreeSet<u32>) {
        let mut found = Vec::new();
        let named = id.map(|id| self.finder.index.named(id, row));
        self.finder.index.candidates(row, named, &mut found);
        calls.extend(found);
    }

    /// Calls that changed, as they are and as they were, and calls around them whose crowd or leg
    /// may be another now.
    fn changed_calls(&self, change: &Change) -> Vec<Call> {
        let here = self.site.calls.iter();
        let mut all: Vec<Call> =
            here.filter(|call| change.contacts.contains(&call.key)).cloned().collect();
        all.extend(self.site.gone_calls.iter().cloned());
        let mut forms: HashMap<(i64, i64), usize> = HashMap::default();
        all.iter().for_each(|call| *forms.entry((call.key, call.ring)).or_default() += 1);
        let mut around: BTreeSet<u32> = BTreeSet::new();
        // Calls that changed and are linked later may have moved a crowd as well.
        let changed = if change.goes_on { usize::from(u16::MAX) } else { all.len() };
        for call in &all {
            // As it was and as it is, and at the same moment: nobody's crowd is another.
            let stands = forms[&(call.key, call.ring)] > 1;
            around.extend(self.around(call, stands, changed));
        }
        all.extend(around.into_iter().map(|at| self.site.calls[at as usize].clone()));
        all
    }

    /// Calls around one of so many that changed whose crowd or leg may be another now; no crowd is
    /// where it `stands` when it rang.
    fn around(&self, call: &Call, stands: bool, changed: usize) -> Vec<u32> {
        let index = &self.finder.index;
        let crowd = |at: &u32| {
            let crowd = usize::from(self.site.calls[*at as usize].crowd);
            let border = usize::from(CROWD);
            crowd < border + changed && crowd + changed >= border
        };
        let mut all: Vec<u32> = Vec::new();
        if !stands {
            all.extend(index.ringing(call.ring - CROWD_S, call.ring + CROWD_S).filter(crowd));
        }
        let gap = 2 * LEG_GAP_S;
        let touches = |at: &u32| {
            let other = &self.site.calls[*at as usize];
            let near = |one: i64, two: i64| (one - two).abs() <= gap;
            other.number == call.number
                && [call.ring, call.end]
                    .iter()
                    .any(|at| near(other.ring, *at) || near(other.end, *at))
        };
        let last = call.ring + LEG_REACH_S + gap;
        all.extend(index.ringing(call.ring - LEG_REACH_S - gap, last).filter(touches));
        all
    }

    /// Compares and weighs the pairs of a row, and keeps those that are not hopeless.
    fn ask_row(&mut self, row: u32) {
        if self.pairs[row as usize].is_some() {
            return;
        }
        self.need(self.site.rows[row as usize].near());
        let (mut found, on_duty) = (Weighed::new(), self.on_duty[row as usize]);
        let [shipped, believed] = &self.scales;
        let handlers = self.handlers;
        // What is below the floor is no edge, is nobody's best pair and hides no call.
        self.finder.pairs(row, |pair| {
            let odds = believed.odds(&pair, handlers, on_duty);
            if odds >= FLOOR && is_possible(shipped, &pair, handlers, on_duty) {
                found.push((pair, odds));
            }
        });
        for (pair, odds) in &found {
            let best = &mut self.best_of_call[pair.call as usize];
            *best = best.max(*odds);
            let best = &mut self.best_of_row[row as usize];
            *best = best.max(*odds);
        }
        self.pairs[row as usize] = Some(found);
    }

    /// Weighs all pairs of a call.
    fn ask_call(&mut self, call: u32) {
        if self.beside[call as usize].is_some() {
            return;
        }
        let of = &self.site.calls[call as usize];
        let rows = self.rows.candidates(of, self.ids[call as usize].iter());
        self.need(of.ring);
        rows.iter().for_each(|row| self.ask_row(*row));
        self.beside[call as usize] = Some(rows);
    }

    /// The pairs of a side with their odds; the other side is weighed too.
    fn pairs_of(&mut self, side: Side) -> Weighed {
        match side {
            Side::Row(row) => {
                self.ask_row(row);
                let pairs = self.pairs[row as usize].clone().unwrap_or_default();
                pairs.iter().for_each(|(pair, _)| self.ask_call(pair.call));
                pairs
            }
            Side::Call(call) => {
                self.ask_call(call);
                let rows = self.beside[call as usize].iter().flatten();
                let pairs = rows.filter_map(|row| self.pairs[*row as usize].as_ref()).flatten();
                pairs.filter(|(pair, _)| pair.call == call).copied().collect()
            }
        }
    }

    /// Whether a pair ties its two sides together: an edge of the web, or a walk-in that may hide
    /// the call.
    fn ties(&self, pair: &Pair, odds: f64) -> bool {
        if !self.site.rows[pair.row as usize].owes() {
            return odds >= HIDES;
        }
        let (call, row) = (pair.call as usize, pair.row as usize);
        is_kept(odds, self.best_of_call[call], self.best_of_row[row])
    }

    /// Everything tied to the seeds and to what lies beside them: of that, too, the best pairs may
    /// be others now, and with them which pairs are kept.
    fn close(&mut self, seeds: Vec<Side>) {
        let mut beyond: Vec<Side> = Vec::new();
        for seed in seeds {
            beyond.push(seed);
            for (pair, _) in self.pairs_of(seed) {
                beyond.extend([Side::Row(pair.row), Side::Call(pair.call)]);
            }
        }
        while let Some(side) = beyond.pop() {
            let known = match side {
                Side::Call(call) => &mut self.in_call[call as usize],
                Side::Row(row) => &mut self.in_row[row as usize],
            };
            if std::mem::replace(known, true) {
                continue;
            }
            for (pair, odds) in self.pairs_of(side) {
                if self.ties(&pair, odds) {
                    beyond.extend([Side::Row(pair.row), Side::Call(pair.call)]);
                }
            }
        }
    }
}

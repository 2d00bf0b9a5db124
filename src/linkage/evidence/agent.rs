//! Who answers where: how likely each handler is for each person or extension, by week, so that
//! swapped seats and borrowed accounts are seen; beside who was on duty at all.

use crate::linkage::Text;
use crate::linkage::compact::{Call, Compact, Entry, NONE};
use crate::linkage::hash::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows of a desk's hours count as one span.
const SPAN_S: i64 = 6 * 3600;
const WEEK_S: i64 = 7 * 86_400;
/// How many observations a span's shares are drawn towards the whole site's as.
const SPAN_PRIOR: f64 = 4.0;
/// The same of a person's shares towards the beginning's, and of a week's towards the person's.
const PERSON_PRIOR: f64 = 5.0;
const WEEK_PRIOR: f64 = 12.0;
/// How many second rows the same person writes.
const SECOND_BY_SAME: f64 = 0.08;
/// How much likelier somebody else is, at most.
const SECOND_BY_OTHER_MAX: f64 = std::f64::consts::E;

/// The share of the rows that one handler writes at a desk of which nothing is known.
const USUAL_HANDLER: f64 = 0.2;

/// A handler who writes of this share of a person's calls is expected to; where only the seat is
/// known, of this share of its calls.
const EXPECTED: f64 = 0.6;
const EXPECTED_AT_SEAT: f64 = 0.9;

/// Tables of more cells than this are not kept by week.
const CELLS_MAX: usize = 1 << 21;

/// Places of the counts that concern a pair; [`NONE`] where handler or person are not told.
#[derive(Debug, Clone, Copy)]
pub struct Cells {
    pub pair: u32,
    pub week: u32,
}

/// Who writes for whom, as learned of a desk, by names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Staff {
    /// Rows by handler.
    pub rows: BTreeMap<String, f64>,
    /// By person or extension, then by handler: rows that tell of their calls.
    pub pairs: BTreeMap<String, BTreeMap<String, f64>>,
}

/// How often each handler writes for each person and extension.
#[derive(Debug, Default)]
pub struct Handlers {
    /// Rows by handler, of the site and by span.
    all: Vec<f64>,
    rows: f64,
    by_span: HashMap<(i64, u32), f64>,
    span_rows: HashMap<i64, f64>,
    persons: usize,
    first_week: i64,
    weeks: usize,
    counts: Counts,
}

/// Observed pairs of who and handler: by who × handler, and by week × who × handler, with sums by
/// who.
#[derive(Debug, Default, Clone)]
pub struct Counts {
    pair: Vec<f64>,
    week: Vec<f64>,
    who: Vec<f64>,
    who_week: Vec<f64>,
}

/// The person a call is known by: the agent where told, else the extension.
fn who(call: &Call) -> u32 {
    if call.agent == NONE { call.line } else { call.agent }
}

impl Handlers {
    /// Counts who is on duty when.
    pub fn of(site: &Compact) -> Self {
        let persons = site.persons.count();
        let mut handlers = Self { all: vec![0.0; persons], persons, ..Self::default() };
        for row in site.rows.iter().filter(|row| row.handler != NONE) {
            let span = row.near().div_euclid(SPAN_S);
            handlers.all[row.handler as usize] += 1.0;
            handlers.rows += 1.0;
            for beside in [span - 1, span, span + 1] {
                *handlers.by_span.entry((beside, row.handler)).or_default() += 1.0;
                *handlers.span_rows.entry(beside).or_default() += 1.0;
            }
        }
        let rings = site.calls.first().zip(site.calls.last());
        let weeks = rings.map_or((0, 0), |(first, last)| (week(first), week(last)));
        handlers.first_week = weeks.0;
        handlers.weeks = usize::try_from(weeks.1 - weeks.0).unwrap_or(0) + 1;
        if handlers.weeks * persons * persons > CELLS_MAX {
            handlers.weeks = 1;
        }
        handlers.counts = handlers.blank();
        handlers
    }

    /// The same without telling times apart: who is on duty when is not known ahead.
    pub fn at_all_times(site: &Compact) -> Self {
        let mut handlers = Self::of(site);
        (handlers.by_span, handlers.span_rows) = (HashMap::default(), HashMap::default());
        handlers.weeks = 1;
        handlers.counts = handlers.blank();
        handlers
    }

    /// What was learned of a desk, for the names of a part of it.
    pub fn believed(site: &Compact, staff: &Staff) -> Self {
        let persons = site.persons.count();
        let mut handlers = Self { persons, weeks: 1, ..Self::default() };
        handlers.counts = handlers.blank();
        handlers.rows = staff.rows.values().sum();
        let rows = |name: &Text| staff.rows.get(name.as_str()).copied().unwrap_or(0.0);
        handlers.all = site.persons.texts.iter().map(rows).collect();
        for (who, name) in site.persons.texts.iter().enumerate() {
            for (handler, count) in staff.pairs.get(name.as_str()).into_iter().flatten() {
                handlers.counts.who[who] += count;
                if let Some(handler) = site.persons.known(handler) {
                    handlers.counts.pair[who * persons + handler as usize] = *count;
                }
            }
        }
        handlers
    }

    /// What was counted, by names, to a hundredth.
    pub fn staff(&self, site: &Compact) -> Staff {
        let names = || site.persons.texts.iter().enumerate();
        let told = |count: f64| Some((count * 100.0).round() / 100.0).filter(|count| *count > 0.0);
        let of = |who: usize| -> BTreeMap<String, f64> {
            let pair = |handler: usize| self.counts.pair.get(who * self.persons + handler);
            let count = |handler: usize| told(pair(handler).copied().unwrap_or(0.0));
            names().filter_map(|(at, name)| Some((name.to_string(), count(at)?))).collect()
        };
        let pairs = names().map(|(who, name)| (name.to_string(), of(who)));
        Staff {
            rows: names()
                .filter_map(|(at, n)| Some((n.to_string(), told(self.all[at])?)))
                .collect(),
            pairs: pairs.filter(|(_, handlers)| !handlers.is_empty()).collect(),
        }
    }

    /// The share of all rows that a handler wrote.
    fn share(&self, handler: u32) -> f64 {
        let rows = self.all.get(handler as usize).copied().unwrap_or(0.0);
        if self.rows == 0.0 { USUAL_HANDLER } else { (rows + 0.5) / (self.rows + 1.0) }
    }

    /// Where a pair is counted.
    pub fn cells(&self, call: &Call, row: &Entry) -> Cells {
        let who = who(call);
        if who == NONE || row.handler == NONE {
            return Cells { pair: NONE, week: NONE };
        }
        let week = (week(call) - self.first_week).clamp(0, self.weeks as i64 - 1) as usize;
        let pair = who as usize * self.persons + row.handler as usize;
        let week = week * self.persons * self.persons + pair;
        Cells { pair: pair as u32, week: week as u32 }
    }

    /// Counts at zero, of the right size.
    pub fn blank(&self) -> Counts {
        let (persons, weeks) = (self.persons, self.weeks);
        Counts {
            pair: vec![0.0; persons * persons],
            week: vec![0.0; weeks * persons * persons],
            who: vec![0.0; persons],
            who_week: vec![0.0; weeks * persons],
        }
    }

    /// Observes a pair as belonging together so much.
    pub fn observe(&self, counts: &mut Counts, cells: Cells, share: f64) {
        if cells.pair == NONE {
            return;
        }
        let (pair, week) = (cells.pair as usize, cells.week as usize);
        counts.pair[pair] += share;
        counts.week[week] += share;
        counts.who[pair / self.persons] += share;
        counts.who_week[week / self.persons] += share;
    }

    /// Believes these counts from now on.
    pub fn learn(&mut self, counts: Counts) {
        self.counts = counts;
    }

    /// How likely a handler is to have written any row at that time.
    pub fn on_duty(&self, row: &Entry) -> f64 {
        if row.handler == NONE {
            return 1.0;
        }
        let span = row.near().div_euclid(SPAN_S);
        let whole = self.share(row.handler);
        let here = self.by_span.get(&(span, row.handler)).copied().unwrap_or(0.0);
        let rows = self.span_rows.get(&span).copied().unwrap_or(0.0);
        ((here - 1.0).max(0.0) + SPAN_PRIOR * whole) / ((rows - 1.0).max(0.0) + SPAN_PRIOR)
    }

    /// How much likelier the handler is for this call than for any. `same`: share of rows whose
    /// handler is the very person.
    pub fn odds(&self, cells: Cells, call: &Call, row: &Entry, same: f64, on_duty: f64) -> f64 {
        if cells.pair == NONE {
            return 1.0;
        }
        self.likely(cells, call, row.handler, same, on_duty) / on_duty
    }

    /// How likely a handler writes of a call, by whom the call is known by and the week.
    fn likely(&self, cells: Cells, call: &Call, handler: u32, same: f64, on_duty: f64) -> f64 {
        let is_same = handler == call.agent || handler == call.line;
        let may_be =
            call.agent != NONE && self.all.get(call.agent as usize).is_some_and(|n| *n > 0.0);
        let begin = match (is_same, may_be) {
            (true, _) => same + (1.0 - same) * on_duty,
            (false, true) => (1.0 - same) * on_duty,
            (false, false) => on_duty,
        };
        let (pair, week) = (cells.pair as usize, cells.week as usize);
        let (whole, whole_week) =
            (self.counts.who[pair / self.persons], self.counts.who_week[week / self.persons]);
        let ever = (self.counts.pair[pair] + PERSON_PRIOR * begin) / (whole + PERSON_PRIOR);
        (self.counts.week[week] + WEEK_PRIOR * ever) / (whole_week + WEEK_PRIOR)
    }

    /// Whether somebody else is expected to write of this call: it is known by one person's account
    /// or seat, and another handler writes of nearly all of its calls that week.
    pub fn is_of_another(&self, cells: Cells, call: &Call, row: &Entry, same: f64) -> bool {
        if cells.pair == NONE {
            return false;
        }
        let likely = |handler: u32| {
            let by = i64::from(handler) - i64::from(row.handler);
            let at = |cell: u32| (i64::from(cell) + by) as u32;
            let cells = Cells { pair: at(cells.pair), week: at(cells.week) };
            self.likely(cells, call, handler, same, self.share(handler))
        };
        let own = likely(row.handler);
        if own * 4.0 > 1.01 {
            // Nobody is likelier than certain.
            return false;
        }
        let best = (0..self.persons as u32).map(likely).fold(0.0, f64::max);
        let expected = if call.agent == NONE { EXPECTED_AT_SEAT } else { EXPECTED };
        best >= expected && own * 4.0 < best
    }

    /// How much likelier the handler is for a second row of a call, which somebody else writes.
    pub fn second_odds(call: &Call, row: &Entry, on_duty: f64) -> f64 {
        if row.handler == NONE || call.agent == NONE {
            return 1.0;
        }
        if row.handler == call.agent {
            return (SECOND_BY_SAME / on_duty).min(1.0);
        }
        (1.0 / (1.0 - on_duty.min(0.9))).min(SECOND_BY_OTHER_MAX)
    }
}

fn week(call: &Call) -> i64 {
    call.ring.div_euclid(WEEK_S)
}

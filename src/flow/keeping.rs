//! The route of keeping: what is held, what goes and why, how much room is left and for how long.

use super::archive::Archive;
use super::error::{Error, Kind, Result};
use super::interpret::Rules;
use crate::call::Moment;
use crate::keeping::{Candidate, Forecast, Going, Part, Plan, Room, Stock, Why, forecast, plan};
use crate::object::Space;
use crate::store::sqlite::erasures::{self, Refused};
pub use crate::store::sqlite::holds::{Hold, HoldWord};
use crate::store::sqlite::{holds, objects};
use crate::store::{self, Connection};
use chrono::{DateTime, NaiveDate, TimeDelta};
use serde::Serialize;
use std::sync::Arc;

/// Recordings of a site that one run looks at most: the oldest, so that the next run goes on.
const LOOK_MAX: usize = 50_000;
/// Tombstones written in one transaction.
const CHUNK: usize = 100;
/// Bytes of a mebibyte.
const MIB: u64 = 1 << 20;

/// How much room must be left on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Less room is an alarm.
    pub free_alarm_mib: u64,
    /// Less room, and recordings go before their time; 0: none ever does.
    pub free_floor_mib: u64,
    /// Younger recordings never go for room.
    pub space_keep_days_min: u32,
}

/// Everything the route needs.
#[derive(Clone)]
pub struct Keeping {
    pub archive: Arc<Archive>,
    pub rules: Arc<Rules>,
    pub limits: Limits,
}

/// What a run of retention did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Done {
    pub erased: usize,
    /// Originals whose archive rendition stands for them now.
    pub originals: usize,
    pub bytes: u64,
    /// Held since the plan was made, or erased by somebody else.
    pub refused: usize,
}

/// How it stands with what is kept, for whoever runs the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeepingAnswer {
    pub recordings: i64,
    pub bytes: i64,
    pub erased: i64,
    pub holds: usize,
    /// Holds whose day of review is today or past.
    pub holds_to_review: usize,
    pub strays: usize,
    /// Every recording of then was read and hashed since; nothing before the first whole round.
    pub proved_at: Option<Moment>,
    /// A round that is under way began then.
    pub proof_began_at: Option<Moment>,
    pub proof_age_s: Option<i64>,
    pub free_bytes: Option<u64>,
    pub total_bytes: Option<u64>,
    /// There is less room than `keeping.free_alarm_mib`.
    pub alarm: bool,
    pub forecast: Option<Forecast>,
}

impl Keeping {
    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> store::Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.archive.store.clone();
        let read = tokio::task::spawn_blocking(move || store.read(question)).await;
        Ok(read.map_err(|error| Error::new(Kind::Internal, error.to_string()))??)
    }

    /// Places a hold, or lifts one.
    ///
    /// # Errors
    /// [`Kind::Invalid`] without a reason, or without a day of review; [`Kind::NotFound`].
    pub async fn hold(&self, site: &str, word: HoldWord, at: Moment, who: &str) -> Result<i64> {
        let mut faults = Vec::new();
        if word.why.trim().is_empty() {
            faults.push(("why".to_owned(), "is needed: why it is held, or no more".to_owned()));
        }
        if word.held && word.review_on.is_none() {
            let text = "is needed: the day on which somebody looks whether it is still wanted";
            faults.push(("review_on".to_owned(), text.to_owned()));
        }
        if !faults.is_empty() {
            return Err(Error::fields(faults));
        }
        let (site, who) = (self.archive.store.site(site)?, who.to_owned());
        // It may name a call that is stored and not folded yet.
        self.archive.store.folded().await;
        Ok(self.archive.store.write(move |tx| tx.hold(site, &word, at, &who)).await?)
    }

    /// The holds that stand at a site, oldest first.
    ///
    /// # Errors
    /// When the site is not known or the disk fails.
    pub async fn holds(&self, site: &str) -> Result<Vec<Hold>> {
        let site = self.archive.store.site(site)?;
        self.read(move |connection| holds::holds(connection, site)).await
    }

    /// What a run would do now. Writes nothing.
    ///
    /// # Errors
    /// When a row cannot be read or the disk does not tell its room.
    pub async fn plan(&self, as_of: Moment) -> Result<Plan> {
        let room =
            self.room().await?.filter(|_| self.limits.free_floor_mib > 0).map(|space| Room {
                free_bytes: space.free_bytes,
                floor_bytes: self.limits.free_floor_mib * MIB,
                keep_days_min: self.limits.space_keep_days_min,
            });
        let wants_room = room.is_some_and(|room| room.free_bytes < room.floor_bytes);
        let (rules, store) = (Arc::clone(&self.rules), self.archive.store.clone());
        let least = self.limits.space_keep_days_min;
        let candidates = self
            .read(move |connection| {
                let mut all: Vec<Candidate> = Vec::new();
                for site in rules.sites.values() {
                    let settings = site.settings_at(as_of);
                    let of_class = settings.keep_days_of.values();
                    let of_class = of_class.chain(settings.original_days_of.values()).copied();
                    let of_all = settings.keep_days.into_iter().chain(settings.original_days);
                    let ages = of_class.chain(of_all).chain(wants_room.then_some(least));
                    let Some(days) = ages.min() else { continue };
                    let before = as_of - TimeDelta::days(i64::from(days)) + TimeDelta::seconds(1);
                    let key = store.site(&site.id)?;
                    all.extend(erasures::candidates(connection, key, settings, before, LOOK_MAX)?);
                }
                Ok(all)
            })
            .await?;
        Ok(plan(&candidates, as_of, room))
    }

    /// Erases what a plan says: tombstones first, bytes after. What is held by now stays.
    ///
    /// # Errors
    /// When the store or the disk fails; bytes whose tombstone is written are removed by the next
    /// sweep.
    pub async fn carry_out(&self, plan: &Plan, at: Moment, who: &str) -> Result<Done> {
        let mut done = Done::default();
        for chunk in plan.going.chunks(CHUNK) {
            let (going, who) = (chunk.to_vec(), who.to_owned());
            let outcomes = self.archive.store.write(move |tx| {
                let (mut outcomes, why) = (Vec::new(), said);
                for one in going {
                    let (site, key, why) = (one.site, one.recording, why(&one));
                    outcomes.push(match one.part {
                        Part::Whole => tx.erase(site, key, &why, at, &who)?,
                        Part::Original => {
                            tx.drop_original(site, key, &why, at, &who)?.map(|object| vec![object])
                        }
                    });
                }
                Ok(outcomes)
            });
            for (one, outcome) in chunk.iter().zip(outcomes.await?) {
                let Ok(objects) = outcome else {
                    done.refused += 1;
                    continue;
                };
                for object in objects {
                    self.archive.remove_erased(one.site, object).await?;
                }
                match one.part {
                    Part::Whole => done.erased += 1,
                    Part::Original => done.originals += 1,
                }
                done.bytes += one.bytes;
            }
        }
        Ok(done)
    }

    /// Erases one recording by a person's word.
    ///
    /// # Errors
    /// [`Kind::Invalid`] without a reason; [`Kind::Conflict`] when it is held;
    /// [`Kind::Gone`] when it was erased before.
    pub async fn erase(&self, key: i64, why: &str, at: Moment, who: &str) -> Result<()> {
        if why.trim().is_empty() {
            let text = "is needed: it stands on the tombstone";
            return Err(Error::fields(vec![("why".into(), text.into())]));
        }
        let (why, who) = (why.to_owned(), who.to_owned());
        let outcome = self.archive.store.write(move |tx| {
            let site = tx.site_of_recording(key)?;
            Ok((site, tx.erase(site, key, &why, at, &who)?))
        });
        let (site, outcome) = outcome.await?;
        match outcome {
            Ok(objects) => {
                for object in objects {
                    self.archive.remove_erased(site, object).await?;
                }
                Ok(())
            }
            Err(Refused::Already) => {
                Err(Error::new(Kind::Gone, format!("recording {key} was erased before")))
            }
            Err(Refused::Held(thing)) => {
                let text = format!("recording {key} is under the legal hold on `{thing}`");
                Err(Error::new(Kind::Conflict, text))
            }
        }
    }

    /// The room on the disk of the recordings, where it is a disk.
    ///
    /// # Errors
    /// When the disk does not tell.
    pub async fn room(&self) -> Result<Option<Space>> {
        let objects = Arc::clone(&self.archive.objects);
        let space = tokio::task::spawn_blocking(move || objects.space()).await;
        let space = space.map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        space.map_err(|error| Error::new(Kind::Unavailable, format!("room on the disk: {error}")))
    }

    /// When the disk will be full, if the desks go on as in the last four weeks.
    ///
    /// # Errors
    /// As [`Keeping::room`], or when a row cannot be read.
    pub async fn forecast(&self, as_of: Moment) -> Result<Option<Forecast>> {
        let Some(space) = self.room().await? else { return Ok(None) };
        let (rules, store) = (Arc::clone(&self.rules), self.archive.store.clone());
        let daily = self.read(move |connection| {
            let mut all = Vec::new();
            for site in rules.sites.keys() {
                all.extend(erasures::daily_bytes(connection, store.site(site)?)?);
            }
            Ok(all)
        });
        let mut stock = Stock {
            free_bytes: space.free_bytes,
            keep_days: self.keep_days(as_of),
            alarm_bytes: self.limits.free_alarm_mib * MIB,
            floor_bytes: self.limits.free_floor_mib * MIB,
            ..Stock::default()
        };
        for (day, bytes) in daily.await? {
            *stock.daily.entry(date(day)).or_default() += bytes;
        }
        Ok(Some(forecast(&stock, as_of.date_naive())))
    }

    /// After how many days every recording of every site is gone, as the settings are now.
    fn keep_days(&self, as_of: Moment) -> Option<u32> {
        let longest = |site: &crate::site::Site| {
            let settings = site.settings_at(as_of);
            let longest = settings.keep_days_of.values().copied().max();
            settings.keep_days.map(|days| days.max(longest.unwrap_or(0)))
        };
        let all: Option<Vec<u32>> = self.rules.sites.values().map(longest).collect();
        all?.into_iter().max()
    }

    /// How it stands with what is kept.
    ///
    /// # Errors
    /// When a row cannot be read.
    pub async fn standing(&self, as_of: Moment) -> Result<KeepingAnswer> {
        let (rules, store) = (Arc::clone(&self.rules), self.archive.store.clone());
        let mut answer = self
            .read(move |connection| {
                let proof = objects::proof(connection)?;
                let mut answer = KeepingAnswer {
                    recordings: 0,
                    bytes: 0,
                    erased: 0,
                    holds: 0,
                    holds_to_review: 0,
                    strays: 0,
                    proved_at: proof.proved_at,
                    proof_began_at: proof.began_at,
                    proof_age_s: proof.proved_at.map(|at| (as_of - at).num_seconds()),
                    free_bytes: None,
                    total_bytes: None,
                    alarm: false,
                    forecast: None,
                };
                for site in rules.sites.values() {
                    let key = store.site(&site.id)?;
                    let (count, bytes, erased) = erasures::counts(connection, key)?;
                    answer.recordings += count;
                    answer.bytes += bytes;
                    answer.erased += erased;
                    answer.strays += objects::strays(connection, key)?.len();
                    let today = site.settings_at(as_of).local_day(as_of);
                    let holds = holds::holds(connection, key)?;
                    let due = |hold: &&Hold| hold.review_on.is_some_and(|day| day <= today);
                    answer.holds += holds.len();
                    answer.holds_to_review += holds.iter().filter(due).count();
                }
                Ok(answer)
            })
            .await?;
        if let Some(space) = self.room().await? {
            answer.free_bytes = Some(space.free_bytes);
            answer.total_bytes = Some(space.total_bytes);
            answer.alarm = space.free_bytes < self.limits.free_alarm_mib * MIB;
        }
        answer.forecast = self.forecast(as_of).await?;
        Ok(answer)
    }
}

/// The words of a tombstone.
fn said(one: &Going) -> String {
    match one.why {
        Why::Age { keep_days } => format!("age: {} is kept {keep_days} days", one.class.as_str()),
        Why::Archived { original_days } => format!(
            "archive: originals of {} are kept {original_days} days beside their renditions",
            one.class.as_str()
        ),
        Why::Space { floor_bytes } => {
            format!("room: less than {} MiB were free", floor_bytes / MIB)
        }
    }
}

fn date(days: i64) -> NaiveDate {
    DateTime::from_timestamp(days * 86_400, 0).unwrap_or_default().date_naive()
}

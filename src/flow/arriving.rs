//! Recordings on their way: a file that is being written, uploaded or fetched now. Kept in memory
//! alone; after a restart a file is found again by looking through its folder.

use crate::call::{Call, Moment};
use crate::recording::Hints;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files that are remembered at most; more arrive unseen and are taken all the same.
const ARRIVING_MAX: usize = 4096;

/// What is on its way, by the name it comes with.
#[derive(Debug, Default)]
pub struct Arriving {
    files: Mutex<BTreeMap<String, Coming>>,
}

#[derive(Debug)]
struct Coming {
    call_id: Option<String>,
    since: Moment,
}

impl Arriving {
    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Coming>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file began to come. One that came before under this name keeps its time.
    pub fn begin(&self, hints: &Hints, since: Moment) {
        let mut files = self.files();
        if files.len() < ARRIVING_MAX {
            let coming = Coming { call_id: hints.call_id.clone(), since };
            files.entry(hints.name.clone()).or_insert(coming);
        }
    }

    /// It is here, or will not come.
    pub fn end(&self, name: &str) {
        self.files().remove(name);
    }

    /// How many are on their way.
    pub fn count(&self) -> usize {
        self.files().len()
    }

    /// Since when a file of this call is on its way.
    pub fn since(&self, call: &Call) -> Option<Moment> {
        let files = self.files();
        let of_call = files.iter().filter(|(name, coming)| {
            let named = coming.call_id.as_ref().is_some_and(|id| call.answers_to(id));
            named || call.announces(name)
        });
        of_call.map(|(_, coming)| coming.since).min()
    }
}

//! Records that nobody sent: an operator found them in the phone system's own files, maybe long
//! after the window in which a repeat of a sender is recognised.

use super::append::Receipt;
use super::repeats::{self, Identity};
use crate::pbx::{Reading, Refusal};
use crate::store::fact::BACKFILL;
use crate::store::{Error, NewFact, Result, Store};

impl Store {
    /// Keeps a record as [`Store::deliver`] does, once whatever its age. What lies before the
    /// window is looked through beside the writer, so that no sender waits for it.
    ///
    /// # Errors
    /// As [`Store::deliver`].
    pub async fn deliver_record(
        &self,
        fact: NewFact,
        reading: std::result::Result<Reading, Refusal>,
    ) -> Result<Receipt> {
        let first_bucket = self.inner.repeats_from;
        if first_bucket > 0 {
            let (store, identity) = (self.clone(), Identity::of(&fact));
            let find = move || store.read(|c| repeats::find_before(c, first_bucket, &identity));
            let known = tokio::task::spawn_blocking(find).await;
            if let Some(fact) = known.map_err(|error| Error::Unavailable(error.to_string()))?? {
                return Ok(Receipt { fact, repeated: true });
            }
        }
        self.deliver(NewFact { who: Some(BACKFILL.into()), ..fact }, reading).await
    }
}

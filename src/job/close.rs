//! Closing by rule the calls that have been silent too long: their end was never told.

use crate::call::Moment;
use crate::site::Site;
use crate::store::{Result, Store};
use chrono::TimeDelta;

/// Closes what has been silent at a site. Gives how many calls that were.
///
/// # Errors
/// When the store fails.
pub async fn silent(store: &Store, site: &Site, key: i64, as_of: Moment) -> Result<usize> {
    let limit_s = site.settings_at(as_of).call_silence_limit_s;
    let before = as_of - TimeDelta::seconds(limit_s);
    store.write(move |tx| tx.close_silent(key, before, as_of)).await
}

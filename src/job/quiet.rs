//! Looking at what does not happen: a silence that lasts marks no day by itself.

use super::relink::At;
use crate::call::Moment;
use crate::call::pulse::{Silence, silences};
use crate::store::sqlite::pulse;
use crate::store::{Connection, Result};
use chrono::TimeDelta;

/// The silence in desk hours that lasts at a site as of a moment, where the site has a limit.
///
/// # Errors
/// When the disk fails.
pub fn lasting(connection: &Connection, at: At<'_>, as_of: Moment) -> Result<Option<Silence>> {
    let settings = at.site.settings_at(as_of);
    if settings.silence_limit_s == 0 {
        return Ok(None);
    }
    let beats = pulse::newest(connection, at.key, as_of)?;
    let limit = TimeDelta::seconds(settings.silence_limit_s);
    let hours = |from, to| settings.in_desk_hours(from, to);
    let last = silences(&beats, &hours, limit, as_of).pop();
    Ok(last.filter(|silence| silence.until.is_none()))
}

//! From an event as written to a canonical event.

use super::field::{Field, Raw};
use crate::call::{
    Bounds, CallEvent, CallFacts, Cause, Clock, Direction, EventKind, LegFacts, Moment, Tie,
};
use crate::party::{PersonName, PhoneNumber};
use crate::pbx::Reading;
use crate::pbx::time::{YEARS, is_of_a_call};
use crate::recording::Hints;
use chrono::{DateTime, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

/// Adds what an event says to a reading.
///
/// # Errors
/// A sentence that names the field at fault.
pub fn convert(raw: &Raw<'_>, zone: Tz, reading: &mut Reading) -> Result<(), String> {
    let kind = required(&raw.kind, "type")?;
    let at = match (raw.when, &raw.at) {
        (Some(at), _) => at,
        (None, Field::Text(text)) => {
            time(text, zone, reading).map(Bounds::exact).map_err(|why| format!("`at`: {why}"))?
        }
        (None, Field::Absent) => return Err("`at` is missing".into()),
        (None, Field::Number(_) | Field::Wrong) => return Err("`at` is no text".into()),
    };
    let call = required(&raw.call, "call")?;
    let leg = leg(raw, kind)?;
    let Some(kind) = event_kind(raw, kind, zone, reading)? else { return Ok(()) };
    if let EventKind::RecordingAnnounced { reference, starts_at } = &kind {
        reading.recordings.push(hints(raw, reference, *starts_at, call));
    }
    reading.events.push(CallEvent {
        at,
        clock: Clock::Pbx,
        id: raw.id.filled().map(str::to_owned),
        ties: [Some(call), raw.call_before.as_deref()]
            .into_iter()
            .flatten()
            .map(|id| Tie::Call(id.to_owned()))
            .collect(),
        leg,
        call: CallFacts {
            direction: raw.direction.text().and_then(direction),
            caller: raw.from.text().and_then(PhoneNumber::known),
            caller_name: raw.from_name.text().and_then(PersonName::known),
            callee: raw.to.filled().and_then(PhoneNumber::known),
        },
        kind,
    });
    Ok(())
}

fn required<'a>(field: &'a Field<'_>, name: &str) -> Result<&'a str, String> {
    match field {
        Field::Absent => Err(format!("`{name}` is missing")),
        Field::Wrong => Err(format!("`{name}` is no text")),
        field => field.filled().ok_or_else(|| format!("`{name}` is empty")),
    }
}

fn leg(raw: &Raw<'_>, kind: &str) -> Result<Option<LegFacts>, String> {
    if !kind.starts_with("leg.") {
        return Ok(None);
    }
    if raw.leg == Field::Wrong {
        return Err("`leg` is no text".into());
    }
    let extension = raw.extension.filled().map(str::to_owned);
    let id = raw.leg.filled().map(str::to_owned).or_else(|| extension.clone());
    let id = id.ok_or("neither `leg` nor `extension` says which leg it is")?;
    Ok(Some(LegFacts { id, extension, ..LegFacts::default() }))
}

/// What happened; nothing for a type that is read, kept and ignored.
fn event_kind(
    raw: &Raw<'_>,
    kind: &str,
    zone: Tz,
    reading: &mut Reading,
) -> Result<Option<EventKind>, String> {
    let cause = raw.cause.text().and_then(cause);
    Ok(Some(match kind {
        "call.offered" => EventKind::Offered,
        "leg.alerting" => EventKind::Alerting,
        "leg.answered" => EventKind::PickedUp,
        "leg.joined" => EventKind::Joined,
        "leg.ended" => EventKind::LegEnded { cause },
        "call.ended" => EventKind::Ended { cause },
        "recording.announced" => {
            let recording = &raw.recording;
            let reference = recording.url.filled().or(recording.name.filled());
            let reference = reference.ok_or("`recording` has neither `url` nor `name`")?.to_owned();
            let starts_at = recording.starts_at.filled();
            let starts_at = starts_at.and_then(|text| time(text, zone, reading).ok());
            EventKind::RecordingAnnounced { reference, starts_at }
        }
        _ => return Ok(None),
    }))
}

fn hints(raw: &Raw<'_>, reference: &str, starts_at: Option<Moment>, call: &str) -> Hints {
    let name = raw.recording.name.filled().unwrap_or(reference);
    Hints {
        name: name.rsplit('/').next().unwrap_or(name).to_owned(),
        call_id: Some(call.to_owned()),
        starts_at,
        ..Hints::default()
    }
}

fn direction(word: &str) -> Option<Direction> {
    Some(match word {
        "inbound" => Direction::Inbound,
        "outbound" => Direction::Outbound,
        "internal" => Direction::Internal,
        _ => return None,
    })
}

fn cause(word: &str) -> Option<Cause> {
    Some(match word {
        "abandoned" => Cause::Abandoned,
        "no_answer" => Cause::NoAnswer,
        "busy" => Cause::Busy,
        "declined" => Cause::Declined,
        "no_phone" => Cause::NoPhone,
        "unavailable" => Cause::Unavailable,
        "failed" => Cause::Failed,
        "message" => Cause::Message,
        _ => return None,
    })
}

/// RFC 3339, also with a blank for the `T`; without an offset it is the site's local time. Cut to
/// milliseconds.
fn time(text: &str, zone: Tz, reading: &mut Reading) -> Result<Moment, String> {
    let at = match DateTime::parse_from_rfc3339(text) {
        Ok(at) => at.to_utc(),
        Err(_) => local_time(text, zone, reading)
            .ok_or_else(|| format!("`{text}` is no time like 2026-11-23T10:00:11.204+08:00"))?,
    };
    if !is_of_a_call(at) {
        return Err(format!("`{text}` lies outside of the years {YEARS:?}"));
    }
    Ok(DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at))
}

fn local_time(text: &str, zone: Tz, reading: &mut Reading) -> Option<Moment> {
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let local = formats.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    let at = zone.from_local_datetime(&local).earliest()?;
    let warning = format!("a time without an offset was read as local time of {zone}");
    if !reading.warnings.contains(&warning) {
        reading.warnings.push(warning);
    }
    Some(at.to_utc())
}

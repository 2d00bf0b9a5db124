//! Lists of calls as Twilio gives them afterwards: items of its `Calls` resource, or rows of a
//! table with the same names. They tell who, and when and how a leg ended, as the last callback of
//! a leg does; when a phone rang or was picked up they do not tell.

use crate::pbx::Refusal;
use crate::pbx::body::{Object, text};

/// Names in a list, the other name a table may have, and the callback's.
const NAMES: [(&str, &str, &str); 6] = [
    ("sid", "call sid", "CallSid"),
    ("parent_call_sid", "parent call sid", "ParentCallSid"),
    ("status", "status", "CallStatus"),
    ("from", "from", "From"),
    ("to", "to", "To"),
    ("direction", "direction", "Direction"),
];

/// The last callback that a leg of a list would have sent; nothing where the fields are no such
/// leg's.
///
/// # Errors
/// [`Refusal::NotUnderstood`] when the leg is not over, or nobody tells when it was.
pub fn callback(leg: &Object) -> Result<Option<Object>, Refusal> {
    let field = |name: &str, other: &str| text(leg, name).or_else(|| text(leg, other));
    if field("sid", "call sid").is_none_or(|sid| !sid.starts_with("CA")) {
        return Ok(None);
    }
    let why = "`end_time` is empty: a leg that is not over says nothing yet";
    let ended_at = field("end_time", "end time");
    let ended_at = ended_at.ok_or_else(|| Refusal::NotUnderstood(why.into()))?;
    let told = NAMES.iter().filter_map(|(name, other, callback)| {
        let value = field(name, other)?;
        // A table shows states and directions as people write them.
        let word = || value.to_lowercase().replace(' ', "-");
        let value = match *callback {
            "CallStatus" | "Direction" => word(),
            _ => value.to_owned(),
        };
        Some(((*callback).to_owned(), value.into()))
    });
    let mut fields: Object = told.collect();
    fields.insert("Timestamp".to_owned(), ended_at.into());
    Ok(Some(fields))
}

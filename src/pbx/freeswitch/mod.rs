//! FreeSWITCH and FusionPBX: call records in JSON and XML, however they are wrapped, and events of
//! the event socket, told apart by content. Each delivery tells of one leg.

mod convert;
mod listed;
mod record;

use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret, body, signature};

/// The FreeSWITCH dialect.
pub struct FreeSwitch;

impl Pbx for FreeSwitch {
    fn name(&self) -> &'static str {
        "freeswitch"
    }

    fn sample(&self) -> &'static str {
        include_str!("../../../tests/pbx/freeswitch/answered.deliveries.jsonl")
    }

    /// It signs nothing: user and password are sent along (RFC 7617).
    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        signature::basic(delivery, secret)
    }

    /// It gives none: a retry is the same body again.
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }

    fn parse(&self, delivery: &Delivery, dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        if let Some(reading) = body::connection(delivery) {
            return reading;
        }
        if let Some(reading) = listed::row(delivery) {
            return reading;
        }
        let record = record::read(delivery).map_err(Refusal::NotUnderstood)?;
        convert::convert(&record, delivery, dialect.zone).map_err(Refusal::NotUnderstood)
    }
}

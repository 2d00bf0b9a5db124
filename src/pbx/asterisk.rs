//! Asterisk and its kin: dialplan webhooks, AMI events and ARI events, told apart by content.

use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret};

/// The Asterisk dialect.
pub struct Asterisk;

impl Pbx for Asterisk {
    fn name(&self) -> &'static str {
        "asterisk"
    }
    fn authenticate(&self, delivery: &Delivery, secret: &Secret) -> Result<(), Refusal> {
        super::signature::token(delivery, secret)
    }
    fn delivery_key(&self, _delivery: &Delivery) -> Option<String> {
        None
    }
    fn parse(&self, _delivery: &Delivery, _dialect: &Dialect<'_>) -> Result<Reading, Refusal> {
        Err(Refusal::NotUnderstood("not read yet".into()))
    }
}

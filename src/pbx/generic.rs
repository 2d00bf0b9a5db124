//! Our own event, and any other JSON or form body by a field map.

use super::{Delivery, Dialect, Pbx, Reading, Refusal, Secret};
use serde::{Deserialize, Serialize};

/// How the fields of a foreign body become ours; one file in `config/pbx/`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FieldMap {}

/// The generic dialect.
pub struct Generic;

impl Pbx for Generic {
    fn name(&self) -> &'static str {
        "generic"
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

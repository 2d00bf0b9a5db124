//! Where recordings come from.

pub mod fetch;
pub mod folder;
pub mod guard;
pub mod path;

use crate::call::Moment;
use std::path::PathBuf;

/// A finished file that is offered to us. It is offered again until it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    pub path: PathBuf,
    pub bytes: u64,
    pub modified_at: Moment,
}

//! What somebody who looks on is shown. Plain values; numbers and names of people are masked.

use super::{Told, Traced};
use crate::call::Moment;
use serde::Serialize;
use std::net::IpAddr;

/// One line of the live view.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
pub enum Shown {
    Kept(Box<Kept>),
    Refused(Refused),
    /// So many came faster than they could be shown.
    Missed {
        count: u64,
    },
}

/// A delivery that was turned away; nothing of its body was kept.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    pub source: String,
    pub at: Moment,
    pub from: IpAddr,
    pub why: String,
}

/// A stored delivery, taken apart.
#[derive(Debug, Clone, Serialize)]
pub struct Kept {
    pub id: i64,
    pub source: String,
    pub adapter: &'static str,
    pub received_at: Moment,
    /// Method and path: `POST /hook/front`.
    pub how: String,
    pub body_bytes: usize,
    pub repeated: bool,
    pub understood: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// The call it was folded into, if it was by now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<i64>,
    pub events: Vec<Told>,
    pub fields: Vec<Traced>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

//! vCon: one call with its sound and its entry as a document that other systems read.
//!
//! After the IETF draft `draft-ietf-vcon-vcon-core` (syntax 0.4.0); signatures are JWS in general
//! JSON serialisation (RFC 7515 §7.2.1). Pure: times, bytes and keys come in as values.

mod build;
pub mod jws;
mod read;

pub use build::{Conversation, Sound, VENDOR, build, mask, uuid};
pub use read::{Content, Piece, read};

/// The syntax that is written and read.
pub const SYNTAX: &str = "0.4.0";

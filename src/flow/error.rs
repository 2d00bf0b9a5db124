//! Why a route could not do what it was asked, in a form that a client may hear.

use crate::store;

/// What kind of trouble it is. `web::error` gives each its status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request is at fault; the context says where, and the cure.
    Invalid,
    Unauthorised,
    NotFound,
    /// It was there, and was erased.
    Gone,
    /// It would break what is there already.
    Conflict,
    TooLong,
    /// For the moment; it may be tried again.
    Unavailable,
    /// Ours. The context is logged and not shown.
    Internal,
}

/// A kind with its context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{context}")]
pub struct Error {
    pub kind: Kind,
    pub context: String,
    /// Fields at fault, each with what is wrong and the cure.
    pub fields: Vec<(String, String)>,
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: Kind, context: impl Into<String>) -> Self {
        Self { kind, context: context.into(), fields: Vec::new() }
    }

    /// A request that names something unknown.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("{what} is not known"))
    }

    /// A request at fault in these fields.
    pub fn fields(fields: Vec<(String, String)>) -> Self {
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        let context = format!("wrong: {}", names.join(", "));
        Self { kind: Kind::Invalid, context, fields }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        let kind = match &error {
            store::Error::Overloaded | store::Error::Unavailable(_) => Kind::Unavailable,
            store::Error::Conflict(_) => Kind::Conflict,
            store::Error::NotFound(_) => Kind::NotFound,
            store::Error::Sqlite(_) | store::Error::Broken(..) => Kind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

/// Result of a route.
pub type Result<T> = std::result::Result<T, Error>;

//! Errors as answers: one table from kinds to status codes.

use crate::flow::error::{Error, Kind};
use axum::Json;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use serde_json::json;

/// The one table.
pub fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unauthorised => StatusCode::UNAUTHORIZED,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Gone => StatusCode::GONE,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What a client may hear of an error. Only ours are logged, and their detail is not shown.
pub fn told(error: &Error) -> &str {
    if error.kind == Kind::Internal {
        tracing::error!(detail = error.context, "request failed");
        return "internal error; see the log";
    }
    &error.context
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": told(&self) });
        if !self.fields.is_empty() {
            body["fields"] = self
                .fields
                .iter()
                .map(|(name, text)| (name.clone(), json!(text)))
                .collect::<serde_json::Map<_, _>>()
                .into();
        }
        (status(self.kind), Json(body)).into_response()
    }
}

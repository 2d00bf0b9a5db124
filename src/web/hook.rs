//! `POST /hook/{source}`: one delivery. Handled without a router, because a phone system blocks its
//! call while it waits for the answer.

use super::server::Shared;
use crate::clock;
use crate::flow::intake::Answer;
use crate::pbx::Delivery;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Where deliveries go.
pub const PREFIX: &str = "/hook/";

/// Some senders put all that they say into the address.
const METHODS: [Method; 2] = [Method::POST, Method::GET];

/// Seconds after which a sender that was turned away for load may try again.
const RETRY_AFTER_S: &str = "1";

/// Answers one delivery: 200 once it is on disk, whether understood or not; 401 and 403 for a
/// sender that may not, 503 for one that forgot its proof and will send it; 413 for a body over the
/// limit; 503 with `Retry-After` when nothing was kept.
pub async fn receive(
    shared: Arc<Shared>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    if *request.method() == Method::OPTIONS {
        return may_deliver(request.headers());
    }
    if !METHODS.contains(request.method()) {
        return not_allowed();
    }
    let received_at = clock::now();
    let (parts, body) = request.into_parts();
    let Some(_room) = room_for(&shared, &body) else { return overloaded() };
    let bytes = match read(body, shared.limits.body_bytes_max).await {
        Ok(bytes) => bytes,
        Err(refusal) => return refusal,
    };
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let source = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default().to_owned();
    let headers = texts(&parts.headers);
    let delivery =
        Delivery { received_at, method: parts.method.to_string(), target, headers, body: bytes };
    answer(shared.intake.take(&source, peer.ip(), delivery).await, &source)
}

/// Whether the sender of this question may deliver: yes, as often as it likes (Web Hooks for Event
/// Delivery, section 4). What it then delivers has to prove itself.
fn may_deliver(headers: &HeaderMap) -> Response<Body> {
    let Some(origin) = headers.get("webhook-request-origin") else { return not_allowed() };
    let mut response = plain(StatusCode::OK, String::new());
    let headers = response.headers_mut();
    headers.insert(ALLOW, hyper::header::HeaderValue::from_static("POST"));
    headers.insert("webhook-allowed-origin", origin.clone());
    headers.insert("webhook-allowed-rate", hyper::header::HeaderValue::from_static("*"));
    response
}

fn not_allowed() -> Response<Body> {
    let mut response = say(StatusCode::METHOD_NOT_ALLOWED, "deliveries are sent with POST or GET");
    response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("POST, GET"));
    response
}

/// A share of the memory for bodies on their way, in KiB; nothing when all of it is taken.
fn room_for(shared: &Shared, body: &Incoming) -> Option<OwnedSemaphorePermit> {
    let limit = shared.limits.body_bytes_max as u64;
    let bytes = body.size_hint().exact().unwrap_or(limit).min(limit);
    let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
    Arc::clone(&shared.room_kib).try_acquire_many_owned(kib).ok()
}

async fn read(body: Incoming, limit: usize) -> Result<Bytes, Response<Body>> {
    let too_long = || {
        let text = format!("the body is longer than {limit} bytes (setting server.body_bytes_max)");
        say(StatusCode::PAYLOAD_TOO_LARGE, &text)
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_long());
    }
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_long()),
        Err(error) => {
            let text = format!("the body did not arrive whole: {error}");
            Err(say(StatusCode::BAD_REQUEST, &text))
        }
    }
}

/// Headers in order, names in small letters as hyper gives them. Bytes that are no text are shown
/// as such.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

fn answer(answer: Answer, source: &str) -> Response<Body> {
    let why = answer.refusal().unwrap_or_default();
    match answer {
        Answer::Kept { reply: Some(reply), .. } => plain(StatusCode::OK, reply),
        Answer::Kept { fact, repeated, why_not_understood, reply: None } => {
            kept(fact, repeated, why_not_understood)
        }
        Answer::NoSuchSource => say(StatusCode::NOT_FOUND, &format!("`{source}`: {why}")),
        Answer::NotAllowed => say(StatusCode::FORBIDDEN, &why),
        Answer::NotAuthentic(_) => say(StatusCode::UNAUTHORIZED, &why),
        Answer::Unsigned(_) | Answer::Overloaded | Answer::Unavailable => try_again(&why),
    }
}

fn kept(fact: i64, repeated: bool, why: Option<String>) -> Response<Body> {
    let body = match why {
        None => format!(r#"{{"id":{fact},"repeated":{repeated},"understood":true}}"#),
        Some(why) => json!({"id": fact, "repeated": repeated, "understood": false, "why_not": why})
            .to_string(),
    };
    plain(StatusCode::OK, body)
}

fn overloaded() -> Response<Body> {
    try_again(&Answer::Overloaded.refusal().unwrap_or_default())
}

fn try_again(why: &str) -> Response<Body> {
    let mut response = say(StatusCode::SERVICE_UNAVAILABLE, why);
    let seconds = hyper::header::HeaderValue::from_static(RETRY_AFTER_S);
    response.headers_mut().insert(RETRY_AFTER, seconds);
    response
}

fn say(status: StatusCode, text: &str) -> Response<Body> {
    plain(status, json!({ "error": text }).to_string())
}

fn plain(status: StatusCode, body: String) -> Response<Body> {
    let length = body.len();
    let kind = if body.starts_with('<') { "application/xml" } else { "application/json" };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, length.into());
    response
}

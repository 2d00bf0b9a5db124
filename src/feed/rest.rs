//! ARI's lists over HTTP: after a gap they show what outlived it. Each of their items is kept as it
//! came.

use super::dial::dial;
use super::{CUT_BYTES, Event, Fault, FaultKind, Settings, cut, in_time};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::value::RawValue;
use std::fmt::Display;
use tokio::task::JoinSet;

/// A list may be so many times longer than the longest event that is kept.
const LIST_AT_MOST: usize = 16;

/// The channels that are alive, and the bridges that show which of them belong together.
///
/// # Errors
/// [`Fault`] that says why they cannot be had.
pub async fn living(settings: &Settings, proof: &HeaderValue) -> Result<Vec<Event>, Fault> {
    let mut found = in_time("the list of channels", list(settings, proof, "channels")).await?;
    found.extend(in_time("the list of bridges", list(settings, proof, "bridges")).await?);
    Ok(found)
}

/// One list, on a connection of its own.
async fn list(settings: &Settings, proof: &HeaderValue, what: &str) -> Result<Vec<Event>, Fault> {
    let address = &settings.address;
    let broken = |error: &dyn Display| {
        Fault::new(FaultKind::Protocol, format!("{address} gives no list of {what}: {error}"))
    };
    let request = Request::get(format!("{}/ari/{what}", address.path))
        .header(HOST, address.authority())
        .header(CONNECTION, "close")
        .header(AUTHORIZATION, proof)
        .body(Empty::<Bytes>::new())
        .map_err(|error| broken(&error))?;
    let stream = TokioIo::new(dial(settings).await?);
    let (mut sender, connection) =
        http1::handshake(stream).await.map_err(|error| broken(&error))?;
    // Gone with the answer; how it ended shows in that.
    let mut running = JoinSet::new();
    running.spawn(async move { drop(connection.await) });
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    if response.status() != StatusCode::OK {
        return Err(broken(&response.status()));
    }
    let bytes_max = settings.event_bytes_max.saturating_mul(LIST_AT_MOST);
    let body = Limited::new(response.into_body(), bytes_max).collect().await;
    let body = body.map_err(|error| broken(&error))?.to_bytes();
    items(&body, settings.event_bytes_max).map_err(|error| broken(&error))
}

/// The items of a list, each as it is written there.
pub fn items(list: &[u8], bytes_max: usize) -> serde_json::Result<Vec<Event>> {
    let items: Vec<&RawValue> = serde_json::from_slice(list)?;
    Ok(items.into_iter().map(|item| listed(item, bytes_max)).collect())
}

/// An item of a list. It is no event, so nobody expects it to say when it happened.
pub fn listed(item: &RawValue, bytes_max: usize) -> Event {
    let body = Bytes::copy_from_slice(item.get().as_bytes());
    match body.len() > bytes_max {
        true => cut(body.slice(..CUT_BYTES.min(body.len()))),
        false => Event { content_type: "application/json", body, has_time: None },
    }
}

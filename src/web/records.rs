//! `POST /api/v1/sources/{source}/records`: what an operator found in a phone system's own files,
//! as lines of recorded deliveries.

use super::state::State;
use crate::clock;
use crate::flow::error::{Error, Kind, Result};
use crate::flow::intake::Answer;
use crate::pbx::records::Records;
use axum::Json;
use axum::body::{self, Body};
use axum::extract::{ConnectInfo, Path, State as Shared};
use axum::http::HeaderMap;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;

/// Longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 8 << 20;
/// Records that wait for one synchronisation of the disk together.
const TOGETHER: usize = 256;

/// Keeps each record as a delivery of the source. Answers what became of each, in order.
pub async fn take(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>> {
    state.enter(&headers, peer)?;
    let bytes = body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| {
        Error::new(Kind::TooLong, format!("at most {BODY_BYTES_MAX} bytes are taken: {error}"))
    })?;
    let records = Records { bytes: &bytes, read_at: clock::now(), reads: &|_| true }.cut();
    let records = records.map_err(|why| Error::new(Kind::Invalid, why))?;
    let (intake, source) = (&state.intake, source.as_str());
    let taken = records.into_iter().map(|record| intake.take_record(source, record.delivery));
    let answers: Vec<Answer> = futures_util::stream::iter(taken).buffered(TOGETHER).collect().await;
    state.changed.notify_one();
    answers.iter().map(told).collect::<Result<Vec<Value>>>().map(|told| Json(json!(told)))
}

fn told(answer: &Answer) -> Result<Value> {
    match answer {
        Answer::Kept { fact, repeated, why_not_understood, .. } => {
            Ok(json!({ "id": fact, "repeated": repeated, "why_not": why_not_understood }))
        }
        Answer::NoSuchSource => Err(Error::new(Kind::NotFound, "no such source is configured")),
        _ => Err(Error::new(Kind::Unavailable, "not all were kept; send the same again")),
    }
}

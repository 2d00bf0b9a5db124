//! `GET /api/v1/calls/{id}/recordings`: the recording set of a call as JSON.

use super::api::AtSite;
use super::state::State;
use crate::audit::RecordingFact;
use crate::flow::error::Result;
use crate::party::masked_numbers;
use crate::recording::Recording;
use crate::recording::set::{Piece, arrange};
use axum::Json;
use axum::extract::{ConnectInfo, Path, Query, State as Shared};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;

/// The files of a call in order, by any id of the call: where each begins, the holes and overlaps
/// between them, and which are the sound of another once more. `recorded_s` counts each sound once.
pub async fn of_call(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    Query(at): Query<AtSite>,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let (answers, site) = state.asked(&headers, peer, at.site.as_deref())?;
    let answer = answers.call(answers.call_key(&site, &id).await?).await?;
    let set: Vec<&Recording> = answer.recordings.iter().map(|fact| &fact.recording).collect();
    let pieces = arrange(&set);
    let recorded_s = pieces.iter().filter(|piece| piece.copy_of.is_none());
    let recorded_s: f64 = recorded_s.map(|piece| piece.length_s - piece.overlap_s).sum();
    let told = pieces.iter().map(|piece| told(piece, &answer.recordings));
    Ok(Json(json!({
        "site": site,
        "call_id": answer.fact.call.call_id,
        "recorded_s": recorded_s.max(0.0),
        "recordings": told.collect::<Vec<Value>>(),
    })))
}

fn told(piece: &Piece, set: &[RecordingFact]) -> Value {
    let fact = &set[piece.index];
    let recording = &fact.recording;
    json!({
        "id": fact.key,
        "sha256": recording.hash,
        "name": masked_numbers(&recording.hints.name),
        "bytes": recording.bytes,
        "state": recording.state,
        "begins_at": recording.begins_at(),
        "offset_s": piece.offset_s,
        "length_s": piece.length_s,
        "gap_s": piece.gap_s,
        "overlap_s": piece.overlap_s,
        "copy_of": piece.copy_of.map(|other| set[other].key),
        "archived": recording.archived,
    })
}

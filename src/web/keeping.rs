//! Holds, retention and room on the disk, for supervisors and operators.

use super::api::{AtSite, done, read};
use super::state::State;
use crate::clock;
use crate::flow::error::Result;
use crate::flow::keeping::{Hold, HoldWord, KeepingAnswer};
use crate::keeping::Plan;
use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;

type Peer = ConnectInfo<SocketAddr>;

/// Why a recording is erased.
#[derive(Debug, Deserialize)]
pub struct Erasing {
    #[serde(default)]
    why: String,
}

/// `GET /api/v1/keeping`: proof, holds, room, and the day on which the disk is full.
pub async fn standing(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    headers: HeaderMap,
) -> Result<Json<KeepingAnswer>> {
    state.enter(&headers, peer)?;
    Ok(Json(state.keeping().standing(clock::now()).await?))
}

/// `GET /api/v1/keeping/plan`: what retention would do now, and why. Writes nothing.
pub async fn plan(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    headers: HeaderMap,
) -> Result<Json<Plan>> {
    state.enter(&headers, peer)?;
    Ok(Json(state.keeping().plan(clock::now()).await?))
}

/// `GET /api/v1/holds`: the legal holds of a site.
pub async fn holds(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(at): Query<AtSite>,
    headers: HeaderMap,
) -> Result<Json<Vec<Hold>>> {
    state.enter(&headers, peer)?;
    let answers = state.answers();
    let site = answers.site(at.site.as_deref())?;
    Ok(Json(state.keeping().holds(&site.id).await?))
}

/// `POST /api/v1/holds`: places a hold, or lifts one with `held: false`.
pub async fn hold(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(at): Query<AtSite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let who = state.enter(&headers, peer)?;
    let (word, then): (HoldWord, _) = read(&headers, body).await?;
    let answers = state.answers();
    let site = answers.site(at.site.as_deref())?;
    let fact = state.keeping().hold(&site.id, word, clock::now(), &who).await?;
    Ok(done(then, StatusCode::CREATED, json!({ "fact": fact })))
}

/// `POST /api/v1/recordings/{key}/erase`: the bytes go, row and tombstone stay.
pub async fn erase(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Path(key): Path<i64>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let who = state.enter(&headers, peer)?;
    let (erasing, then): (Erasing, _) = read(&headers, body).await?;
    state.keeping().erase(key, &erasing.why, clock::now(), &who).await?;
    Ok(done(then, StatusCode::OK, json!({ "erased": key })))
}

//! The API for the desk's own programs, and the routes that operators ask.

use super::state::State;
use crate::call::Moment;
use crate::clock;
use crate::flow::desk::Closing;
use crate::flow::desk::Decision;
use crate::flow::desk::Saved;
use crate::flow::error::{Error, Kind, Result};
use crate::ledger::LedgerEntry;
use crate::recording::{ContentHash, Hints};
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Json, body};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Longest JSON or form body of the API.
const BODY_BYTES_MAX: usize = 1 << 20;

type Peer = ConnectInfo<SocketAddr>;

/// Which site is meant; the first one where none is named.
#[derive(Debug, Default, Deserialize)]
pub struct AtSite {
    #[serde(default)]
    pub site: Option<String>,
}

/// A body as JSON or as a form, and whether it was a form.
pub(super) async fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
) -> Result<(T, Option<String>)> {
    let invalid = |text: String| Error::new(Kind::Invalid, text);
    let bytes = body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|error| {
        Error::new(Kind::TooLong, format!("at most {BODY_BYTES_MAX} bytes are taken: {error}"))
    })?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        let pairs = form_urlencoded::parse(&bytes);
        let mut fields: serde_json::Map<String, Value> = pairs
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name.clone().into_owned(), typed(&name, &text)))
            .collect();
        let then = fields.remove("then").and_then(|then| then.as_str().map(str::to_owned));
        let value = serde_json::from_value(Value::Object(fields));
        return Ok((value.map_err(|error| invalid(error.to_string()))?, then));
    }
    let value = serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
    Ok((value, None))
}

/// A form knows only texts.
fn typed(name: &str, text: &str) -> Value {
    match (name, text) {
        ("together" | "held", "true") => true.into(),
        ("together" | "held", "false") => false.into(),
        ("call" | "recording" | "entry" | "delivery", digits) => {
            digits.parse::<i64>().map_or_else(|_| digits.into(), Value::from)
        }
        (_, text) => text.into(),
    }
}

/// Back to the page a form came from, within this site only; else the answer itself.
pub(super) fn done(then: Option<String>, status: StatusCode, answer: Value) -> Response {
    match then.filter(|then| then.starts_with('/') && !then.starts_with("//")) {
        Some(then) => Redirect::to(&then).into_response(),
        None => (status, Json(answer)).into_response(),
    }
}

/// `POST /api/v1/entries`: a new entry, or a new version of one that is known.
pub async fn save_entry(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(at): Query<AtSite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let who = state.enter(&headers, peer)?;
    let (entry, then): (LedgerEntry, _) = read(&headers, body).await?;
    store_entry(&state, at, entry, &who, then).await
}

/// `PUT /api/v1/entries/{id}`: a version of the entry of this number.
pub async fn put_entry(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Path(id): Path<String>,
    Query(at): Query<AtSite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let who = state.enter(&headers, peer)?;
    let (entry, then): (LedgerEntry, _) = read(&headers, body).await?;
    if entry.entry_id != id {
        let text = format!("is `{}`, and the address says `{id}`", entry.entry_id);
        return Err(Error::fields(vec![("entry_id".into(), text)]));
    }
    store_entry(&state, at, entry, &who, then).await
}

async fn store_entry(
    state: &State,
    at: AtSite,
    entry: LedgerEntry,
    who: &str,
    then: Option<String>,
) -> Result<Response> {
    let answers = state.answers();
    let site = answers.site(at.site.as_deref())?.id.clone();
    let saved = state.desk().save(&site, entry, clock::now(), who).await?;
    state.changed.notify_one();
    let status =
        if matches!(saved, Saved::New { .. }) { StatusCode::CREATED } else { StatusCode::OK };
    Ok(done(then, status, serde_json::to_value(saved).unwrap_or_default()))
}

/// `GET /api/v1/entries/{id}`
pub async fn get_entry(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Path(id): Path<String>,
    Query(at): Query<AtSite>,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let (answers, site) = state.asked(&headers, peer, at.site.as_deref())?;
    let fact = answers.entry_of(&site, &id).await?;
    Ok(Json(json!({ "key": fact.key, "version": fact.version, "entry": fact.entry })))
}

/// `GET /api/v1/why/{what}`: why an entry, a call or a recording is linked as it is.
pub async fn why(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Path(what): Path<String>,
    Query(at): Query<AtSite>,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let (answers, site) = state.asked(&headers, peer, at.site.as_deref())?;
    let why = answers.why(&site, &what).await?;
    Ok(Json(json!(why)))
}

/// `GET /api/v1/habits`: what was learned of a site's way of writing; `null` where nothing was yet.
pub async fn habits(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(at): Query<AtSite>,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let (answers, site) = state.asked(&headers, peer, at.site.as_deref())?;
    Ok(Json(json!(answers.habits(&site).await?)))
}

/// What a list of entries is asked for.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    site: Option<String>,
    #[serde(default)]
    q: String,
}

/// `GET /api/v1/entries?q=…`: by number or by words, newest first.
pub async fn list_entries(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let (answers, site) = state.asked(&headers, peer, wanted.site.as_deref())?;
    let found = answers.search(&site, &wanted.q).await?;
    let entries: Vec<Value> = found
        .entries
        .iter()
        .map(|fact| json!({ "key": fact.key, "version": fact.version, "entry": fact.entry }))
        .collect();
    Ok(Json(json!({ "entries": entries })))
}

/// `GET /api/v1/sources`: when each was last heard, and how far its clock lies from ours.
pub async fn list_sources(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(at): Query<AtSite>,
    headers: HeaderMap,
) -> Result<Json<Value>> {
    let (answers, site) = state.asked(&headers, peer, at.site.as_deref())?;
    Ok(Json(json!({ "sources": answers.sources(&site, clock::now()).await? })))
}

/// `POST /api/v1/decisions`: these belong together, or never.
pub async fn decide(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(at): Query<AtSite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let who = state.enter(&headers, peer)?;
    let (word, then): (Decision, _) = read(&headers, body).await?;
    let answers = state.answers();
    let site = answers.site(at.site.as_deref())?.id.clone();
    let fact = state.desk().decide(&site, word, clock::now(), &who).await?;
    state.changed.notify_one();
    Ok(done(then, StatusCode::CREATED, json!({ "fact": fact })))
}

/// `POST /api/v1/explanations`: closes a finding with a reason.
pub async fn explain(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(at): Query<AtSite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let who = state.enter(&headers, peer)?;
    let (word, then): (Closing, _) = read(&headers, body).await?;
    let answers = state.answers();
    let site = answers.site(at.site.as_deref())?.id.clone();
    let fact = state.desk().explain(&site, word, clock::now(), &who).await?;
    state.changed.notify_one();
    Ok(done(then, StatusCode::CREATED, json!({ "fact": fact })))
}

/// `PUT /recordings/{site}/{name}`: bytes of a recording, streamed. `X-Content-SHA256` promises
/// their hash; the query may name `call_id` and `starts_at`.
pub async fn upload(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Path((site, name)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let who = state.enter(&headers, peer)?;
    let answers = state.answers();
    let rules = answers.site(Some(&site))?;
    let hints = hints(&state, &site, rules.settings_at(clock::now()).zone(), name, &query);
    let expected = headers
        .get("x-content-sha256")
        .map(|value| value.to_str().unwrap_or_default().parse::<ContentHash>())
        .transpose()
        .map_err(|why| Error::fields(vec![("X-Content-SHA256".into(), why)]))?;
    let incoming = stream(&state, &site, body).await?;
    let admitted =
        state.archive.admit(&site, incoming, hints, expected, clock::now(), &who).await?;
    let status = if admitted.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(admitted)).into_response())
}

fn hints(
    state: &State,
    site: &str,
    zone: chrono_tz::Tz,
    name: String,
    query: &HashMap<String, String>,
) -> Hints {
    let rules = state.intake.rules();
    let pattern = rules.sources.values().find(|source| source.site == site);
    let told = pattern.map(|source| source.names.hints(&name, zone)).unwrap_or_default();
    let starts_at = query.get("starts_at").and_then(|text| text.parse::<Moment>().ok());
    Hints {
        name,
        call_id: query.get("call_id").cloned().or(told.call_id),
        starts_at: starts_at.or(told.starts_at),
        ..told
    }
}

async fn stream(
    state: &State,
    site: &str,
    mut body: Body,
) -> Result<Box<dyn crate::object::Incoming>> {
    let limit = state.upload_bytes_max;
    let mut incoming = state.archive.begin(site)?;
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Error::new(Kind::Invalid, format!("the recording did not arrive whole: {error}"))
        })?;
        let Ok(data) = frame.into_data() else { continue };
        bytes += data.len() as u64;
        if bytes > limit {
            let text = format!("longer than {limit} bytes (setting server.upload_bytes_max)");
            return Err(Error::new(Kind::TooLong, text));
        }
        incoming = state.archive.write(incoming, data).await?;
    }
    Ok(incoming)
}

/// `GET /healthz`: the process is there.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: deliveries are taken.
pub async fn readyz(Shared(state): Shared<Arc<State>>) -> Response {
    if state.is_ready() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response()
}

/// `GET /metrics`
pub async fn metrics(Shared(state): Shared<Arc<State>>) -> Response {
    use std::sync::atomic::Ordering::Relaxed;
    let now = clock::now();
    if state.metrics.keeping_is_old(now) {
        match state.keeping().standing(now).await {
            Ok(standing) => state.metrics.keeping(&standing, now),
            Err(error) => tracing::warn!(%error, "what is kept was not counted"),
        }
    }
    let (gauges, metrics) = (state.archive.store.gauges(), &state.metrics);
    metrics.writer_queue.set(gauges.waiting.load(Relaxed));
    metrics.fold_queue.set(gauges.unfolded.load(Relaxed));
    metrics.commits.set(gauges.commits.load(Relaxed).cast_signed());
    metrics.commit_us.set(gauges.commit_us.load(Relaxed).cast_signed());
    metrics.last_commit_us.set(gauges.last_commit_us.load(Relaxed).cast_signed());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], metrics.text()).into_response()
}

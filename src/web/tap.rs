//! The live view: as a page, as a stream of its parts, and as JSON lines.

use super::pages::{Asked, Peer};
use super::state::State;
use crate::flow::error::Result;
use crate::flow::tap::{Seen, Shown, Tap};
use crate::render::page::{Frame, TapItem, TapPage, html};
use axum::body::Body;
use axum::extract::{ConnectInfo, Query, State as Shared};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Deliveries that a page begins with.
const FIRST: usize = 20;
/// How many may be asked for.
const LAST_MAX: usize = 1000;
/// A word at least so often, so that nobody between us and the reader gives the stream up, and so
/// that it ends when the daemon does.
const WORD_EVERY: Duration = Duration::from_secs(1);
/// At most so many deliveries a second are taken apart for one who looks on.
const PAUSE: Duration = Duration::from_millis(10);

/// What the stream is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// Only this source.
    #[serde(default)]
    source: Option<String>,
    /// How many of the newest come first.
    #[serde(default)]
    last: usize,
    /// Whether to go on with what comes; else the stream ends after the newest.
    #[serde(default = "yes")]
    follow: bool,
}

const fn yes() -> bool {
    true
}

/// `GET /tap`: the newest deliveries, and a script that puts what comes on top.
pub async fn page(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(asked): Query<Asked>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Html<String>> {
    state.enter(&headers, peer)?;
    let frame = frame(&state, &asked, &headers, wanted.source.as_deref())?;
    let mut newest = tap(&state).newest(wanted.source.clone(), FIRST).await?;
    newest.reverse();
    let rules = state.intake.rules();
    let sources = rules.sources.keys().cloned().collect();
    let page = TapPage { frame: &frame, newest, sources, source: wanted.source };
    Ok(Html(html(&page)))
}

fn frame(state: &State, asked: &Asked, headers: &HeaderMap, source: Option<&str>) -> Result<Frame> {
    let answers = state.answers();
    let rules = state.intake.rules();
    // Times are those of the site that the source serves.
    let own = source.and_then(|source| rules.sources.get(source)).map(|source| &*source.site);
    let site = answers.site(own.or(asked.site()))?;
    let here = source.map_or("/tap".to_owned(), |source| format!("/tap?source={source}"));
    Ok(asked.frame(headers, site, "tap", here))
}

/// `GET /tap/stream`: parts of the page as server-sent events (WHATWG HTML, 9.2).
pub async fn parts(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(asked): Query<Asked>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response> {
    state.enter(&headers, peer)?;
    let frame = frame(&state, &asked, &headers, wanted.source.as_deref())?;
    let shown = move |shown: &Shown| {
        let part = html(&TapItem { frame: &frame, one: shown });
        let lines = part.lines().map(|line| format!("data: {line}\n"));
        lines.chain(["\n".to_owned()]).collect()
    };
    Ok(streamed(
        "text/event-stream",
        following(state, Wanted { last: 0, ..wanted }, shown, ":\n\n"),
    ))
}

/// `GET /api/v1/tap`: one JSON object a line; an empty line now and then.
pub async fn lines(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response> {
    state.enter(&headers, peer)?;
    let shown = |shown: &Shown| {
        serde_json::to_string(shown).map_or_else(|_| String::new(), |line| format!("{line}\n"))
    };
    let last = wanted.last.min(LAST_MAX);
    Ok(streamed("application/x-ndjson", following(state, Wanted { last, ..wanted }, shown, "\n")))
}

/// `GET /assets/tap.js`: the page's script.
pub async fn script() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")];
    (kind, include_str!("assets/tap.js")).into_response()
}

fn tap(state: &State) -> Tap {
    Tap { store: state.archive.store.clone(), rules: state.intake.rules() }
}

fn streamed(
    kind: &'static str,
    texts: impl stream::Stream<Item = String> + Send + 'static,
) -> Response {
    let body = Body::from_stream(texts.map(Ok::<_, std::convert::Infallible>));
    let head = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that gathers would show everything late.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (head, body).into_response()
}

/// First the newest, then what comes, each as `shown` writes it.
fn following(
    state: Arc<State>,
    wanted: Wanted,
    shown: impl Fn(&Shown) -> String + Send + Sync + 'static,
    word: &'static str,
) -> impl stream::Stream<Item = String> + Send {
    // Subscribed before the newest are read: what comes between is shown twice rather than never.
    let seen = state.intake.look_on();
    let (from, last, source) = (tap(&state), wanted.last, wanted.source.clone());
    let shown = Arc::new(shown);
    let first = Arc::clone(&shown);
    let begin = stream::once(async move {
        let newest = from.newest(source, last).await;
        let texts = newest.unwrap_or_default();
        texts.iter().fold(word.to_owned(), |text, one| text + &first(one))
    });
    let follow = wanted.follow;
    let rest = stream::unfold((state, seen, wanted, shown), move |mut all| async move {
        let (state, seen, wanted, shown) = (&all.0, &mut all.1, &all.2, &all.3);
        let text = next(state, seen, wanted, &**shown, word).await?;
        Some((text, all))
    });
    begin.chain(rest.take(if follow { usize::MAX } else { 0 }))
}

/// The next text; nothing when the daemon stops.
async fn next(
    state: &State,
    seen: &mut Receiver<Seen>,
    wanted: &Wanted,
    shown: &(impl Fn(&Shown) -> String + Send + Sync),
    word: &'static str,
) -> Option<String> {
    loop {
        let came = tokio::time::timeout(WORD_EVERY, seen.recv()).await;
        if !state.is_ready() {
            return None;
        }
        let one = match came {
            Err(_) => return Some(word.to_owned()),
            Ok(Err(RecvError::Closed)) => return None,
            Ok(Err(RecvError::Lagged(count))) => Some(Shown::Missed { count }),
            Ok(Ok(one)) if wanted.source.as_ref().is_some_and(|own| own != one.source()) => None,
            Ok(Ok(one)) => tap(state).shown(one).await.ok().flatten(),
        };
        if let Some(one) = one {
            tokio::time::sleep(PAUSE).await;
            return Some(shown(&one));
        }
    }
}

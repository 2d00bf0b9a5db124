//! The pages: a question, an answer, HTML.

use super::session;
use super::state::State;
use crate::audit::Question;
use crate::clock;
use crate::finding::{Code, State as FindingState};
use crate::flow::answer::{Fetch, FetchState, Kept, Wanted, place_of};
use crate::flow::error::{Error, Kind, Result};
use crate::flow::sources::{ClockFault, SourceState};
use crate::render::page::{
    AuditPage, CallPage, EntryPage, ErrorPage, FindingView, FindingsPage, Frame, LoginPage,
    Proposed, RecordingPage, SearchPage, SourceView, SourcesPage, Unfetched, html, local,
};
use crate::render::words::{Language, word};
use crate::render::{self, Exposure};
use crate::site::Site;
use axum::extract::{ConnectInfo, Path, Query, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Form, body};
use chrono::NaiveDate;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;

/// Findings on a page.
const PAGE: usize = 50;

/// Whose request it is.
pub type Peer = ConnectInfo<SocketAddr>;

/// What pages are asked with.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    lang: Option<String>,
    #[serde(default)]
    site: Option<String>,
    #[serde(default)]
    from: Option<NaiveDate>,
    #[serde(default)]
    to: Option<NaiveDate>,
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    q: String,
    #[serde(default)]
    then: Option<String>,
}

impl Asked {
    /// The site that is asked for.
    pub fn site(&self) -> Option<&str> {
        self.site.as_deref()
    }

    fn language(&self, headers: &HeaderMap) -> Language {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Language::of(self.lang.as_deref().or(accepted).unwrap_or("zh"))
    }

    /// What the asked page shares with all others.
    pub fn frame(&self, headers: &HeaderMap, site: &Site, title: &str, here: String) -> Frame {
        let language = self.language(headers);
        Frame {
            language,
            title: word(language, title).to_owned(),
            site: site.name.clone(),
            zone: site.settings_at(clock::now()).zone(),
            // One token opens the supervisor's pages; trainers' and desks' come with accounts.
            exposure: Exposure::Full,
            here,
        }
    }
}

fn views(kept: &[Kept], frame: &Frame) -> Vec<FindingView> {
    kept.iter().map(|kept| FindingView::of(&kept.finding, frame)).collect()
}

/// `GET /audit`
pub async fn audit(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response> {
    state.enter(&headers, peer)?;
    let answers = state.answers();
    let site = answers.site(asked.site.as_deref())?;
    let today = site.settings_at(clock::now()).local_day(clock::now());
    let to = asked.to.unwrap_or(today);
    let from = asked.from.unwrap_or(to);
    let question = Question { site: site.id.clone(), from, to, as_of: clock::now() };
    let report = answers.audit(&question).await?;
    let language = asked.language(&headers);
    if let Some(renderer) = asked.format.as_deref().and_then(render::named) {
        let bytes = (renderer.render)(&report, language);
        return Ok(([(header::CONTENT_TYPE, renderer.media_type)], bytes).into_response());
    }
    let here = format!("/audit?site={}&from={from}&to={to}", site.id);
    let frame = asked.frame(&headers, site, "audit", here);
    let findings = report.findings.iter().map(|one| FindingView::of(one, &frame)).collect();
    let page = AuditPage { frame: &frame, report: &report, findings, live: true };
    Ok(Html(html(&page)).into_response())
}

/// `GET /findings`: stored findings, oldest first, a page at a time.
pub async fn findings(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Html<String>> {
    state.enter(&headers, peer)?;
    let answers = state.answers();
    let site = answers.site(asked.site.as_deref())?;
    let code: Option<Code> = asked.code.as_deref().and_then(|code| code.parse().ok());
    let wanted_state = match asked.state.as_deref() {
        Some("explained") => FindingState::Explained,
        Some("healed") => FindingState::Healed,
        _ => FindingState::Open,
    };
    let after = asked.after.as_deref().and_then(|after| {
        let (since, key) = after.split_once('.')?;
        Some((since.parse().ok()?, key.parse().ok()?))
    });
    let wanted = Wanted { state: Some(wanted_state), code, after, count: PAGE + 1 };
    let mut kept = answers.findings(&site.id, wanted).await?;
    let more = kept.len() > PAGE;
    kept.truncate(PAGE);
    let mut here = format!("/findings?site={}", site.id);
    for (name, value) in [("code", &asked.code), ("state", &asked.state)] {
        here.extend(value.iter().flat_map(|value| ["&", name, "=", value.as_str()]));
    }
    let next = kept.last().filter(|_| more).map(|last| {
        let (since, key) = place_of(last);
        format!("{here}&after={since}.{key}")
    });
    let frame = asked.frame(&headers, site, "findings", here);
    let page = FindingsPage { frame: &frame, findings: views(&kept, &frame), next };
    Ok(Html(html(&page)))
}

/// `GET /calls/{key}`
pub async fn call(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Path(key): Path<i64>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Html<String>> {
    state.enter(&headers, peer)?;
    let answer = state.answers().call(key).await?;
    let frame = asked.frame(&headers, &answer.site, "call", format!("/calls/{key}"));
    let standing = state.archive.standing(&answer, clock::now());
    let proposed = answer.proposed.into_iter();
    let proposed = proposed.map(|(entry, proposal)| Proposed { entry, proposal }).collect();
    let page = CallPage {
        frame: &frame,
        fact: &answer.fact,
        recordings: &answer.recordings,
        entry: answer.entry.as_ref(),
        link: answer.link.as_ref(),
        standing,
        unfetched: answer.fetches.iter().filter_map(unfetched).collect(),
        proposed,
        findings: views(&answer.findings, &frame),
    };
    Ok(Html(html(&page)))
}

/// A file that is not here, for the call's page.
fn unfetched(fetch: &Fetch) -> Option<Unfetched> {
    let path = fetch.file.split('?').next().unwrap_or_default();
    let name = path.rsplit('/').find(|piece| !piece.is_empty()).unwrap_or_default().to_owned();
    let Fetch { tries, error, due_at, .. } = fetch.clone();
    (fetch.state != FetchState::Fetched).then_some(Unfetched {
        name,
        tries,
        error,
        again_at: due_at,
    })
}

/// `GET /recordings/{key}`
pub async fn recording(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Path(key): Path<i64>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Html<String>> {
    state.enter(&headers, peer)?;
    let answer = state.answers().recording(key).await?;
    let frame = asked.frame(&headers, &answer.site, "recording", format!("/recordings/{key}"));
    let page = RecordingPage {
        frame: &frame,
        fact: &answer.fact,
        tombstone: answer.tombstone.as_ref(),
        held: answer.held.as_ref(),
        findings: views(&answer.findings, &frame),
    };
    Ok(Html(html(&page)))
}

/// `GET /entries/{key}`
pub async fn entry(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Path(key): Path<i64>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Html<String>> {
    state.enter(&headers, peer)?;
    let answer = state.answers().entry(key).await?;
    let frame = asked.frame(&headers, &answer.site, "entry", format!("/entries/{key}"));
    let versions = answer
        .versions
        .into_iter()
        .map(|(number, who, at, changes)| (number, who, local(at, frame.zone), changes))
        .collect();
    let page = EntryPage {
        frame: &frame,
        fact: &answer.fact,
        versions,
        call: answer.call,
        link: answer.link.as_ref(),
        findings: views(&answer.findings, &frame),
    };
    Ok(Html(html(&page)))
}

/// `GET /search?q=…`
pub async fn search(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Html<String>> {
    state.enter(&headers, peer)?;
    let answers = state.answers();
    let site = answers.site(asked.site.as_deref())?;
    let found = answers.search(&site.id, &asked.q).await?;
    let query = percent_encoding::utf8_percent_encode(&asked.q, percent_encoding::NON_ALPHANUMERIC);
    let frame = asked.frame(&headers, site, "search", format!("/search?q={query}"));
    let page = SearchPage {
        frame: &frame,
        asked: asked.q.clone(),
        calls: &found.calls,
        entries: &found.entries,
    };
    Ok(Html(html(&page)))
}

/// `GET /sources`
pub async fn sources(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(peer): Peer,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Html<String>> {
    state.enter(&headers, peer)?;
    let answers = state.answers();
    let site = answers.site(asked.site.as_deref())?;
    let states = answers.sources(&site.id, clock::now()).await?;
    let frame = asked.frame(&headers, site, "sources", format!("/sources?site={}", site.id));
    let limit_s = site.settings_at(clock::now()).clock_limit_s;
    let view = |state: &SourceState| SourceView {
        name: state.source.clone(),
        heard_at: state.heard_at,
        behind_ms: state.clock.map(|clock| clock.behind_ms),
        warning: state.clock_fault().map(|fault| match fault {
            ClockFault::Zone => "clock_zone",
            ClockFault::Wrong => "clock_wrong",
        }),
    };
    let sources = states.iter().map(view).collect();
    Ok(Html(html(&SourcesPage { frame: &frame, sources, limit_s })))
}

/// The login form's fields.
#[derive(Debug, Deserialize)]
pub struct Token {
    token: String,
    #[serde(default)]
    then: String,
}

fn within(then: &str) -> &str {
    if then.starts_with('/') && !then.starts_with("//") { then } else { "/audit" }
}

/// `GET /login`
pub async fn login_form(
    Shared(state): Shared<Arc<State>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Html<String>> {
    login_page(&state, &asked, &headers, false)
}

fn login_page(
    state: &State,
    asked: &Asked,
    headers: &HeaderMap,
    wrong: bool,
) -> Result<Html<String>> {
    let answers = state.answers();
    let frame = asked.frame(headers, answers.site(None)?, "log_in", "/login".to_owned());
    let then = within(asked.then.as_deref().unwrap_or_default()).to_owned();
    Ok(Html(html(&LoginPage { frame: &frame, wrong, then })))
}

/// `POST /login`
pub async fn login(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    Form(form): Form<Token>,
) -> Result<Response> {
    if state.door.opens(&form.token) {
        let cookie = [(header::SET_COOKIE, session::cookie(&form.token))];
        return Ok((cookie, Redirect::to(within(&form.then))).into_response());
    }
    tracing::warn!("somebody tried a wrong token");
    let asked = Asked { then: Some(form.then), ..Asked::default() };
    let page = login_page(&state, &asked, &headers, true)?;
    Ok((StatusCode::UNAUTHORIZED, page).into_response())
}

/// Errors for browsers are pages: whoever may not come in is shown the door, others the reason.
pub async fn explained(
    Shared(state): Shared<Arc<State>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers().clone();
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let browser = accepts.is_some_and(|accepts| accepts.contains("text/html"));
    let here = request.uri().path_and_query().map_or("/", |here| here.as_str()).to_owned();
    let response = next.run(request).await;
    let status = response.status();
    if !browser || status.is_success() || status.is_redirection() || here.starts_with("/login") {
        return response;
    }
    if status == StatusCode::UNAUTHORIZED {
        let then = percent_encoding::utf8_percent_encode(&here, percent_encoding::NON_ALPHANUMERIC);
        return Redirect::to(&format!("/login?then={then}")).into_response();
    }
    let bytes = body::to_bytes(response.into_body(), 64 * 1024).await.unwrap_or_default();
    let text = reason(&bytes).unwrap_or_else(|| status.to_string());
    let answers = state.answers();
    match answers.site(None) {
        Ok(site) => {
            let frame = Asked::default().frame(&headers, site, "unknown", here);
            let frame = Frame { title: status.to_string(), ..frame };
            (status, Html(html(&ErrorPage { frame: &frame, text }))).into_response()
        }
        Err(error) => error.into_response(),
    }
}

/// Why something was refused: our own word, or that of the framework, which is plain text.
fn reason(body: &[u8]) -> Option<String> {
    let told: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = told["error"].as_str().or_else(|| std::str::from_utf8(body).ok())?;
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// Anything that is no page.
pub async fn nowhere() -> Error {
    Error::new(Kind::NotFound, "there is no such page")
}

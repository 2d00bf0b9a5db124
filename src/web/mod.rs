//! HTTP in and out: deliveries, recordings, the API and the pages.

mod api;
mod audio;
pub mod error;
pub mod hook;
mod keeping;
mod pages;
mod records;
pub mod server;
pub mod session;
mod sets;
pub mod state;
mod tap;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{get, post};
use state::State;
use std::sync::Arc;

/// Everything but deliveries.
pub fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::to("/audit") }))
        .route("/audit", get(pages::audit))
        .route("/findings", get(pages::findings))
        .route("/calls/{key}", get(pages::call))
        .route("/recordings/{key}", get(pages::recording))
        .route("/recordings/{key}/{name}", get(audio::get).put(api::upload))
        .route("/entries/{key}", get(pages::entry))
        .route("/search", get(pages::search))
        .route("/sources", get(pages::sources))
        .route("/tap", get(tap::page))
        .route("/tap/stream", get(tap::parts))
        .route("/assets/tap.js", get(tap::script))
        .route("/login", get(pages::login_form).post(pages::login))
        .route("/api/v1/entries", get(api::list_entries).post(api::save_entry))
        .route("/api/v1/entries/{id}", get(api::get_entry).put(api::put_entry))
        .route("/api/v1/why/{what}", get(api::why))
        .route("/api/v1/calls/{id}/recordings", get(sets::of_call))
        .route("/api/v1/habits", get(api::habits))
        .route("/api/v1/decisions", post(api::decide))
        .route("/api/v1/explanations", post(api::explain))
        .route("/api/v1/sources", get(api::list_sources))
        .route("/api/v1/tap", get(tap::lines))
        .route("/api/v1/holds", get(keeping::holds).post(keeping::hold))
        .route("/api/v1/keeping", get(keeping::standing))
        .route("/api/v1/keeping/plan", get(keeping::plan))
        .route("/api/v1/recordings/{key}/erase", post(keeping::erase))
        .route("/api/v1/sources/{source}/records", post(records::take))
        .route("/healthz", get(api::healthz))
        .route("/readyz", get(api::readyz))
        .route("/metrics", get(api::metrics))
        .fallback(pages::nowhere)
        .layer(from_fn_with_state(Arc::clone(&state), pages::explained))
        .with_state(state)
}

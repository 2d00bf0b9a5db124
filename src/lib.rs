//! `ringledger`: a telephony gateway beside a SIP PBX. Deliveries are the ground, everything else
//! is computed from them by pure functions; only the edges touch the world.
//!
//! # Floors
//!
//! * Business, pure: [`party`], [`site`], [`finding`], [`call`], [`ledger`], [`recording`],
//!   [`linkage`], [`keeping`], [`standard`], [`audit`], [`review`], [`vcon`]. No clock, file,
//!   network or environment.
//! * The world, one room a technology: [`pbx`], [`feed`], [`audio`], [`sheet`], [`source`],
//!   [`object`], [`store`], [`render`], [`web`], [`tls`].
//! * Stairs: [`flow`] (the routes), [`job`] (slow work), [`app`] (wiring), [`config`], [`clock`],
//!   [`log`], [`metrics`], [`stop`], [`cli`].
//!
//! # Routes
//!
//! * A delivery: `web::hook` → `flow::intake` → `pbx` → `store` (durable) → reply; then
//!   `call::fold`.
//! * A recording: `source` → `flow::archive` → `object`, then `store`; `job::listen`;
//!   `job::relink`.
//! * A question: `web::pages` or the command line → `flow::answer` → `store` → `audit` → `render`.
#![forbid(unsafe_code)]

pub mod app;
pub mod audio;
pub mod audit;
pub mod call;
pub mod cli;
pub mod clock;
pub mod config;
pub mod feed;
pub mod finding;
pub mod flow;
pub mod job;
pub mod keeping;
pub mod ledger;
pub mod linkage;
pub mod log;
pub mod metrics;
pub mod object;
pub mod party;
pub mod pbx;
pub mod recording;
pub mod render;
pub mod review;
pub mod sheet;
pub mod site;
pub mod source;
pub mod standard;
pub mod stop;
pub mod store;
pub mod tls;
pub mod vcon;
pub mod web;

//! HTTP in and out: deliveries, recordings, the API and the pages.

pub mod error;
pub mod hook;
pub mod server;

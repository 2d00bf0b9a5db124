//! Field comparisons: small pure functions with levels that read as words.

pub mod agent;
pub mod home;
pub mod number;
pub mod registration;
pub mod time;

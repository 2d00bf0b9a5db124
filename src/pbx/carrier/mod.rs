//! Carriers whose calls are steered by a program: it answers the caller, plays to him, and dials
//! legs to the desk's phones. What they say is noted leg by leg and settled when the call lies
//! together: who began it, which legs are the desk's, and who gave up first.

mod cause;
mod legs;
mod parties;
pub mod said;
mod settle;
pub mod status_callback;

pub use said::{PickUp, Role, Said, What};
pub use settle::settle;

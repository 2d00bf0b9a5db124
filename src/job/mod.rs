//! Slow work, one file a job. Every job can be stopped at any moment and goes on where it was.

pub mod archive;
pub mod close;
pub mod fetch;
pub mod follow;
pub mod learn;
pub mod listen;
pub mod look;
pub mod near;
pub mod prove;
pub mod quiet;
pub mod relink;
pub mod relink_daemon;
pub mod replay;
pub mod retain;
pub mod seal;
mod sides;
mod stirring;
pub mod sweep;
mod timed;
pub mod watch;

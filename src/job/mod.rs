//! Slow work, one file per job.

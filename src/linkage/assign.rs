//! The one-to-one assignment with a null option on both sides; exact per connected component, deterministic ties.

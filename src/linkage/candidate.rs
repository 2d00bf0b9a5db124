//! Blocking: which pairs are worth comparing at all.

//! Wiring: configuration to store, objects, clock, adapters, server and workers; shutdown.

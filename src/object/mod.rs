//! Where recording bytes lie, addressed by their hash.

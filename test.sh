#!/usr/bin/env bash
# Installs what the tests need and runs them all.
set -euo pipefail
cd "$(dirname "$0")"
cargo fetch --locked
cargo test --locked --offline

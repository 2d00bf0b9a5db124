#!/usr/bin/env bash
# Durable intake beside a reference. Needs a load generator that understands the options below, given as BLAST, and
# measures: sustained rate and latency at 64 and 256 connections on an empty folder. Usage: BLAST=path benches/intake.sh
set -euo pipefail
cd "$(dirname "$0")/.."
: "${BLAST:?set BLAST to the load generator}"
cargo build --release --locked
folder=$(mktemp -d)
body=$folder/body.json
printf '%s' '{"id":"{{EVENT}}","type":"{{TYPE}}","at":"{{ISO}}","call":"{{CALL}}","leg":"{{CALL}}-1","extension":"{{AGENT}}","from":"{{NUM}}","to":"8001"}' > "$body"
target/release/ringledger serve --data "$folder/data" --listen 127.0.0.1:8190 > "$folder/log" 2>&1 &
daemon=$!
trap 'kill $daemon; rm -rf "$folder"' EXIT
until grep -q ready "$folder/log"; do sleep 0.1; done
for connections in 64 256; do
  "$BLAST" --url http://127.0.0.1:8190/hook/generic --conns $connections --secs 5 --warm 1 --body "$body" \
    --types call.offered,leg.alerting,leg.joined,call.ended --pid $daemon
done

#!/usr/bin/env bash
# Fuzzes every adapter, then field maps, settings, sheets and sound, one after the other, and prints the counts.
# fuzz/run.sh [SECONDS [NAME...]]: seconds for each (60), and which (all). docs/FUZZING.md tells the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-60}"
shift || true
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
    for folder in tests/pbx/*/; do names+=("$(basename "$folder")"); done
    names+=(field_map settings sheet sound)
fi
# The flags of the coverage are no stable ones.
export RUSTC_BOOTSTRAP=1
cargo fuzz build --sanitizer none
mkdir -p fuzz/log
printf '%-12s %12s %8s %8s  %s\n' target executions seconds MiB findings
failed=0
for name in "${names[@]}"; do
    target=pbx
    case "$name" in field_map | settings | sheet | sound) target="$name" ;; esac
    corpus="fuzz/corpus/$name"
    artifacts="fuzz/artifacts/$name/"
    log="fuzz/log/$name"
    mkdir -p "$corpus" "$artifacts"
    [ "$name" != sound ] || ! command -v ffmpeg >/dev/null || fuzz/sound_seeds.sh "$corpus"
    began=$SECONDS
    ADAPTER="$name" SEEDS="$PWD/$corpus" cargo fuzz run --sanitizer none "$target" "$corpus" -- \
        -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=512 \
        -artifact_prefix="$artifacts" -print_final_stats=1 >"$log" 2>&1 || failed=1
    stat() { awk -v name="stat::$1:" '$1 == name { print $2 }' "$log"; }
    printf '%-12s %12s %8s %8s  %s\n' "$name" "$(stat number_of_executed_units)" "$((SECONDS - began))" \
        "$(stat peak_rss_mb)" "$(find "$artifacts" -type f | wc -l)"
done
exit "$failed"

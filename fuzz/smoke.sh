#!/usr/bin/env bash
# A short smoke of the fuzz targets that needs no nightly toolchain: each is built, is linked with libFuzzer, and runs some of its seeds; the canary must
# fail. Nothing is instrumented, so nothing is searched: `cargo +nightly fuzz run` does that. Needs a C++ compiler, for libFuzzer.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=20
target=${CARGO_TARGET_DIR:-target}
cargo build --manifest-path fuzz/Cargo.toml --target-dir "$target" --locked
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for list in fuzz/seeds/*.txt; do
    case=$(basename "$list" .txt)
    fuzz/seeds.sh unpack "$case" "$folder/$case"
    inputs=("$folder/$case"/*)
    inputs=("${inputs[@]:0:seeds}")
    arguments=("${inputs[@]}")
    if [ -e "fuzz/dictionaries/$case.dict" ]; then arguments+=("-dict=fuzz/dictionaries/$case.dict"); fi
    if ! "$target/debug/$case" "${arguments[@]}" >"$folder/log" 2>&1; then
        cat "$folder/log" >&2
        exit 1
    fi
    ran=$(grep --count '^Executed' "$folder/log" || true)
    if [ "$ran" != "${#inputs[@]}" ]; then
        echo "$case: libFuzzer ran $ran of ${#inputs[@]} seeds" >&2
        exit 1
    fi
    echo "$case: libFuzzer ran $ran seeds"
done
printf '\007%.0s' {1..32} >"$folder/song"
if "$target/debug/canary" -artifact_prefix="$folder/" "$folder/song" >"$folder/log" 2>&1; then
    echo "canary: it does not fail" >&2
    exit 1
fi
grep --quiet 'as it should be' "$folder/log"
echo "canary: found out"

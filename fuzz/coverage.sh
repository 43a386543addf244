#!/usr/bin/env bash
# Which lines of runtime/src the seeds of the fuzz targets reach, file by file: the test `seeds` of harness/, built with
# instrumentation. Needs llvm-profdata and llvm-cov, of `rustup component add llvm-tools` or of a package such as Debian's llvm-22,
# whose LLVM is not older than that of rustc. `fuzz/coverage.sh missing` shows the lines that are not reached.
set -euo pipefail
cd "$(dirname "$0")/.."
# Tests run in the folder of their crate, so where they write must not depend on that.
folder=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")/coverage

tool() {
    local own
    own=$(rustc --print target-libdir)/../bin/$1
    if [ -x "$own" ]; then echo "$own"; else command -v "$1-22" || command -v "$1"; fi
}
profdata=$(tool llvm-profdata)
cov=$(tool llvm-cov)

export RUSTFLAGS=-Cinstrument-coverage LLVM_PROFILE_FILE=$folder/profiles/%p.profraw
tests=(cargo test --package podproof-harness --lib --target-dir "$folder")
binary=$("${tests[@]}" --no-run 2>&1 | tee /dev/stderr | sed -n 's/.*Executable.*(\(.*\))/\1/p')
# What build scripts left is not meant.
rm -rf "$folder/profiles"
"${tests[@]}" seeds:: >&2
"$profdata" merge --sparse "$folder"/profiles/*.profraw --output "$folder/seeds.profdata"
if [ "${1:-}" = missing ]; then
    "$cov" show "$binary" --instr-profile "$folder/seeds.profdata" runtime/src |
        grep -E '^(/|runtime)|^ *[0-9]+\| *0\|'
else
    "$cov" report "$binary" --instr-profile "$folder/seeds.profdata" \
        --show-region-summary=false --show-branch-summary=false runtime/src
fi

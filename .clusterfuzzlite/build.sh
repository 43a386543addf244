#!/bin/bash -eu
# Builds every fuzz target with its dictionary and its seeds. The canary must fail, so it is no target of a campaign.
cd "$SRC/podproof"
cargo fuzz build --release --debug-assertions
for target in fuzz/fuzz_targets/*.rs; do
    name=$(basename "$target" .rs)
    [ "$name" = canary ] && continue
    cp "target/x86_64-unknown-linux-gnu/release/$name" "$OUT/"
    if [ -f "fuzz/dictionaries/$name.dict" ]; then
        cp "fuzz/dictionaries/$name.dict" "$OUT/"
    fi
    fuzz/seeds.sh unpack "$name" "$WORK/seeds/$name"
    zip -jq "$OUT/${name}_seed_corpus.zip" "$WORK/seeds/$name"/*
done

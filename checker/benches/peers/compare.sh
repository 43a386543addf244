#!/usr/bin/env bash
# Searches the slice of termination completely by SPIN, by TLC, by our engine on a packed state and by podproof's own model, one
# after the other, and prints how long each took. It fails where numbers of states differ.
#
#   checker/benches/peers/compare.sh [REPLICAS [REPLICAS_OF_THE_MODEL]]
#
# REPLICAS is from 1 to 5, by default 4 (7.9 million states). The model is by far the slowest: by default it has one replica
# fewer. SPIN is Debian's package `spin`. TLC is run where TLA2TOOLS_JAR names a tla2tools.jar, on TLC_REPLICAS (by default 3).
#
# CPU seconds are those of all threads together: on a machine that does other things, compare these.
set -euo pipefail

replicas=${1:-4}
of_the_model=${2:-$((replicas > 1 ? replicas - 1 : 1))}
for number in "$replicas" "$of_the_model" "${TLC_REPLICAS:-3}"; do
    if ! [[ $number =~ ^[1-5]$ ]]; then
        echo "compare.sh: '$number': accepted are 1 to 5 replicas" >&2
        exit 2
    fi
done
peers=$(cd "$(dirname "$0")" && pwd)
cd "$peers/../../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --quiet --release -p podproof-checker --example termination
cargo build --quiet --release --example termination_model
target=${CARGO_TARGET_DIR:-target}

# The numbers of states that each number of replicas has had, by whoever was first.
declare -A states_of

# row NAME REPLICAS FILTER COMMAND...: runs the command, whose output FILTER turns into "STATES TRANSITIONS".
row() {
    local name=$1 size=$2 filter=$3 real user system cpu states transitions
    shift 3
    TIMEFORMAT='%R %U %S'
    if ! { time "$@" >"$work/output" 2>"$work/errors"; } 2>"$work/time"; then
        cat "$work/output" "$work/errors" >&2
        exit 1
    fi
    read -r real user system <"$work/time"
    read -r states transitions < <($filter <"$work/output")
    cpu=$(awk "BEGIN { print $user + $system }")
    printf '%-30s %d %10d %11d %8.2f %8.2f %8.2f %10.2f\n' "$name" "$size" "$states" "$transitions" "$real" "$cpu" \
        "$(awk "BEGIN { print $states / ($real + 1e-9) / 1e6 }")" "$(awk "BEGIN { print $states / ($cpu + 1e-9) / 1e6 }")"
    if [[ $name != *symmetric* && ${states_of[$size]:=$states} != "$states" ]]; then
        echo "compare.sh: $name finds $states states of $size replicas, not ${states_of[$size]}" >&2
        exit 1
    fi
}
of_ours() { sed -E 's/.*: ([0-9]+) states, ([0-9]+) transitions.*/\1 \2/'; }
# SPIN and TLC count the way into the initial state as a transition.
of_spin() { awk '/states, stored/ { states = $1 } /transitions \(=/ { print states, $1 - 1 }'; }
of_tlc() { tr -d , | awk '/distinct states found/ { found = $4 " " $1 - 1 } END { print found }'; }

printf '%-30s %s %10s %11s %8s %8s %8s %10s\n' engine n states transitions seconds 'CPU s' 'M/s' 'M/CPU s'
if command -v spin >"$work/found" && command -v cc >>"$work/found"; then
    has_spin=true
else
    has_spin=false
    echo 'SKIPPED: SPIN: there is no `spin` or no `cc` on the path (Debian has both as packages)' >&2
fi
# spin_row SIZE, with a hash table that need not grow: twice as many places as there are states, or more.
spin_row() {
    local places=(0 10 13 19 25 29)
    $has_spin || return 0
    (
        cd "$work"
        spin -a -DN="$1" "$peers/termination.pml"
        cc -O2 -w -DSAFETY -DNOREDUCE -DNOBOUNDCHECK -o "pan$1" pan.c
    )
    row 'SPIN, 1 thread' "$1" of_spin "$work/pan$1" -w"${places[$1]}"
}
spin_row "$replicas"
for threads in 1 2; do
    row "packed, $threads thread(s)" "$replicas" of_ours "$target/release/examples/termination" "$replicas" "$threads"
done
if [[ -n ${TLA2TOOLS_JAR:-} ]]; then
    size=${TLC_REPLICAS:-3}
    cp "$peers/termination.tla" "$work"
    sed "s/^CONSTANT N = .*/CONSTANT N = $size/" "$peers/termination.cfg" >"$work/termination.cfg"
    tlc() { (cd "$work" && java -XX:+UseParallelGC -cp "$TLA2TOOLS_JAR" tlc2.TLC -workers 2 -config termination.cfg termination); }
    row 'TLC, 2 workers' "$size" of_tlc tlc
    row 'packed, 2 thread(s)' "$size" of_ours "$target/release/examples/termination" "$size" 2
else
    echo 'SKIPPED: TLC: TLA2TOOLS_JAR does not name a tla2tools.jar' >&2
fi
spin_row "$of_the_model"
row 'packed, 1 thread(s)' "$of_the_model" of_ours "$target/release/examples/termination" "$of_the_model" 1
for threads in 1 2; do
    row "model, $threads thread(s)" "$of_the_model" of_ours "$target/release/examples/termination_model" "$of_the_model" "$threads"
done
row 'model, symmetric, 1 thread(s)' "$of_the_model" of_ours "$target/release/examples/termination_model" "$of_the_model" 1 symmetric

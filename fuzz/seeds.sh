#!/usr/bin/env bash
# The seeds of a fuzz target stand in fuzz/seeds/TARGET.txt, one in a line, as base64.
#   fuzz/seeds.sh unpack TARGET FOLDER    makes a file of each, as libFuzzer reads them
#   fuzz/seeds.sh pack TARGET FOLDER      makes seeds of the files in a folder
set -euo pipefail
if [ $# != 3 ]; then
    sed -n 2,4p "$0" >&2
    exit 2
fi
seeds=$(dirname "$0")/seeds/$2.txt
if [ ! -f "$seeds" ]; then
    echo "there are no seeds of $2; there are those of: $(cd "$(dirname "$seeds")" && echo *.txt | sed 's/\.txt//g')" >&2
    exit 2
fi
case $1 in
unpack)
    mkdir -p "$3"
    number=0
    while read -r seed; do
        number=$((number + 1))
        base64 --decode <<<"$seed" >"$3/seed-$number"
    done <"$seeds"
    ;;
pack)
    if [ -z "$(ls -A "$3")" ]; then
        echo "$3 is empty: seeds are left as they are; accepted is a folder with inputs" >&2
        exit 2
    fi
    for file in "$3"/*; do
        base64 --wrap=0 "$file"
        echo
    done | LC_ALL=C sort >"$seeds.new"
    mv "$seeds.new" "$seeds"
    ;;
*)
    sed -n 2,4p "$0" >&2
    exit 2
    ;;
esac

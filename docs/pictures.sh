#!/bin/sh
# Takes the pictures of the README anew, with a Chromium that is installed: docs/pictures.sh [PODPROOF]
set -eu
cd "$(dirname "$0")/.."
podproof=${1:-target/release/podproof}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || command -v chrome) || {
    echo "no Chromium is installed" >&2
    exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# picture NAME TRACE HEIGHT LINK [OPTION...]: the page of a trace at a step, in a window of this height.
picture() {
    name=$1 trace=$2 height=$3 link=$4
    shift 4
    "$podproof" trace export "$trace" --to html --output "$work/$name.html"
    "$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
        --window-size="1280,$height" --virtual-time-budget=5000 --screenshot="$PWD/docs/$name.png" "$@" \
        "file://$work/$name.html$link" 2>/dev/null
}

# A promise that is broken is what the check is for.
"$podproof" check examples/web.yaml --replicas 1 --story rollout --remedy --trace-dir "$work" >/dev/null || [ $? = 1 ]
picture page-violation "$(ls "$work"/*no-failed-request*.json | head -1)" 860 ""
picture page-time traces/corpus/no-failed-request/broken-watch-eats-the-margin.json 880 ""
sed 's/replicas: [0-9]*/replicas: 50/' examples/web.yaml >"$work/fifty.yaml"
# A promise that is kept: the walk is written whole.
"$podproof" trace from-walk 1 "$work/fifty.yaml" --story rollout --nodes 20 --property terminal-is-final --output "$work/walk.json"
picture page-walk "$work/walk.json" 800 "#step-1140" --blink-settings=preferredColorScheme=0

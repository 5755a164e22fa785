#!/usr/bin/env bash
# The real window from a fresh start to saved pictures, used as a person would:
# keys and nothing else, in a virtual display of its own. Needs Xvfb and xdotool.
#
#     tests/window.sh [PATH_TO_STORM_STUDIO [SCREENSHOT.png]]
#
# The screenshot is taken of the finished example; it needs ImageMagick's import.
set -euo pipefail

binary=${1:-target/release/storm-studio}
screenshot=${2:-}
work=$(mktemp -d)
display=:$((100 + RANDOM % 400))
export DISPLAY=$display HOME=$work/home XDG_RUNTIME_DIR=$work LIBGL_ALWAYS_SOFTWARE=1
mkdir -p "$HOME"

# Without -noreset the server starts anew whenever its last client leaves, and refuses who comes then.
Xvfb "$display" -screen 0 1280x800x24 -noreset >"$work/xvfb.log" 2>&1 &
xvfb=$!
studio=
finish() {
    status=$?
    if [ "$status" -ne 0 ]; then
        echo "window.sh failed; the program said:" >&2
        cat "$work/studio.log" >&2 || true
        if command -v import >/dev/null && import -window root window-failure.png; then
            echo "The screen is in window-failure.png." >&2
        fi
    fi
    [ -n "$studio" ] && kill "$studio" 2>/dev/null || true
    kill "$xvfb" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# Tries a command every half second, at most $1 seconds long.
patiently() {
    local tries=$(($1 * 2))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.5
    done
}

window() { xdotool search --onlyvisible --name '^Storm Studio$' >"$work/window" 2>/dev/null; }
# Saving does nothing until the picture is finished, so it is simply asked for again.
saved() {
    xdotool key ctrl+s
    sleep 0.5
    [ -s "$1" ]
}
is_png() { [ "$(head -c 4 "$1" | tail -c 3)" = PNG ]; }
ended() { ! kill -0 "$studio" 2>/dev/null; }

patiently 5 xdotool getdisplaygeometry >"$work/xdotool.log" 2>&1
"$binary" studio --device cpu --output "$work/output" >"$work/studio.log" 2>&1 &
studio=$!
patiently 30 window
xdotool windowfocus --sync "$(head -n 1 "$work/window")"

echo "The example: one key makes both pictures, another saves them."
sleep 2
xdotool key ctrl+Return
first="$work/output/a cat to the left of a dog"
patiently 240 saved "$first/7.png"
is_png "$first/7.png"
is_png "$first/7-standard.png"
if [ -n "$screenshot" ]; then
    sleep 2
    import -window root "$screenshot"
fi

echo "Another prompt, typed."
xdotool key ctrl+l
sleep 0.5
xdotool key ctrl+a
xdotool type --delay 30 "a fish below a boat"
sleep 0.5
xdotool key ctrl+Return
patiently 240 saved "$work/output/a fish below a boat/7.png"

echo "Closing while a picture is made is safe."
xdotool key ctrl+Return
sleep 2
xdotool key ctrl+q
patiently 30 ended
wait "$studio"
studio=
echo "All of it worked."

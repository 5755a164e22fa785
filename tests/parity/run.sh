#!/usr/bin/env bash
# Checks our numbers against recordings of the released STORM code.
#
# usage: tests/parity/run.sh FOLDER [RUN] [DEVICE]
#
# FOLDER holds recordings (*.safetensors whose metadata has a `run` entry) and the models they
# were made with, in diffusers' layout, in any folder below. RUN is the name of one recording, or
# `all`; DEVICE is cpu (the default) or gpu. Prints what was found for every recording and a table;
# the exit status is 0 only if every goal is met.
set -euo pipefail

if [ $# -lt 1 ] || [ ! -d "$1" ]; then
    sed -n '4,9s/^# \?//p' "$0" >&2
    exit 2
fi
export STORM_STUDIO_PARITY_FOLDER
STORM_STUDIO_PARITY_FOLDER=$(cd "$1" && pwd)
if [ "${2:-all}" != all ]; then
    export STORM_STUDIO_PARITY_ONLY=$2
fi
export STORM_STUDIO_PARITY_DEVICE=${3:-cpu}
cd "$(dirname "$0")/../.."
cargo test --release --locked --test integration -- \
    --ignored --exact --nocapture parity::recordings_of_the_release_are_reproduced

#!/usr/bin/env bash
# Checks our numbers against recordings of the released STORM code.
#
# usage: tests/parity/run.sh FOLDER [--run NAME] [--device gpu] [--fast]
#
# FOLDER holds recordings (*.safetensors whose metadata has a `run` entry) and, in any folder below,
# the models they were made with in diffusers' layout. Prints what was found for every recording and
# a table; the exit status is 0 only if every goal is met.
#   --run NAME     only this recording
#   --device gpu   compute with wgpu instead of burn's flex on the CPU
#   --fast         leave out each update and step from the recorded latents, half of the time
set -euo pipefail

usage() {
    sed -n '4,11s/^# \?//p' "$0" >&2
    exit 2
}

[ $# -ge 1 ] && [ -d "$1" ] || usage
STORM_STUDIO_PARITY_FOLDER=$(cd "$1" && pwd)
export STORM_STUDIO_PARITY_FOLDER
shift
while [ $# -gt 0 ]; do
    case $1 in
        --run) export STORM_STUDIO_PARITY_ONLY=${2:?a name}; shift 2 ;;
        --device) export STORM_STUDIO_PARITY_DEVICE=${2:?a device}; shift 2 ;;
        --fast) export STORM_STUDIO_PARITY_FAST=1; shift ;;
        *) usage ;;
    esac
done
cd "$(dirname "$0")/../.."
exec cargo test --release --locked --test integration -- \
    --ignored --exact --nocapture parity::recordings_of_the_release_are_reproduced

#!/usr/bin/env bash
# Formatting, lints and all tests, in the release profile that `cargo run --release` shares, so
# that nothing heavy is compiled twice. On a bare Debian machine, as root, it first installs the
# software Vulkan driver that the wgpu tests draw and compute with.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            libvulkan1 mesa-vulkan-drivers >/dev/null
    else
        echo "The wgpu tests need a Vulkan driver. Install your GPU's, or Mesa's software one:" >&2
        echo "    sudo apt-get install libvulkan1 mesa-vulkan-drivers" >&2
        exit 1
    fi
fi

# A software Vulkan driver compiles kernels for minutes when every candidate is tuned.
export CUBECL_AUTOTUNE_LEVEL="${CUBECL_AUTOTUNE_LEVEL:-minimal}"

# The same property cases on every run; other seeds are for finding new ones by hand.
export PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-1}"

cargo fmt --check
cargo test --release --locked
# Clippy as the compiler's wrapper reuses the dependencies built above; `cargo clippy` would check
# all of them once more. It advises here; CLIPPY_ARGS=-D__CLIPPY_HACKERY__warnings makes it decide.
if command -v clippy-driver >/dev/null; then
    RUSTC_WORKSPACE_WRAPPER=clippy-driver cargo build --release --locked --lib --bins
fi

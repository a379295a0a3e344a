#!/bin/sh
# Installs what the build needs and this machine lacks: a C compiler for cgo and
# libclang for bindgen. Rust and Go are the user's own choice: they are named.
set -eu
cd "$(dirname "$0")"

lacking=0
need() {
    command -v "$1" >/dev/null && return
    echo "poof is built with $2, and \`$1\` is not on PATH: $3" >&2
    lacking=1
}
need cargo Rust 'https://rustup.rs'
need "${GO:-go}" Go 'https://go.dev/dl'

if [ "$(uname -s)" = Darwin ]; then
    # Brings clang and libclang.
    xcode-select -p >/dev/null 2>&1 || {
        echo 'The command line tools are missing: xcode-select --install' >&2
        lacking=1
    }
elif command -v apt-get >/dev/null; then
    # LIBCLANG_PATH names one that was installed by other means.
    if [ -n "${LIBCLANG_PATH:-}" ]; then
        ./install-packages.sh gcc libc6-dev
    else
        ./install-packages.sh gcc libc6-dev libclang-dev
    fi
else
    need cc 'a C compiler' 'install gcc or clang'
    echo 'Make sure that libclang is installed (Fedora: clang-devel, Arch: clang).'
fi
exit "$lacking"

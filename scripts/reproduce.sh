#!/bin/sh
# Builds poof twice, as two people would who share nothing but the source, the compilers and
# what they have downloaded, and fails unless both have the same bytes (RELEASING.md):
# reproduce.sh [PROFILE]. Takes a quarter of an hour on two processors, and 4 GB below TMPDIR.
set -eu
cd "$(dirname "$0")/.."
profile=${1:-dist}
cargo=${CARGO:-cargo}
go=${GO:-go}

"$cargo" fetch --quiet --locked
(cd go && "$go" mod download)
RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
GOMODCACHE=$("$go" env GOMODCACHE)
export RUSTUP_HOME GOMODCACHE
downloaded=$(cd "${CARGO_HOME:-$HOME/.cargo}" && pwd)
unset CARGO_TARGET_DIR
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build_as NAME DIRECTORY: with a home, caches, a time zone and a language of its own. The
# directories differ in length and depth, too. Prints where the program is.
build_as() {
    home=$work/$1
    source=$work/$2
    mkdir -p "$source" "$home/.cargo/registry"
    # The files as they are here, whether committed or not.
    # shellcheck disable=SC2016 # for the inner shell
    git ls-files -z --cached --others --exclude-standard |
        xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
        tar -c --null -T - | tar -x -C "$source"
    # Crates are unpacked anew below this home.
    for part in cache index; do
        ln -s "$downloaded/registry/$part" "$home/.cargo/registry/$part"
    done
    [ ! -e "$downloaded/config.toml" ] || cp "$downloaded/config.toml" "$home/.cargo/"
    env HOME="$home" CARGO_HOME="$home/.cargo" GOCACHE="$home/go build" TZ="$3" LC_ALL="$4" \
        POOF_OFFLINE=1 "$source/scripts/build.sh" build --quiet --offline --locked \
        --profile "$profile" >&2
    mv "$source/target/$profile/poof" "$work/poof-$1"
    # Two of them take much room.
    rm -rf "$source" "$home"
}

build_as jane poof UTC C
build_as joe 'deep/er/in the tree/of joe' Asia/Kolkata C.UTF-8
sha256sum "$work/poof-jane" "$work/poof-joe" | sed "s|$work/||"
cmp "$work/poof-jane" "$work/poof-joe" || {
    echo 'The same source gave two programs. RELEASING.md says what is pinned.' >&2
    exit 1
}
echo 'both have the same bytes'

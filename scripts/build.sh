#!/bin/sh
# Runs cargo so that the same source gives the same bytes, wherever it is and whoever builds
# it: build.sh WORD..., in cargo's own words.
#
# rustc puts the paths of crates, of this directory and of what is built into the messages of
# panics. This replaces them by names that are the same for everybody, and that tell nobody
# who has built the program. (cargo's own trim-paths is not stable yet; for Go build.rs
# gives -trimpath.) Flags count that RUSTFLAGS has, and not those of cargo's configuration.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
cargo=${CARGO:-cargo}
home=${CARGO_HOME:-$HOME/.cargo}
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$home" "$target"

separator=$(printf '\037')
flags=${CARGO_ENCODED_RUSTFLAGS-$(printf '%s' "${RUSTFLAGS:-}" | tr -s ' ' "$separator")}
# rename DIRECTORY NAME: of several that fit, rustc takes the last.
rename() {
    for path in "$1" "$(cd "$1" && pwd)" "$(cd "$1" && pwd -P)"; do
        flags="$flags${flags:+$separator}--remap-path-prefix=$path=$2"
    done
}
rename "$home" /cargo
rename "$root" /poof
rename "$target" /poof/target
# The crates of each index are in a directory of its name, which is there once they are.
offline=
[ -z "${POOF_OFFLINE:-}" ] || offline=--offline
host=$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p')
# shellcheck disable=SC2086 # an option or none
"$cargo" fetch --quiet --locked --target "$host" $offline
for crates in "$home"/registry/src/*/; do
    [ ! -d "$crates" ] || rename "${crates%/}" /cargo/crates
done
unset RUSTFLAGS
export CARGO_ENCODED_RUSTFLAGS="$flags"
exec "$cargo" "$@"

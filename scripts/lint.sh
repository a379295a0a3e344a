#!/bin/sh
# What must hold before a change is looked at.
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go}

for component in fmt clippy; do
    cargo "$component" --version >/dev/null 2>&1 || {
        echo "cargo $component is missing: rustup component add rustfmt clippy" >&2
        exit 1
    }
done

cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings

unformatted=$("$("$go" env GOROOT)/bin/gofmt" -l go vendor/ledger)
if [ -n "$unformatted" ]; then
    echo "gofmt -w would change: $unformatted" >&2
    exit 1
fi
(cd go && "$go" vet -trimpath ./... && "$go" vet -trimpath -tags=slim .)
(cd vendor/ledger && "$go" vet -trimpath ./...)
# It takes files of src, with dependencies of its own. Kept between checkouts.
(cd fuzz && RUSTFLAGS='--cfg fuzzing' cargo check --quiet --locked \
    --target-dir "${XDG_CACHE_HOME:-$HOME/.cache}/poof-tools/fuzz")
scripts/check-macos.sh

! command -v apt-get >/dev/null || scripts/install-packages.sh shellcheck
if command -v shellcheck >/dev/null; then
    shellcheck scripts/*.sh .ci/run
fi

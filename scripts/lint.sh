#!/bin/sh
# What must hold before a change is looked at. `lint.sh --as-is` installs nothing: what
# it cannot check it says (`make check`).
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

as_is=${1:-}
if [ "$as_is" = --as-is ]; then
    scripts/skip.sh tool macOS 'make lint checks what is compiled for it'
else
    scripts/check-macos.sh
    ! command -v apt-get >/dev/null || scripts/install-packages.sh shellcheck
fi
if command -v shellcheck >/dev/null; then
    shellcheck scripts/*.sh .ci/run
else
    scripts/skip.sh tool shellcheck 'it is not installed'
fi

# It looks at the scripts inside of the workflows with shellcheck, too.
actionlint=${XDG_CACHE_HOME:-$HOME/.cache}/poof-tools/actionlint-1.7.12
if [ ! -x "$actionlint/actionlint" ]; then
    GOBIN=$actionlint GOTOOLCHAIN=local GOWORK=off "$go" install -trimpath \
        github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
fi
"$actionlint/actionlint" .github/workflows/*.yml

# Spelling, of everything that people read. typos.toml says what is a word here.
typos=${XDG_CACHE_HOME:-$HOME/.cache}/poof-tools/typos-1.52.0
if [ ! -x "$typos/bin/typos" ] && [ "$as_is" != --as-is ]; then
    ! command -v apt-get >/dev/null || scripts/install-packages.sh python3-venv
    ! command -v python3 >/dev/null || {
        python3 -m venv "$typos" &&
            "$typos/bin/pip" install --quiet --disable-pip-version-check typos==1.52.0
    }
fi
if [ -x "$typos/bin/typos" ]; then
    "$typos/bin/typos" --config typos.toml
else
    scripts/skip.sh tool typos 'it is not installed'
fi

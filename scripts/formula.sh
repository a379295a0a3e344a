#!/bin/sh
# Prints the Homebrew formula for the version of Cargo.toml, filled in:
# formula.sh REPOSITORY [ARCHIVE]. REPOSITORY is its address without .git; ARCHIVE
# a copy of the archive of the version's tag, if it is not to be fetched from there.
#
#     scripts/formula.sh https://example.org/joe/poof >…/homebrew-poof/Formula/poof.rb
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
repository=${1:?the address of the repository, without .git}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
address=$repository/archive/refs/tags/v$version.tar.gz

if [ $# -gt 1 ]; then
    archive=$2
else
    archive=$(mktemp)
    trap 'rm -f "$archive"' EXIT
    curl --fail --silent --show-error --location --output "$archive" "$address" || {
        echo "Is v$version tagged and published? $address" >&2
        exit 1
    }
fi
if command -v sha256sum >/dev/null; then
    sum=$(sha256sum "$archive")
else
    sum=$(shasum -a 256 "$archive")
fi

sed -e '/^# REPOSITORY and/,/^# published/d' -e '/^#$/d' \
    -e "s|REPOSITORY/archive/.*tar.gz|$address|" -e "s|\"REPOSITORY|\"$repository|" \
    -e "s|\"SHA256\"|\"${sum%% *}\"|" "$root/Formula/poof.rb"

#!/bin/sh
# Prints the Homebrew formula for the version of Cargo.toml, filled in, or another file of this
# kind: formula.sh REPOSITORY [ARCHIVE [FILE]]. REPOSITORY is its address without .git; ARCHIVE
# a copy of the archive of the version's tag that you have looked at. Else it is fetched
# from there, and has to hold what the tag holds here: the sum of what a server has just
# sent says that it is right, whatever it is.
#
#     scripts/formula.sh https://example.org/joe/poof >…/homebrew-poof/Formula/poof.rb
#     scripts/formula.sh https://example.org/joe/poof '' packaging/PKGBUILD >…/aur/PKGBUILD
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
repository=${1:?the address of the repository, without .git}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
address=$repository/archive/refs/tags/v$version.tar.gz

if [ -n "${2:-}" ]; then
    archive=$2
else
    new=$(mktemp -d)
    trap 'rm -rf "$new"' EXIT
    archive=$new/archive
    curl --fail --silent --show-error --location --output "$archive" "$address" || {
        echo "Is v$version tagged and published? $address" >&2
        exit 1
    }
    mkdir "$new/here" "$new/there"
    git -C "$root" archive --format=tar "v$version" | tar -x -C "$new/here" -f -
    # Servers put all of it into a directory.
    tar -xz -C "$new/there" --strip-components=1 -f "$archive"
    diff -r "$new/here" "$new/there" >&2 || {
        echo "What $address holds is not the tag v$version of this repository." >&2
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
    -e "s|\"SHA256\"|\"${sum%% *}\"|" "$root/${3:-Formula/poof.rb}"

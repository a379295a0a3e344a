#!/bin/sh
# Puts all that a release has into a directory: release.sh PROGRAM [DIRECTORY]. See
# RELEASING.md. Needs what package.sh and wheel.sh need, GNU tar, and a network the first
# time only: what writes the bills of materials is built into the cache.
set -eu
umask 022
root=$(cd "$(dirname "$0")/.." && pwd -P)
program=$1
out=${2:-$root/target/release-files}
[ -x "$program" ] || {
    echo "$program is not there: \`make build\` builds it" >&2
    exit 1
}
# `cargo build` leaves them there, `make build` does not.
for path in "$root/" "${CARGO_HOME:-$HOME/.cargo}/" "${GOPATH:-$HOME/go}/"; do
    ! grep -a -q -F "$path" "$program" || {
        echo "$path is in $program: a program for others is built by \`make build\`" >&2
        exit 1
    }
done
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

tools=${XDG_CACHE_HOME:-$HOME/.cache}/poof-tools
cyclonedx=$tools/cyclonedx-0.5.9-1.10.0
[ -x "$cyclonedx/bin/cargo-cyclonedx" ] || "${CARGO:-cargo}" install --quiet --locked \
    --root "$cyclonedx" cargo-cyclonedx@0.5.9
[ -x "$cyclonedx/bin/cyclonedx-gomod" ] || GOBIN=$cyclonedx/bin GOTOOLCHAIN=local GOWORK=off \
    "${GO:-go}" install -trimpath github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

rm -rf "$out"
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$("$program" --version | sed -n '1s/^poof \([^ ]*\).*/\1/p')
name=poof-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)

# The program with all that goes with it, to unpack below any prefix.
DESTDIR=$work/$name PREFIX=/ RECEIPT=no "$root/scripts/install.sh" "$program"
cp "$root/README.md" "$root/CHANGELOG.md" "$work/$name/share/doc/poof/"
# README.md leads to them.
cp -R "$root/docs" "$work/$name/share/doc/poof/docs"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
    --format=gnu -cf - "$name" | gzip -9n >"$out/$name.tar.gz"
"$root/scripts/package.sh" "$program" "$out"
"$root/scripts/wheel.sh" "$program" "$out"
git -C "$root" archive --format=tar --prefix="poof-$version/" HEAD |
    gzip -9n >"$out/poof-$version-source.tar.gz"

# What is linked in. Both tools write when and where they ran; neither is for anybody.
git clone --quiet "$root" "$work/source"
(cd "$work/source" && "$cyclonedx/bin/cargo-cyclonedx" cyclonedx --quiet --format json \
    --spec-version 1.5 --no-build-deps --override-filename rust)
(cd "$work/source/go" && CGO_ENABLED=1 GOFLAGS='-mod=readonly' GOWORK=off \
    "$cyclonedx/bin/cyclonedx-gomod" app -json -noserial -output "$work/source/go.json" -main . .) \
    2>"$work/log" || {
    cat "$work/log" >&2
    exit 1
}
when=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
for language in rust go; do
    sed -e "s|$work/source|/poof|g" -e "s|\"timestamp\": \"[^\"]*\"|\"timestamp\": \"$when\"|" \
        -e '/"serialNumber": /d' "$work/source/$language.json" \
        >"$out/poof-$version-$language.cdx.json"
done

{
    echo "commit: $(git -C "$root" describe --always --dirty --abbrev=40 --exclude='*')"
    "${RUSTC:-rustc}" --version
    "${GO:-go}" version
    "${CC:-cc}" --version | head -n 1
    ldd --version | head -n 1
} >"$out/BUILT-WITH"
(cd "$out" && sha256sum -- *) >"$work/sums"
mv "$work/sums" "$out/SHA256SUMS"
chmod 644 "$out/SHA256SUMS"
echo "$out/SHA256SUMS"

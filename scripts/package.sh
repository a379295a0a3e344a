#!/bin/sh
# Makes packages of a poof that was built, for this machine's kind of processor:
# package.sh PROGRAM [DIRECTORY]. Prints where they are: .deb, .rpm, and one for pacman.
# No privileges. Needs Go, and a network the first time only: nfpm, which writes them, is
# built into the cache. binutils tells what the program needs of the system; a .deb
# wants dpkg-dev as well, an .rpm elfdeps (Debian: rpm, Fedora: rpm-build). What is missing
# leaves that package out. `package.sh --prepare` makes nfpm, says where it is, and makes
# no package.
#
# DEBFULLNAME, DEBEMAIL: who answers for them, as Debian's own tools know them.
set -eu
umask 022
root=$(cd "$(dirname "$0")/.." && pwd)
program=$1
out=${2:-$root/target/package}

# Another version writes other packages.
tools=${XDG_CACHE_HOME:-$HOME/.cache}/poof-tools/nfpm-2.45.2
nfpm=$tools/nfpm
[ -x "$nfpm" ] || {
    echo 'Building nfpm (a minute the first time)' >&2
    GOBIN=$tools GOTOOLCHAIN=local GOWORK=off "${GO:-go}" install -trimpath \
        github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2 >&2
}
[ "$program" != --prepare ] || {
    echo "$nfpm"
    exit
}
[ -x "$program" ] || {
    echo "$program is not there: \`make build\` builds it" >&2
    exit 1
}

VERSION=$("$program" --version | sed -n '1s/^poof \([^ ]*\).*/\1/p')
machine=$(uname -m)
case $machine in
# As Go has it; nfpm makes of it what each kind of package has.
x86_64) ARCH=amd64 ;;
aarch64) ARCH=arm64 ;;
*) ARCH=$machine ;;
esac
WHO="${DEBFULLNAME:-The poof developers} <${DEBEMAIL:-poof@localhost.localdomain}>"
# The same program gives the same packages.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
export VERSION ARCH WHO SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage=$work/stage
mkdir "$stage" "$work/debian"
DESTDIR=$stage PREFIX=/usr RECEIPT=no "$root/scripts/install.sh" "$program"
strip --strip-unneeded --remove-section=.comment "$stage/usr/bin/poof"
share=$stage/usr/share
cp "$root/CHANGELOG.md" "$share/doc/poof/CHANGELOG.md"
cat >"$share/doc/poof/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: poof
Comment: rclone and other works are linked into the program. Their names,
 versions, licences and notices are in /usr/share/doc/poof/NOTICES.gz.

Files: *
Copyright: $(sed -n 's/^Copyright (c) //p' "$root/LICENSE")
License: MIT

License: MIT
$(sed -n '/^Permission/,$p' "$root/LICENSE" | sed 's/^$/./; s/^/ /')
END
{
    printf 'poof (%s) unstable; urgency=medium\n\n' "$VERSION"
    printf '  * Packaged. What has changed is in CHANGELOG.md.\n\n'
    printf ' -- %s  %s\n' "$WHO" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
} >"$share/doc/poof/changelog"
gzip -9n "$share/man/man1/poof.1" "$share/man/man5/poof.conf.5" "$share/doc/poof/changelog"
gzip -9nk "$share/doc/poof/NOTICES" "$share/doc/poof/CHANGELOG.md"
# nfpm has the modes and times of what it packs.
find "$stage" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$out"

# What each needs of the system comes from the program itself, a line each.
has() { command -v "$1" >/dev/null; }
needs_deb() {
    # shellcheck disable=SC2016 # dpkg-shlibdeps fills it
    printf 'Source: poof\n\nPackage: poof\nArchitecture: any\nDepends: ${shlibs:Depends}\n' \
        >"$work/debian/control"
    (cd "$work" && dpkg-shlibdeps -O stage/usr/bin/poof) |
        sed -n 's/^shlibs:Depends=//p' | sed 's/, /\n/g'
}
needs_rpm() { echo "$stage/usr/bin/poof" | "$elfdeps" --requires; }
needs_pacman() {
    readelf -V -W "$stage/usr/bin/poof" | sed -n 's/.*Name: GLIBC_\([0-9.]*\).*/\1/p' |
        sort -V | sed -n '$s/^/glibc>=/p'
    readelf -d -W "$stage/usr/bin/poof" | sed -n 's/.*(NEEDED).*\[libgcc_s\..*/gcc-libs/p'
}

# package KIND NAME NEEDS
package() {
    $3 >"$work/needs"
    [ -s "$work/needs" ]
    {
        cat "$root/packaging/nfpm.yaml"
        printf 'archlinux:\n  packager: "%s"\n' "$WHO"
        echo depends:
        sed 's/.*/  - "&"/' "$work/needs"
    } >"$work/nfpm.yaml"
    (cd "$stage" && "$nfpm" package --config "$work/nfpm.yaml" --packager "$1" \
        --target "$out/$2" >"$work/log" 2>&1) || {
        cat "$work/log" >&2
        exit 1
    }
    echo "$out/$2"
}
if has dpkg-shlibdeps; then
    package deb "poof_${VERSION}_$(dpkg --print-architecture).deb" needs_deb
else
    echo 'dpkg-shlibdeps is not there: no .deb' >&2
fi
elfdeps=/usr/lib/rpm/elfdeps
if [ -x "$elfdeps" ]; then
    package rpm "poof-$VERSION-1.$machine.rpm" needs_rpm
else
    echo "$elfdeps is not there: no .rpm" >&2
fi
package archlinux "poof-$VERSION-1-$machine.pkg.tar.zst" needs_pacman

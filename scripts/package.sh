#!/bin/sh
# Makes a Debian package of a poof that was built: package.sh PROGRAM [DIRECTORY].
# Prints where it is. Needs dpkg-dev and binutils; no network, no privileges.
#
# DEBFULLNAME, DEBEMAIL: who answers for it, as Debian's own tools know them.
set -eu
umask 022
root=$(cd "$(dirname "$0")/.." && pwd)
program=$1
out=${2:-$root/target/package}

version=$("$program" --version | sed -n '1s/^poof \([^ ]*\).*/\1/p')
arch=$(dpkg --print-architecture)
who="${DEBFULLNAME:-The poof developers} <${DEBEMAIL:-poof@localhost.localdomain}>"
# The same program gives the same package.
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH="$epoch"
day=$(date -u -R -d "@$epoch")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage=$work/poof
mkdir "$stage" "$stage/DEBIAN" "$work/debian"

DESTDIR=$stage PREFIX=/usr RECEIPT=no "$root/scripts/install.sh" "$program"
strip --strip-unneeded --remove-section=.comment "$stage/usr/bin/poof"
# Where Debian's zsh looks; the licence is part of the copyright file.
share=$stage/usr/share
mkdir "$share/zsh/vendor-completions"
mv "$share/zsh/site-functions/_poof" "$share/zsh/vendor-completions/"
rmdir "$share/zsh/site-functions"
rm "$share/doc/poof/LICENSE"

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
    printf 'poof (%s) unstable; urgency=medium\n\n' "$version"
    printf '  * Packaged. What has changed is in CHANGELOG.md.\n\n'
    printf ' -- %s  %s\n' "$who" "$day"
} >"$share/doc/poof/changelog"
cp "$root/CHANGELOG.md" "$share/doc/poof/CHANGELOG.md"
gzip -9n "$share/doc/poof/changelog" "$share/doc/poof/CHANGELOG.md" \
    "$share/doc/poof/NOTICES" "$share/man/man1/poof.1"

# What it needs of the system comes from the program itself.
# shellcheck disable=SC2016 # dpkg-shlibdeps fills it
printf 'Source: poof\n\nPackage: poof\nArchitecture: any\nDepends: ${shlibs:Depends}\n' \
    >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O poof/usr/bin/poof | sed -n 's/^shlibs:Depends=//p')
size=$(du -k -s --apparent-size "$stage/usr" | cut -f1)

cat >"$stage/DEBIAN/control" <<END
Package: poof
Version: $version
Architecture: $arch
Maintainer: $who
Installed-Size: $size
Depends: $depends
Section: utils
Priority: optional
Description: safe, proven and restorable backups on any cloud storage
 poof keeps a mirror of directories on any cloud storage that rclone knows,
 plain or encrypted. It proves by the hashes of the server itself that every
 byte is there, can then wipe the local data, and brings everything back whole,
 with all attributes. rclone is inside: nothing else has to be installed.
END
(cd "$stage" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) \
    >"$stage/DEBIAN/md5sums"

mkdir -p "$out"
deb=$out/poof_${version}_$arch.deb
dpkg-deb --root-owner-group --build "$stage" "$deb" >/dev/null
echo "$deb"

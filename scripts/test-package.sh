#!/bin/sh
# Installs a Debian package in a new, minimal system, uses it there as an ordinary
# user, purges it, and looks for what is left: test-package.sh DEB. As root; the
# packages of that system come from where this one has its own.
set -eu
deb=$1
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt fills it
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
    "Codename: $suite" "Component: main" | head -n 1)

work=$(mktemp -d)
# The mounts are those of a namespace of its own and go with it.
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    exit 1
}
cp "$deb" "$root/poof.deb"

# in_root COMMAND...: with an own /proc, without a network, and nothing of this
# machine in the environment.
# shellcheck disable=SC2016 # for the inner shell
in_root() {
    unshare --mount --pid --net --fork sh -c '
        mount -t proc proc "$0/proc"
        exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
    ' "$root" "$@"
}

for tool in rclone go clang gcc; do
    ! in_root sh -c "command -v $tool" || exit 1
done
[ -z "$(find "$root" -xdev -name 'libclang*')" ] || exit 1
in_root useradd --create-home joe

paths() { (cd "$root" && find . -xdev | LC_ALL=C sort); }
# The records of dpkg that any installation makes or moves.
in_root sh -c 'dpkg --configure -a && touch /var/lib/dpkg/status-old /var/log/dpkg.log'
paths >"$work/before"

# dpkg refuses if a library that the package names is not there.
in_root dpkg --install /poof.deb
paths | diff "$work/before" - | sed -n 's/^> /brought: /p'
as_joe() { in_root setpriv --reuid joe --regid joe --init-groups env HOME=/home/joe "$@"; }
as_joe poof --version
as_joe poof demo
as_joe poof neuter --dry-run >"$work/neuter" 2>&1 || { cat "$work/neuter"; exit 1; }
grep 'sudo dpkg --purge poof' "$work/neuter"
in_root dpkg --purge poof
paths >"$work/after"
diff "$work/before" "$work/after" || {
    echo 'The purge has left a trace, see above' >&2
    exit 1
}
echo 'installed, demo passed, purged without a trace'

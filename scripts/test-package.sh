#!/bin/sh
# Installs packages of each kind, one after the other, in a new, minimal system, uses each there
# as an ordinary user, removes it, and looks for what is left: test-package.sh FILE... As
# root, and with the nfpm of package.sh; the Debian packages of that system come from where
# this one has its own.
set -eu
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt fills it
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
    "Codename: $suite" "Component: main" | head -n 1)

work=$(mktemp -d)
# The mounts are those of a namespace of its own and go with it.
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
debootstrap --variant=minbase --include=rpm,pacman-package-manager "$suite" "$root" "$mirror" \
    >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    exit 1
}

# in_root COMMAND...: as the root of a file system with its own /proc, without a network, and nothing of this
# machine in the environment.
# shellcheck disable=SC2016 # for the inner shell
in_root() {
    unshare --mount --pid --net --fork sh -c '
        mount --bind "$0" "$0"
        mount -t proc proc "$0/proc"
        exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
    ' "$root" "$@"
}
as_joe() { in_root setpriv --reuid joe --regid joe --init-groups env HOME=/home/joe "$@"; }

for tool in rclone go clang gcc; do
    ! in_root sh -c "command -v $tool" || exit 1
done
[ -z "$(find "$root" -xdev -name 'libclang*')" ] || exit 1
in_root useradd --create-home joe
# rpm and pacman look there for the file system with free space.
ln -sf /proc/self/mounts "$root/etc/mtab"
# Debian's rpm keeps its records in the home directory; a system of rpm's has them here.
mkdir -p "$root/etc/rpm"
echo '%_dbpath /var/lib/rpm' >"$root/etc/rpm/macros"
# The records of dpkg that any installation makes or moves.
in_root sh -c 'dpkg --configure -a && touch /var/lib/dpkg/status-old /var/log/dpkg.log'

# stands_in KIND FILE PROVIDED...: the C library of that system, as a package of another kind.
# So that kind of manager checks what the package of poof needs, by what is really there.
stands_in() {
    kind=$1 file=$2
    shift 2
    printf '%s\n' 'name: of-debian' 'arch: amd64' 'version: 1.0.0' 'description: libraries' \
        'maintainer: nobody <nobody@localhost>' provides: >"$work/nfpm.yaml"
    printf '  - "%s"\n' "$@" >>"$work/nfpm.yaml"
    "$nfpm" package --config "$work/nfpm.yaml" --packager "$kind" --target "$root/$file" >/dev/null
}
nfpm=$("$(dirname "$0")/package.sh" --prepare)
# shellcheck disable=SC2016 # dpkg fills it
libc=$(in_root dpkg-query -W -f '${Version}' libc6 | sed 's/-.*//')
in_root find -L /lib/x86_64-linux-gnu /lib64 -name 'libc.so.6' -o -name 'libm.so.6' \
    -o -name 'libresolv.so.2' -o -name 'libgcc_s.so.1' -o -name 'ld-linux-x86-64.so.2' |
    in_root /usr/lib/rpm/elfdeps --provides | sort -u >"$work/provided"
# Without arguments that hold a blank.
# shellcheck disable=SC2046
stands_in rpm /base.rpm $(cat "$work/provided") 'rtld(GNU_HASH)'
stands_in archlinux /base.pkg.tar.zst "glibc=$libc" "gcc-libs=$libc"
in_root rpm --install /base.rpm
in_root mkdir -p /var/lib/pacman
in_root pacman --upgrade --noconfirm /base.pkg.tar.zst >/dev/null

paths() { (cd "$root" && find . -xdev | LC_ALL=C sort); }
install() {
    case $1 in
    # Each refuses if what the package needs is not there.
    /poof.deb) in_root dpkg --install "$1" ;;
    /poof.rpm)
        in_root rpm --checksig "$1"
        in_root rpm --query --package --requires "$1"
        in_root rpm --install "$1"
        in_root rpm --verify poof
        ;;
    /poof.pkg.tar.zst)
        in_root pacman --upgrade --noconfirm "$1"
        in_root pacman --query --check --check poof
        ;;
    esac
}
for file; do
    case $file in
    *.deb) package=/poof.deb removal='dpkg --purge poof' ;;
    *.rpm) package=/poof.rpm removal='rpm -e poof' ;;
    *.pkg.tar.zst) package=/poof.pkg.tar.zst removal='pacman -R poof' ;;
    *)
        echo "of what kind is $file?" >&2
        exit 2
        ;;
    esac
    cp "$file" "$root$package"
    paths >"$work/before"
    install "$package"
    paths | diff "$work/before" - | sed -n 's/^> /brought: /p'
    as_joe poof --version
    as_joe poof demo
    as_joe poof neuter --dry-run >"$work/neuter" 2>&1 || { cat "$work/neuter"; exit 1; }
    grep "sudo $removal" "$work/neuter"
    # shellcheck disable=SC2086 # words
    in_root sh -c "yes | $removal"
    paths >"$work/after"
    diff "$work/before" "$work/after" || {
        echo "\`$removal\` has left a trace, see above" >&2
        exit 1
    }
    echo "installed ${file##*/}, demo passed, removed without a trace"
done

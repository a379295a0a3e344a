#!/bin/sh
# Installs a poof that was built, with all that goes with it: install.sh PROGRAM.
#
# PREFIX   where to, a full path
# DESTDIR  before PREFIX, for those who make packages
# RECEIPT  "no": leave out the receipt, by which `poof neuter` and `make uninstall`
#          know what is here; for packages, which know that themselves
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
program=$1
destdir=${DESTDIR:-}

# shellcheck disable=SC2153 # it comes from the environment
case $PREFIX in
/) prefix= ;;
/*) prefix=${PREFIX%/} ;;
*)
    echo "PREFIX has to be a full path, and is '$PREFIX'" >&2
    exit 2
    ;;
esac
case $PREFIX$destdir in *"
"*)
    echo 'A path with a line break cannot stand in the receipt; choose another PREFIX' >&2
    exit 2
    ;;
esac
[ -x "$program" ] || {
    echo "$program is not there: \`make build\` builds it" >&2
    exit 1
}

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

# Directories that were not there before, the upper ones first.
made=
make_dir() {
    [ -d "$destdir$1" ] && return
    [ "$1" = / ] || [ -z "$1" ] || make_dir "$(dirname "$1")"
    mkdir "$destdir$1"
    chmod 755 "$destdir$1"
    made="$made$1/
"
}

# The directory without links on the way: so the program finds itself in the receipt.
# What is staged is not where it will be, and is taken as it stands.
if [ -z "$destdir" ]; then
    make_dir "$prefix"
    prefix=$(cd "$prefix/" && pwd -P)
    prefix=${prefix%/}
else
    mkdir -p "$destdir"
fi

files=
# put MODE FILE PLACE
put() {
    make_dir "$(dirname "$prefix/$3")"
    # A running program is replaced by another file, not written to.
    install -m "$1" "$2" "$destdir$prefix/$3.new"
    mv -f "$destdir$prefix/$3.new" "$destdir$prefix/$3"
    files="$files$prefix/$3
"
}

for shell in bash zsh fish; do
    "$program" completions "$shell" >"$new/$shell"
done
"$program" man >"$new/man"
"$program" man poof.conf >"$new/man5"

put 755 "$program" bin/poof
put 644 "$new/bash" share/bash-completion/completions/poof
put 644 "$new/zsh" share/zsh/site-functions/_poof
put 644 "$new/fish" share/fish/vendor_completions.d/poof.fish
put 644 "$new/man" share/man/man1/poof.1
put 644 "$new/man5" share/man/man5/poof.conf.5
put 644 "$root/LICENSE" share/doc/poof/LICENSE
# Has to go with every copy of the program.
put 644 "$root/vendor/NOTICES" share/doc/poof/NOTICES

[ "${RECEIPT:-yes}" = no ] && exit
receipt=$prefix/share/poof/receipt
make_dir "$(dirname "$receipt")"
# Of an installation before this one: what it has made is ours to remove, still.
before=
[ ! -f "$destdir$receipt" ] || before=$(grep '^/.*/$' "$destdir$receipt" || :)
{
    # shellcheck disable=SC2016 # these are words
    echo '# What `make install` brought and `poof neuter` or `make uninstall` removes: files,'
    echo '# and directories that were not there before (with a / at the end).'
    printf '%s\n%s' "$before" "$made" | awk 'NF && !seen[$0]++'
    printf '%s' "$files"
} >"$new/receipt"
install -m 644 "$new/receipt" "$destdir$receipt"

[ -n "$destdir" ] && exit
echo "poof is installed below $prefix; \`make uninstall\` or \`poof neuter\` removes it."
case :$PATH: in
*":$prefix/bin:"*) ;;
*) echo "$prefix/bin is not on PATH: add it, e.g. in ~/.profile." ;;
esac
case $prefix in
/usr | /usr/local) ;;
*) echo "zsh finds its completions once $prefix/share/zsh/site-functions is in fpath." ;;
esac

#!/bin/sh
# Removes what install.sh has noted in its receipt and what an installation makes, and
# nothing else. Configuration and data stay; `poof neuter` removes the former as well.
#
# PREFIX and DESTDIR as for install.sh.
set -eu
destdir=${DESTDIR:-}
# shellcheck disable=SC2153 # it comes from the environment
prefix=${PREFIX%/}
receipt=$destdir$prefix/share/poof/receipt

[ -f "$receipt" ] || {
    echo "Nothing to remove: there is no receipt of an installation, $receipt" >&2
    exit 1
}

# The group of this user alone, if there is one: what it can write to is safe (umask 002).
own_group=$(id -gn)
case $(getent group "$own_group" 2>/dev/null || :) in
"$(id -un)":*:) ;;
*) own_group= ;;
esac

# Prints the path if somebody else than root and this user can write to it or give it
# away. In a sticky directory nobody else can replace what is in it.
weak() {
    of_group='-perm -020'
    [ -z "$own_group" ] || of_group="-perm -020 ! -group $own_group"
    # shellcheck disable=SC2086 # these are words, and so is the name of a group
    find "$1" -prune \( ! \( -user 0 -o -user "$(id -u)" \) -o \
        \( -perm -002 -o $of_group \) ! \( -type d -perm -1000 \) \) 2>/dev/null || echo "$1"
}

# Who has written the receipt says what is removed here: the file itself, and every
# directory above it, without links.
dir=$(cd "$(dirname "$receipt")" && pwd -P)
on_the_way=$dir/receipt
while :; do
    found=$(weak "$on_the_way")
    if [ -n "$found" ] || [ -L "$on_the_way" ]; then
        echo "Nothing is removed: somebody else could have written $receipt," >&2
        echo "for $on_the_way is a link, belongs to somebody else, or others can" >&2
        echo "write to it. Look at both (less, ls -ld); mend that (chown, chmod go-w)." >&2
        exit 1
    fi
    [ "$on_the_way" != / ] || break
    on_the_way=$(dirname "$on_the_way")
done

# What is staged stands there as it will be; else the receipt has it without links.
[ -n "$destdir" ] || prefix=$(cd "$prefix/" && pwd -P)
prefix=${prefix%/}

# What install.sh puts below its prefix: the list MADE of src/host/receipt.rs.
made="bin/poof
share/bash-completion/completions/poof
share/zsh/site-functions/_poof
share/fish/vendor_completions.d/poof.fish
share/man/man1/poof.1
share/man/man5/poof.conf.5
share/doc/poof/LICENSE
share/doc/poof/NOTICES
share/poof/receipt"

# Whether an installation below the prefix makes this: a file, or a directory for one.
is_made() {
    case $1 in
    */)
        # It may have been made by a name with a link in it.
        real=$(cd "$destdir$1" 2>/dev/null && pwd -P) || return 1
        root=$(cd "$destdir/" && pwd -P)
        root=${root%/}
        real=${real%/}
        echo "$made" | while IFS= read -r file; do
            case $root$prefix/$file in
            "$real"/*) echo yes ;;
            esac
        done | grep -q yes
        ;;
    *)
        echo "$made" | while IFS= read -r file; do
            [ "$1" != "$prefix/$file" ] || echo yes
        done | grep -q yes
        ;;
    esac
}

lines=$(grep '^/' "$receipt")
echo "$lines" | while IFS= read -r path; do
    case $path in
    */) ;;
    *)
        if is_made "$path"; then
            rm -f "$destdir$path"
        else
            printf 'left: %s, which the receipt names and no installation makes\n' "$path" |
                LC_ALL=C tr -c '\n -~' '?' >&2
        fi
        ;;
    esac
done
rm -f "$receipt"
# The deepest first; what others have put there keeps its directory.
echo "$lines" | awk '{ line[NR] = $0 } END { for (n = NR; n; n--) print line[n] }' |
    while IFS= read -r path; do
        case $path in
        */) ! is_made "$path" || rmdir "$destdir$path" 2>/dev/null || : ;;
        esac
    done
echo 'poof is removed. Your configuration and your data stay.'

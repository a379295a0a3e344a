#!/bin/sh
# Removes what install.sh has noted in its receipt, and nothing else. Configuration
# and data stay; `poof neuter` removes the former as well.
#
# PREFIX and DESTDIR as for install.sh.
set -eu
destdir=${DESTDIR:-}
receipt=$destdir${PREFIX%/}/share/poof/receipt

[ -f "$receipt" ] || {
    echo "Nothing to remove: there is no receipt of an installation, $receipt" >&2
    exit 1
}

lines=$(grep '^/' "$receipt")
echo "$lines" | while IFS= read -r path; do
    case $path in
    */) ;;
    *) rm -f "$destdir$path" ;;
    esac
done
rm -f "$receipt"
# The deepest first; what others have put there keeps its directory.
echo "$lines" | awk '{ line[NR] = $0 } END { for (n = NR; n; n--) print line[n] }' |
    while IFS= read -r path; do
        case $path in
        */) rmdir "$destdir$path" 2>/dev/null || : ;;
        esac
    done
echo 'poof is removed. Your configuration and your data stay.'

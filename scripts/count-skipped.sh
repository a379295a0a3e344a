#!/bin/sh
# Runs a command and says what its tests have left out: count-skipped.sh COMMAND...
#
# In CI, that is where CI is set, it fails for each that should have run. POOF_MAY_SKIP
# has what that machine is known to lack, with blanks between: root, mount, file-system,
# network, tool (tests/it/harness/skip.rs).
set -eu
POOF_SKIPPED=$(mktemp)
export POOF_SKIPPED
trap 'rm -f "$POOF_SKIPPED"' EXIT

status=0
"$@" || status=$?
count=$(wc -l <"$POOF_SKIPPED" | tr -d ' ')
if [ "$count" = 0 ]; then
    echo 'Skipped: nothing.'
else
    echo "Skipped on this machine: $count"
    LC_ALL=C sort "$POOF_SKIPPED" | awk -F '\t' '{ printf "  %s: %s (lacks: %s)\n", $2, $3, $1 }'
fi
if [ -n "${CI:-}" ]; then
    missing=$(awk -F '\t' -v may=" ${POOF_MAY_SKIP:-} " 'index(may, " " $1 " ") == 0' "$POOF_SKIPPED" |
        wc -l | tr -d ' ')
    if [ "$missing" != 0 ]; then
        echo "$missing of these should have run in CI. What its machine lacks is in POOF_MAY_SKIP:" \
            "${POOF_MAY_SKIP:-nothing}." >&2
        [ "$status" != 0 ] || status=1
    fi
fi
exit "$status"

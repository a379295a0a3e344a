#!/bin/sh
# Says that something is left out on this machine, and has it counted
# (scripts/count-skipped.sh): skip.sh LACKS WHAT WHY. The words for what a machine lacks
# are those of tests/it/harness/skip.rs.
set -eu
line=$(printf '%s\t%s\t%s' "$1" "$2" "$3")
echo "skipped: $line" >&2
[ -z "${POOF_SKIPPED:-}" ] || echo "$line" >>"$POOF_SKIPPED"

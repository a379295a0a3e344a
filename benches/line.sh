#!/bin/sh
# The bench with the server at the far end of a line of 50 Mbit/s up and 100 Mbit/s down:
# line.sh [UP DOWN], in Mbit/s. The delay is POOF_BENCH_DELAYS (30 ms), of each request.
# Takes root, `ip` and `tc`. The server is in a network namespace of its own.
set -eu
cd "$(dirname "$0")/.."
up=${1:-50} down=${2:-100}
space=poof-far near=10.213.0.1 far=10.213.0.2 port=9000
work=$(mktemp -d)
server=
end() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    ip netns delete "$space" 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM
ip netns add "$space"
ip link add poof0 type veth peer name poof1 netns "$space"
ip address add "$near/24" dev poof0
ip link set poof0 up
ip -n "$space" address add "$far/24" dev poof1
ip -n "$space" link set poof1 up
ip -n "$space" link set lo up
tc qdisc add dev poof0 root tbf rate "${up}mbit" burst 64kb latency 200ms
tc -n "$space" qdisc add dev poof1 root tbf rate "${down}mbit" burst 64kb latency 200ms
# As the tests start it: tests/it/harness/minio.rs.
HOME=$work MINIO_ROOT_USER=poof-test-access MINIO_ROOT_PASSWORD=poof-test-secret \
    MINIO_KMS_SECRET_KEY=poof-test-key:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= \
    MINIO_BROWSER=off MINIO_UPDATE=off ip netns exec "$space" \
    "${XDG_CACHE_HOME:-$HOME/.cache}/poof-tools/bin/minio" server --quiet \
    --address "$far:$port" --certs-dir "$work/certs" "$work/data" &
server=$!
sleep 5
POOF_BENCH_SERVER=$far:$port POOF_BENCH_DELAYS=${POOF_BENCH_DELAYS:-30} \
    POOF_BENCH_LARGE_MIB=0 scripts/build.sh bench --locked --bench peers

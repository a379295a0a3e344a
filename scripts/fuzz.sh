#!/bin/sh
# Fuzzes the parsers of what comes from disks and servers: fuzz.sh SECONDS, for
# each target. Coverage comes from flags that the stable compiler has.
set -eu
cd "$(dirname "$0")/../fuzz"
seconds=${1:-60}
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -C passes=sancov-module -C codegen-units=1 \
    -C llvm-args=-sanitizer-coverage-level=4 \
    -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
    -C llvm-args=-sanitizer-coverage-pc-table \
    -C llvm-args=-sanitizer-coverage-trace-compares"
# With a target named, the flags are not those of build scripts.
cargo build --release --locked --target "$host"
for source in src/bin/*.rs; do
    name=$(basename "$source" .rs)
    mkdir -p "target/corpus/$name"
    echo "== $name, $seconds s"
    log=target/$name.log
    if ! "target/$host/release/$name" -max_total_time="$seconds" -rss_limit_mb=256 \
        -print_final_stats=1 -max_len=4096 -artifact_prefix="target/$name-" \
        "target/corpus/$name" >"$log" 2>&1; then
        tail -30 "$log"
        exit 1
    fi
    grep -E 'DONE|average_exec|peak_rss' "$log"
done

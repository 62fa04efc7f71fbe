#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run every fuzzer of build/fuzz (or those named) for SECONDS each: tests/fuzz/run.sh SECONDS [NAME...]
#
# Starts from tests/fuzz/corpus/NAME, keeps what it finds in build/fuzz/corpus/NAME, and leaves inputs that crash in
# build/fuzz/crashes. Each fuzzer has a line, `ok fuzz NAME` or `FAIL fuzz NAME`; the last line counts them.
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [NAME...]}
shift
build=${PLATOON_FUZZ_BUILD:-build/fuzz}
if [ $# -eq 0 ]; then
    for source in tests/fuzz/*_fuzz.c; do
        [ -e "$source" ] || continue
        name=${source##*/}
        set -- "$@" "${name%_fuzz.c}"
    done
fi
passed=0 failed=0
mkdir -p "$build/crashes"
for name; do
    found=$build/corpus/$name kept=tests/fuzz/corpus/$name dictionary=tests/fuzz/$name.dict
    log=$build/$name.log
    mkdir -p "$found"
    set -- "$found"
    [ -d "$kept" ] && set -- "$@" "$kept"
    [ -e "$dictionary" ] && set -- "-dict=$dictionary" "$@"
    if "$build/bin/${name}_fuzz" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="$build/crashes/$name-" "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok fuzz $name ($(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs)"
    else
        failed=$((failed + 1))
        echo "FAIL fuzz $name: see $log"
        tail -60 "$log"
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]

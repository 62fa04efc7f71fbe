#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run every fuzzer of build/fuzz (or those named) for SECONDS each, as many at a time as there are CPUs:
#
#     tests/fuzz/run.sh SECONDS [NAME...]
#
# Starts from tests/fuzz/corpus/NAME, keeps what it finds in build/fuzz/corpus/NAME, and leaves inputs that crash in
# build/fuzz/crashes. Each fuzzer has a line, `ok fuzz NAME` or `FAIL fuzz NAME`; the last line counts them.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${PLATOON_FUZZ_BUILD:-build/fuzz}

one() {
    seconds=$1 name=$2
    found=$build/corpus/$name kept=tests/fuzz/corpus/$name dictionary=tests/fuzz/$name.dict log=$build/$name.log
    mkdir -p "$found"
    set -- "$found"
    [ -d "$kept" ] && set -- "$@" "$kept"
    [ -e "$dictionary" ] && set -- "-dict=$dictionary" "$@"
    if "$build/bin/${name}_fuzz" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="$build/crashes/$name-" "$@" >"$log" 2>&1; then
        echo "ok fuzz $name ($(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs)"
    else
        # In one piece, for others write too.
        printf 'FAIL fuzz %s: see %s\n%s\n' "$name" "$log" "$(tail -n 60 "$log")"
    fi
}

if [ "${1-}" = --one ]; then
    one "$2" "$3"
    exit
fi
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [NAME...]}
shift
if [ $# -eq 0 ]; then
    for source in tests/fuzz/*_fuzz.c; do
        [ -e "$source" ] || continue
        name=${source##*/}
        set -- "$@" "${name%_fuzz.c}"
    done
fi
mkdir -p "$build/crashes"
said=$(printf '%s\n' "$@" | xargs -r -n 1 -P "$(nproc)" tests/fuzz/run.sh --one "$seconds")
printf '%s\n' "$said"
passed=$(printf '%s\n' "$said" | grep -c '^ok fuzz ')
failed=$(($# - passed))
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]

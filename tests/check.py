#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make check and make check-long: build what the tests need, run them all, count.

    tests/check.py short     unit tests, also under ASan+UBSan; black box with every Python and SUMO
    tests/check.py long      black box under ASan+UBSan and under TSan, unit tests under TSan, fuzzing, big values, soaks

A step that fails does not stop the others. Last line: N passed, M failed, K skipped.
"""
import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
JOBS = str(os.cpu_count() or 1)

# The scripts that send values of --big-mb, go on for --soak-s, or do more with it.
SIZED = ("agent", "client_vs_platoon", "client_vs_python", "platoon_typeid", "server_vs_python", "soak", "sumo_soak")


class Count:
    """Sums over all steps."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def add(self, step, passed, failed, skipped):
        self.passed, self.failed, self.skipped = self.passed + passed, self.failed + failed, self.skipped + skipped
        if failed:
            self.failures.append("%s: %d failed" % (step, failed))


def run(argv, env=None):
    """Run from the top of the tree, showing the output as it comes. Returns (exit code, output)."""
    p = subprocess.Popen(argv, cwd=ROOT, env=dict(os.environ, **(env or {})), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="backslashreplace")
    lines = []
    for line in p.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    return p.wait(), "".join(lines)


def build(count, preset):
    """Configure and build; silent when it goes well. A build that fails counts as one failed test."""
    for argv in (["cmake", "--preset", preset], ["cmake", "--build", "build/" + preset]):
        p = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, errors="backslashreplace", check=False)
        if p.returncode:
            print(p.stdout[-20000:])
            count.add("build " + preset, 0, 1, 0)
            return False
    return True


def unit_tests(count, preset, more=None):
    env = {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1",
           "TSAN_OPTIONS": "suppressions=%s" % (ROOT / "tests" / "support" / "tsan.supp")}
    code, output = run(["ctest", "--test-dir", "build/" + preset, "-j" + JOBS, "--output-on-failure",
                        "--no-tests=error"], dict(env, **(more or {})))
    total = re.search(r"tests passed, (\d+) tests failed out of (\d+)", output)
    if not total:
        count.add("ctest " + preset, 0, 1, 0)
        return
    failed, all_tests = int(total.group(1)), int(total.group(2))
    skipped = len(re.findall(r"\*\*\*(?:Skipped|Not Run)", output))
    count.add("ctest " + preset, all_tests - failed - skipped, failed or int(code != 0), skipped)


def counted(count, step, argv, env=None):
    """Run something whose last line counts its tests."""
    code, output = run(argv, env)
    totals = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", output, re.M)
    passed, failed, skipped = (int(n) for n in totals[-1]) if totals else (0, 1, 0)
    count.add(step, passed, failed or int(code != 0), skipped)


def black_box(count, preset, env, *names):
    counted(count, "black box " + preset, ["tests/run.py", "--build", "build/" + preset, *names], env)


def fuzz(count, seconds):
    if build(count, "fuzz"):
        counted(count, "fuzz", ["tests/fuzz/run.sh", str(seconds)])


def few_pythons():
    """Oldest, middle and newest: sanitizers look at our programs, which every version has met in `short`."""
    sys.path.insert(0, str(ROOT / "tests" / "integration"))
    import support
    found = support.pythons()
    chosen = {p.path: None for p in (found[0], found[len(found) // 2], found[-1])} if found else {}
    return ":".join(chosen)


def short(count, args):
    if build(count, "dev"):
        unit_tests(count, "dev")
    if build(count, "asan"):
        unit_tests(count, "asan")
    if build(count, "release"):  # installed.py tests what `make install` copies from there
        black_box(count, "dev", {})


class Clock:
    """Steps of a run with a budget that would begin after its end are skipped, and counted as that."""

    def __init__(self, count, budget_s):
        self.count, self.end = count, time.time() + budget_s if budget_s else float("inf")
        if budget_s:
            os.environ["PLATOON_TEST_UNTIL"] = str(self.end)

    def has_time(self, step):
        if time.time() < self.end:
            return True
        print("skip %s: the time for this run is used up (--budget-s)" % step)
        self.count.add(step, 0, 0, 1)
        return False


def long(count, args):
    clock = Clock(count, args.budget_s)
    sizes = {"PLATOON_TEST_BIG_MB": str(args.big_mb), "PLATOON_TEST_SOAK_S": str(args.soak_s)}
    few = {"PLATOON_TEST_PYTHONS": few_pythons()}
    if build(count, "dev"):
        black_box(count, "dev", dict(few, **sizes), *SIZED)
    if clock.has_time("fuzz"):
        fuzz(count, args.fuzz_s or 60)
    if clock.has_time("asan") and build(count, "asan"):
        black_box(count, "asan", dict(few, PLATOON_TEST_SLOWDOWN="4"))
    if clock.has_time("tsan") and build(count, "tsan"):
        # 50 of 400 histories, each 10th step: a fork is up to a hundred times as slow.
        unit_tests(count, "tsan", {"PLATOON_STORE_CRASHES": "50", "PLATOON_STORE_CRASH_STRIDE": "10"})
        black_box(count, "tsan", dict(few, PLATOON_TEST_SLOWDOWN="8"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=("short", "long"))
    parser.add_argument("--fuzz-s", type=int, help="long: seconds for each fuzzer (60)")
    parser.add_argument("--big-mb", type=int, default=300, help="long: the largest value to send (300)")
    parser.add_argument("--soak-s", type=int, default=60, help="long: length of each soak (60)")
    parser.add_argument("--budget-s", type=int, help="long: begin nothing after so many seconds")
    args = parser.parse_args()
    count = Count()
    started = time.monotonic()
    (short if args.which == "short" else long)(count, args)
    for failure in count.failures:
        print("FAIL " + failure)
    print("%s: %.0f s" % (args.which, time.monotonic() - started))
    print("%d passed, %d failed, %d skipped" % (count.passed, count.failed, count.skipped))
    sys.exit(1 if count.failed else 0)


if __name__ == "__main__":
    main()

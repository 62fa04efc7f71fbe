#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run the black-box tests: every tests/integration/*.py (but support*.py), each with a time limit.

    tests/run.py [--build DIR] [--jobs N] [NAME...]       NAME: a script's name, with or without .py

A script says at its top how long it may take, if 300 s is too short: TIME_LIMIT_S = 900. With
PLATOON_TEST_UNTIL (seconds since 1970) scripts that would begin later are skipped, and say so. What a script that passed
printed is not shown; of one that failed, everything is. Last line: N passed, M failed, K skipped.
"""
import argparse
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)


def find_scripts(names):
    scripts = sorted(p for p in (TESTS / "integration").glob("*.py") if not p.name.startswith("support"))
    if names:
        wanted = {n[:-3] if n.endswith(".py") else n for n in names}
        unknown = wanted - {p.stem for p in scripts}
        if unknown:
            sys.exit("run.py: there is no tests/integration/%s.py" % sorted(unknown)[0])
        scripts = [p for p in scripts if p.stem in wanted]
    return scripts


def time_limit_s(script, slowdown):
    found = re.search(r"^TIME_LIMIT_S = (\d+)", script.read_text(), re.M)
    return (int(found.group(1)) if found else 300) * slowdown


def run_script(script, env, slowdown):
    """(script, seconds, passed, failed, skipped, output)"""
    started = time.monotonic()
    if time.time() > float(os.environ.get("PLATOON_TEST_UNTIL") or "inf"):
        return script, 0.0, 0, 0, 1, "skip %s: the time for this run is used up (PLATOON_TEST_UNTIL)" % script.stem
    limit = time_limit_s(script, slowdown)
    p = subprocess.Popen(["/usr/bin/python3", str(script)], env=env, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="backslashreplace",
                         start_new_session=True)
    try:
        output, _ = p.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        output, _ = p.communicate()
        output += "\nFAIL %s: did not end within %g s\n" % (script.stem, limit)
    summaries = SUMMARY.findall(output)
    passed, failed, skipped = (int(n) for n in summaries[-1]) if summaries else (0, 1, 0)
    if p.returncode != 0 and failed == 0:
        output += "\nFAIL %s: exited with %s\n" % (script.stem, p.returncode)
        failed = 1
    return script, time.monotonic() - started, passed, failed, skipped, output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.environ.get("PLATOON_BUILD") or str(TESTS.parent / "build" / "dev"))
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4))
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    build = Path(args.build).resolve()
    if not (build / "bin" / "platoon").exists():
        sys.exit("run.py: there is no %s/bin/platoon; build it first" % build)
    slowdown = float(os.environ.get("PLATOON_TEST_SLOWDOWN") or 1)
    env = dict(os.environ, PLATOON_BUILD=str(build), PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1")
    total = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = [pool.submit(run_script, s, env, slowdown) for s in find_scripts(args.names)]
        for run in concurrent.futures.as_completed(runs):
            script, seconds, passed, failed, skipped, output = run.result()
            if failed:
                print("---- %s" % script.name)
                print(output.rstrip())
            else:
                for line in output.splitlines():
                    if line.startswith("skip "):
                        print("     %s: %s" % (script.stem, line))
            print("%-4s %-32s %4d passed %3d failed %3d skipped %7.1f s"
                  % ("FAIL" if failed else "ok", script.stem, passed, failed, skipped, seconds), flush=True)
            total = [a + b for a, b in zip(total, (passed, failed, skipped))]
    print("%d passed, %d failed, %d skipped" % tuple(total))
    sys.exit(1 if total[1] else 0)


if __name__ == "__main__":
    main()

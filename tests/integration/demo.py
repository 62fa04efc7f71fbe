# SPDX-License-Identifier: Apache-2.0
"""`platoon demo`: the whole system on this machine, with real SUMO."""
import csv
import json
import os
import re
import shutil
import signal

import support
from support import check, check_equal, check_in, program, skip, test

TIME_LIMIT_S = 600


def demo(t, *options):
    if not shutil.which("sumo") or not shutil.which("netconvert"):
        skip("SUMO is not on this machine")
    return t.start([program("platoon"), "demo", *options])


def folder(t):
    found = list((t.tmp / "platoon-data").glob("demo-*"))
    check_equal(len(found), 1, "demo folders")
    return found[0]


@test(timeout=300)
def demo_compares_both_arms_and_writes_every_run(t):
    p = demo(t, "--seeds", "2")
    check_equal(p.wait(280), 0, "exit code")
    check(re.search(r"^n \(runs, runs, pairs\) +3 +3 +3$", p.stdout, re.M), p.stdout)
    found = re.search(r"^total time spent \(veh h\) +([0-9.]+) +([0-9.]+) +([-+][0-9.]+)$", p.stdout, re.M)
    check(found, p.stdout)
    none, alinea, difference = (float(n) for n in found.groups())
    check(abs(alinea - none - difference) < 0.21, "the difference is not that of the means: %s" % found.group(0))
    check(400 < alinea < none < 800, "ramp metering did not help as known for this scenario: %s" % found.group(0))
    # Not a terminal: plain lines of progress, no control characters.
    check("\033" not in p.stderr and "\r" not in p.stderr, "control characters in a pipe")
    check_in("6/6", p.stderr, "stderr")
    check_in("platoon serve --listen 0.0.0.0:5000", p.stderr, "stderr")

    with open(folder(t) / "results.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    with open(folder(t) / "results.jsonl") as f:
        runs = [json.loads(line) for line in f]
    check_equal(len(rows), 6, "rows of the CSV file")
    check_equal(len(runs), 6, "lines of the JSONL file")
    check_equal(sorted(row["arm"] for row in rows), ["ALINEA"] * 3 + ["no control"] * 3, "arms")
    for row, run in zip(rows, runs):
        check_equal(row["outcome"], "ok", "outcome")
        check_equal(float(row["total_time_spent_h"]), run["total_time_spent_h"], "full precision in the CSV file")
        check_equal(row["seed"], str(run["seed"]), "seed")
    seeds = {arm: sorted(row["seed"] for row in rows if row["arm"] == arm) for arm in ("ALINEA", "no control")}
    check_equal(seeds["ALINEA"], seeds["no control"], "seeds of the arms")


def wait_gone(t, pids):
    t.eventually(lambda: not any(os.path.exists("/proc/%d/exe" % pid) for pid in pids), "server and workers are gone")


def children(p):
    """Server and workers, once all are there."""
    p.wait_line(r"^server on 127.0.0.1:\d+", stream="stderr")
    found = p.children()
    check_equal(len(found), 3, "children of the demo")
    return found


@test(timeout=120)
def ctrl_c_ends_it_with_130_and_everything_it_started(t):
    p = demo(t)
    pids = children(p)
    check_equal(p.stop(signal.SIGINT, timeout=40), 130, "exit code")
    check_in("interrupted", p.stderr, "stderr")
    for pid in pids:
        check(not os.path.exists("/proc/%d/exe" % pid), "process %d is still there" % pid)


@test(timeout=120)
def kill_9_of_the_demo_ends_everything_it_started(t):
    p = demo(t)
    pids = children(p)
    p.kill()
    wait_gone(t, pids)


@test(timeout=120)
def worker_that_dies_is_told_with_its_log(t):
    p = demo(t)
    pids = children(p)
    os.kill(pids[1], signal.SIGKILL)
    check_equal(p.wait(40), 1, "exit code")
    check(re.search(r"^error: worker [12] was killed by signal 9", p.stderr, re.M), p.stderr)
    check_in("worker-", p.stderr, "stderr")


@test
def without_sumo_it_says_what_to_install(t):
    p = t.run([program("platoon"), "demo"], exit_code=1, env=support.clean_env(PATH="/nonexistent"))
    check_in("apt-get install sumo", p.stderr, "stderr")
    check(not (t.tmp / "platoon-data").exists(), "a folder was made for nothing")


if __name__ == "__main__":
    support.main()

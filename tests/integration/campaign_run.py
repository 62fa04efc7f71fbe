# SPDX-License-Identifier: Apache-2.0
"""`platoon run`: campaigns are run, kept, gone on with, and their figures are those of Python's own statistics."""
import contextlib
import csv
import io
import json
import math
import re
import signal
import sqlite3
import statistics
import sys
from pathlib import Path

import support
from support import AUTHKEY, Process, Server, check, check_equal, check_in, program, test

# t(0.975, df) of the printed tables (for example NIST/SEMATECH e-Handbook, 1.3.6.7.2).
T975 = {2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228, 11: 2.201, 12: 2.179}

# Each run leaves a line in runs.txt: what was run can be counted from outside.
SCRIPT = """#!/bin/sh
echo "$1 $2 $3" >>runs.txt
echo $(( $1 * $2 + ($3 * 7919) % 13 ))
"""

SUMS = """name: sums
runner: {command: [./sum.sh, "{a}", "{b}", "{seed}"]}
factors: {a: [10, 20]}
arms: {low: {b: 1}, high: {b: 3}}
seeds: 1..6
metrics: {value: {unit: points, better: higher}}
"""


def result(a, b, seed):
    return a * b + seed * 7919 % 13


def campaign(t, text=SUMS, script=SCRIPT):
    t.file("sum.sh", script, mode=0o755)
    return t.file("campaign.yaml", text)


def runs_made(t):
    path = t.tmp / "runs.txt"
    made = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return sorted(made)


def run(t, path, *options, exit_code=0, timeout=60):
    return t.platoon("run", str(path), *options, cwd=str(t.tmp), exit_code=exit_code, timeout=timeout)


def figures(p):
    return json.loads(p.stdout)


def ledger(t, name="sums"):
    return [json.loads(line) for line in (t.tmp / "platoon-data" / name / "runs.jsonl").read_text().splitlines()]


def is_running(pid):
    try:
        return Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@test
def figures_are_those_of_pythons_statistics(t):
    got = figures(run(t, campaign(t), "--json"))
    check_equal((got["campaign"], got["n_tasks"], got["n_done"], got["n_failed"]), ("sums", 24, 24, 0), "counts")
    check_equal(len(got["cells"]), 4, "cells")
    for cell in got["cells"]:
        values = [result(cell["point"]["a"], {"low": 1, "high": 3}[cell["arm"]], seed) for seed in range(1, 7)]
        check_equal((cell["n"], cell["min"], cell["max"], cell["median"]),
                    (6, min(values), max(values), statistics.median(values)), "n, min, max, median of %r" % cell)
        quarters = statistics.quantiles(values, n=4, method="inclusive")
        for key, wanted in [("mean", statistics.mean(values)), ("sd", statistics.stdev(values)), ("q25", quarters[0]),
                            ("q75", quarters[2])]:
            check(math.isclose(cell[key], wanted, rel_tol=1e-12), "%s is %r, not %r" % (key, cell[key], wanted))
        wanted = T975[5] * statistics.stdev(values) / math.sqrt(6)
        check(math.isclose(cell["half_width"], wanted, rel_tol=2e-4), "half-width %r, not %r" % (cell["half_width"], wanted))
    for comparison, a in zip(got["comparisons"], (10, 20)):
        check_equal((comparison["point"], comparison["arm"], comparison["baseline"], comparison["n"]),
                    ({"a": a}, "high", "low", 6), "comparison")
        check_equal((comparison["mean_difference"], comparison["sd_difference"]), (2 * a, 0), "difference")


@test
def people_see_the_verdict_first_and_what_they_can_do_next(t):
    p = run(t, campaign(t))
    check_in("sums: value against low in 2 comparisons", p.stdout.splitlines()[0])
    check_in("the largest: high at a=20 +40.00 points", p.stdout)
    check_in("which is better", p.stdout)
    for words in ("METRIC", "± 95 %", "against low, pairs of the same seed", "P (HOLM)"):
        check_in(words, p.stdout)
    check_in("runs.jsonl", p.stderr)
    for metric, exit_code in (("value", 0), ("speed", 1)):
        run(t, t.tmp / "campaign.yaml", "--metric", metric, exit_code=exit_code)


@test
def nothing_is_computed_twice(t):
    path = campaign(t)
    first = run(t, path, "--json").stdout
    check_equal(len(runs_made(t)), 24, "runs of the first time")
    again = run(t, path, "--json")
    check_equal(again.stdout, first, "figures of the second time")
    check_in("all 24 runs are there already", again.stderr)
    check_equal(runs_made(t), [], "runs of the second time")
    check_in("24 done, 0 to run", run(t, path, "--dry-run").stdout)
    t.file("campaign.yaml", SUMS.replace("1..6", "1..7"))
    listed = run(t, path, "--dry-run").stdout
    check_in('{"a": 20, "b": 3, "seed": 7}', listed)
    check_equal([json.loads(line)["seed"] for line in run(t, path, "--dry-run", "--json").stdout.splitlines()], [7] * 4,
                "seeds of what is missing")


@test
def a_changed_campaign_runs_what_changed(t):
    path = campaign(t)
    run(t, path)
    runs_made(t)
    for change, replacement, wanted in [
            ("seeds: 1..6", "seeds: 1..7", ["%d %d 7" % (a, b) for a in (10, 20) for b in (1, 3)]),
            ("high: {b: 3}", "high: {b: 4}", ["%d 4 %d" % (a, seed) for a in (10, 20) for seed in range(1, 8)]),
            ("a: [10, 20]", "a: [20, 10]", []),
            ("name: sums", "name: sums\nmax_failed: 0.5", []),
            ("seeds: 1..7", "seeds: 1..3", [])]:
        text = Path(path).read_text()
        check_in(change, text)
        t.file("campaign.yaml", text.replace(change, replacement))
        check_in("%d to run" % len(wanted), run(t, path, "--dry-run").stdout)
        run(t, path)
        check_equal(runs_made(t), sorted(wanted), "runs after %r" % replacement)
    t.file("sum.sh", SCRIPT + "# another version\n", mode=0o755)
    run(t, path)
    check_equal(len(runs_made(t)), 12, "runs with another program")
    t.file("data.txt", "1")
    t.file("campaign.yaml", Path(path).read_text() + "inputs: [data.txt]\n")
    run(t, path)
    check_equal(len(runs_made(t)), 12, "runs with an input file")
    t.file("data.txt", "2")
    run(t, path)
    check_equal(len(runs_made(t)), 12, "runs with another input file")


@test
def a_run_that_is_killed_goes_on(t):
    path = campaign(t, SUMS.replace("1..6", "1..30"), SCRIPT.replace("#!/bin/sh", "#!/bin/sh\nsleep 0.02"))
    done, children = 0, []
    for wanted in (10, 40, 80):
        p = Process(t, [program("platoon"), "run", path], cwd=str(t.tmp))
        runs = t.tmp / "platoon-data" / "sums" / "runs.jsonl"
        t.eventually(lambda: runs.exists() and runs.read_bytes().count(b"\n") >= wanted, "%d runs" % wanted)
        children += p.children()
        p.send_signal(signal.SIGKILL)
        p.wait()
        lines = runs.read_bytes().count(b"\n")
        check(lines >= done, "%d lines after %d" % (lines, done))
        done = lines
    with open(t.tmp / "platoon-data" / "sums" / "runs.jsonl", "a") as f:
        f.write('{"id": "cut off in the mid')
    got = figures(run(t, path, "--json"))
    check_equal((got["n_done"], got["n_failed"]), (120, 0), "done and failed")
    lines = ledger(t)
    check_equal(len({line["id"] for line in lines}), 120, "identities")
    check_equal(len(lines), 120, "lines")
    for line in lines:
        check_equal(line["result"], result(line["task"]["a"], line["task"]["b"], line["seed"]), "result")
    # A worker whose server has gone waits for it for its --stop-grace.
    t.eventually(lambda: not any(is_running(child) for child in children), "the children are gone", timeout=30)


@test
def ctrl_c_keeps_what_is_done(t):
    path = campaign(t, SUMS.replace("1..6", "1..30"), SCRIPT.replace("#!/bin/sh", "#!/bin/sh\nsleep 0.05"))
    p = Process(t, [program("platoon"), "run", path], cwd=str(t.tmp))
    runs = t.tmp / "platoon-data" / "sums" / "runs.jsonl"
    t.eventually(lambda: runs.exists() and runs.read_bytes().count(b"\n") >= 5, "5 runs")
    busy = t.platoon("run", path, cwd=str(t.tmp), exit_code=1)
    check_in("another command works on the campaign", busy.stderr)
    p.send_signal(signal.SIGINT)
    check_equal(p.wait(), 130, "exit code")
    check_in("of 120 runs are done and kept; the same command goes on from there", p.stderr)
    check_equal(figures(run(t, path, "--json"))["n_done"], 120, "done")


@test
def ctrl_c_waits_for_the_runs_that_end_within_the_grace(t):
    path = campaign(t, SUMS, SCRIPT.replace("echo $((", "while [ ! -e go ]; do sleep 0.05; done\necho $(("))
    p = Process(t, [program("platoon"), "run", path, "--slots", "2"], cwd=str(t.tmp))
    t.eventually(lambda: (t.tmp / "runs.txt").exists() and len((t.tmp / "runs.txt").read_text().splitlines()) == 2, "2 runs")
    p.send_signal(signal.SIGINT)
    p.wait_line("those that run get 10 s to finish")
    t.file("go", "")
    check_equal(p.wait(), 130, "exit code")
    check_in("2 of 24 runs are done and kept", p.stderr)
    check_equal(len(ledger(t)), 2, "lines")
    check_equal(len(runs_made(t)), 2, "runs")


@test
def failed_runs_are_told_counted_and_tried_again(t):
    script = SCRIPT.replace("#!/bin/sh", '#!/bin/sh\n[ "$3" != 4 ] || [ -e repaired ] || { echo no luck >&2; exit 7; }')
    path = campaign(t, SUMS + "max_failed: 0.1\n", script)
    p = run(t, path, exit_code=1)
    check_in("4 runs failed, the first one: the program ended with code 7", p.stderr)
    check_in("5 (1 failed)", p.stdout)
    check_in("higher in 0, not told apart in 2", p.stdout)  # one in six failed: intervals are refused
    runs_made(t)
    check_in("5 (1 failed)", run(t, path, "--keep-failed", exit_code=1).stdout)
    check_equal(runs_made(t), [], "runs with --keep-failed")
    t.file("repaired", "")
    got = figures(run(t, path, "--json"))
    check_equal(runs_made(t), ["%d %d 4" % (a, b) for a in (10, 20) for b in (1, 3)], "runs tried again")
    check_equal((got["n_done"], got["n_failed"]), (24, 0), "done and failed")
    check_in("all 24 runs are there already", run(t, path, "--json").stderr)


PRECISE = """name: precise
runner: {command: [./noise.sh, "{seed}", "{b}"]}
arms: {base: {b: 0}, other: {b: 1}}
replications: {min: 4, max: 60}
metrics: {value: {unit: veh h, better: lower}}
precision: {half_width: 4 %, of: difference}
"""

NOISE = """#!/bin/sh
echo $(( 100 + ($1 * 7919 + $2 * $1 * 31) % 17 + 10 * $2 ))
"""


def noise(seed, b):
    return 100 + (seed * 7919 + b * seed * 31) % 17 + 10 * b


def look(n, share):
    """Half-width of the difference over n replications, and what is wanted: docs/campaigns.md, computed here."""
    base = [noise(seed, 0) for seed in range(1, n + 1)]
    differences = [noise(seed, 1) - noise(seed, 0) for seed in range(1, n + 1)]
    t975 = {**T975, 13: 2.160, 14: 2.145, 15: 2.131, 16: 2.120, 17: 2.110, 18: 2.101, 19: 2.093, 20: 2.086}[n - 1]
    return t975 * statistics.stdev(differences) / math.sqrt(n), share * statistics.mean(base)


def replications_until_precise(share, least, most):
    """Two precise looks in a row."""
    precise = 0
    for n in range(least, most + 1):
        half_width, target = look(n, share)
        precise = precise + 1 if half_width <= target else 0
        if precise == 2:
            return n
    return most


@test
def replications_are_added_until_it_is_precise(t):
    t.file("noise.sh", NOISE, mode=0o755)
    path = t.file("precise.yaml", PRECISE)
    wanted = replications_until_precise(0.04, 4, 21)
    check(4 < wanted < 21, "the example asks for %d replications, which proves nothing" % wanted)
    p = run(t, path, "--json", "--slots", "1")
    made = [cell["n"] for cell in figures(p)["cells"]]
    shown = re.findall(r"precise  ±([\d.]+) of ±([\d.]+) veh h  \[", p.stderr)
    check(shown, "no half-width was shown: %r" % p.stderr)
    for has, target in shown:
        check(any(math.isclose(float(has), look(n, 0.04)[0], rel_tol=1e-3) and
                  math.isclose(float(target), look(n, 0.04)[1], rel_tol=1e-3) for n in range(4, 21)),
              "±%s of ±%s is no look at these figures" % (has, target))
    # Some replications are submitted ahead of the looks: those run, and count.
    check(wanted <= min(made) and max(made) <= wanted + 3, "%r replications, precise at %d" % (made, wanted))
    check_in("all", run(t, t.file("precise.yaml", PRECISE.replace("60", "%d" % min(made))), "--json").stderr)


@test
def a_campaign_at_a_server_goes_on_without_its_command(t):
    path = campaign(t, SUMS.replace("1..6", "1..20"), SCRIPT.replace("#!/bin/sh", "#!/bin/sh\nsleep 0.02"))
    server = Server(t, "--data", str(t.tmp / "data"))
    key = ("--server", server.address, "--authkey-file", server.keyfile)
    p = t.platoon("submit", path, *key, cwd=str(t.tmp))
    check_in("platoon attach", p.stderr)
    status = json.loads(t.platoon("status", *key, "--json").stdout)
    check_in("80", json.dumps(status))
    waiting = Process(t, [program("platoon"), "run", path, *key], cwd=str(t.tmp))
    agent = Process(t, [program("platoon"), "work", *key, "--root", str(t.tmp), "--slots", "2", "--runner", "command",
                        "--", "./sum.sh", "{a}", "{b}", "{seed}"])
    runs = t.tmp / "platoon-data" / "sums" / "runs.jsonl"
    t.eventually(lambda: runs.exists() and runs.read_bytes().count(b"\n") >= 5, "5 runs")
    waiting.send_signal(signal.SIGINT)
    check_equal(waiting.wait(), 130, "exit code")
    check_in("the campaign goes on at the server", waiting.stderr)
    t.eventually(lambda: len((t.tmp / "runs.txt").read_text().splitlines()) >= 80, "all have run")
    got = figures(t.platoon("attach", path, *key, "--json", cwd=str(t.tmp)))
    check_equal((got["n_done"], got["n_failed"]), (80, 0), "done and failed")
    check_equal(len(runs_made(t)), 80, "runs, none twice")
    check_equal(len(ledger(t)), 80, "lines")
    check_in("worker", ledger(t)[0])
    check_equal(agent.stop(), 0, "exit code of the worker")
    # What is cancelled is neither done nor failed.
    t.file("campaign.yaml", SUMS.replace("1..6", "1..25"))
    t.platoon("submit", path, *key, cwd=str(t.tmp))
    check_in("20 cancelled", str(t.platoon("cancel", "--campaign", path, "--yes", *key, cwd=str(t.tmp)).stdout.count(
        " cancelled")) + " cancelled")
    check_in("warning: 20 runs are missing, and not at the server; platoon submit %s puts them there" % path,
             t.platoon("attach", path, *key, cwd=str(t.tmp)).stderr)
    check_in("no task of the campaign waits", t.platoon("cancel", "--campaign", path, "--yes", *key, cwd=str(t.tmp)).stderr)
    check_in("100 tasks, 80 done, 20 to run", t.platoon("run", path, "--dry-run", cwd=str(t.tmp)).stdout)
    t.file("campaign.yaml", SUMS.replace("1..6", "1..20"))
    # A server that has lost everything: what is missing is submitted anew.
    other = Server(t, "--data", str(t.tmp / "other"))
    (t.tmp / "platoon-data" / "sums" / "runs.jsonl").unlink()
    again = Process(t, [program("platoon"), "run", path, "--server", other.address, "--authkey-file", other.keyfile],
                    cwd=str(t.tmp))
    Process(t, [program("platoon"), "work", "--server", other.address, "--authkey-file", other.keyfile, "--root", str(t.tmp),
                "--runner", "command", "--", "./sum.sh", "{a}", "{b}", "{seed}"])
    check_equal(again.wait(), 0, "exit code")
    check_equal(len(ledger(t)), 80, "lines")
    forgetful = Server(t, "--memory")
    p = t.platoon("submit", path, "--folder", str(t.tmp / "elsewhere"), "--server", forgetful.address, "--authkey-file",
                  forgetful.keyfile, cwd=str(t.tmp), exit_code=1)
    check_in("keeps its tasks in memory only", p.stderr)


# The run of this arm and seed takes its worker with it.
KILLER = SCRIPT.replace("#!/bin/sh", """#!/bin/sh
[ "$2 $3" != "3 4" ] || { read -r _ _ _ worker _ </proc/$PPID/stat; kill -9 $worker; sleep 60; }""")
ONE_POINT = SUMS.replace("[10, 20]", "[10]")


def check_given_up(t, p, attempts):
    check_in("1 run failed, the first one: the task was lost with its worker once too often", p.stderr)
    check_in("5 (1 failed)", p.stdout)
    failed, = [line for line in ledger(t) if line["state"] == "failed"]
    check_equal((failed["arm"], failed["seed"], failed["attempt"], failed["error"]["kind"]), ("high", 4, attempts, "lost"), failed)
    check_equal(len(ledger(t)), 12, "lines")


@test
def a_task_whose_worker_always_dies_is_given_up_after_its_attempts(t):
    path = campaign(t, ONE_POINT + "attempts: 2\n", KILLER)
    server = Server(t, "--data", str(t.tmp / "data"), "--worker-lease", "1")
    key = ("--server", server.address, "--authkey-file", server.keyfile)
    work = [program("platoon"), "work", *key, "--root", str(t.tmp), "--slots", "1", "--runner", "command", "--", "./sum.sh", "{a}",
            "{b}", "{seed}"]
    waiting = Process(t, [program("platoon"), "run", path, *key], cwd=str(t.tmp))
    for _ in range(2):
        check_equal(Process(t, work).wait(), -signal.SIGKILL, "exit code of a worker")
    agent = Process(t, work)
    check_equal(waiting.wait(), 1, "exit code")
    check_given_up(t, waiting, 2)
    check_equal(agent.stop(), 0, "exit code of the last worker")


@test
def a_worker_of_its_own_that_is_killed_is_started_again(t):
    path = campaign(t, ONE_POINT + "attempts: 4\n", KILLER)
    p = run(t, path, "--slots", "1", "--attempts", "1", exit_code=1)
    check_in("warning: the worker was killed by signal 9 (Killed); another one is started", p.stderr)
    check_given_up(t, p, 1)


STOCK = """
import os, sys
from multiprocessing.managers import BaseManager
class M(BaseManager): pass
M.register('get_task_queue')
m = M(address=('127.0.0.1', int(sys.argv[1])), authkey=sys.argv[2].encode())
m.connect()
tasks = m.get_task_queue()
for _ in range(int(sys.argv[3])): tasks.get(timeout=20)
if sys.argv[4] == 'die': os._exit(9)
"""


@test
def what_would_be_waited_for_in_vain_is_told(t):
    path = campaign(t, ONE_POINT.replace("1..6", "1..2") + "attempts: 1\n")
    server = Server(t, "--data", str(t.tmp / "data"))
    key = ("--server", server.address, "--authkey-file", server.keyfile)
    waiting = Process(t, [program("platoon"), "run", path, *key], cwd=str(t.tmp))
    waiting.wait_line("warning: the tasks wait on get_task_queue, and no worker is there to take them")

    def stock(n, end):
        t.run([sys.executable, "-c", STOCK, str(server.port), AUTHKEY.decode(), str(n), end], exit_code=9 if end == "die" else 0)

    stock(1, "die")  # of a stock client's death nothing goes on the result queue
    t.eventually(lambda: [line["error"]["kind"] for line in ledger(t)] == ["lost"], "the dead task counts as failed")
    stock(2, "leave")
    waiting.wait_line("warning: 2 tasks of get_task_queue are set aside")
    t.platoon("purge", "get_task_queue", "--yes", *key)
    check_equal(waiting.wait(), 1, "exit code")
    check_in("error: 3 tasks of the campaign are not at the server any more", waiting.stderr)
    check_in("the same command", waiting.stderr)


@test
def attach_goes_on_until_it_is_precise(t):
    t.file("noise.sh", NOISE, mode=0o755)
    path = t.file("precise.yaml", PRECISE)
    server = Server(t, "--data", str(t.tmp / "data"))
    key = ("--server", server.address, "--authkey-file", server.keyfile)
    check_in("adds replications until it is precise", t.platoon("submit", path, *key, cwd=str(t.tmp)).stderr)
    agent = Process(t, [program("platoon"), "work", *key, "--root", str(t.tmp), "--slots", "1", "--runner", "command", "--",
                        "./noise.sh", "{seed}", "{b}"])
    p = t.platoon("attach", path, *key, "--json", cwd=str(t.tmp))
    wanted = replications_until_precise(0.04, 4, 21)
    check(min(cell["n"] for cell in figures(p)["cells"]) >= wanted, "fewer than %d replications: %s" % (wanted, p.stdout))
    said = re.search(r"^precise: ±([\d.]+) of ±([\d.]+) veh h after (\d+) replications$", p.stderr, re.M)
    check(said and int(said[3]) == wanted, "what is said of the precision: %r" % p.stderr)
    check(all(math.isclose(float(said[i + 1]), look(wanted, 0.04)[i], rel_tol=1e-3) for i in range(2)), said[0])
    check_equal(agent.stop(), 0, "exit code of the worker")
    capped = t.file("precise.yaml", PRECISE.replace("max: 60", "max: %d" % (wanted - 2)))
    check_in("warning: not as precise as wanted: ±", run(t, capped, "--json").stderr)


@test
def a_task_that_needs_more_cpus_leaves_fewer_slots(t):
    path = campaign(t, SUMS + "limits: {cpus: 1000}\ninputs: [nothing.txt]\n")
    p = run(t, path)
    check_in("1 slot on this machine", p.stderr)
    check_in("warning: inputs: there is no file nothing.txt in ", p.stderr)
    t.file("campaign.yaml", SUMS + "limits: {cpus: 1}\ninputs: [nothing.txt]\n")
    check_in("all 24 runs are there already", run(t, path, "--slots", "3").stderr)


@test
def what_cannot_be_run_is_told(t):
    for text, words in [("name: x\nseeds: 1\nrunner: {command: [./nothing]}\n", "./nothing"),
                        ("name: x\nseeds: 1\nprepare: ['false']\n", "prepare exited with 1"),
                        ("name: x\nseeds: 1\nprepare: [./nothing]\n", "nothing"),
                        ("name: x\nseeds: 1\nroot: /nowhere/at/all\nrunner: {command: ['true']}\n", "/nowhere/at/all")]:
        p = run(t, t.file("bad.yaml", text), "--folder", str(t.tmp / "folder"), exit_code=1)
        check_in("error: ", p.stderr) if "command: [./nothing]" not in text else None
        check_in(words, p.stderr, "stderr for %r" % text)
    check_in("name a campaign file", t.platoon("run", exit_code=2).stderr)
    check_in("TASK=RESULT", t.platoon("run", "a.yaml", "--queue", "x", exit_code=2).stderr)


@test
def prepare_runs_once(t):
    path = campaign(t, SUMS + "prepare: [sh, -c, 'echo x >>prepared.txt']\n")
    p = run(t, path, "--dry-run")  # which runs nothing
    check_in("24 tasks, 0 done, 24 to run", p.stdout)
    check_in("'prepare' was not run yet", p.stderr)
    check_equal(sorted(f.name for f in t.tmp.iterdir()), ["campaign.yaml", "sum.sh"], "files after a dry run")
    run(t, path)
    run(t, path)
    check_equal((t.tmp / "prepared.txt").read_text(), "x\n", "what prepare wrote")


@test
def tables_and_conditions_choose_the_points(t):
    t.file("points.csv", 'rate,label\r\n1.5,"a, ""b"""\r\n2,\r\n')
    path = t.file("table.yaml", "name: table\nseeds: 1\ntable: points.csv\nfactors: {k: 1..4, m: [2, 3]}\n"
                                'where: ["k >= m", "rate != 2", "k<4"]\n')
    tasks = [json.loads(line)["task"] for line in t.platoon("plan", "--json", path).stdout.splitlines()]
    wanted = [{"rate": 1.5, "label": 'a, "b"', "k": k, "m": m, "seed": 1} for k in range(1, 4) for m in (2, 3) if k >= m]
    check_equal(sorted(tasks, key=repr), sorted(({key: task[key] for key in tasks[0]} for task in wanted), key=repr), "tasks")
    for more, place, words in [("where: [k]", "5:9", "NAME OP VALUE"), ("where: ['k > 9']", "5:8", "no design point is left"),
                               ("where: ['z > 9']", "5:8", "no parameter is called"), ("where: k", "5:8", "list of conditions"),
                               ("precision: {half_width: 0}", "5:25", "above 0"),
                               ("runner: {command: [a]}\nprecision: {half_width: 1}", "6:12", "declare"),
                               ("metrics: {a: up}", "5:14", "lower or higher"), ("max_failed: 2", "5:13", "from 0 to 1"),
                               ("limits: {timeout_s: soon}", "5:21", "a number of seconds"), ("env: [a]", "5:6", "map"),
                               ("limits: {cpus: 0}", "5:16", "from 1 to 1024"), ("replications: 3", "5:15", "leave one of the two out"),
                               ("replications: {max: 9}", "5:15", "leave one of the two out"),
                               ("attempts: 0", "5:11", "from 1 to 65535"), ("attempts: many", "5:11", "a whole number"),
                               ("replications: {min: 3}", "5:21", "goes with"), ("prepare: x", "5:10", "is a list")]:
        bad = t.file("bad.yaml", "name: bad\nseeds: 1..5\ntable: points.csv\nfactors: {k: 1..4}\n" + more + "\n")
        check_in("bad.yaml:%s: " % place, t.platoon("plan", bad, exit_code=1).stderr, "place for %r" % more)
        check_in(words, t.platoon("plan", bad, exit_code=1).stderr, "stderr for %r" % more)
    for content, words in [("a,b\n1\n", "line 2 has 1 fields"), ('a\n"1\n', "not closed"), ("a\n", "no rows"),
                           ("seed\n1\n", 'comes from "seeds"'), ('a\n"1"2\n', "after a closing quote"),
                           (b"a\n\xff\n", "not text")]:
        (t.tmp / "points.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        p = t.platoon("plan", t.file("bad.yaml", "name: bad\nseeds: 1\ntable: points.csv\n"), exit_code=1)
        check_in(words, p.stderr, "stderr for %r" % content)


@test
def results_are_rows_for_other_programs(t):
    path = campaign(t, SUMS, SCRIPT.replace("#!/bin/sh", '#!/bin/sh\n[ "$3" != 4 ] || exit 7'))
    run(t, path, exit_code=1)
    rows = list(csv.DictReader(io.StringIO(t.platoon("results", path, "--format", "csv", cwd=str(t.tmp)).stdout)))
    tasks = [json.loads(line) for line in t.platoon("plan", "--json", path).stdout.splitlines()]
    check_equal(len(rows), 24, "rows")
    for row, task in zip(rows, tasks):
        check_equal((int(row["task"]), int(row["a"]), row["arm"], int(row["seed"])),
                    (task["index"], task["point"]["a"], task["arm"], task["seed"]), "row")
        failed = task["seed"] == 4
        check_equal(row["state"], "failed" if failed else "done", "state")
        check_equal(row["value"], "" if failed else str(result(task["task"]["a"], task["task"]["b"], task["seed"])), "value")
        check_equal(row["error"], "the program ended with code 7" if failed else "", "error")
        check(float(row["ended"]) >= float(row["started"]) > 1.7e9 and row["worker"] and row["attempt"] == "1", row)
    lines = [json.loads(line) for line in
             t.platoon("results", path, "--format", "jsonl", cwd=str(t.tmp)).stdout.splitlines()]
    check_equal([line["value"] for line in lines], [int(row["value"]) if row["value"] else None for row in rows], "lines")
    cells = figures(run(t, path, "--keep-failed", "--json", exit_code=1))["cells"]
    points = [json.loads(line) for line in
              t.platoon("results", path, "--points", "--format", "jsonl", cwd=str(t.tmp)).stdout.splitlines()]
    check_equal([point["mean"] for point in points], [cell["mean"] for cell in cells], "means")
    database = str(t.tmp / "results.db")
    for _ in range(2):  # the second replaces the first
        t.platoon("results", path, "--format", "sqlite", "--output", database, cwd=str(t.tmp))
    with contextlib.closing(sqlite3.connect(database)) as db:
        check_equal(db.execute("select count(*), sum(value) from runs where state = 'done'").fetchone(),
                    (20, sum(line["value"] for line in lines if line["value"] is not None)), "count and sum in the database")
        check_equal(db.execute("select mean from points order by rowid").fetchall(), [(cell["mean"],) for cell in cells],
                    "means in the database")
    check_in("sums: ", t.platoon("results", path, cwd=str(t.tmp)).stdout)
    check_in("needs a campaign", t.platoon("results", "--format", "sqlite", exit_code=2).stderr)
    check_in("there is no folder", t.platoon("results", path, "--folder", str(t.tmp / "no"), exit_code=1).stderr)


@test
def a_replay_tells_whether_a_run_comes_out_the_same(t):
    path = campaign(t)
    run(t, path)
    p = t.platoon("replay", path, "5", cwd=str(t.tmp))
    check_in("task 5 came out the same", p.stderr)
    check_in("%d" % result(10, 3, 2), p.stdout)
    runs = t.tmp / "platoon-data" / "sums" / "runs.jsonl"
    runs.write_text(runs.read_text().replace('"result": %d, ' % result(20, 3, 2), '"result": 1, '))
    p = t.platoon("replay", path, "7", "--json", cwd=str(t.tmp), exit_code=1)
    got = json.loads(p.stdout)
    check_equal((got["kept"], got["again"], got["n_different"]), (1, result(20, 3, 2), 1), "replay of a changed result")
    check_in("has not been run", t.platoon("replay", path, "5", "--folder", str(t.tmp), exit_code=1).stderr)
    t.file("sum.sh", SCRIPT + "# another version\n", mode=0o755)
    check_in("with other inputs", t.platoon("replay", path, "5", cwd=str(t.tmp), exit_code=1).stderr)
    check_in("tasks 0 to 23", t.platoon("replay", path, "24", cwd=str(t.tmp), exit_code=1).stderr)
    check_in("number of one task", t.platoon("replay", path, "x", exit_code=2).stderr)


@test
def words_make_a_campaign_too(t):
    t.file("model.py", "def f(task):\n    return task['rate'] + task['seed'] * (task['mode'] == 'b')\n")
    words = ["run", "--set", "rate=0.1..0.3 step 0.1", "--set", "mode=a,b", "--set", "label=x y", "--seeds", "1..3", "--json"]
    got = json.loads(t.platoon(*words, "--runner", "python", "model.py:f", cwd=str(t.tmp)).stdout)
    check_equal([cell["point"] for cell in got["cells"][::2]], [{"rate": rate} for rate in (0.1, 0.2, 0.3)], "points")
    check_equal([cell["arm"] for cell in got["cells"][:2]], ["mode=a", "mode=b"], "arms")
    check_equal([comparison["mean_difference"] for comparison in got["comparisons"]][0], 2.0, "difference")
    written = t.tmp / "platoon-data" / "model" / "campaign.yaml"
    tasks = [json.loads(line)["task"] for line in t.platoon("plan", "--json", str(written)).stdout.splitlines()]
    check_equal(tasks[0], {"label": "x y", "rate": 0.1, "mode": "a", "seed": 1}, "task")
    check_in("all 18 runs are there already", run(t, written, "--json").stderr)
    p = t.platoon("run", "--set", "n=3", "--name", "more/../one", "--runner", "command", "--", "expr", "{n}", "+", "{seed}",
                  cwd=str(t.tmp))
    check_in("more/../one: no answer yet", p.stdout)
    check((t.tmp / "platoon-data" / "more-..-one" / "runs.jsonl").exists(), "the folder's name")
    for words, why in [(["--set", "a"], "KEY=VALUE"), (["--set", "a=1..2 step 0"], "step"), (["x.yaml", "--set", "a=1"], "the file says"),
                       (["--runner", "rust"], "python or command"), (["--runner", "command"], "PROGRAM"),
                       (["--sumo", "a.sumocfg", "--runner", "command", "--", "a"], "leave --runner out")]:
        words = words if words[0] != "--set" else words + ["--sumo", "a.sumocfg"]
        p = t.platoon("run", *words, cwd=str(t.tmp), exit_code=1 if words[0] == "--set" else 2)
        check_in(why, p.stderr, "stderr for %r" % words)


if __name__ == "__main__":
    support.main()

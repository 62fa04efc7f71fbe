# SPDX-License-Identifier: Apache-2.0
"""A real campaign: two arms x ten seeds in SUMO. Its figures are those of SUMO's own output files, and the same however it
was run."""
import json
import math
import re
import signal
import statistics
import subprocess
from pathlib import Path

import support
from support import Process, Server, check, check_equal, check_in, program, test
from support_sumo import scenario, sumo_program

SEEDS = range(1, 11)
END_S = 600

CAMPAIGN = """name: ramp-metering
root: %s
base: {end: %d}
seeds: 1..10
arms:
  none: {filename: data/ramp_metering.sumocfg, control_bool: false}
  alinea: {filename: data/ramp_metering2.sumocfg, control_bool: true}
"""


def results(t, folder):
    """{(arm, seed): result}, without what depends on the machine."""
    found = {}
    for line in (t.tmp / folder / "runs.jsonl").read_text().splitlines():
        line = json.loads(line)
        check_equal(line["state"], "done", "state of %r" % line)
        check((line["arm"], line["seed"]) not in found, "%s, seed %d is there twice" % (line["arm"], line["seed"]))
        found[line["arm"], line["seed"]] = {key: value for key, value in line["result"].items() if key != "wall_s"}
    return found


def time_spent_h(statistic):
    text = Path(statistic).read_text()
    return (float(re.search(r'totalTravelTime="([^"]*)"', text)[1]) +
            float(re.search(r'totalDepartDelay="([^"]*)"', text)[1])) / 3600


def plain_time_spent_h(t, seed):
    """By SUMO itself: none of our code runs."""
    folder = t.tmp / ("plain-%d" % seed)
    folder.mkdir()
    subprocess.run([sumo_program(), "-c", scenario() / "data" / "ramp_metering.sumocfg", "--seed", str(seed), "--end", str(END_S),
                    "--no-step-log", "--output-prefix", "../" * 40 + "%s/" % folder, "--statistic-output", "statistic.xml",
                    "--duration-log.statistics", "--tripinfo-output", "trips.xml", "--tripinfo-output.write-unfinished",
                    "--tripinfo-output.write-undeparted"],
                   check=True, stdout=subprocess.DEVNULL, env=support.clean_env())
    return time_spent_h(next(folder.glob("**/statistic.xml")))


@test(timeout=300)
def figures_are_sumos_own_and_the_same_however_it_was_run(t):
    sumo_program()
    path = t.file("campaign.yaml", CAMPAIGN % (scenario(), END_S))
    shown = json.loads(t.platoon("run", path, "--folder", str(t.tmp / "two"), "--slots", "2", "--json", timeout=120).stdout)
    two = results(t, "two")
    check_equal(sorted(two), sorted((arm, seed) for arm in ("none", "alinea") for seed in SEEDS), "runs")

    # The arm without control against SUMO alone; the other against SUMO's files of the same run made by `platoon sumo`.
    plain = [plain_time_spent_h(t, seed) for seed in SEEDS]
    for seed, hours in zip(SEEDS, plain):
        check(math.isclose(two["none", seed]["total_time_spent_h"], hours, rel_tol=1e-12), "seed %d: %r, SUMO says %r" %
              (seed, two["none", seed]["total_time_spent_h"], hours))
    folder = t.tmp / "controlled"
    t.platoon("sumo", str(scenario() / "data" / "ramp_metering2.sumocfg"), "--control", "alinea", "--seed", "3", "--set",
              "end=%d" % END_S, "--output-dir", str(folder), timeout=60)
    hours = time_spent_h(next(folder.glob("**/*statistic*.xml")))
    check(math.isclose(two["alinea", 3]["total_time_spent_h"], hours, rel_tol=1e-12), "controlled: %r, SUMO says %r" %
          (two["alinea", 3]["total_time_spent_h"], hours))

    # The table against Python's statistics of those figures.
    cell = next(cell for cell in shown["cells"] if cell["metric"] == "total_time_spent_h" and cell["arm"] == "none")
    check(math.isclose(cell["mean"], statistics.mean(plain), rel_tol=1e-12) and
          math.isclose(cell["sd"], statistics.stdev(plain), rel_tol=1e-9), "cell %r" % cell)
    difference = next(c for c in shown["comparisons"] if c["metric"] == "total_time_spent_h")
    differences = [two["alinea", seed]["total_time_spent_h"] - hours for seed, hours in zip(SEEDS, plain)]
    check(math.isclose(difference["mean_difference"], statistics.mean(differences), rel_tol=1e-9), "difference %r" % difference)
    check(math.isclose(difference["half_width"], 2.262157 * statistics.stdev(differences) / math.sqrt(10), rel_tol=1e-6),
          "half-width %r" % difference)

    # One slot; two workers of a server, one of them killed in the middle.
    t.platoon("run", path, "--folder", str(t.tmp / "one"), "--slots", "1", timeout=120)
    check_equal(results(t, "one"), two, "results of one slot")
    server = Server(t, "--data", str(t.tmp / "data"), "--worker-lease", "2")
    key = ("--server", server.address, "--authkey-file", server.keyfile)
    running = Process(t, [program("platoon"), "run", path, "--folder", str(t.tmp / "server"), *key])
    workers = [Process(t, [program("platoon"), "work", *key, "--root", str(scenario()), "--slots", "1"]) for _ in range(2)]
    runs = t.tmp / "server" / "runs.jsonl"
    t.eventually(lambda: runs.exists() and runs.read_bytes().count(b"\n") >= 3, "3 runs")
    workers[0].wait_line(r"task \d+ done")
    workers[0].send_signal(signal.SIGKILL)
    check_equal(running.wait(timeout=120), 0, "exit code")
    check_equal(results(t, "server"), two, "results of two workers, one killed")
    check_in("20/20", running.stderr)

    # A run again comes out the same, to the last bit.
    p = t.platoon("replay", path, "4", "--folder", str(t.tmp / "two"), timeout=60)
    check_in("task 4 came out the same", p.stderr)


if __name__ == "__main__":
    support.main()

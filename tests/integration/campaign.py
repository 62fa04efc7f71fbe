# SPDX-License-Identifier: Apache-2.0
"""Campaign files: what `platoon plan` makes of them, and that its tasks and its worker belong together."""
import itertools
import json
import shlex
import sys

import support
from support import AUTHKEY, ROOT, Process, Server, check, check_equal, check_in, program, test

EXAMPLES = ROOT / "examples" / "campaigns"

MASTER = r'''
import json, sys
from multiprocessing.managers import BaseManager

class Manager(BaseManager):
    pass

Manager.register("get_task_queue")
Manager.register("get_result_queue")
manager = Manager(address=("127.0.0.1", int(sys.argv[1])), authkey=sys.argv[2].encode())
manager.connect()
tasks, results = manager.get_task_queue(), manager.get_result_queue()
lines = [json.loads(line) for line in open(sys.argv[3])]
for line in lines:
    tasks.put(line["task"])
for _ in lines:
    print(json.dumps(results.get(timeout=20)))
'''


def plan(t, path):
    return [json.loads(line) for line in t.platoon("plan", "--json", str(path)).stdout.splitlines()]


@test
def cross_product_of_ranges_and_lists_is_pythons(t):
    lines = plan(t, EXAMPLES / "command_sweep.yaml")
    expected = [{"rate": rate, "buffer": buffer, "seed": seed}
                for seed, rate, buffer in itertools.product(range(1, 6), [0.1, 0.2, 0.3, 0.4, 0.5], [10, 20])]
    check_equal([line["task"] for line in lines], expected, "tasks")
    check_equal([line["index"] for line in lines], list(range(50)), "indexes")
    check_equal({line["arm"] for line in lines}, {""}, "arms")


@test
def arms_share_their_seeds(t):
    lines = plan(t, EXAMPLES / "ramp_metering.yaml")
    check_equal([(line["arm"], line["seed"]) for line in lines],
                [(arm, seed) for seed in range(1, 11) for arm in ("none", "alinea")], "arms and seeds")
    check_equal(lines[1]["task"], {"filename": "data/ramp_metering2.sumocfg", "control_bool": True, "seed": 1}, "task")


@test
def zip_pairs_values_and_dots_reach_into_maps(t):
    lines = plan(t, EXAMPLES / "python_sweep.yaml")
    expected = [{"model": {"horizon_s": 3600, "demand": demand, "lanes": lanes}, "seed": seed}
                for seed in (3, 5, 8) for demand, lanes in ((800, 1), (1200, 2), (1600, 2))]
    check_equal([line["task"] for line in lines], expected, "tasks")
    check_equal(lines[0]["point"], {"model.demand": 800, "model.lanes": 1}, "point")


@test
def people_see_the_count_the_worker_and_the_first_tasks(t):
    shown = t.platoon("plan", str(EXAMPLES / "command_sweep.yaml")).stdout
    check_in("command-sweep: 50 tasks (design points: 10, arms: 1, seeds: 5)", shown)
    check_in("platoon work HOST:PORT --runner command -- ./simulate '--rate={rate}'", shown)
    check_in("and 30 more; --json prints all", shown)
    check_in("--runner sumo", t.platoon("plan", str(EXAMPLES / "ramp_metering.yaml")).stdout)
    check_in("--runner python model.py:simulate", t.platoon("plan", str(EXAMPLES / "python_sweep.yaml")).stdout)


@test
def errors_name_file_line_and_column(t):
    head = "name: x\nseeds: 1..2\n"
    for text, place, words in [
            (head + "factor: {a: [1]}\n", "3:1", 'did you mean "factors"?'),
            (head + "factors: {a: [1, 2], b: [1]}\ncombine: zip\n", "3:22", "as many values: 2, not 1"),
            (head + "factors:\n  a: 1..5 step 0\n", "4:6", "step"),
            (head + "factors:\n  a: []\n", "4:6", "at least one value"),
            (head + "factors:\n  seed: 1..3\n", "4:3", 'comes from "seeds"'),
            (head + "base: {seed: 1}\n", "3:8", 'comes from "seeds"'),
            (head + "arms: {a: {seed: 1}}\n", "3:12", 'comes from "seeds"'),
            (head + "runner: {}\n", "3:9", "a runner is sumo"),
            (head + "runner: sump\n", "3:9", "a runner is sumo"),
            (head + "combine: both\n", "3:10", "cross or zip"),
            (head + "arms: {a: 1}\n", "3:11", "map of parameters"),
            (head + "base: [1]\n", "3:7", "map of parameters"),
            (head + "runner: {command: ./a}\n", "3:19", "a command is a list"),
            (head + "runner: {python: model.py}\n", "3:18", "FILE.py:FUNCTION"),
            (head + "base: {a: 1}\nfactors: {a.b: [1]}\n", "1:1", "no map"),
            ("name: x\n", "1:1", '"seeds" is missing'),
            ("seeds: 1\n", "1:1", "needs a name"),
            ("name: x\nseeds: [1, 2, 1]\n", "2:8", "seed 1 stands there twice"),
            ("name: x\nseeds: [1.5]\n", "2:8", "whole numbers"),
            ("name: x\nseeds: -1\n", "2:8", "whole numbers"),
            ("- a\n", "1:1", "a campaign is a map")]:
        path = t.file("bad.yaml", text)
        p = t.platoon("plan", path, exit_code=1)
        check_in("error: %s:%s: " % (path, place), p.stderr, "stderr for %r" % text)
        check_in(words, p.stderr, "stderr for %r" % text)
        check_equal(p.stdout, "", "stdout for %r" % text)
    check_in("nothing.yaml", t.platoon("plan", "nothing.yaml", exit_code=1).stderr)
    check_in("name a campaign file", t.platoon("plan", exit_code=2).stderr)
    check_in("one campaign file", t.platoon("plan", "a", "b", exit_code=2).stderr)


@test
def too_many_tasks_are_refused_before_they_are_made(t):
    factors = "".join("  f%d: 1..1000\n" % i for i in range(60))
    path = t.file("huge.yaml", "name: huge\nseeds: 1\nfactors:\n" + factors)
    check_in("huge.yaml:6:3: this makes more than 1000000 tasks", t.platoon("plan", path, exit_code=1).stderr)
    path = t.file("wide.yaml", "name: wide\nseeds: 1\ncombine: zip\nfactors: {a: 1..600000, b: 1..600000}\n")
    check_in("wide.yaml:4:25: more than 1000000 values", t.platoon("plan", path, exit_code=1).stderr)
    path = t.file("arms.yaml", "name: arms\nseeds: 1..600000\narms: {a: {}, b: {}}\n")
    check_in("arms.yaml:3:7: this makes more than 1000000 tasks", t.platoon("plan", path, exit_code=1).stderr)


@test
def planned_tasks_run_under_the_planned_worker(t):
    path = t.file("campaign.yaml", "name: sums\nseeds: 1..3\nfactors: {a: [10, 20]}\n"
                                   "arms: {low: {b: 1}, high: {b: 2}}\n"
                                   "runner: {command: [expr, '{a}', '*', '{b}', '+', '{seed}']}\n")
    tasks = t.file("tasks.jsonl", t.platoon("plan", "--json", path).stdout)
    worker = next(line for line in t.platoon("plan", path).stdout.splitlines() if line.startswith("worker: "))
    words = shlex.split(worker)[4:]
    server = Server(t)
    agent = Process(t, [program("platoon"), "work", server.address, "--authkey-file", server.keyfile, *words])
    master = t.run([sys.executable, "-c", MASTER, str(server.port), AUTHKEY.decode(), tasks])
    found = sorted(json.loads(line) for line in master.stdout.splitlines())
    check_equal(found, sorted(a * b + seed for a in (10, 20) for b in (1, 2) for seed in (1, 2, 3)), "results")
    check_equal(agent.stop(), 0, "exit code of the worker")
    check(server.stop() == 0, "exit code of the server")


if __name__ == "__main__":
    support.main()

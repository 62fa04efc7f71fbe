# SPDX-License-Identifier: Apache-2.0
"""How far running tasks are: told by a real SUMO's runner, shown by `platoon status`, `workers` and `explain`."""
import json
import re
import signal
import sys

import support
from support import Server, check, check_equal, check_in, program, skip, test
from support_sumo import has_libsumo, scenario, sumo_env

PUT = """
import sys
from multiprocessing.managers import BaseManager
class M(BaseManager): pass
M.register('get_task_queue'); M.register('get_result_queue')
m = M(('127.0.0.1', int(sys.argv[1])), open(sys.argv[2], 'rb').read())
m.connect()
"""
# Hundreds of times as long as the test watches it, on roads that are full at once.
LONG = {"filename": "data/ramp_metering2.sumocfg", "end": 72000, "options": {"scale": 4}}


class Farm:
    def __init__(self, t, *options):
        self.t = t
        self.server = Server(t, "--memory", *options)

    def put(self, *tasks):
        self.t.run([sys.executable, "-c", PUT + "for task in %r: m.get_task_queue().put(task)" % (list(tasks),),
                    self.server.port, self.server.keyfile])

    def work(self, *options):
        return self.t.start([program("platoon"), "work", self.server.address, "--authkey-file", self.server.keyfile,
                             "--root", scenario(), *options], env=sumo_env())

    def ask(self, *command):
        return self.t.platoon(*command, "--server", self.server.address, "--authkey-file", self.server.keyfile).stdout

    def progress(self):
        return {row["task"]: row for row in json.loads(self.ask("status", "--json"))["progress"]}


def watch(t, farm):
    """Twice how far task 1 is, as it was told at two times."""
    first = t.eventually(lambda: farm.progress().get(1), "the task's progress is told")
    second = t.eventually(lambda: [r for r in farm.progress().values()
                                   if r["progress"]["time_s"] > first["progress"]["time_s"]],
                          "its progress moves")[0]
    return first, second


def check_moves(t, *options, **task):
    farm = Farm(t)
    farm.put(dict(LONG, **task))
    farm.work("--slots", "1", *options)
    for row in watch(t, farm):
        p = row["progress"]
        check(row["worker"].rsplit("-", 1)[-1].isdigit(), "worker: %r" % row)
        check_equal((p["begin_s"], p["end_s"]), (0.0, 72000.0), "begin and end")
        check_equal(p["done"], p["time_s"] / 72000, "the part that is done")
        check(p["running"] > 0 and p["waiting"] >= 0, "vehicles: %r" % p)
        check(abs(p["left_s"] * p["real_time_factor"] + p["time_s"] - 72000) < 0.001, "the time left: %r" % p)
        check(row["told_s"] < 4 * support.SLOWDOWN, "these are old news: %r" % row)
    return farm


@test(timeout=120)
def progress_of_a_run_without_control_is_shown_while_it_goes_on(t):
    farm = check_moves(t)
    for command in ("status", "workers"):
        check(re.search(r"^ +1 +\S+-\d+ +\d+ % +\d+ s of 72000 s +\d+\.\dx +\d+ +\d+ +\S+ *$", farm.ask(command), re.M),
              "%s does not show it: %s" % (command, farm.ask(command)))
    check(re.search(r"^How far it was \S+ ago: \d+ % done, at \d+ s of simulated time, .* times as fast as real time, "
                    r"\d+ vehicles on the road, \d+ waiting to depart, about \S+ left\.$", farm.ask("explain", "1"), re.M),
          farm.ask("explain", "1"))


@test(timeout=120)
def progress_of_a_controlled_run_by_libsumo_is_shown_while_it_goes_on(t):
    if not has_libsumo():
        skip("the module for libsumo was not built: SUMO's headers or a C++ compiler are missing")
    check_moves(t, "--sumo-backend", "libsumo", control_bool=True)


@test(timeout=120)
def progress_of_a_controlled_run_by_traci_is_shown_while_it_goes_on(t):
    check_moves(t, "--sumo-backend", "traci", control_bool=True)


@test(timeout=120)
def progress_is_fresh_though_leases_last_long_and_ends_with_the_task(t):
    farm = Farm(t, "--worker-lease", "3600")
    farm.put(LONG)
    worker = farm.work("--slots", "1")
    watch(t, farm)
    worker.send_signal(signal.SIGTERM)
    worker.wait_line("no new tasks")
    worker.send_signal(signal.SIGTERM)
    check_equal(worker.wait(), 130, "exit code of a worker that was cut off")
    check_equal(farm.progress(), {}, "progress of a task that went back")
    check("SIMULATED" not in farm.ask("status"), "a table without rows")


@test
def a_stock_workers_task_has_no_progress(t):
    farm = Farm(t)
    farm.put({"n": 1})
    stock = t.start([sys.executable, "-c", PUT + "print(m.get_task_queue().get()); sys.stdout.flush(); sys.stdin.read()",
                     farm.server.port, farm.server.keyfile], stdin="pipe")
    stock.wait_line("'n': 1", stream="stdout")
    check_equal(farm.progress(), {}, "progress")
    check("How far" not in farm.ask("explain", "1"), farm.ask("explain", "1"))
    check_in("It is held by", farm.ask("explain", "1"))


support.main()

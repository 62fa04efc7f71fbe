# SPDX-License-Identifier: Apache-2.0
"""Short SUMO runs in a row, good ones, failing ones and killed ones: the worker and its processes hold in the end what
they held in the beginning.

Environment: PLATOON_TEST_SUMO_RUNS  how many for each back end (default: 30; 1000 where PLATOON_TEST_SOAK_S is set)
"""
import os
import re
import signal
from multiprocessing.managers import BaseManager
from pathlib import Path

import support
from support import AUTHKEY, SLOWDOWN, SOAK_S, Server, check, check_equal, check_in, skip, test
from support_sumo import scenario, sumo_env

TIME_LIMIT_S = 3600

N_RUNS = int(os.environ.get("PLATOON_TEST_SUMO_RUNS") or (1000 if SOAK_S else 30))
N_SLOTS = 2
# Of the worker and all its processes together; a leak of 1 KB a run shows in a thousand.
MOST_GROWTH_KB = 1024

PLAIN = {"filename": "data/ramp_metering.sumocfg", "control_bool": False, "end": 20}
METERED = {"filename": "data/ramp_metering2.sumocfg", "control_bool": True, "end": 20}
# An hour of simulation at least, in steps that take minutes: it is killed before.
LONG = {"end": 14400, "options": {"step-length": 0.01}}
# Each with the kind of its failure, None: a result.
SHORT = [(PLAIN, None), (METERED, None), (dict(METERED, control={"type": "fixed"}), None),
         (dict(PLAIN, filename="data/broken.sumocfg"), "exit"), (dict(METERED, filename="data/broken.sumocfg"), "exit"),
         (dict(PLAIN, filename="data/none.sumocfg"), "not-found"), (dict(METERED, control={"tls": "none"}), "bad-task"),
         (dict(PLAIN, options={"scale": 0.5}), None), (dict(METERED, options={"tripinfo-output": "trips.xml"}), None)]


class Manager(BaseManager):
    pass


Manager.register("get_task_queue")
Manager.register("get_result_queue")


# --- processes
# -------------------------------------------------------------------------------


def read(pid, name):
    """A file of /proc; empty when the process is gone."""
    try:
        return Path("/proc/%d/%s" % (pid, name)).read_text()
    except OSError:
        return ""


def descendants(pid):
    found = []
    for child in read(pid, "task/%d/children" % pid).split():
        found += [int(child)] + descendants(int(child))
    return found


def role(pid):
    name = read(pid, "comm").strip()
    return "runner" if "_sumo-runner" in read(pid, "cmdline") and name == "platoon" else name


def state(pid):
    """A letter; X when it is gone."""
    return (read(pid, "stat").rpartition(")")[2].split() or ["X"])[0]


def descriptors(pid):
    """What they lead to, without what differs from one to the next of its kind."""
    found = []
    for fd in Path("/proc/%d/fd" % pid).iterdir():
        try:
            found.append(re.sub(r"\d+", "N", os.readlink(str(fd))))
        except OSError:
            pass
    return sorted(found)


def listening(pids):
    """Ports that these processes listen at."""
    sockets = set()
    for pid in pids:
        for fd in Path("/proc/%d/fd" % pid).iterdir():
            try:
                sockets.update(re.findall(r"^socket:\[(\d+)\]$", os.readlink(str(fd))))
            except OSError:
                pass
    rows = [line.split() for name in ("tcp", "tcp6")
            for line in Path("/proc/net/%s" % name).read_text().splitlines()[1:]]
    return [int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in sockets]


def memory_kb(pid):
    return int(re.search(r"^VmRSS:\s+(\d+)", read(pid, "status"), re.M)[1])


# --- the crew
# --------------------------------------------------------------------------------


class Crew:
    """A server, and a worker whose processes, files and ports are looked at."""

    def __init__(self, t, backend):
        self.t, self.root, self.tmp = t, scenario(t), t.tmp / "tmp"
        self.tmp.mkdir()
        (self.root / "data" / "broken.sumocfg").write_text(
            (self.root / "data" / "ramp_metering.sumocfg").read_text().replace("demand.rou.xml", "missing.rou.xml"))
        self.server = Server(t, "--memory")
        manager = Manager(address=("127.0.0.1", self.server.port), authkey=AUTHKEY)
        manager.connect()
        self.tasks, self.results = manager.get_task_queue(), manager.get_result_queue()
        self.worker = t.start([support.program("platoon"), "work", self.server.address, "--authkey-file",
                               self.server.keyfile, "--root", self.root, "--slots", N_SLOTS, "--quiet",
                               "--sumo-backend", backend], env=sumo_env(TMPDIR=str(self.tmp)), cwd=self.root)
        slot = ["runner", "platoon-zygote"] if backend == "auto" else ["runner"]
        self.roles = sorted(["platoon-spawn"] + slot * N_SLOTS)
        self.n_runs = 0

    def put(self, number, task):
        self.tasks.put(dict(task, number=number))

    def take(self, wanted):
        """Take len(wanted) results; wanted[number] is the kind of the failure of task `number`, or None."""
        for _ in wanted:
            result = self.results.get(True, 100 * SLOWDOWN)
            failure = result.get("platoon_error") or {}
            number = result["task"]["number"] if failure else result["number"]
            check_equal(failure.get("kind"), wanted[number], "kind of the end of task %d (%r)" % (number, result))
            self.n_runs += 1

    def is_complete(self):
        """All slots have all their processes, and no simulation is among these."""
        return sorted(role(pid) for pid in descendants(self.worker.pid)) == self.roles

    def fill(self):
        """Runs until it is: tasks go to whichever slot is free, and a slot gets its processes with its first."""
        for _ in range(200):
            for i in range(N_SLOTS):
                self.put(i, dict(METERED, end=200))
            self.take({i: None for i in range(N_SLOTS)})
            if self.is_complete():
                return
        raise support.Failure("processes of the worker: %r" % [role(pid) for pid in descendants(self.worker.pid)])

    def those(self, name):
        return [pid for pid in descendants(self.worker.pid) if role(pid) == name]

    def simulations(self, zygotes):
        """The processes that simulate: SUMO, and what zygotes have forked."""
        return self.those("sumo") + [pid for pid in self.those("platoon-zygote") if pid not in zygotes]

    def round(self, number):
        """Nine short runs and a long one beside them, which is killed."""
        zygotes = self.those("platoon-zygote")
        long = dict(PLAIN if number % 2 else METERED, **LONG)
        self.put(len(SHORT), long)
        for i, (task, _) in enumerate(SHORT):
            self.put(i, task)
        self.take({i: kind for i, (_, kind) in enumerate(SHORT)})
        for pid in self.t.eventually(lambda: self.simulations(zygotes), "the long run is simulated"):
            os.kill(pid, signal.SIGKILL)
        self.take({len(SHORT): "signal"})

    def kill_zygotes(self):
        """While nothing runs."""
        killed = self.those("platoon-zygote")
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        self.t.eventually(lambda: all(state(pid) in "ZX" for pid in killed), "the zygotes are dead")

    def kill_runners(self):
        """While each runs something."""
        zygotes = self.those("platoon-zygote")
        for i in range(N_SLOTS):
            self.put(i, dict(METERED, **LONG))
        self.t.eventually(lambda: len(self.simulations(zygotes)) == N_SLOTS, "each slot simulates")
        for pid in self.those("runner"):
            os.kill(pid, signal.SIGKILL)
        self.take({i: "signal" for i in range(N_SLOTS)})

    def held(self):
        pids = [self.worker.pid] + descendants(self.worker.pid)
        return {
            "processes and their descriptors": sorted((role(pid), descriptors(pid)) for pid in pids),
            "ports": listening(pids),
            "files in TMPDIR": sorted(re.sub(r"\d+", "N", str(path.relative_to(self.tmp)))
                                      for path in self.tmp.rglob("*")),
            "files in the root": sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*")),
        }

    def memory(self):
        pids = [self.worker.pid] + descendants(self.worker.pid)
        return {pid: (role(pid), memory_kb(pid)) for pid in pids}

    def check_held(self, before, when):
        """What the worker does after it has sent a result, removing a folder, may still go on."""
        self.t.eventually(lambda: self.held() == before, "%s it holds what it held; it was %r, it is %r"
                          % (when, before, self.held()), timeout=10)


# --- tests
# ---------------------------------------------------------------------------------


def runs_in_a_row(t, backend):
    crew = Crew(t, backend)
    crew.fill()
    for i in range(2):  # what is allocated once has been
        crew.round(i)
    check(crew.is_complete(), "a slot has lost a process")
    before, memory, n_before = crew.held(), crew.memory(), crew.n_runs
    check_equal(before["ports"], [], "ports that the worker listens at")
    for i in range((N_RUNS + len(SHORT)) // (len(SHORT) + 1)):
        crew.round(i)
    crew.check_held(before, "after %d runs" % (crew.n_runs - n_before))
    grown = {pid: (name, kb, crew.memory()[pid][1] - kb) for pid, (name, kb) in memory.items()}
    print("   %s: %d runs; resident KB before, and growth: %s" % (backend, crew.n_runs - n_before, ", ".join(
        "%s %d %+d" % row for row in sorted(grown.values()))))
    if SLOWDOWN == 1:  # a sanitizer keeps freed memory for a while, and reports leaks itself
        check(sum(row[2] for row in grown.values()) < MOST_GROWTH_KB, "memory grew: %r" % grown)
    crew.kill_zygotes()
    crew.fill()
    crew.check_held(before, "when each zygote was killed and there is another")
    crew.kill_runners()
    crew.fill()
    crew.check_held(before, "when each runner was killed and there is another")
    check_equal(crew.worker.stop(), 0, "exit code of the worker")
    check_equal(list(crew.tmp.iterdir()), [], "files in TMPDIR at the end")


@test(timeout=60 + 2 * N_RUNS)
def sumo_alone_and_libsumo_leave_nothing_behind(t):
    if not (support.BUILD / "bin" / "platoon-libsumo.so").exists():
        skip("the module for libsumo was not built: SUMO's headers or a C++ compiler are missing")
    runs_in_a_row(t, "auto")


@test(timeout=60 + 2 * N_RUNS)
def sumo_over_traci_leaves_nothing_behind(t):
    runs_in_a_row(t, "traci")


if __name__ == "__main__":
    support.main()

# SPDX-License-Identifier: Apache-2.0
"""kill -9 of everything that a simulation of `platoon work` is made of, at every moment of its life and in every state
of its task: what the master is told, that it is told once, that the slot goes on, and that nothing is left behind.

A simulation is held where the test wants it by named pipes in place of its files. `hold.add.xml`, the first additional
file, is one that nobody has written to: SUMO stands before its first step. `mid.txt` gets a line each step and is full
after some 200 of them. `end.txt` gets its lines when the simulation closes, and more than a pipe takes."""
import fcntl
import functools
import os
import queue
import signal
import sqlite3
import struct
import termios
import threading
from pathlib import Path

import support
from support import AUTHKEY, Process, check, check_equal, check_in, program, skip, test
from support_store import Store
from support_sumo import scenario

TIME_LIMIT_S = 600

END_S = 400.0
PIPE_BYTES = 65536
SIGNAL_9 = ("signal", -9, "failed")


# --- a simulation that stands still
# -----------------------------------------------------------------


def root_with_pipes(t):
    """A scenario whose additional files are `hold.add.xml`, the detectors of `mid.txt` and `end.txt`, and its own."""
    root = scenario(t)
    data = root / "data"
    loop = '<inductionLoop id="%s" lane="merge_1" pos="150" period="%d" file="%s"/>'
    loops = [loop % ("mid", 1, "mid.txt")] + [loop % ("end_%d" % i, 100000, "end.txt") for i in range(600)]
    (data / "pipes.add.xml").write_text("<additional>%s</additional>" % "\n".join(loops))
    (data / "hold.add.xml").write_text("<additional/>")
    for name in ("ramp_metering", "ramp_metering2"):
        path = data / (name + ".sumocfg")
        path.write_text(path.read_text().replace('"detectors.add.xml"',
                                                 '"hold.add.xml,pipes.add.xml,detectors.add.xml"'))
    return root


def links_of(pid):
    found = []
    try:
        for fd in os.listdir("/proc/%d/fd" % pid):
            found.append(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
    except OSError:
        pass  # it ended, or closed one meanwhile
    return found


def descendants(pid):
    """As far as they show: a list of children that is read while one of them ends may lack others."""
    found = []
    for child in support._children_of(pid):
        found += [child] + descendants(child)
    return found


def first(found):
    return next(found, None)


def comm(pid):
    try:
        return Path("/proc/%d/comm" % pid).read_text().strip()
    except OSError:
        return ""


def parent(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0  # it ended


def is_gone(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


class Pipe:
    """A named pipe in place of an output: who writes it stands still when it is full, until it is drained."""

    def __init__(self, path):
        os.mkfifo(str(path))
        self.reader = os.open(str(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def is_filling(self):
        """Is half of it full? Its writer has begun, and cannot come to an end."""
        return struct.unpack("i", fcntl.ioctl(self.reader, termios.FIONREAD, b"\0" * 4))[0] > PIPE_BYTES // 2

    def drain(self):
        """Throw away what comes, until the writer has closed it or is gone."""
        os.set_blocking(self.reader, True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while os.read(self.reader, PIPE_BYTES):
            pass
        os.close(self.reader)


class Held:
    """The next simulation of a worker, held before its first step."""

    def __init__(self, bench):
        self.bench, self.t = bench, bench.t
        self.gate = bench.root / "data" / "hold.add.xml"
        self.pipes = []
        self.gate.unlink()
        os.mkfifo(str(self.gate))
        self.fd = os.open(str(self.gate), os.O_RDWR | os.O_CLOEXEC)

    def wait(self):
        """Until it stands before its first step; sets .pid, its process, and .folder, its task's."""
        self.pid = self.t.eventually(lambda: next(
            (pid for pid in descendants(self.bench.agent.pid) if str(self.gate) in links_of(pid)), None),
            "a simulation reads hold.add.xml")
        self.folder, = self.bench.agent.work.glob("*/slot-*")
        return self

    def go_on(self):
        """Let it begin; the next one is not held."""
        free = self.gate.with_name("free.xml")
        free.write_text("<additional/>")
        free.rename(self.gate)
        os.write(self.fd, b"<additional/>")
        os.close(self.fd)

    def go_on_to(self, name):
        """Until it writes NAME.txt and cannot go on."""
        pipe = Pipe(self.folder / (name + ".txt"))
        self.pipes.append(pipe)
        self.go_on()
        self.t.eventually(pipe.is_filling, "the simulation writes %s.txt" % name)

    def drain(self):
        for pipe in self.pipes:
            pipe.drain()
        self.pipes = []


# --- a worker, and what of it is killed
# -------------------------------------------------------------


class Agent(Process):
    """`platoon work` with one slot, on simulations that can be held."""

    def __init__(self, t, store, root, backend):
        self.work = t.tmp / ("work-%d" % len(t.processes))
        if backend == "libsumo" and not (support.BUILD / "bin" / "platoon-libsumo.so").exists():
            skip("the module for libsumo was not built: SUMO's headers or a C++ compiler are missing")
        more = [] if backend == "libsumo" else ["--env", "PLATOON_LIBSUMO=/no/libsumo/for/this/test"]
        super().__init__(t, [program("platoon"), "work", "127.0.0.1:%d" % store.port, "--authkey-file", store.keyfile(),
                             "--slots", "1", "--work-dir", self.work, "--root", root, "--stop-grace", "5",
                             "--sumo-backend", backend, *more])

    def end(self):
        check_equal(self.stop(), 0, "exit code of the agent")
        check_equal(os.listdir(str(self.work)), [], "work folder after the end")


def runner_of(pid):
    """The slot's process above a simulation."""
    return parent(pid)


VICTIMS = {
    "simulation": lambda held: held.pid,
    "zygote": lambda held: first(p for p in descendants(runner_of(held.pid))
                                 if comm(p) == "platoon-zygote" and p != held.pid),
    "runner": lambda held: runner_of(held.pid),
    "spawner": lambda held: first(p for p in descendants(held.bench.agent.pid) if comm(p) == "platoon-spawn"),
}
PLAIN = {"filename": "data/ramp_metering.sumocfg", "control_bool": False, "seed": 3, "end": END_S}
METERED = {"filename": "data/ramp_metering2.sumocfg", "control_bool": True, "seed": 3, "end": END_S}

# what carries a simulation; a task for it; what of it is killed
WAYS = [("auto", PLAIN, "simulation"), ("auto", METERED, "simulation"), ("auto", PLAIN, "runner"),
        ("auto", PLAIN, "spawner"), ("libsumo", METERED, "simulation"), ("libsumo", METERED, "zygote")]


def name_of(way):
    backend, task, victim = way
    carrier = "libsumo" if backend == "libsumo" else "traci" if task is METERED else "sumo"
    return carrier if victim == "simulation" else victim


def for_each_way(ways):
    def register(function):
        for way in ways:
            test(functools.partial(function, way=way), "%s[%s]" % (function.__name__, name_of(way)), 120)
        return function
    return register


class Bench:
    """A store's server, a worker at it, and a master that puts one task after another."""

    def __init__(self, t, way, *options):
        self.t = t
        self.root = root_with_pipes(t)
        self.backend, self.task, self.victim = way
        self.store = Store(t, *options)
        self.n = 0
        self.agent = None

    def start(self):
        self.store.start()
        self.connect()
        self.agent = Agent(self.t, self.store, self.root, self.backend)
        return self

    def connect(self):
        self.manager = self.store.connect()
        self.results = self.manager.get_result_queue()

    def put(self):
        """A task whose simulation is held before its first step."""
        self.n += 1
        held = Held(self)
        self.manager.get_task_queue().put(dict(self.task, n=self.n))
        return held.wait()

    def kill(self, held):
        pid = self.t.eventually(lambda: VICTIMS[self.victim](held), "there is a %s" % self.victim)
        os.kill(pid, signal.SIGKILL)
        self.t.eventually(lambda: is_gone(pid), "the %s is gone" % self.victim)

    def check_answer(self, wanted):
        """What the master hears of the last task, once: a failure (kind, exit, outcome), or "result"."""
        answer = self.results.get(True, 60)
        if wanted == "result":
            check_equal((answer.get("n"), answer.get("outcome"), answer.get("end_time_s")), (self.n, "ok", END_S),
                        "the result (%r)" % answer)
        else:
            check_in("platoon_error", answer, "the failure")
            error = answer["platoon_error"]
            check_equal((error["kind"], error["exit"], error.get("outcome")), wanted, "the failure (%r)" % error)
            check_equal(answer["task"], dict(self.task, n=self.n), "its task")

    def check_recorded_once(self):
        """Of every task that was put there is one result, and no more waits for the master."""
        check_equal(self.store.sql("SELECT count(*), count(DISTINCT result_of) FROM task WHERE result_of IS NOT NULL"),
                    [(self.n, self.n)], "results, and tasks that have one")
        check_equal(self.store.sql("SELECT count(*) FROM task WHERE result_of IS NULL AND state NOT IN (2, 3, 5, 6)"),
                    [(0,)], "tasks that have not ended")
        try:
            check(False, "another result: %r" % (self.results.get(False),))
        except queue.Empty:
            pass

    def check_goes_on(self):
        """The slot runs the next task, whose folder is its own."""
        self.n += 1
        self.manager.get_task_queue().put(dict(self.task, n=self.n, end=20))
        answer = self.results.get(True, 60)
        check_equal((answer.get("n"), answer.get("outcome")), (self.n, "ok"), "the next task's result (%r)" % answer)

    def check_ports(self):
        """The slot's process holds no socket but the one to its zygote."""
        runner = self.t.eventually(lambda: first(p for p in descendants(self.agent.pid)
                                                 if comm(parent(p)) == "platoon-spawn"), "there is a runner")
        sockets = [link for link in links_of(runner) if link.startswith("socket:")]
        check(len(sockets) <= (self.backend == "libsumo"), "sockets of the slot's process: %r" % sockets)

    def end(self):
        self.check_recorded_once()
        self.check_ports()
        self.agent.end()
        self.store.stop()


def what_follows(victim):
    """A zygote is not missed until the next task. With platoon-spawn all that it had started goes: the task goes back
    without an attempt counted, and runs again."""
    if victim == "runner":
        return ("signal", -9, None)
    return SIGNAL_9 if victim == "simulation" else "result"


# --- the tests
# ------------------------------------------------------------------------------------


@for_each_way(WAYS)
def killed_before_its_first_step_in_mid_run_and_while_it_writes(t, way):
    bench = Bench(t, way).start()
    for moment in ("start", "mid", "end"):
        held = bench.put()
        if moment != "start":
            held.go_on_to(moment)
        bench.kill(held)
        if moment == "start":
            held.go_on()
        held.drain()
        bench.check_answer(what_follows(bench.victim))
    bench.check_goes_on()
    bench.end()


@for_each_way([way for way in WAYS if way[2] != "runner"])
def killed_while_there_is_no_server(t, way):
    """Leased, on disk, and the server gone: what became of the run is told to the server that comes back."""
    bench = Bench(t, way).start()
    held = bench.put()
    held.go_on_to("mid")
    t.eventually(lambda: bench.store.sql("SELECT count(*) FROM task WHERE state = 1") == [(1,)], "the lease is on disk")
    bench.store.kill()
    bench.kill(held)
    held.drain()
    if bench.victim != "spawner":
        bench.agent.wait_line("task 1 (done|failed)")
    bench.store.start()
    bench.connect()
    bench.check_answer(what_follows(bench.victim))
    bench.check_goes_on()
    bench.end()


def other_takes(bench):
    """Stop the worker until its lease has run out and another has the task. Returns how that one gives its result."""
    bench.agent.send_signal(signal.SIGSTOP)
    other = bench.manager.platoon()
    row, = other.lease("get_task_queue", 1, 30)
    check_equal(row["attempt"], 2, "attempt of the other worker")
    return lambda value: other.complete([{"task": row["task"], "lease": row["lease"], "value": value}])


@for_each_way([WAYS[i] for i in (0, 3, 4)])
def killed_after_another_has_given_its_result(t, way):
    bench = Bench(t, way, "--worker-lease", "1").start()
    held = bench.put()
    held.go_on_to("mid")
    complete = other_takes(bench)
    check_equal(complete("of the other"), ["recorded"], "the other's result")
    bench.kill(held)
    bench.agent.send_signal(signal.SIGCONT)
    held.drain()
    check_equal(bench.results.get(True, 20), "of the other", "the result")
    bench.check_goes_on()
    bench.end()


@test(timeout=120)
def a_kill_while_another_has_the_task_is_the_first_result(t):
    """The first result wins, even from a lost lease, and a failure is one."""
    bench = Bench(t, WAYS[0], "--worker-lease", "1").start()
    held = bench.put()
    held.go_on_to("mid")
    complete = other_takes(bench)
    bench.kill(held)
    bench.agent.send_signal(signal.SIGCONT)
    bench.check_answer(SIGNAL_9)
    check_equal(complete("too late"), ["already"], "the other's result")
    bench.check_goes_on()
    bench.end()


@for_each_way([WAYS[0], WAYS[1], WAYS[4]])
def a_cancelled_run_is_stopped(t, way):
    """At the next renewal, which comes after a third of the lease time."""
    bench = Bench(t, way, "--worker-lease", "3").start()
    held = bench.put()
    held.go_on_to("mid")
    check_in("1 cancelled", bench.store.ask("cancel", "--yes", "1").stdout)
    bench.agent.wait_line("task 1 has ended at the server .*: its run is stopped")
    t.eventually(lambda: is_gone(held.pid), "the simulation is gone")
    bench.check_answer(("cancelled", None, None))
    bench.check_goes_on()
    bench.end()


@test(timeout=120)
def killed_after_its_task_was_cancelled(t):
    bench = Bench(t, WAYS[0]).start()
    held = bench.put()
    held.go_on_to("mid")
    bench.store.ask("cancel", "--yes", "1")
    bench.kill(held)
    bench.agent.wait_line("task 1: another worker's result was there first")
    bench.check_answer(("cancelled", None, None))
    bench.check_goes_on()
    bench.end()


@test(timeout=120)
def a_kill_after_the_last_lease_was_lost_changes_nothing(t):
    """The task is dead, and its master was told so."""
    bench = Bench(t, WAYS[0], "--worker-lease", "1")
    bench.store.start()
    bench.connect()
    bench.n = 1
    bench.manager.get_task_queue().put(dict(PLAIN, n=1))
    bench.store.stop()
    db = sqlite3.connect(str(bench.store.data / "platoon.db"))
    db.execute("UPDATE task SET attempts_lost = 4")  # instead of four workers that are lost, at a second each
    db.commit()
    db.close()
    held = Held(bench)
    bench.start()
    held.wait()
    bench.agent.send_signal(signal.SIGSTOP)
    bench.check_answer(("lost", None, None))
    bench.kill(held)
    held.go_on()
    bench.agent.send_signal(signal.SIGCONT)
    bench.agent.wait_line("task 1: another worker's result was there first|task 1 has ended at the server")
    check_equal(bench.store.sql("SELECT state FROM task WHERE id = 1"), [(5,)], "state")
    bench.check_goes_on()
    bench.end()


if __name__ == "__main__":
    support.main()

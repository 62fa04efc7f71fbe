# SPDX-License-Identifier: Apache-2.0
"""Leases of stock clients, with real interpreters: who died, who left, what became of the task in hand.

Each test is one kind of client program; what it must lead to is the server's own account of the tasks (the states that
tasks() of the typeid `platoon` tells) and what the next worker is given."""
import os
import shutil
import signal
import subprocess
import sys
from multiprocessing.managers import BaseManager

import support
from support import AUTHKEY, Server, check, check_equal, check_in, for_each_python, program, pythons, skip, test
from support_store import Store, drain

GRACE_S = 1.5
TIME_LIMIT_S = 900
NOT_ENDED = ["queued", "leased", "abandoned", "dead"]


class Manager(BaseManager):
    pass


for _name in ("platoon", "get_task_queue", "get_result_queue", "third"):
    Manager.register(_name)

CLIENT = """
import sys, os, time, signal, threading
try:
    import queue
except ImportError:
    import Queue as queue
from multiprocessing.managers import BaseManager
import multiprocessing
class M(BaseManager): pass
for name in ('get_task_queue', 'get_result_queue', 'third'): M.register(name)
def connect():
    m = M(address=('127.0.0.1', int(sys.argv[1])), authkey=open(sys.argv[2], 'rb').read())
    m.connect()
    return m
def die(): os.kill(os.getpid(), signal.SIGKILL)
def say(*words):
    sys.stdout.write(' '.join(str(w) for w in words) + '\\n'); sys.stdout.flush()
"""
OPEN = "m = connect(); tasks = m.get_task_queue(); results = m.get_result_queue()\n"


class Farm:
    """A server with short times, and this process as its master and bookkeeper."""

    def __init__(self, t, *options, keeps=False):
        self.t = t
        where = ("--data", t.tmp / "data") if keeps else ("--memory",)
        self.server = Server(t, *where, "--stock-grace", str(GRACE_S), *options)
        m = Manager(address=("127.0.0.1", self.server.port), authkey=AUTHKEY)
        m.connect()
        self.tasks, self.results, self.platoon = m.get_task_queue(), m.get_result_queue(), m.platoon()

    def put(self, *values):
        for v in values:
            self.tasks.put(v)

    def client(self, python, code):
        return self.t.start([python.path if python else sys.executable, "-c", CLIENT + code, self.server.port,
                             self.server.keyfile])

    def run(self, python, code):
        p = self.client(python, code)
        p.wait()
        return p

    def states(self):
        """{value: (state, attempts lost)} of every task that has not ended."""
        rows = self.platoon.tasks({"queue": "get_task_queue", "values": True, "limit": 1000, "states": NOT_ENDED})
        return {repr(r["value"]): (r["state"], r["attempts_lost"]) for r in rows}

    def done(self):
        queues = {q["name"]: q for q in self.platoon.stats()["queues"]}
        return queues["get_task_queue"]["done"]

    def wait(self, wanted, done=None):
        """Until the tasks that have not ended are just these, and so many are done."""
        wanted = {repr(k): v for k, v in wanted}
        try:
            self.t.eventually(lambda: self.states() == wanted and (done is None or self.done() == done), "", timeout=8)
        except support.Failure:
            raise support.Failure("tasks are %r with %d done, not %r with %s" % (self.states(), self.done(), wanted, done))


ONE, TWO, THREE = {"n": 1}, {"n": 2}, {"n": 3}


@for_each_python(oldest=(2, 7))
def ordinary_worker_finishes_and_leaves_nothing_behind(t, python):
    farm = Farm(t)
    farm.put(ONE, TWO)
    farm.run(python, OPEN + "for i in range(2): results.put(tasks.get(timeout=1)['n'])\n"
             "try: tasks.get(timeout=0.05)\nexcept queue.Empty: pass\n")
    farm.wait([], done=2)
    check_equal(farm.results.qsize(), 2, "results")


@for_each_python(oldest=(2, 7))
def killed_in_mid_task_gives_it_back_at_once(t, python):
    farm = Farm(t)
    farm.put(ONE, TWO)
    farm.run(python, OPEN + "tasks.get(); die()")
    farm.wait([(ONE, ("queued", 1)), (TWO, ("queued", 0))])
    check_equal(farm.tasks.get(), ONE, "the next task")


@for_each_python
def exits_hard_after_its_put_and_the_task_is_done(t, python):
    farm = Farm(t)
    farm.put(ONE)
    farm.run(python, OPEN + "results.put(tasks.get()['n']); os._exit(3)")
    farm.wait([], done=1)


@for_each_python
def exits_hard_in_mid_task_and_gives_it_back(t, python):
    farm = Farm(t)
    farm.put(ONE)
    farm.run(python, OPEN + "tasks.get(); os._exit(3)")
    farm.wait([(ONE, ("queued", 1))])


@for_each_python(oldest=(2, 7))
def uncaught_exception_has_a_grace_then_the_task_comes_back(t, python):
    farm = Farm(t)
    farm.put(ONE)
    farm.run(python, OPEN + "tasks.get(); raise ValueError('no')")
    farm.server.wait_line(r"task-in-grace task=\d+", stream="stderr")
    check_equal(farm.states(), {repr(ONE): ("leased", 0)}, "tasks in the grace")
    farm.wait([(ONE, ("queued", 1))])


@for_each_python
def plain_message_in_hand_at_an_orderly_leave_is_set_aside(t, python):
    farm = Farm(t)
    farm.put("STOP", None, 7)
    for _ in range(3):
        farm.run(python, OPEN + "tasks.get()")
    farm.wait([("STOP", ("abandoned", 0)), (None, ("abandoned", 0)), (7, ("abandoned", 0))])
    check("platoon retry" in farm.server.stderr, "the log does not say how to get it back")


@for_each_python
def drained_queue_stays_drained(t, python):
    farm = Farm(t)
    farm.put(ONE, TWO, THREE)
    farm.run(python, OPEN + "while not tasks.empty(): tasks.get()")
    farm.wait([(ONE, ("abandoned", 0)), (TWO, ("abandoned", 0)), (THREE, ("abandoned", 0))])


@for_each_python
def interrupted_in_a_blocked_get_swallows_nothing(t, python):
    farm = Farm(t)
    p = farm.client(python, OPEN + "say('waiting', tasks.qsize()); tasks.get()")
    p.wait_line("waiting")
    farm.server.wait_line("client-connected .*MainProcess", stream="stderr")
    p.send_signal(signal.SIGINT)
    p.wait()
    farm.put(ONE)
    farm.wait([(ONE, ("queued", 0))])


@for_each_python
def interrupted_in_mid_task_has_a_grace(t, python):
    farm = Farm(t)
    farm.put(ONE)
    p = farm.client(python, OPEN + "tasks.get(); say('working'); threading.Event().wait(60)")
    p.wait_line("working")
    p.send_signal(signal.SIGINT)
    p.wait()
    farm.wait([(ONE, ("queued", 1))])


@for_each_python
def proxies_made_anew_for_each_call_complete_their_task(t, python):
    farm = Farm(t)
    farm.put(ONE, TWO)
    farm.run(python, "m = connect()\nfor i in range(2):\n"
             "    n = m.get_task_queue().get()\n    m.get_result_queue().put(n['n'])\n")
    farm.wait([], done=2)
    check("task-returned" not in farm.server.stderr, "a task came back though its result was put")


@for_each_python
def child_killed_while_its_parent_lives_gives_its_task_back(t, python):
    farm = Farm(t)
    farm.put(ONE)
    p = farm.client(python, OPEN + "def work(): tasks.get(); die()\n"
                    "if __name__ == '__main__':\n"
                    "    c = multiprocessing.Process(target=work); c.start(); c.join(); say('joined')\n"
                    "    threading.Event().wait(60)\n")
    p.wait_line("joined")
    farm.wait([(ONE, ("queued", 1))])
    p.kill()


@for_each_python
def children_that_leave_in_order_do_not_excuse_one_that_is_killed(t, python):
    farm = Farm(t)
    farm.put(*[{"n": n} for n in range(6)])
    farm.run(python, OPEN + "def work(dies):\n"
             "    n = tasks.get()\n    if dies: die()\n    results.put(n['n'])\n"
             "if __name__ == '__main__':\n"
             "    for i in range(6):\n"
             "        c = multiprocessing.Process(target=work, args=(i == 3,)); c.start(); c.join()\n")
    farm.wait([({"n": 5}, ("queued", 0))], done=5)  # the next child took what the killed one gave back
    check('task=4 to=front why="died"' in farm.server.stderr, "the killed child's task did not come back")


@for_each_python
def parent_gets_pool_computes_parent_puts(t, python):
    farm = Farm(t)
    farm.put(*[{"n": n} for n in range(4)])
    farm.run(python, OPEN + "def square(n): return n * n\n"
             "if __name__ == '__main__':\n"
             "    pool = multiprocessing.Pool(2)\n"
             "    got = [tasks.get() for i in range(4)]\n"
             "    for r in pool.map(square, [g['n'] for g in got]): results.put(r)\n"
             "    pool.close(); pool.join()\n")
    farm.wait([], done=4)


@for_each_python
def getter_thread_and_putter_thread_are_done_when_even(t, python):
    farm = Farm(t)
    farm.put(ONE, TWO, THREE)
    farm.run(python, OPEN + "tasks.qsize(); results.qsize(); inner = queue.Queue()\n"
             "def getter():\n    for i in range(3): inner.put(tasks.get())\n"
             "def putter():\n    for i in range(3): results.put(inner.get()['n'])\n"
             "threads = [threading.Thread(target=f) for f in (getter, putter)]\n"
             "for x in threads: x.start()\nfor x in threads: x.join()\n")
    farm.wait([], done=3)


@for_each_python
def thread_that_ends_keeps_its_task_while_its_process_lives(t, python):
    farm = Farm(t)
    farm.put(ONE)
    p = farm.client(python, OPEN + "tasks.qsize()\nx = threading.Thread(target=tasks.get); x.start(); x.join()\n"
                    "say('ended'); threading.Event().wait(60)")
    p.wait_line("ended")
    check_equal(farm.states(), {repr(ONE): ("leased", 0)}, "tasks while the process lives")
    p.kill()
    farm.wait([(ONE, ("queued", 1))])


@for_each_python
def batches_are_done_and_a_death_gives_back_the_last_one(t, python):
    farm = Farm(t)
    farm.put(*[{"n": n} for n in range(6)])
    farm.run(python, OPEN + "got = [tasks.get() for i in range(5)]\n"
             "for g in got: results.put(g['n'])\ntasks.get(); die()")
    farm.wait([({"n": 5}, ("queued", 1))], done=5)


@for_each_python
def put_and_task_done_for_one_task_count_once(t, python):
    farm = Farm(t)
    farm.put(ONE, TWO)
    farm.run(python, OPEN + "results.put(tasks.get()['n']); tasks.task_done(); tasks.get(); die()")
    farm.wait([(TWO, ("queued", 1))], done=1)


@for_each_python
def extra_results_complete_nothing_else(t, python):
    farm = Farm(t)
    farm.put(ONE, TWO)
    farm.run(python, OPEN + "tasks.get(); results.put(1); results.put(2); results.put(3); tasks.get(); die()")
    farm.wait([(TWO, ("queued", 1))], done=1)
    check_equal(farm.results.qsize(), 3, "results")


@for_each_python
def task_put_back_by_its_holder_is_a_new_task(t, python):
    farm = Farm(t)
    farm.put(ONE)
    farm.run(python, OPEN + "x = tasks.get(); tasks.put(x); die()")
    farm.wait([(ONE, ("queued", 0))], done=1)


def _one(_):
    """The newest interpreter does for what does not depend on it."""
    return pythons((3, 6), (3, 99))[-1]


@test
def a_task_that_kills_every_worker_is_a_dead_letter(t):
    farm = Farm(t)
    farm.put(ONE)
    for n in range(5):
        farm.run(_one(t), OPEN + "tasks.get(); die()")
        farm.wait([(ONE, ("queued", n + 1) if n < 4 else ("dead", 5))])
    rows = farm.platoon.tasks({"states": ["dead"]})
    check_equal(farm.platoon.retry([rows[0]["task"]]), ["retried"], "retry")
    farm.wait([(ONE, ("queued", 0))])


@for_each_python
def result_and_the_end_of_its_task_are_recorded_as_one(t, python):
    farm = Farm(t, keeps=True)
    farm.put(ONE, TWO)
    farm.run(python, OPEN + "for i in range(2): results.put(tasks.get()['n'])\n")
    farm.wait([], done=2)
    tasks = farm.platoon.tasks({"queue": "get_task_queue", "states": ["done"]})
    kept = farm.platoon.tasks({"results": True, "values": True})
    check_equal([r["result_of"] for r in kept], [r["task"] for r in tasks], "tasks that the results are of")
    check_equal([r["value"] for r in kept], [1, 2], "results")


@test
def no_leases_is_pythons_plain_behaviour(t):
    farm = Farm(t, "--no-leases")
    farm.put(ONE, TWO)
    farm.run(_one(t), OPEN + "tasks.get(); say('got'); tasks.qsize(); die()")
    farm.wait([(TWO, ("queued", 0))])


@test
def lease_timeout_takes_a_task_from_one_that_keeps_it(t):
    farm = Farm(t, "--lease-timeout", "1")
    farm.put(ONE)
    p = farm.client(_one(t), OPEN + "tasks.get(); say('got'); threading.Event().wait(60)")
    p.wait_line("got")
    farm.wait([(ONE, ("queued", 1))])
    p.kill()


def stock_client_that_keeps(t, store, *attempts):
    """A task for each limit of attempts, all in the hands of a stock client, when the file of the store says so."""
    m = store.connect()
    ids = m.platoon().put_many("get_task_queue", rows=[{"value": {"n": n}, "attempts": n} for n in attempts])
    p = t.start([_one(t).path, "-c", CLIENT + OPEN + "for i in range(%d): say(tasks.get())\n"
                 "threading.Event().wait(60)" % len(attempts), store.port, store.keyfile()])
    for _ in attempts:
        p.wait_line("n")
    on_disk = "SELECT count(*) FROM attempt"
    t.eventually(lambda: store.sql(on_disk) == [(len(attempts),)], "the leases are on disk")
    return ids, p


@test
def lease_timeout_does_not_outlive_the_server_since_its_holder_does_not(t):
    store = Store(t, "--lease-timeout", "30").start()
    ids, p = stock_client_that_keeps(t, store, 1, 2)
    store.kill()
    p.kill()
    store.start()
    rows = store.connect().platoon().tasks({"queue": "get_task_queue"})
    check_equal([(r["task"], r["state"], r["attempts_lost"]) for r in rows], [(i, "queued", 0) for i in ids], "tasks")
    check_in("that ended: the server ended", store.ask("explain", ids[0]).stdout, "explain")
    store.stop()


@test
def death_by_lease_timeout_is_only_logged_after_a_restart_too(t):
    store = Store(t, "--lease-timeout", "1", "--worker-lease", "1").start()
    (died, lost), p = stock_client_that_keeps(t, store, 1, 2)
    store.server.wait_line("task-dead task=%d " % died, stream="stderr", timeout=10)
    t.eventually(lambda: store.sql("SELECT state FROM task WHERE id = ?", died) == [(5,)], "its death is on disk")
    p.kill()
    check_equal(drain(store.connect().get_result_queue()), [], "what the master is told")
    store.kill()
    store.start()
    # What the next server tells of its own accord is told by then: this lease runs out after all of before.
    row, = store.connect().platoon().lease("get_task_queue", 1, 20)
    check_equal((row["task"], row["attempt"], row["last"]), (lost, 2, True), "the one that was lost once")
    told = store.connect().get_result_queue().get(True, 20)
    check_equal((told["task_id"], told["platoon_error"]["kind"]), (lost, "lost"), "what the master is told first")
    check_equal(drain(store.connect().get_result_queue()), [], "what it is told then")
    check_equal(store.sql("SELECT state, has_failure_value FROM task WHERE id = ?", died), [(5, 0)], "the stock client's")
    store.stop()


@test
def operator_frees_what_a_dead_thread_holds(t):
    farm = Farm(t)
    farm.put(ONE)
    p = farm.client(_one(t), OPEN + "tasks.qsize()\nx = threading.Thread(target=tasks.get); x.start(); x.join()\n"
                    "say('ended'); threading.Event().wait(60)")
    p.wait_line("ended")
    task = farm.platoon.tasks({"states": ["leased"]})[0]["task"]
    check_equal(farm.platoon.free([task]), ["freed"], "free")
    farm.wait([(ONE, ("queued", 0))])
    p.kill()


@test
def result_queue_may_feed_a_next_stage(t):
    farm = Farm(t, "--queue", "get_result_queue=third")
    farm.put(ONE)
    farm.run(_one(t), OPEN + "results.put(tasks.get()); x = results.get(); m.third().put(x['n']); die()")
    farm.wait([], done=1)
    farm.t.eventually(lambda: farm.results.qsize() == 0, "the second stage's task is done")


@test
def late_put_completes_what_was_set_aside(t):
    farm = Farm(t)
    farm.put(ONE, TWO)
    p = farm.client(_one(t), "m = connect()\na = m.get_task_queue(); x = a.get(); y = a.get(); del a\n"
                    "say('left'); threading.Event().wait(60)")
    p.wait_line("left")
    farm.wait([(ONE, ("abandoned", 0)), (TWO, ("abandoned", 0))])
    p.kill()


@test
def late_put_completes_one_that_died_meanwhile(t):
    farm = Farm(t)
    task, = farm.platoon.put_many("get_task_queue", rows=[{"value": ONE, "attempts": 1}])
    farm.run(_one(t), "m = connect(); m.get_task_queue().get()")
    farm.wait([(ONE, ("leased", 0))])  # for the grace
    farm.wait([(ONE, ("dead", 1))])
    farm.run(_one(t), "m = connect(); m.get_result_queue().put('late')")
    farm.wait([], done=1)
    check_equal(farm.platoon.retry([task]), ["gone"], "retry")
    check_equal(farm.results.get(timeout=5), "late", "result")


class Cable:
    """Two hosts joined by a cable, in network namespaces of their own: the server's 10.77.0.1, the client's 10.77.0.2."""

    SERVER, CLIENT = "10.77.0.1", "10.77.0.2"

    def __init__(self):
        self.names = ["platoon-%d-%s" % (os.getpid(), side) for side in ("s", "c")]

    def __enter__(self):
        server, client = self.names
        try:
            for name in self.names:
                self.ip("netns", "add", name)
            self.ip("-n", server, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", client)
            for name, address in ((server, self.SERVER), (client, self.CLIENT)):
                self.ip("-n", name, "addr", "add", address + "/24", "dev", "cable")
                self.ip("-n", name, "link", "set", "cable", "up")
                self.ip("-n", name, "link", "set", "lo", "up")
        except (OSError, subprocess.SubprocessError) as e:
            self.__exit__()
            skip("no network namespaces here: %s" % e)
        return self

    def __exit__(self, *unused):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)

    def ip(self, *args):
        subprocess.run(["ip", *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def pull(self):
        self.ip("-n", self.names[1], "link", "set", "cable", "down")


@test
def client_whose_cable_is_pulled_loses_its_task(t):
    if os.geteuid() != 0 or not shutil.which("ip"):
        skip("needs root and the command ip")
    with Cable() as cable:
        key = t.file("key", AUTHKEY, mode=0o600)
        server = t.start(["ip", "netns", "exec", cable.names[0], program("platoon"), "serve", "--memory", "--listen",
                          Cable.SERVER + ":0", "--authkey-file", key, "--keepalive", "1"])
        port = server.wait_line(r"listening on \S+:(\d+)$", stream="stdout").group(1)
        p = t.start(["ip", "netns", "exec", cable.names[1], _one(t).path, "-c",
                     CLIENT.replace("127.0.0.1", Cable.SERVER) + OPEN +
                     "tasks.put({'n': 1}); tasks.get(); tasks.qsize(); say('got'); threading.Event().wait(60)", port, key])
        p.wait_line("got")
        cable.pull()
        server.wait_line("task-returned task=1 to=front why=.died", stream="stderr", timeout=30)
        p.kill()
        server.kill()


if __name__ == "__main__":
    support.main()

# SPDX-License-Identifier: Apache-2.0
"""A soak: tasks by the thousand, while the server, agents and stock workers are killed with SIGKILL at random. At
the end every task has exactly one recorded result, nothing is missing, nothing invented.

Environment: PLATOON_TEST_SOAK_S      seconds in which tasks are put and things are killed (default: a few)
             PLATOON_TEST_SOAK_TASKS  put so many instead, however long it takes
             PLATOON_TEST_SEED        of what is killed when (default: chosen, and printed)
"""
import os
import random
import sys
import threading
import time
from collections import Counter

import support
from support import AUTHKEY, SLOWDOWN, SOAK_S, Process, check, check_equal, program, test
from support_store import Store, drain

SECONDS = SOAK_S or 2
TASKS = int(os.environ.get("PLATOON_TEST_SOAK_TASKS") or 0)
SEED = int(os.environ.get("PLATOON_TEST_SEED") or random.randrange(1 << 30))
TIME_LIMIT_S = 7200
BATCH = 200
MOST_WAITING = 4000

# A stock worker as people write them, which keeps its proxies; it ends when the server does.
STOCK_WORKER = '''
import sys
from multiprocessing.managers import BaseManager
class M(BaseManager): pass
M.register("get_task_queue"); M.register("get_result_queue")
try:
    m = M(address=("127.0.0.1", int(sys.argv[1])), authkey=sys.argv[2].encode())
    m.connect()
    tasks, results = m.get_task_queue(), m.get_result_queue()
    while True:
        results.put(tasks.get() + " done")
except (EOFError, ConnectionError):
    pass
'''


class Hands:
    """Workers of one kind: `n` of them are kept alive, whatever ends them."""

    def __init__(self, t, n, argv):
        self.t, self.argv = t, argv
        self.all = [Process(t, argv) for _ in range(n)]
        self.n_killed = 0

    def replace(self, i):
        self.t.processes.remove(self.all[i])
        self.all[i] = Process(self.t, self.argv)

    def keep_alive(self):
        for i, p in enumerate(self.all):
            if p.has_ended():
                p.wait()
                self.replace(i)

    def kill_one(self, rng):
        i = rng.randrange(len(self.all))
        self.all[i].kill()
        self.all[i].wait()
        self.replace(i)
        self.n_killed += 1


class Master(threading.Thread):
    """Puts batches as fast as they are worked off; knows which were acknowledged and which may have happened."""

    def __init__(self, store):
        super().__init__(daemon=True)
        self.store = store
        self.n = 0
        self.acknowledged, self.unsure = set(), set()
        self.ending = threading.Event()

    def run(self):
        while not self.ending.wait(0.01):  # not to ask for the size of the queue all the time
            try:
                self.put_until_cut_off(self.store.connect())
            except (EOFError, ConnectionError):
                pass

    def put_until_cut_off(self, m):
        tasks, p = m.get_task_queue(), m.platoon()
        while not self.ending.is_set():
            if tasks.qsize() > MOST_WAITING:
                self.ending.wait(0.01)
                continue
            batch = ["task %d" % i for i in range(self.n, self.n + BATCH)]
            self.n += BATCH  # never a label again: a put without an answer may have happened
            self.unsure.update(batch)
            p.put_many("get_task_queue", batch)
            self.unsure.difference_update(batch)
            self.acknowledged.update(batch)

    def end(self):
        self.ending.set()
        self.join(30 * SLOWDOWN)
        check(not self.is_alive(), "the master hangs")


def check_outcome(store, master):
    """What the file says of each task, and what a master reads, against what was put."""
    tasks, results_queue = (store.sql("SELECT id FROM queue WHERE name = ?", name)[0][0]
                            for name in ("get_task_queue", "get_result_queue"))
    ended = dict(store.sql("SELECT state, count(*) FROM task WHERE queue = ? GROUP BY state", tasks))
    check(set(ended) <= {2, 5}, "states of the tasks (2 done, 5 dead): %r" % ended)
    check_equal(store.sql("SELECT result_of, count(*) FROM task WHERE queue = ? AND result_of > 0 GROUP BY 1 "
                          "HAVING count(*) > 1", results_queue), [], "tasks with more than one result")
    check_equal(store.sql("SELECT id FROM task WHERE queue = ? AND id NOT IN (SELECT result_of FROM task WHERE "
                          "result_of > 0)", tasks), [], "tasks without a result")
    check_equal(store.sql("SELECT count(*) FROM task WHERE queue = ? AND coalesce(result_of, 0) = 0",
                          results_queue), [(0,)], "results of no task")
    results = drain(store.connect().get_result_queue())
    failures = [r["task"] for r in results if isinstance(r, dict)]
    labels = Counter([r[:-len(" done")] for r in results if not isinstance(r, dict)] + failures)
    check_equal([label for label, n in labels.items() if n > 1], [], "labels read twice")
    check_equal(sorted(master.acknowledged - set(labels))[:5], [], "acknowledged tasks without a result")
    check_equal(sorted(set(labels) - master.acknowledged - master.unsure)[:5], [], "results that nobody asked for")
    check_equal(len(failures), ended.get(5, 0), "failures read, tasks that died")
    check_equal(store.sql("PRAGMA integrity_check"), [("ok",)], "integrity_check")
    return len(results), len(failures)


@test(timeout=TIME_LIMIT_S)
def every_task_has_one_result_whatever_is_killed(t):
    rng = random.Random(SEED)
    store = Store(t, "--worker-lease", "3", "--stock-grace", "2", "--log-level", "error").start()
    master = Master(store)
    module = t.file("work.py", "def run(task):\n    return task + ' done'\n")
    agents = Hands(t, 2, [program("platoon"), "work", "127.0.0.1:%d" % store.port, "--authkey-file", store.keyfile(),
                          "--slots", "2", "--root", t.tmp, "--quiet", "--runner", "python", module + ":run"])
    stock = Hands(t, 2, [sys.executable, "-c", STOCK_WORKER, str(store.port), AUTHKEY.decode()])
    n_servers_killed, until = 0, time.monotonic() + SECONDS * SLOWDOWN
    next_kill, kinds = time.monotonic() + 0.5, []

    def goes_on():
        if not (n_servers_killed and agents.n_killed and stock.n_killed):
            return True
        return master.n < TASKS if TASKS else time.monotonic() < until

    master.start()
    while goes_on():
        stock.keep_alive()
        agents.keep_alive()
        if time.monotonic() > next_kill:
            if not kinds:
                kinds = ["server", "agent", "stock"]
                rng.shuffle(kinds)
            what = kinds.pop()
            if what == "server":
                store.kill()
                t.processes.remove(store.server)
                store.start()
                n_servers_killed += 1
            else:
                (agents if what == "agent" else stock).kill_one(rng)
            next_kill = time.monotonic() + rng.uniform(0.05, 0.8) * SLOWDOWN
        threading.Event().wait(0.01)  # no waiting for anything: the next moment to look who is dead
    master.end()

    def is_worked_off():
        stock.keep_alive()
        agents.keep_alive()
        store.ask("retry", "--all", "abandoned", exit_code=None)  # what stock workers left with in hand
        return store.sql("SELECT count(*) FROM task JOIN queue ON queue.id = task.queue "
                         "WHERE queue.name = 'get_task_queue' AND state IN (0, 1, 4)") == [(0,)]

    t.eventually(is_worked_off, "all tasks have ended", timeout=120)
    n_results, n_failures = check_outcome(store, master)
    print("   %d tasks acknowledged, %d not; %d results, %d of them failures; killed: %d servers, %d agents, %d stock "
          "workers (seed %d)" % (len(master.acknowledged), len(master.unsure), n_results, n_failures, n_servers_killed,
                                 agents.n_killed, stock.n_killed, SEED))
    check(n_results > 100, "hardly anything happened")
    for hands in (agents, stock):
        for p in hands.all:
            p.kill()
            p.wait()
    store.stop()


if __name__ == "__main__":
    support.main()

# SPDX-License-Identifier: Apache-2.0
"""The promises of docs/durability.md, each with the plug pulled: real servers, real clients, and ledgers that the
clients keep of what was acknowledged to them.

Environment: PLATOON_TEST_KILLS   how often the server is killed in each history (default 15)
             PLATOON_TEST_SEED    of the moments (default: chosen, and printed)
"""
import errno
import hashlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading

import support
from support_store import Manager, Store, drain
from support import AUTHKEY, Process, check, check_equal, check_in, program, skip, test

KILLS = int(os.environ.get("PLATOON_TEST_KILLS") or 15)
SEED = int(os.environ.get("PLATOON_TEST_SEED") or random.randrange(1 << 30))
KEY = AUTHKEY.decode()


def refused_with(call, number):
    """`call` must raise OSError with this errno."""
    try:
        call()
    except OSError as e:
        check_equal(e.errno, number, "errno")
        return
    check(False, "nothing was raised")


# --- kill -9 of the server
# ---------------------------------------------------------------------------

LEDGER = r'''
import sys
from multiprocessing.managers import BaseManager
class M(BaseManager): pass
M.register("get_task_queue"); M.register("get_result_queue"); M.register("platoon")
def say(*words):
    sys.stdout.write(" ".join(str(w) for w in words) + "\n")
    sys.stdout.flush()
try:
    m = M(address=("127.0.0.1", int(sys.argv[1])), authkey=sys.argv[2].encode())
    m.connect()
    tasks, results = m.get_task_queue(), m.get_result_queue()
    if sys.argv[3] == "put":
        i = int(sys.argv[5])
        while True:
            tasks.put("%s %d" % (sys.argv[4], i))
            say("put", sys.argv[4], i)
            i += 1
    p = m.platoon()
    while sys.argv[3] == "ids":
        for row in p.lease("get_task_queue", 3, 5.0):
            task, owned = row["value"], {"task": row["task"], "lease": row["lease"]}
            how = ("complete", "fail", "release")[row["task"] % 3 if row["attempt"] == 1 else 0]
            if how == "fail":
                if p.fail([dict(owned, kind="exit", message=task)]) == ["recorded"]:
                    say("failed", task)
            elif how == "release":
                p.release([row["lease"]])
                say("released", task)
            elif p.complete([dict(owned, value=task + " done")]) == ["recorded"]:
                say("done", task)
    while True:
        task = tasks.get()
        say("took", task)
        results.put(task + " done")
        say("done", task)
except (EOFError, ConnectionError):
    sys.exit(3)
'''


class Crew(threading.Thread):
    """One client after another in the same role, each until the server dies under it; keeps the ledger."""

    def __init__(self, store, argv, role, name=""):
        super().__init__(daemon=True)
        self.store, self.argv, self.role, self.name_of = store, argv, role, name
        self.ledger = []
        self.problems = []
        self.is_ending = False
        self.process = None
        self.lock = threading.Lock()

    def run(self):
        first = 0
        while True:
            more = [self.name_of, str(first)] if self.role == "put" else []
            with self.lock:
                if self.is_ending:
                    return
                # Not a support.Process: those belong to the main thread.
                self.process = subprocess.Popen(
                    [*self.argv, str(self.store.port), KEY, self.role, *more], stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, env=support.clean_env(), cwd=str(self.store.t.tmp))
            out, err = self.process.communicate()
            self.ledger += out.decode().splitlines()
            if self.process.returncode not in (3, -signal.SIGKILL):
                self.problems.append("%s ended with %s: %s"
                                     % (self.argv[0], self.process.returncode, err.decode()[-800:]))
                return
            first += 1000000  # never a number again: a put without an answer may have happened

    def end(self):
        with self.lock:
            self.is_ending = True
            if self.process and self.process.poll() is None:
                self.process.kill()
        self.join(20)


def crews_on(store):
    newest, oldest = support.pythons()[-1].path, support.pythons()[0].path
    c = program("ledgertool")
    return [Crew(store, [newest, "-c", LEDGER], "put", "new"), Crew(store, [c], "put", "c"),
            Crew(store, [oldest, "-c", LEDGER], "put", "old"), Crew(store, [newest, "-c", LEDGER], "work"),
            Crew(store, [oldest, "-c", LEDGER], "work"), Crew(store, [c], "work"),
            Crew(store, [newest, "-c", LEDGER], "ids")]


def words(lines, verb):
    """What followed `verb`, of whole lines: a killed client may have left half of its last."""
    return [line[len(verb) + 1:] for line in lines if re.fullmatch(verb + r" \w+ \d+", line)]


def check_ledger(store, crews):
    """Everything that was acknowledged is there; nothing is there twice, or was never put. A task that failed has its
    failure on the result queue; one that was given back, in whatever moment, is there like any other."""
    for crew in crews:
        check(not crew.problems, "; ".join(crew.problems))
    puts = [w for crew in crews for w in words(crew.ledger, "put")]
    took = {w for crew in crews for w in words(crew.ledger, "took")}
    done = {w for crew in crews for w in words(crew.ledger, "done")}
    m = store.connect()
    left, results = drain(m.get_task_queue()), drain(m.get_result_queue())
    failures = [r["platoon_error"]["message"] for r in results if isinstance(r, dict)]
    results = [r for r in results if not isinstance(r, dict)]
    told = {w for crew in crews for w in words(crew.ledger, "failed")}
    check(len(told) > 10, "hardly any failures: %d" % len(told))
    check_equal(len(failures), len(set(failures)), "failures on the result queue, once each")
    lost = told - set(failures)
    check(not lost, "%d acknowledged failures are not there: %r" % (len(lost), sorted(lost)[:5]))
    texts = {text[:-len(" done")] for text in results}
    check(len(puts) > 100 and len(done) > 100, "hardly anything happened: %d puts, %d results" % (len(puts), len(done)))
    check_equal(len(puts), len(set(puts)), "puts in the ledger, once each")
    lost = set(puts) - set(left) - texts - set(failures)
    check(not lost, "%d acknowledged tasks are nowhere: %r" % (len(lost), sorted(lost)[:5]))
    lost = done - texts
    check(not lost, "%d acknowledged results are not there: %r" % (len(lost), sorted(lost)[:5]))
    twice = store.sql("SELECT result_of, count(*) FROM task WHERE result_of > 0 GROUP BY 1 HAVING count(*) > 1")
    check_equal(twice, [], "tasks with more than one result by id")
    check_equal(len(left), len(set(left)), "waiting tasks, once each")
    invented = (set(left) | texts | set(failures)) - set(puts)
    per_life = {}
    for word in invented:  # a put that was not answered may have happened: the first after the last of that life
        name, number = word.split()
        per_life.setdefault((name, int(number) // 1000000), []).append(int(number))
    known = {}
    for word in puts:
        name, number = word.split()
        known.setdefault((name, int(number) // 1000000), []).append(int(number))
    for life, numbers in per_life.items():
        after = max(known.get(life, [life[1] * 1000000 - 1])) + 1
        check_equal(numbers, [after], "tasks that nobody was told of, of %r" % (life,))
    for name in {word.split()[0] for word in left}:
        numbers = [int(word.split()[1]) for word in left if word.split()[0] == name]
        check_equal(numbers, sorted(numbers), "order of the tasks of one client")
    print("   %d puts, %d taken, %d results, %d failures acknowledged; %d tasks left, %d results, "
          "%d failures (seed %d)" % (len(puts), len(took), len(done), len(told), len(left), len(results), len(failures), SEED))


def kill_at_random(t, *options, kills=KILLS, prefix=()):
    rng = random.Random(SEED)
    store = Store(t, "--worker-lease", "3", *options).start(prefix=prefix)
    crews = crews_on(store)
    for crew in crews:
        crew.start()
    for _ in range(kills):
        # A moment to be killed at, not a wait for anything.
        threading.Event().wait(rng.uniform(0.05, 0.8) * support.SLOWDOWN)
        store.kill()
        store.start(prefix=prefix)
    t.eventually(lambda: sum(c.process is not None for c in crews) == len(crews), "all clients were started")
    for crew in crews:
        crew.end()
    store.kill()
    store.start()
    by_id = "SELECT count(*) FROM task WHERE state = 1 AND lease_ms > 0"
    t.eventually(lambda: store.sql(by_id) == [(0,)], "leases by id have run out")
    check_ledger(store, crews)
    check_equal(store.sql("PRAGMA integrity_check"), [("ok",)], "integrity_check")
    store.stop()


@test(timeout=240)
def acknowledged_puts_and_results_survive_kill_9_of_the_server(t):
    kill_at_random(t)


@test(timeout=240)
def they_survive_at_durability_power_too(t):
    kill_at_random(t, "--durability", "power", kills=max(3, KILLS // 3))


SYNCS_AND_SENDS = "trace=fdatasync,fsync,sendto,sendmsg,write,writev"


def strace():
    path = shutil.which("strace")
    if not path:
        skip("strace is not here")
    probe = subprocess.run([path, "-f", "-o", "/dev/null", "true"], stderr=subprocess.PIPE, check=False)
    if probe.returncode:
        skip("strace cannot attach: %s" % probe.stderr.decode().strip()[-200:])
    return path


@test(timeout=120)
def at_power_the_reply_leaves_after_the_sync(t):
    tracer = strace()
    trace = t.tmp / "trace"
    store = Store(t, "--durability", "power").start(
        prefix=[tracer, "-f", "-o", trace, "-e", SYNCS_AND_SENDS])
    tasks = store.connect().get_task_queue()
    for i in range(20):
        tasks.put("payload-number-%d" % i)
    os.kill(int(subprocess.check_output(["pgrep", "-P", str(store.server.pid)]).split()[0]), signal.SIGTERM)
    store.server.wait()
    syncs, replies = [], []
    for at, line in enumerate(open(trace, errors="replace")):
        if re.search(r"\b(fdatasync|fsync)(\(\d+\)| resumed>\)) += 0", line):
            syncs.append(at)
        elif "#RETURN" in line:
            replies.append(at)
    check(len(replies) >= 20, "only %d replies in the trace" % len(replies))
    puts = replies[-20:]
    for before, after in zip([replies[-21]] + puts, puts):
        check(any(before < s < after for s in syncs), "a reply at line %d with no sync since line %d" % (after, before))


@test(timeout=60)
def at_process_no_reply_waits_for_a_sync(t):
    tracer = strace()
    trace = t.tmp / "trace"
    store = Store(t).start(prefix=[tracer, "-f", "-o", trace, "-e", SYNCS_AND_SENDS])
    tasks = store.connect().get_task_queue()
    at = trace.stat().st_size
    for i in range(20):
        tasks.put(i)
    check("sync(" not in trace.read_text(errors="replace")[at:], "a put was synced")
    os.kill(int(subprocess.check_output(["pgrep", "-P", str(store.server.pid)]).split()[0]), signal.SIGTERM)
    store.server.wait()


# --- full disk, failing disk
# -------------------------------------------------------------------------

@test(timeout=120)
def a_full_disk_refuses_tasks_takes_results_and_recovers(t):
    mounted = t.tmp / "small"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(mounted)], stderr=subprocess.PIPE,
                      check=False).returncode:
        skip("no right to mount a small tmpfs: run as root, or `unshare -rm` this script")
    try:
        full_disk(t, mounted)
    finally:
        for p in t.processes:
            p.kill()
        subprocess.run(["umount", str(mounted)], check=True)


def full_disk(t, mounted):
    store = Store(t, data=mounted / "data").start()
    m = store.connect()
    tasks, results = m.get_task_queue(), m.get_result_queue()
    block, kept = b"x" * 20000, []
    while True:
        try:
            tasks.put((len(kept), block))
            kept.append(len(kept))
        except OSError as e:
            check_equal(e.errno, errno.ENOSPC, "errno")
            break
        check(len(kept) < 1000, "12 MB were never full")
    check(len(kept) > 50, "full after %d puts of 20 kB" % len(kept))
    store.server.wait_line("store full: the disk of the data folder has no room left", stream="stderr")
    refused_with(lambda: tasks.put("small"), errno.ENOSPC)
    done = []
    for _ in range(10):  # gets go on, results are taken
        number = tasks.get(True, 10)[0]
        results.put("result of %d" % number)
        done.append(number)
    check_equal(done, kept[:10], "what was handed out")
    store.kill()
    store.start()
    m = store.connect()
    tasks, results = m.get_task_queue(), m.get_result_queue()
    check_equal(drain(results), ["result of %d" % i for i in done], "results kept on the full disk")
    store.kill()
    subprocess.run(["mount", "-o", "remount,size=80m", str(mounted)], check=True)
    store.start()
    m = store.connect()
    m.get_task_queue().put(("last", b""))
    check_equal([v[0] for v in drain(m.get_task_queue())], kept[10:] + ["last"], "tasks after all")
    store.stop()


@test(timeout=120)
def a_disk_with_room_again_takes_tasks_without_a_restart(t):
    mounted = t.tmp / "small"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", str(mounted)], stderr=subprocess.PIPE,
                      check=False).returncode:
        skip("no right to mount a small tmpfs: run as root, or `unshare -rm` this script")
    try:
        for durability in ("process", "power"):
            store = Store(t, "--durability", durability, data=mounted / durability).start()
            tasks = store.connect().get_task_queue()
            tasks.put("first")
            ballast = mounted / "ballast"
            with open(ballast, "wb") as f:
                try:
                    while True:
                        f.write(b"x" * 65536)
                        f.flush()
                except OSError:
                    pass
            while True:
                try:
                    tasks.put(b"y" * 5000)
                except OSError as e:
                    check_equal(e.errno, errno.ENOSPC, "errno")
                    break
            ballast.unlink()
            store.server.wait_line("store has room again", stream="stderr")
            tasks.put("last")
            store.kill()
            store.start()
            left = drain(store.connect().get_task_queue())
            check_equal([left[0], left[-1]], ["first", "last"], "ends of the queue (%s)" % durability)
            store.kill()
            shutil.rmtree(mounted / durability)
    finally:
        for p in t.processes:
            p.kill()
        subprocess.run(["umount", str(mounted)], check=True)


def failing_medium(t, inject, *options):
    """Puts until the medium fails; then errors, then a restart with all that was acknowledged."""
    tracer = strace()
    store = Store(t, *options).start(prefix=[tracer, "-f", "-qq", "-o", "/dev/null", "-e",
                                             "trace=" + inject.split(":")[0], "-e", "inject=" + inject])
    tasks = store.connect().get_task_queue()
    kept = []
    try:
        for i in range(100000):
            tasks.put(i)
            kept.append(i)
    except OSError as e:
        check_equal(e.errno, errno.EIO, "errno")
    store.server.wait_line("store failed: .*Nothing more is promised", stream="stderr")
    refused_with(lambda: tasks.put("more"), errno.EIO)
    refused_with(lambda: tasks.get(False), errno.EIO)
    pid = int(subprocess.check_output(["pgrep", "-P", str(store.server.pid)]).split()[0])
    os.kill(pid, signal.SIGKILL)
    store.server.wait()
    store.start()
    left = drain(store.connect().get_task_queue())
    check_equal(left[:len(kept)], kept, "tasks after the restart")
    check(len(left) <= len(kept) + 1, "%d tasks came from nowhere" % (len(left) - len(kept)))
    store.stop()


@test(timeout=120)
def a_failed_sync_is_told_and_nothing_more_is_promised(t):
    failing_medium(t, "fdatasync:error=EIO:when=30+", "--durability", "power")


@test(timeout=120)
def a_failed_write_is_told_and_nothing_more_is_promised(t):
    failing_medium(t, "pwrite64:error=EIO:when=200+")


# --- what is refused at the start
# --------------------------------------------------------------------

def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_refused(store, *parts, exit_code=1):
    """It refuses with a sentence and leaves the file as it was."""
    path = store.data / "platoon.db"
    before, names = digest(path), sorted(os.listdir(store.data))
    code, err = store.refused()
    check_equal(code, exit_code, "exit code; it said %r" % err)
    for part in parts:
        check_in(part, err, "what it said")
    check_equal(digest(path), before, "sha256 of the file")
    extra = set(os.listdir(store.data)) - set(names) - {"lock", "authkey"}
    check_equal(extra, set(), "files that it made")


@test
def a_foreign_file_is_refused_and_not_touched(t):
    store = Store(t)
    store.data.mkdir()
    (store.data / "platoon.db").write_text("a shopping list, long enough to be no header\n")
    check_refused(store, "is no store of Platoon's", "--data", exit_code=2)
    (store.data / "platoon.db").unlink()
    db = sqlite3.connect(str(store.data / "platoon.db"))
    db.execute("CREATE TABLE mine(x)")
    db.commit()
    db.close()
    check_refused(store, "none of Platoon's", "--data", exit_code=2)


@test
def a_newer_file_is_refused_and_not_touched(t):
    store = Store(t).start()
    store.connect().get_task_queue().put("kept")
    store.stop()
    db = sqlite3.connect(str(store.data / "platoon.db"))
    db.execute("PRAGMA user_version=99")
    db.commit()
    db.close()
    check_refused(store, "written by a newer Platoon (schema 99")


@test
def a_damaged_file_is_refused_and_not_touched(t):
    store = Store(t).start()
    tasks = store.connect().get_task_queue()
    for i in range(300):
        tasks.put("x" * 500)
    store.stop()
    with open(store.data / "platoon.db", "r+b") as f:
        f.seek(0, 2)
        for at in range(4096, f.tell(), 700):
            f.seek(at)
            f.write(b"damage damage damage")
    check_refused(store, "damaged")


@test
def a_folder_in_use_is_refused_with_the_pid_of_its_server(t):
    store = Store(t).start()
    first = store.server
    store.port = support.free_port()
    code, err = store.refused()
    check_equal(code, 1, "exit code")
    check_in("in use by another server (pid %d)" % first.pid, err)
    first.stop()


@test
def a_read_only_folder_is_refused_with_a_sentence(t):
    mounted = t.tmp / "ro"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,ro", "none", str(mounted)], stderr=subprocess.PIPE,
                      check=False).returncode:
        skip("no right to mount a tmpfs: run as root, or `unshare -rm` this script")
    try:
        code, err = Store(t, data=mounted / "data").refused()
        check_equal(code, 1, "exit code")
        check_in("Read-only file system", err)
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


# --- restarts
# ----------------------------------------------------------------------------------------

@test
def a_start_says_what_it_found_and_fresh_forgets_it(t):
    store = Store(t).start()
    m = store.connect()
    tasks, results = m.get_task_queue(), m.get_result_queue()
    for i in range(3):
        tasks.put(i)
    results.put(tasks.get() * 10)
    store.kill()
    store.start()
    store.server.wait_line(r"2 tasks?, 1 results? waiting from before")
    m = store.connect()
    check_equal((drain(m.get_task_queue()), drain(m.get_result_queue())), ([1, 2], [0]), "what waited")
    store.kill()
    store.start("--fresh")
    m = store.connect()
    check_equal((m.get_task_queue().qsize(), m.get_result_queue().qsize()), (0, 0), "lengths after --fresh")
    check_equal(store.sql("SELECT count(*) FROM task"), [(0,)], "rows after --fresh")
    store.stop()


@test
def a_lease_of_before_fresh_ends_no_task_of_after(t):
    """Numbers of tasks begin anew then; leases do not."""
    store = Store(t).start()
    p = store.connect().platoon()
    before, = p.put_many("get_task_queue", ["before"])
    row, = p.lease("get_task_queue", 1)
    for options in ((), ("--fresh",)):
        store.kill()
        store.start(*options)
    m = store.connect()
    p = m.platoon()
    check_equal(p.put_many("get_task_queue", ["after"]), [before], "its number")
    taken, = p.lease("get_task_queue", 1)
    check(taken["lease"] != row["lease"], "the same lease")
    check_equal(p.renew([row["lease"]]), ["lost"], "renew")
    check_equal(p.complete([{"task": before, "lease": row["lease"], "value": "late"}]), ["gone"], "complete")
    check_equal(p.complete([{"task": before, "lease": taken["lease"], "value": "right"}]), ["recorded"], "complete")
    check_equal(drain(m.get_result_queue()), ["right"], "results")
    store.stop()


@test
def private_pairs_are_found_by_name_after_a_restart(t):
    store = Store(t).start()
    m = store.connect()
    m.get_task_queue("run7").put("of run7")
    m.get_task_queue("run8").put("of run8")
    store.kill()
    store.start()
    m = store.connect()
    task = m.get_task_queue("run7").get(True, 10)
    check_equal(task, "of run7", "task of run7")
    m.get_result_queue("run7").put("result")
    store.kill()
    store.start()
    m = store.connect()
    check_equal(drain(m.get_result_queue("run7")), ["result"], "results of run7")
    check_equal(drain(m.get_task_queue("run8")), ["of run8"], "tasks of run8")
    check_equal(drain(m.get_result_queue("run8")), [], "results of run8")
    store.stop()


@test
def results_that_were_read_stay_until_they_are_purged(t):
    store = Store(t).start()
    m = store.connect()
    m.get_task_queue().put("work")
    m.get_result_queue().put(m.get_task_queue().get() + " done")
    check_equal(drain(m.get_result_queue()), ["work done"], "what the master read")
    # That it was read is written a moment later; until then a crash would hand it out again.
    t.eventually(lambda: store.sql("SELECT count(*) FROM task WHERE state = 2") == [(2,)], "the reading is on disk")
    store.kill()
    store.start()
    check_in("work done", store.ask("results", "--format", "jsonl").stdout)
    m = store.connect()
    check_equal(drain(m.get_result_queue()), [], "it is not handed out again")
    store.ask("purge", "--yes")
    check_equal(store.sql("SELECT count(*) FROM task WHERE state IN (2, 3)"), [(0,)], "ended tasks after purge")
    store.kill()
    store.start()
    m = store.connect()
    m.get_task_queue().put("next")
    check(store.sql("SELECT min(id) FROM task")[0][0] > 2, "a purged task's number was given again")
    store.stop()


@test(timeout=120)
def values_beyond_the_limit_of_memory_stay_on_disk(t):
    count, size = 600, 100000
    store = Store(t, "--max-memory", "4M").start()
    tasks = store.connect().get_task_queue()
    body = os.urandom(size)
    for i in range(count):
        tasks.put((i, body))
    kb = store.server.memory_kb()
    check(kb < 45000 * max(1, support.SLOWDOWN), "%d kB resident with %d kB waiting" % (kb, count * size // 1000))
    store.kill()
    store.start()
    kb = store.server.memory_kb()
    check(kb < 45000 * max(1, support.SLOWDOWN), "%d kB resident after the restart" % kb)
    tasks = store.connect().get_task_queue()
    for i in range(count):
        number, value = tasks.get(True, 20)
        check_equal(number, i, "number of the task")
        check(value == body, "the value of task %d came back wrong" % i)
    print("   %d kB resident, %d kB waiting" % (kb, count * size // 1000))
    store.stop()


@test
def more_bytes_than_the_queue_may_hold_are_refused(t):
    store = Store(t, "--max-queue-bytes", "100K").start()
    m = store.connect()
    tasks, results = m.get_task_queue(), m.get_result_queue()
    for _ in range(9):
        tasks.put(b"x" * 10000)
    refused_with(lambda: tasks.put(b"x" * 20000), errno.ENOSPC)
    results.put(b"y" * 50000)  # a result is never turned away
    tasks.get()
    tasks.put(b"x" * 10000)
    store.stop()


@test(timeout=120)
def a_backup_under_load_is_a_store_that_starts_elsewhere(t):
    store = Store(t).start()
    crews = crews_on(store)
    for crew in crews:
        crew.start()
    t.eventually(lambda: store.sql("SELECT count(*) FROM task")[0][0] > 500, "500 tasks were put")
    copy = t.tmp / "elsewhere" / "platoon.db"
    copy.parent.mkdir()
    t.platoon("backup", copy, "--data", store.data)
    for crew in crews:
        crew.end()
    store.stop()
    other = Store(t, data=copy.parent).start()
    check_equal(other.sql("PRAGMA integrity_check"), [("ok",)], "integrity_check of the copy")
    n, distinct = other.sql("SELECT count(result_of), count(DISTINCT result_of) FROM task")[0]
    check_equal(n, distinct, "results by id, once each")
    check_equal(other.sql("SELECT count(*) FROM task WHERE result_of NOT IN (SELECT id FROM task)"), [(0,)],
                "results of tasks that are not there")
    m = other.connect()
    left = drain(m.get_task_queue())
    check_equal(len(left), len(set(left)), "tasks of the copy, once each")
    m.get_task_queue().put("and it goes on")
    other.stop()


# --- our agent
# ---------------------------------------------------------------------------------------

class Agent(Process):
    """`platoon work` on commands that wait for the file `go`, and note that they ran."""

    def __init__(self, t, store, slots=2):
        self.ran = t.tmp / "ran"
        self.go = t.tmp / "go"
        script = t.file("task.sh", 'echo "$1" >>%s\nwhile [ ! -e %s ]; do sleep 0.05; done\necho "\\"answer $1\\""\n'
                        % (self.ran, self.go))
        super().__init__(t, [program("platoon"), "work", "127.0.0.1:%d" % store.port, "--authkey-file", store.keyfile(),
                             "--slots", slots, "--work-dir", t.tmp / "work", "--stop-grace", "5", "--runner", "command",
                             "--", "/bin/sh", script, "{n}"])

    def started(self):
        return sorted(self.ran.read_text().split()) if self.ran.exists() else []


def agent_with_two_running(t, *options):
    store = Store(t, *options).start()
    tasks = store.connect().get_task_queue()
    for i in range(4):
        tasks.put({"n": i})
    agent = Agent(t, store)
    t.eventually(lambda: agent.started() == ["0", "1"], "two tasks run")
    # A claim is written within a second; one that is not yet written may come again.
    t.eventually(lambda: store.sql("SELECT count(*) FROM task WHERE state = 1") == [(2,)], "the leases are on disk")
    return store, agent


def answers(t, store, n):
    results = store.connect().get_result_queue()
    return [results.get(True, 40) for _ in range(n)]


@test(timeout=120)
def simulations_outlive_their_server_and_are_not_run_twice(t):
    store, agent = agent_with_two_running(t, "--worker-lease", "20")
    for _ in range(3):
        store.kill()
        store.start()
        t.eventually(lambda: store.sql("SELECT count(*) FROM task WHERE state = 1") == [(2,)], "the leases are held")
    store.kill()
    agent.go.touch()  # they end while there is no server
    store.start()
    found = answers(t, store, 4)
    check_equal(len(found), 4, "results")
    check_equal(agent.started(), ["0", "1", "2", "3"], "runs")
    twice = store.sql("SELECT result_of, count(*) FROM task WHERE result_of > 0 GROUP BY 1 HAVING count(*) > 1")
    check_equal(twice, [], "results recorded twice")
    check_equal(agent.stop(), 0, "exit code of the agent")
    store.stop()


@test(timeout=120)
def a_killed_agents_tasks_come_back_after_the_lease_time(t):
    store, agent = agent_with_two_running(t, "--worker-lease", "2")
    agent.kill()
    tasks = store.connect().get_task_queue()
    numbers = [tasks.get(True, 30)["n"] for _ in range(4)]
    check_equal(sorted(numbers), [0, 1, 2, 3], "tasks that came back")
    store.stop()


def leased_on_disk(t, store, attempts=1):
    """Put a task and let its lease run out until the last of `attempts`; that one's row, once the file has it."""
    m = store.connect()
    m.get_task_queue().put("work")
    for _ in range(attempts):
        row, = m.platoon().lease("get_task_queue", 1, 20)
    check_equal(row["attempt"], attempts, "attempts")
    on_disk = "SELECT count(*) FROM task WHERE state = 1 AND attempts_lost = ?"
    t.eventually(lambda: store.sql(on_disk, attempts - 1) == [(1,)], "the lease is on disk")
    return row


@test
def a_lease_of_before_runs_out_though_nobody_asks_for_work_by_id(t):
    store = Store(t, "--worker-lease", "1").start()
    leased_on_disk(t, store, attempts=4)
    store.kill()
    store.start()
    check_equal(store.connect().get_task_queue().get(True, 20), "work", "what a dead holder had")
    store.stop()


@test
def a_failure_at_the_last_attempt_is_told_with_its_own_kind(t):
    """It ends the task, and is no death that is told by a second step: no crash can make it a `lost` one."""
    store = Store(t).start()
    store.connect().get_task_queue().put("work")
    store.stop()
    db = sqlite3.connect(str(store.data / "platoon.db"))
    with db:
        db.execute("UPDATE task SET attempts_lost = 4")  # instead of four workers that are lost, at a second each
    db.close()
    store.start()
    p = store.connect().platoon()
    row, = p.lease("get_task_queue", 1, 20)
    check_equal(row["attempt"], 5, "attempt")
    error = {"kind": "exit", "message": "the program ended with code 3", "exit": 3, "stderr_tail": ""}
    check_equal(p.fail([{"task": row["task"], "lease": row["lease"], "error": error}]), ["recorded"], "fail")
    store.kill()
    store.start()
    told = drain(store.connect().get_result_queue())
    check_equal([r["platoon_error"]["kind"] for r in told], ["exit"], "what the master is told")
    check_equal(store.sql("SELECT state, has_failure_value FROM task WHERE id = ?", row["task"]), [(3, 0)], "in the file")
    store.stop()


@test
def a_last_lease_of_before_that_runs_out_is_told_as_a_failure(t):
    store = Store(t, "--worker-lease", "1").start()
    row = leased_on_disk(t, store, attempts=5)
    store.kill()
    store.start()
    expected = ("work", row["task"], "lost")

    def told():
        lost = store.connect().get_result_queue().get(True, 20)
        return lost["task"], lost["task_id"], lost["platoon_error"]["kind"]

    check_equal(told(), expected, "lost")
    store.stop()
    # The file as a server leaves it that is killed after it wrote the death and before it wrote what the master is told.
    db = sqlite3.connect(str(store.data / "platoon.db"))
    with db:
        db.execute("UPDATE task SET has_failure_value = 0, result = NULL WHERE id = ?", (row["task"],))
        db.execute("DELETE FROM value WHERE task IN (SELECT id FROM task WHERE result_of = ?)", (row["task"],))
        db.execute("DELETE FROM task WHERE result_of = ?", (row["task"],))
    db.close()
    store.start()
    check_equal(told(), expected, "told by the next server")
    store.kill()
    store.start()
    check_equal(store.sql("SELECT count(*) FROM task WHERE result_of = ?", row["task"]), [(1,)], "and not again after")
    check_equal(store.sql("SELECT state, attempts_lost, has_failure_value FROM task WHERE id = ?", row["task"]),
                [(5, 5, 1)], "state, attempts, told")
    store.stop()


@test
def a_completion_that_comes_twice_is_recorded_once(t):
    store = Store(t).start()
    m = store.connect()
    m.get_task_queue().put("work")
    p = m.platoon()
    row = p.lease("get_task_queue", 1)[0]
    done = {"task": row["task"], "lease": row["lease"], "value": "first"}
    p.complete([done])
    store.kill()
    store.start()
    m = store.connect()
    m.platoon().complete([dict(done, value="second")])
    check_equal(drain(m.get_result_queue()), ["first"], "results")
    store.stop()


class Calendar:
    """A wall clock for servers that can be set while they run. Durations stay true."""

    def __init__(self, t):
        shim = t.tmp / "calendar.so"
        t.run(["cc", "-shared", "-fPIC", "-o", shim, support.ROOT / "tests" / "tools" / "preload" / "calendar.c"])
        self.file = t.tmp / "calendar"
        self.set(0)
        self.prefix = ["env", "LD_PRELOAD=%s" % shim, "CALENDAR_FILE=%s" % self.file,
                       "ASAN_OPTIONS=verify_asan_link_order=0"]

    def set(self, days):
        fresh = self.file.with_suffix(".new")
        fresh.write_text("%d\n" % days)
        fresh.rename(self.file)  # a server that reads it now finds the old or the new


@test
def a_wall_clock_that_jumps_ends_no_lease_and_keeps_none(t):
    calendar = Calendar(t)
    store = Store(t, "--worker-lease", "2").start(prefix=calendar.prefix)
    m = store.connect()
    p = m.platoon()
    m.get_task_queue().put("work")
    for days in (10, -20):
        row = p.lease("get_task_queue", 1)[0]
        calendar.set(days)
        check_equal(p.renew([row["lease"]]), ["held"], "after a jump of %+d days" % days)
        check_equal(m.get_task_queue().get(True, 30), "work", "once the lease has run out")
        m.get_task_queue().put("work")
        # One was put before the jump, one after it.
        (after,), (before,) = store.sql("SELECT created_ms FROM task ORDER BY id DESC LIMIT 2")
        check(abs(after - before) > 5 * 86400e3, "the server's clock did jump")
    store.stop()


@test
def a_lease_outlives_a_restart_on_another_day(t):
    for days in (10, -10):
        calendar = Calendar(t)
        store = Store(t, "--worker-lease", "20", data=t.tmp / ("data%d" % days)).start(prefix=calendar.prefix)
        row = leased_on_disk(t, store)
        store.kill()
        calendar.set(days)
        store.start(prefix=calendar.prefix)
        p = store.connect().platoon()
        check_equal(p.renew([row["lease"]]), ["held"], "after a restart %+d days later" % days)
        check_equal(p.complete([{"task": row["task"], "lease": row["lease"], "value": 1}]), ["recorded"], "its end")
        store.stop()


if __name__ == "__main__":
    support.main()

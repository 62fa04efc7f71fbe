# SPDX-License-Identifier: Apache-2.0
"""What operators type: each verb for people and for programs (--json), on a server in memory and on a durable one."""
import csv
import io
import json
import signal
import sys

import support
from support_store import Manager, Store, drain
from support import AUTHKEY, Server, check, check_equal, check_in, program, test


LEAVE = """
import sys
from multiprocessing.managers import BaseManager
class M(BaseManager): pass
M.register("get_task_queue")
m = M(address=("127.0.0.1", int(sys.argv[1])), authkey=sys.argv[2].encode())
m.connect()
assert m.get_task_queue().get() == "a message"
"""
DIE = LEAVE.replace("assert m.get_task_queue().get() == ", "import os; q = m.get_task_queue(); q.get(); os._exit(9) #")


class Farm:
    """A server with a known set of tasks: 1 done with a result, 2 leased by id, 3 abandoned, 4 and 5 queued."""

    def __init__(self, t, kind):
        self.t, self.kind = t, kind
        if kind == "memory":
            server = Server(t, "--memory")
            self.port, self.keyfile, self.stop = server.port, server.keyfile, server.stop
            self.m = Manager(address=("127.0.0.1", self.port), authkey=AUTHKEY)
            self.m.connect()
        else:
            store = Store(t).start()
            self.port, self.keyfile, self.stop = store.port, store.keyfile(), store.stop
            self.m = store.connect()
            self.store = store
        self.tasks, self.results, self.p = self.m.get_task_queue(), self.m.get_result_queue(), self.m.platoon()
        for n in (1, 2):
            self.tasks.put({"n": n})
        self.tasks.put("a message")  # 3: a plain one
        for n in (4, 5):
            self.tasks.put({"n": n})
        first = self.p.lease("get_task_queue", 1)[0]
        self.p.complete([dict(task=first["task"], lease=first["lease"], value={"mean": 0.1, "n": 1})])
        self.leased = self.p.lease("get_task_queue", 1)[0]
        self.leave_with_a_message()

    def leave_with_a_message(self):
        """A stock worker that leaves in good order with a plain message in hand: the message is set aside."""
        self.t.run([sys.executable, "-c", LEAVE, self.port, AUTHKEY.decode()])
        self.t.eventually(lambda: self.states().get(3) == "abandoned", "the message was set aside")

    def ask(self, *words, exit_code=0):
        return self.t.platoon(*words, "--server", "127.0.0.1:%d" % self.port, "--authkey-file", self.keyfile,
                              exit_code=exit_code)

    def json(self, *words, exit_code=0):
        return json.loads(self.ask(*words, "--json", exit_code=exit_code).stdout)

    def states(self):
        return {row["task"]: row["state"] for row in self.json("tasks")}


def on_both(function):
    for kind in ("memory", "durable"):
        test(lambda t, kind=kind: function(t, Farm(t, kind)), "%s[%s]" % (function.__name__, kind))
    return function


@on_both
def status_names_what_needs_attention_first(t, farm):
    out = farm.ask("status").stdout
    check(out.index("abandoned") < out.index("QUEUE"), "abandoned tasks do not come first: %s" % out)
    told = farm.json("status")
    check_equal(told["store"], "memory" if farm.kind == "memory" else "sqlite", "store")
    queue = [q for q in told["queues"] if q["name"] == "get_task_queue"][0]
    check_equal([queue[k] for k in ("queued", "leased", "done", "abandoned")], [2, 1, 1, 1], "counts")


@on_both
def tasks_lists_what_has_not_ended(t, farm):
    check_equal(farm.states(), {2: "leased", 3: "abandoned", 4: "queued", 5: "queued"}, "tasks")
    out = farm.ask("tasks").stdout
    check_equal([line.split()[0] for line in out.splitlines()[1:] if line.strip()], ["2", "3", "4", "5"], "rows")
    page = farm.json("tasks", "--state", "queued", "--limit", "1", "--after", "4")
    check_equal([r["task"] for r in page], [5], "a page")
    check_equal(farm.json("tasks", "--state", "abandoned")[0]["value"], "a message", "a value")
    check_in("there is no state 'lost'", farm.ask("tasks", "--state", "lost", exit_code=None).stderr)


@on_both
def explain_tells_who_holds_it_and_what_it_waits_for(t, farm):
    check_in("leased", farm.ask("explain", "2").stdout)
    check_in("abandoned", farm.ask("explain", "3").stdout)
    check_equal(farm.json("explain", "4")["state"], "queued", "state")
    check_in("this server has no task 99", farm.ask("explain", "99", exit_code=1).stderr)


@test
def explain_tells_the_history_of_what_has_ended(t):
    farm = Farm(t, "durable")
    out = farm.ask("explain", "1").stdout
    check_in("attempt 1: taken by", out)
    check_in("done", out)
    told = farm.json("explain", "1")
    check_equal((told["state"], [a["ending"] for a in told["attempts"]]), ("done", ["done"]), "its history")


@on_both
def results_come_as_table_csv_and_jsonl(t, farm):
    check_in("0.1", farm.ask("results").stdout)
    rows = list(csv.DictReader(io.StringIO(farm.ask("results", "--format", "csv").stdout)))
    check_equal([(r["task"], r["mean"]) for r in rows], [("1" if farm.kind == "durable" else "", "0.1")], "csv")
    lines = farm.ask("results", "--format", "jsonl").stdout.splitlines()
    check_equal([json.loads(line)["value"] for line in lines], [{"mean": 0.1, "n": 1}], "jsonl")


@on_both
def results_follow_what_comes(t, farm):
    p = t.start([program("platoon"), "results", "--follow", "--format", "jsonl", "--server", "127.0.0.1:%d" % farm.port,
                 "--authkey-file", farm.keyfile])
    p.wait_line(r'"mean": 0.1')
    farm.p.complete([dict(task=farm.leased["task"], lease=farm.leased["lease"], value={"late": True})])
    p.wait_line(r'"late": true')
    p.send_signal(signal.SIGINT)
    p.wait()


@on_both
def retry_puts_back_what_was_abandoned(t, farm):
    check_in("3 retried", farm.ask("retry", "3").stdout)
    check_equal(farm.states()[3], "queued", "state")
    check_equal(farm.json("retry", "3"), ["not-now"], "again")
    farm.leave_with_a_message()
    farm.ask("retry", "--all", "abandoned")
    check_equal(farm.tasks.get(True, 10), "a message", "the task at the front")


@on_both
def retry_of_a_done_task_must_be_meant(t, farm):
    drain(farm.results)
    if farm.kind != "durable":
        check_in("no such task", farm.ask("retry", "--again", "1", exit_code=1).stderr)
        return
    refusal = farm.ask("retry", "1", exit_code=1).stderr
    check_in("task 1: it is done", refusal)
    check_in("platoon retry --again", refusal)
    check_equal(farm.json("retry", "1"), ["done"], "for programs")
    check_in("--all takes abandoned, dead or failed", farm.ask("retry", "--all", "done", exit_code=2).stderr)
    check_in("1 retried", farm.ask("retry", "--again", "1").stdout)
    row, = farm.p.lease("get_task_queue", 1, 10)
    check_equal(row["task"], 1, "the task at the front")
    check_equal(farm.p.complete([dict(task=1, lease=row["lease"], value="once more")]), ["recorded"], "its second end")
    check_equal(drain(farm.results), ["once more"], "what its master hears")


@on_both
def release_is_for_stock_workers(t, farm):
    check_in("no stock worker holds it", farm.ask("release", "2", exit_code=1).stderr)
    check_equal(farm.json("release", "2"), ["not-held"], "for programs")
    check_equal(farm.tasks.get(True, 10), {"n": 4}, "a task taken by this process")
    check_in("4", farm.ask("release", "4").stdout)
    check_equal(farm.tasks.get(True, 10), {"n": 4}, "the same once more")


@on_both
def cancel_ends_a_task_and_its_master_hears_of_it(t, farm):
    check_in("4 cancelled", farm.ask("cancel", "--yes", "4").stdout)
    check_equal(farm.json("cancel", "--yes", "4"), ["already"], "again")
    check(4 not in farm.states(), "it is still there")
    failures = [r for r in drain(farm.results) if "platoon_error" in r]
    check_equal([(f["task_id"], f["platoon_error"]["kind"]) for f in failures], [(4, "cancelled")], "failure values")


@on_both
def dead_letters_are_listed_and_can_be_retried(t, farm):
    check_equal(farm.json("dead-letters"), [], "at first")
    for _ in range(5):
        t.run([sys.executable, "-c", DIE, farm.port, AUTHKEY.decode()], exit_code=9)
    t.eventually(lambda: farm.states().get(4) == "dead", "the task is dead")
    check_equal([r["task"] for r in farm.json("dead-letters")], [4], "dead letters")
    check_in("4", farm.ask("dead-letters").stdout)
    farm.ask("retry", "--all", "dead")
    check_equal(farm.json("dead-letters"), [], "after the retry")


@on_both
def workers_and_top_show_who_is_there(t, farm):
    check_in("MainProcess", farm.ask("workers").stdout)
    check(farm.json("workers"), "nothing for programs")
    p = t.start([program("platoon"), "top", "--every", "0.2", "--server", "127.0.0.1:%d" % farm.port, "--authkey-file",
                 farm.keyfile])
    p.wait_line("get_task_queue")
    p.send_signal(signal.SIGINT)
    p.wait()


@on_both
def purge_forgets_what_waits_and_leaves_what_runs(t, farm):
    check_in("forgot", farm.ask("purge", "--yes").stderr)
    check_equal(farm.states(), {2: "leased"}, "what is left")
    farm.p.complete([dict(task=2, lease=farm.leased["lease"], value="in time")])
    check_equal(drain(farm.results), ["in time"], "results")
    check("purged" in farm.json("purge", "--yes"), "nothing for programs")


if __name__ == "__main__":
    support.main()

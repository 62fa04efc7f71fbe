# SPDX-License-Identifier: Apache-2.0
"""System calls that the server makes for a request, counted by strace: the same on a busy machine as on an idle
one, so what bench/ can only measure is checked here. The client is clienttool's chapter `cycle`: put and get on one
connection.

The queue is a plain one. On a linked queue the chapter puts back the very dict that it has leased, which ends that
lease after the put: a second commit, and rightly so."""
import os
import re
import shutil
import signal

import support
from support import AUTHKEY, SLOWDOWN, Process, check, program, skip, test

# Enough that a checkpoint, a timer or a growing buffer among them does not show.
FEW, MANY = 20, 1020
CYCLES = MANY - FEW
# How often two threads meet is the scheduler's choice, and so are these.
UNSTABLE = {"futex", "sched_yield"}
SOME = 30  # calls that have nothing to do with the number of cycles: memory, the end of a connection


def calls_of(t, n, *store):
    """{name: count} of a server's whole life with n cycles."""
    keyfile, counts = t.file("authkey", AUTHKEY, mode=0o600), t.tmp / ("counts-%d" % n)
    server = Process(t, ["strace", "-c", "-f", "-o", counts, program("platoon"), "serve", "--listen", "127.0.0.1:0",
                         "--authkey-file", keyfile, "--no-default-queues", "--queue", "get_task_queue", *store])
    if server.wait_line(r"^platoon: listening on \S+:(\d+)$|ptrace|PTRACE", timeout=60).lastindex is None:
        skip("strace may not trace here")
    port = server.wait_line(r"^platoon: listening on \S+:(\d+)$", stream="stdout").group(1)
    t.run([program("clienttool"), port, AUTHKEY.decode(), "cycle", str(n)], timeout=120)
    for child in server.children():  # strace itself passes no signal on
        os.kill(child, signal.SIGTERM)
    server.wait(60)
    rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", counts.read_text(), re.M)
    calls = {name: int(count) for count, name in rows}
    calls["send"] = calls.pop("sendto", 0) + calls.pop("sendmsg", 0)  # one part or several: a send is a send
    return calls


def growth(t, *store):
    """{name: calls} that CYCLES more cycles added."""
    if not shutil.which("strace"):
        skip("no strace")
    if SLOWDOWN != 1:
        skip("a sanitizer makes calls of its own, and ASan's leak check does not run under strace")
    few, many = (calls_of(t, n, *(part.replace("COUNT", str(n)) for part in store)) for n in (FEW, MANY))
    return {name: many[name] - few.get(name, 0) for name in many if name not in UNSTABLE | {"total"}}


def check_calls(grown, most):
    """`most`: {name: calls a cycle}; what is not in it may not grow with the cycles."""
    for name, count in sorted(grown.items()):
        limit = most.get(name, 0) * CYCLES + SOME
        check(count <= limit, "%d cycles of put and get made %d calls of %s, more than %d; all: %r"
              % (CYCLES, count, name, limit, grown))


@test(timeout=180)
def a_request_is_a_wait_a_receive_and_a_send(t):
    grown = growth(t, "--memory")
    check_calls(grown, {"epoll_wait": 2, "recvfrom": 2, "send": 2})
    for name in ("recvfrom", "send"):
        check(grown.get(name, 0) >= 2 * CYCLES, "only %d calls of %s: what was counted?" % (grown.get(name, 0), name))


@test(timeout=240)
def a_durable_put_is_one_write_and_no_sync(t):
    grown = growth(t, "--data", str(t.tmp / "data-COUNT"))
    # The put's frame of the redo log. The database's thread writes for a hundred of them at a time, which is less than a
    # write each; it wakes the loop (`write`, `read`, epoll_wait) when it has done so, and the loop's timer does.
    check_calls(grown, {"epoll_wait": 2.2, "recvfrom": 2, "send": 2, "pwrite64": 2.5, "fcntl": 0.4, "pread64": 0.2,
                        "mprotect": 0.1, "read": 0.1, "write": 0.1, "timerfd_settime": 0.1})
    check(grown.get("pwrite64", 0) >= CYCLES, "only %d writes: what was counted?" % grown.get("pwrite64", 0))


if __name__ == "__main__":
    support.main()

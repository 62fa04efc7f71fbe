# SPDX-License-Identifier: Apache-2.0
"""Many tasks, and many clients that wait.

Farm: a stock master puts N tasks and reads N results; two stock workers do nothing in between. One
CPU.
put_many: a stock client fills a queue, by put_many in batches of 100 (ours) and by put, one at a
time (Python's server has nothing else).
Blocked clients: 1000 connections wait in get; the resident memory that each adds to the server (the
kernel's socket buffers are not in it). Wake-up: from the put until another connection's blocked get
has its answer, raw frames of the stock library; median."""
from kit import Row


def ask(bench):
    n = bench.size(2000)
    with bench.one_cpu():
        ours, theirs = bench.our_server(), bench.python_server()
        a, b = bench.stock_client(ours), bench.stock_client(theirs)
        for server in (ours, theirs):
            for _ in range(2):
                bench.stock_worker(server)
    a.ask("farm 200"), b.ask("farm 200")
    yield Row("farm, 2 stock workers: Python's server, 1 CPU", "tasks/s",
              *bench.in_turns(lambda: a.ask("farm %d" % n)["per_s"], lambda: b.ask("farm %d" % n)["per_s"]),
              more_is_better=True)
    yield Row("put_many of 100: put at Python's server, 1 CPU", "values/s",
              *bench.in_turns(lambda: a.ask("put_many %d 100" % n)["per_s"], lambda: b.ask("put %d" % n)["per_s"]),
              more_is_better=True)
    with bench.one_cpu():
        waiters = [bench.stock("blocked.py", server.port, bench.keyfile) for server in (ours, theirs)]
    for waiter in waiters:
        waiter.ask("wake 20")
    yield Row("wake-up of a blocked get: Python's server, 1 CPU", "us",
              *bench.in_turns(*[lambda w=w: w.ask("wake %d" % bench.size(200))["p50"] for w in waiters]))
    yield Row("memory of a blocked client: Python's server", "KiB",
              *bench.in_turns(*[lambda s=s: memory_each(bench, s()) for s in (bench.our_server, bench.python_server)]))


def memory_each(bench, server):
    """In a server of its own: memory that was used before would be used again."""
    n = bench.size(1000)
    waiter = bench.stock("blocked.py", server.port, bench.keyfile)
    waiter.ask("block 1")
    server.wait_until_idle()
    before = server.memory_kib()
    waiter.ask("block %d" % n)
    server.wait_until_idle()
    each = (server.memory_kib() - before) / n
    bench.end(waiter)
    bench.end(server)
    return each

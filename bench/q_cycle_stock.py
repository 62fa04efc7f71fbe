# SPDX-License-Identifier: Apache-2.0
"""Stock Python clients, the same on Python's server and ours (memory).

put+get: one client puts the tutorial's task on a queue and gets it back, one call after the other;
the median cycle.
Full cycle: a master puts a task, a stock worker takes it and puts a result, the master gets that;
on our server the task is leased to the worker meanwhile. All on one CPU."""
from kit import Row


def ask(bench):
    n = bench.size(2000)
    with bench.one_cpu():
        ours, theirs = bench.our_server(), bench.python_server()
        a, b = bench.stock_client(ours), bench.stock_client(theirs)
        for server in (ours, theirs):
            bench.stock_worker(server)
    for client in (a, b):
        client.ask("cycle 200")
        client.ask("full 200")
    for name, verb in (("put+get, stock client: Python's server, 1 CPU", "cycle"),
                       ("master->worker->master, stock: Python's server, 1 CPU", "full")):
        yield Row(name, "us", *bench.in_turns(lambda: a.ask("%s %d" % (verb, n))["p50"],
                                              lambda: b.ask("%s %d" % (verb, n))["p50"]))

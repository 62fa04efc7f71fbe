# SPDX-License-Identifier: Apache-2.0
"""How long a client needs until its first call is answered: connect(), two queue proxies, qsize().

Each is a manager of its own, as a new program makes it; starting the interpreter is not counted.
Stock client and C client against Python's server and ours, on one CPU."""
from kit import Row


def ask(bench):
    few, many = bench.size(10), bench.size(100)
    with bench.one_cpu():
        ours, theirs = bench.our_server(), bench.python_server()
        stock = [bench.stock_client(server) for server in (ours, theirs)]
        c = [bench.c_client(server) for server in (ours, theirs)]
    yield Row("open, stock client: Python's server, 1 CPU", "ms",
              *bench.in_turns(lambda: stock[0].ask("open %d" % many)["p50"],
                              lambda: stock[1].ask("open %d" % few)["p50"]))
    yield Row("open, C client: Python's server, 1 CPU", "ms",
              *bench.in_turns(lambda: c[0].ask("open %d" % many)["p50"] / 1e3,
                              lambda: c[1].ask("open %d" % few)["p50"] / 1e3))

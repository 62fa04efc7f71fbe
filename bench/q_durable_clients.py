# SPDX-License-Identifier: Apache-2.0
"""Puts a second by 1, 10 and 100 C clients at once (one put at a time each) at both levels of durability,
beside a program that does nothing but commit rows of the same size to SQLite, as many a transaction as
there are clients (what one commit of ours can gather), and beside a bare fdatasync for as many. And
one stock client that puts, at `process`, beside Python's own server, which keeps nothing. All CPUs."""
import tempfile

from kit import BUILD, Row, Tool

CLIENTS = (1, 10, 100)
PUTS = {"process": 20000, "power": 2000}


def puts(bench, level, clients):
    return bench.size(PUTS[level]) * (1 if clients == 1 else 4)


def ask(bench):
    disk = Tool(bench, BUILD / "bench" / "disk", tempfile.mkdtemp(dir=bench.tmp))
    for level in PUTS:
        client = bench.c_client(bench.our_server(durability=level))
        for clients in CLIENTS:
            n = puts(bench, level, clients) // clients * clients
            ours, sqlite, sync = bench.in_turns(lambda: client.ask("puts %d %d" % (n, clients))["per_s"],
                                                lambda: disk.ask("sqlite %s %d %d" % (level, n, clients))["per_s"],
                                                lambda: disk.ask("sync %d %d" % (n, clients))["per_s"])
            name = "puts by %d clients at %s: " % (clients, level)
            yield Row(name + "SQLite alone", "puts/s", ours, sqlite, more_is_better=True)
            if level == "power":
                yield Row(name + "fdatasync alone", "puts/s", ours, sync, more_is_better=True)
    n = bench.size(5000)
    kept, gone = (bench.stock_client(s) for s in (bench.our_server(durability="process"), bench.python_server()))
    ours, theirs = bench.in_turns(lambda: kept.ask("put %d" % n)["per_s"], lambda: gone.ask("put %d" % n)["per_s"])
    yield Row("puts of a stock client at process: Python's server in memory", "puts/s", ours, theirs,
              more_is_better=True)

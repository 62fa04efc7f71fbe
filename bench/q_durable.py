# SPDX-License-Identifier: Apache-2.0
"""What durability costs: a C client puts (and gets) the tutorial's task, one call at a time, with our
server's store in a data folder at the levels `process` (survives kill -9 of the server) and `power`
(each put waits for the disk), beside the same with the store in memory; the median put. One CPU.
put_many: 100 values a call share one commit. And a stock client that puts at `process`, beside Python's
own server, which keeps nothing: the mean put."""
from kit import Row

LEVELS = ("process", "power")


def ask(bench):
    n = bench.size(2000)
    with bench.one_cpu():
        servers = [bench.our_server()] + [bench.our_server(durability=level) for level in LEVELS]
        c = [bench.c_client(server) for server in servers]
        stock = [bench.stock_client(server) for server in servers]
    for client in c:
        client.ask("cycle 100")
    memory, *durable = bench.in_turns(*[lambda p=p: p.ask("cycle %d" % n)["put_p50"] for p in c])
    for level, figures in zip(LEVELS, durable):
        yield Row("put, C client, durability %s: memory, 1 CPU" % level, "us", figures, memory)
    memory, *durable = bench.in_turns(*[lambda p=p: p.ask("put_many %d 100" % n)["per_s"] for p in stock])
    for level, figures in zip(LEVELS, durable):
        yield Row("put_many of 100, durability %s: memory, 1 CPU" % level, "values/s", figures, memory,
                  more_is_better=True)
    with bench.one_cpu():
        kept, gone = (bench.stock_client(s) for s in (bench.our_server(durability="process"), bench.python_server()))
    for client in (kept, gone):
        client.ask("put 200")
    ours, theirs = bench.in_turns(*[lambda p=p: 1e6 / p.ask("put %d" % n)["per_s"] for p in (kept, gone)])
    yield Row("put, stock client, durability process: Python's server in memory, 1 CPU", "us", ours, theirs)

# SPDX-License-Identifier: Apache-2.0
"""What a small call waits while a large value passes.

A C client puts and gets the tutorial's task once a millisecond; meanwhile a stock client puts a
value of 64 MB on another queue and gets it back: one bytes value, or a list of 7 million floats (7
million opcodes to scan). The figures are the p99 and the worst of the small put+get from the first
byte of the large put to the last of its get, beside the same on Python's server and beside the same
with nothing large. A cycle is timed from when it was due, so that those which a stall held up
count, each with its wait (client.c says why). On all CPUs: the large client computes too, so on a
busy machine much of any pause is the scheduler's; the row without the large value shows how much."""
import time

from kit import Row

ALONE_S = 1.0


def pause_while(small, what):
    small.send("until")
    what()
    times = small.ask("now")
    return times["p99"] / 1e3, times["max"] / 1e3


def ask(bench):
    ours, theirs = bench.our_server(), bench.python_server()
    small = [bench.c_client(server) for server in (ours, theirs)]
    for kind, label in (("bytes", "64 MB of bytes"), ("floats", "7 million floats")):
        big = [bench.stock_client(server) for server in (ours, theirs)]
        for client in big:
            client.ask("big " + kind)
            client.ask("pass")
        passing, at_python, alone = bench.in_turns(
            lambda: pause_while(small[0], lambda: big[0].ask("pass")),
            lambda: pause_while(small[1], lambda: big[1].ask("pass")),
            lambda: pause_while(small[0], lambda: time.sleep(ALONE_S)))
        for client in big:
            bench.end(client)
        for i, figure in enumerate(("p99", "worst")):
            a, b, c = ([times[i] for times in rounds] for rounds in (passing, at_python, alone))
            yield Row("%s put+get while %s pass: Python's server" % (figure, label), "ms", a, b)
            yield Row("%s put+get while %s pass: ours without them" % (figure, label), "ms", a, c)

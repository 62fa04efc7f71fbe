# SPDX-License-Identifier: Apache-2.0
"""10,000 clients at once: how they get in, what they cost the server, what another client notices.

They connect and log in all at the same moment, from one process (stock/crowd.py), then each waits
in get on a queue that stays empty. Meanwhile, and then among them, a C client puts and gets the
tutorial's task on another queue. On all CPUs, in one round: the crowd comes once. Each figure stands
beside the same with nobody there, or for the first tenth of them.

PLATOON_BENCH_CROWD says how many; this shell's hard limit of open files must be above that
(ulimit -Hn)."""
import os
import resource

from kit import Row, Trouble

CROWD = int(os.environ.get("PLATOON_BENCH_CROWD") or 10000)
CYCLES = 5000


def ask(bench):
    few, n = bench.size(CROWD // 10), bench.size(CROWD)
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < n + 100:
        raise Trouble("%d connections need a higher limit of open files: ulimit -Hn" % n)
    server = bench.our_server()
    other = bench.c_client(server, "big")
    other.ask("cycle %d" % CYCLES)
    alone = other.ask("cycle %d" % CYCLES)

    def arrive(count):
        crowd = bench.stock("crowd.py", server.port, bench.keyfile)
        crowd.ask("arrive 1")
        server.wait_until_idle()
        before = server.memory_kib()
        other.send("until")
        took = crowd.ask("arrive %d" % count)["ms"]
        meanwhile = other.ask("now")
        crowd.ask("block")
        server.wait_until_idle()
        return crowd, took, (server.memory_kib() - before) / count, meanwhile

    crowd, few_took, few_memory, _ = arrive(few)
    bench.end(crowd)
    bench.end(other)
    bench.end(server)
    server = bench.our_server()
    other = bench.c_client(server, "big")
    _, took, memory, meanwhile = arrive(n)
    among = other.ask("cycle %d" % CYCLES)
    yield Row("%d log in at once, each: %d at once" % (n, few), "ms", [took / n], [few_took / few])
    yield Row("memory of a blocked client, of %d: of %d" % (n, few), "KiB", [memory], [few_memory])
    yield Row("put+get, C client, p50 among %d: alone" % n, "us", [among["p50"]], [alone["p50"]])
    yield Row("put+get, C client, p99 while %d log in: alone" % n, "us", [meanwhile["p99"]], [alone["p99"]])

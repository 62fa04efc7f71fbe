# SPDX-License-Identifier: Apache-2.0
"""What a task costs besides its program: `platoon work --runner command --slots 2 -- /bin/true`, a few
hundred tasks from the first put to the last result, against a posix_spawn loop in C that keeps two
children running. On all CPUs."""
from kit import BUILD, Row, Tool


def ask(bench):
    n = bench.size(400)
    server = bench.our_server()
    Tool(bench, BUILD / "bin" / "platoon", "work", "127.0.0.1:%d" % server.port, "--authkey-file",
         bench.keyfile, "--slots", 2, "--quiet", "--runner", "command", "--", "/bin/true")
    master = bench.stock_client(server)
    floor = Tool(bench, BUILD / "bench" / "spawn", 2, "/bin/true")
    master.ask("jobs 50")
    floor.ask("run 50")
    yield Row("a task of /bin/true, 2 slots: posix_spawn loop", "ms",
              *bench.in_turns(lambda: master.ask("jobs %d" % n)["ms"], lambda: floor.ask("run %d" % n)["ms"]))

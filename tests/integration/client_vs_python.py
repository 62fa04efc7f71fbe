# SPDX-License-Identifier: Apache-2.0
"""The C client library against Python's own manager server, of every stock interpreter.

Each test starts scripts/stock_server.py and runs one chapter of tests/tools/clienttool.c against it.
"""
import re
import shutil
from pathlib import Path

import support
from support import check, check_equal, for_each_python, skip, test

SCRIPT = Path(__file__).parent / "scripts" / "stock_server.py"
KEY = "a key for stock servers"
OLDEST = (2, 7)
TIME_LIMIT_S = 900


class StockServer(support.Process):
    """Python's server; listening when the constructor returns."""

    def __init__(self, t, python, port=0):
        super().__init__(t, [python.path, SCRIPT, KEY, str(port)])
        self.port = int(self.wait_line(r"^listening on (\d+)$", stream="stdout").group(1))


def tool(t, port, *args, start=False, **options):
    argv = [support.program("clienttool"), str(port), KEY, *args]
    if start:
        return t.start(argv, **options)
    p = t.run(argv, exit_code=None, **options)
    check(p.returncode == 0, p.stdout.strip()[-600:] or "clienttool exited with %s" % p.returncode)
    return p


def chapter(name, argument=None, oldest=OLDEST, timeout=60):
    def run(t, python):
        server = StockServer(t, python)
        tool(t, server.port, name, *([argument(python)] if argument else []), timeout=timeout)
        check(server.returncode is None, "the server ended")
    run.__name__ = name
    for_each_python(run, oldest=oldest, timeout=timeout)


def major(python):
    return str(python.version[0])


chapter("values", major)
chapter("queue_calls")
chapter("failures", major)
chapter("wrong_key")
chapter("lifecycle")
chapter("threads")
chapter("work")
chapter("opaque_values")
chapter("sha256_only", lambda python: "old" if python.version < (3, 12) else "new")
chapter("big_values", lambda python: str(support.BIG_MB), timeout=120)


@for_each_python(oldest=OLDEST)
def server_killed_in_a_call_leaves_the_outcome_unknown(t, python):
    server = StockServer(t, python)
    tool(t, server.port, "killed_in_call")
    check_equal(server.wait(), 3, "exit code of the server")


@for_each_python(oldest=OLDEST)
def server_killed_between_calls_means_not_sent(t, python):
    server = StockServer(t, python)
    client = tool(t, server.port, "closed_between_calls", start=True, stdin="pipe")
    client.wait_line("^ready$")
    server.kill()
    client.stdin.write(b"go\n")
    client.stdin.flush()
    check_equal(client.wait(), 0, "exit code of clienttool: %s" % client.stdout)


@for_each_python(oldest=OLDEST)
def client_that_may_reconnect_finds_the_next_server(t, python):
    server = StockServer(t, python)
    port = server.port
    client = tool(t, port, "reconnect", start=True, stdin="pipe")
    for _ in range(2):
        at = len(client.stdout)
        client.wait_line("^ready$")
        server.kill()
        server = StockServer(t, python, port)
        client.text["stdout"] = client.text["stdout"].replace("ready\n", "", 1)
        client.stdin.write(b"go\n")
        client.stdin.flush()
    check_equal(client.wait(), 0, "exit code of clienttool: %s" % client.stdout)


@for_each_python(oldest=OLDEST)
def shutdown_ends_the_server(t, python):
    server = StockServer(t, python)
    tool(t, server.port, "stop_server")
    server.wait()


@test
def nobody_there_is_a_clear_error(t):
    tool(t, support.free_port(), "nobody_there")


@test
def a_call_is_two_system_calls(t):
    if not shutil.which("strace"):
        skip("no strace")
    if b"__sanitizer" in Path(support.program("clienttool")).read_bytes():
        skip("a sanitizer makes calls of its own")
    server = StockServer(t, support.pythons()[-1])
    counts = []
    for n in (10, 1010):
        p = t.run(["strace", "-c", "-f", "-o", t.tmp / "counts", support.program("clienttool"), str(server.port), KEY,
                   "cycle", str(n)], exit_code=None)
        if p.returncode and "ptrace" in p.stderr:
            skip("strace may not trace here")
        check_equal(p.returncode, 0, "exit code; %s" % p.stderr[-300:])
        total = re.search(r"^100\.00\s+\S+\s+\S*\s+(\d+)\s.*total$", (t.tmp / "counts").read_text(), re.M)
        counts.append(int(total.group(1)))
    # 1000 cycles of put and get: a send and a receive each; memory is asked for now and then.
    check(4000 <= counts[1] - counts[0] <= 4020, "1000 cycles took %d system calls" % (counts[1] - counts[0]))


if __name__ == "__main__":
    support.main()

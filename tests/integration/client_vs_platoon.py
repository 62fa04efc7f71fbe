# SPDX-License-Identifier: Apache-2.0
"""The C client library against `platoon serve`, where the stock servers of client_vs_python.py have no say: chapters of
tests/tools/clienttool.c that need nothing but queues."""
import re
import shutil

import support
from support import Server, check, check_equal, skip, test


def tool(t, server, *args, start=False, **options):
    argv = [support.program("clienttool"), str(server.port), support.AUTHKEY.decode(), *args]
    if start:
        return t.start(argv, **options)
    p = t.run(argv, exit_code=None, **options)
    check(p.returncode == 0, p.stdout.strip()[-600:] or "clienttool exited with %s" % p.returncode)
    return p


def chapter(name, *arguments, timeout=60):
    def run(t):
        server = Server(t, "--queue", "get_small_queue:1")
        tool(t, server, name, *arguments, timeout=timeout)
        check_equal(server.stop(), 0, "exit code of the server")
    test(name=name, timeout=timeout)(run)


chapter("values", "platoon")
chapter("queue_calls")
chapter("wrong_key")
chapter("sha256_only", "new")
chapter("work")
chapter("big_values", str(support.BIG_MB), timeout=120)


@test
def server_killed_between_calls_means_not_sent_and_reconnect_finds_the_next(t):
    server = Server(t)
    client = tool(t, server, "between_servers", start=True, stdin="pipe")
    client.wait_line("^ready$")
    server.kill()
    Server(t, listen=server.address)
    client.stdin.write(b"go\n")
    client.stdin.flush()
    check_equal(client.wait(), 0, "exit code of clienttool: %s" % client.stdout)


@test
def shutdown_ends_the_server(t):
    server = Server(t)
    tool(t, server, "stop_server")
    check_equal(server.wait(), 0, "exit code of the server")


@test
def a_call_is_two_system_calls(t):
    if not shutil.which("strace"):
        skip("no strace")
    server = Server(t)
    counts = []
    for n in (10, 1010):
        p = t.run(["strace", "-c", "-f", "-o", t.tmp / "counts", support.program("clienttool"), str(server.port),
                   support.AUTHKEY.decode(), "cycle", str(n)], exit_code=None)
        if p.returncode and "ptrace" in p.stderr:
            skip("strace may not trace here")
        check_equal(p.returncode, 0, "exit code; %s" % p.stderr[-300:])
        total = re.search(r"^100\.00\s+\S+\s+\S*\s+(\d+)\s.*total$", (t.tmp / "counts").read_text(), re.M)
        counts.append(int(total.group(1)))
    check(4000 <= counts[1] - counts[0] <= 4020, "1000 cycles took %d system calls" % (counts[1] - counts[0]))


if __name__ == "__main__":
    support.main()

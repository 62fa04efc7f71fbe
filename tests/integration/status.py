# SPDX-License-Identifier: Apache-2.0
"""`platoon status` and `platoon stop`: what a server holds, and its end; also against Python's own server."""
import json
import os
import pty
import re
import subprocess
import sys

import support
from support import Server, check, check_equal, check_in, for_each_python, free_port, program, test

PUT = """
import sys
from multiprocessing.managers import BaseManager
class M(BaseManager): pass
M.register('get_task_queue'); M.register('get_result_queue')
m = M(('127.0.0.1', int(sys.argv[1])), open(sys.argv[2], 'rb').read())
m.connect()
for i in range(3): m.get_task_queue().put({'seed': i})
m.get_result_queue().put('a result')
"""


def status(t, server, *options, exit_code=0):
    return t.platoon("status", "--server", server.address, "--authkey-file", server.keyfile, *options,
                     exit_code=exit_code)


@test
def status_counts_tasks_and_waiting_results(t):
    server = Server(t)
    t.run([sys.executable, "-c", PUT, server.port, server.keyfile])
    p = status(t, server)
    check(re.search(r"^get_task_queue +3 +0 +0 +0 +1 on get_result_queue *$", p.stdout, re.M), p.stdout)
    check_in(server.address, p.stdout)
    check_equal(p.stderr, "", "stderr")


@test
def json_is_one_line_with_the_same_numbers(t):
    server = Server(t)
    t.run([sys.executable, "-c", PUT, server.port, server.keyfile])
    p = status(t, server, "--json")
    check_equal(p.stdout.count("\n"), 1, "lines")
    stats = json.loads(p.stdout)
    queues = {q["name"]: q for q in stats["queues"]}
    check_equal(queues["get_task_queue"]["queued"], 3, "queued")
    check_equal(queues["get_task_queue"]["results"], "get_result_queue", "linked queue")
    check_equal(queues["get_task_queue"]["results_waiting"], 1, "results waiting")
    check(stats["uptime_s"] >= 0, "uptime is %r" % stats["uptime_s"])


@test
def server_on_this_machine_needs_neither_address_nor_key(t):
    port = free_port()
    for options in ([], ["--data", "farm"]):
        server = t.start([program("platoon"), "serve", "--listen", "127.0.0.1:%d" % port, *options])
        server.wait_line("^platoon: listening", stream="stdout")
        p = t.platoon("status", env=support.clean_env(XDG_STATE_HOME=t.tmp / "state",
                                                      PLATOON_SERVER="127.0.0.1:%d" % port))
        check_in("get_task_queue", p.stdout)
        check_equal(server.stop(), 0, "exit code")


@test
def no_server_is_exit_code_3_with_a_hint(t):
    key = t.file("key", support.AUTHKEY, 0o600)
    for command in ("status", "stop"):
        p = t.platoon(command, "--server", "127.0.0.1:%d" % free_port(), "--authkey-file", key, exit_code=3)
        check_in("platoon serve", p.stderr, "stderr")
    p = t.platoon("status", "--server", "127.0.0.1:%d" % free_port(), exit_code=1)
    check_in("platoon serve", p.stderr, "stderr")
    check_equal(t.platoon("status", "--server", "h:0", exit_code=2).stdout, "", "stdout")


@test
def wrong_key_is_exit_code_3_and_the_server_goes_on(t):
    server = Server(t)
    wrong = t.file("wrong", "another-key-altogether-0123456789", 0o600)
    p = t.platoon("stop", "--server", server.address, "--authkey-file", wrong, exit_code=3)
    check_in("authkey", p.stderr, "stderr")
    check_in(wrong, p.stderr, "stderr")
    status(t, server)


@test
def stop_ends_the_server_and_returns_when_it_is_gone(t):
    server = Server(t)
    p = t.platoon("stop", "--server", server.address, "--authkey-file", server.keyfile)
    check_in(server.address, p.stderr, "stderr")
    check_equal(p.stdout, "", "stdout")
    check_equal(server.wait(5), 0, "exit code of the server")


@test
def key_is_asked_for_on_a_terminal_and_not_shown(t):
    server = Server(t)
    terminal, other_end = pty.openpty()
    p = subprocess.Popen([program("platoon"), "status", "--server", server.address], stdin=other_end,
                         stdout=subprocess.PIPE, stderr=other_end, cwd=str(t.tmp),
                         env=support.clean_env(XDG_STATE_HOME=t.tmp / "of-another-user"))
    os.close(other_end)
    shown = b""
    while b"authkey: " not in shown:
        shown += os.read(terminal, 100)
    os.write(terminal, server.authkey + b"\n")
    stdout, _ = p.communicate(timeout=20 * support.SLOWDOWN)
    while True:
        try:
            part = os.read(terminal, 100)
        except OSError:  # how a terminal says that nobody is at its other end
            break
        shown += part
    os.close(terminal)
    check_equal(p.returncode, 0, "exit code; the terminal shows %r" % shown)
    check_in(b"get_task_queue", stdout, "stdout")
    check(server.authkey not in shown, "the key was shown")


@for_each_python
def pythons_own_server_has_no_status_but_can_be_stopped(t, python):
    key = t.file("key", support.AUTHKEY, 0o600)
    own = t.start([python.path, t.file("own.py", """
import queue
from multiprocessing.managers import BaseManager
q = queue.Queue()
class M(BaseManager): pass
M.register('get_task_queue', callable=lambda: q)
server = M(('127.0.0.1', 0), open('key', 'rb').read()).get_server()
print('%s:%d' % server.address, flush=True)
server.serve_forever()
""")])
    address = own.wait_line(r"^127.0.0.1:\d+$").group(0)
    p = t.platoon("status", "--server", address, "--authkey-file", key, exit_code=1)
    check_in("not Platoon's", p.stderr, "stderr")
    t.platoon("stop", "--server", address, "--authkey-file", key)
    check_equal(own.wait(), 0, "exit code of Python's server")


if __name__ == "__main__":
    support.main()

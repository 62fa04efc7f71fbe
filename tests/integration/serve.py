# SPDX-License-Identifier: Apache-2.0
"""`platoon serve` as a program: its one line, its key, what it refuses, how it ends."""
import json
import os
import re
import signal
import socket
import stat
import sys

import support
from support import AUTHKEY, Server, check, check_equal, check_in, free_port, program, test

# A stock client in one go: argv PORT KEYFILE, then what to do.
CLIENT = """
import sys
from multiprocessing.managers import BaseManager
class M(BaseManager): pass
M.register('get_task_queue'); M.register('get_result_queue')
m = M(address=('127.0.0.1', int(sys.argv[1])), authkey=open(sys.argv[2], 'rb').read())
m.connect()
"""


def serve(t, *options, env=None, **more):
    return t.start([program("platoon"), "serve", *options],
                   env=env or support.clean_env(XDG_STATE_HOME=t.tmp / "state"), **more)


def ready(server):
    return int(server.wait_line(r"^platoon: listening on \S+:(\d+)$", stream="stdout").group(1))


@test
def stdout_gets_exactly_the_ready_line_and_sigterm_ends_in_good_order(t):
    server = serve(t, "--listen", "127.0.0.1:0")
    port = ready(server)
    check_equal(server.stop(signal.SIGTERM), 0, "exit code")
    check_equal(server.stdout, "platoon: listening on 127.0.0.1:%d\n" % port, "stdout")
    check_in("memory", server.stderr, "stderr")


@test
def ctrl_c_and_a_clients_shutdown_end_in_good_order(t):
    server = Server(t)
    check_equal(server.stop(signal.SIGINT), 0, "exit code")
    server = Server(t)
    t.run([sys.executable, "-c", CLIENT + "m.get_task_queue().put(1)\n"
           "from multiprocessing.connection import Client\n"
           "from multiprocessing.managers import dispatch\n"
           "dispatch(Client(m.address, authkey=m._authkey), None, 'shutdown')",
           server.port, server.keyfile])
    check_equal(server.wait(), 0, "exit code after shutdown")


@test
def made_key_is_private_used_printed_and_kept(t):
    port = free_port()
    path = t.tmp / "state" / "platoon" / str(port) / "authkey"
    keys = []
    for _ in range(2):
        server = serve(t, "--listen", "127.0.0.1:%d" % port)
        check_equal(ready(server), port, "port")
        server.wait_line(re.escape("authkey: %s" % path), stream="stderr")
        keys.append(path.read_bytes())
        t.run([sys.executable, "-c", CLIENT, port, path])
        check_equal(server.stop(), 0, "exit code")
    check(re.fullmatch(rb"[A-Za-z0-9_-]{43}", keys[0]), "key is %r" % keys[0])
    check_equal(keys[1], keys[0], "key of the second start")
    check_equal(stat.S_IMODE(path.stat().st_mode), 0o600, "mode of the key file")
    check_equal(stat.S_IMODE(path.parent.stat().st_mode), 0o700, "mode of its folder")


@test
def made_key_for_port_0_and_for_a_data_folder(t):
    server = serve(t, "--listen", "127.0.0.1:0")
    port = ready(server)
    t.run([sys.executable, "-c", CLIENT, port, t.tmp / "state" / "platoon" / str(port) / "authkey"])
    server.stop()
    server = serve(t, "--listen", "127.0.0.1:0", "--data", "farm")
    port = ready(server)
    t.run([sys.executable, "-c", CLIENT, port, t.tmp / "farm" / "authkey"])
    server.wait_line(re.escape(str(t.tmp / "farm" / "authkey")), stream="stderr")
    server.stop()


@test
def key_is_in_no_command_line_and_no_environment(t):
    secret = "s3cret-in-the-environment-0123456789"
    server = serve(t, "--listen", "127.0.0.1:0",
                   env=support.clean_env(XDG_STATE_HOME=t.tmp / "state", PLATOON_AUTHKEY=secret))
    port = ready(server)
    for name in ("cmdline", "environ"):
        with open("/proc/%d/%s" % (server.pid, name), "rb") as f:
            check(secret.encode() not in f.read(), "the key is in /proc/PID/%s" % name)
    check(secret not in server.stderr + server.stdout, "the key was printed")
    t.run([sys.executable, "-c", CLIENT, port, t.file("key", secret)])


@test
def key_file_loses_one_trailing_newline(t):
    server = Server(t, authkey=AUTHKEY + b"\n")
    t.run([sys.executable, "-c", CLIENT, server.port, t.file("key", AUTHKEY)])


@test
def weak_key_is_refused_where_others_can_reach(t):
    weak = t.file("weak", "abc", 0o600)
    p = serve(t, "--listen", "0.0.0.0:0", "--authkey-file", weak)
    check_equal(p.wait(), 1, "exit code")
    check_in("--insecure-authkey", p.stderr, "stderr")
    check_equal(p.stdout, "", "stdout")
    for listen in (["--listen", "0.0.0.0:0", "--insecure-authkey"], ["--listen", "127.0.0.1:0"]):
        server = serve(t, *listen, "--authkey-file", weak)
        t.run([sys.executable, "-c", CLIENT, ready(server), weak])
        server.stop()
        check_equal(len(re.findall("^warning: the authkey is short", server.stderr, re.M)), 1, "warnings")


@test
def open_server_says_the_workers_whole_command(t):
    server = serve(t, "--listen", "0.0.0.0:0")
    port = ready(server)
    command = server.wait_line(r"^    platoon work (\S+):%d --authkey-file platoon.authkey$" % port)
    check(command.group(1) not in ("0.0.0.0", "127.0.0.1"), "others cannot reach %s" % command.group(1))
    server.wait_line("platoon/%d/authkey" % port, stream="stderr")


@test
def loopback_server_says_how_to_open_it(t):
    server = serve(t, "--listen", "127.0.0.1:0")
    port = ready(server)
    server.wait_line("platoon serve --listen 0.0.0.0:%d$" % port, stream="stderr")
    server.wait_line("^    platoon work 127.0.0.1:%d$" % port, stream="stderr")


@test
def address_of_another_machine_is_refused_with_those_of_this_one(t):
    p = serve(t, "--listen", "192.0.2.77:0")
    check_equal(p.wait(), 1, "exit code")
    check_in("192.0.2.77", p.stderr, "stderr")
    check_in("127.0.0.1", p.stderr, "stderr")


@test
def port_in_use_is_told(t):
    first = Server(t)
    p = serve(t, "--listen", first.address)
    check_equal(p.wait(), 1, "exit code")
    check_in(str(first.port), p.stderr, "stderr")
    check_in("hint: ", p.stderr, "stderr")
    check_equal(first.stop(), 0, "exit code of the first")


@test
def wrong_command_lines_exit_with_2(t):
    for options, wanted in (
            (["--listn", "1"], "--listen"), (["--listen", "h:99999"], "h:99999"), (["5000"], "--listen 5000"),
            (["--globals", "some"], "any|list|none"), (["--auth-min", "sha1"], "md5|sha256"),
            (["--worker-lease", "0"], "1 second"), (["--max-frame", "1T"], "--max-frame"),
            (["--log-level", "loud"], "error|warning|info|debug"), (["--queue"], "--queue"),
            (["--queue", "a:x"], "a:x"), (["--no-default-queues"], "--queue")):
        p = t.run([program("platoon"), "serve", "--listen", "127.0.0.1:0", *options], exit_code=2)
        check_in(wanted, p.stderr, "stderr of %s" % options)


@test
def stop_on_eof_ends_with_the_starter(t):
    server = serve(t, "--listen", "127.0.0.1:0", "--stop-on-eof", stdin="pipe")
    ready(server)
    server.stdin.close()
    check_equal(server.wait(), 0, "exit code")


@test
def report_fd_tells_the_starter_where_or_why_not(t):
    reader, writer = os.pipe()
    server = serve(t, "--listen", "127.0.0.1:0", "--report-fd", str(writer), pass_fds=(writer,))
    os.close(writer)
    with os.fdopen(reader) as report:
        line = report.read()
    check_equal(line, "listening 127.0.0.1:%d\n" % ready(server), "report")
    reader, writer = os.pipe()
    p = serve(t, "--listen", "127.0.0.1:%s" % line.strip().rsplit(":", 1)[1], "--report-fd", str(writer),
              pass_fds=(writer,))
    os.close(writer)
    with os.fdopen(reader) as report:
        line = report.read()
    check(line.startswith("error in-use "), line)
    check_equal(p.wait(), 1, "exit code")


@test
def service_manager_hears_ready_and_stopping(t):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(t.tmp / "notify"))
        manager.settimeout(20 * support.SLOWDOWN)
        server = serve(t, "--listen", "127.0.0.1:0",
                       env=support.clean_env(XDG_STATE_HOME=t.tmp / "state", NOTIFY_SOCKET=t.tmp / "notify"))
        check_equal(manager.recv(100), b"READY=1", "first message")
        server.stop()
        check_equal(manager.recv(100), b"STOPPING=1", "second message")


@test
def json_log_is_json_on_every_line(t):
    server = Server(t, "--log-format", "json", "--log-level", "debug")
    t.run([sys.executable, "-c", CLIENT + "m.get_task_queue().put(1)", server.port, server.keyfile])
    server.stop()
    lines = [json.loads(line) for line in server.stderr.splitlines()]
    check(len(lines) > 3, "only %d lines" % len(lines))
    for line in lines:
        check({"time", "level", "event"} <= set(line), "a member is missing: %r" % line)


@test
def quiet_level_says_nothing(t):
    server = Server(t, "--log-level", "warning")
    server.stop()
    check_equal(server.stderr, "", "stderr")


if __name__ == "__main__":
    support.main()

# SPDX-License-Identifier: Apache-2.0
"""SUMO's TraCI port, which has no password: nobody but its client can reach it, where the system allows a network
namespace, as root and as somebody else; where it does not, and for sumo-gui, runs are the same."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import support
from support import check, check_equal, skip, test
from support_sumo import scenario, sumo_env, sumo_program

TIME_LIMIT_S = 120
NOBODY = 65534


def may_unshare(*options):
    return shutil.which("unshare") and subprocess.run(["unshare", *options, "true"], stderr=subprocess.DEVNULL,
                                                      check=False).returncode == 0


def command(root, *more):
    return [support.program("platoon"), "sumo", root / "data" / "ramp_metering2.sumocfg", "--control", "alinea",
            "--sumo-backend", "traci", *more]


def sumo_of(process):
    """The SUMO that a platoon has started: its pid and its --remote-port; None before it is there."""
    for path in Path("/proc/%d/task" % process.pid).glob("*/children"):
        for pid in path.read_text().split():
            try:
                words = Path("/proc/%s/cmdline" % pid).read_bytes().split(b"\0")
            except OSError:
                continue
            if b"--remote-port" in words and words[0].endswith(b"sumo"):
                return int(pid), int(words[words.index(b"--remote-port") + 1])
    return None


def network_of(pid):
    return os.readlink("/proc/%s/ns/net" % pid)


def established(pid):
    """Ports of the connections in a process's network."""
    rows = [line.split() for line in Path("/proc/%d/net/tcp" % pid).read_text().splitlines()[1:]]
    return sorted(int(row[1].partition(":")[2], 16) for row in rows if row[3] == "01")


def is_gone(pid):
    try:
        return Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def check_is_alone(t, p):
    """A long run, seen in the middle, that ends with its starter."""
    pid, port = t.eventually(lambda: sumo_of(p), "SUMO runs")
    t.eventually(lambda: established(pid), "SUMO has its client")
    check(network_of(pid) != network_of("self"), "SUMO is in our network")
    check_equal(established(pid), sorted([port, 20000]), "ports that are in use there")
    with socket.socket() as other:
        check(other.connect_ex(("127.0.0.1", port)) != 0, "a stranger is connected to port %d" % port)
    p.send_signal(signal.SIGKILL)
    t.eventually(lambda: is_gone(pid), "SUMO is gone with its starter")


@test
def a_sumo_with_a_port_has_a_network_of_its_own(t):
    if not may_unshare("-n" if os.geteuid() == 0 else "-Un"):
        skip("network namespaces are not allowed here")
    p = t.start(command(scenario(t), "--set", "end=14000", "--set", "scale=3"), env=sumo_env(TMPDIR=t.tmp))
    check_is_alone(t, p)


@test
def so_it_has_for_one_who_is_not_root(t):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        skip("not root, which the other test is about then, or no setpriv")
    if b"__tsan_init" in Path(support.program("platoon")).read_bytes():
        skip("TSan adds a thread, and a process of several may make no user namespace (unshare: EINVAL)")
    become = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups"]
    root, own = scenario(t), t.tmp / "own"
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    os.chmod(t.tmp, 0o755)
    can_run, can_unshare = (not subprocess.run([*become, *argv], stdout=subprocess.DEVNULL, check=False).returncode
                            for argv in ([support.program("platoon"), "--version"], ["unshare", "-Un", "true"]))
    if not can_run or not can_unshare:
        skip("nobody may not run what was built here, or has no user namespaces")
    env = sumo_env(TMPDIR=own)
    p = t.run([*become, *command(root, "--set", "end=300", "--json", "--output-dir", own / "out")], env=env, timeout=60)
    check_equal(json.loads(p.stdout)["outcome"], "ok", "outcome")
    check_equal({(own / "out" / name).stat().st_uid for name in os.listdir(own / "out")}, {NOBODY}, "whose outputs")
    p = t.start([*become, *command(root, "--set", "end=14000", "--set", "scale=3")], env=env)
    check_is_alone(t, p)


def trips(folder):
    return re.sub(rb"<!--.*?-->", b"", (folder / "trips.xml").read_bytes(), count=1, flags=re.S)


@test
def where_there_can_be_none_runs_are_the_same(t):
    root = scenario(t)
    options = ("--set", "end=600", "--seed", "3", "--set", "tripinfo-output=trips.xml", "--json", "--output-dir")
    t.run(command(root, *options, t.tmp / "own"), env=sumo_env(), timeout=60)
    gui = t.file("sumo-gui", '#!/bin/sh\nreadlink /proc/self/ns/net >%s/gui-net\nexec %s "$@"\n'
                 % (t.tmp, sumo_program()), mode=0o755)
    t.run(command(root, "--sumo", gui, *options, t.tmp / "gui"), env=sumo_env(), timeout=60)
    check_equal((t.tmp / "gui-net").read_text().strip(), network_of("self"), "network of sumo-gui")
    check_equal(trips(t.tmp / "gui"), trips(t.tmp / "own"), "trips")
    if not may_unshare("-Ur"):
        skip("user namespaces are not allowed here, so neither can they be forbidden")
    line = " ".join("'%s'" % word for word in command(root, *options, t.tmp / "forbidden"))
    t.run(["unshare", "-Ur", "sh", "-c", "echo 0 >/proc/sys/user/max_net_namespaces && exec " + line], env=sumo_env(),
          timeout=60)
    check_equal(trips(t.tmp / "forbidden"), trips(t.tmp / "own"), "trips")


if __name__ == "__main__":
    support.main()

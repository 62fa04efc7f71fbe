# SPDX-License-Identifier: Apache-2.0
"""The scenario, for suites that run a real SUMO."""
import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import support
from support import ROOT, skip

# what a result has besides the task's own keys
METRICS = ["seed", "total_time_spent_h", "total_travel_time_h", "mean_delay_s", "mean_speed_kmh", "vehicles_inserted",
           "vehicles_arrived", "vehicles_running", "vehicles_waiting", "teleports", "collisions", "end_time_s", "wall_s",
           "sumo_version", "inputs_sha256", "outcome"]


def sumo_program():
    """The installed sumo; skips the test if there is none."""
    home = os.environ.get("SUMO_HOME")
    for candidate in ([os.path.join(home, "bin", "sumo")] if home else []) + [shutil.which("sumo")]:
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    skip("SUMO is not on this machine: tools/install-deps demo")


def has_libsumo():
    """Whether the module was built; where it was not, SUMO's headers are not on this machine."""
    return (support.BUILD / "bin" / "platoon-libsumo.so").exists()


@functools.lru_cache(maxsize=None)
def _built_scenario():
    folder = tempfile.mkdtemp(prefix="platoon-scenario-")
    atexit.register(shutil.rmtree, folder, True)
    root = Path(folder) / "ramp_metering"
    shutil.copytree(ROOT / "scenarios" / "ramp_metering", root, ignore=shutil.ignore_patterns("*.net.xml"))
    subprocess.run([str(root / "build.sh")], check=True, stdout=subprocess.DEVNULL, env=support.clean_env())
    return root


def scenario(t=None):
    """The built scenario's folder; with `t` a copy of the test's own, to change."""
    sumo_program()
    if t is None:
        return _built_scenario()
    root = t.tmp / "ramp_metering"
    shutil.copytree(_built_scenario(), root)
    return root


def sumo_env(**more):
    return support.clean_env(SUMO_HOME=os.environ.get("SUMO_HOME") or "/usr/share/sumo", **more)


# A program that stands between the runner and SUMO, and changes what SUMO answers over TraCI.
RELAY = r'''#!%(python)s
import os, socket, struct, subprocess, sys, threading
argv, how = sys.argv[1:], %(how)r
if "--remote-port" not in argv:
    os.execv(%(sumo)r, [%(sumo)r] + argv)
at = argv.index("--remote-port") + 1
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(argv[at])))
listener.listen(1)
client, _ = listener.accept()
def read(s, n):
    data = b""
    while len(data) < n:
        chunk = s.recv(n - len(data))
        if not chunk:
            os._exit(0)
        data += chunk
    return data
def message(s):
    head = read(s, 4)
    return head + read(s, struct.unpack(">I", head)[0] - 4)
if how == "silent":
    message(client)
    while True:
        read(client, 1)
if how == "http":
    message(client)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    os._exit(0)
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    argv[at] = str(free.getsockname()[1])
sumo = subprocess.Popen([%(sumo)r] + argv)
while True:
    try:
        server = socket.create_connection(("127.0.0.1", int(argv[at])))
        break
    except OSError:
        if sumo.poll() is not None:
            os._exit(sumo.returncode)
n = 0
while True:
    request = message(client)
    server.sendall(request)
    answer = message(server)
    n += 1
    if how == "version" and n == 1:
        answer = answer.replace(struct.pack(">I", 20) + struct.pack(">I", 11), struct.pack(">I", 99) + struct.pack(">I", 11))
    if how == "cut" and n == 40:
        answer = struct.pack(">I", len(answer) - 3) + answer[4:-3]
    if how == "long" and n == 40:
        answer = struct.pack(">I", 0x7fffffff) + answer[4:]
    if how == "refuse" and n == 40:
        text = b"I would rather not"
        answer = b"\x02\xff" + struct.pack(">I", len(text)) + text
        answer = struct.pack(">I", 5 + len(answer)) + bytes([1 + len(answer)]) + answer
    if how == "hangup" and n == 40:
        sumo.kill()
        sumo.wait()
        os._exit(0)
    client.sendall(answer)
    if request[4:6] == b"\x02\x7f":
        os._exit(sumo.wait())
'''


def relay(t, how):
    """That program, as a file; `how` it changes the answers."""
    return t.file("relay-%s" % how, RELAY % {"python": sys.executable, "sumo": sumo_program(), "how": how}, mode=0o755)
